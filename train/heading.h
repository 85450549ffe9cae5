/* heading - the columns of the tables that runs leave, and what is wrong with those of a file. */
#ifndef OCTET_TRAIN_HEADING_H
#define OCTET_TRAIN_HEADING_H

#include "nn/base/status.h"

/* First lines, without their end: of log.csv; of compare.csv and sweep.csv; of test.csv. */
extern const char train_heading_log[], train_heading_rows[], train_heading_scores[];

/* NN_OK if `text`, ended by 0, begins with the whole line `heading`.
 * Errors: NN_EFORMAT naming `path` and the first column that is unknown, with the nearest known
 * one, missing, or in another's place. */
nn_status train_heading_check(const char *text, const char *heading, const char *path);

/* NN_OK if the heading has a column of this name.  Errors: NN_EFORMAT as above. */
nn_status train_heading_knows(const char *heading, const char *name, const char *path);

#endif
