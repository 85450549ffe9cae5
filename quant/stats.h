/* stats - what quantization does to each tensor of a network, measured over pictures.
 *
 * For every tensor that the integer network holds (each fakequant node of a stage's graph): which
 * values it takes, where its grid lies over them, how many fall off its ends, and how loud the
 * rounding is.  A tensor's noise is that of its own grid alone: it is measured against the values
 * that come into its fakequant node, which earlier layers have rounded already. */
#ifndef OCTET_QUANT_STATS_H
#define OCTET_QUANT_STATS_H

#include "quant/histogram.h"
#include "quant/stage.h"

typedef struct quant_tensor_stats {
    const char *name; /* of the tensor in the file of this graph: "conv1/relu", "conv1/weight" */
    bool is_weight;   /* with batch norm folded in; measured once, not for each picture */
    nn_shape shape;
    nn_grid grid;
    int channels;            /* ranges: 1, or one for each output channel of a weight */
    float *scale;            /* [channels]; 0: there is no range, so nothing is rounded */
    int32_t *zero_point;     /* [channels] */
    float *least, *most;     /* [channels]: of the values before rounding */
    quant_histogram *values; /* before rounding, of all channels; its min, max, n */
    uint64_t clipped;        /* values nearer to a code beyond the grid than to its ends */
    double signal, noise;    /* sums of squares: of the values, of what rounding changes in them */
} quant_tensor_stats;

typedef struct quant_stats {
    int n;
    quant_tensor_stats *tensor; /* in order of the graph: a layer's weight before its result */
    int64_t pictures;
    struct nn_arena *arena;
} quant_stats;

/* Empty statistics of a graph's fakequant nodes, to be filled by quant_stats_see.
 *
 *   bins   of the histograms: at least so many (quant_histogram_new)
 *
 * Free with quant_stats_free.  Errors: NN_EINVAL (bins), NN_ENOMEM. */
nn_status quant_stats_new(quant_stats **out, const nn_graph *g, int bins);
void quant_stats_free(quant_stats *s); /* NULL is allowed */

/* A quant_see whose ctx is a quant_stats of the run's graph, which keeps all values: adds the pass
 * that has just been made.  Sums go over a tensor in its order: the same on any number of threads.
 * Errors: NN_EDIVERGED, naming the tensor with a value that is infinite or not a number. */
nn_status quant_stats_see(void *stats, const quant_run *r, int n);

/* The whole: the graph of `stage` (QUANT_DEPLOY where there are ranges; QUANT_CALIBRATE shows the
 * float values) over all the pictures.  Ranges are left as they are.
 * Errors: those above, quant_run_open's, the pictures'. */
nn_status quant_stats_measure(quant_stats **out, const nn_graph *from, const quant_config *config,
                              quant_stage stage, const quant_pictures *pictures, int bins);

/* clipped / n: a share in [0, 1]. */
double quant_stats_clipped(const quant_tensor_stats *t);

/* Signal to quantization noise, 10 log10(signal / noise) decibels: 6 more are one bit more.
 * INFINITY if rounding changes nothing but last bits, NAN without a range or without any signal. */
double quant_stats_sqnr_db(const quant_tensor_stats *t);

#endif
