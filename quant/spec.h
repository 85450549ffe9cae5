/* spec - how finely each tensor is quantized: bits, codes, scheme, rule, and where that is not what
 * was asked for, why.
 *
 * Everything is an int8 code.  A weight of b bits has the narrow grid [1 - 2^(b-1), 2^(b-1) - 1].
 * An activation of 8 bits has all of [-128, 127].  With fewer bits the device must hold the tensor
 * to the fewer codes, and the only bounds that a .tflite operator has are those of a fused
 * activation and of int8 itself: so what cannot be negative (relu, relu6, and what only moves or
 * averages it) sits at the top, [128 - 2^b, 127] with zero point 128 - 2^b, where relu bounds it
 * below and int8 above; whatever may be negative stays at 8 bits.  DoReFa's weights of b bits have
 * the odd codes of [1 - 2^b, 2^b - 1]. */
#ifndef OCTET_QUANT_SPEC_H
#define OCTET_QUANT_SPEC_H

#include "quant/quant.h"

typedef struct quant_spec {
    int bits;
    nn_grid grid;              /* its codes */
    bool symmetric;            /* zero point 0 */
    int axis;                  /* each element of this dimension has a scale; -1: one scale */
    const nn_range_rule *rule; /* how its range follows the data; NULL: it is fixed */
    int levels;                /* of a weight by op dorefa; 0: as it is */
    bool is_float;             /* a weight: it is not quantized, its layer computes in float */
    const char *why;           /* NULL: as was asked for */
} quant_spec;

/* The rule of weights' ranges: as set, or what goes with that of activations. */
const nn_range_rule *quant_weight_rule(const quant_config *c);

/* Of the weight that a layer (nn_node_has_weight) reads. */
quant_spec quant_weight_spec(const quant_config *c, const nn_node *layer);

/* Of the range that node `leader` leads (points[leader].leader == leader), for all that use it. */
quant_spec quant_range_spec(const quant_config *c, const nn_graph *g, const quant_point *points,
                            int leader);

/* NN_OK if the settings fit each other and every entry of c->layers names something in g.
 * Errors: NN_EINVAL naming the option. */
nn_status quant_config_check(const quant_config *c, const nn_graph *g);

#endif
