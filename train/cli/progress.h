/* progress - what the person at the terminal sees of a training run.
 *
 * A live line with step, loss, accuracy, speed, time left, and where there is room the course of
 * the loss so far, on a terminal; where stderr is a file,
 * a line an epoch, and one every half minute. */
#ifndef OCTET_TRAIN_CLI_PROGRESS_H
#define OCTET_TRAIN_CLI_PROGRESS_H

#include "train/loop.h"

/* The course of a number in a few characters: averages over stretches of equal length, which
 * double when all characters are used. */
enum { TRAIN_SPARK = 16, TRAIN_SPARK_TEXT = 3 * TRAIN_SPARK + 1 };
typedef struct train_spark {
    double mean[TRAIN_SPARK]; /* of the stretches; NAN and infinities are left out */
    int n;                    /* stretches, the last of which may be unfinished */
    int64_t each, in_last;    /* values in a stretch, and in the last */
} train_spark;

void train_spark_add(train_spark *s, double x); /* a zeroed one is empty */

/* Bars from the least to the greatest mean, in UTF-8; returns text. */
const char *train_spark_text(const train_spark *s, char text[TRAIN_SPARK_TEXT]);

typedef struct train_progress {
    double begun, shown; /* seconds of a clock that only runs forward */
    int64_t first_step;  /* of this process */
    double line_at;      /* time and step of the last line of the log */
    int64_t line_step;
    double epoch_loss, epoch_top1; /* sums over the steps of this epoch that have a line */
    int64_t epoch_steps;
    train_spark loss; /* of each step that was seen */
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
