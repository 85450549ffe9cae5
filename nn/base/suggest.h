/* suggest - the nearest known name to one that is not known.
 *
 * Every place where a user types a name (an option, a recipe key, a dataset, a network) answers an
 * unknown one with the name that was probably meant.  Near means few edits: insertions, deletions,
 * replacements and swaps of neighbours (optimal string alignment; Damerau, CACM 7(3), 1964). */
#ifndef OCTET_NN_BASE_SUGGEST_H
#define OCTET_NN_BASE_SUGGEST_H

#include "nn/base/status.h"

/* The number of edits from a to b; letters differing in case only, and '-' against '_', count 0.
 * Only the first 63 characters of each are looked at. */
int nn_edit_distance(const char *a, const char *b);

/* A search over names that are not in one array: set `given`, offer each name, read `best`. */
typedef struct nn_suggestion {
    const char *given;
    const char
        *best; /* NULL while no name was near enough: at most a third of `given`, or 1 edit */
    int distance;
} nn_suggestion;

/* Keeps `name` (borrowed) if it is nearer than the best so far.  A name that begins with the given
 * text counts as one edit away: "fashion" means "fashion-mnist". */
void nn_suggest_offer(nn_suggestion *s, const char *name);

/* The nearest of n names, or NULL if none is near. */
const char *nn_suggest(const char *given, const char *const *names, int n);

/* Fails with NN_EINVAL: `WHAT"GIVEN" is unknown; did you mean NEAREST?`, or, where no name is near,
 * `; there are` all of them.  `what` says where the name stands, such as "split ", or is "". */
nn_status nn_fail_unknown(const char *what, const char *given, const char *const *names, int n);

#endif
