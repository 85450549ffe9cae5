#include "train/report/look.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "export/integer.h"
#include "nn/base/mem.h"

/* ---- pictures -------------------------------------------------------------------------------- */

enum { BATCH = 32, BINS = 1024 };

/* A split's pictures in batches, with their labels beside. */
typedef struct feed {
    ds_loader *loader;
    int count, left; /* pictures of a pass, and those not given yet */
    const ds_batch *batch;
    int seen; /* pictures of the batch whose passes are over */
} feed;

static nn_status rewind_feed(void *ctx)
{
    feed *f = ctx;
    f->left = f->count;
    return ds_loader_seek(f->loader, 0, 0);
}

static nn_status next_batch(void *ctx, const nn_real **image, int *n)
{
    feed *f = ctx;
    *n = 0;
    f->seen = 0;
    if (f->left == 0)
        return NN_OK;
    NN_TRY(ds_loader_next(f->loader, &f->batch));
    if (f->batch == NULL)
        return NN_OK;
    *image = f->batch->image;
    *n = f->batch->n < f->left ? f->batch->n : f->left;
    f->left -= *n;
    return NN_OK;
}

/* All pictures in order where there are few, else a choice, so that all classes are in it. */
static nn_status open_feed(feed *f, const report_look *l, const ds_set *set, int pictures)
{
    const bool all = l->of < pictures + BATCH;
    ds_loader_options o = train_prep_loader(&l->network->info.prep, BATCH);
    o.train = !all;
    o.seed = 1;
    *f = (feed){ .count = all ? l->of : pictures };
    return ds_loader_new(&f->loader, set, l->split, &o);
}

/* ---- predictions ----------------------------------------------------------------------------- */

typedef struct looker {
    report_look *l;
    feed feed;
    size_t item; /* bytes of a picture */
} looker;

/* Keeps the worst, in order; the last one's pixels are used again. */
static nn_status keep_mistake(looker *k, train_mistake m, const uint8_t *from)
{
    report_look *l = k->l;
    const train_prep *p = &l->network->info.prep;
    uint8_t *pixels;
    int at = l->n_mistakes;
    l->n_wrong++;
    if (at == REPORT_MISTAKES && !(m.loss > l->mistake[at - 1].loss))
        return NN_OK;
    if (at == REPORT_MISTAKES)
        pixels = l->mistake[--at].image.pixels;
    else
        pixels = nn_arena_alloc(l->arena, k->item);
    if (pixels == NULL)
        return NN_ENOMEM;
    memcpy(pixels, from, k->item);
    m.image = (ds_image){ p->height, p->width, p->channels, pixels };
    for (; at > 0 && m.loss > l->mistake[at - 1].loss; at--)
        l->mistake[at] = l->mistake[at - 1];
    l->mistake[at] = m;
    l->n_mistakes += l->n_mistakes < REPORT_MISTAKES;
    return NN_OK;
}

static nn_status see(void *ctx, const quant_run *r, int n)
{
    looker *k = ctx;
    report_look *l = k->l;
    const nn_node *out = train_graph_output(r->graph);
    const int classes = l->network->info.classes;
    const nn_real *logits = nn_exec_value(r->exec, out);
    if (l->stats != NULL)
        NN_TRY(quant_stats_see(l->stats, r, n));
    for (int i = 0; i < n; i++) {
        const int at = k->feed.seen + i, label = (int)k->feed.batch->label[at];
        train_mistake m = train_mistake_judge(logits + (size_t)i * (size_t)classes, classes, label);
        m.index = k->feed.batch->index[at];
        if (l->confusion != NULL)
            l->confusion[(size_t)label * (size_t)classes + (size_t)m.said]++;
        l->right += m.said == label;
        if (m.said != label)
            NN_TRY(keep_mistake(k, m, k->feed.batch->pixels + (size_t)at * k->item));
    }
    k->feed.seen += n;
    l->pictures += n;
    return NN_OK;
}

static nn_status run_graph(looker *k)
{
    report_look *l = k->l;
    const train_network *n = l->network;
    quant_run r = { 0 };
    const quant_pictures pictures = { &k->feed, BATCH, rewind_feed, next_batch };
    const quant_stage stage = !n->can_quantize ? QUANT_NONE
                              : n->has_ranges  ? QUANT_DEPLOY
                                               : QUANT_CALIBRATE;
    nn_status st = quant_run_open(&r, n->graph, n->can_quantize ? &n->quant : NULL, stage, BATCH,
                                  n->can_quantize);
    if (st == NN_OK && n->can_quantize)
        st = quant_stats_new(&l->stats, r.graph, BINS);
    if (st == NN_OK)
        st = quant_run_all(&r, &pictures, false, NULL, see, k);
    quant_run_close(&r);
    return st;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Runs of a picture one after another, for half a second at most. */
static report_latency time_runs(const rt_model *m, void *arena)
{
    enum { WARM_UP = 3, MOST_RUNS = 50 };
    double seconds[MOST_RUNS];
    const double begin = omp_get_wtime();
    int n = 0;
    for (int i = 0; i < WARM_UP; i++)
        rt_run(m, arena, NULL);
    do {
        const double before = omp_get_wtime();
        rt_run(m, arena, NULL);
        seconds[n++] = omp_get_wtime() - before;
    } while (n < MOST_RUNS && omp_get_wtime() - begin < 0.5);
    qsort(seconds, (size_t)n, sizeof *seconds, compare_times);
    return (report_latency){ 1e6 * seconds[n / 2], n };
}

static nn_status measure_file(report_look *l, const nn_bytes *file)
{
    ex_integer m = { 0 };
    void *arena = NULL;
    nn_status st = ex_integer_open(&m, file->data, file->size, NULL);
    if (st == NN_OK)
        st = ex_integer_arena(&arena, m.model);
    if (st == NN_OK) {
        l->cost = rt_costs(m.model);
        l->latency = time_runs(m.model, arena);
    }
    nn_mem_free(arena);
    ex_integer_close(&m);
    return st;
}

/* Layer by layer, on the first of the pictures that were looked at. */
static nn_status match_file(looker *k, const nn_bytes *file)
{
    report_look *l = k->l;
    const train_network *n = l->network;
    const ex_compare_file f = { file->data, file->size, NULL };
    if (!n->can_quantize || !n->has_ranges)
        return nn_fail(NN_ENOTSUP, "the checkpoint has no ranges");
    k->feed.count = k->feed.count < REPORT_MATCHED ? k->feed.count : REPORT_MATCHED;
    NN_TRY(rewind_feed(&k->feed));
    return ex_compare(&l->match, l->arena, n->graph, &n->quant, &f, BATCH, next_batch, &k->feed);
}

static nn_status look_at_file(looker *k, const nn_bytes *file)
{
    report_look *l = k->l;
    nn_status st = measure_file(l, file);
    if (st == NN_OK)
        st = match_file(k, file);
    l->file_bytes = file->size;
    l->no_match = st == NN_OK ? NULL : nn_arena_strdup(l->arena, nn_message());
    return st != NN_OK && l->no_match == NULL ? NN_ENOMEM : NN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static ds_split choose_split(const ds_set *set)
{
    return ds_count(set, DS_TEST) > 0 ? DS_TEST : ds_count(set, DS_VAL) > 0 ? DS_VAL : DS_TRAIN;
}

static nn_status look(looker *k, const ds_set *set, const nn_bytes *file, int pictures)
{
    report_look *l = k->l;
    const size_t classes = (size_t)l->network->info.classes;
    NN_TRY(nn_arena_new(&l->arena));
    NN_TRY(train_network_fits(l->network, set));
    l->no_match = "there is no .tflite file";
    if (classes <= REPORT_MOST_CLASSES &&
        (l->confusion = nn_arena_alloc(l->arena, classes * classes * sizeof *l->confusion)) == NULL)
        return NN_ENOMEM;
    NN_TRY(open_feed(&k->feed, l, set, pictures));
    NN_TRY(run_graph(k));
    return file != NULL ? look_at_file(k, file) : NN_OK;
}

nn_status report_look_new(report_look *out, const train_network *n, const ds_set *set,
                          const nn_bytes *file, int pictures)
{
    const ds_split split = choose_split(set);
    *out = (report_look){ .network = n, .split = split, .of = ds_count(set, split) };
    looker k = { .l = out, .item = ds_item_bytes(set) };
    nn_status st = look(&k, set, file, pictures);
    ds_loader_free(k.feed.loader);
    if (st != NN_OK)
        report_look_free(out);
    return st;
}

void report_look_free(report_look *l)
{
    quant_stats_free(l->stats);
    nn_arena_free(l->arena);
    *l = (report_look){ 0 };
}

/* ---- reading --------------------------------------------------------------------------------- */

nn_status report_mistake_png(nn_bytes *out, const train_mistake *m)
{
    const ds_image *whole = &m->image;
    const int longer = whole->height > whole->width ? whole->height : whole->width;
    if (longer <= REPORT_THUMBNAIL)
        return ds_png_encode(out, whole, "a picture");
    ds_image small;
    ds_scratch scratch = { 0 };
    const int height = whole->height * REPORT_THUMBNAIL / longer;
    const int width = whole->width * REPORT_THUMBNAIL / longer;
    NN_TRY(ds_image_new(&small, height > 0 ? height : 1, width > 0 ? width : 1, whole->channels));
    nn_status st = ds_resize(whole, (ds_resize_rule){ DS_STRETCH, DS_TRIANGLE }, &small, &scratch);
    if (st == NN_OK)
        st = ds_png_encode(out, &small, "a picture");
    ds_scratch_free(&scratch);
    ds_image_free(&small);
    return st;
}

const ex_layer_match *report_look_match(const report_look *l, const char *tensor)
{
    for (int i = 0; i < l->match.n_layers; i++)
        if (strcmp(l->match.layer[i].name, tensor) == 0)
            return &l->match.layer[i];
    return NULL;
}
