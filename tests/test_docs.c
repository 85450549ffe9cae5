/* The commands in docs/own-pictures.md, run as they stand on a folder of generated pictures; the
 * script of `make demo` on the embedded sample; and that every link of a page leads somewhere. */
#define _XOPEN_SOURCE 700
#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>

#include "data/image.h"
#include "nn/base/file.h"
#include "tests/testing.h"

enum { PER_CLASS_TRAIN = 40, PER_CLASS_TEST = 10 };

/* An apple is reddish, a pear greenish, both with noise; sizes vary. */
static void paint(uint8_t *rgb, int height, int width, bool apple, uint64_t seed)
{
    for (int i = 0; i < height * width; i++)
        for (int c = 0; c < 3; c++) {
            int bright = c == (apple ? 0 : 1) ? 190 : 80;
            rgb[3 * i + c] =
                (uint8_t)(bright + test_noise_int(seed, (uint64_t)(3 * i + c), -60, 60));
        }
}

static void write_jpeg(const char *path, const uint8_t *rgb, int height, int width)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_height = (JDIMENSION)height;
    c.image_width = (JDIMENSION)width;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)c.next_scanline * (size_t)width * 3);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(f);
}

static void fill_class(const char *split, bool apple, int n)
{
    char folder[512], path[600];
    uint8_t rgb[48 * 60 * 3];
    snprintf(folder, sizeof folder, "%s/pictures/%s/%s", test_folder(), split,
             apple ? "apple" : "pear");
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int i = 0; i < n; i++) {
        int height = 33 + i % 15, width = 60 - i % 20;
        paint(rgb, height, width, apple, (uint64_t)(i + (apple ? 1000 : 0) + (*split == 't') * 7));
        snprintf(path, sizeof path, "%s/%d.%s", folder, i, apple ? "png" : "jpg");
        if (apple)
            assert_ok(ds_png_write(
                path,
                &(ds_image){ .pixels = rgb, .height = height, .width = width, .channels = 3 }));
        else
            write_jpeg(path, rgb, height, width);
    }
}

static void make_pictures(void)
{
    static const char *const folders[] = { "pictures", "pictures/train", "pictures/test" };
    for (int i = 0; i < 3; i++)
        assert_int_equal(mkdir(test_path(folders[i]), 0777), 0);
    for (int apple = 0; apple < 2; apple++) {
        fill_class("train", apple, PER_CLASS_TRAIN);
        fill_class("test", apple, PER_CLASS_TEST);
    }
}

/* Runs a line in the folder, with the built program first in the path. */
static void run_line(const char *line, const char *program_folder)
{
    char command[2048];
    snprintf(command, sizeof command, "cd '%s' && PATH='%s':\"$PATH\" %s >out.txt 2>err.txt",
             test_folder(), program_folder, line);
    if (system(command) == 0)
        return;
    nn_bytes err;
    assert_ok(nn_file_read(&err, test_path("err.txt"), 0));
    fail_msg("%s\n%.*s", line, (int)err.size, (const char *)err.data);
}

static void own_pictures(void **state)
{
    (void)state;
    char cwd[256], folder[512];
    nn_bytes page;
    const char *out = getenv("OUT");
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(folder, sizeof folder, "%s/%s", cwd, out != NULL ? out : "build/release");
    assert_ok(nn_file_read(&page, "docs/own-pictures.md", 0));
    make_pictures();
    char *text = calloc(1, page.size + 1);
    memcpy(text, page.data, page.size);
    int commands = 0;
    bool inside = false;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "```", 3) == 0)
            inside = !inside && strcmp(line, "```sh") == 0;
        else if (inside && ++commands > 0)
            run_line(line, folder);
    }
    assert_true(commands >= 7);
    nn_bytes said;
    assert_ok(nn_file_read(&said, test_path("out.txt"), 0)); /* of octet run */
    char *apple = strstr((char *)said.data, "apple"), *pear = strstr((char *)said.data, "pear");
    assert_true(apple != NULL && pear != NULL);
    nn_bytes_free(&said);
    nn_bytes_free(&page);
    free(text);
}

static void demo_on_the_sample(void **state)
{
    (void)state;
    char command[1024];
    const char *out = getenv("OUT");
    snprintf(command, sizeof command, "sh recipes/demo.sh %s/octet '%s' sample >'%s' 2>&1",
             out != NULL ? out : "build/release", test_path("demo"), test_path("demo.txt"));
    int failed = system(command);
    nn_bytes said;
    assert_ok(nn_file_read(&said, test_path("demo.txt"), 0));
    if (failed != 0)
        fail_msg("%.*s", (int)said.size, (const char *)said.data);
    double top1[4] = { 0 };
    const char *table = strstr((const char *)said.data, "delta");
    assert_non_null(table);
    const char *rows[] = { "  float ", "  int8, quantized", "  fake-quantized", "  int8, after" };
    for (int i = 0; i < 4; i++) {
        const char *at = strstr(table, rows[i]);
        const char *digits = at != NULL ? strpbrk(at + 8, "0123456789\n") : NULL;
        assert_true(digits != NULL && sscanf(digits, "%lf", &top1[i]) == 1);
        assert_true(top1[i] > 70 && top1[i] > top1[0] - 3);
    }
    nn_bytes_free(&said);
}

/* ---- links ----------------------------------------------------------------------------------- */

static bool is_page(const char *path)
{
    const char *end = strrchr(path, '.');
    return end != NULL && strcmp(end, ".md") == 0;
}

/* A heading's anchor, as GitHub makes it: "Which rounding?" is "which-rounding". */
static void make_anchor(char *to, const char *heading, size_t size)
{
    size_t n = 0;
    for (; *heading != '\0' && *heading != '\n' && n + 1 < size; heading++) {
        if (isalnum((unsigned char)*heading) || *heading == '-' || *heading == '_')
            to[n++] = (char)tolower((unsigned char)*heading);
        else if (*heading == ' ')
            to[n++] = '-';
    }
    to[n] = '\0';
}

static bool has_anchor(const char *path, const char *anchor)
{
    nn_bytes page;
    char found[256] = "";
    assert_ok(nn_file_read(&page, path, 0));
    for (const char *at = (const char *)page.data; at != NULL; at = strstr(at, "\n#")) {
        at += *at == '\n';
        const char *heading = at + strspn(at, "#");
        if (heading == at || *heading != ' ')
            continue;
        make_anchor(found, heading + 1, sizeof found);
        if (strcmp(found, anchor) == 0)
            break;
    }
    nn_bytes_free(&page);
    return strcmp(found, anchor) == 0;
}

/* `link` as it stands in the page `from`. */
static void check_link(const char *from, const char *link)
{
    char path[1200], *anchor;
    const char *slash = strrchr(from, '/');
    if (strstr(link, "://") != NULL)
        return;
    if (*link == '#')
        snprintf(path, sizeof path, "%s%s", from, link);
    else
        snprintf(path, sizeof path, "%.*s%s", slash != NULL ? (int)(slash + 1 - from) : 0, from,
                 link);
    anchor = strchr(path, '#');
    if (anchor != NULL)
        *anchor++ = '\0';
    if (access(path, R_OK) != 0)
        fail_msg("%s: there is no %s", from, link);
    if (anchor != NULL && is_page(path) && !has_anchor(path, anchor))
        fail_msg("%s: %s has no heading #%s", from, path, anchor);
}

static int check_page(const char *path)
{
    nn_bytes page;
    char link[512];
    int links = 0;
    assert_ok(nn_file_read(&page, path, 0));
    for (const char *at = (const char *)page.data; (at = strstr(at, "](")) != NULL; at += 2)
        if (sscanf(at, "](%511[^) \n])", link) == 1) {
            check_link(path, link);
            links++;
        }
    nn_bytes_free(&page);
    return links;
}

static void links_lead_somewhere(void **state)
{
    (void)state;
    static const char *const patterns[] = { "*.md", "docs/*.md", "docs/*/*.md" };
    int links = 0;
    for (int p = 0; p < 3; p++) {
        glob_t found;
        assert_int_equal(glob(patterns[p], 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
            links += check_page(found.gl_pathv[i]);
        globfree(&found);
    }
    assert_true(links > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(links_lead_somewhere),
                                        cmocka_unit_test(own_pictures),
                                        cmocka_unit_test(demo_on_the_sample) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
