/* experiment - one float network, quantized in several ways, each scored on the integer runtime
 * over the whole test set: what octet compare and octet sweep are made of.
 *
 * Everything lies in one folder: OUT/seedN/float/, OUT/seedN/<row>/ or <row>.tflite, and the table,
 * a .csv file that is written anew after each row.  A second call with the same recipe goes on
 * where the first one stood, inside a training too.  Part of the program, not of the library. */
#ifndef OCTET_TRAIN_CLI_EXPERIMENT_H
#define OCTET_TRAIN_CLI_EXPERIMENT_H

#include "train/cli/command.h"
#include "train/folder.h"
#include "train/cli/post.h"
#include "train/recipe.h"

/* How fine-tuning differs from the float training: [fine-tuning]. */
typedef struct train_tuning_options {
    int seeds;
    int epochs; /* of it; 0: a tenth of the float training's */
    double lr;  /* at its peak; 0: a hundredth of the float training's */
} train_tuning_options;
extern const train_rows train_tuning_rows;

/* One fine-tuning. */
typedef struct train_tuned_options {
    train_quant_options quant;
    train_tuning_options tuning;
} train_tuned_options;

/* A line of the table. */
typedef struct train_row {
    char name[64]; /* "minmax", "w4a8", "float" */
    uint64_t seed;
    double top1;  /* of the test pictures, a fraction */
    double delta; /* against the float network that it was made from */
    double loss;
    size_t bytes; /* of the .tflite file */
    double seconds;
} train_row;

typedef struct train_experiment {
    const char *command; /* "compare", "sweep" */
    const train_common *common;
    const train_recipe *recipe; /* of the float training, unless --init names a float network */
    const train_args *args;     /* the command's options, which the recipe keeps */
    size_t settings_bytes;      /* of the command's settings */
    train_folder folder;
    char csv[TRAIN_PATH];
    int n_rows, capacity;
    train_row *rows;
    train_reals mean, std; /* of the pictures, once train_experiment_try_float has measured them */
    bool begun;            /* the folder has a recipe: it is an experiment's, and stays */
    bool stopped;          /* by a signal: everything so far is kept */
} train_experiment;

/* Opens the folder and reads the rows that are there.  Nothing is written yet: a folder that had to
 * be made is gone after train_experiment_close, unless train_experiment_begin has come before.
 * Options that are not TRAIN_PASSING must be as they were before; those of which the folder's
 * recipe says nothing were at their defaults.
 *
 *   csv    name of the table in the folder
 *   most   rows at most
 *
 * Close with train_experiment_close, also after an error.
 * Errors: NN_EINVAL (another recipe, naming --out), NN_EFORMAT (the table), NN_EIO (also: the
 * folder is that of a run), NN_ENOMEM. */
nn_status train_experiment_open(train_experiment *e, const char *out, const char *csv, int most);

/* Could these trainings begin?  The float one first, then each fine-tuning; an experiment that has
 * begun is not tried again.  Errors: train_run_check's. */
nn_status train_experiment_try_float(train_experiment *e);
nn_status train_experiment_try_tuned(const train_experiment *e, const train_tuned_options *o);

/* Writes the recipe, if there is none, and a table without rows: from here on the folder stays.
 * Errors: train_args_write's, NN_ENOMEM. */
nn_status train_experiment_begin(train_experiment *e);
void train_experiment_close(train_experiment *e);

/* Each makes a row, unless it is there or a signal has come; NN_OK then too, with e->stopped.
 * The float row comes first; a tuned one is trained on from it, with fake quantization if
 * o->quant.qat, else in float.  Errors: those of everything that they use. */
nn_status train_experiment_float(train_experiment *e, uint64_t seed);
nn_status train_experiment_post(train_experiment *e, const char *name, uint64_t seed,
                                const train_post_options *o);
nn_status train_experiment_tuned(train_experiment *e, const char *name, uint64_t seed,
                                 const train_tuned_options *o);

/* Mean and sample standard deviation over the seeds of rows of one name; n: how many there are. */
typedef struct train_summary {
    int n;
    double top1, top1_sd, delta, delta_sd, bytes, seconds;
} train_summary;
train_summary train_experiment_summary(const train_experiment *e, const char *name);

#endif
