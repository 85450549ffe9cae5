/* one_op - an int8 operator alone in a model, written as a file and run by the integer runtime. */
#ifndef OCTET_DOCS_TOUR_ONE_OP_H
#define OCTET_DOCS_TOUR_ONE_OP_H

#include "export/tfl_model.h"

/* Row vectors: a tensor is [1, n], or [1, 1, 1, n] if a convolution reads or writes it. */
typedef struct tour_codes {
    const int8_t *code; /* NULL: a result */
    int n;
    float scale;
    int64_t zero_point;
} tour_codes;

typedef struct tour_op {
    enum tfl_op code;
    tfl_attr attr;
    tour_codes x[2], y;
    int n_x;
    const tour_codes *weights; /* CONV_2D: one output of x[0].n weights ... */
    int32_t bias;              /* ... and its bias */
} tour_op;

/* out [y.n] */
nn_status tour_run_op(int8_t *out, const tour_op *op);

#endif
