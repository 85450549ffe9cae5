/* dataset - labelled pictures from wherever they are, as one thing.
 *
 * A set is opened from the text that users give as --data, "kind" or "kind:argument"; each kind is
 * one file and one line in datasets.def.  Whatever the source, a set has three splits, class names,
 * labels known from the start, and delivers uint8 pixels of one size.  Sets of fixed size are held
 * in memory as uint8; a folder is listed once and each picture is decoded when it is read. Nothing
 * is normalized or augmented here: see loader.h. */
#ifndef OCTET_DATA_DATASET_H
#define OCTET_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "data/image.h"
#include "data/resize.h"
#include "nn/base/status.h"

typedef enum ds_split { DS_TRAIN, DS_VAL, DS_TEST, DS_N_SPLITS } ds_split;

/* { 0 } is a sensible value: the set's own size, nothing held back, default limits. */
typedef struct ds_options {
    int height, width;     /* size that ds_read delivers; 0, 0: the set's own */
    int channels;          /* 1 or 3; 0: the set's own (a folder's are 3) */
    ds_resize_rule resize; /* how to get there */
    double val_fraction;   /* share of the training pictures held back as DS_VAL: 0 <= f < 1 */
    bool val_is_test;      /* DS_VAL is the test split, nothing is held back */
    uint64_t seed;         /* chooses what is held back; makes `noise` */
    ds_limits limits;
    bool skip_bad; /* pictures that cannot be read are noted (ds_n_bad) and stepped over by the
                              loader, instead of stopping it */
} ds_options;

typedef struct ds_set ds_set;

/* Opens a set; free with ds_close.
 *
 *   spec   "sample", "idx:DIR", ...: ds_kind_form lists them; an unknown kind is answered with the
 *          nearest known one
 *   opt    copied; NULL is { 0 }
 *
 * If the source has a validation part of its own beside the test part (folder: DIR/val), that is
 * DS_VAL and nothing is held back.  The pictures held back depend on seed, fraction and count only.
 * Errors: NN_EINVAL (spec, options), NN_EIO, NN_EFORMAT with file and byte, NN_ENOMEM. */
nn_status ds_open(ds_set **out, const char *spec, const ds_options *opt);
void ds_close(ds_set *set); /* NULL is allowed */

const char *ds_spec(const ds_set *set); /* as it was given */

/* What ds_read delivers.  Height and width are 0 for a folder opened without a size: the pictures
 * vary and cannot be read (ds_first_size helps the user to choose one). */
int ds_height(const ds_set *set);
int ds_width(const ds_set *set);
int ds_channels(const ds_set *set);
size_t ds_item_bytes(const ds_set *set); /* height width channels */

ds_limits ds_limits_used(const ds_set *set); /* of the options, defaults filled in */

int ds_count(const ds_set *set, ds_split split);
int ds_classes(const ds_set *set);
const char *ds_class_name(const ds_set *set, int label); /* 0 <= label < ds_classes; clean UTF-8 */
int ds_class_count(const ds_set *set, ds_split split, int label);
int ds_label(const ds_set *set, ds_split split, int index);

/* NN_OK if the split has at least one picture and the size is known; else says what to do. */
nn_status ds_check_usable(const ds_set *set, ds_split split);

/* Size of the first picture as stored, of a set whose pictures vary. */
nn_status ds_first_size(const ds_set *set, int *height, int *width);

/* Reads one item: ds_item_bytes at pixels, and its label.  Any number of threads at once.
 * Errors: NN_EFORMAT, NN_EIO, NN_ENOTSUP (that picture, by its path), NN_EINVAL, NN_ENOMEM. */
nn_status ds_read(const ds_set *set, ds_split split, int index, uint8_t *pixels, int *label);

/* As ds_read, with memory that is kept between calls: a fixed-size set then allocates nothing. */
nn_status ds_read_with(const ds_set *set, ds_split split, int index, uint8_t *pixels, int *label,
                       ds_scratch *scratch);

/* Pictures that could not be read so far (skip_bad only), and why: "path: reason" of the first
 * DS_BAD_LISTED, in the order they were met. */
enum { DS_BAD_LISTED = 100 };
bool ds_skips_bad(const ds_set *set);
int ds_n_bad(const ds_set *set);
const char *ds_bad(const ds_set *set, int i);

/* "train", "val", "test". */
const char *ds_split_name(ds_split split);
nn_status ds_split_parse(ds_split *out, const char *name);

/* The kinds: "folder:DIR" and a line about it. */
int ds_n_kinds(void);
const char *ds_kind_form(int i);
const char *ds_kind_about(int i);

#endif
