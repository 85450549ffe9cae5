/* loop_internal - what a training loop holds: shared by its preparation (loop_prepare.c) and its
 * steps (loop.c); nothing else includes it. */
#ifndef OCTET_TRAIN_LOOP_INTERNAL_H
#define OCTET_TRAIN_LOOP_INTERNAL_H

#include "optim/clip.h"
#include "train/loop.h"
#include "train/phase.h"

/* For each stage a phase to train and, behind those, one to evaluate. */
enum { TRAIN_N_STAGES = TRAIN_QUANTIZED + 1, TRAIN_N_PHASES = 2 * TRAIN_N_STAGES };

struct train_loop {
    train_network *network;
    const ds_set *set;
    train_phase phase[TRAIN_N_PHASES];
    void *block; /* which the phases share */
    size_t block_bytes;

    ds_loader *loader, *validation; /* validation: NULL if no pictures are held back */
    opt *optimizer;
    opt_clip *clip;
    opt_average *average; /* NULL: none */
    opt_schedule schedule;

    int64_t batches, total;
    int64_t delay_weights, delay_acts; /* their first quantized steps; INT64_MAX: never */
    int64_t freeze_bn, freeze_ranges;
    int64_t fold;       /* before this step batch norms are folded away; INT64_MAX: never */
    int64_t line_every; /* steps */
    train_stage stage;  /* of the last step */
    bool positioned;    /* the loader stands at state.step */
    train_state state;
    double lr;

    bool profile;
    double lapped; /* when the last part of a step ended */
    train_times times;
};

#endif
