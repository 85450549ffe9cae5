#include "runtime/ops/conv.h"

#include "runtime/kernels/conv_f32.h"
#include "runtime/ops/weights.h"

static void run_block(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    rt_conv_run(c->params, c->kernels, c->in[0], c->out[0], chunk,
                c->scratch + (size_t)worker * c->scratch_bytes);
}

static void run(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_conv_blocks(c->params), run_block, &call);
}

/* Weights group by group, in the kernel's layout or as they are. */
static void pack(rt_build *b, rt_conv_s8 *p, const int8_t *w)
{
    const rt_kernels *kernels = b->m->kernels;
    int rows = p->win.out_c / p->groups;
    p->weights = w;
    p->weight_bytes = (size_t)rows * (size_t)p->k;
    if (kernels->pack == NULL && p->how != RT_CONV_WINOGRAD)
        return;
    size_t from_bytes = p->weight_bytes;
    p->weight_bytes = (rt_conv_packed(p, kernels) + 63) / 64 * 64;
    uint8_t *to = rt_alloc_many(b, (uint64_t)p->groups, p->weight_bytes);
    for (int g = 0; to != NULL && g < p->groups; g++)
        rt_conv_pack(p, kernels, to + (size_t)g * p->weight_bytes, w + (size_t)g * from_bytes);
    p->weights = to;
}

rt_status rt_use_conv(rt_build *b, rt_node *n, rt_conv_s8 *p)
{
    const rt_tensor *x = b->in[0], *w = b->in[1];
    bool unsigned_a = b->m->kernels->unsigned_a, unsigned_x = x->type == RT_UINT8;
    p->flip = unsigned_a == unsigned_x ? 0 : 0x80;
    p->in_zero = x->zero_point + (unsigned_a && !unsigned_x ? 128 : 0) -
                 (!unsigned_a && unsigned_x ? 128 : 0);
    p->w_zero = w->n_scales > 1 ? 0 : rt_weights_zero(w); /* per channel it is not looked at */
    const rt_tensor *biases = n->info.n_in > 2 ? b->in[2] : NULL;
    p->most = rt_weights_most(w, biases, (size_t)p->win.out_c, (size_t)p->k, p->in_zero);
    p->requant.narrow = (p->factor != NULL || p->requant.narrow) && p->most < INT64_C(1) << 30;
    const int8_t *weights = rt_weights_int8(b, w);
    int32_t *bias = rt_weights_bias(b, biases, p->win.out_c);
    if (bias != NULL)
        rt_conv_fold(bias, weights, p->win.out_c, p->k, p->in_zero);
    p->bias = bias;
    rt_conv_plan(p, b->m->kernels, b->options.workers);
    pack(b, p, weights);
    n->info.macs = (uint64_t)b->out[0]->count * (uint64_t)p->k;
    n->scratch_bytes = rt_conv_scratch(p, b->m->kernels);
    n->params = rt_keep(b, p, sizeof *p);
    n->run = run;
    return RT_OK;
}

/* ---- float ----------------------------------------------------------------------------------- */

static void run_tile_float(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    uint8_t *scratch = c->scratch + (size_t)worker * c->scratch_bytes;
    rt_conv_f32_run(c->params, c->in[0], c->out[0], chunk, (float *)(void *)scratch);
}

static void run_float(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_conv_f32_tiles(c->params), run_tile_float, &call);
}

rt_status rt_use_conv_f32(rt_build *b, rt_node *n, const rt_window *win, int32_t groups,
                          int32_t activation)
{
    const rt_tensor *w = b->in[1], *bias = n->info.n_in > 2 ? b->in[2] : NULL;
    RT_TRY(rt_weights_check_float(b, n, win->out_c, 0));
    rt_conv_f32 p = { .win = *win,
                      .groups = groups,
                      .k = win->k_h * win->k_w * (win->in_c / groups) };
    RT_TRY(rt_activation_range_float(b, n, activation, &p.lo, &p.hi));
    uint64_t panels = (uint64_t)win->out_c / RT_CONV_F32_PANEL + (uint64_t)groups; /* at least */
    if (panels * RT_CONV_F32_PANEL * (uint64_t)p.k > SIZE_MAX / 2 / sizeof(float))
        return RT_REFUSE(b, n, RT_ELIMIT, "%d filters of %d weights", (int)win->out_c, (int)p.k);
    size_t packed = rt_conv_f32_packed(&p);
    float *weights = rt_alloc_many(b, packed, sizeof *weights);
    float *biases = rt_alloc(b, (size_t)win->out_c * sizeof *biases);
    if (biases != NULL) {
        for (size_t i = 0; i < packed; i++)
            weights[i] = 0;
        for (int32_t o = 0; o < win->out_c; o++) {
            for (int32_t i = 0; i < p.k; i++)
                weights[rt_conv_f32_place(&p, o, i)] =
                    rt_weights_real(b, w, (size_t)o * (size_t)p.k + (size_t)i, o);
            biases[o] = bias != NULL ? rt_weights_real(b, bias, (size_t)o, 0) : 0;
        }
    }
    p.weights = weights;
    p.bias = biases;
    rt_conv_f32_plan(&p);
    n->info.macs = (uint64_t)b->out[0]->count * (uint64_t)p.k;
    n->scratch_bytes = rt_conv_f32_scratch(&p);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run_float;
    return RT_OK;
}
