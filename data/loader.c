#define _POSIX_C_SOURCE 200809L
#include "data/loader.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/base/rng.h"

enum { SLOTS = 2, MESSAGE_BYTES = 512 };

/* A batch and its memory. */
typedef struct slot {
    ds_batch batch;
    nn_real *image, *label;
    uint8_t *pixels;
    int32_t *index;
    bool full;
    nn_status status; /* of making it; the text is kept because messages belong to threads */
    char message[MESSAGE_BYTES];
} slot;

struct ds_loader {
    const ds_set *set;
    ds_split split;
    ds_loader_options opt;
    int height, width, channels;
    size_t item; /* numbers in a picture */
    int n;       /* items in the split */
    int64_t batches;
    nn_real table[DS_MAX_CHANNELS][256]; /* code -> normalized value */
    uint8_t fill[DS_MAX_CHANNELS];

    /* the thread's own */
    int32_t *order; /* [n] of epoch order_epoch; NULL in evaluation */
    int64_t order_epoch;
    uint8_t *copy; /* for augmentation */
    ds_scratch scratch;

    /* shared, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    slot slot[SLOTS];
    int64_t epoch, number; /* what is made next */
    int filling, taking;   /* slots: made next, given next */
    bool held;             /* the caller has the slot before `taking` */
    bool busy;             /* the thread is making a batch */
    bool ended;            /* nothing more to make: end of an evaluation, or an error */
    bool stop;

    pthread_t thread;
    bool started;
    void *block; /* the memory of everything above */
};

/* ---- making a batch -------------------------------------------------------------------------- */

/* Fisher and Yates, from the stream of the epoch. */
static void shuffle(ds_loader *l, int64_t epoch)
{
    if (l->order == NULL || l->order_epoch == epoch)
        return;
    nn_rng r = nn_rng_stream(l->opt.seed, "shuffle", (uint64_t)epoch, 0);
    for (int i = 0; i < l->n; i++)
        l->order[i] = i;
    for (int i = l->n - 1; i > 0; i--) {
        int j = (int)nn_rng_below(&r, (uint32_t)i + 1);
        int32_t swap = l->order[i];
        l->order[i] = l->order[j];
        l->order[j] = swap;
    }
    l->order_epoch = epoch;
}

static void normalize(const ds_loader *l, nn_real *image, const uint8_t *pixels)
{
    size_t n = l->item;
    if (l->channels == 1) {
        for (size_t i = 0; i < n; i++)
            image[i] = l->table[0][pixels[i]];
        return;
    }
    for (size_t i = 0; i < n; i += 3) {
        image[i] = l->table[0][pixels[i]];
        image[i + 1] = l->table[1][pixels[i + 1]];
        image[i + 2] = l->table[2][pixels[i + 2]];
    }
}

/* Reads item *index, or with skip_bad in training the next one that can be read. */
static nn_status read_item(ds_loader *l, int *index, uint8_t *pixels, int *label)
{
    nn_status st = NN_OK;
    for (int tries = 0; tries < l->n; tries++) {
        st = ds_read_with(l->set, l->split, *index, pixels, label, &l->scratch);
        if (st == NN_OK || st == NN_ENOMEM || !ds_skips_bad(l->set) || !l->opt.train)
            return st;
        *index = (*index + 1) % l->n;
    }
    return nn_fail_context(st, "none of %d pictures can be read; the last", l->n);
}

/* Puts an item at place b->n of the slot and counts it. */
static nn_status add_item(ds_loader *l, slot *s, int index)
{
    ds_batch *b = &s->batch;
    uint8_t *pixels = s->pixels + (size_t)b->n * l->item;
    int label = 0, place = index;
    nn_status st = read_item(l, &index, pixels, &label);
    if (st != NN_OK && st != NN_ENOMEM && ds_skips_bad(l->set) && !l->opt.train)
        return NN_OK;
    NN_TRY(st);
    if (l->opt.train) {
        ds_image im = { l->height, l->width, l->channels, pixels };
        ds_augment_apply(
            &l->opt.augment, &im, l->fill, l->copy,
            nn_rng_stream(l->opt.seed, "augment", (uint64_t)b->epoch, (uint64_t)place));
    }
    if (s->image != NULL)
        normalize(l, s->image + (size_t)b->n * l->item, pixels);
    s->label[b->n] = (nn_real)label;
    s->index[b->n++] = index;
    return NN_OK;
}

static nn_status make(ds_loader *l, slot *s, int64_t epoch, int64_t number)
{
    int64_t first = number * l->opt.batch;
    int64_t end = first + l->opt.batch < l->n ? first + l->opt.batch : l->n;
    s->batch = (ds_batch){ .image = s->image,
                           .label = s->label,
                           .pixels = s->pixels,
                           .index = s->index,
                           .epoch = epoch,
                           .number = number,
                           .last = number + 1 == l->batches };
    shuffle(l, epoch);
    for (int64_t i = first; i < end; i++)
        NN_TRY(add_item(l, s, l->order != NULL ? l->order[i] : (int)i));
    return NN_OK;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* The slot that may be filled now, or NULL: it is full, or the caller has it. */
static slot *free_slot(ds_loader *l)
{
    slot *s = &l->slot[l->filling];
    int in_hand = (l->taking + SLOTS - 1) % SLOTS;
    return s->full || (l->held && l->filling == in_hand) ? NULL : s;
}

/* Moves on by one batch; the lock is held. */
static void advance(ds_loader *l)
{
    if (++l->number < l->batches)
        return;
    l->number = 0;
    l->epoch++;
    if (!l->opt.train)
        l->ended = true;
}

/* Hands a slot over to the caller; the lock is held. */
static void publish(ds_loader *l, slot *s, nn_status st)
{
    s->status = st;
    if (st != NN_OK) {
        snprintf(s->message, sizeof s->message, "%s", nn_message());
        l->ended = true;
    } else {
        advance(l);
        if (s->batch.n == 0) /* an evaluation batch of bad pictures only */
            return;
    }
    s->full = true;
    l->filling = (l->filling + 1) % SLOTS;
}

static void *work(void *loader)
{
    ds_loader *l = loader;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        slot *s = free_slot(l);
        if (s == NULL || l->ended) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        l->busy = true;
        int64_t epoch = l->epoch, number = l->number;
        pthread_mutex_unlock(&l->lock);
        nn_status st = make(l, s, epoch, number);
        pthread_mutex_lock(&l->lock);
        l->busy = false;
        publish(l, s, st);
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Signals are the caller's business: the thread is born with all of them blocked. */
static nn_status start(ds_loader *l)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&l->thread, NULL, work, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return nn_fail(NN_ENOMEM, "loader: a thread could not be started: %s", strerror(failed));
    l->started = true;
    return NN_OK;
}

/* ---- the caller's side ----------------------------------------------------------------------- */

nn_status ds_loader_next(ds_loader *l, const ds_batch **out)
{
    *out = NULL;
    pthread_mutex_lock(&l->lock);
    slot *s = &l->slot[l->taking];
    if (l->held) {
        l->held = false;
        pthread_cond_broadcast(&l->changed);
    }
    while (!s->full && !(l->ended && !l->busy))
        pthread_cond_wait(&l->changed, &l->lock);
    nn_status st = NN_OK;
    if (s->full && s->status != NN_OK) {
        st = s->status; /* the slot stays full: every further call says the same */
    } else if (s->full) {
        s->full = false;
        l->held = true;
        l->taking = (l->taking + 1) % SLOTS;
        *out = &s->batch;
    }
    pthread_mutex_unlock(&l->lock);
    return st == NN_OK ? st : nn_fail(st, "%s", s->message);
}

nn_status ds_loader_seek(ds_loader *l, int64_t epoch, int64_t number)
{
    if (epoch < 0 || number < 0 || number >= l->batches)
        return nn_fail(NN_EINVAL, "loader: there is no batch %lld in epoch %lld; an epoch has %lld",
                       (long long)number, (long long)epoch, (long long)l->batches);
    pthread_mutex_lock(&l->lock);
    /* What is being made is finished, then forgotten with the rest. */
    l->ended = true;
    while (l->busy)
        pthread_cond_wait(&l->changed, &l->lock);
    for (int i = 0; i < SLOTS; i++)
        l->slot[i].full = false;
    l->filling = l->taking = 0;
    l->held = l->ended = false;
    l->epoch = epoch;
    l->number = number;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return NN_OK;
}

int64_t ds_loader_batches(const ds_loader *l)
{
    return l->batches;
}

/* ---- building -------------------------------------------------------------------------------- */

static nn_status check_options(const ds_set *set, ds_split split, const ds_loader_options *o)
{
    NN_TRY(ds_check_usable(set, split));
    if (o->batch < 1)
        return nn_fail(NN_EINVAL, "loader: a batch of %d; it must be at least 1", o->batch);
    if (o->train && ds_count(set, split) < o->batch)
        return nn_fail(NN_EINVAL,
                       "%s: a batch of %d needs more than its %d %s pictures; lower --batch",
                       ds_spec(set), o->batch, ds_count(set, split), ds_split_name(split));
    for (int c = 0; c < ds_channels(set) && !o->pixels_only; c++)
        if (!(o->std[c] > 0) || !isfinite(o->std[c]) || !isfinite(o->mean[c]))
            return nn_fail(NN_EINVAL,
                           "loader: mean %g and deviation %g of channel %d: both must be "
                           "finite, and the deviation above 0",
                           o->mean[c], o->std[c], c);
    return o->train ? ds_augment_check(&o->augment, ds_height(set), ds_width(set)) : NN_OK;
}

/* The value is computed in double and rounded once. */
static void fill_tables(ds_loader *l)
{
    for (int c = 0; c < l->channels && !l->opt.pixels_only; c++) {
        double mean = l->opt.mean[c], std = l->opt.std[c];
        for (int code = 0; code < 256; code++)
            l->table[c][code] = (nn_real)((code - mean) / std);
        double nearest = floor(mean + 0.5);
        l->fill[c] = (uint8_t)(nearest < 0 ? 0 : nearest > 255 ? 255 : nearest);
    }
}

/* Takes `bytes` of a block at *at; NULL while the block's size is being found. */
static void *take(uint8_t *block, size_t *at, size_t bytes)
{
    void *p = block != NULL ? block + *at : NULL;
    *at += nn_align_up(bytes);
    return p;
}

/* Lays the loader's memory out in a block; returns its size.  A batch may be larger than the split,
 * and needs no more room than that. */
static size_t lay_out(ds_loader *l, uint8_t *block)
{
    size_t at = 0, batch = (size_t)(l->opt.batch < l->n ? l->opt.batch : l->n);
    for (int i = 0; i < SLOTS; i++) {
        slot *s = &l->slot[i];
        if (!l->opt.pixels_only)
            s->image = take(block, &at, batch * l->item * sizeof(nn_real));
        s->label = take(block, &at, batch * sizeof(nn_real));
        s->pixels = take(block, &at, batch * l->item);
        s->index = take(block, &at, batch * sizeof(int32_t));
    }
    l->copy = take(block, &at, l->item);
    if (l->opt.train)
        l->order = take(block, &at, (size_t)l->n * sizeof *l->order);
    return at;
}

static nn_status build(ds_loader *l)
{
    int64_t whole = l->n / l->opt.batch, partial = !l->opt.train && l->n % l->opt.batch != 0;
    l->batches = whole + partial;
    l->order_epoch = -1;
    size_t bytes = lay_out(l, NULL);
    l->block = nn_mem_alloc(bytes);
    if (l->block == NULL)
        return nn_fail(NN_ENOMEM,
                       "loader: out of memory: %zu bytes for batches of %d could not be had", bytes,
                       l->opt.batch);
    lay_out(l, l->block);
    fill_tables(l);
    return start(l);
}

nn_status ds_loader_new(ds_loader **out, const ds_set *set, ds_split split,
                        const ds_loader_options *opt)
{
    *out = NULL;
    NN_TRY(check_options(set, split, opt));
    ds_loader *l = nn_mem_alloc(sizeof *l);
    if (l == NULL)
        return nn_fail(NN_ENOMEM, "loader: out of memory");
    l->set = set;
    l->split = split;
    l->opt = *opt;
    l->height = ds_height(set);
    l->width = ds_width(set);
    l->channels = ds_channels(set);
    l->item = ds_item_bytes(set);
    l->n = ds_count(set, split);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    nn_status st = build(l);
    if (st != NN_OK)
        ds_loader_free(l);
    else
        *out = l;
    return st;
}

void ds_loader_free(ds_loader *l)
{
    if (l == NULL)
        return;
    if (l->started) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    ds_scratch_free(&l->scratch);
    nn_mem_free(l->block);
    nn_mem_free(l);
}
