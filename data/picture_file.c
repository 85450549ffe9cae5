/* The picture in a file: PNG or JPEG by its first bytes; what else people have is named. */
#include "data/image.h"

#include <string.h>

#include "nn/base/file.h"

/* Formats that people have pictures in, for a message that helps. */
static const struct format {
    const char *name;
    size_t offset;
    const char *magic;
} others[] = {
    { "GIF", 0, "GIF8" },      { "BMP", 0, "BM" },         { "TIFF", 0, "II*" },
    { "TIFF", 0, "MM" },       { "WebP", 8, "WEBP" },      { "HEIF or AVIF", 4, "ftyp" },
    { "gzip", 0, "\x1f\x8b" }, { "zip", 0, "PK\x03\x04" },
};

static nn_status refuse(const uint8_t *bytes, size_t size, const char *name)
{
    if (size == 0)
        return nn_fail(NN_EFORMAT, "%s: is empty", name);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        size_t n = strlen(others[i].magic), at = others[i].offset;
        if (size >= at + n && memcmp(bytes + at, others[i].magic, n) == 0)
            return nn_fail(NN_ENOTSUP, "%s: is a %s file; convert it to PNG or JPEG", name,
                           others[i].name);
    }
    return nn_fail(NN_EFORMAT, "%s: is neither PNG nor JPEG (its first byte is 0x%02x)", name,
                   bytes[0]);
}

nn_status ds_image_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                          ds_limits limits)
{
    static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    *out = (ds_image){ 0 };
    limits = ds_limits_of(limits);
    if (size >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return ds_png_decode(out, bytes, size, name, limits);
    if (size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff)
        return ds_jpeg_decode(out, bytes, size, name, limits);
    return refuse(bytes, size, name);
}

nn_status ds_image_load(ds_image *out, const char *path, ds_limits limits)
{
    *out = (ds_image){ 0 };
    nn_bytes file;
    NN_TRY(nn_file_read(&file, path, ds_limits_of(limits).max_file_bytes));
    nn_status st = ds_image_decode(out, file.data, file.size, path, limits);
    nn_bytes_free(&file);
    return st;
}
