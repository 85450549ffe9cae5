/* folder - the folder that a run leaves its results in, held by one run at a time. */
#ifndef OCTET_TRAIN_FOLDER_H
#define OCTET_TRAIN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/status.h"

enum { TRAIN_PATH = 4096 };

/* What a run leaves in it. */
#define TRAIN_RESULT_MODEL       "model.safetensors"    /* the state after the last step */
#define TRAIN_RESULT_PREVIOUS    "previous.safetensors" /* the state before that one */
#define TRAIN_RESULT_BEST        "best.safetensors"     /* the network with the best validation */
#define TRAIN_RESULT_TFLITE      "model.tflite"         /* the integer network */
#define TRAIN_RESULT_RECIPE      "recipe.ini"
#define TRAIN_RESULT_LOG         "log.csv"                 /* train/history.h */
#define TRAIN_RESULT_SCORES      "test.csv"                /* what the test pictures say */
#define TRAIN_RESULT_EVENTS      "events.out.tfevents.run" /* train/events/board.h */
#define TRAIN_RESULT_TEST_EVENTS "events.out.tfevents.test"

/* The table of an experiment, which has several runs in folders below its own. */
#define TRAIN_RESULT_COMPARISON "compare.csv" /* of octet compare */
#define TRAIN_RESULT_SWEEP      "sweep.csv"   /* of octet sweep */

typedef struct train_folder {
    char path[TRAIN_PATH];
    int lock;    /* file descriptor */
    size_t made; /* bytes of path that name the first folder which had to be made; 0: none */
} train_folder;

typedef enum train_folder_use {
    TRAIN_FOLDER_NEW,      /* must be empty or missing */
    TRAIN_FOLDER_RESUME,   /* as it is */
    TRAIN_FOLDER_OVERWRITE /* likewise; train_folder_clear empties it when the run can begin */
} train_folder_use;

/* Makes the folder with its parents if need be, removes what a killed run has half written, and
 * holds it until train_folder_close or the end of the process, however it ends.  Nothing that was
 * made stays behind after an error.  Errors: NN_EIO (system; not empty; held by another run),
 * NN_EINVAL (path). */
nn_status train_folder_open(train_folder *f, const char *path, train_folder_use use);

/* Would train_folder_clear remove this file? */
bool train_folder_would_clear(const train_folder *f, const char *path);

/* Removes the files that a run leaves; others stay.  Errors: NN_EIO. */
nn_status train_folder_clear(const train_folder *f);
void train_folder_close(train_folder *f);

/* Closes the folder of a run that could not begin, and removes what opening it has made, as far as
 * it is empty. */
void train_folder_abandon(train_folder *f);

/* folder/name in `out`, which has TRAIN_PATH bytes; returns out. */
const char *train_folder_file(const train_folder *f, const char *name, char *out);

/* Is there a file of this name? */
bool train_folder_has(const train_folder *f, const char *name);

#endif
