/* clip - the gradient's length, and a limit to it.
 *
 * All gradients are scaled by one factor so that the norm of the whole vector is at most a maximum
 * (Pascanu et al. 2012, arXiv 1211.5063).  Squares are summed in double, each piece by itself, and
 * the pieces in their order, so the norm has the same bits on any number of threads. */
#ifndef OCTET_OPTIM_CLIP_H
#define OCTET_OPTIM_CLIP_H

#include "nn/param.h"

typedef struct opt_clip opt_clip;

/* Over the parameters that are trained now (as opt_new).  max_norm: >= 0; 0 measures only.
 * Errors: NN_EINVAL, NN_ENOMEM.  Free with opt_clip_free. */
nn_status opt_clip_new(opt_clip **out, nn_params *ps, double max_norm);
void opt_clip_free(opt_clip *c); /* NULL is allowed */

/* Scales the gradients by min(1, max_norm / (norm + 1e-6)) and returns the norm they had.  If that
 * is not finite they are left as they are: the run has diverged. */
double opt_clip_apply(opt_clip *c);

#endif
