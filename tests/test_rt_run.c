/* runtime: the same bytes on any number of workers, with or without reuse of memory, with any table
 * of kernels, and operator by operator; an arena close to its lower bound. */
#include <omp.h>

#include "nn/base/file.h"
#include "runtime/model.h"
#include "tests/exported.h"
#include "tests/testing.h"

static const char *const models[] = { "models/mlperf_tiny_resnet8_int8.tflite",
                                      "models/mobilenet_v1_0.25_128_uint8.tflite" };

typedef struct opened {
    rt_model *m;
    void *block, *arena;
} opened;

static void open_file(opened *o, const nn_bytes *file, rt_options options)
{
    size_t need = 0;
    rt_error error;
    if (rt_measure(&need, file->data, file->size, &options, &error) != RT_OK)
        fail_msg("%s", error.text);
    o->block = test_guard_new(need, 0);
    if (rt_open(&o->m, file->data, file->size, &options, o->block, need, &error) != RT_OK)
        fail_msg("%s", error.text);
    o->arena = test_guard_new(rt_arena_bytes(o->m), 0);
    memset(o->arena, 0xEE, rt_arena_bytes(o->m));
}

static void close_model(opened *o)
{
    test_guard_check(o->block);
    test_guard_check(o->arena);
    test_guard_free(o->block);
    test_guard_free(o->arena);
}

static void set_input(const opened *o, uint64_t seed)
{
    int t = rt_input(o->m, 0);
    uint8_t *x = rt_data(o->m, o->arena, t);
    for (size_t i = 0; i < rt_tensor_at(o->m, t)->bytes; i++)
        x[i] = (uint8_t)test_noise_int(seed, i, 0, 255);
}

static void check_equal(const opened *a, const opened *b, int t)
{
    assert_memory_equal(rt_data(a->m, a->arena, t), rt_data(b->m, b->arena, t),
                        rt_tensor_at(a->m, t)->bytes);
}

/* Chunks on OpenMP's threads, which are the workers. */
static void run_chunks(void *context, int chunks, rt_task *task, void *arg)
{
    int threads = *(const int *)context;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int i = 0; i < chunks; i++)
        task(arg, i, omp_get_thread_num());
}

/* The largest sum of tensors that operators read or write at one time or that wait meanwhile. */
static size_t largest_sum(const rt_model *m)
{
    int n = rt_n_tensors(m), last = rt_n_operators(m);
    int *from = malloc((size_t)n * sizeof *from), *until = malloc((size_t)n * sizeof *until);
    size_t most = 0;
    assert_true(from != NULL && until != NULL);
    for (int t = 0; t < n; t++)
        from[t] = until[t] = -1;
    for (int i = 0; i < last; i++) {
        const rt_operator *op = rt_operator_at(m, i);
        for (int k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0)
                until[op->in[k]] = i;
        for (int k = 0; k < op->n_out; k++)
            from[op->out[k]] = until[op->out[k]] = i;
    }
    for (int i = 0; i < rt_n_outputs(m); i++)
        until[rt_output(m, i)] = last;
    for (int i = 0; i < last; i++) {
        size_t sum = 0;
        for (int t = 0; t < n; t++)
            if (rt_tensor_at(m, t)->data == NULL && from[t] <= i && until[t] >= i)
                sum += rt_tensor_at(m, t)->bytes;
        most = sum > most ? sum : most;
    }
    free(from);
    free(until);
    return most;
}

/* How far the planned arena is above what must be alive at once, scratch included, and above the
 * tensors alone. */
static void check_arena(const rt_model *m, const char *name)
{
    rt_cost cost = rt_costs(m);
    size_t tensors = largest_sum(m);
    double planned = (double)cost.arena_bytes / (double)cost.arena_bound;
    double ratio = (double)cost.arena_bytes / (double)tensors;
    print_message("%-20s %7zu bytes, %.3f of the bound, tensors alone %7zu: %.3f\n", name,
                  cost.arena_bytes, planned, tensors, ratio);
    assert_true(planned >= 1 && planned <= 1.02);
    assert_true((double)cost.arena_bytes <= 1.2 * (double)tensors + 8192);
}

static void check_model(const char *name)
{
    const char *path = test_shared(name);
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    rt_options plain = rt_options_default();
    opened one, other;
    open_file(&one, &file, plain);
    int out = rt_output(one.m, 0);
    set_input(&one, 1);
    rt_run(one.m, one.arena, NULL);

    for (int threads = 1; threads <= 7; threads += 3) {
        rt_options many = rt_options_default();
        many.workers = threads;
        many.kernels = threads > 3 ? rt_kernels_best() : NULL;
        open_file(&other, &file, many);
        set_input(&other, 1);
        rt_run(other.m, other.arena, &(rt_parallel){ &threads, run_chunks });
        check_equal(&one, &other, out);
        close_model(&other);
    }
    rt_options keep = rt_options_default();
    keep.keep_all = true;
    open_file(&other, &file, keep);
    set_input(&other, 1);
    for (int i = 0; i < rt_n_operators(other.m); i++)
        rt_run_some(other.m, other.arena, i, 1, NULL);
    check_equal(&one, &other, out);
    close_model(&other);

    assert_true(rt_costs(one.m).macs > 0);
    check_arena(one.m, strchr(name, '/') + 1);
    close_model(&one);
    nn_bytes_free(&file);
}

static void resnet(void **state)
{
    (void)state;
    check_model(models[0]);
}

static void mobilenet(void **state)
{
    (void)state;
    check_model(models[1]);
}

static void arenas(void **state)
{
    (void)state;
    for (int i = 0; i < model_count(); i++) {
        int side = strcmp(model_name(i), "resnet18") == 0 ? 64 : 32;
        nn_bytes file;
        opened o;
        test_exported(&file, model_name(i), &(model_config){ side, side, 3, .classes = 10 });
        open_file(&o, &file, rt_options_default());
        check_arena(o.m, model_name(i));
        close_model(&o);
        nn_bytes_free(&file);
    }
}

/* Where operators that are cut have their scratch. */
typedef struct places {
    const uint8_t *first;
    size_t step;
    int n;
} places;

static void note_place(void *context, int chunks, rt_task *task, void *arg)
{
    places *p = context;
    const rt_call *c = arg;
    for (int i = 0; i < chunks; i++)
        task(arg, i, i % 2);
    if (c->scratch_bytes == 0)
        return;
    if (p->n++ == 0) {
        p->first = c->scratch;
        p->step = c->scratch_bytes;
    }
    assert_ptr_equal(c->scratch, p->first);
    assert_int_equal(c->scratch_bytes, p->step);
}

/* So that a worker finds its scratch in the cache of its core. */
static void scratch_stays_with_its_worker(void **state)
{
    (void)state;
    rt_options options = rt_options_default();
    options.workers = 2;
    nn_bytes file;
    opened o;
    places p = { .n = 0 };
    test_exported(&file, "mobilenet_v1", &(model_config){ 32, 32, 3, .classes = 10 });
    open_file(&o, &file, options);
    set_input(&o, 1);
    rt_run(o.m, o.arena, &(rt_parallel){ &p, note_place });
    assert_true(p.n > 10);
    close_model(&o);
    nn_bytes_free(&file);
}

/* Options, names and quantization are there to be printed. */
static void looks(void **state)
{
    (void)state;
    const char *path = test_shared(models[0]);
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    opened o;
    open_file(&o, &file, rt_options_default());
    const rt_operator *conv = rt_operator_at(o.m, 0);
    assert_string_equal(conv->name, "CONV_2D");
    assert_true(conv->n_in == 3 && conv->macs == 442368);
    rt_option option;
    assert_true(rt_option_at(o.m, 0, 0, &option));
    assert_string_equal(option.name, "padding");
    assert_string_equal(option.text, "SAME");
    const rt_tensor *w = rt_tensor_at(o.m, conv->in[1]);
    assert_true(w->n_scales == 16 && w->axis == 0 && w->data != NULL);
    assert_true(rt_scale(w, 3) > 0 && rt_zero_point(w, 3) == 0 && rt_scale(w, 16) == 0);
    assert_null(rt_data(o.m, o.arena, conv->in[1]));
    assert_null(rt_tensor_at(o.m, rt_n_tensors(o.m)));
    assert_null(rt_operator_at(o.m, -1));
    size_t size;
    assert_non_null(rt_metadata(o.m, "min_runtime_version", &size));
    assert_int_equal(size, 16);
    assert_null(rt_metadata(o.m, "nothing", &size));
    close_model(&o);
    nn_bytes_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet), cmocka_unit_test(mobilenet),
        cmocka_unit_test(arenas), cmocka_unit_test(scratch_stays_with_its_worker),
        cmocka_unit_test(looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
