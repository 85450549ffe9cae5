/* PNG in and out, through libpng.
 *
 * libpng reports an error by a call that must not return; it leaves here by longjmp to the function
 * that called in.  Everything that must survive the jump lives in a struct that this function's
 * caller owns, so no local variable changes between setjmp and longjmp. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "data/image.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"

enum {
    BACKGROUND = 255,    /* white, behind what is transparent */
    DEFLATE_MOST = 1032, /* deflate never packs better than 1:1032 */
};

typedef struct codec {
    png_struct *png;
    png_info *info;
    jmp_buf jump;
    char message[128]; /* libpng's */
    bool starved;      /* an allocation failed */
    const char *name;
    const uint8_t *bytes; /* reading: the file and how much of it libpng has taken */
    size_t size, at;
    nn_bytes written; /* writing: what libpng has given; the block is larger */
    size_t capacity;
    ds_image image; /* reading: 8 bits, 1 to 4 channels */
    png_byte **rows;
} codec;

static void on_error(png_struct *png, const char *message)
{
    codec *c = png_get_error_ptr(png);
    snprintf(c->message, sizeof c->message, "%s", message);
    longjmp(c->jump, 1);
}

static void on_warning(png_struct *png, const char *message)
{
    (void)png, (void)message;
}

static void *allocate(png_struct *png, png_alloc_size_t bytes)
{
    codec *c = png_get_mem_ptr(png);
    void *p = nn_mem_alloc(bytes);
    c->starved |= p == NULL;
    return p;
}

static void release(png_struct *png, void *p)
{
    (void)png;
    nn_mem_free(p);
}

static void give_bytes(png_struct *png, png_byte *to, size_t n)
{
    codec *c = png_get_io_ptr(png);
    if (n > c->size - c->at) {
        c->at = c->size; /* what the message calls the place */
        png_error(png, "the file ends too early");
    }
    memcpy(to, c->bytes + c->at, n);
    c->at += n;
}

/* From any of PNG's forms to 8 bits a channel: grey, grey+alpha, RGB or RGBA. */
static void ask_for_bytes(codec *c)
{
    png_set_expand(c->png); /* palette to RGB, 1/2/4 bits to 8, tRNS to alpha */
    png_set_strip_16(c->png);
    png_set_interlace_handling(c->png);
    png_read_update_info(c->png, c->info);
}

static nn_status allocate_picture(codec *c, ds_limits limits)
{
    uint64_t height = png_get_image_height(c->png, c->info);
    uint64_t width = png_get_image_width(c->png, c->info);
    NN_TRY(ds_check_size(c->name, height, width, limits));
    /* Bytes as stored: at least one filter byte and one byte of pixels for each row. */
    uint64_t stored = height * (uint64_t)png_get_rowbytes(c->png, c->info);
    if (stored / DEFLATE_MOST > c->size)
        return nn_fail(NN_EFORMAT, "%s: claims %llux%llu pixels in %zu bytes: it is cut or damaged",
                       c->name, (unsigned long long)height, (unsigned long long)width, c->size);
    ask_for_bytes(c);
    NN_TRY(ds_image_new(&c->image, (int)height, (int)width, png_get_channels(c->png, c->info)));
    c->rows = nn_mem_alloc(height * sizeof *c->rows);
    if (c->rows == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", c->name);
    size_t pitch = (size_t)width * (size_t)c->image.channels;
    for (uint64_t y = 0; y < height; y++)
        c->rows[y] = c->image.pixels + y * pitch;
    return NN_OK;
}

static nn_status explain(const codec *c)
{
    if (c->starved)
        return nn_fail(NN_ENOMEM, "%s: out of memory while it was decoded", c->name);
    return nn_fail(NN_EFORMAT, "%s: is a damaged PNG: %s, near byte %zu", c->name, c->message,
                   c->at);
}

static nn_status read_picture(codec *c, ds_limits limits)
{
    if (setjmp(c->jump) != 0)
        return explain(c);
    c->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, c, on_error, on_warning, c, allocate,
                                      release);
    c->info = c->png != NULL ? png_create_info_struct(c->png) : NULL;
    if (c->info == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", c->name);
    png_set_read_fn(c->png, c, give_bytes);
    png_set_user_limits(c->png, INT32_MAX, INT32_MAX); /* ours are checked below */
    /* Nothing but IHDR, PLTE, tRNS, IDAT and IEND: for texts and profiles libpng asks for as much
     * memory as they claim to have, before it reads them. */
    png_set_keep_unknown_chunks(c->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(c->png, c->info);
    NN_TRY(allocate_picture(c, limits));
    png_read_image(c->png, c->rows);
    png_read_end(c->png, NULL);
    return NN_OK;
}

/* Lays the picture over the background in place: out = (a v + (255 - a) background) / 255,
 * rounded. */
static void drop_alpha(ds_image *im)
{
    int colours = im->channels - 1;
    size_t n = (size_t)im->height * (size_t)im->width;
    const uint8_t *from = im->pixels;
    uint8_t *to = im->pixels;
    for (size_t i = 0; i < n; i++, from += im->channels, to += colours) {
        unsigned alpha = from[colours];
        for (int k = 0; k < colours; k++)
            to[k] = (uint8_t)((alpha * from[k] + (255 - alpha) * BACKGROUND + 127) / 255);
    }
    im->channels = colours;
}

nn_status ds_png_decode(ds_image *out, const uint8_t *bytes, size_t size, const char *name,
                        ds_limits limits)
{
    *out = (ds_image){ 0 };
    codec c = { .name = name, .bytes = bytes, .size = size };
    nn_status st = read_picture(&c, limits);
    png_destroy_read_struct(&c.png, &c.info, NULL);
    nn_mem_free(c.rows);
    if (st != NN_OK) {
        ds_image_free(&c.image);
        return st;
    }
    if (c.image.channels == 2 || c.image.channels == 4)
        drop_alpha(&c.image);
    *out = c.image;
    return NN_OK;
}

static void take_bytes(png_struct *png, png_byte *from, size_t n)
{
    codec *c = png_get_io_ptr(png);
    if (n > c->capacity - c->written.size) {
        size_t capacity = 2 * c->capacity + n;
        uint8_t *larger = nn_mem_alloc(capacity);
        if (larger == NULL)
            png_error(png, "out of memory");
        if (c->written.size != 0)
            memcpy(larger, c->written.data, c->written.size);
        nn_mem_free(c->written.data);
        c->written.data = larger;
        c->capacity = capacity;
    }
    memcpy(c->written.data + c->written.size, from, n);
    c->written.size += n;
}

static void flush_nothing(png_struct *png)
{
    (void)png;
}

static nn_status encode(codec *c, const ds_image *im)
{
    if (setjmp(c->jump) != 0)
        return nn_fail(NN_ENOMEM, "%s: cannot be made: %s", c->name, c->message);
    c->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, c, on_error, on_warning, c, allocate,
                                       release);
    c->info = c->png != NULL ? png_create_info_struct(c->png) : NULL;
    if (c->info == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", c->name);
    png_set_write_fn(c->png, c, take_bytes, flush_nothing);
    png_set_IHDR(c->png, c->info, (png_uint_32)im->width, (png_uint_32)im->height, 8,
                 im->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
    size_t pitch = (size_t)im->width * (size_t)im->channels;
    for (int y = 0; y < im->height; y++)
        png_write_row(c->png, im->pixels + (size_t)y * pitch);
    png_write_end(c->png, NULL);
    return NN_OK;
}

nn_status ds_png_encode(nn_bytes *out, const ds_image *im, const char *name)
{
    *out = (nn_bytes){ 0 };
    if (im->channels != 1 && im->channels != 3)
        return nn_fail(NN_EINVAL, "%s: a PNG has 1 or 3 channels, not %d", name, im->channels);
    codec c = { .name = name };
    nn_status st = encode(&c, im);
    png_destroy_write_struct(&c.png, &c.info);
    if (st == NN_OK)
        *out = c.written;
    else
        nn_bytes_free(&c.written);
    return st;
}

nn_status ds_png_write(const char *path, const ds_image *im)
{
    nn_bytes file;
    NN_TRY(ds_png_encode(&file, im, path));
    nn_status st = nn_file_write(path, file.data, file.size);
    nn_bytes_free(&file);
    return st;
}
