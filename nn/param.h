/* param - the named state of a network: weights, running statistics, quantization ranges.
 *
 * A graph is structure and refers to parameters by name; two graphs built over one set (the float
 * one and its fake-quantized copy) share them.  Once all graphs are built, nn_params_collate lays
 * the trainable ones out in one contiguous vector with a gradient vector beside it, so that an
 * optimizer is a loop, a checkpoint a walk and data-parallel training one all-reduce; state that is
 * not trained lies in a vector of its own. */
#ifndef OCTET_NN_PARAM_H
#define OCTET_NN_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/base/real.h"
#include "nn/base/status.h"
#include "nn/shape.h"

typedef enum nn_param_kind {
    NN_PARAM_WEIGHT, /* trained, with weight decay */
    NN_PARAM_BIAS,   /* trained; bias, gamma, beta: decays only if asked (--decay-bn) */
    NN_PARAM_RANGE,  /* trained; a quantization range that is learned: never decays */
    NN_PARAM_STATE   /* not trained: running statistics, observed ranges, scales */
} nn_param_kind;

typedef enum nn_init_kind {
    NN_INIT_CONSTANT,  /* value */
    NN_INIT_HE_NORMAL, /* N(0, 2 / fan_in): He et al. 2015, arXiv 1502.01852 eq. 10 */
    NN_INIT_GLOROT     /* U(-l, l), l = sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010 */
} nn_init_kind;

typedef struct nn_init {
    nn_init_kind kind;
    double value; /* NN_INIT_CONSTANT */
    int fan_in, fan_out;
} nn_init;

typedef struct nn_param {
    const char *name;
    nn_shape shape; /* no NN_BATCH */
    size_t count;
    nn_param_kind kind;
    nn_init init;
    bool frozen;    /* --freeze: keeps its value; no gradient is computed for it */
    bool held;      /* keeps its value for now: an optimizer's step leaves it and its slots alone */
    size_t offset;  /* elements into the vector that holds it, a multiple of 16 */
    nn_real *value; /* NULL until collated */
    nn_real *grad;  /* NULL until collated, and for NN_PARAM_STATE */
} nn_param;

typedef struct nn_params nn_params;

/* Errors: NN_ENOMEM.  Free with nn_params_free, after all graphs that refer to it. */
nn_status nn_params_new(nn_params **out);
void nn_params_free(nn_params *ps); /* NULL is allowed */

/* The parameter `name`, made if there is none yet.  Errors: NN_ESHAPE if it exists with another
 * shape, NN_EINVAL if it is new and the set is collated, NN_ENOMEM. */
nn_status nn_params_get(nn_param **out, nn_params *ps, const char *name, nn_shape shape,
                        nn_param_kind kind, nn_init init);

/* NULL if there is none. */
nn_param *nn_params_find(const nn_params *ps, const char *name);
int nn_params_count(const nn_params *ps);
nn_param *nn_params_at(const nn_params *ps, int i); /* in order of creation */

/* Marks every trainable parameter whose name matches the glob (fnmatch: '*', '?', '[..]') as
 * frozen; returns how many. */
int nn_params_freeze(nn_params *ps, const char *glob);

static inline bool nn_param_is_trained(const nn_param *p)
{
    return p->kind != NN_PARAM_STATE && !p->frozen;
}

/* Lays out and allocates all values (zero) and gradients; fills nothing.  Errors: NN_ENOMEM. */
nn_status nn_params_collate(nn_params *ps);

/* Gives every parameter its initial value: element i of parameter p is a function of (seed, name of
 * p, i) alone.  The set must be collated. */
void nn_params_init(nn_params *ps, uint64_t seed);
void nn_param_init(nn_param *p, uint64_t seed);

/* The collated vectors.  Trained: values and gradients of all parameters but NN_PARAM_STATE,
 * `count` elements with zero padding between parameters. */
typedef struct nn_vector {
    nn_real *value, *grad; /* grad is NULL for the state vector */
    size_t count;
} nn_vector;
nn_vector nn_params_trained(const nn_params *ps);
nn_vector nn_params_state(const nn_params *ps);

/* Sum of counts of all weights and biases, without padding: what a network's size is given as.
 * Frozen ones count, learned ranges do not. */
size_t nn_params_trained_count(const nn_params *ps);

#endif
