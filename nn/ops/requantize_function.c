/* requantize_function - the codes of RELU, HARD_SWISH, LOGISTIC and SOFTMAX, as the integer network
 * computes them: from the code of x, less its zero point, alone.  A function of single values is a
 * table over all of these. */
#include "nn/base/chunk.h"
#include "nn/ops/requantize.h"
#include "runtime/kernels/hard_swish_s8.h"
#include "runtime/kernels/softmax_s8.h"

enum { GRAIN = 16384, MOST_CHUNKS = 64, ENTRIES = 2 * NN_REQUANTIZE_MOST + 1 };

bool nn_requantize_is_function(nn_op_id id)
{
    return id == NN_OP_relu || id == NN_OP_relu6 || id == NN_OP_hard_swish ||
           id == NN_OP_logistic || id == NN_OP_softmax;
}

/* The fillers give f of each code less its zero point: the output's less its own, not clamped. */

static bool fill_relu(int32_t *steps, const nn_requantize_function *f)
{
    const float ratio = (float)f->x_scale / f->out.scale;
    rt_multiplier m;
    if (!rt_multiplier_of((double)ratio, &m))
        return false;
    for (int i = 0; i < ENTRIES; i++)
        steps[i] = rt_requant(i - NN_REQUANTIZE_MOST, m, RT_ROUND_TWICE);
    return true;
}

static bool fill_hard_swish(int32_t *steps, const nn_requantize_function *f)
{
    const float x_scale = (float)f->x_scale;
    rt_hard_swish_s8 p;
    rt_multiplier out, relu;
    if (!rt_multiplier_of((double)rt_hard_swish_out(x_scale, f->out.scale), &out) ||
        out.shift > 0 || !rt_multiplier_of((double)rt_hard_swish_relu(x_scale), &relu))
        return false;
    rt_hard_swish_set(&p, out, relu);
    for (int i = 0; i < ENTRIES; i++)
        steps[i] = rt_hard_swish_of(&p, i - NN_REQUANTIZE_MOST);
    return true;
}

static bool fill_logistic(int32_t *steps, const nn_requantize_function *f)
{
    const float inverse = 1.0f / f->out.scale;
    for (int i = 0; i < ENTRIES; i++) {
        const float real = (float)f->x_scale * (float)(i - NN_REQUANTIZE_MOST);
        const float scaled = rt_logistic(real) * inverse;
        steps[i] = (int32_t)rt_round((double)scaled);
    }
    return true;
}

static bool fill(int32_t *steps, const nn_requantize_function *f)
{
    switch (f->id) {
    case NN_OP_hard_swish:
        return fill_hard_swish(steps, f);
    case NN_OP_logistic:
        return fill_logistic(steps, f);
    default:
        return fill_relu(steps, f);
    }
}

/* Codes that the function can have. */
static nn_grid range_of(const nn_requantize_function *f)
{
    nn_grid grid = f->grid;
    const bool relu = f->id == NN_OP_relu || f->id == NN_OP_relu6;
    if (relu && grid.qmin < f->out.zero_point)
        grid.qmin = f->out.zero_point;
    if (f->id == NN_OP_relu6)
        grid.qmax = nn_affine_code(6, f->out, f->grid);
    return grid;
}

bool nn_requantize_values(const nn_requantize_function *f, nn_real *y, const nn_real *x, size_t n)
{
    const nn_grid grid = range_of(f);
    const double per_real = 1 / f->x_scale;
    int32_t steps[ENTRIES];
    nn_real value[ENTRIES];
    if (!fill(steps, f))
        return false;
    for (int i = 0; i < ENTRIES; i++)
        value[i] = nn_requantize_value(f->out, grid, (int64_t)steps[i] + f->out.zero_point);
    const int chunks = nn_chunk_count(n, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++)
        for (size_t i = nn_chunk_begin(n, chunks, k); i < nn_chunk_begin(n, chunks, k + 1); i++)
            y[i] = value[nn_requantize_steps(x[i], per_real) + NN_REQUANTIZE_MOST];
    return true;
}

/* ---- softmax --------------------------------------------------------------------------------- */

/* The kernel looks at differences from the largest code alone, so that may be any. */
static void softmax_row(const nn_requantize_function *f, const rt_softmax_s8 *p, nn_real *y,
                        const nn_real *x)
{
    const double per_real = 1 / f->x_scale;
    uint8_t codes[RT_SOFTMAX_MOST];
    int32_t most = nn_requantize_steps(x[0], per_real);
    for (int32_t i = 1; i < p->depth; i++) {
        const int32_t v = nn_requantize_steps(x[i], per_real);
        most = v > most ? v : most;
    }
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t v = nn_requantize_steps(x[i], per_real) - most + INT8_MAX;
        codes[i] = (uint8_t)(int8_t)(v > INT8_MIN ? v : INT8_MIN);
    }
    rt_softmax_run(p, codes, codes);
    for (int32_t i = 0; i < p->depth; i++)
        y[i] = nn_requantize_value(f->out, f->grid, (int8_t)codes[i]);
}

bool nn_requantize_softmax(const nn_requantize_function *f, nn_real *y, const nn_real *x,
                           size_t rows, size_t width)
{
    rt_softmax_s8 p = { .depth = (int32_t)width };
    if (width > RT_SOFTMAX_MOST || !rt_softmax_set(&p, f->x_scale, 1))
        return false;
    const int chunks = nn_chunk_count(rows * width, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++)
        for (size_t i = nn_chunk_begin(rows, chunks, k); i < nn_chunk_begin(rows, chunks, k + 1);
             i++)
            softmax_row(f, &p, y + i * width, x + i * width);
    return true;
}
