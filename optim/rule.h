/* rule - what an optimizer is to optim.c: a row of settings to check, slots and an update. */
#ifndef OCTET_OPTIM_RULE_H
#define OCTET_OPTIM_RULE_H

#include "optim/optim.h"

enum { OPT_MAX_SLOTS = 2 };

/* One piece of the trained vector with its gradient and slots, and what this step is. */
typedef struct opt_update {
    nn_real *value;
    const nn_real *grad;
    nn_real *slot[OPT_MAX_SLOTS];
    size_t count;
    double lr;
    double decay; /* the weight decay of this piece: 0 for a parameter that does not decay */
    int64_t step; /* from 0 */
} opt_update;

typedef struct opt_rule {
    const char *name;
    const char *slot[OPT_MAX_SLOTS];
    /* Fills in defaults; NN_EINVAL naming the setting that is out of its range (the rule's name is
     * put before it). */
    nn_status (*check)(opt_config *c);
    /* How many of the slots these settings need. */
    int (*slots)(const opt_config *c);
    void (*update)(const opt_config *c, const opt_update *u);
} opt_rule;

#define OPT_RULE(name) extern const opt_rule opt_rule_##name;
#include "optim/optims.def"
#undef OPT_RULE

#endif
