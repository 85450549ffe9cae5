#include "data/stream.h"

#include <limits.h>
#include <string.h>

enum { GZIP = 15 + 16 }; /* zlib's windowBits: 32 kB, gzip header and checksum demanded */

static bool is_gzip(const uint8_t *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

nn_status ds_stream_open(ds_stream *s, const uint8_t *bytes, size_t size, const char *name)
{
    *s = (ds_stream){ .name = name, .bytes = bytes, .size = size, .packed = is_gzip(bytes, size) };
    if (s->packed && inflateInit2(&s->z, GZIP) != Z_OK) {
        s->packed = false;
        return nn_fail(NN_ENOMEM, "%s: out of memory: gzip's state could not be had", name);
    }
    return NN_OK;
}

void ds_stream_close(ds_stream *s)
{
    if (s->packed)
        inflateEnd(&s->z);
}

uint64_t ds_stream_most(const ds_stream *s)
{
    return s->packed ? (uint64_t)s->size * 1032 + 1032 : s->size;
}

/* Bytes of the file that zlib has taken.  Its own counters are longs and reset by each member. */
static size_t taken(const ds_stream *s)
{
    return s->z.next_in != NULL ? (size_t)(s->z.next_in - s->bytes) : 0;
}

/* After the end of a member: another one, or the end of the file. */
static nn_status next_member(ds_stream *s)
{
    size_t at = taken(s);
    if (at == s->size) {
        s->ended = true;
        return NN_OK;
    }
    if (!is_gzip(s->bytes + at, s->size - at) || inflateReset(&s->z) != Z_OK)
        return nn_fail(NN_EFORMAT, "%s: something that is not gzip data follows at byte %zu",
                       s->name, at);
    return NN_OK;
}

static nn_status inflate_some(ds_stream *s, uint8_t *to, size_t n, size_t *got)
{
    size_t at = taken(s);
    uInt in = (uInt)(s->size - at < UINT_MAX ? s->size - at : UINT_MAX);
    uInt room = (uInt)(n < UINT_MAX ? n : UINT_MAX);
    s->z.next_in = (z_const Bytef *)(uintptr_t)(s->bytes + at);
    s->z.avail_in = in;
    s->z.next_out = to;
    s->z.avail_out = room;
    int r = inflate(&s->z, Z_NO_FLUSH);
    *got = room - s->z.avail_out;
    if (r == Z_STREAM_END)
        return next_member(s);
    if (r == Z_MEM_ERROR)
        return nn_fail(NN_ENOMEM, "%s: out of memory while unpacking", s->name);
    if (r == Z_BUF_ERROR || (r == Z_OK && *got < room && taken(s) == s->size))
        return nn_fail(NN_EFORMAT, "%s: the gzip data ends too early, at byte %zu", s->name,
                       s->size);
    if (r != Z_OK)
        return nn_fail(NN_EFORMAT, "%s: the gzip data is damaged near byte %zu: %s", s->name,
                       taken(s), s->z.msg != NULL ? s->z.msg : "unknown reason");
    return NN_OK;
}

static size_t copy_some(const ds_stream *s, uint8_t *to, size_t n)
{
    size_t left = s->size - s->at;
    size_t m = n < left ? n : left;
    if (m != 0)
        memcpy(to, s->bytes + s->at, m);
    return m;
}

nn_status ds_stream_read(ds_stream *s, void *to, size_t n, size_t *got)
{
    uint8_t *p = to;
    *got = 0;
    if (!s->packed)
        *got = copy_some(s, p, n);
    while (s->packed && !s->ended && *got < n) {
        size_t more = 0;
        NN_TRY(inflate_some(s, p + *got, n - *got, &more));
        *got += more;
    }
    s->at += *got;
    return NN_OK;
}
