/* starve - a piece of work whose allocations fail, each in its turn, alone and with all that come
 * after it.  What is wanted each time is one error that speaks of memory, no crash and nothing left
 * allocated.
 *
 * Twice: with octet's own allocations (nn/base/mem.h), under sanitizers too, and, with the GNU C
 * library, with those that other libraries make on octet's behalf: libpng, libjpeg, zlib, cJSON,
 * protobuf-c, stdio.  A library may do without some memory (stdio without a buffer), so that one
 * failure may go unnoticed there; in octet none may.
 *
 * A program with this file in it has malloc and its kin from here. */
#ifndef OCTET_TESTS_STARVE_H
#define OCTET_TESTS_STARVE_H

#include <stddef.h>

#include "nn/base/status.h"

typedef struct subject {
    const char *name; /* of a network, a format, a file */
    int index;
    const void *bytes;
    size_t size;
} subject;

/* Does something and gives back all that it took. */
typedef nn_status work(const subject *s);

/* Fails unless `f` does well when nothing is refused, and as said above otherwise. */
void survives(work *f, const subject *s);

#endif
