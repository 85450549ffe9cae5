#define _POSIX_C_SOURCE 200809L /* ftruncate */
#include "train/events/records.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH = 8, CHECKSUM = 4, HEAD = LENGTH + CHECKSUM };

static nn_status fail(const train_records *r)
{
    return nn_fail(NN_EIO, "%s: %s", r->path, strerror(errno));
}

/* ---- checksums ------------------------------------------------------------------------------- */

enum { CODES = 256 };

/* What eight steps of the shift register make of each byte. */
static void fill_table(uint32_t table[CODES])
{
    const uint32_t polynomial = 0x82f63b78; /* lowest bit first */
    for (uint32_t code = 0; code < CODES; code++) {
        uint32_t sum = code;
        for (int bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ polynomial : sum >> 1;
        table[code] = sum;
    }
}

uint32_t train_crc32c(const void *data, size_t size)
{
    uint32_t table[CODES], sum = UINT32_MAX;
    const uint8_t *bytes = data;
    fill_table(
        table); /* 2,048 shifts: not worth keeping between calls, which threads would share */
    for (size_t i = 0; i < size; i++)
        sum = sum >> 8 ^ table[(sum ^ bytes[i]) & (CODES - 1)];
    return ~sum;
}

static uint32_t masked(const void *data, size_t size)
{
    uint32_t sum = train_crc32c(data, size);
    return (sum >> 15 | sum << 17) + 0xa282ead8;
}

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

/* ---- writing --------------------------------------------------------------------------------- */

nn_status train_records_open(train_records *r, const char *path, size_t keep)
{
    snprintf(r->path, sizeof r->path, "%s", path);
    r->file = fopen(path, "ab");
    if (r->file == NULL || ftruncate(fileno(r->file), (off_t)keep) != 0)
        return fail(r);
    return NN_OK;
}

nn_status train_records_add(train_records *r, const void *payload, size_t size)
{
    uint8_t head[HEAD], tail[CHECKSUM];
    put(head, size, LENGTH);
    put(head + LENGTH, masked(head, LENGTH), CHECKSUM);
    put(tail, masked(payload, size), CHECKSUM);
    bool written = fwrite(head, 1, HEAD, r->file) == HEAD &&
                   fwrite(payload, 1, size, r->file) == size &&
                   fwrite(tail, 1, CHECKSUM, r->file) == CHECKSUM && fflush(r->file) == 0;
    return written ? NN_OK : fail(r);
}

void train_records_close(train_records *r)
{
    if (r->file != NULL)
        fclose(r->file);
    r->file = NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool train_records_next(nn_bytes *payload, const nn_bytes *file, size_t *offset)
{
    uint8_t *at = file->data + *offset;
    size_t left = file->size - *offset;
    if (left < HEAD + CHECKSUM || get(at + LENGTH, CHECKSUM) != masked(at, LENGTH))
        return false;
    uint64_t size = get(at, LENGTH);
    if (size > left - HEAD - CHECKSUM ||
        get(at + HEAD + size, CHECKSUM) != masked(at + HEAD, (size_t)size))
        return false;
    *payload = (nn_bytes){ at + HEAD, (size_t)size };
    *offset += HEAD + (size_t)size + CHECKSUM;
    return true;
}
