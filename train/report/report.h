/* report - report.html: what a run was and what came of it, on one page.
 *
 * Read from what the run left, so that it can be written again at any time, and of runs that were
 * cut off. */
#ifndef OCTET_TRAIN_REPORT_REPORT_H
#define OCTET_TRAIN_REPORT_REPORT_H

#include "train/report/facts.h"

/* Writes folder/report.html, whole or not at all.
 *
 *   svg   a folder, which is made, for each chart as a file of its own; NULL: none
 *
 * What is missing or damaged is said on the page.
 * Errors: report_facts_read's, NN_EIO (it cannot be written), NN_ENOMEM. */
nn_status report_write(const char *folder, const char *svg, const report_options *o);

/* The page of facts, to `path`; charts as above. */
nn_status report_write_facts(const char *path, const char *svg, const report_facts *f);

#endif
