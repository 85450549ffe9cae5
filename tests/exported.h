/* exported - networks of octet's own, exported in memory: random weights, ranges from noise. */
#ifndef OCTET_TESTS_EXPORTED_H
#define OCTET_TESTS_EXPORTED_H

#include "models/model.h"
#include "nn/base/file.h"

/* The int8 .tflite of network `name`; pictures and classes as in `c`.  nn_bytes_free releases it.
 * Fails the test that calls it if anything goes wrong. */
void test_exported(nn_bytes *file, const char *name, const model_config *c);

#endif
