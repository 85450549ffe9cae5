#include "train/events/board.h"

#include <math.h>
#include <string.h>

#include "export/graphdef.h"
#include "nn/base/mem.h"
#include "quant/stats.h"
#include "train/events/events.h"
#include "train/mistakes.h"
#include "train/events/watch.h"

/* A few pictures tell what values look like; their floats are held as long as the run lasts. */
enum { SAMPLE = 128, SAMPLE_FLOATS = 1 << 22 };
enum { BINS = 32, CELLS = 64, MISTAKES = 16, TAG = 320 };

struct train_board {
    train_events *events;
    const train_network *network;
    nn_real *image; /* [sample.n, H, W, C], normalized */
    quant_array sample;
};

/* ---- pictures to look at --------------------------------------------------------------------- */

static nn_status fill_sample(train_board *b, ds_loader *loader)
{
    const ds_batch *batch;
    for (int had = 0; had < b->sample.n; had += batch->n) {
        NN_TRY(ds_loader_next(loader, &batch));
        if (batch == NULL) { /* some could not be read */
            b->sample.n = had;
            break;
        }
        const int n = batch->n < b->sample.n - had ? batch->n : b->sample.n - had;
        memcpy(b->image + (size_t)had * b->sample.item, batch->image,
               (size_t)n * b->sample.item * sizeof *b->image);
    }
    return NN_OK;
}

/* The first ones that are held back, or else that are trained on. */
static nn_status take_sample(train_board *b, const ds_set *set)
{
    ds_loader *loader;
    const ds_split split = ds_count(set, DS_VAL) > 0 ? DS_VAL : DS_TRAIN;
    const size_t item = ds_item_bytes(set), fit = SAMPLE_FLOATS / item;
    int n = ds_count(set, split) < SAMPLE ? ds_count(set, split) : SAMPLE;
    n = (size_t)n <= fit ? n : fit > 0 ? (int)fit : 1;
    const ds_loader_options o = train_prep_loader(&b->network->info.prep, n);
    b->image = nn_mem_alloc((size_t)n * item * sizeof *b->image);
    if (b->image == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %d pictures to look at", n);
    b->sample = (quant_array){ .image = b->image, .item = item, .n = n, .batch = n };
    NN_TRY(ds_loader_new(&loader, set, split, &o));
    nn_status st = fill_sample(b, loader);
    ds_loader_free(loader);
    return st;
}

/* ---- the run --------------------------------------------------------------------------------- */

static nn_status show_graph(train_events *e, int64_t step, const nn_graph *g)
{
    nn_bytes bytes;
    NN_TRY(ex_graphdef_outline(&bytes, g));
    nn_status st = train_events_graph(e, step, &bytes);
    nn_bytes_free(&bytes);
    return st;
}

static nn_status open(train_board *b, const train_folder *f, const ds_set *set,
                      const nn_graph *graph, int64_t step)
{
    char path[TRAIN_PATH];
    NN_TRY(take_sample(b, set));
    NN_TRY(train_events_open(&b->events, train_folder_file(f, TRAIN_RESULT_EVENTS, path),
                             step > 0 ? step : -1));
    return train_events_is_empty(b->events) ? show_graph(b->events, 0, graph) : NN_OK;
}

nn_status train_board_open(train_board **out, const train_folder *f, const train_network *n,
                           const ds_set *set, const nn_graph *graph, int64_t step)
{
    train_board *b = nn_mem_alloc(sizeof *b);
    if (b == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: event files");
    b->network = n;
    nn_status st = open(b, f, set, graph, step);
    if (st == NN_OK)
        *out = b;
    else
        train_board_close(b);
    return st;
}

void train_board_close(train_board *b)
{
    if (b == NULL)
        return;
    train_events_close(b->events);
    nn_mem_free(b->image);
    nn_mem_free(b);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static const char *tag_of(char tag[TAG], const char *what, const char *name)
{
    snprintf(tag, TAG, "%s/%s", what, name);
    return tag;
}

static void show_values(train_events *e, const char *name, const quant_histogram *h)
{
    char tag[TAG];
    quant_cell cell[CELLS];
    double limit[CELLS], in[CELLS];
    const int n = quant_histogram_cells(cell, CELLS, h);
    for (int i = 0; i < n; i++) {
        limit[i] = cell[i].to;
        in[i] = (double)cell[i].count;
    }
    const train_event_bins bins = { .min = (double)h->min,
                                    .max = (double)h->max,
                                    .count = (double)h->n,
                                    .n = n,
                                    .limit = limit,
                                    .in = in };
    if (n > 0)
        train_events_histogram(e, tag_of(tag, "values", name), &bins);
}

static void show_grid(train_events *e, const quant_tensor_stats *t)
{
    int c = 0;
    for (int i = 1; i < t->channels; i++)
        c = t->scale[i] > t->scale[c] ? i : c;
    const double scale = (double)t->scale[c], zero = t->zero_point[c];
    const struct {
        const char *what;
        double value;
    } numbers[] = { { "min", scale * (t->grid.qmin - zero) },
                    { "max", scale * (t->grid.qmax - zero) },
                    { "scale", scale },
                    { "zero_point", zero },
                    { "clipped", quant_stats_clipped(t) },
                    { "sqnr_db", quant_stats_sqnr_db(t) } };
    char tag[TAG];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && scale > 0; i++)
        if (isfinite(numbers[i].value)) /* rounding that changes nothing has no noise */
            train_events_scalar(e, tag_of(tag, numbers[i].what, t->name), numbers[i].value);
}

/* Tensors of the integer network, before their values are rounded. */
static nn_status show_quantized(train_board *b, bool rounded)
{
    const train_network *n = b->network;
    const quant_pictures pictures = quant_pictures_of(&b->sample);
    quant_stats *s = NULL;
    NN_TRY(quant_stats_measure(&s, n->graph, &n->quant, rounded ? QUANT_DEPLOY : QUANT_CALIBRATE,
                               &pictures, BINS));
    for (int i = 0; i < s->n; i++) {
        show_values(b->events, s->tensor[i].name, s->tensor[i].values);
        if (rounded)
            show_grid(b->events, &s->tensor[i]);
    }
    quant_stats_free(s);
    return NN_OK;
}

static nn_status show_float(train_board *b)
{
    const quant_pictures pictures = quant_pictures_of(&b->sample);
    train_watch *w = NULL;
    NN_TRY(train_watch_values(&w, b->network->graph, &pictures, BINS));
    for (int i = 0; i < w->n; i++)
        show_values(b->events, w->name[i], w->values[i]);
    train_watch_free(w);
    return NN_OK;
}

static nn_status show_tensors(train_board *b, train_stage stage)
{
    return b->network->can_quantize ? show_quantized(b, stage == TRAIN_QUANTIZED) : show_float(b);
}

/* ---- numbers --------------------------------------------------------------------------------- */

nn_status train_board_line(train_board *b, const train_line *l, double images_per_s)
{
    train_events *e = b->events;
    const train_moment *at = &l->at;
    train_events_begin(e, at->step);
    train_events_scalar(e, "train/loss", at->loss);
    train_events_scalar(e, "train/top1", at->top1);
    train_events_scalar(e, "lr", at->lr);
    train_events_scalar(e, "epoch", (double)at->epoch);
    train_events_scalar(e, "images_per_s", images_per_s);
    if (l->has_val) {
        train_events_scalar(e, "val/loss", l->val.loss);
        train_events_scalar(e, "val/top1", l->val.top1);
        train_events_scalar(e, "val/top5", l->val.top5);
    }
    if (l->has_int8) {
        train_events_scalar(e, "int8/loss", l->int8.loss);
        train_events_scalar(e, "int8/top1", l->int8.top1);
    }
    if (at->step % at->batches == 0 || at->step == at->total)
        NN_TRY(show_tensors(b, at->stage));
    return train_events_end(e);
}

/* ---- the end --------------------------------------------------------------------------------- */

static nn_status show_mistakes(train_events *e, const train_network *n, const nn_graph *g,
                               const ds_set *set)
{
    char tag[TAG];
    train_mistakes m;
    nn_status st = train_mistakes_find(&m, n, g, set, DS_TEST, MISTAKES);
    for (int i = 0; st == NN_OK && i < m.n; i++) {
        const train_mistake *p = &m.item[i];
        snprintf(tag, sizeof tag, "mistakes/%d: %.100s, taken for %.100s", p->index,
                 ds_class_name(set, p->label), ds_class_name(set, p->said));
        train_events_image(e, tag, &p->image);
    }
    train_mistakes_free(&m);
    return st;
}

static nn_status write_end(train_events *e, const train_network *n, const ds_set *set, int64_t step,
                           const train_score *test, const train_score *int8)
{
    const bool quantized = n->info.quantized;
    const nn_graph *g = quantized ? n->deploy : n->graph;
    train_events_begin(e, step);
    train_events_scalar(e, "test/loss", test->loss);
    train_events_scalar(e, "test/top1", test->top1);
    train_events_scalar(e, "test/top5", test->top5);
    if (quantized) {
        train_events_scalar(e, "test/int8_loss", int8->loss);
        train_events_scalar(e, "test/int8_top1", int8->top1);
    }
    NN_TRY(show_mistakes(e, n, g, set));
    NN_TRY(train_events_end(e));
    return quantized ? show_graph(e, step, g) : NN_OK;
}

nn_status train_board_end(const train_folder *f, const train_network *n, const ds_set *set,
                          int64_t step, const train_score *test, const train_score *int8)
{
    char path[TRAIN_PATH];
    train_events *e = NULL;
    NN_TRY(train_events_open(&e, train_folder_file(f, TRAIN_RESULT_TEST_EVENTS, path), -1));
    nn_status st = write_end(e, n, set, step, test, int8);
    train_events_close(e);
    return st;
}
