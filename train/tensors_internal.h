/* tensors_internal - what the list of tensors and its file share; nothing else includes it. */
#ifndef OCTET_TRAIN_TENSORS_INTERNAL_H
#define OCTET_TRAIN_TENSORS_INTERNAL_H

#include "nn/base/file.h"
#include "train/safetensors.h"

typedef struct train_string_pair {
    const char *key, *value;
} train_string_pair;

struct train_tensors {
    nn_arena *arena;
    nn_bytes file;               /* that the tensors point into, if they were read */
    train_tensor **tensor;       /* in the file's order */
    const train_tensor **sorted; /* by name; made when it is needed */
    train_string_pair *string;
    int n, n_strings;
    int room, room_strings;
};

/* The bytes of an element. */
size_t train_tensors__dtype_bytes(train_dtype dtype);

/* The tensor, in t's arena, becomes the last one.  Errors: NN_ENOMEM. */
nn_status train_tensors__append(train_tensors *t, train_tensor *tensor);

/* Fills t->sorted.  Errors: NN_EFORMAT if a name occurs twice; NN_ENOMEM. */
nn_status train_tensors__sort(train_tensors *t);

#endif
