/* plan - each tensor of a float network: how it is quantized, or why not, in words.
 *
 * What the passes decide silently (quant/points.h, quant/spec.h) is what people have to see before
 * they train for a day: tf.contrib.quantize left some tensors in float without a word. */
#ifndef OCTET_QUANT_PLAN_H
#define OCTET_QUANT_PLAN_H

#include "nn/base/arena.h"
#include "quant/quant.h"

typedef struct quant_plan_row {
    const nn_node *node; /* of the float graph */
    quant_how how;
    bool in_file;    /* the integer network holds it: it is neither fused nor folded away */
    const char *why; /* "8 bits, affine, range by ema: 0.0235 * (q + 128)" */
} quant_plan_row;

/* One row a node, in order; texts live in the arena.  Ranges that the parameters of g hold already
 * are shown with scale and zero point.  Errors: as quant_build. */
nn_status quant_plan_rows(quant_plan_row **rows, nn_arena *arena, const nn_graph *g,
                          const quant_config *config);

#endif
