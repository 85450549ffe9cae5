/* progress - what the person at the terminal sees of a training run.
 *
 * A live line with step, loss, accuracy, speed and time left on a terminal; where stderr is a file,
 * a line an epoch, and one every half minute. */
#ifndef OCTET_TRAIN_PROGRESS_H
#define OCTET_TRAIN_PROGRESS_H

#include "train/loop.h"

typedef struct train_progress {
    double begun, shown; /* seconds of a clock that only runs forward */
    int64_t first_step;  /* of this process */
    double line_at;      /* time and step of the last line of the log */
    int64_t line_step;
    double epoch_loss, epoch_top1; /* sums over the steps of this epoch that have a line */
    int64_t epoch_steps;
} train_progress;

void train_progress_begin(train_progress *p, int64_t step);
void train_progress_step(train_progress *p, const train_moment *at);
/* Pictures a second since the last line; and the line, if it ends an epoch. */
double train_progress_line(train_progress *p, const train_line *line);

/* "1:02:03" or "2:03"; text has TRAIN_DURATION bytes; returns text. */
enum { TRAIN_DURATION = 24 };
const char *train_duration(double seconds, char *text);

double train_clock(void);

#endif
