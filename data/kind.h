/* kind - what a source of pictures fills in (internal to data/).
 *
 * A kind's open function receives an empty set and the text after the colon; it sets size, classes
 * and the parts.  A part either has all pixels in memory or leaves `pixels` NULL and is decoded
 * through the set's `load`. */
#ifndef OCTET_DATA_KIND_H
#define OCTET_DATA_KIND_H

#include "data/dataset.h"
#include "nn/base/arena.h"

typedef struct ds_part {
    int n;
    const uint8_t *pixels; /* [n, height, width, channels], or NULL */
    const uint16_t *label; /* [n] */
    void *block;           /* what pixels point into; freed with the set */
    const void *source;    /* for load */
} ds_part;

typedef struct ds_kind {
    const char *name, *form, *about;
    nn_status (*open)(ds_set *set, const char *argument); /* argument: NULL without a colon */
} ds_kind;

#define DS_KIND(id) extern const ds_kind ds_kind_##id;
#include "data/datasets.def"
#undef DS_KIND

enum { DS_MAX_CLASSES = 65535 };

/* A split: some items of a part. */
typedef struct ds_view {
    int part;
    int n;
    const int32_t *item; /* [n] ascending, or NULL: all */
    int *class_count;    /* [classes] */
} ds_view;

typedef struct ds_bad_list ds_bad_list;

struct ds_set {
    nn_arena *arena; /* everything but the parts' blocks */
    const char *spec;
    ds_options opt;
    /* filled in by the kind */
    int height, width, channels; /* as stored; 0 if it varies */
    int classes;
    const char *const *class_name; /* [classes] */
    ds_part part[DS_N_SPLITS];     /* as delivered; n = 0 where there is none */
    nn_status (*load)(const ds_set *set, int part, int item, ds_image *out);
    const char *missing; /* what to do when a split is empty */
    /* filled in by ds_open */
    ds_view view[DS_N_SPLITS];
    ds_bad_list *bad; /* with skip_bad */
};

/* n labels that live as long as the set, or NULL (message set). */
uint16_t *ds__labels(ds_set *set, int n);

/* Class names "0", "1", ... */
nn_status ds__number_classes(ds_set *set, int classes);

/* NN_EFORMAT if `argument` is missing: "idx: needs a folder, as in idx:DIR". */
nn_status ds__need_argument(const ds_kind *kind, const char *argument);

#endif
