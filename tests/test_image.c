/* image: every form of PNG and JPEG, and every way in which such a file can be wrong. */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <unistd.h>

#include "tests/testing.h"

#include <jpeglib.h>
#include <png.h>

#include "data/image.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"

enum { W = 11, H = 9 };

typedef struct form {
    int depth, colour;
    bool interlaced, trns;
} form;

/* Sample c of pixel (y, x), of `depth` bits. */
static unsigned sample(int y, int x, int c, int depth)
{
    unsigned v = (unsigned)(y * 7919 + x * 104729 + c * 1299709) * 2654435761u;
    return v >> (32 - depth);
}

/* An entry of the test palette. */
static uint8_t palette_sample(unsigned i, int c)
{
    return (uint8_t)(i * 37 + (unsigned)c * 91);
}

static int channels_of(int colour)
{
    static const int n[7] = { 1, 0, 3, 1, 2, 0, 4 };
    return n[colour];
}

/* One row as PNG stores it: big-endian 16 bits, or packed from the highest bit. */
static void make_row(uint8_t *row, int y, form f)
{
    int n = channels_of(f.colour);
    memset(row, 0, W * 8);
    for (int i = 0; i < W * n; i++) {
        unsigned v = sample(y, i / n, i % n, f.depth);
        if (f.depth == 16) {
            row[2 * i] = (uint8_t)(v >> 8);
            row[2 * i + 1] = (uint8_t)v;
        } else {
            row[i * f.depth / 8] |= (uint8_t)(v << (8 - f.depth - i * f.depth % 8));
        }
    }
}

/* The pixel of tRNS: that of (0, 0) for grey and RGB, entry 1 (half) and 0 for a palette. */
static void write_trns(png_struct *png, png_info *info, form f)
{
    uint8_t alpha[2] = { 0, 128 };
    png_color_16 key = { .gray = (png_uint_16)sample(0, 0, 0, f.depth),
                         .red = (png_uint_16)sample(0, 0, 0, f.depth),
                         .green = (png_uint_16)sample(0, 0, 1, f.depth),
                         .blue = (png_uint_16)sample(0, 0, 2, f.depth) };
    if (f.colour == PNG_COLOR_TYPE_PALETTE)
        png_set_tRNS(png, info, alpha, 2, NULL);
    else
        png_set_tRNS(png, info, NULL, 0, &key);
}

static void write_png(const char *path, form f)
{
    static uint8_t rows[H][W * 8];
    uint8_t *row[H];
    png_color palette[256];
    FILE *file = fopen(path, "wb");
    png_struct *png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_info *info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, W, H, f.depth, f.colour,
                 f.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (unsigned i = 0; i < 256; i++)
        palette[i] =
            (png_color){ palette_sample(i, 0), palette_sample(i, 1), palette_sample(i, 2) };
    if (f.colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 1 << f.depth);
    if (f.trns)
        write_trns(png, info, f);
    png_write_info(png, info);
    for (int y = 0; y < H; y++) {
        make_row(rows[y], y, f);
        row[y] = rows[y];
    }
    png_write_image(png, row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

static uint8_t to_8_bits(unsigned v, int depth)
{
    return (uint8_t)(depth == 16 ? v >> 8 : v * (255 / ((1u << depth) - 1)));
}

static uint8_t over_white(unsigned v, unsigned alpha)
{
    return (uint8_t)((alpha * v + (255 - alpha) * 255 + 127) / 255);
}

static bool is_key(int y, int x, form f)
{
    for (int c = 0; c < channels_of(f.colour); c++)
        if (sample(y, x, c, f.depth) != sample(0, 0, c, f.depth))
            return false;
    return true;
}

/* What channel c of pixel (y, x) is to be read as. */
static uint8_t expected(int y, int x, int c, form f)
{
    if (f.colour == PNG_COLOR_TYPE_PALETTE) {
        unsigned i = sample(y, x, 0, f.depth);
        unsigned alpha = f.trns && i == 0 ? 0 : f.trns && i == 1 ? 128 : 255;
        return over_white(palette_sample(i, c), alpha);
    }
    unsigned alpha = 255;
    if (f.colour & PNG_COLOR_MASK_ALPHA)
        alpha = to_8_bits(sample(y, x, channels_of(f.colour) - 1, f.depth), f.depth);
    else if (f.trns && is_key(y, x, f))
        alpha = 0;
    return over_white(to_8_bits(sample(y, x, c, f.depth), f.depth), alpha);
}

static const int depths[][2] = {
    { 1, PNG_COLOR_TYPE_GRAY },    { 2, PNG_COLOR_TYPE_GRAY },
    { 4, PNG_COLOR_TYPE_GRAY },    { 8, PNG_COLOR_TYPE_GRAY },
    { 16, PNG_COLOR_TYPE_GRAY },   { 8, PNG_COLOR_TYPE_RGB },
    { 16, PNG_COLOR_TYPE_RGB },    { 1, PNG_COLOR_TYPE_PALETTE },
    { 2, PNG_COLOR_TYPE_PALETTE }, { 4, PNG_COLOR_TYPE_PALETTE },
    { 8, PNG_COLOR_TYPE_PALETTE }, { 8, PNG_COLOR_TYPE_GRAY_ALPHA },
    { 8, PNG_COLOR_TYPE_RGBA },    { 16, PNG_COLOR_TYPE_GRAY_ALPHA },
    { 16, PNG_COLOR_TYPE_RGBA },
};

static void check_form(form f)
{
    const char *path = test_path("form.dat"); /* the name decides nothing */
    ds_image im;
    write_png(path, f);
    assert_ok(ds_image_load(&im, path, (ds_limits){ 0 }));
    assert_int_equal(im.height, H);
    assert_int_equal(im.width, W);
    bool colour = (f.colour & PNG_COLOR_MASK_COLOR) != 0;
    assert_int_equal(im.channels, colour ? 3 : 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < im.channels; c++)
                if (im.pixels[(y * W + x) * im.channels + c] != expected(y, x, c, f))
                    fail_msg("depth %d colour %d interlaced %d trns %d: (%d, %d, %d) is %d, not %d",
                             f.depth, f.colour, f.interlaced, f.trns, y, x, c,
                             im.pixels[(y * W + x) * im.channels + c], expected(y, x, c, f));
    ds_image_free(&im);
}

static void every_form_of_png(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
        for (int k = 0; k < 4; k++) {
            bool trns = k / 2 && !(depths[i][1] & PNG_COLOR_MASK_ALPHA);
            check_form((form){ depths[i][0], depths[i][1], k % 2, trns });
        }
}

static void png_is_written_and_read_back(void **state)
{
    (void)state;
    uint8_t pixels[W * H * 3];
    for (int i = 0; i < W * H * 3; i++)
        pixels[i] = (uint8_t)(i * 13);
    for (int channels = 1; channels <= 3; channels += 2) {
        ds_image im = { H, W, channels, pixels }, back;
        const char *path = test_path("back.png");
        assert_ok(ds_png_write(path, &im));
        assert_ok(ds_image_load(&back, path, (ds_limits){ 0 }));
        assert_int_equal(back.channels, channels);
        assert_memory_equal(back.pixels, pixels, (size_t)(W * H * channels));
        ds_image_free(&back);
    }
    assert_fails(ds_png_write("/nowhere/x.png", &(ds_image){ H, W, 3, pixels }), NN_EIO,
                 "/nowhere");
    assert_fails(ds_png_write("x.png", &(ds_image){ H, W, 2, pixels }), NN_EINVAL, "channels");
}

/* ---- JPEG ------------------------------------------------------------------------------------ */

static void write_jpeg(const char *path, int components, J_COLOR_SPACE space, bool progressive)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path, "wb");
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, file);
    j.image_width = W;
    j.image_height = H;
    j.input_components = components;
    j.in_color_space = space;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 100, TRUE);
    for (int c = 0; c < j.num_components; c++) /* 4:4:4: nearly lossless */
        j.comp_info[c].h_samp_factor = j.comp_info[c].v_samp_factor = 1;
    if (progressive)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    uint8_t row[W * 4], *rows[1] = { row };
    for (int y = 0; y < H; y++) {
        for (int i = 0; i < W * components; i++)
            row[i] = (uint8_t)(10 + y * 20 + i % components * 15 + i / components);
        jpeg_write_scanlines(&j, rows, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    fclose(file);
}

static void every_form_of_jpeg(void **state)
{
    (void)state;
    const char *path = test_path("picture.jpg");
    for (int k = 0; k < 4; k++) {
        int C = k / 2 ? 3 : 1;
        ds_image im;
        write_jpeg(path, C, C == 3 ? JCS_RGB : JCS_GRAYSCALE, k % 2);
        assert_ok(ds_image_load(&im, path, (ds_limits){ 0 }));
        assert_int_equal(im.height, H);
        assert_int_equal(im.width, W);
        assert_int_equal(im.channels, C);
        for (int y = 0; y < H; y++)
            for (int i = 0; i < W * C; i++)
                assert_in_range(im.pixels[y * W * C + i] + 4 - (10 + y * 20 + i % C * 15 + i / C),
                                0, 8);
        ds_image_free(&im);
    }
    ds_image im;
    write_jpeg(path, 4, JCS_CMYK, false);
    assert_fails(ds_image_load(&im, path, (ds_limits){ 0 }), NN_ENOTSUP, "CMYK");
}

/* ---- wrong files ----------------------------------------------------------------------------- */

/* Every prefix is refused, and every flipped bit is refused or read, without a crash. */
static void check_cut_and_damaged(const char *path)
{
    nn_bytes file;
    ds_image im;
    assert_ok(nn_file_read(&file, path, 0));
    for (size_t k = 0; k < file.size; k++) {
        nn_status st = ds_image_decode(&im, file.data, k, "cut", (ds_limits){ 0 });
        if (st != NN_EFORMAT)
            fail_msg("%s cut at %zu of %zu: status %d", path, k, file.size, (int)st);
        assert_null(im.pixels);
    }
    ds_limits small = { .max_pixels = 10000 };
    for (size_t k = 0; k < file.size; k++)
        for (int bit = 0; bit < 8; bit++) {
            file.data[k] ^= (uint8_t)(1 << bit);
            if (ds_image_decode(&im, file.data, file.size, "damaged", small) == NN_OK)
                ds_image_free(&im);
            file.data[k] ^= (uint8_t)(1 << bit);
        }
    nn_bytes_free(&file);
}

/* A PNG that ends too early says where it ends, not where its last chunk began. */
static void check_end_is_told(const char *path)
{
    ds_image im;
    nn_bytes file;
    char end[64];
    assert_ok(nn_file_read(&file, path, 0));
    const size_t half = file.size / 2;
    snprintf(end, sizeof end, "near byte %zu", half);
    assert_fails(ds_image_decode(&im, file.data, half, "cut", (ds_limits){ 0 }), NN_EFORMAT, end);
    nn_bytes_free(&file);
}

static void cut_and_damaged_pictures(void **state)
{
    (void)state;
    const char *path = test_path("cut");
    write_png(path, (form){ 8, PNG_COLOR_TYPE_RGB, false, false });
    check_cut_and_damaged(path);
    check_end_is_told(path);
    write_png(path, (form){ 4, PNG_COLOR_TYPE_PALETTE, true, true });
    check_cut_and_damaged(path);
    write_jpeg(path, 3, JCS_RGB, false);
    check_cut_and_damaged(path);
    write_jpeg(path, 1, JCS_GRAYSCALE, true);
    check_cut_and_damaged(path);
}

static nn_status decode(const void *bytes, size_t size)
{
    ds_image im;
    return ds_image_decode(&im, bytes, size, "file", (ds_limits){ 0 });
}

static void other_formats_are_named(void **state)
{
    (void)state;
    ds_image im;
    assert_fails(decode("", 0), NN_EFORMAT, "file: is empty");
    assert_fails(decode("GIF89a", 6), NN_ENOTSUP, "GIF");
    assert_fails(decode("RIFF....WEBPVP8 ", 16), NN_ENOTSUP, "WebP");
    assert_fails(decode("....ftypheic", 12), NN_ENOTSUP, "HEIF");
    assert_fails(decode("hello", 5), NN_EFORMAT, "neither PNG nor JPEG");
    assert_fails(ds_image_load(&im, test_path("absent.png"), (ds_limits){ 0 }), NN_EIO,
                 "absent.png");
    assert_fails(ds_image_load(&im, test_folder(), (ds_limits){ 0 }), NN_EIO, "is a folder");
}

static void limits_come_before_memory(void **state)
{
    (void)state;
    ds_image im;
    const char *path = test_path("limits.png");
    ds_limits small = { .max_pixels = W * H - 1 };
    write_png(path, (form){ 8, PNG_COLOR_TYPE_RGB, false, false });
    assert_fails(ds_image_load(&im, path, small), NN_EFORMAT,
                 "9x11 pixels, more than the limit of 98");
    small = (ds_limits){ .max_file_bytes = 20 };
    assert_fails(ds_image_load(&im, path, small), NN_EFORMAT, "limit of 20");
    write_jpeg(path, 3, JCS_RGB, false);
    small = (ds_limits){ .max_pixels = W * H - 1 };
    assert_fails(ds_image_load(&im, path, small), NN_EFORMAT, "--max-pixels");
    small.max_pixels++;
    assert_ok(ds_image_load(&im, path, small));
    ds_image_free(&im);
    /* a valid header of 8000 x 8000 in front of nothing */
    nn_bytes file;
    write_png(path, (form){ 8, PNG_COLOR_TYPE_RGB, false, false });
    assert_ok(nn_file_read(&file, path, 0));
    const uint8_t size[] = { 0, 0, 0x1f, 0x40, 0, 0, 0x1f, 0x40 };
    memcpy(file.data + 16, size, sizeof size);
    unsigned long crc = 0xffffffff;
    for (size_t i = 12; i < 29; i++) {
        crc ^= file.data[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    crc ^= 0xffffffff;
    for (int i = 0; i < 4; i++)
        file.data[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_fails(decode(file.data, file.size), NN_EFORMAT, "8000x8000 pixels in");
    nn_bytes_free(&file);
}

static void memory_runs_out(void **state)
{
    (void)state;
    const char *path = test_path("memory.png");
    write_png(path, (form){ 8, PNG_COLOR_TYPE_RGBA, true, false });
    for (size_t k = 1;; k++) {
        ds_image im;
        nn_mem_fail_after(k);
        nn_status st = ds_image_load(&im, path, (ds_limits){ 0 });
        nn_mem_fail_after(0);
        if (st == NN_OK) {
            ds_image_free(&im);
            break;
        }
        assert_int_equal(st, NN_ENOMEM);
        assert_null(im.pixels);
        assert_true(k < 100);
    }
    uint8_t pixels[12] = { 0 };
    for (size_t k = 1;; k++) {
        nn_mem_fail_after(k);
        nn_status st = ds_png_write(path, &(ds_image){ 2, 2, 3, pixels });
        nn_mem_fail_after(0);
        if (st == NN_OK)
            break;
        assert_int_equal(st, NN_ENOMEM);
        assert_true(k < 100);
    }
}

/* libpng and libjpeg print nothing, whatever happens. */
static void nothing_is_printed(void **state)
{
    (void)state;
    const char *path = test_path("stderr"), *picture = test_path("quiet");
    fflush(stderr);
    int saved = dup(2);
    assert_non_null(freopen(path, "wb", stderr));
    write_jpeg(picture, 3, JCS_RGB, true);
    check_cut_and_damaged(picture);
    write_png(picture, (form){ 8, PNG_COLOR_TYPE_PALETTE, false, true });
    check_cut_and_damaged(picture);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    nn_bytes printed;
    assert_ok(nn_file_read(&printed, path, 0));
    assert_int_equal(printed.size, 0);
    nn_bytes_free(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_png),       cmocka_unit_test(png_is_written_and_read_back),
        cmocka_unit_test(every_form_of_jpeg),      cmocka_unit_test(cut_and_damaged_pictures),
        cmocka_unit_test(other_formats_are_named), cmocka_unit_test(limits_come_before_memory),
        cmocka_unit_test(memory_runs_out),         cmocka_unit_test(nothing_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
