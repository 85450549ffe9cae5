/* compare_constants - the first question of export/compare.h: are the weights and biases in a
 * .tflite file, read back as scale * (code - zero point), exactly the values that the
 * fake-quantized graph computes with? */
#ifndef OCTET_EXPORT_COMPARE_CONSTANTS_H
#define OCTET_EXPORT_COMPARE_CONSTANTS_H

#include "export/compare.h"
#include "nn/exec.h"

typedef struct ex_constants {
    const nn_graph *g;   /* of QUANT_DEPLOY */
    const nn_exec *exec; /* after a forward pass: constants do not depend on the pictures */
    const rt_model *m;
    rt_type type; /* of activations: int8 or uint8 */
} ex_constants;

/* Adds a row to out->constant, which has room for two of each operator, for the weights and the
 * biases of every layer.
 * Errors: NN_EFORMAT (a constant that the network does not have: which). */
nn_status ex_compare_constants(ex_comparison *out, const ex_constants *c);

#endif
