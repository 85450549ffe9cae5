#include "data/image.h"

#include <string.h>

#include "nn/base/file.h"
#include "nn/base/mem.h"

ds_limits ds_limits_of(ds_limits l)
{
    if (l.max_pixels == 0)
        l.max_pixels = DS_MAX_PIXELS;
    if (l.max_file_bytes == 0)
        l.max_file_bytes = DS_MAX_FILE_BYTES;
    return l;
}

nn_status ds_check_size(const char *name, uint64_t height, uint64_t width, ds_limits limits)
{
    size_t most = ds_limits_of(limits).max_pixels;
    if (height == 0 || width == 0)
        return nn_fail(NN_EFORMAT, "%s: is %llux%llu pixels: a picture needs at least one", name,
                       (unsigned long long)height, (unsigned long long)width);
    if (height > INT32_MAX || width > INT32_MAX || height > most / width)
        return nn_fail(
            NN_EFORMAT,
            "%s: is %llux%llu pixels, more than the limit of %zu; --max-pixels raises it", name,
            (unsigned long long)height, (unsigned long long)width, most);
    return NN_OK;
}

nn_status ds_image_new(ds_image *out, int height, int width, int channels)
{
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    *out = (ds_image){ .height = height, .width = width, .channels = channels };
    out->pixels = nn_mem_alloc(bytes);
    if (out->pixels == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a picture of %dx%dx%d could not be had", height,
                       width, channels);
    return NN_OK;
}

void ds_image_free(ds_image *im)
{
    nn_mem_free(im->pixels);
    *im = (ds_image){ 0 };
}

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
