/* look - what a network does with pictures: what a report says about it beyond its log.
 *
 * One pass over some pictures of a split gives statistics of each tensor, the confusion matrix and
 * the worst mistakes; a second one, over fewer, compares each layer with the integer file.  A part
 * that cannot be had leaves a reason in its place. */
#ifndef OCTET_TRAIN_REPORT_LOOK_H
#define OCTET_TRAIN_REPORT_LOOK_H

#include "export/compare.h"
#include "nn/base/file.h"
#include "quant/stats.h"
#include "train/mistakes.h"
#include "train/session.h"

enum {
    REPORT_PICTURES = 1000,    /* default of how many are looked at */
    REPORT_MATCHED = 100,      /* most that are compared with the file, layer by layer */
    REPORT_MISTAKES = 18,      /* most that are shown */
    REPORT_THUMBNAIL = 64,     /* pixels of their longer side, at most */
    REPORT_MOST_CLASSES = 1000 /* of a confusion matrix */
};

typedef struct report_latency {
    double median_us; /* of a picture, on one thread; 0: not measured */
    int runs;
} report_latency;

typedef struct report_look {
    nn_arena *arena;
    const train_network *network; /* borrowed */
    ds_split split;
    int pictures, of; /* looked at, and in the split */
    int64_t right;
    quant_stats *stats; /* NULL: the network has no quantized form (network->reason) */
    int64_t *confusion; /* [classes, classes], true by said; NULL: too many classes */
    train_mistake mistake[REPORT_MISTAKES]; /* worst first */
    int n_mistakes, n_wrong;

    size_t file_bytes; /* of the .tflite file; 0: there is none */
    ex_comparison match;
    const char *no_match; /* why not; NULL: match holds */
    rt_cost cost;         /* of the file */
    report_latency latency;
} report_look;

/* Looks at a network.
 *
 *   set        pictures as it takes them (train_network_fits); their test split is looked at, else
 *              that for validation, else that for training
 *   file       its .tflite file, or NULL
 *   pictures   how many to look at, chosen evenly at random by a fixed seed
 *
 * Free with report_look_free.  Errors: the loader's, NN_EDIVERGED, NN_EINVAL (no pictures),
 * NN_ENOMEM. */
nn_status report_look_new(report_look *out, const train_network *n, const ds_set *set,
                          const nn_bytes *file, int pictures);
void report_look_free(report_look *l); /* { 0 } is allowed */

/* A mistake's picture as a PNG of REPORT_THUMBNAIL; free with nn_bytes_free.  Errors: NN_ENOMEM. */
nn_status report_mistake_png(nn_bytes *out, const train_mistake *m);

/* How the file's layer matches the graph's; NULL if it was not compared. */
const ex_layer_match *report_look_match(const report_look *l, const char *tensor);

#endif
