/* open - from bytes to a model: the same code measures it and builds it. */
#include <string.h>

#include "runtime/model.h"

enum { MOST_TENSORS = 1 << 20 }; /* whatever the caller allows: what is counted fits 32 bits */

rt_options rt_options_default(void)
{
    rt_options o;
    memset(&o, 0, sizeof o);
    o.limits.macs = UINT64_C(100000000000);
    o.limits.bytes = UINT64_C(1) << 30;
    o.limits.tensors = 65536;
    o.workers = 1;
    return o;
}

/* ---- one operator ---------------------------------------------------------------------------- */

static bool little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

bool rt_in_file(const rt_build *b, const rt_tensor *t)
{
    return (uintptr_t)t->data - (uintptr_t)b->f.bytes < b->f.size;
}

const void *rt_ready(rt_build *b, const rt_tensor *t)
{
    size_t each = rt_type_bytes(t->type);
    if (!rt_in_file(b, t) || each <= 1 || (little_endian() && (uintptr_t)t->data % each == 0))
        return t->data;
    uint8_t *copy = rt_alloc(b, t->bytes);
    if (copy == NULL)
        return t->data; /* measuring, or failed: only not NULL */
    memcpy(copy, t->data, t->bytes);
    if (!little_endian())
        for (size_t i = 0; i < t->bytes; i += each)
            for (size_t k = 0; k < each / 2; k++) {
                uint8_t swap = copy[i + k];
                copy[i + k] = copy[i + each - 1 - k];
                copy[i + each - 1 - k] = swap;
            }
    return copy;
}

/* A tensor, while an operator is being read. */
static rt_status read_alone(rt_build *b, int i, rt_tensor *t)
{
    const rt_flat context = b->f;
    b->f.kind = NULL;
    rt_status st = rt_read_tensor(b, i, t);
    b->f = context;
    return st;
}

/* The tensors of the operator being prepared: those of the model or, while measuring, read here.
 * `consumed`: bit i, number i is read by prepare alone; an empty list of numbers may stand
 * there. */
static rt_status look_up(rt_build *b, const int32_t *list, int count, unsigned consumed,
                         rt_tensor *window, const rt_tensor **found, const char *what)
{
    rt_flat *f = &b->f;
    for (int i = 0; i < count; i++) {
        found[i] = NULL;
        if (list[i] < 0)
            continue;
        if (b->m->tensors == NULL)
            RT_TRY(read_alone(b, list[i], &window[i]));
        found[i] = b->m->tensors != NULL ? &b->m->tensors[list[i]] : &window[i];
        const rt_tensor *t = found[i];
        if (rt_type_bytes(t->type) == 0 && t->type != RT_INT4)
            return rt_flat_fail(f, RT_ENOTSUP, 0, "%s %d \"%s\" has type %s", what, i, t->name,
                                rt_type_name(t->type));
        bool no_numbers =
            i < 32 && (consumed >> i & 1) != 0 && (t->type == RT_INT32 || t->type == RT_INT64);
        const char *kind = t->data != NULL ? "a constant" : "an activation";
        if (t->count == 0 && !no_numbers)
            return rt_flat_fail(f, RT_ENOTSUP, 0, "%s %d \"%s\" is %s without elements", what, i,
                                t->name, kind);
        if (t->data == NULL && t->type == RT_INT4)
            return rt_flat_fail(f, RT_ENOTSUP, 0, "%s %d \"%s\" is an activation of type INT4",
                                what, i, t->name);
    }
    return RT_OK;
}

/* The parameters that the operator reads, for the report, and the steps that it takes, at least one
 * for each element that it writes: as many operators as a file has may each write a whole arena. */
static void count_costs(rt_build *b, const rt_node *n)
{
    uint64_t steps = n->info.macs + n->work, written = 0; /* each below 2^62 */
    for (int i = 0; i < n->info.n_in; i++)
        if (b->in[i] != NULL && b->in[i]->data != NULL && rt_in_file(b, b->in[i])) {
            b->m->cost.parameters += b->in[i]->count;
            b->m->cost.parameter_bytes += b->in[i]->bytes;
        }
    for (int i = 0; i < n->info.n_out; i++)
        written += b->out[i]->count;
    b->m->cost.macs += n->info.macs;
    b->m->work += steps > written ? steps : written; /* checked after each operator */
}

static rt_status build_node(rt_build *b, int i, rt_node *n, rt_tensor *in_window,
                            rt_tensor *out_window)
{
    int32_t in[RT_MAX_OP_TENSORS], out[RT_MAX_OP_TENSORS];
    RT_TRY(rt_read_operator(b, i, n, in, out));
    n->info.in = rt_keep(b, in, (size_t)n->info.n_in * sizeof *in);
    n->info.out = rt_keep(b, out, (size_t)n->info.n_out * sizeof *out);
    RT_TRY(look_up(b, in, n->info.n_in, n->op->consumed, in_window, b->in, "input"));
    RT_TRY(look_up(b, out, n->info.n_out, 0, out_window, b->out, "output"));
    for (int k = 0; k < n->info.n_out; k++)
        if (b->out[k]->data != NULL)
            return rt_flat_fail(&b->f, RT_EFORMAT, n->at, "output %d \"%s\" is a constant", k,
                                b->out[k]->name);
    RT_TRY(n->op->prepare(b, n));
    RT_TRY(rt_flat_status(&b->f)); /* an option or a block that could not be had */
    const void **fixed = rt_alloc(b, (size_t)n->info.n_in * sizeof *fixed);
    for (int k = 0; k < n->info.n_in; k++) {
        bool constant = b->in[k] != NULL && b->in[k]->data != NULL;
        bool wanted = constant && (k >= 32 || (n->consumed >> k & 1) == 0);
        const void *p = wanted ? rt_ready(b, b->in[k]) : NULL;
        if (fixed != NULL)
            fixed[k] = p;
    }
    n->fixed = fixed;
    count_costs(b, n);
    if (b->m->work > b->options.limits.macs)
        return rt_flat_fail(
            &b->f, RT_ELIMIT, n->at,
            "the model needs more steps than the limit of %llu multiply-accumulates",
            (unsigned long long)b->options.limits.macs);
    return rt_flat_status(&b->f);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static rt_status check_arguments(rt_build *b)
{
    rt_flat *f = &b->f;
    if (f->bytes == NULL)
        return rt_flat_fail(f, RT_EINVAL, 0, "no bytes");
    if (b->options.workers < 1 || b->options.workers > 4096)
        return rt_flat_fail(f, RT_EINVAL, 0, "workers is %d; 1 to 4096", b->options.workers);
    return RT_OK;
}

/* All tensors.  Many may share one list of scales, so how many are looked at is bounded by the
 * bytes of the file: without sharing they take twelve each. */
static rt_status read_tensors(rt_build *b, rt_tensor *window)
{
    rt_model *m = b->m;
    uint64_t scales = 0;
    for (int i = 0; i < m->n_tensors; i++) {
        rt_tensor *t = m->tensors != NULL ? &m->tensors[i] : window;
        RT_TRY(rt_read_tensor(b, i, t));
        scales += (uint64_t)t->n_scales;
        if (scales > b->f.size)
            return rt_flat_fail(&b->f, RT_ENOTSUP, b->tensors.at,
                                "the tensors have more scales than the file has bytes");
    }
    return RT_OK;
}

static rt_status build(rt_build *b)
{
    rt_model *m = b->m;
    rt_tensor in_window[RT_MAX_OP_TENSORS], out_window[RT_MAX_OP_TENSORS];
    RT_TRY(check_arguments(b));
    m->kernels = b->options.kernels != NULL ? b->options.kernels : rt_kernels_c();
    RT_TRY(rt_read_model(b));
    m->tensors = rt_alloc_many(b, (uint64_t)m->n_tensors, sizeof *m->tensors);
    m->nodes = rt_alloc_many(b, (uint64_t)m->n_nodes, sizeof *m->nodes);
    void *spans = rt_alloc(b, rt_plan_bytes(m));
    RT_TRY(read_tensors(b, in_window));
    for (int i = 0; i < m->n_nodes; i++) {
        rt_node single;
        RT_TRY(build_node(b, i, m->nodes != NULL ? &m->nodes[i] : &single, in_window, out_window));
    }
    b->f.where = b->f.kind = NULL;
    m->cost.model_bytes = b->used;
    return b->block != NULL ? rt_plan(b, spans, b->options.keep_all) : rt_flat_status(&b->f);
}

static rt_build start(const void *bytes, size_t size, const rt_options *options, rt_error *error)
{
    rt_build b;
    memset(&b, 0, sizeof b);
    memset(error, 0, sizeof *error);
    b.f.bytes = bytes;
    b.f.size = size;
    b.f.error = error;
    b.options = options != NULL ? *options : rt_options_default();
    if (b.options.limits.tensors > MOST_TENSORS)
        b.options.limits.tensors = MOST_TENSORS;
    return b;
}

rt_status rt_measure(size_t *model_bytes, const void *bytes, size_t size, const rt_options *options,
                     rt_error *error)
{
    rt_error own;
    rt_model m;
    memset(&m, 0, sizeof m);
    rt_build b = start(bytes, size, options, error != NULL ? error : &own);
    b.m = &m;
    rt_alloc(&b, sizeof m);
    RT_TRY(build(&b));
    *model_bytes = b.used;
    return RT_OK;
}

rt_status rt_open(rt_model **out, const void *bytes, size_t size, const rt_options *options,
                  void *block, size_t block_bytes, rt_error *error)
{
    rt_error own;
    rt_build b = start(bytes, size, options, error != NULL ? error : &own);
    if (block == NULL || (uintptr_t)block % RT_ALIGN != 0)
        return rt_flat_fail(&b.f, RT_ENOMEM, 0, "the model block must be at a multiple of %d bytes",
                            RT_ALIGN);
    b.block = block;
    b.room = block_bytes;
    b.m = rt_alloc(&b, sizeof *b.m);
    RT_TRY(rt_flat_status(&b.f));
    memset(b.m, 0, sizeof *b.m);
    b.m->file = b.f;
    RT_TRY(build(&b));
    b.m->file.error = NULL;
    *out = b.m;
    return RT_OK;
}
