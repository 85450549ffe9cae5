/* log - notes on stderr for the person at the terminal; `--quiet` silences them.
 *
 * Results go to stdout and errors are main's.  Only the program's commands use this. */
#ifndef OCTET_TRAIN_CLI_LOG_H
#define OCTET_TRAIN_CLI_LOG_H

#include <stdbool.h>

#include "nn/base/status.h"

void train_log_quiet(bool quiet);

/* One line; the newline is added.  A progress line that stands there is cleared first. */
void train_log(const char *fmt, ...) NN_PRINTF(1, 2);

/* A line that the next one replaces, if stderr is a terminal; otherwise nothing. */
void train_log_live(const char *fmt, ...) NN_PRINTF(1, 2);

/* Is stderr a terminal? */
bool train_log_is_live(void);

/* Its width in characters, 80 if it does not say; and whether the locale writes UTF-8. */
int train_log_columns(void);
bool train_log_is_utf8(void);

#endif
