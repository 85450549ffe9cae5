/* train/picture: how a picture becomes a .tflite model's input, from metadata, tensor or options;
 * class names; what is a probability. */
#include <math.h>

#include "export/integer.h"
#include "export/tflite.h"
#include "tests/testing.h"
#include "train/evaluate.h"
#include "train/picture.h"

/* ---- a model of one RESHAPE, or SOFTMAX, with the metadata of a test ------------------------- */

typedef struct fixture {
    nn_arena *arena;
    nn_bytes file;
    ex_integer integer;
} fixture;

typedef struct wanted {
    enum tfl_type type;
    float scale; /* 0: not quantized */
    int64_t zero_point;
    int channels;
    bool softmax; /* before the reshape */
    const char *preprocessing;
} wanted;

static int32_t add_tensor(tfl_model *m, const char *name, const wanted *w, bool flat, bool last)
{
    float scale = last && w->softmax ? 1.0f / 256 : w->scale;
    int64_t zero_point = last && w->softmax ? (w->type == TFL_TYPE_INT8 ? -128 : 0) : w->zero_point;
    tfl_tensor t = { .name = name, .type = w->type, .rank = 4, .dim = { 1, 2, 2, w->channels } };
    if (flat) {
        t.rank = 2;
        t.dim[1] = 4 * w->channels;
    }
    if (w->scale > 0)
        t.quant = (tfl_quant){ 1, &scale, &zero_point, 0, NULL, NULL };
    int32_t index;
    assert_ok(tfl_add_tensor(&index, m, &t));
    return index;
}

static void add_reshape(tfl_model *m, int32_t from, int32_t to, int n)
{
    const int32_t shape[] = { 1, n };
    int32_t in[2] = { from, 0 };
    tfl_attr attr = { .dims = { 2, { 1, n } } };
    assert_ok(tfl_add_ints(&in[1], m, "shape", shape, 2));
    tfl_operator op = { TFL_OP_RESHAPE, 2, 1, in, &to, attr };
    assert_ok(tfl_add_operator(m, &op));
}

static const rt_model *make(fixture *f, const wanted *w)
{
    tfl_model *m;
    assert_ok(nn_arena_new(&f->arena));
    assert_ok(tfl_model_new(&m, f->arena, "test", ""));
    int32_t x = add_tensor(m, "x", w, false, false), from = x;
    if (w->softmax) {
        int32_t p = add_tensor(m, "p", w, false, true);
        tfl_operator op = { TFL_OP_SOFTMAX, 1, 1, &x, &p, { .beta = 1 } };
        assert_ok(tfl_add_operator(m, &op));
        from = p;
    }
    int32_t y = add_tensor(m, "y", w, true, true);
    add_reshape(m, from, y, 4 * w->channels);
    assert_ok(tfl_add_input(m, x, NULL));
    assert_ok(tfl_add_output(m, y, NULL));
    if (w->preprocessing != NULL)
        assert_ok(tfl_add_metadata(m, EX_METADATA_PREPROCESSING, w->preprocessing,
                                   strlen(w->preprocessing)));
    assert_ok(ex_tflite_write(&f->file, m));
    assert_ok(ex_integer_open(&f->integer, f->file.data, f->file.size, NULL));
    return f->integer.model;
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(fixture));
    return *state != NULL ? 0 : -1;
}

static void clear(fixture *f)
{
    ex_integer_close(&f->integer);
    nn_bytes_free(&f->file);
    nn_arena_free(f->arena);
    *f = (fixture){ 0 };
}

static int teardown(void **state)
{
    clear(*state);
    free(*state);
    return 0;
}

static const train_picture_options no_options;

/* ---- metadata -------------------------------------------------------------------------------- */

static void metadata_says_it(void **state)
{
    train_prep p;
    train_picture_source source;
    const rt_model *m =
        make(*state, &(wanted){ .type = TFL_TYPE_INT8,
                                .scale = 1.0f / 58,
                                .zero_point = -5,
                                .channels = 3,
                                .preprocessing = "{\"mean\":[123.0],\"std\":[58,59,60],\"resize\":"
                                                 "{\"how\":\"stretch\",\"filter\":\"triangle\"},"
                                                 "\"channels\":3,\"later\":{}}" });
    assert_ok(train_picture_prep(&p, &source, m, &no_options));
    assert_int_equal(source, TRAIN_PICTURE_METADATA);
    assert_true(p.height == 2 && p.width == 2 && p.channels == 3);
    assert_true(p.mean[0] == 123 && p.mean[2] == 123 && p.std[0] == 58 && p.std[2] == 60);
    assert_int_equal(p.resize.fit, DS_STRETCH);
}

static void damaged_metadata_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "[]",
                                       "{",
                                       "{\"std\":[1]}",
                                       "{\"mean\":[1]}",
                                       "{\"mean\":[1,2],\"std\":[1]}",
                                       "{\"mean\":[\"1\"],\"std\":[1]}",
                                       "{\"mean\":[1],\"std\":[0]}",
                                       "{\"mean\":[1],\"std\":[-3]}",
                                       "{\"mean\":[1e999],\"std\":[1]}",
                                       "{\"mean\":[1],\"std\":[1],\"channels\":1}",
                                       "{\"mean\":[1],\"std\":[1],\"resize\":{\"how\":\"fold\"}}" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        train_prep p;
        train_picture_source source;
        const rt_model *m = make(
            *state,
            &(wanted){ .type = TFL_TYPE_INT8, .scale = 1, .channels = 3, .preprocessing = bad[i] });
        assert_fails(train_picture_prep(&p, &source, m, &no_options), NN_EFORMAT,
                     EX_METADATA_PREPROCESSING);
        clear(*state);
    }
}

/* ---- models by others ------------------------------------------------------------------------ */

/* Encodes all 256 pixel codes, four at a time. */
static void encode_all(int codes[256], const rt_model *m, const train_prep *p)
{
    const rt_tensor *input = rt_tensor_at(m, rt_input(m, 0));
    for (int v = 0; v < 256; v += 4) {
        const uint8_t pixels[4] = { (uint8_t)v, (uint8_t)(v + 1), (uint8_t)(v + 2),
                                    (uint8_t)(v + 3) };
        uint8_t out[4];
        train_picture_encode(out, input, p, pixels);
        for (int i = 0; i < 4; i++)
            codes[v + i] = input->type == RT_INT8 ? (int8_t)out[i] : out[i];
    }
}

static void pixels_are_codes(void **state)
{
    static const float scales[] = { 1, 1.0f / 128, 0.0078125f, 1.0f / 255, 0.018658f, 0.00392157f };
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            int codes[256], lowest = is_signed ? -128 : 0;
            train_prep p;
            train_picture_source source;
            const rt_model *m =
                make(*state, &(wanted){ .type = is_signed ? TFL_TYPE_INT8 : TFL_TYPE_UINT8,
                                        .scale = scales[i],
                                        .zero_point = lowest + 37 * (int)i,
                                        .channels = 1 });
            assert_ok(train_picture_prep(&p, &source, m, &no_options));
            assert_int_equal(source, TRAIN_PICTURE_CODES);
            encode_all(codes, m, &p);
            for (int v = 0; v < 256; v++)
                assert_int_equal(codes[v], v + lowest);
            clear(*state);
        }
}

/* What octet writes: scale 1 / std, zero point mean - 128. */
static void our_files_take_pixels_as_they_are(void **state)
{
    static const double stds[] = { 1, 57.7, 58, 64, 90, 127.5, 255 };
    for (int mean = 0; mean < 256; mean += 17)
        for (size_t i = 0; i < sizeof stds / sizeof stds[0]; i++) {
            char text[128];
            int codes[256];
            train_prep p;
            train_picture_source source;
            snprintf(text, sizeof text, "{\"mean\":[%d],\"std\":[%.15g],\"channels\":1}", mean,
                     stds[i]);
            const rt_model *m = make(*state, &(wanted){ .type = TFL_TYPE_INT8,
                                                        .scale = (float)(1 / stds[i]),
                                                        .zero_point = mean - 128,
                                                        .channels = 1,
                                                        .preprocessing = text });
            assert_ok(train_picture_prep(&p, &source, m, &no_options));
            encode_all(codes, m, &p);
            for (int v = 0; v < 256; v++)
                assert_int_equal(codes[v], v - 128);
            clear(*state);
        }
}

static void options_count(void **state)
{
    train_prep p;
    train_picture_source source;
    train_picture_options o = { .mean = { 1, { 10 } },
                                .std = { 3, { 1, 2, 4 } },
                                .resize = "crop" };
    const rt_model *m = make(*state, &(wanted){ .type = TFL_TYPE_FLOAT32, .channels = 3 });
    assert_ok(train_picture_prep(&p, &source, m, &no_options));
    assert_int_equal(source, TRAIN_PICTURE_ASSUMED);
    assert_true(p.mean[1] == 127.5 && p.std[1] == 127.5);
    assert_ok(train_picture_prep(&p, &source, m, &o));
    assert_true(p.mean[2] == 10 && p.std[2] == 4);
    float x[12];
    const uint8_t pixels[12] = { 10, 10, 10, 12, 12, 12 };
    train_picture_encode(x, rt_tensor_at(m, rt_input(m, 0)), &p, pixels);
    assert_true(x[0] == 0 && x[3] == 2 && x[4] == 1 && x[5] == 0.5f && x[6] == -10);
    o.mean.n = 2;
    assert_fails(train_picture_prep(&p, &source, m, &o), NN_EINVAL, "--mean");
    o.mean.n = 1;
    o.resize = "crap";
    assert_fails(train_picture_prep(&p, &source, m, &o), NN_EINVAL, "--resize");
}

static void other_inputs_are_refused(void **state)
{
    train_prep p;
    train_picture_source source;
    const rt_model *m = make(*state, &(wanted){ .type = TFL_TYPE_INT8, .scale = 1, .channels = 5 });
    assert_fails(train_picture_prep(&p, &source, m, &no_options), NN_ENOTSUP, "--raw");
}

/* ---- classes --------------------------------------------------------------------------------- */

static void labels_are_lines(void **state)
{
    fixture *f = *state;
    train_labels l;
    assert_ok(nn_arena_new(&f->arena));
    assert_ok(train_labels_parse(&l, f->arena, "cat\r\ndog\n\nowl", 13));
    assert_int_equal(l.n, 4);
    assert_string_equal(l.name[0], "cat");
    assert_string_equal(l.name[1], "dog");
    assert_string_equal(l.name[2], "");
    assert_string_equal(l.name[3], "owl");
    assert_ok(train_labels_parse(&l, f->arena, "a\nb\n\n\n", 6));
    assert_int_equal(l.n, 2);
    assert_ok(train_labels_parse(&l, f->arena, "", 0));
    assert_int_equal(l.n, 0);
}

static void a_softmax_gives_probabilities(void **state)
{
    const rt_tensor *scores;
    const rt_model *m = make(*state, &(wanted){ .type = TFL_TYPE_INT8, .scale = 1, .channels = 3 });
    assert_ok(train_picture_scores(&scores, m));
    assert_int_equal(scores->count, 12);
    assert_false(train_picture_is_probability(m));
    clear(*state);
    m = make(*state,
             &(wanted){ .type = TFL_TYPE_INT8, .scale = 1, .channels = 3, .softmax = true });
    assert_true(train_picture_is_probability(m));
}

/* The loss of pixel c of a picture's four, as its label: the softmax is over channels, and the
 * four of them sum to 4. */
static double loss_of(const uint8_t pixels[12], int label)
{
    double sum = 0;
    const uint8_t *at = pixels + label / 3 * 3;
    for (int c = 0; c < 3; c++)
        sum += exp((at[c] - 128.0) / 64);
    return log(4 * sum) - (pixels[label] - 128.0) / 64;
}

/* A softmax need not be the last operator for its results to be probabilities. */
static void the_loss_of_probabilities(void **state)
{
    const train_prep prep = { 2, 2, 3, { 128, 128, 128 }, { 64, 64, 64 }, { 0 } };
    const rt_model *m =
        make(*state, &(wanted){ .type = TFL_TYPE_FLOAT32, .channels = 3, .softmax = true });
    ds_set *set;
    train_score score;
    double loss = 0;
    assert_ok(ds_open(&set, "noise:2x2x3:12:60", NULL));
    assert_ok(train_evaluate_model(&score, m, &prep, set, DS_TEST));
    for (int i = 0; i < ds_count(set, DS_TEST); i++) {
        uint8_t pixels[12];
        int label;
        assert_ok(ds_read(set, DS_TEST, i, pixels, &label));
        loss += loss_of(pixels, label) / ds_count(set, DS_TEST);
    }
    assert_true(fabs(score.loss - loss) < 1e-5);
    ds_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metadata_says_it, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_metadata_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(pixels_are_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(our_files_take_pixels_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(options_count, setup, teardown),
        cmocka_unit_test_setup_teardown(other_inputs_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(labels_are_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(a_softmax_gives_probabilities, setup, teardown),
        cmocka_unit_test_setup_teardown(the_loss_of_probabilities, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
