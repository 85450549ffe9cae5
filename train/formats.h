/* formats - the forms in which a network leaves octet, by name. */
#ifndef OCTET_TRAIN_FORMATS_H
#define OCTET_TRAIN_FORMATS_H

#include "nn/base/file.h"
#include "train/session.h"

/* Makes the file of a network that was loaded from a checkpoint; free with nn_bytes_free.
 * Errors: NN_ENOTSUP (what this form cannot hold: why, and what to do), NN_EINVAL, NN_ENOMEM. */
typedef nn_status train_format_write(nn_bytes *out, const train_network *n);

typedef struct train_format {
    const char *name, *about;
    train_format_write *write;
} train_format;

/* The format of that name, or NULL and a message with the nearest one. */
const train_format *train_format_by_name(const char *name);

/* The i-th, in the order of formats.def; NULL when there are no more. */
const train_format *train_format_at(int i);

#define TRAIN_FORMAT(write, name, about) train_format_write write;
#include "train/formats.def"
#undef TRAIN_FORMAT

#endif
