/* events: framing and checksums of event files, what a run writes into them, and that a run which
 * was interrupted has each step once.
 *
 *     test_events FILE...   prints instead what the files hold, a line a value
 *
 * The latter is for tests/torture.sh. */
#define _XOPEN_SOURCE 700
#include <stdbool.h>
#include <unistd.h>

#include "data/image.h"
#include "tests/cli.h"
#include "train/events/events.h"
#include "train/events/events.pb-c.h"
#include "train/events/records.h"

/* ---- reading --------------------------------------------------------------------------------- */

typedef void seen(void *ctx, const Tensorboard__Event *event);

/* Calls `see` for each event; returns the bytes behind the last whole one. */
static size_t read_events(const char *path, size_t *offset, seen *see, void *ctx)
{
    nn_bytes file, payload;
    assert_ok(nn_file_read(&file, path, 0));
    *offset = 0;
    while (train_records_next(&payload, &file, offset)) {
        Tensorboard__Event *event = tensorboard__event__unpack(NULL, payload.size, payload.data);
        assert_non_null(event);
        see(ctx, event);
        tensorboard__event__free_unpacked(event, NULL);
    }
    const size_t left = file.size - *offset;
    nn_bytes_free(&file);
    return left;
}

/* "120 train/loss 0.25": all but what differs from run to run, which is time and speed. */
static void print_value(FILE *to, long long step, const Tensorboard__Summary__Value *v)
{
    fprintf(to, "%lld %s", step, v->tag);
    if (v->value_case == TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE &&
        strcmp(v->tag, "images_per_s") != 0)
        fprintf(to, " %.9g", (double)v->simple_value);
    if (v->value_case == TENSORBOARD__SUMMARY__VALUE__VALUE_HISTO)
        for (size_t i = 0; i < v->histo->n_bucket; i++)
            fprintf(to, " %g:%g", v->histo->bucket_limit[i], v->histo->bucket[i]);
    if (v->value_case == TENSORBOARD__SUMMARY__VALUE__VALUE_IMAGE)
        fprintf(
            to, " %08x",
            train_crc32c(v->image->encoded_image_string.data, v->image->encoded_image_string.len));
    fputc('\n', to);
}

static void print_event(void *to, const Tensorboard__Event *e)
{
    const long long step = (long long)e->step;
    if (e->what_case == TENSORBOARD__EVENT__WHAT_FILE_VERSION)
        fprintf(to, "%lld version %s\n", step, e->file_version);
    if (e->what_case == TENSORBOARD__EVENT__WHAT_GRAPH_DEF)
        fprintf(to, "%lld graph %08x\n", step, train_crc32c(e->graph_def.data, e->graph_def.len));
    for (size_t i = 0; e->what_case == TENSORBOARD__EVENT__WHAT_SUMMARY && i < e->summary->n_value;
         i++)
        print_value(to, step, e->summary->value[i]);
}

/* The whole of a file as text; fails unless it ends with a whole record.  Free it. */
static char *text_of_file(const char *path)
{
    char *text;
    size_t size, offset;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    size_t left = read_events(path, &offset, print_event, to);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(left, 0);
    return text;
}

/* ---- framing --------------------------------------------------------------------------------- */

/* RFC 3720, B.4. */
static void checksums_are_castagnolis(void **state)
{
    (void)state;
    uint8_t bytes[32] = { 0 };
    assert_int_equal(train_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(train_crc32c(bytes, sizeof bytes), 0x8a9136aa);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(train_crc32c(bytes, sizeof bytes), 0x46dd794e);
}

/* Three payloads, of which one is empty. */
static nn_bytes write_records(const char *path)
{
    train_records r = { .file = NULL };
    nn_bytes file;
    assert_ok(train_records_open(&r, path, 0));
    assert_ok(train_records_add(&r, "first", 5));
    assert_ok(train_records_add(&r, "", 0));
    assert_ok(train_records_add(&r, "the third", 9));
    train_records_close(&r);
    assert_ok(nn_file_read(&file, path, 0));
    assert_int_equal(file.size, 3 * 16 + 5 + 9);
    return file;
}

static int count_records(const nn_bytes *file)
{
    int n = 0;
    size_t offset = 0;
    nn_bytes payload;
    while (train_records_next(&payload, file, &offset))
        n++;
    return n;
}

static void records_are_whole_or_not_there(void **state)
{
    (void)state;
    nn_bytes file = write_records(test_path("records"));
    for (size_t size = 0; size <= file.size; size++) {
        const nn_bytes cut = { file.data, size };
        assert_int_equal(count_records(&cut), size < 21 ? 0 : size < 37 ? 1 : size < 62 ? 2 : 3);
    }
    nn_bytes_free(&file);
}

static void a_bit_that_flips_is_noticed(void **state)
{
    (void)state;
    nn_bytes file = write_records(test_path("records"));
    for (size_t i = 0; i < 8 * file.size; i++) {
        const size_t at = i / 8;
        file.data[at] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(count_records(&file), at < 21 ? 0 : at < 37 ? 1 : 2);
        file.data[at] ^= (uint8_t)(1 << i % 8);
    }
    nn_bytes_free(&file);
}

/* ---- event files ----------------------------------------------------------------------------- */

static nn_status add_number(train_events *e, int64_t step, double value)
{
    train_events_begin(e, step);
    train_events_scalar(e, "number", value);
    return train_events_end(e);
}

static void write_steps(const char *path)
{
    train_events *e;
    assert_ok(train_events_open(&e, path, -1));
    assert_true(train_events_is_empty(e));
    for (int step = 1; step <= 3; step++)
        assert_ok(add_number(e, 10 * step, step));
    train_events_close(e);
}

static void opening_cuts_off_what_is_later_or_torn(void **state)
{
    (void)state;
    static const char *const want[] = {
        "0 version brain.Event:2\n", "0 version brain.Event:2\n10 number 1\n",
        "0 version brain.Event:2\n10 number 1\n20 number 2\n",
        "0 version brain.Event:2\n10 number 1\n20 number 2\n30 number 3\n"
    };
    const char *path = test_path("events");
    train_events *e;
    for (int step = 0; step < 40; step++) {
        write_steps(path);
        assert_ok(train_events_open(&e, path, step));
        assert_int_equal(train_events_is_empty(e), step < 10);
        train_events_close(e);
        char *text = text_of_file(path);
        assert_string_equal(text, want[step / 10]);
        free(text);
    }
    for (long torn = 1; torn < 30; torn++) { /* each of these bytes belongs to the last event */
        nn_bytes file;
        write_steps(path);
        assert_ok(nn_file_read(&file, path, 0));
        assert_int_equal(truncate(path, (off_t)file.size - torn), 0);
        nn_bytes_free(&file);
        assert_ok(train_events_open(&e, path, 30));
        assert_ok(add_number(e, 30, 3));
        train_events_close(e);
        char *text = text_of_file(path);
        assert_string_equal(text, want[3]);
        free(text);
    }
}

typedef struct values {
    int n;
    double most, count;
    ds_image image;
} values;

static void take_values(void *ctx, const Tensorboard__Event *e)
{
    values *v = ctx;
    if (e->what_case != TENSORBOARD__EVENT__WHAT_SUMMARY)
        return;
    assert_true(e->wall_time > 1e9);
    v->n += (int)e->summary->n_value;
    const Tensorboard__HistogramProto *h = e->summary->value[0]->histo;
    const ProtobufCBinaryData png = e->summary->value[1]->image->encoded_image_string;
    assert_int_equal(h->n_bucket_limit, 2);
    v->most = h->bucket_limit[1];
    v->count = h->bucket[0] + h->bucket[1];
    assert_ok(ds_image_decode(&v->image, png.data, png.len, "png", (ds_limits){ 0 }));
}

static void histograms_and_pictures_come_back(void **state)
{
    (void)state;
    uint8_t pixels[] = { 0, 255, 7, 1, 2, 3 };
    const double limit[] = { 0, 4 }, in[] = { 3, 5 };
    const train_event_bins bins = { -1, 3.5, 8, 2, limit, in };
    const ds_image image = { 2, 1, 3, pixels };
    values found = { .n = 0 };
    train_events *e;
    size_t offset;
    assert_ok(train_events_open(&e, test_path("events"), -1));
    train_events_begin(e, 1);
    train_events_histogram(e, "h", &bins);
    train_events_image(e, "p", &image);
    assert_ok(train_events_end(e));
    train_events_begin(e, 2);
    assert_ok(train_events_end(e)); /* nothing: no event */
    train_events_close(e);
    assert_int_equal(read_events(test_path("events"), &offset, take_values, &found), 0);
    assert_int_equal(found.n, 2);
    assert_true(found.most == 4 && found.count == 8);
    assert_int_equal(found.image.channels, 3);
    assert_memory_equal(found.image.pixels, pixels, sizeof pixels);
    ds_image_free(&found.image);
}

static void a_full_disk_is_said_in_one_line(void **state)
{
    (void)state;
    train_records r = { .path = "/dev/full" };
    r.file = fopen("/dev/full", "ab");
    if (r.file == NULL)
        test_skip("there is no /dev/full");
    assert_fails(train_records_add(&r, "text", 4), NN_EIO, "/dev/full: ");
    train_records_close(&r);
}

/* ---- runs ------------------------------------------------------------------------------------ */

#define SMALL                                                                                      \
    "train --data noise:16x16x1:4:320 --val 0.2 --model lenet --width 0.5 --batch 32 --epochs 4 "  \
    "--lr 0.02 --quiet --checkpoint-every 3 --qat --quant-delay 12 --out %s"

static char *run_file(const char *folder, const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", test_path(folder), name);
    return text_of_file(path);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        n++;
    return n;
}

/* 32 steps, a line each; 4 epochs, of which the last two end quantized. */
static void a_run_shows_everything(void **state)
{
    (void)state;
    check_done(octet(SMALL, test_path("run")));
    char *text = run_file("run", "events.out.tfevents.run");
    assert_int_equal(count(text, " graph "), 1);
    assert_int_equal(count(text, " train/loss "), 32);
    assert_int_equal(count(text, " images_per_s"), 32);
    assert_int_equal(count(text, " val/top1 "), 4);
    assert_int_equal(count(text, " int8/top1 "), 3);
    assert_int_equal(count(text, " values/c1/weight "), 4);
    assert_int_equal(count(text, " values/c1/relu "), 4);
    static const char *const of_grids[] = { "min",        "max",     "scale",
                                            "zero_point", "clipped", "sqnr_db" };
    for (size_t i = 0; i < sizeof of_grids / sizeof of_grids[0]; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, " %s/c3/relu ", of_grids[i]);
        assert_int_equal(count(text, tag), 3);
        snprintf(tag, sizeof tag, " %s/c3/weight ", of_grids[i]);
        assert_int_equal(count(text, tag), 3);
    }
    free(text);
    text = run_file("run", "events.out.tfevents.test");
    assert_int_equal(count(text, " test/int8_top1 "), 1);
    assert_int_equal(count(text, " graph "), 1);
    assert_true(count(text, " mistakes/") > 0);
    free(text);
}

static void off_writes_none_and_changes_nothing(void **state)
{
    (void)state;
    char with[PATH], without[PATH];
    check_done(octet(SMALL " --events off", test_path("off")));
    snprintf(with, sizeof with, "%s/model.safetensors", test_path("run"));
    snprintf(without, sizeof without, "%s/model.safetensors", test_path("off"));
    assert_same_files(with, without);
    snprintf(without, sizeof without, "%s/events.out.tfevents.run", test_path("off"));
    assert_int_not_equal(access(without, F_OK), 0);
}

/* The state of a run that stood somewhere, with logs that were torn later. */
static void resuming_gives_the_same_events(void **state)
{
    (void)state;
    char path[PATH];
    char *want = run_file("run", "events.out.tfevents.run");
    check_done(octet(SMALL " --overwrite --steps 32", test_path("again")));
    char *found = run_file("again", "events.out.tfevents.run");
    assert_string_equal(found, want);
    free(found);
    /* previous.safetensors is the state after step 30; two bytes of the last event are missing */
    snprintf(path, sizeof path, "%s/model.safetensors", test_path("again"));
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/events.out.tfevents.run", test_path("again"));
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    assert_int_equal(truncate(path, (off_t)file.size - 2), 0);
    nn_bytes_free(&file);
    check_done(octet(SMALL " --resume --steps 32", test_path("again")));
    found = run_file("again", "events.out.tfevents.run");
    assert_string_equal(found, want);
    free(found);
    /* A run that is over is finished again. */
    char *end = run_file("again", "events.out.tfevents.test");
    check_done(octet(SMALL " --resume --steps 32", test_path("again")));
    found = run_file("again", "events.out.tfevents.test");
    assert_string_equal(found, end);
    free(end);
    free(found);
    found = run_file("again", "events.out.tfevents.run");
    assert_string_equal(found, want);
    free(found);
    free(want);
}

/* ---- main ------------------------------------------------------------------------------------ */

static int print_files(int n, char **path)
{
    for (int i = 0; i < n; i++) {
        size_t offset, left = read_events(path[i], &offset, print_event, stdout);
        if (left > 0) {
            fprintf(stderr, "%s: byte %zu: no whole record; %zu bytes are left\n", path[i], offset,
                    left);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_castagnolis),
        cmocka_unit_test(records_are_whole_or_not_there),
        cmocka_unit_test(a_bit_that_flips_is_noticed),
        cmocka_unit_test(opening_cuts_off_what_is_later_or_torn),
        cmocka_unit_test(histograms_and_pictures_come_back),
        cmocka_unit_test(a_full_disk_is_said_in_one_line),
        cmocka_unit_test(a_run_shows_everything),
        cmocka_unit_test(off_writes_none_and_changes_nothing),
        cmocka_unit_test(resuming_gives_the_same_events),
    };
    return argc > 1 ? print_files(argc - 1, argv + 1)
                    : cmocka_run_group_tests(tests, find_program, NULL);
}
