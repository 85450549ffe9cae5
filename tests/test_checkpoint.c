/* checkpoint: safetensors files, whole and damaged; networks saved, loaded, begun from others. */
#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "tests/testing.h"
#include "train/checkpoint.h"

/* ---- safetensors ----------------------------------------------------------------------------- */

static void write_sample(const char *path)
{
    static const float values[] = { 1, -2, 0.5f, 3, 4, 5 };
    static const int64_t step = 1234567890123;
    static const double loss = 0.1;
    const int64_t shape[] = { 2, 3 };
    train_tensors *t;
    assert_ok(train_tensors_new(&t));
    assert_ok(train_tensors_set(t, "note", "a \"quoted\"\nline"));
    assert_ok(train_tensors_add(t, "step", TRAIN_I64, 0, NULL, &step));
    assert_ok(train_tensors_add(t, "w", TRAIN_F32, 2, shape, values));
    assert_ok(train_tensors_add(t, "loss", TRAIN_F64, 0, NULL, &loss));
    assert_ok(train_tensors_write(t, path));
    train_tensors_free(t);
}

static void tensors_come_back(void **state)
{
    (void)state;
    train_tensors *t;
    write_sample(test_path("a.safetensors"));
    assert_ok(train_tensors_read(&t, test_path("a.safetensors")));
    assert_int_equal(train_tensors_count(t), 3);
    assert_string_equal(train_tensors_get(t, "note"), "a \"quoted\"\nline");
    const train_tensor *w = train_tensors_find(t, "w");
    assert_true(w != NULL && w->rank == 2 && w->dim[1] == 3 && w->count == 6);
    assert_true(((const float *)w->data)[2] == 0.5f);
    assert_true(*(const int64_t *)train_tensors_find(t, "step")->data == 1234567890123);
    assert_true(*(const double *)train_tensors_find(t, "loss")->data == 0.1);
    assert_null(train_tensors_find(t, "none"));
    assert_null(train_tensors_get(t, "none"));
    train_tensors_free(t);
}

static void equal_lists_give_equal_files(void **state)
{
    (void)state;
    nn_bytes a, b;
    write_sample(test_path("a.safetensors"));
    write_sample(test_path("b.safetensors"));
    assert_ok(nn_file_read(&a, test_path("a.safetensors"), 0));
    assert_ok(nn_file_read(&b, test_path("b.safetensors"), 0));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    nn_bytes_free(&a);
    nn_bytes_free(&b);
}

/* Cut at every byte and with every byte changed: an error, but for at most 7 bytes of padding and
 * the 5 letters of the key "crc32", without which a checkpoint is refused later. */
static void damage_is_found(void **state)
{
    (void)state;
    nn_bytes file;
    train_tensors *t;
    write_sample(test_path("a.safetensors"));
    assert_ok(nn_file_read(&file, test_path("a.safetensors"), 0));
    for (size_t n = 0; n < file.size; n++)
        assert_int_not_equal(train_tensors_parse(&t, file.data, n), NN_OK);
    int accepted = 0;
    for (size_t i = 0; i < file.size; i++) {
        file.data[i] ^= 1;
        if (train_tensors_parse(&t, file.data, file.size) == NN_OK) {
            accepted++;
            train_tensors_free(t);
        }
        file.data[i] ^= 1;
    }
    assert_in_range(accepted, 0, 12);
    nn_bytes_free(&file);
}

static nn_status parse_text(const char *header, const char *data)
{
    uint8_t bytes[1024] = { 0 };
    size_t n = strlen(header), m = strlen(data);
    train_tensors *t;
    bytes[0] = (uint8_t)n;
    bytes[1] = (uint8_t)(n >> 8);
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, data, m);
    nn_status st = train_tensors_parse(&t, bytes, 8 + n + m);
    if (st == NN_OK)
        train_tensors_free(t);
    return st;
}

#define TENSOR(shape, offsets)                                                                     \
    "{\"w\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

#define TWICE                                                                                      \
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"                             \
    "\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}"

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    assert_ok(parse_text(TENSOR("[1]", "[0,4]"), "abcd"));
    assert_ok(parse_text("{}", ""));
    assert_ok(parse_text(TENSOR("[0,5]", "[0,0]"), ""));
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{\"w\":1}",
        "{\"w\":{}}",
        "{\"__metadata__\":[\"x\"]}",
        "{\"__metadata__\":{\"x\":1}}",
        TENSOR("[1]", "[0,5]"),
        TENSOR("[1]", "[-4,0]"),
        TENSOR("[1]", "[4,8]"),
        TENSOR("[1]", "[0]"),
        TENSOR("[1]", "[0,4,4]"),
        TENSOR("[1]", "[0.5,4]"),
        TENSOR("[2]", "[0,4]"),
        TENSOR("[-1]", "[0,4]"),
        TENSOR("[1e30]", "[0,4]"),
        TENSOR("[65536,65536,65536,65536]", "[0,4]"),
        TENSOR("[2147483647,2147483647,2147483647]", "[0,4]"),
        TENSOR("[1,1,1,1,1,1,1,1,1]", "[0,4]"),
        TENSOR("\"x\"", "[0,4]"),
        "{\"w\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        (TWICE),
        "{}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        nn_status st = parse_text(bad[i], "abcd");
        if (st != NN_EFORMAT && st != NN_ENOTSUP)
            fail_msg("%s: status %d", bad[i], (int)st);
    }
    const uint8_t huge[16] = { 255, 255, 255, 255, 255, 255, 255, 255 };
    train_tensors *t;
    assert_fails(train_tensors_parse(&t, huge, sizeof huge), NN_EFORMAT, "header");
}

/* ---- networks -------------------------------------------------------------------------------- */

static const char *const names[] = { "cat", "dog", "a longer name" };

static train_network *network(int classes, bool qat, uint64_t seed)
{
    train_info info = { .seed = seed, .classes = classes, .class_name = names };
    train_network *n;
    assert_ok(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &info.recipe));
    info.recipe.model.model = "mlp";
    info.recipe.model.width = 0.1;
    info.recipe.quant.qat = qat;
    info.prep = (train_prep){ 8, 8, 1, { 100 }, { 60 }, { 0 } };
    assert_ok(train_network_new(&n, &info, qat, &train_no_limits));
    return n;
}

static void same_values(const train_network *a, const train_network *b)
{
    nn_vector x = nn_params_trained(a->params), y = nn_params_trained(b->params);
    assert_int_equal(x.count, y.count);
    assert_memory_equal(x.value, y.value, x.count * sizeof(nn_real));
}

static void a_network_comes_back(void **state)
{
    (void)state;
    const char *path = test_path("n.safetensors");
    const train_state s = { .step = 17, .best_correct = 5, .best_step = 10, .loss = 0.25 };
    train_network *n = network(3, false, 5), *back;
    assert_ok(train_checkpoint_save(path, n, &s));
    assert_ok(train_network_load(&back, path, NULL, &train_no_limits));
    same_values(n, back);
    assert_int_equal(back->info.step, 17);
    assert_int_equal(back->info.classes, 3);
    assert_string_equal(back->info.class_name[2], "a longer name");
    assert_string_equal(back->info.recipe.model.model, "mlp");
    assert_true(back->info.prep.mean[0] == 100 && back->info.prep.std[0] == 60);
    assert_true(back->can_quantize && !back->has_ranges && !back->info.quantized);
    train_network_free(back);
    train_network_free(n);
}

static void optimizer_and_averages_come_back(void **state)
{
    (void)state;
    const char *path = test_path("o.safetensors");
    train_network *n = network(2, true, 1);
    opt *o;
    opt_average *a;
    train_tensors *file;
    const opt_config config = { .momentum = 0.9 };
    assert_ok(opt_new(&o, "sgd", n->params, &config));
    assert_ok(opt_average_new(&a, n->params, 0.5));
    size_t count = nn_params_trained(n->params).count;
    for (size_t i = 0; i < count; i++)
        opt_slot_vector(o, 0)[i] = (nn_real)i;
    train_state s = { .optimizer = o, .average = a, .step = 3, .best_correct = -1 }, back = s;
    assert_ok(train_checkpoint_save(path, n, &s));
    memset(opt_slot_vector(o, 0), 0, count * sizeof(nn_real));
    back.step = 0;
    assert_ok(train_tensors_read(&file, path));
    assert_ok(train_checkpoint_restore(file, n, &back));
    assert_int_equal(back.step, 3);
    for (int i = 0; i < nn_params_count(n->params); i++) {
        const nn_param *p = nn_params_at(n->params, i);
        if (nn_param_is_trained(p))
            assert_true(opt_slot_vector(o, 0)[p->offset + 1] == (nn_real)(p->offset + 1));
    }
    train_tensors_free(file);
    opt_average_free(a);
    opt_free(o);
    train_network_free(n);
}

/* Another number of classes: all but the head matches. */
static void init_lists_what_does_not_match(void **state)
{
    (void)state;
    const char *path = test_path("i.safetensors");
    train_network *from = network(3, false, 1), *to = network(2, false, 2);
    const train_state s = { 0 };
    train_tensors *file;
    train_match m;
    assert_ok(train_checkpoint_save(path, from, &s));
    assert_ok(train_tensors_read(&file, path));
    assert_ok(train_checkpoint_init(&m, train_tensors_arena(file), file, to));
    assert_int_equal(m.n_skipped, 2);
    assert_int_equal(m.n_missing, 2);
    assert_int_equal(m.matched, nn_params_count(to->params) - 2);
    assert_string_equal(m.missing[0], "logits/weight");
    const nn_param *p = nn_params_at(to->params, 0), *q = nn_params_at(from->params, 0);
    assert_memory_equal(p->value, q->value, p->count * sizeof(nn_real));
    train_state back;
    assert_fails(train_checkpoint_restore(file, to, &back), NN_EFORMAT, "logits/weight");
    train_tensors_free(file);
    train_network_free(from);
    train_network_free(to);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    train_network *n;
    write_sample(test_path("a.safetensors"));
    assert_fails(train_network_load(&n, test_path("a.safetensors"), NULL, &train_no_limits),
                 NN_EFORMAT, "no checkpoint of octet");
    assert_fails(train_network_load(&n, test_path("none"), NULL, &train_no_limits), NN_EIO, "none");
    assert_ok(nn_file_write(test_path("text"), "hello, world", 12));
    assert_fails(train_network_load(&n, test_path("text"), NULL, &train_no_limits), NN_EFORMAT,
                 "text");
}

static void limits_hold_for_checkpoints(void **state)
{
    (void)state;
    const char *path = test_path("l.safetensors");
    const train_limits few_macs = { 10, UINT64_MAX }, few_bytes = { UINT64_MAX, 10 };
    const train_state s = { 0 };
    train_network *n = network(2, false, 1), *back;
    assert_ok(train_checkpoint_save(path, n, &s));
    train_network_free(n);
    assert_fails(train_network_load(&back, path, NULL, &few_macs), NN_ENOTSUP, "--max-macs");
    assert_fails(train_network_load(&back, path, NULL, &few_bytes), NN_ENOTSUP, "--max-memory");
}

/* Every allocation of a load fails once: an error each time, and nothing leaks (under asan). */
static void loading_survives_failing_memory(void **state)
{
    (void)state;
    const char *path = test_path("m.safetensors");
    const train_state s = { 0 };
    train_network *n = network(2, false, 1), *back;
    assert_ok(train_checkpoint_save(path, n, &s));
    train_network_free(n);
    nn_status st = NN_ENOMEM;
    for (size_t k = 1; st != NN_OK; k++) {
        nn_mem_fail_after(k);
        st = train_network_load(&back, path, NULL, &train_no_limits);
        nn_mem_fail_after(0);
        if (st != NN_OK)
            assert_int_equal(st, NN_ENOMEM);
    }
    train_network_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_come_back),
        cmocka_unit_test(equal_lists_give_equal_files),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(a_network_comes_back),
        cmocka_unit_test(optimizer_and_averages_come_back),
        cmocka_unit_test(init_lists_what_does_not_match),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
        cmocka_unit_test(limits_hold_for_checkpoints),
        cmocka_unit_test(loading_survives_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
