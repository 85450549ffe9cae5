/* source - the labelled pictures that a command reads for a network that exists: --data and what
 * goes with it. */
#ifndef OCTET_TRAIN_CLI_SOURCE_H
#define OCTET_TRAIN_CLI_SOURCE_H

#include "train/cli/command.h"
#include "train/session.h"

typedef struct train_source {
    const char *data, *val;
    bool skip_bad;
} train_source;
extern const train_rows train_source_rows;

/* Is --data there?  Errors: NN_EINVAL. */
nn_status train_source_check(const char *data);

/* Opens the pictures as the network sees them.
 *
 *   s, common   the command's options
 *   prep        size, channels and how to get there
 *   trained     where the network comes from, or NULL: unless --val and --seed were given, the same
 *               pictures are held back as then
 *   classes     how many there must be
 *
 * Close with ds_close.  Errors: NN_EINVAL (--data is missing, --val), NN_ESHAPE (classes),
 * ds_open's. */
nn_status train_source_open(ds_set **out, const train_source *s, const train_call *call,
                            const train_prep *prep, const train_info *trained, int classes);

/* Notes on stderr pictures that --skip-bad left out. */
void train_source_say_bad(const ds_set *set);

#endif
