/* dataset: every kind, its splits, and every way in which its files can be wrong. */
#define _POSIX_C_SOURCE 200809L
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "data/cifar.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

/* ---- making files ---------------------------------------------------------------------------- */

enum { N_TRAIN = 20, N_TEST = 7, SIDE = 5, CLASSES = 4 };

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(size == 0 || fwrite(data, 1, size, f) == size);
    fclose(f);
}

static void write_gzip(const char *path, const void *data, size_t size)
{
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)size), (int)size);
    gzclose(f);
}

static void put_be32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Pixel j of picture i of a split. */
static uint8_t pixel(int split, int i, int j)
{
    return (uint8_t)(split * 101 + i * 7 + j);
}

/* An IDX file of pictures or labels; returns its size. */
static size_t make_pictures(uint8_t *to, int split, int n)
{
    memcpy(to, "\0\0\10\3", 4);
    put_be32(to + 4, (uint32_t)n);
    put_be32(to + 8, SIDE);
    put_be32(to + 12, SIDE);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < SIDE * SIDE; j++)
            to[16 + i * SIDE * SIDE + j] = pixel(split, i, j);
    return 16 + (size_t)n * SIDE * SIDE;
}

static size_t make_labels(uint8_t *to, int n)
{
    memcpy(to, "\0\0\10\1", 4);
    put_be32(to + 4, (uint32_t)n);
    for (int i = 0; i < n; i++)
        to[8 + i] = (uint8_t)(i % CLASSES);
    return 8 + (size_t)n;
}

/* A folder of four IDX files; returns its path. */
static const char *make_idx(const char *name, bool gzip)
{
    uint8_t b[4096];
    char path[600];
    const char *folder = test_path(name), *end = gzip ? ".gz" : "";
    void (*write)(const char *, const void *, size_t) = gzip ? write_gzip : write_file;
    mkdir(folder, 0777);
    for (int s = 0; s < 2; s++) {
        int n = s == 0 ? N_TRAIN : N_TEST;
        const char *split = s == 0 ? "train" : "t10k";
        snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte%s", folder, split, end);
        write(path, b, make_pictures(b, s, n));
        snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte%s", folder, split, end);
        write(path, b, make_labels(b, n));
    }
    return folder;
}

static const char *spec_of(const char *kind, const char *folder)
{
    static char spec[600];
    snprintf(spec, sizeof spec, "%s:%s", kind, folder);
    return spec;
}

/* folder/name, valid until the next call. */
static const char *inside(const char *folder, const char *name)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static nn_status try_open(const char *spec)
{
    ds_set *set;
    nn_status st = ds_open(&set, spec, NULL);
    ds_close(set);
    return st;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static void check_idx(const char *folder)
{
    ds_set *set;
    assert_ok(ds_open(&set, spec_of("idx", folder), NULL));
    assert_int_equal(ds_count(set, DS_TRAIN), N_TRAIN);
    assert_int_equal(ds_count(set, DS_TEST), N_TEST);
    assert_int_equal(ds_count(set, DS_VAL), 0);
    assert_int_equal(ds_height(set), SIDE);
    assert_int_equal(ds_width(set), SIDE);
    assert_int_equal(ds_channels(set), 1);
    assert_int_equal(ds_classes(set), CLASSES);
    assert_string_equal(ds_class_name(set, 3), "3");
    assert_int_equal(ds_class_count(set, DS_TEST, 0), 2);
    assert_int_equal(ds_class_count(set, DS_TEST, 3), 1);
    uint8_t pixels[SIDE * SIDE];
    int label;
    for (int i = 0; i < N_TEST; i++) {
        assert_ok(ds_read(set, DS_TEST, i, pixels, &label));
        assert_int_equal(label, i % CLASSES);
        assert_int_equal(ds_label(set, DS_TEST, i), label);
        assert_int_equal(pixels[24], pixel(1, i, 24));
    }
    assert_fails(ds_read(set, DS_TEST, N_TEST, pixels, &label), NN_EINVAL, "no test picture 7");
    assert_fails(ds_read(set, DS_VAL, 0, pixels, &label), NN_EINVAL, "there are 0");
    ds_close(set);
}

static void idx_plain_and_gzipped(void **state)
{
    (void)state;
    check_idx(make_idx("idx-plain", false));
    check_idx(make_idx("idx-gzip", true));
}

static void write_cifar(const char *folder, const char *name, int label_bytes, int n, int classes)
{
    static uint8_t b[40 * 3074];
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (label_bytes == 2)
            b[at++] = 0;
        b[at++] = (uint8_t)(i % classes);
        for (int j = 0; j < 3072; j++)
            b[at++] = (uint8_t)(j / 1024 * 80 + i + j % 7);
    }
    write_file(inside(folder, name), b, at);
}

static const char *make_cifar10(const char *name)
{
    const char *folder = test_path(name);
    mkdir(folder, 0777);
    for (int i = 1; i <= 5; i++) {
        char file[32];
        snprintf(file, sizeof file, "data_batch_%d.bin", i);
        write_cifar(folder, file, 1, i, 10);
    }
    write_cifar(folder, "test_batch.bin", 1, 12, 10);
    return folder;
}

static const char *make_cifar100(const char *name)
{
    const char *folder = test_path(name);
    mkdir(folder, 0777);
    write_cifar(folder, "train.bin", 2, 30, 100);
    write_cifar(folder, "test.bin", 2, 3, 100);
    return folder;
}

static void cifar_planes_become_pixels(void **state)
{
    (void)state;
    ds_set *set;
    uint8_t pixels[3072];
    int label;
    assert_ok(ds_open(&set, spec_of("cifar10", make_cifar10("cifar10")), NULL));
    assert_int_equal(ds_count(set, DS_TRAIN), 15);
    assert_int_equal(ds_count(set, DS_TEST), 12);
    assert_string_equal(ds_class_name(set, 9), "truck");
    assert_ok(ds_read(set, DS_TEST, 11, pixels, &label));
    assert_int_equal(label, 1);
    for (int j = 0; j < 1024; j++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixels[3 * j + c], c * 80 + 11 + (c * 1024 + j) % 7);
    ds_close(set);
    assert_ok(ds_open(&set, spec_of("cifar100", make_cifar100("cifar100")), NULL));
    assert_int_equal(ds_classes(set), 100);
    assert_string_equal(ds_class_name(set, 0), "apple");
    assert_string_equal(ds_class_name(set, 99), "worm");
    assert_int_equal(ds_label(set, DS_TRAIN, 29), 29);
    ds_close(set);
}

static void fashion_mnist_from_a_folder(void **state)
{
    (void)state;
    const char *folder = make_idx("fashion", true);
    ds_set *set;
    assert_ok(ds_open(&set, spec_of("fashion-mnist", folder), NULL));
    assert_int_equal(ds_classes(set), 10);
    ds_close(set);
    assert_fails(try_open("fashion-mnist:/nowhere"), NN_EIO, "/nowhere: has no train-images");
}

static void unknown_kinds_are_answered(void **state)
{
    (void)state;
    assert_fails(try_open("fashon-mnist"), NN_EINVAL, "did you mean fashion-mnist?");
    assert_fails(try_open("cifar:x"), NN_EINVAL, "did you mean cifar10?");
    assert_fails(try_open("pictures"), NN_EINVAL, "folder:DIR");
    assert_fails(try_open(""), NN_EINVAL, "unknown");
    assert_fails(try_open("idx"), NN_EINVAL, "idx:DIR");
    assert_fails(try_open("cifar10:"), NN_EINVAL, "cifar10:DIR");
    assert_int_equal(ds_n_kinds(), 7);
    assert_string_equal(ds_kind_form(1), "idx:DIR");
    ds_split s;
    assert_ok(ds_split_parse(&s, "val"));
    assert_int_equal(s, DS_VAL);
    assert_fails(ds_split_parse(&s, "tset"), NN_EINVAL, "did you mean test");
}

/* ---- splits ---------------------------------------------------------------------------------- */

static int picture_number(const ds_set *set, ds_split split, int i)
{
    uint8_t pixels[SIDE * SIDE];
    int label;
    assert_ok(ds_read(set, split, i, pixels, &label));
    return pixels[0] / 7; /* pixel(0, i, 0) = 7 i */
}

static void held_back_pictures_are_a_part(void **state)
{
    (void)state;
    const char *spec = spec_of("idx", make_idx("split", false));
    int seen[N_TRAIN] = { 0 }, first[5], same = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        ds_set *set;
        assert_ok(ds_open(&set, spec, &(ds_options){ .val_fraction = 0.25, .seed = seed }));
        assert_int_equal(ds_count(set, DS_VAL), 5);
        assert_int_equal(ds_count(set, DS_TRAIN), 15);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 15; i++)
            seen[picture_number(set, DS_TRAIN, i)]++;
        for (int i = 0; i < 5; i++) {
            int n = picture_number(set, DS_VAL, i);
            seen[n]++;
            same += seed == 2 && first[i] == n;
            first[i] = n;
        }
        for (int i = 0; i < N_TRAIN; i++)
            assert_int_equal(seen[i], 1);
        ds_close(set);
    }
    assert_true(same < 5);
    ds_set *set;
    assert_ok(ds_open(&set, spec, &(ds_options){ .val_fraction = 0.25, .val_is_test = true }));
    assert_int_equal(ds_count(set, DS_TRAIN), N_TRAIN);
    assert_int_equal(ds_count(set, DS_VAL), N_TEST);
    ds_close(set);
    assert_ok(ds_open(&set, spec, &(ds_options){ .val_fraction = 1e-9 }));
    assert_int_equal(ds_count(set, DS_VAL), 1);
    ds_close(set);
    assert_fails(ds_open(&set, spec, &(ds_options){ .val_fraction = 1 }), NN_EINVAL, "below 1");
    assert_fails(ds_open(&set, spec, &(ds_options){ .val_fraction = 0.99 }), NN_EINVAL,
                 "leaves none");
    assert_fails(ds_open(&set, spec, &(ds_options){ .height = 3 }), NN_EINVAL, "both");
    assert_fails(ds_open(&set, spec, &(ds_options){ .channels = 2 }), NN_EINVAL, "2 channels");
}

static void another_size_is_delivered(void **state)
{
    (void)state;
    ds_set *set;
    uint8_t pixels[8 * 10 * 3];
    int label;
    ds_options wanted = { .height = 8, .width = 10, .channels = 3 };
    assert_ok(ds_open(&set, spec_of("idx", make_idx("size", false)), &wanted));
    assert_int_equal(ds_item_bytes(set), sizeof pixels);
    assert_ok(ds_read(set, DS_TRAIN, 3, pixels, &label));
    assert_int_equal(pixels[0], pixels[2]);
    ds_close(set);
}

/* ---- wrong files ----------------------------------------------------------------------------- */

/* The set of make_idx with its two test files exchanged for these. */
typedef struct wrong {
    char pictures[600], labels[600];
    const char *spec;
    uint8_t p[4096], l[64], b[4096]; /* the right files, and one to change */
    size_t np, nl;
} wrong;

static void make_wrong(wrong *w, const char *name)
{
    const char *folder = make_idx(name, false);
    w->spec = spec_of("idx", folder);
    snprintf(w->pictures, sizeof w->pictures, "%s/t10k-images-idx3-ubyte", folder);
    snprintf(w->labels, sizeof w->labels, "%s/t10k-labels-idx1-ubyte", folder);
    w->np = make_pictures(w->p, 1, N_TEST);
    w->nl = make_labels(w->l, N_TEST);
    memcpy(w->b, w->p, w->np);
}

static void idx_files_that_do_not_belong_together(void **state)
{
    (void)state;
    static wrong w;
    make_wrong(&w, "mixed-idx");
    write_file(w.pictures, w.p, 0);
    assert_fails(try_open(w.spec), NN_EFORMAT, "t10k-images-idx3-ubyte: is empty");
    write_file(w.pictures, w.l, w.nl);
    assert_fails(try_open(w.spec), NN_EFORMAT, "swapped");
    write_file(w.pictures, w.p, w.np);
    write_file(w.labels, w.p, w.np);
    assert_fails(try_open(w.spec), NN_EFORMAT, "t10k-labels-idx1-ubyte: holds pictures");
    write_file(w.labels, w.b, make_labels(w.b, N_TEST - 1));
    assert_fails(try_open(w.spec), NN_EFORMAT, "6 labels");
    memcpy(w.b, w.l, w.nl);
    w.b[8 + 2] = CLASSES;
    write_file(w.labels, w.b, w.nl);
    assert_fails(try_open(w.spec), NN_EFORMAT, "label 4 at byte 10");
    write_file(w.labels, w.l, w.nl);
    assert_ok(try_open(w.spec));
    unlink(w.pictures);
    assert_fails(try_open(w.spec), NN_EIO, "has no t10k-images-idx3-ubyte");
    mkdir(w.pictures, 0777);
    assert_fails(try_open(w.spec), NN_EIO, "is a folder");
}

/* A header byte or word that cannot be, and what is said about it. */
static void wrong_idx_headers(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint32_t word; /* the four bytes at `at` */
        long longer;   /* bytes more than there should be */
        nn_status status;
        const char *part;
    } rows[] = {
        { 0, 0x47000803, 0, NN_EFORMAT, "not an IDX file" },
        { 0, 0x00000d03, 0, NN_ENOTSUP, "0x0d" },
        { 0, 0x00000802, 0, NN_ENOTSUP, "2 dimensions at byte 3" },
        { 4, 0, 0, NN_EFORMAT, "0 items" },
        { 4, 0x7fffffff, 0, NN_EFORMAT, "limit" },
        { 4, 1000000, 0, NN_EFORMAT, "cut" },
        { 8, 0xffffffff, 0, NN_EFORMAT, "--max-pixels" },
        { 8, 0, 0, NN_EFORMAT, "at least one" },
        { 8, SIDE, 1, NN_EFORMAT, "goes on after byte 191" },
        { 8, SIDE + 1, (long)N_TEST * SIDE, NN_EFORMAT, "6x5x1" },
    };
    static wrong w;
    make_wrong(&w, "wrong-idx");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(w.b, w.p, w.np);
        put_be32(w.b + rows[i].at, rows[i].word);
        write_file(w.pictures, w.b, w.np + (size_t)rows[i].longer);
        assert_fails(try_open(w.spec), rows[i].status, rows[i].part);
    }
}

/* Every prefix of a plain and of a gzipped file is refused, and every prefix of a batch. */
static void cut_files(void **state)
{
    (void)state;
    uint8_t p[4096];
    size_t n = make_pictures(p, 0, N_TRAIN);
    ds_idx x;
    for (size_t k = 0; k < n; k++)
        assert_int_equal(ds_idx_parse(&x, p, k, "cut", (ds_limits){ 0 }), NN_EFORMAT);
    assert_ok(ds_idx_parse(&x, p, n, "whole", (ds_limits){ 0 }));
    nn_mem_free(x.data);
    const char *path = test_path("cut.gz");
    write_gzip(path, p, n);
    nn_bytes gz;
    assert_ok(nn_file_read(&gz, path, 0));
    for (size_t k = 0; k < gz.size; k++)
        assert_int_equal(ds_idx_parse(&x, gz.data, k, "cut", (ds_limits){ 0 }), NN_EFORMAT);
    assert_ok(ds_idx_parse(&x, gz.data, gz.size, "whole", (ds_limits){ 0 }));
    assert_int_equal(x.bytes, N_TRAIN * SIDE * SIDE);
    nn_mem_free(x.data);
    nn_bytes_free(&gz);
    static uint8_t batch[2 * 3073];
    int records;
    for (size_t k = 0; k < sizeof batch; k++)
        if (k != 3073)
            assert_int_equal(ds_cifar_records(&records, batch, k, "cut", ds_cifar_form_of(10)),
                             NN_EFORMAT);
    assert_ok(ds_cifar_records(&records, batch, sizeof batch, "whole", ds_cifar_form_of(10)));
    assert_int_equal(records, 2);
}

/* Every single byte of a gzipped file, flipped, is found by its checksum or does no harm. */
static void damaged_gzip(void **state)
{
    (void)state;
    uint8_t p[4096];
    size_t n = make_pictures(p, 0, 3);
    const char *path = test_path("damaged.gz");
    write_gzip(path, p, n);
    nn_bytes gz;
    assert_ok(nn_file_read(&gz, path, 0));
    int refused = 0;
    for (size_t k = 0; k < gz.size; k++) {
        ds_idx x;
        gz.data[k] ^= 0x10;
        nn_status st = ds_idx_parse(&x, gz.data, gz.size, "damaged", (ds_limits){ 0 });
        gz.data[k] ^= 0x10;
        refused += st != NN_OK;
        if (st == NN_OK)
            assert_memory_equal(x.data, p + 16, n - 16);
        nn_mem_free(x.data);
    }
    assert_true(refused > (int)gz.size - 10); /* time stamp and system are free */
    nn_bytes_free(&gz);
}

/* 64 MB of zeros in 64 kB: refused by the limit, before memory for them is taken. */
static void gzip_bomb(void **state)
{
    (void)state;
    const char *path = test_path("bomb.gz");
    static uint8_t zeros[1 << 16];
    uint8_t head[16] = { 0, 0, 8, 3 };
    put_be32(head + 4, 1024);
    put_be32(head + 8, 256);
    put_be32(head + 12, 256);
    gzFile f = gzopen(path, "wb9");
    gzwrite(f, head, sizeof head);
    for (int i = 0; i < 1024; i++)
        gzwrite(f, zeros, sizeof zeros);
    gzclose(f);
    nn_bytes gz;
    ds_idx x;
    assert_ok(nn_file_read(&gz, path, 0));
    ds_limits small = { .max_file_bytes = 1 << 20 };
    assert_fails(ds_idx_parse(&x, gz.data, gz.size, "bomb", small), NN_EFORMAT, "limit of 1048576");
    put_be32(head + 4, 1);
    nn_bytes_free(&gz);
    /* one picture in the header, the rest behind it: no more than that picture is unpacked */
    f = gzopen(path, "wb9");
    gzwrite(f, head, sizeof head);
    for (int i = 0; i < 1024; i++)
        gzwrite(f, zeros, sizeof zeros);
    gzclose(f);
    assert_ok(nn_file_read(&gz, path, 0));
    assert_fails(ds_idx_parse(&x, gz.data, gz.size, "bomb", small), NN_EFORMAT, "goes on");
    nn_bytes_free(&gz);
}

static void wrong_cifar_files(void **state)
{
    (void)state;
    const char *folder = make_cifar10("wrong-cifar");
    char spec[600];
    snprintf(spec, sizeof spec, "cifar10:%s", folder);
    static uint8_t b[3 * 3073];
    b[2 * 3073] = 10;
    write_file(inside(folder, "test_batch.bin"), b, sizeof b);
    assert_fails(try_open(spec), NN_EFORMAT, "label 10 at byte 6146");
    write_file(inside(folder, "test_batch.bin"), b, 5000);
    assert_fails(try_open(spec), NN_EFORMAT, "cut at byte 3073");
    write_file(inside(folder, "test_batch.bin"), b, 0);
    assert_fails(try_open(spec), NN_EFORMAT, "empty");
    unlink(inside(folder, "data_batch_3.bin"));
    assert_fails(try_open(spec), NN_EIO, "data_batch_3.bin");
    ds_set *set;
    ds_options small = { .limits = { .max_file_bytes = 1000 } };
    assert_fails(ds_open(&set, spec, &small), NN_EFORMAT, "limit");
}

/* Opening survives the failure of each of its allocations. */
static void memory_runs_out(void **state)
{
    (void)state;
    const char *specs[4];
    char text[4][600];
    snprintf(text[0], sizeof text[0], "idx:%s", make_idx("memory", true));
    snprintf(text[1], sizeof text[1], "cifar10:%s", make_cifar10("memory-cifar"));
    snprintf(text[2], sizeof text[2], "noise:4x4x1:3:10");
    snprintf(text[3], sizeof text[3], "sample");
    ds_options opt = { .val_fraction = 0.2, .skip_bad = true };
    for (int i = 0; i < 4; i++) {
        specs[i] = text[i];
        for (size_t k = 1;; k++) {
            ds_set *set;
            nn_mem_fail_after(k);
            nn_status st = ds_open(&set, specs[i], &opt);
            nn_mem_fail_after(0);
            ds_close(set);
            if (st == NN_OK)
                break;
            assert_int_equal(st, NN_ENOMEM);
            assert_true(k < 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_plain_and_gzipped),
        cmocka_unit_test(cifar_planes_become_pixels),
        cmocka_unit_test(fashion_mnist_from_a_folder),
        cmocka_unit_test(unknown_kinds_are_answered),
        cmocka_unit_test(held_back_pictures_are_a_part),
        cmocka_unit_test(another_size_is_delivered),
        cmocka_unit_test(idx_files_that_do_not_belong_together),
        cmocka_unit_test(wrong_idx_headers),
        cmocka_unit_test(cut_files),
        cmocka_unit_test(damaged_gzip),
        cmocka_unit_test(gzip_bomb),
        cmocka_unit_test(wrong_cifar_files),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
