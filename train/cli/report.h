/* report - a command's report.html, at the end of its work. */
#ifndef OCTET_TRAIN_CLI_REPORT_H
#define OCTET_TRAIN_CLI_REPORT_H

#include "train/cli/command.h"
#include "train/report/report.h"

/* Writes folder/report.html and says so; a report that cannot be made is a line on stderr, never a
 * failure of the work that it is about. */
void train_report(const char *folder, const train_common *common);

/* The command line again, of the options that were given, as a shell takes it: "octet quantize
 * run/best.safetensors --data sample".  Lives in `a`; "" if memory is out. */
const char *train_report_command(nn_arena *a, const char *command, const train_args *args);

#endif
