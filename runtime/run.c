/* run - walking the operators of an open model. */
#include "runtime/model.h"

void rt_for(const rt_call *c, int chunks, rt_task *task, void *arg)
{
    if (c->parallel != NULL && chunks > 1) {
        c->parallel->run(c->parallel->context, chunks, task, arg);
        return;
    }
    for (int i = 0; i < chunks; i++)
        task(arg, i, 0);
}

static void run_node(const rt_model *m, const rt_node *n, uint8_t *arena,
                     const rt_parallel *parallel)
{
    rt_call c;
    c.in[2] = NULL; /* a bias that the operator does not even name */
    for (int k = 0; k < n->info.n_in; k++) {
        int t = n->info.in[k];
        c.in[k] = t < 0 ? NULL : n->fixed[k];
        if (t >= 0 && m->tensors[t].offset != RT_NOT_IN_ARENA)
            c.in[k] = arena + m->tensors[t].offset;
    }
    for (int k = 0; k < n->info.n_out; k++) {
        size_t at = m->tensors[n->info.out[k]].offset;
        c.out[k] = at != RT_NOT_IN_ARENA ? arena + at : NULL; /* a constant by now */
    }
    c.params = n->params;
    c.scratch = arena + n->scratch_offset;
    c.scratch_bytes = (n->scratch_bytes + RT_ALIGN - 1) / RT_ALIGN * RT_ALIGN;
    c.kernels = m->kernels;
    c.parallel = parallel;
    n->run(&c);
}

void rt_run_some(const rt_model *m, void *arena, int first, int count, const rt_parallel *parallel)
{
    for (int i = first < 0 ? 0 : first; i < m->n_nodes && i - first < count; i++)
        run_node(m, &m->nodes[i], arena, parallel);
}

void rt_run(const rt_model *m, void *arena, const rt_parallel *parallel)
{
    rt_run_some(m, arena, 0, m->n_nodes, parallel);
}

size_t rt_arena_bytes(const rt_model *m)
{
    return m->cost.arena_bytes;
}

void *rt_data(const rt_model *m, void *arena, int t)
{
    if (t < 0 || t >= m->n_tensors || m->tensors[t].offset == RT_NOT_IN_ARENA)
        return NULL;
    return (uint8_t *)arena + m->tensors[t].offset;
}
