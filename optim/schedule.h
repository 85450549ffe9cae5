/* schedule - the learning rate as a pure function of the step's number.
 *
 * Nothing is carried from step to step, so an interrupted run goes on exactly.  With warm-up the
 * rate first rises linearly, lr (step + 1) / warmup, and the shape fills the steps after it:
 *
 *   constant   lr
 *   step       lr factor^k, k milestones passed
 *   cosine     lr (1 + cos(pi q)) / 2, q from 0 to 1
 *   onecycle   up from lr / div to lr, down to lr / (div final_div), both along half a cosine
 *
 * Cosine: Loshchilov & Hutter 2016, arXiv 1608.03983.  One cycle: Smith 2018, arXiv 1803.09820, in
 * the shape of PyTorch's OneCycleLR; the momentum is left alone.  It rises by itself: warm-up, if
 * given, is the length of its rise. */
#ifndef OCTET_OPTIM_SCHEDULE_H
#define OCTET_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "nn/base/status.h"

typedef enum opt_schedule_kind {
    OPT_CONSTANT,
    OPT_STEP,
    OPT_COSINE,
    OPT_ONECYCLE
} opt_schedule_kind;

enum { OPT_MAX_MILESTONES = 8 };

typedef struct opt_schedule {
    opt_schedule_kind kind;
    double lr;      /* the peak, >= 0 */
    int64_t warmup; /* steps, below the total */
    double factor;  /* step: in (0, 1] */
    int n_milestones;
    double milestone[OPT_MAX_MILESTONES]; /* step: rising shares of the total, in (0, 1) */
    double rise;                          /* onecycle: share of the total, in (0, 1) */
    double div, final_div;                /* onecycle: >= 1 */
} opt_schedule;

/* The usual numbers: factor 0.1 at 1/2 and 3/4 of the way (He et al. 2015, arXiv 1512.03385,
 * section 4.2: 32k and 48k of 64k); rise 0.3, div 25, final_div 1e4 (PyTorch). */
opt_schedule opt_schedule_of(opt_schedule_kind kind, double lr, int64_t warmup);

/* "constant", "step", "cosine", "onecycle", by kind; then NULL. */
extern const char *const opt_schedule_names[];

/* Errors: NN_EINVAL naming the number that is out of its range for a run of `total` steps. */
nn_status opt_schedule_check(const opt_schedule *s, int64_t total);

/* The learning rate of `step`, 0 <= step < total.  The schedule was checked. */
double opt_schedule_lr(const opt_schedule *s, int64_t step, int64_t total);

#endif
