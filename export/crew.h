/* crew - a thread pool with work stealing, for the tasks of one inference after another.
 *
 * An operator of a small network takes microseconds, so what begins and ends its tasks must take
 * less: idle hands watch for work for a while (some tenths of a millisecond) before they sleep, and
 * a round ends as soon as its tasks are done, whether or not all hands woke up for it.  A hand that
 * the system keeps from running holds nobody up unless it holds a task.  Each worker has the tasks
 * of one part of a round, the same part in each, and takes others' only when its own are done: what
 * one operator writes, the next one reads on the same core. */
#ifndef OCTET_EXPORT_CREW_H
#define OCTET_EXPORT_CREW_H

#include "nn/base/status.h"
#include "runtime/rt.h"

typedef struct ex_crew ex_crew;

/* `threads` >= 1, at most EX_CREW_MOST, count the one that calls rt_run; the model was opened with
 * at least as many rt_options.workers.  Free with ex_crew_free (NULL is allowed).
 * Errors: NN_EINVAL, NN_ENOMEM (also if the system gives no more threads). */
enum { EX_CREW_MOST = 256 };
nn_status ex_crew_new(ex_crew **out, int threads);
void ex_crew_free(ex_crew *c);

/* For rt_run, by one thread at a time; borrowed.  NULL if the crew is one thread. */
const rt_parallel *ex_crew_parallel(const ex_crew *c);

#endif
