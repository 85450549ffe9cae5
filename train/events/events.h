/* events - TensorBoard's event files: numbers, histograms, pictures and graphs, by step and tag.
 *
 * A file is a list of records (train/events/records.h), each a protobuf message of
 * train/events/events.proto, the first of which names the version.  What is shown of a run, and
 * when, is train/events/board.h's matter.
 *
 *     train_events_begin(e, step);
 *     train_events_scalar(e, "train/loss", loss); ...
 *     NN_TRY(train_events_end(e));
 *
 * Errors stick from begin to end, so that what stands between needs no checks. */
#ifndef OCTET_TRAIN_EVENTS_EVENTS_H
#define OCTET_TRAIN_EVENTS_EVENTS_H

#include <stdbool.h>

#include "data/image.h"
#include "nn/base/file.h"

typedef struct train_events train_events;

/* Opens a file with its events up to `step`, in whose order they lie; the first one that is later,
 * torn or damaged is cut off with all behind it.  step < 0: the file is made anew.  Close with
 * train_events_close.  Errors: NN_EIO, NN_ENOMEM. */
nn_status train_events_open(train_events **out, const char *path, int64_t step);
void train_events_close(train_events *e); /* NULL is allowed */

/* Does the file hold nothing but its version? */
bool train_events_is_empty(const train_events *e);

/* How many values of something lie where. */
typedef struct train_event_bins {
    double min, max, count; /* of all values */
    int n;                  /* bins */
    const double *limit; /* [n] upper ends, rising; the first begins at min, the last ends at max */
    const double *in;    /* [n] values in each */
} train_event_bins;

/* One event: values at a step, each with its tag.  A value that is not finite is written as it is,
 * and shown as such. */
void train_events_begin(train_events *e, int64_t step);
void train_events_scalar(train_events *e, const char *tag, double value); /* as binary32 */
void train_events_histogram(train_events *e, const char *tag, const train_event_bins *b);
void train_events_image(train_events *e, const char *tag, const ds_image *image); /* as PNG */

/* Appends the event; one without values is left out.  Errors: NN_EIO, NN_ENOMEM. */
nn_status train_events_end(train_events *e);

/* One event: the bytes of a TensorFlow GraphDef.  The last one of a run is shown. */
nn_status train_events_graph(train_events *e, int64_t step, const nn_bytes *graph);

#endif
