/* progress - what the person at the terminal sees of a training run.
 *
 * On a terminal a live line with step, loss, accuracy, speed, time left and, where there is room,
 * the course of the loss so far; where stderr is a file, a line an epoch, and one every half
 * minute. */
#ifndef OCTET_TRAIN_CLI_PROGRESS_H
#define OCTET_TRAIN_CLI_PROGRESS_H

#include "train/loop.h"

/* The course of a number in a few characters: averages over stretches of equal length, which
 * double when all characters are used.  A zeroed one is empty. */
enum { TRAIN_SPARK = 16 };
typedef struct train_spark {
    double mean[TRAIN_SPARK]; /* of the stretches; NAN and infinities are left out */
    int n;                    /* stretches, the last of which may be unfinished */
    int64_t each, in_last;    /* values in a stretch, and in the last */
} train_spark;

typedef struct train_progress {
    double begun, shown; /* seconds of a clock that only runs forward */
    int64_t first_step;  /* of this process */
    double line_at;      /* time and step of the last line of the log */
    int64_t line_step;
    double epoch_loss, epoch_top1; /* sums over the steps of this epoch that have a line */
    int64_t epoch_steps;
    train_spark loss;   /* of each step that was seen */
    const char *device; /* "int8", "uint8" */
} train_progress;

/* `device` names the type of the integers that lines speak of. */
void train_progress_begin(train_progress *p, int64_t step, const char *device);
void train_progress_step(train_progress *p, const train_moment *at);

/* Pictures a second since the last line; and the line, if it ends an epoch. */
double train_progress_line(train_progress *p, const train_line *line);

double train_clock(void); /* seconds of a clock that only runs forward */

#endif
