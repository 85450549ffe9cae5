/* JPEG in, through libjpeg (or libjpeg-turbo).
 *
 * As in png.c, an error leaves libjpeg by longjmp, and what must survive lives in a struct that the
 * caller of the jumping function owns.  libjpeg calls damage a warning and paints the rest grey;
 * here a warning that means damage is an error. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "data/image.h"

enum { MAX_SCANS = 100 }; /* a progressive file of more is made to waste time; cameras write ten */

typedef struct decoder {
    struct jpeg_decompress_struct j;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX]; /* libjpeg's, or ours */
    const char *name;
    size_t size;
    ds_image image;
} decoder;

/* Never returns. */
static void on_error(j_common_ptr j)
{
    decoder *d = j->client_data;
    j->err->format_message(j, d->message);
    longjmp(d->jump, 1);
}

static bool is_harmless(int warning)
{
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR ||
           warning == JWRN_ADOBE_XFORM || warning == JWRN_BOGUS_ICC;
}

/* level -1 is a warning; 0 and more are trace messages. */
static void on_message(j_common_ptr j, int level)
{
    if (level < 0 && !is_harmless(j->err->msg_code))
        on_error(j);
}

static void on_progress(j_common_ptr j)
{
    decoder *d = j->client_data;
    if (d->j.input_scan_number <= MAX_SCANS)
        return;
    snprintf(d->message, sizeof d->message, "more than %d scans", MAX_SCANS);
    longjmp(d->jump, 1);
}

static void install_handlers(decoder *d)
{
    d->j.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->j.client_data = d;
    d->progress.progress_monitor = on_progress;
}

static nn_status check_header(decoder *d, ds_limits limits)
{
    NN_TRY(ds_check_size(d->name, d->j.image_height, d->j.image_width, limits));
    if (d->j.num_components != 1 && d->j.num_components != 3)
        return nn_fail(NN_ENOTSUP, "%s: is a JPEG of %d components (CMYK?); convert it to RGB",
                       d->name, d->j.num_components);
    return NN_OK;
}

static nn_status explain(const decoder *d)
{
    if (d->errors.msg_code == JERR_OUT_OF_MEMORY)
        return nn_fail(NN_ENOMEM, "%s: out of memory while it was decoded", d->name);
    size_t left = d->j.src != NULL ? d->j.src->bytes_in_buffer : d->size;
    return nn_fail(NN_EFORMAT, "%s: is a damaged JPEG: %s, near byte %zu", d->name, d->message,
                   d->size - left);
}

static nn_status read_picture(decoder *d, const uint8_t *bytes, size_t size, ds_limits limits)
{
    if (setjmp(d->jump) != 0)
        return explain(d);
    jpeg_create_decompress(&d->j);
    d->j.progress = &d->progress;
    jpeg_mem_src(&d->j, bytes, (unsigned long)size);
    jpeg_read_header(&d->j, TRUE);
    NN_TRY(check_header(d, limits));
    int channels = d->j.num_components;
    d->j.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    d->j.dct_method = JDCT_ISLOW;
    NN_TRY(ds_image_new(&d->image, (int)d->j.image_height, (int)d->j.image_width, channels));
    jpeg_start_decompress(&d->j);
    size_t pitch = (size_t)d->j.output_width * (size_t)channels;
    while (d->j.output_scanline < d->j.output_height) {
        JSAMPROW row = d->image.pixels + d->j.output_scanline * pitch;
        jpeg_read_scanlines(&d->j, &row, 1);
    }
    jpeg_finish_decompress(&d->j);
    return NN_OK;
}

nn_status ds_jpeg_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                         ds_limits limits)
{
    *out = (ds_image){ 0 };
    decoder d = { .name = name, .size = size };
    install_handlers(&d);
    nn_status st = read_picture(&d, bytes, size, limits);
    jpeg_destroy_decompress(&d.j);
    if (st != NN_OK)
        ds_image_free(&d.image);
    else
        *out = d.image;
    return st;
}
