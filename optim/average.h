/* average - an exponential moving average of the weights, which often predicts better than the
 * last.
 *
 *   a = d a + (1 - d) w,   d = min(decay, (1 + step) / (10 + step))
 *
 * so that the beginning is forgotten quickly (Polyak & Juditsky 1992; the ramp is that of
 * TensorFlow's ExponentialMovingAverage).  The running statistics of batch norm (names that end in
 * "/mean" and "/var") are averaged with the weights, which they belong to, and so are learned
 * ranges (from which quant_ranges_exchange makes those in force); observed ones, scales and other
 * state are not.  For an evaluation the averages are swapped in and out again. */
#ifndef OCTET_OPTIM_AVERAGE_H
#define OCTET_OPTIM_AVERAGE_H

#include "nn/param.h"

typedef struct opt_average opt_average;

/* Over the parameters that are trained now (as opt_new).  decay: in (0, 1), for instance 0.999.
 * Errors: NN_EINVAL, NN_ENOMEM.  Free with opt_average_free. */
nn_status opt_average_new(opt_average **out, nn_params *ps, double decay);
void opt_average_free(opt_average *a); /* NULL is allowed */

/* The averages become the present values: once, before the first step of a run. */
void opt_average_reset(opt_average *a);

/* After the optimizer's step of this number (from 0). */
void opt_average_update(opt_average *a, int64_t step);

/* Exchanges values and averages; a second call undoes it. */
void opt_average_swap(opt_average *a);

/* What a checkpoint holds of it: vectors laid out as nn_params_trained and nn_params_state, without
 * gradients; what is not averaged is 0 in them. */
nn_vector opt_average_trained(const opt_average *a);
nn_vector opt_average_state(const opt_average *a);
/* Is this parameter among those that are averaged? */
bool opt_average_has(const nn_param *p);

#endif
