#include "quant/calibrators.h"

#include <string.h>

#include "nn/base/suggest.h"

static const quant_calibrator *const rows[] = {
#define QUANT_CALIBRATOR(name) &quant_calibrator_##name,
#include "quant/calibrators.def"
#undef QUANT_CALIBRATOR
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

int quant_calibrator_count(void)
{
    return N_ROWS;
}

const quant_calibrator *quant_calibrator_at(int i)
{
    return rows[i];
}

const quant_calibrator *quant_calibrator_by_name(const char *name)
{
    const char *names[N_ROWS];
    for (int i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
        names[i] = rows[i]->name;
    }
    nn_fail_unknown("", name, names, N_ROWS);
    return NULL;
}

nn_status quant_calibrator_check(const quant_calibrator *c, quant_calibrator_options *o,
                                 nn_grid grid)
{
    o->percentile = o->percentile == 0 ? 99.99 : o->percentile;
    o->bins = o->bins == 0 ? 2048 : o->bins;
    if (o->bins < QUANT_LEAST_BINS || o->bins > QUANT_MOST_BINS)
        return nn_fail(NN_EINVAL, "--bins %d: a histogram has from %d to %d", o->bins,
                       (int)QUANT_LEAST_BINS, (int)QUANT_MOST_BINS);
    return c->check != NULL ? c->check(o, grid) : NN_OK;
}
