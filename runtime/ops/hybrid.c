#include "runtime/ops/hybrid.h"

typedef struct hybrid {
    size_t rows, each; /* parts, and elements of one */
    bool asymmetric;
    void (*run)(const rt_call *c); /* the float layer */
    const void *params;
} hybrid;

static size_t rounded_bytes(const hybrid *p)
{
    return (p->rows * p->each * sizeof(float) + RT_ALIGN - 1) / RT_ALIGN * RT_ALIGN;
}

/* The grid of one row: real = scale * (code - zero), codes in [lo, 127]. */
typedef struct grid {
    float scale, inverse;
    int32_t zero, lo;
} grid;

static float magnitude(float x)
{
    return x < 0 ? -x : x;
}

/* portable_tensor_utils.cc, SymmetricQuantizeFloats. */
static grid symmetric(float least, float most)
{
    float range = magnitude(least) > magnitude(most) ? magnitude(least) : magnitude(most);
    if (range == 0)
        return (grid){ 1, 1, 0, -127 };
    return (grid){ range / 127.0f, 127.0f / range, 0, -127 };
}

/* portable_tensor_utils.cc, AsymmetricQuantizeFloats: the zero point from the end of the range that
 * gives it the smaller error. */
static grid asymmetric(float least, float most)
{
    double lo = least < 0 ? (double)least : 0, hi = most > 0 ? (double)most : 0;
    if (lo == hi)
        return (grid){ 1, 1, 0, -128 };
    double scale = (hi - lo) / 255;
    double zero = 128 - lo / scale < 127 + hi / scale ? -128 - lo / scale : 127 - hi / scale;
    grid g = { (float)scale, 0, rt_clamp(rt_round(zero), -128, 127), -128 };
    g.inverse = g.scale > 0 ? 1.0f / g.scale : 0;
    return g;
}

static void round_row(const hybrid *p, float *out, const float *in)
{
    float least = in[0], most = in[0];
    for (size_t i = 1; i < p->each; i++) {
        least = in[i] < least ? in[i] : least;
        most = in[i] > most ? in[i] : most;
    }
    grid g = p->asymmetric ? asymmetric(least, most) : symmetric(least, most);
    for (size_t i = 0; i < p->each; i++) {
        float at = (float)g.zero + in[i] * g.inverse;
        int32_t code = rt_clamp(rt_round((double)at), g.lo, 127);
        out[i] = g.scale * (float)(code - g.zero);
    }
}

static void run(const rt_call *c)
{
    const hybrid *p = c->params;
    rt_call inner = *c;
    float *rounded = (float *)(void *)c->scratch;
    for (size_t r = 0; r < p->rows; r++)
        round_row(p, rounded + r * p->each, (const float *)c->in[0] + r * p->each);
    inner.params = p->params;
    inner.in[0] = rounded;
    inner.scratch += rounded_bytes(p); /* no worker's part ends later than its own would */
    p->run(&inner);
}

rt_status rt_use_hybrid(rt_build *b, rt_node *n, size_t rows, bool asymmetric)
{
    hybrid p = { rows, b->in[0]->count / rows, asymmetric, n->run, n->params };
    n->scratch_bytes = (n->scratch_bytes + RT_ALIGN - 1) / RT_ALIGN * RT_ALIGN + rounded_bytes(&p);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}
