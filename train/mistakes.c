#include "train/mistakes.h"

#include <math.h>
#include <string.h>

#include "nn/exec.h"

enum { BATCH = 32 }; /* few, since the first pictures will do */

train_mistake train_mistake_judge(const nn_real *outputs, int classes, int label)
{
    int best = 0;
    double sum = 1; /* of e^(output - top): 1 for the best */
    for (int k = 1; k < classes; k++)
        best = outputs[k] > outputs[best] ? k : best;
    const double top = (double)outputs[best];
    for (int k = 0; k < classes; k++)
        sum += k != best ? exp((double)outputs[k] - top) : 0;
    return (train_mistake){ .label = label,
                            .said = best,
                            .share = 1 / sum,
                            .loss = log(sum) + top - (double)outputs[label] };
}

/* ---- the first of a split -------------------------------------------------------------------- */

typedef struct search {
    const nn_node *image, *logits;
    nn_plan *plan;
    nn_exec *exec;
    ds_loader *loader;
} search;

static nn_status open(search *s, const train_network *n, const nn_graph *g, const ds_set *set,
                      ds_split split)
{
    const ds_loader_options o = train_prep_loader(&n->info.prep, BATCH);
    NN_TRY(train_network_fits(n, set));
    s->image = nn_graph_find(g, "image");
    s->logits = train_graph_output(g);
    NN_TRY(nn_plan_new(&s->plan, g, &(nn_plan_options){ .batch = BATCH }));
    NN_TRY(nn_exec_new(&s->exec, s->plan, NULL));
    return ds_loader_new(&s->loader, set, split, &o);
}

static void close(search *s)
{
    ds_loader_free(s->loader);
    nn_exec_free(s->exec);
    nn_plan_free(s->plan);
}

/* Item i of the batch. */
static nn_status add(train_mistakes *out, train_mistake m, const ds_set *set, const ds_batch *b,
                     int i)
{
    const size_t bytes = ds_item_bytes(set);
    m.index = b->index[i];
    m.image = (ds_image){ ds_height(set), ds_width(set), ds_channels(set),
                          nn_arena_alloc(out->arena, bytes) };
    if (m.image.pixels == NULL)
        return NN_ENOMEM;
    memcpy(m.image.pixels, b->pixels + (size_t)i * bytes, bytes);
    out->item[out->n++] = m;
    return NN_OK;
}

static nn_status look(train_mistakes *out, const search *s, const ds_set *set, int most)
{
    const nn_run inference = { .training = false };
    const int classes = nn_shape_channels(s->logits->shape);
    const ds_batch *b;
    while (out->n < most) {
        NN_TRY(ds_loader_next(s->loader, &b));
        if (b == NULL)
            break;
        nn_exec_bind(s->exec, s->image, b->image);
        nn_exec_forward(s->exec, b->n, &inference);
        const nn_real *outputs = nn_exec_value(s->exec, s->logits);
        for (int i = 0; i < b->n && out->n < most; i++) {
            const nn_real *output = outputs + (size_t)i * (size_t)classes;
            const train_mistake m = train_mistake_judge(output, classes, (int)b->label[i]);
            if (m.said != m.label)
                NN_TRY(add(out, m, set, b, i));
        }
    }
    return NN_OK;
}

nn_status train_mistakes_find(train_mistakes *out, const train_network *n, const nn_graph *g,
                              const ds_set *set, ds_split split, int most)
{
    search s = { .plan = NULL };
    *out = (train_mistakes){ .n = 0 };
    NN_TRY(nn_arena_new(&out->arena));
    out->item = nn_arena_alloc(out->arena, (size_t)most * sizeof *out->item);
    nn_status st = out->item != NULL ? open(&s, n, g, set, split) : NN_ENOMEM;
    if (st == NN_OK)
        st = look(out, &s, set, most);
    close(&s);
    return st;
}

void train_mistakes_free(train_mistakes *m)
{
    nn_arena_free(m->arena);
    *m = (train_mistakes){ .n = 0 };
}
