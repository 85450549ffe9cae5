/* signals - SIGINT and SIGTERM ask a long command to stop where it can go on later.  Part of the
 * program, not of the library. */
#ifndef OCTET_TRAIN_CLI_SIGNALS_H
#define OCTET_TRAIN_CLI_SIGNALS_H

#include <stdbool.h>

/* From here on the first signal is noted; a second one ends the process at once. */
void train_signals_watch(void);

/* Has one been caught? */
bool train_signals_caught(void);

/* What to exit with then: 130 or 143. */
int train_signals_exit_code(void);

#endif
