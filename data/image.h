/* image - one picture in memory, and the PNG and JPEG files it comes from.
 *
 * A picture is uint8 [height, width, channels], channels 1 (grey) or 3 (RGB), rows from the top.
 * Files are hostile: dimensions are checked against the limits before memory is asked for, a
 * damaged or cut file is an error (never a half-grey picture), and libpng and libjpeg print
 * nothing.
 *
 *   PNG   grey, grey+alpha, RGB, RGBA, palette; 1 to 16 bits (16 are cut to 8); interlaced or not.
 *         What is transparent is laid over white.  Gamma and colour profiles are ignored.
 *   JPEG  grey and YCbCr, baseline and progressive; decoded with the accurate integer transform, so
 *         the same file gives the same pixels.  CMYK is refused.
 *
 * The EXIF orientation is ignored. */
#ifndef OCTET_DATA_IMAGE_H
#define OCTET_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/file.h"
#include "nn/base/status.h"

typedef struct ds_image {
    int height, width, channels;
    uint8_t *pixels; /* [height, width, channels]; freed by ds_image_free */
} ds_image;

/* What a file may cost; 0 means the default. */
typedef struct ds_limits {
    size_t max_pixels;     /* height times width of one picture: DS_MAX_PIXELS */
    size_t max_file_bytes; /* size of one file, unpacked: DS_MAX_FILE_BYTES */
} ds_limits;

#define DS_MAX_PIXELS     ((size_t)1 << 26) /* 8192 x 8192 */
#define DS_MAX_FILE_BYTES ((size_t)1 << 31)

/* The limits with 0 replaced by the defaults. */
ds_limits ds_limits_of(ds_limits l);

/* NN_EFORMAT unless `height` x `width` is a picture of at most max_pixels; `name` goes into the
 * message. */
nn_status ds_check_size(const char *name, uint64_t height, uint64_t width, ds_limits limits);

/* Zeroed pixels of that size.  Errors: NN_ENOMEM. */
nn_status ds_image_new(ds_image *out, int height, int width, int channels);
void ds_image_free(ds_image *im);

/* The picture in a file, PNG or JPEG by its content whatever its name.
 * Errors: NN_EIO, NN_EFORMAT (damaged, too large), NN_ENOTSUP (another format, CMYK), NN_ENOMEM. */
nn_status ds_image_load(ds_image *out, const char *path, ds_limits limits);

/* As above from the bytes of a file; `name` goes into messages. */
nn_status ds_image_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                          ds_limits limits);

/* The picture as the bytes of an 8-bit PNG; free with nn_bytes_free.  `name` goes into messages.
 * Errors: NN_EINVAL (channels), NN_ENOMEM. */
nn_status ds_png_encode(nn_bytes *out, const ds_image *im, const char *name);

/* The same into a file, whole or not at all.  Errors: also NN_EIO. */
nn_status ds_png_write(const char *path, const ds_image *im);

/* The decoders behind ds_image_decode. */
nn_status ds_png_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                        ds_limits limits);
nn_status ds_jpeg_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                         ds_limits limits);

#endif
