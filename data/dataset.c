#include "data/dataset.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "data/kind.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "nn/base/suggest.h"

#define DS_KIND(id) &ds_kind_##id,
static const ds_kind *const kinds[] = {
#include "data/datasets.def"
};
#undef DS_KIND

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const char *const split_names[DS_N_SPLITS] = { "train", "val", "test" };

int ds_n_kinds(void)
{
    return N_KINDS;
}

const char *ds_kind_form(int i)
{
    return kinds[i]->form;
}

const char *ds_kind_about(int i)
{
    return kinds[i]->about;
}

const char *ds_split_name(ds_split split)
{
    return split_names[split];
}

nn_status ds_split_parse(ds_split *out, const char *name)
{
    for (int i = 0; i < DS_N_SPLITS; i++)
        if (strcmp(split_names[i], name) == 0) {
            *out = (ds_split)i;
            return NN_OK;
        }
    return nn_fail_unknown("split ", name, split_names, DS_N_SPLITS);
}

/* ---- pictures that cannot be read ------------------------------------------------------------ */

struct ds_bad_list {
    pthread_mutex_t lock;
    nn_arena *arena;            /* the lines */
    uint8_t *seen[DS_N_SPLITS]; /* a bit for each item of each part */
    int n;
    const char *line[DS_BAD_LISTED];
};

static nn_status new_bad_list(ds_set *set)
{
    ds_bad_list *bad = nn_arena_alloc(set->arena, sizeof *bad);
    if (bad == NULL)
        return NN_ENOMEM;
    for (int p = 0; p < DS_N_SPLITS; p++) {
        bad->seen[p] = nn_arena_alloc(set->arena, (size_t)set->part[p].n / 8 + 1);
        if (bad->seen[p] == NULL)
            return NN_ENOMEM;
    }
    NN_TRY(nn_arena_new(&bad->arena));
    pthread_mutex_init(&bad->lock, NULL);
    set->bad = bad;
    return NN_OK;
}

static void free_bad_list(ds_bad_list *bad)
{
    if (bad == NULL)
        return;
    pthread_mutex_destroy(&bad->lock);
    nn_arena_free(bad->arena);
}

/* Notes the picture whose reading has just failed, once. */
static void note_bad(ds_bad_list *bad, int part, int item)
{
    uint8_t bit = (uint8_t)(1u << (item % 8));
    pthread_mutex_lock(&bad->lock);
    if ((bad->seen[part][item / 8] & bit) == 0) {
        bad->seen[part][item / 8] |= bit;
        if (bad->n < DS_BAD_LISTED)
            bad->line[bad->n] = nn_arena_strdup(bad->arena, nn_message());
        bad->n++;
    }
    pthread_mutex_unlock(&bad->lock);
}

bool ds_skips_bad(const ds_set *set)
{
    return set->bad != NULL;
}

int ds_n_bad(const ds_set *set)
{
    if (set->bad == NULL)
        return 0;
    pthread_mutex_lock(&set->bad->lock);
    int n = set->bad->n;
    pthread_mutex_unlock(&set->bad->lock);
    return n;
}

const char *ds_bad(const ds_set *set, int i)
{
    if (i < 0 || i >= DS_BAD_LISTED || i >= ds_n_bad(set) || set->bad->line[i] == NULL)
        return "";
    return set->bad->line[i];
}

/* ---- opening --------------------------------------------------------------------------------- */

uint16_t *ds__labels(ds_set *set, int n)
{
    return nn_arena_alloc(set->arena, (size_t)n * sizeof(uint16_t));
}

nn_status ds__number_classes(ds_set *set, int classes)
{
    const char **names = nn_arena_alloc(set->arena, (size_t)classes * sizeof *names);
    if (names == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < classes; i++)
        if ((names[i] = nn_arena_printf(set->arena, "%d", i)) == NULL)
            return NN_ENOMEM;
    set->classes = classes;
    set->class_name = names;
    return NN_OK;
}

nn_status ds__need_argument(const ds_kind *kind, const char *argument)
{
    if (argument == NULL || argument[0] == '\0')
        return nn_fail(NN_EINVAL, "data \"%s\": something is missing after the name; write %s",
                       kind->name, kind->form);
    return NN_OK;
}

static nn_status find_kind(const ds_kind **out, const char *spec, size_t length)
{
    char name[64] = { 0 };
    memcpy(name, spec, length < sizeof name ? length : sizeof name - 1);
    nn_suggestion near = { .given = name };
    for (int i = 0; i < N_KINDS; i++) {
        if (strlen(kinds[i]->name) == length && strcmp(kinds[i]->name, name) == 0) {
            *out = kinds[i];
            return NN_OK;
        }
        nn_suggest_offer(&near, kinds[i]->name);
    }
    if (near.best != NULL)
        return nn_fail(NN_EINVAL, "data \"%s\": this kind is unknown; did you mean %s?", name,
                       near.best);
    return nn_fail(NN_EINVAL,
                   "data \"%s\": this kind is unknown; for a folder of pictures write "
                   "folder:DIR, else one of fashion-mnist, idx, cifar10, cifar100, sample, "
                   "noise",
                   name);
}

static nn_status check_options(const ds_options *o)
{
    if (o->height < 0 || o->width < 0 || (o->height == 0) != (o->width == 0))
        return nn_fail(NN_EINVAL, "input size %dx%d: height and width are both given or both 0",
                       o->height, o->width);
    if (o->height != 0)
        NN_TRY(ds_check_size("input size", (uint64_t)o->height, (uint64_t)o->width, o->limits));
    if (o->channels != 0 && o->channels != 1 && o->channels != 3)
        return nn_fail(NN_EINVAL, "input of %d channels: 1 (grey) and 3 (RGB) are possible",
                       o->channels);
    if (!(o->val_fraction >= 0 && o->val_fraction < 1))
        return nn_fail(NN_EINVAL, "validation share %g: it must be at least 0 and below 1",
                       o->val_fraction);
    return NN_OK;
}

/* marks `chosen` of n items, by the seed: the first of a random order (Fisher and Yates). */
static void choose(uint8_t *marked, int32_t *order, int n, int chosen, uint64_t seed)
{
    nn_rng r = nn_rng_stream(seed, "validation split", 0, 0);
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = 0; i < chosen; i++) {
        int j = i + (int)nn_rng_below(&r, (uint32_t)(n - i));
        int32_t swap = order[j];
        order[j] = order[i];
        order[i] = swap;
        marked[order[i]] = 1;
    }
}

/* Splits the training part into what is trained on and what is held back. */
static nn_status hold_back(ds_set *set, int held)
{
    int n = set->part[DS_TRAIN].n;
    uint8_t *marked = nn_arena_alloc(set->arena, (size_t)n);
    int32_t *item = nn_arena_alloc(set->arena, (size_t)n * sizeof *item);
    if (marked == NULL || item == NULL)
        return NN_ENOMEM;
    choose(marked, item, n, held, set->opt.seed);
    int32_t *kept = item + held;
    for (int i = 0, h = 0, k = 0; i < n; i++) {
        if (marked[i])
            item[h++] = i;
        else
            kept[k++] = i;
    }
    set->view[DS_VAL] = (ds_view){ .part = DS_TRAIN, .n = held, .item = item };
    set->view[DS_TRAIN] = (ds_view){ .part = DS_TRAIN, .n = n - held, .item = kept };
    return NN_OK;
}

static nn_status make_views(ds_set *set)
{
    for (int s = 0; s < DS_N_SPLITS; s++)
        set->view[s] = (ds_view){ .part = s, .n = set->part[s].n };
    if (set->opt.val_is_test) {
        set->view[DS_VAL] = set->view[DS_TEST];
        return NN_OK;
    }
    int n = set->part[DS_TRAIN].n;
    if (set->part[DS_VAL].n != 0 || set->opt.val_fraction == 0 || n == 0)
        return NN_OK;
    int held = (int)floor(set->opt.val_fraction * n + 0.5);
    held = held > 0 ? held : 1;
    if (held >= n)
        return nn_fail(NN_EINVAL, "%s: holding back %g of %d training pictures leaves none",
                       set->spec, set->opt.val_fraction, n);
    return hold_back(set, held);
}

static nn_status count_classes(ds_set *set)
{
    for (int s = 0; s < DS_N_SPLITS; s++) {
        ds_view *v = &set->view[s];
        v->class_count = nn_arena_alloc(set->arena, (size_t)set->classes * sizeof *v->class_count);
        if (v->class_count == NULL)
            return NN_ENOMEM;
        for (int i = 0; i < v->n; i++)
            v->class_count[ds_label(set, (ds_split)s, i)]++;
    }
    return NN_OK;
}

static nn_status fill(ds_set *set, const char *spec, const ds_options *opt)
{
    const ds_kind *kind = NULL;
    size_t length = strcspn(spec, ":");
    if (opt != NULL)
        set->opt = *opt;
    set->opt.limits = ds_limits_of(set->opt.limits);
    NN_TRY(check_options(&set->opt));
    NN_TRY(find_kind(&kind, spec, length));
    if ((set->spec = nn_arena_strdup(set->arena, spec)) == NULL)
        return NN_ENOMEM;
    NN_TRY(kind->open(set, spec[length] == ':' ? set->spec + length + 1 : NULL));
    NN_TRY(make_views(set));
    NN_TRY(count_classes(set));
    return set->opt.skip_bad ? new_bad_list(set) : NN_OK;
}

nn_status ds_open(ds_set **out, const char *spec, const ds_options *opt)
{
    *out = NULL;
    nn_arena *arena;
    NN_TRY(nn_arena_new(&arena));
    ds_set *set = nn_arena_alloc(arena, sizeof *set);
    if (set == NULL) {
        nn_arena_free(arena);
        return NN_ENOMEM;
    }
    set->arena = arena;
    nn_status st = fill(set, spec, opt);
    if (st != NN_OK)
        ds_close(set);
    else
        *out = set;
    return st;
}

void ds_close(ds_set *set)
{
    if (set == NULL)
        return;
    for (int p = 0; p < DS_N_SPLITS; p++)
        nn_mem_free(set->part[p].block);
    free_bad_list(set->bad);
    nn_arena_free(set->arena);
}

/* ---- asking ---------------------------------------------------------------------------------- */

const char *ds_spec(const ds_set *set)
{
    return set->spec;
}

int ds_height(const ds_set *set)
{
    return set->opt.height != 0 ? set->opt.height : set->height;
}

int ds_width(const ds_set *set)
{
    return set->opt.width != 0 ? set->opt.width : set->width;
}

int ds_channels(const ds_set *set)
{
    return set->opt.channels != 0 ? set->opt.channels : set->channels;
}

size_t ds_item_bytes(const ds_set *set)
{
    return (size_t)ds_height(set) * (size_t)ds_width(set) * (size_t)ds_channels(set);
}

ds_limits ds_limits_used(const ds_set *set)
{
    return set->opt.limits;
}

int ds_count(const ds_set *set, ds_split split)
{
    return set->view[split].n;
}

int ds_classes(const ds_set *set)
{
    return set->classes;
}

const char *ds_class_name(const ds_set *set, int label)
{
    return set->class_name[label];
}

int ds_class_count(const ds_set *set, ds_split split, int label)
{
    return set->view[split].class_count[label];
}

static int item_of(const ds_view *v, int index)
{
    return v->item != NULL ? v->item[index] : index;
}

int ds_label(const ds_set *set, ds_split split, int index)
{
    const ds_view *v = &set->view[split];
    return set->part[v->part].label[item_of(v, index)];
}

nn_status ds_check_usable(const ds_set *set, ds_split split)
{
    if (ds_count(set, split) == 0 && split == DS_VAL)
        return nn_fail(NN_EINVAL, "%s: has no validation pictures; hold some back (--val 0.05)",
                       set->spec);
    if (ds_count(set, split) == 0)
        return nn_fail(NN_EINVAL, "%s: has no %s pictures%s%s", set->spec, ds_split_name(split),
                       set->missing != NULL ? "; " : "", set->missing != NULL ? set->missing : "");
    if (ds_height(set) != 0)
        return NN_OK;
    int height, width;
    NN_TRY(ds_first_size(set, &height, &width));
    return nn_fail(NN_EINVAL,
                   "%s: the size of its pictures may vary (the first is %dx%d); choose one "
                   "for all with --input HxW",
                   set->spec, height, width);
}

nn_status ds_first_size(const ds_set *set, int *height, int *width)
{
    *height = set->height;
    *width = set->width;
    if (set->height != 0)
        return NN_OK;
    for (int p = 0; p < DS_N_SPLITS; p++) {
        if (set->part[p].n == 0)
            continue;
        ds_image im;
        NN_TRY(set->load(set, p, 0, &im));
        *height = im.height;
        *width = im.width;
        ds_image_free(&im);
        return NN_OK;
    }
    return nn_fail(NN_EINVAL, "%s: has no pictures", set->spec);
}

/* ---- reading --------------------------------------------------------------------------------- */

static nn_status read_from_memory(const ds_set *set, const ds_part *part, int item, uint8_t *pixels,
                                  ds_scratch *scratch)
{
    size_t bytes = (size_t)set->height * (size_t)set->width * (size_t)set->channels;
    const uint8_t *from = part->pixels + (size_t)item * bytes;
    ds_image to = { ds_height(set), ds_width(set), ds_channels(set), pixels };
    if (to.height == set->height && to.width == set->width && to.channels == set->channels) {
        memcpy(pixels, from, bytes);
        return NN_OK;
    }
    /* ds_resize does not write to what it reads. */
    ds_image stored = { set->height, set->width, set->channels, (uint8_t *)(uintptr_t)from };
    return ds_resize(&stored, set->opt.resize, &to, scratch);
}

static nn_status read_by_loading(const ds_set *set, int part, int item, uint8_t *pixels,
                                 ds_scratch *scratch)
{
    ds_image stored, to = { ds_height(set), ds_width(set), ds_channels(set), pixels };
    nn_status st = set->load(set, part, item, &stored);
    if (st != NN_OK) {
        if (set->bad != NULL && st != NN_ENOMEM)
            note_bad(set->bad, part, item);
        return st;
    }
    st = ds_resize(&stored, set->opt.resize, &to, scratch);
    ds_image_free(&stored);
    return st;
}

nn_status ds_read_with(const ds_set *set, ds_split split, int index, uint8_t *pixels, int *label,
                       ds_scratch *scratch)
{
    const ds_view *v = &set->view[split];
    if (index < 0 || index >= v->n)
        return nn_fail(NN_EINVAL, "%s: there is no %s picture %d; there are %d", set->spec,
                       ds_split_name(split), index, v->n);
    if (ds_height(set) == 0)
        return ds_check_usable(set, split);
    const ds_part *part = &set->part[v->part];
    int item = item_of(v, index);
    *label = part->label[item];
    if (part->pixels != NULL)
        return read_from_memory(set, part, item, pixels, scratch);
    return read_by_loading(set, v->part, item, pixels, scratch);
}

nn_status ds_read(const ds_set *set, ds_split split, int index, uint8_t *pixels, int *label)
{
    ds_scratch scratch = { 0 };
    nn_status st = ds_read_with(set, split, index, pixels, label, &scratch);
    ds_scratch_free(&scratch);
    return st;
}
