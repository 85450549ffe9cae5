/* stats - what a set looks like: mean and deviation for normalization, and a sheet of examples. */
#ifndef OCTET_DATA_STATS_H
#define OCTET_DATA_STATS_H

#include "data/dataset.h"

/* Of the pixel codes 0..255. */
typedef struct ds_stats {
    int n; /* pictures measured */
    int channels;
    double mean[3], std[3];   /* of each channel */
    double mean_all, std_all; /* of all of them as one */
} ds_stats;

/* Measures up to `most` pictures (0: all), evenly spaced over the split.  The sums are whole
 * numbers, so the result does not depend on order or threads.  A constant channel has deviation 0.
 * Errors: as ds_read; pictures that the set skips are left out. */
nn_status ds_measure(ds_stats *out, const ds_set *set, ds_split split, int most);

/* A sheet of examples: one row for each class, from class 0 down, the first `columns` pictures of
 * the class from left to right, 2 pixels of grey between them; what is missing stays grey. Free
 * with ds_image_free.  Errors: as ds_read, NN_EINVAL (no columns), NN_EFORMAT (more pixels than the
 * set's limit). */
nn_status ds_contact_sheet(ds_image *out, const ds_set *set, ds_split split, int columns);

#endif
