/* safetensors - named tensors and strings in one file (github.com/huggingface/safetensors).
 *
 *   8 bytes   length of the header, little-endian
 *   header    JSON: { "__metadata__": { key: string, ... },
 *                     name: { "dtype", "shape", "data_offsets" }, ... }
 *   data      the tensors one after another, without gaps, little-endian
 *
 * Reading trusts nothing: every number is checked against the file before it is used.  The same
 * list of tensors gives the same bytes. */
#ifndef OCTET_TRAIN_SAFETENSORS_H
#define OCTET_TRAIN_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/arena.h"
#include "nn/base/status.h"

typedef enum train_dtype { TRAIN_F32, TRAIN_F64, TRAIN_I64 } train_dtype;

enum { TRAIN_TENSOR_RANK = 8 };

typedef struct train_tensor {
    const char *name;
    train_dtype dtype;
    int rank; /* 0: a scalar */
    int64_t dim[TRAIN_TENSOR_RANK];
    size_t count; /* elements */
    size_t bytes;
    const void *data; /* in this machine's byte order, aligned to the element */
} train_tensor;

typedef struct train_tensors train_tensors;

/* An empty list; free with train_tensors_free.  Errors: NN_ENOMEM. */
nn_status train_tensors_new(train_tensors **out);
void train_tensors_free(train_tensors *t); /* NULL is allowed */

/* Appends a tensor whose data is borrowed until the list is written or freed (rank, dim and name
 * are copied), or a string under a key.  That names differ is the caller's business; a file that
 * has one twice is refused when it is read.  Errors: NN_ENOMEM. */
nn_status train_tensors_add(train_tensors *t, const char *name, train_dtype dtype, int rank,
                            const int64_t *dim, const void *data);
nn_status train_tensors_set(train_tensors *t, const char *key, const char *value);

int train_tensors_count(const train_tensors *t);
const train_tensor *train_tensors_at(const train_tensors *t, int i);
const train_tensor *train_tensors_find(const train_tensors *t, const char *name); /* NULL: none */
/* The string under a key, NULL if there is none; and the i-th pair. */
const char *train_tensors_get(const train_tensors *t, const char *key);
int train_tensors_n_strings(const train_tensors *t);
const char *train_tensors_key(const train_tensors *t, int i);

/* The list's arena, for data that is made to be added. */
nn_arena *train_tensors_arena(train_tensors *t);

/* Writes the file atomically, with a checksum of all of its content under the key "crc32".
 * Errors: NN_EIO, NN_ENOMEM. */
nn_status train_tensors_write(const train_tensors *t, const char *path);

/* Reads a file.  Tensors of other types than F32, F64 and I64 are an error; a file without "crc32"
 * (from elsewhere) is taken as it is.  Free with train_tensors_free. Errors: NN_EIO, NN_EFORMAT
 * (with what and where), NN_ENOTSUP (type), NN_ENOMEM. */
nn_status train_tensors_read(train_tensors **out, const char *path);

/* The same from bytes in memory, which are copied; for the fuzzer. */
nn_status train_tensors_parse(train_tensors **out, const uint8_t *bytes, size_t size);

#endif
