/* records - a file that grows by records, each with its length and checksums: TFRecord, the framing
 * of TensorBoard's event files.
 *
 *   8 bytes   length n of the payload
 *   4 bytes   masked CRC-32C of these 8
 *   n bytes   payload
 *   4 bytes   masked CRC-32C of the payload
 *
 * Numbers are little-endian; a checksum c is masked as (c rotated right by 15 bits) + 0xa282ead8,
 * so that records within records do not check themselves.  Format and constant from TensorFlow's
 * public description (record_writer.h, crc32c.h); the polynomial is Castagnoli's, 1993. */
#ifndef OCTET_TRAIN_EVENTS_RECORDS_H
#define OCTET_TRAIN_EVENTS_RECORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "nn/base/file.h"

typedef struct train_records {
    FILE *file;
    char path[4096];
} train_records;

/* Opens the file behind its first `keep` bytes, which it has; what follows them is cut off.  Made
 * if missing.  Errors: NN_EIO. */
nn_status train_records_open(train_records *r, const char *path, size_t keep);

/* Appends one record, which is in the system's hands when this returns.  Errors: NN_EIO. */
nn_status train_records_add(train_records *r, const void *payload, size_t size);
void train_records_close(train_records *r); /* all zero is allowed */

/* The payload of the record at *offset of a file, which it moves behind; it points into the file.
 * False at the end, and at what is no whole record with the right checksums; *offset then stays. */
bool train_records_next(nn_bytes *payload, const nn_bytes *file, size_t *offset);

/* CRC-32C, not masked: 0xe3069283 of the text "123456789". */
uint32_t train_crc32c(const void *data, size_t size);

#endif
