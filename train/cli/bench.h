/* bench - what the kinds of `octet bench` share.  Part of the program.
 *
 * bench train times steps of the training loop itself on synthetic pictures, bench infer runs of a
 * .tflite file on the integer runtime, bench kernels single layers, bench peak what the machine can
 * do at most. */
#ifndef OCTET_TRAIN_CLI_BENCH_H
#define OCTET_TRAIN_CLI_BENCH_H

#include <cjson/cJSON.h>

#include "nn/base/file.h"
#include "train/cli/command.h"
#include "train/session.h"

typedef struct train_bench_settings {
    train_common common;
    train_model_options model;
    train_quant_options quant;
    const char *input, *out;
    int batch, classes, optimizer;
    int warmup, steps, runs;
    bool turns;
} train_bench_settings;

nn_status train_bench_train(const train_call *call);
nn_status train_bench_infer(const train_call *call);
nn_status train_bench_kernels(const train_call *call);
nn_status train_bench_peak(const train_call *call);

/* ---- what is measured on --------------------------------------------------------------------- */

/* A fresh network and noise of the size --input, at least --batch pictures.  Both are the caller's
 * to free, also after an error.  Errors: NN_EINVAL (--input, --model), those of the libraries. */
nn_status train_bench_network(train_network **network, ds_set **set, const train_bench_settings *s,
                              bool quant);

/* The .tflite file of a fresh network, its ranges calibrated on noise; free with nn_bytes_free. */
nn_status train_bench_file(nn_bytes *out, const train_bench_settings *s);

/* ---- timing ---------------------------------------------------------------------------------- */

/* n repetitions; seconds[i] gets the time of each. */
typedef nn_status train_bench_repeat(void *ctx, int n, double *seconds);

/* For comparisons, in which programs take turns: for each line "N" of standard input does N
 * repetitions and answers with a line {"ms":[...]} of their times, until the input ends. */
nn_status train_bench_turns(train_bench_repeat *repeat, void *ctx);

/* The value that a share p in [0, 1] of n > 0 values is below, between two of them linearly.  Sorts
 * the values. */
double train_bench_quantile(double *values, int n, double p);

double train_bench_seconds(void);     /* of a clock that only runs forward */
double train_bench_since_start(void); /* since the process began, to 0.01 s; -1: not known */
double train_bench_peak_rss_mb(void); /* most memory that it had resident; -1: not known */
int train_bench_threads(void);        /* that parallel loops use */

/* ---- the machine ----------------------------------------------------------------------------- */

/* Best of several short measurements, operations a second. */
double train_bench_peak_fma(int threads);
double train_bench_peak_dot(int threads);

#endif
