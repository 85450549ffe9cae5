/* op - what an operator is: one row with shape inference, forward and backward.
 *
 * Everything that can fail fails in `infer`, while the graph is built.  `forward` and `backward`
 * return void, allocate nothing and may be called on any batch up to the planned one. */
#ifndef OCTET_NN_OP_H
#define OCTET_NN_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/base/affine.h"
#include "nn/base/real.h"
#include "nn/base/status.h"
#include "nn/param.h"
#include "nn/shape.h"

enum {
    NN_MAX_IN = 10,   /* inputs of one node */
    NN_MAX_NAME = 200 /* bytes of a node's name, but for what makes it unique */
};

typedef enum nn_op_id {
#define NN_OP(name) NN_OP_##name,
#include "nn/ops.def"
#undef NN_OP
    NN_OP_COUNT
} nn_op_id;

/* ---- attributes: one named struct for each op that has any ----------------------------------- */

typedef enum nn_padding {
    NN_SAME,  /* output = ceil(input / stride); the odd extra element goes after, as TensorFlow's */
    NN_VALID, /* no padding */
    NN_EXPLICIT /* top, bottom, left, right as given */
} nn_padding;

/* A window that slides over H and W: convolutions and pools.  `infer` fills top .. right for every
 * kind of padding, so the other functions look at those alone. */
typedef struct nn_window {
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int dilation_h, dilation_w; /* pools: 1 */
    nn_padding padding;
    int top, bottom, left, right;
} nn_window;

typedef struct nn_bnorm_attr {
    double epsilon;  /* added to the variance */
    double momentum; /* running = momentum * running + (1 - momentum) * batch */
    int axis;        /* bnscale: the weight's dimension of output channels */
    bool folded;     /* bnorm: x comes from weights that bnscale has scaled */
} nn_bnorm_attr;

typedef struct nn_pad_attr {
    int before[NN_MAX_RANK], after[NN_MAX_RANK]; /* of each dimension; [0] is the batch: 0 */
} nn_pad_attr;

typedef struct nn_xent_attr {
    double smoothing; /* label smoothing in [0, 1) */
} nn_xent_attr;

typedef struct nn_dropout_attr {
    double rate;     /* share of elements set to 0, in [0, 1) */
    uint64_t stream; /* hash of the layer's name: its random stream */
} nn_dropout_attr;

/* Fake quantization; see nn/ops/fakequant.c for the inputs. */
typedef enum nn_fq_mode {
    NN_FQ_OBSERVE, /* y = x; the range is watched (before the delay has gone by, and calibration) */
    NN_FQ_QUANTIZE /* y = the nearest point of the grid */
} nn_fq_mode;

struct nn_range_rule; /* how a range follows the data; nn/range.h */

typedef struct nn_fakequant_attr {
    nn_fq_mode mode;
    const struct nn_range_rule *rule;  /* NULL: fixed, or another node's */
    const struct nn_range_rule *learn; /* the rule, or the other node's, if it learns here */
    nn_grid grid;
    bool symmetric;  /* zero point 0, range [-r, r] */
    int axis;        /* channel dimension of a per-channel range, -1 for one range */
    int mean_of;     /* with an input x_scale and no w_scale: x is a mean over so many values; 0: it
                        is an average pool */
    bool relu6;      /* with x_scale: x comes out of a relu6, which the device does on codes */
    bool relu;       /* with two operands: x comes out of a relu */
    nn_op_id behind; /* with operands: the op that the device computes of their codes */
    bool is_uint8;   /* with x_scale: the device holds codes + 128 and rounds as uint8 kernels do */
} nn_fakequant_attr;

typedef struct nn_dorefa_attr {
    int levels; /* 2^bits - 1: intervals between the levels */
    int axis;   /* channel dimension, each with its own greatest weight; -1: one of all */
} nn_dorefa_attr;

typedef union nn_attr {
    nn_window window;    /* conv2d, dwconv2d, max_pool, avg_pool */
    nn_bnorm_attr bnorm; /* bnorm, bnscale, bnbias, bncorrect, bngrid */
    nn_pad_attr pad;
    nn_shape reshape;
    nn_xent_attr xent;
    nn_dropout_attr dropout;
    nn_fakequant_attr fakequant;
    nn_dorefa_attr dorefa;
} nn_attr;

/* ---- nodes ----------------------------------------------------------------------------------- */

typedef struct nn_op nn_op;

/* A node is its output: one op, one result. */
typedef struct nn_node {
    const nn_op *op;
    nn_op_id id;
    int index;        /* position in its graph; inputs have smaller ones */
    const char *name; /* unique in its graph: "stage1/block0/conv1" */
    nn_shape shape;   /* set by infer */
    int n_in;
    struct nn_node *in[NN_MAX_IN];
    nn_attr attr;
    nn_param *param;     /* of the op `param`; NULL otherwise */
    bool is_output;      /* its value is kept until the end of the forward pass, and to be read */
    bool for_statistics; /* read for the statistics of batches alone: where a pass takes none, it is
                            left out, its value undefined and its gradient 0 */
} nn_node;

/* ---- running --------------------------------------------------------------------------------- */

/* What a pass over the graph is for; the same for all nodes. */
typedef struct nn_run {
    bool training;  /* batch statistics, dropout */
    bool observe;   /* fake-quantization ranges follow the data of this pass */
    bool freeze_bn; /* batch norm uses its running statistics and leaves them */
    int estimate;  /* this is the n-th pass of which the running statistics shall be the plain mean;
                      0: they follow by batch norm's momentum */
    uint64_t seed; /* dropout's randomness is a function of (seed, node, step) */
    int64_t step;
} nn_run;

/* All that forward and backward see of the world. */
typedef struct nn_call {
    const nn_node *node;
    const nn_run *run;
    int batch;                   /* items in this pass, at most what was planned */
    const nn_real *x[NN_MAX_IN]; /* inputs; in backward only those that op->keeps names are valid */
    nn_real *y;                  /* output; in backward valid if op->keeps has NN_KEEP_Y */
    const nn_real *dy;           /* backward: gradient of y */
    nn_real *dx[NN_MAX_IN];      /* backward: gradient of x[i]; NULL: nobody wants it */
    bool add[NN_MAX_IN];         /* backward: true: dx[i] += ..., false: dx[i] = ... */
    void *saved;                 /* kept from forward to backward */
    void *scratch;               /* undefined at entry */
} nn_call;

/* Memory that a node wants besides its output, in bytes. */
typedef struct nn_need {
    size_t saved, scratch;
} nn_need;

enum nn_op_flag {
    NN_FLAG_INPLACE =
        1, /* y may lie where x[0] lies (forward reads an element before it writes it) */
    NN_FLAG_VIEW =
        2, /* y is x[0] with another shape: they may share memory, then nothing is done */
    NN_FLAG_INPLACE_GRAD = 4, /* dx[0] may lie where dy lies */
    NN_FLAG_NO_GRAD = 8,      /* has no backward, by nature */
    NN_FLAG_TRAIN_ONLY =
        16, /* identity when not training, or a loss: not part of a deployed network */
    NN_FLAG_STATEFUL = 32 /* forward writes parameters of kind NN_PARAM_STATE among its inputs */
};

/* What backward reads, beyond dy and saved. */
enum { NN_KEEP_Y = 1 << NN_MAX_IN };
#define NN_KEEP_X(i) (1 << (i))

struct nn_op {
    const char *name;
    int n_in_min, n_in_max;
    unsigned flags;
    int keeps; /* NN_KEEP_X(i) | NN_KEEP_Y */
    /* Sets n->shape (and derived attributes) or fails, naming the node and the numbers. */
    nn_status (*infer)(nn_node *n);
    /* NULL: nothing needed. */
    nn_need (*need)(const nn_node *n, int batch, bool training);
    void (*forward)(const nn_call *c);
    void (*backward)(const nn_call *c);
    /* A gate is a monotone function of each element whose gradient is dy or 0 (relu, fakequant): v
     * = op(v) for n elements; in `pass`, unless NULL, the bits (nn/kernels/kernels.h: inside) of
     * those whose gradient is 0 are cleared.  What a chain (nn/chain.h) calls; NULL: the op is no
     * gate. */
    void (*gate)(const nn_call *c, nn_real *v, unsigned char *pass, size_t n);
};

#define NN_OP(name) extern const nn_op nn_op_##name;
#include "nn/ops.def"
#undef NN_OP

/* The row of an op. */
const nn_op *nn_op_of(nn_op_id id);

/* Input i's parameter values, for ops that write their state (batch norm, observers). */
static inline nn_real *nn_call_state(const nn_call *c, int i)
{
    return c->node->in[i]->param->value;
}

/* Elements of input i, and of the output, in this pass. */
static inline size_t nn_call_count(const nn_call *c)
{
    return nn_shape_count_batch(c->node->shape, c->batch);
}
static inline size_t nn_call_count_in(const nn_call *c, int i)
{
    return nn_shape_count_batch(c->node->in[i]->shape, c->batch);
}

/* Fails with NN_ESHAPE: "conv2d conv1: ..." */
#define NN_NODE_FAIL(n, fmt, ...)                                                                  \
    nn_fail(NN_ESHAPE, "%s %s: " fmt, (n)->op->name, (n)->name, __VA_ARGS__)

/* Output extent of a window over H or W, and its padding, written to *before and *after.
 * Returns the extent, or 0 or less if the window does not fit.  (Formulas: TensorFlow's
 * padding.) */
int nn_window_extent(int in, int kernel, int stride, int dilation, nn_padding padding, int *before,
                     int *after);

/* Checks a window's numbers, fills its padding and gives the output's height and width for an input
 * [N,H,W,C].  Errors: NN_ESHAPE naming the node. */
nn_status nn_window_infer(nn_node *n, nn_window *w, int *out_h, int *out_w);

#endif
