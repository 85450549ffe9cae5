/* tflite - writes a tfl_model as the bytes of a .tflite file.
 *
 * The file is a FlatBuffer with one subgraph, one operator code for each operator and version that
 * occur, one buffer for each constant that differs from the others, the metadata given and
 * "min_runtime_version", and the signature "serving_default".  The same model gives the same
 * bytes. */
#ifndef OCTET_EXPORT_TFLITE_H
#define OCTET_EXPORT_TFLITE_H

#include "export/tfl_model.h"
#include "nn/base/file.h"

/* Metadata that octet writes and reads; docs/tflite-files.md has their form. */
#define EX_METADATA_PREPROCESSING "octet.preprocessing" /* JSON: mean, std, resize, channels */
#define EX_METADATA_LABELS        "octet.labels"        /* class names, one a line */

/* The whole file; free with nn_bytes_free, store with nn_file_write.
 * Errors: those of tfl_model_check; NN_ENOTSUP (2 GiB and more), NN_ENOMEM. */
nn_status ex_tflite_write(nn_bytes *out, const tfl_model *m);

#endif
