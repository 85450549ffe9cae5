/* outline - what a .tflite file says it holds, whether or not the runtime runs it.
 *
 * The bytes are read through runtime/flat.h, which checks every offset; what a FlatBuffer or a list
 * of tensors and operators cannot be is refused, what only the runtime does not know is shown.
 * A hostile file can let many tensors refer to one long list, so the sum of all that is listed is
 * held to a multiple of the file's size. */
#ifndef OCTET_EXPORT_OUTLINE_H
#define OCTET_EXPORT_OUTLINE_H

#include "nn/base/arena.h"
#include "nn/base/status.h"
#include "runtime/rt.h"

typedef struct ex_outline_metadata {
    const char *name;
    const void *bytes; /* of the file */
    size_t size;
} ex_outline_metadata;

/* Names and bytes are the file's, lists the arena's. */
typedef struct ex_outline {
    const char *description; /* "" for none */
    int n_subgraphs;         /* what follows is of the first */
    rt_tensor *tensors;      /* bytes of constants only; offset is of no meaning */
    rt_operator *operators;  /* name: of the schema, or the custom code; macs is 0 */
    const char **refused;    /* of each operator: why the runtime does not run it; NULL: it may */
    int32_t *inputs, *outputs;
    ex_outline_metadata *metadata;
    int n_tensors, n_operators, n_inputs, n_outputs, n_metadata;
} ex_outline;

/* Errors: NN_EFORMAT (with the byte), NN_ENOTSUP (lists beyond all measure), NN_ENOMEM. */
nn_status ex_outline_read(ex_outline *out, nn_arena *arena, const void *bytes, size_t size);

/* Notes what the runtime had against the file, its message, with the operator that it names. */
void ex_outline_blame(ex_outline *o, const char *message);

#endif
