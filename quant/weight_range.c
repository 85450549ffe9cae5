#include "quant/weight_range.h"

#include <math.h>

#include "nn/base/mem.h"
#include "nn/range.h"
#include "quant/layer.h"

enum { STEPS = 100 };

static double error_of(const nn_real *w, size_t n, size_t step, nn_affine a, nn_grid grid)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const float x = (float)w[i * step];
        const double d = (double)x - (double)nn_affine_value(nn_affine_code(x, a, grid), a);
        sum += d * d;
    }
    return sum;
}

float quant_weight_range_find(const nn_real *w, size_t n, size_t step, nn_grid grid)
{
    double largest = 0, least = 0;
    float best = 0;
    for (size_t i = 0; i < n; i++) { /* not by fmax, over which gcc 12 stumbles on aarch64 */
        const double size = fabs((double)w[i * step]);
        largest = size > largest ? size : largest;
    }
    for (int k = STEPS; k > 0; k--) {
        const float r = (float)(largest * k / STEPS);
        const double error = error_of(w, n, step, nn_affine_symmetric(-r, r, grid), grid);
        if (k == STEPS || error < least) {
            least = error;
            best = r;
        }
    }
    return best;
}

static void set_ranges(const nn_node *point, const quant_layer *l, const nn_real *folded)
{
    const nn_fakequant_attr *a = &point->attr.fakequant;
    const bool per_channel = a->axis >= 0;
    nn_range_state s = nn_range_of(point);
    if (!a->symmetric)
        return;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < s.channels; c++) {
        const nn_real *w = folded + (per_channel ? quant_layer_index(l, (size_t)c, 0) : 0);
        const size_t n = per_channel ? l->fan_in : l->weight->count;
        const float r = quant_weight_range_find(w, n, per_channel ? l->step : 1, a->grid);
        s.min[c] = (nn_real)-r;
        s.max[c] = (nn_real)r;
    }
    nn_range_derive(&s, a);
}

static nn_status set_all(const nn_graph *stage, const nn_graph *from)
{
    quant_layer l;
    for (int i = 0; i < nn_graph_count(from); i++) {
        if (!quant_layer_at(&l, from, i))
            continue;
        const nn_node *point = quant_layer_weight_point(stage, &l);
        if (point == NULL)
            continue;
        nn_real *folded = nn_mem_alloc(l.weight->count * sizeof *folded);
        if (folded == NULL)
            return nn_fail(NN_ENOMEM, "out of memory: %zu weights", l.weight->count);
        quant_layer_fold(folded, &l);
        set_ranges(point, &l, folded);
        nn_mem_free(folded);
    }
    return NN_OK;
}

nn_status quant_weight_ranges(const nn_graph *from, const quant_config *config)
{
    nn_graph *stage = NULL;
    NN_TRY(nn_graph_new(&stage, nn_graph_params(from)));
    nn_status st = quant_build(stage, from, config, QUANT_DEPLOY);
    if (st == NN_OK)
        st = set_all(stage, from);
    nn_graph_free(stage);
    return st;
}
