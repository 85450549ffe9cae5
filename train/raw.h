/* raw - runs a .tflite model over bytes, without conversion of any kind. */
#ifndef OCTET_TRAIN_RAW_H
#define OCTET_TRAIN_RAW_H

#include "nn/base/file.h"
#include "runtime/rt.h"

/* Runs every item of `in` (a whole number of them, at least one) and gives their outputs.  An item
 * is all inputs, or all outputs, one after another in the model's order; threads share the items.
 * Free with nn_bytes_free.
 * Errors: NN_EFORMAT (the size, with what one item has), NN_ENOMEM. */
nn_status train_raw_run(nn_bytes *out, const rt_model *m, const uint8_t *in, size_t size);

#endif
