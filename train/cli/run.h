/* run - a training run in a folder, from recipe to results.
 *
 * Leaves model.safetensors (the state after the last step, to use or to resume from),
 * best.safetensors (the network with the best validation), recipe.ini, log.csv, test.csv (what the
 * test pictures say), event files for TensorBoard, and with QAT model.tflite. */
#ifndef OCTET_TRAIN_CLI_RUN_H
#define OCTET_TRAIN_CLI_RUN_H

#include "train/args.h"
#include "train/folder.h"
#include "train/loop.h"

typedef struct train_run_options {
    train_recipe *recipe; /* what it leaves open (mean, model of --init, ...) is filled in */
    uint64_t seed;
    uint64_t max_pixels, max_macs, max_memory;
    const char *out;
    train_folder_use use;
    train_args *args;   /* written as recipe.ini, if not NULL; its settings hold *recipe */
    bool resize_given;  /* --resize counts, whatever the network of --init was trained with */
    bool events;        /* event files are written (train/events/board.h) */
    bool needs_test;    /* without test pictures it does not begin */
    bool (*stop)(void); /* asked after each step, if not NULL */
} train_run_options;

typedef struct train_result {
    int64_t step, total;
    bool stopped; /* by options->stop: a state to resume from was saved, and that is all */
    double seconds;
    double val_top1; /* of the best validation; -1: none */
    bool has_test;   /* the test split was evaluated, with the weights that --ship chooses */
    bool quantized;
    train_score test;   /* float, or fake-quantized */
    train_score int8;   /* on the integer runtime, if quantized */
    const char *device; /* the type of its integers: "int8", "uint8" */
    size_t tflite_bytes;
} train_result;

/* Everything that comes before the first step, without a folder: opens the pictures, builds
 * network, optimizer and memory, and lets them go.  Fills in the recipe as train_run does. Errors:
 * those that train_run would begin with. */
nn_status train_run_check(const train_run_options *o);

/* Errors: those of everything that it uses. */
nn_status train_run(train_result *out, const train_run_options *o);

#endif
