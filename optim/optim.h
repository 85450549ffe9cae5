/* optim - one step of gradient descent over all trained parameters.
 *
 * An optimizer is a rule (optims.def), its settings, and slots: vectors laid out as the trained
 * vector of nn/param.h, in which it remembers.  The update is elementwise and depends on the
 * settings, the learning rate, the step's number and the slots alone, so a run that saved its slots
 * resumes bit for bit.  Parameters that are frozen or held are not touched, nor their slots. */
#ifndef OCTET_OPTIM_OPTIM_H
#define OCTET_OPTIM_OPTIM_H

#include "nn/param.h"

/* Zero is a sensible value of every field. */
typedef struct opt_config {
    double momentum;     /* sgd: in [0, 1) */
    bool nesterov;       /* sgd: look ahead; needs momentum > 0 */
    double weight_decay; /* >= 0; acts on NN_PARAM_WEIGHT */
    bool decay_bn;       /* decay acts on NN_PARAM_BIAS too (bias, gamma, beta) */
    bool decoupled;      /* sgd: w shrinks by lr * weight_decay, past the momentum */
    double beta1;        /* adam, adamw: in (0, 1) [0.9] */
    double beta2;        /* adam, adamw: in (0, 1) [0.999] */
    double epsilon;      /* adam, adamw: > 0 [1e-8] */
} opt_config;

typedef struct opt opt;

/* An optimizer of the parameters that are trained now: `ps` is collated, all that shall be frozen
 * is, and it outlives the optimizer.  Slots are zero.  Free with opt_free. Errors: NN_EINVAL
 * (unknown name, with the nearest one; a setting out of its range), NN_ENOMEM. */
nn_status opt_new(opt **out, const char *name, nn_params *ps, const opt_config *c);
void opt_free(opt *o); /* NULL is allowed */

/* Updates the values from the gradients.  lr: learning rate of this step; step: 0 for the first. */
void opt_step(opt *o, double lr, int64_t step);

/* What a checkpoint holds of it.  Slot names are "momentum", "m", "v"; a slot has as many elements
 * as the trained vector, and that of parameter p begins at p->offset. */
int opt_slot_count(const opt *o);
const char *opt_slot_name(const opt *o, int i);
nn_real *opt_slot_vector(opt *o, int i);

#endif
