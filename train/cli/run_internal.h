/* run_internal - what a run holds: shared by its preparation (run_prepare.c) and its way from the
 * first step to its results (run.c); nothing else includes it. */
#ifndef OCTET_TRAIN_CLI_RUN_INTERNAL_H
#define OCTET_TRAIN_CLI_RUN_INTERNAL_H

#include "train/events/board.h"
#include "train/cli/progress.h"
#include "train/cli/run.h"
#include "train/history.h"

typedef struct train_running {
    const train_run_options *o;
    train_result *result;
    train_limits limits;
    train_folder folder;
    nn_arena *arena;
    ds_set *set;
    train_tensors *init, *state; /* files: of --init, or to resume from; NULL: none */
    const char *state_name;      /* of the latter */
    bool last_is_sound;          /* the folder's last state may become its previous one */
    train_network *network;
    train_loop *loop;
    train_history history;
    train_board *board; /* NULL: no event files */
    train_progress progress;
    double saved_at; /* when the state was last saved: time and step */
    int64_t saved_step;
} train_running;

/* From the recipe to a loop that could begin; writes nothing.  Errors: those of train_run_check. */
nn_status train_run__build(train_running *r);

/* Opens the folder, builds, goes on from the state in the folder if that is wanted, and writes
 * recipe.ini.  Errors: those of everything that it uses. */
nn_status train_run__prepare(train_running *r);

#endif
