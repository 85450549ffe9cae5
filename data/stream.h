/* stream - the content of a file that may be gzipped, read in pieces (internal to data/).
 *
 * Nothing is unpacked beyond what is asked for, so a header can be checked before memory for what
 * it promises is taken. */
#ifndef OCTET_DATA_STREAM_H
#define OCTET_DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "nn/base/status.h"

typedef struct ds_stream {
    const char *name;
    const uint8_t *bytes; /* the file; borrowed */
    size_t size;
    size_t at;   /* bytes given so far, unpacked */
    bool packed; /* it begins like a gzip file */
    bool ended;
    z_stream z;
} ds_stream;

/* Errors: NN_ENOMEM. */
nn_status ds_stream_open(ds_stream *s, const uint8_t *bytes, size_t size, const char *name);
void ds_stream_close(ds_stream *s);

/* Up to n bytes; *got < n only at the end.  Several gzip members follow one another as in gzip.
 * Errors: NN_EFORMAT (damaged gzip data, cut, or followed by something else). */
nn_status ds_stream_read(ds_stream *s, void *to, size_t n, size_t *got);

/* The largest content that a file of this size can have: deflate packs at most 1:1032. */
uint64_t ds_stream_most(const ds_stream *s);

#endif
