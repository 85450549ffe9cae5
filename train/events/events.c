#include "train/events/events.h"

#include <string.h>
#include <time.h>

#include "export/message.h"
#include "nn/base/mem.h"
#include "train/events/events.pb-c.h"
#include "train/events/records.h"

static char version[] = "brain.Event:2";

struct train_events {
    train_records records;
    bool empty;
    ex_message m; /* of the event that is being made; its arena lives as long */
    nn_status st; /* of that event */
    int64_t step;
    Tensorboard__Summary summary;
};

/* ---- files ----------------------------------------------------------------------------------- */

static double seconds_since_1970(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Fills in the time and the step. */
static nn_status append(train_events *e, Tensorboard__Event *event, int64_t step)
{
    nn_bytes bytes = { 0 };
    event->has_wall_time = event->has_step = true;
    event->wall_time = seconds_since_1970();
    event->step = step;
    NN_TRY(ex_message_pack(&bytes, &e->m, event));
    nn_status st = train_records_add(&e->records, bytes.data, bytes.size);
    nn_bytes_free(&bytes);
    return st;
}

/* Bytes of the whole events whose step is at most `step`. */
static size_t keep(const nn_bytes *file, int64_t step, int *events)
{
    size_t kept = 0, offset = 0;
    nn_bytes payload;
    *events = 0;
    while (train_records_next(&payload, file, &offset)) {
        Tensorboard__Event *event = tensorboard__event__unpack(NULL, payload.size, payload.data);
        bool wanted = event != NULL && event->step <= step;
        if (event != NULL)
            tensorboard__event__free_unpacked(event, NULL);
        if (!wanted)
            break;
        kept = offset;
        ++*events;
    }
    return kept;
}

static nn_status find_place(size_t *kept, int *events, const char *path, int64_t step)
{
    nn_bytes file;
    FILE *there = step >= 0 ? fopen(path, "rb") : NULL;
    *kept = 0, *events = 0;
    if (there == NULL)
        return NN_OK;
    fclose(there);
    NN_TRY(nn_file_read(&file, path, 0));
    *kept = keep(&file, step, events);
    nn_bytes_free(&file);
    return NN_OK;
}

static nn_status open(train_events *e, const char *path, int64_t step)
{
    size_t kept;
    int events;
    Tensorboard__Event first = TENSORBOARD__EVENT__INIT;
    first.what_case = TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    first.file_version = version;
    NN_TRY(nn_arena_new(&e->m.arena));
    NN_TRY(find_place(&kept, &events, path, step));
    NN_TRY(train_records_open(&e->records, path, kept));
    e->empty = events < 2;
    return events > 0 ? NN_OK : append(e, &first, 0);
}

nn_status train_events_open(train_events **out, const char *path, int64_t step)
{
    train_events *e = nn_mem_alloc(sizeof *e);
    if (e == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: an event file");
    nn_status st = open(e, path, step);
    if (st == NN_OK)
        *out = e;
    else
        train_events_close(e);
    return st;
}

void train_events_close(train_events *e)
{
    if (e == NULL)
        return;
    train_records_close(&e->records);
    nn_arena_free(e->m.arena);
    nn_mem_free(e);
}

bool train_events_is_empty(const train_events *e)
{
    return e->empty;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The arena is that of one event. */
void train_events_begin(train_events *e, int64_t step)
{
    nn_arena_free(e->m.arena);
    e->m.arena = NULL;
    e->st = nn_arena_new(&e->m.arena);
    e->m.st = e->st;
    e->step = step;
    e->summary = (Tensorboard__Summary)TENSORBOARD__SUMMARY__INIT;
}

static Tensorboard__Summary__Value *add(train_events *e, const char *tag)
{
    static const Tensorboard__Summary__Value empty = TENSORBOARD__SUMMARY__VALUE__INIT;
    Tensorboard__Summary *s = &e->summary;
    Tensorboard__Summary__Value *v = ex_message_new(&e->m, &empty, sizeof empty);
    Tensorboard__Summary__Value **list = ex_message_grow(&e->m, s->value, s->n_value);
    if (v == NULL || list == NULL)
        return NULL;
    v->tag = ex_message_text(&e->m, tag);
    s->value = list;
    s->value[s->n_value++] = v;
    return v;
}

void train_events_scalar(train_events *e, const char *tag, double value)
{
    Tensorboard__Summary__Value *v = add(e, tag);
    if (v == NULL)
        return;
    v->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    v->simple_value = (float)value;
}

void train_events_histogram(train_events *e, const char *tag, const train_event_bins *b)
{
    Tensorboard__HistogramProto bins = TENSORBOARD__HISTOGRAM_PROTO__INIT;
    size_t n = (size_t)b->n;
    bins.has_min = bins.has_max = bins.has_num = true;
    bins.min = b->min, bins.max = b->max, bins.num = b->count;
    bins.n_bucket_limit = bins.n_bucket = n;
    bins.bucket_limit = ex_message_new(&e->m, b->limit, n * sizeof *b->limit);
    bins.bucket = ex_message_new(&e->m, b->in, n * sizeof *b->in);
    Tensorboard__Summary__Value *v = add(e, tag);
    if (v == NULL)
        return;
    v->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_HISTO;
    v->histo = ex_message_new(&e->m, &bins, sizeof bins);
}

void train_events_image(train_events *e, const char *tag, const ds_image *image)
{
    Tensorboard__Summary__Image picture = TENSORBOARD__SUMMARY__IMAGE__INIT;
    nn_bytes png;
    if (e->st != NN_OK || (e->st = ds_png_encode(&png, image, tag)) != NN_OK)
        return;
    picture.has_height = picture.has_width = picture.has_colorspace = true;
    picture.height = image->height, picture.width = image->width;
    picture.colorspace = image->channels;
    picture.has_encoded_image_string = true;
    picture.encoded_image_string =
        (ProtobufCBinaryData){ png.size, ex_message_new(&e->m, png.data, png.size) };
    nn_bytes_free(&png);
    Tensorboard__Summary__Value *v = add(e, tag);
    if (v == NULL)
        return;
    v->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_IMAGE;
    v->image = ex_message_new(&e->m, &picture, sizeof picture);
}

nn_status train_events_end(train_events *e)
{
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
    NN_TRY(e->st);
    if (e->m.st == NN_OK && e->summary.n_value == 0)
        return NN_OK;
    event.what_case = TENSORBOARD__EVENT__WHAT_SUMMARY;
    event.summary = &e->summary;
    return append(e, &event, e->step);
}

nn_status train_events_graph(train_events *e, int64_t step, const nn_bytes *graph)
{
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
    event.what_case = TENSORBOARD__EVENT__WHAT_GRAPH_DEF;
    event.graph_def = (ProtobufCBinaryData){ graph->size, graph->data };
    return append(e, &event, step);
}
