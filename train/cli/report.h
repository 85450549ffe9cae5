/* report - a command's report.html, at the end of its work. */
#ifndef OCTET_TRAIN_CLI_REPORT_H
#define OCTET_TRAIN_CLI_REPORT_H

#include "train/cli/command.h"
#include "train/report/report.h"

/* Writes folder/report.html and says so; a report that cannot be made is a line on stderr, never a
 * failure of the work that it is about. */
void train_report(const char *folder, const train_common *common);

#endif
