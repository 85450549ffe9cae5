/* history - log.csv: what a run was like, a line some ten times an epoch.
 *
 *   step,epoch,phase,lr,train_loss,train_top1,val_loss,val_top1,val_top5,int8_loss,int8_top1,
 *   images_per_s
 *
 * Shares are fractions; what was not measured at a line is empty.  On resume the lines after the
 * checkpoint's step are cut off, so no step is there twice. */
#ifndef OCTET_TRAIN_HISTORY_H
#define OCTET_TRAIN_HISTORY_H

#include <stdio.h>

#include "train/loop.h"

typedef struct train_history {
    FILE *file;
    char path[4096];
} train_history;

/* Opens the file, with its lines up to `step`; 0 makes it anew.  Errors: NN_EIO, NN_EFORMAT
 * (train_heading_check). */
nn_status train_history_open(train_history *h, const char *path, int64_t step);
nn_status train_history_add(train_history *h, const train_line *line, double images_per_s);
void train_history_close(train_history *h); /* all zero is allowed */

#endif
