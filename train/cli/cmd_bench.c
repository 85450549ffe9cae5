/* octet bench - how fast training, inference and the machine are. */
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include "train/cli/bench.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nn/base/mem.h"
#include "nn/base/suggest.h"
#include "train/cli/post.h"
#include "train/cli/output.h"
#include "train/ship.h"

/* ---- options --------------------------------------------------------------------------------- */

#define AT(member) offsetof(train_bench_settings, member)
static const train_arg args[] = {
    { .name = "input",
      .kind = TRAIN_TEXT,
      .at = AT(input),
      .form = "HxWxC",
      .help = "size of the synthetic pictures" },
    { .name = "classes",
      .kind = TRAIN_INT,
      .at = AT(classes),
      .value = "10",
      .help = "of the synthetic pictures",
      .min = 1,
      .max = 65535 },
    { .name = "batch",
      .kind = TRAIN_INT,
      .at = AT(batch),
      .value = "128",
      .help = "train: pictures a step",
      .min = 1,
      .max = 65536 },
    { .name = "optimizer",
      .kind = TRAIN_CHOICE,
      .at = AT(optimizer),
      .value = "sgd",
      .choices = train_optimizer_names,
      .help = "train: rule of the update (sgd with momentum 0.9)" },
    { .name = "steps",
      .kind = TRAIN_INT,
      .at = AT(steps),
      .value = "20",
      .help = "train: steps that are timed",
      .min = 1,
      .max = 1000000 },
    { .name = "runs",
      .kind = TRAIN_INT,
      .at = AT(runs),
      .value = "200",
      .help = "infer: runs that are timed",
      .min = 1,
      .max = 100000000 },
    { .name = "warmup",
      .kind = TRAIN_INT,
      .at = AT(warmup),
      .value = "3",
      .help = "steps or runs before them",
      .min = 1,
      .max = 1000000 },
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = AT(out),
      .form = "FILE.tflite",
      .help = "infer --model: keep the file that is made" },
    { .name = "turns",
      .kind = TRAIN_FLAG,
      .at = AT(turns),
      .help = "for each line N on standard input, N repetitions and a line with their times" },
};

static const train_rows rows = { "bench", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_model_rows, AT(model) },
                                      { &train_quant_rows, AT(quant) } };
#undef AT

/* ---- what is measured on --------------------------------------------------------------------- */

static nn_status check_input(const char *input)
{
    int h, w, c, used = 0;
    if (input == NULL)
        return nn_fail(NN_EINVAL, "--input: is missing; give the pictures' size, as in 32x32x3");
    if (sscanf(input, "%4dx%4dx%1d%n", &h, &w, &c, &used) != 3 || input[used] != '\0' ||
        (c != 1 && c != 3))
        return nn_fail(NN_EINVAL, "--input: \"%.60s\" is not HxWxC, as in 32x32x3; C is 1 or 3",
                       input);
    return NN_OK;
}

/* A few batches in memory, so that the loader has something to shuffle. */
static nn_status open_noise(ds_set **set, const train_bench_settings *s)
{
    enum { BATCHES = 4 };
    char spec[256];
    const ds_options options = { .seed = s->common.seed,
                                 .limits = { .max_pixels = (size_t)s->common.max_pixels } };
    NN_TRY(check_input(s->input));
    snprintf(spec, sizeof spec, "noise:%.100s:%d:%d", s->input, s->classes, BATCHES * s->batch);
    nn_status st = ds_open(set, spec, &options);
    return st == NN_OK ? st : nn_fail_context(st, "--input");
}

static nn_status make_recipe(train_recipe *r, const train_bench_settings *s)
{
    NN_TRY(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, r));
    r->model = s->model;
    r->quant = s->quant;
    r->data.val = NULL;
    r->data.mean = (train_reals){ 1, { 128 } };
    r->data.std = (train_reals){ 1, { 64 } };
    r->training.batch = s->batch;
    r->training.optimizer = s->optimizer;
    r->training.schedule = OPT_CONSTANT;
    r->training.lr = 0; /* weights stand still: no training is wanted, and no divergence */
    r->training.steps = UINT64_C(1000000000000);
    return NN_OK;
}

nn_status train_bench_network(train_network **network, ds_set **set, const train_bench_settings *s,
                              bool quant)
{
    const train_limits limits = { s->common.max_macs, s->common.max_memory };
    train_recipe recipe = { 0 };
    train_info info;
    nn_arena *arena;
    NN_TRY(make_recipe(&recipe, s));
    NN_TRY(open_noise(set, s));
    NN_TRY(nn_arena_new(&arena));
    nn_status st = train_info_new(&info, arena, &recipe, s->common.seed, *set);
    if (st == NN_OK)
        st = train_network_new(network, &info, quant, &limits);
    nn_arena_free(arena);
    return st;
}

/* Any ranges will do. */
static nn_status calibrate(train_network *n, const ds_set *set)
{
    static const train_group group = { &train_post_rows, 0 };
    train_post_options o = { 0 };
    int used;
    NN_TRY(train_args_defaults(&group, 1, &o));
    o.calib = 8;
    return train_post_run(&used, n, set, &o, 1, NULL);
}

nn_status train_bench_file(nn_bytes *out, const train_bench_settings *s)
{
    train_bench_settings few = *s;
    train_network *network = NULL;
    ds_set *set = NULL;
    few.batch = 4;
    nn_status st = train_bench_network(&network, &set, &few, true);
    if (st == NN_OK)
        st = calibrate(network, set);
    if (st == NN_OK)
        st = train_ship(out, network, EX_INT8);
    train_network_free(network);
    ds_close(set);
    return st;
}

/* ---- timing ---------------------------------------------------------------------------------- */

double train_bench_seconds(void)
{
    return omp_get_wtime();
}

int train_bench_threads(void)
{
    return omp_get_max_threads();
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double train_bench_quantile(double *values, int n, double p)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    double at = p * (n - 1);
    int below = (int)at, above = below + 1 < n ? below + 1 : below;
    return values[below] + (at - below) * (values[above] - values[below]);
}

static nn_status take_turn(train_bench_repeat *repeat, void *ctx, int n)
{
    double *seconds = nn_mem_alloc((size_t)n * sizeof *seconds);
    if (seconds == NULL)
        return nn_fail(NN_ENOMEM, "--turns: out of memory for %d times", n);
    nn_status st = repeat(ctx, n, seconds);
    printf(st == NN_OK ? "{\"ms\":[" : "");
    for (int i = 0; st == NN_OK && i < n; i++)
        printf("%s%.6f", i > 0 ? "," : "", 1e3 * seconds[i]);
    printf(st == NN_OK ? "]}\n" : "");
    fflush(stdout);
    nn_mem_free(seconds);
    return st;
}

nn_status train_bench_turns(train_bench_repeat *repeat, void *ctx)
{
    enum { MOST = 1000000 };
    char line[64], *end;
    while (fgets(line, sizeof line, stdin) != NULL) {
        long n = strtol(line, &end, 10);
        if (end == line || (*end != '\n' && *end != '\0') || n < 1 || n > MOST)
            return nn_fail(NN_EINVAL, "--turns: a line is not a number from 1 to %d", (int)MOST);
        NN_TRY(take_turn(repeat, ctx, (int)n));
    }
    return NN_OK;
}

/* Field 22 of /proc/self/stat: when the process began, in ticks since the machine did (proc(5)).
 * The name in field 2 is in brackets and may hold anything. */
double train_bench_since_start(void)
{
    char text[1024];
    struct timespec now;
    FILE *f = fopen("/proc/self/stat", "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    text[n] = '\0';
    char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return -1;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec -
           strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
}

/* VmHWM of /proc/self/status; getrusage would count what the parent had when it forked. */
double train_bench_peak_rss_mb(void)
{
    char line[256];
    double kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    if (f != NULL)
        fclose(f);
    return kib < 0 ? -1 : kib * 1024 / 1e6;
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status run(train_call *call)
{
    static const char *const names[] = { "train", "infer", "kernels", "peak" };
    static nn_status (*const kinds[])(const train_call *) = { train_bench_train, train_bench_infer,
                                                              train_bench_kernels,
                                                              train_bench_peak };
    const char *what = call->args->operand[0];
    for (int i = 0; i < TRAIN_N(names); i++)
        if (strcmp(what, names[i]) == 0)
            return kinds[i](call);
    return nn_fail_unknown("", what, names, TRAIN_N(names));
}

const train_command train_command_bench = {
    .name = "bench",
    .operands = "train|infer|kernels|peak [FILE.tflite|NAME]",
    .about = "how fast training, inference and this machine are",
    .more =
        "bench train --model NAME --input HxWxC --batch N [--qat] [--steps N]: steps on synthetic\n"
        "pictures in memory.  --json: {\"model\", \"input\", \"batch\", \"threads\", \"isa\", "
        "\"qat\",\n"
        "\"parameters\", \"step_ms_median\", \"step_ms_p10\", \"step_ms_p90\", \"images_per_s\",\n"
        "\"gflops\", \"fma_peak_gflops\", \"peak_rss_mb\", \"planned_mb\", \"start_to_step_ms\",\n"
        "\"first_step_ms\", \"data_ms\", \"forward_ms\", \"score_ms\", \"backward_ms\", "
        "\"update_ms\",\n"
        "\"ops\": [{\"name\", \"layer\", \"op\", \"forward_ms\", \"backward_ms\", "
        "\"gflops_forward\",\n"
        "\"gflops_backward\", \"share_of_peak\", \"mb\", \"gb_per_s\", \"percent\"}]}\n\n"
        "bench infer FILE.tflite [--runs N], or --model NAME --input HxWxC [--out FILE]: one item\n"
        "at a time.  --json: {\"file\", \"threads\", \"kernels\", \"latency_us_median\",\n"
        "\"latency_us_p10\", \"latency_us_p90\", \"latency_us_p99\", \"macs\", \"gmacs\",\n"
        "\"dot_peak_gmacs\", \"model_bytes\", \"arena_bytes\", \"peak_rss_mb\", \"ops\": "
        "[{\"index\", \"op\",\n"
        "\"output\", \"us\", \"macs\", \"gmacs\", \"share_of_peak\", \"percent\"}]}\n\n"
        "bench kernels [NAME]: single layers, or those with NAME in their name.  --json: "
        "{\"threads\",\n"
        "\"fma_peak_gflops\", \"dot_peak_gmacs\", \"float\": [{\"name\", \"forward_ms\", "
        "\"backward_ms\",\n"
        "\"gflops_forward\", \"gflops_backward\", \"share_forward\", \"share_backward\"}], "
        "\"int8\":\n"
        "[{\"name\", \"us\", \"gmacs\", \"share_of_peak\"}]}\n\n"
        "bench peak: --json: {\"threads\", \"fma_isa\", \"fma_gflops_1\", \"fma_gflops\", "
        "\"dot_isa\",\n"
        "\"dot_gops_1\", \"dot_gops\", \"read_gb_per_s_1\", \"read_gb_per_s\", "
        "\"copy_gb_per_s_1\",\n"
        "\"copy_gb_per_s\"}; a multiply-add is two operations; copied bytes count once.",
    .operands_min = 1,
    .operands_max = 2,
    .settings_bytes = sizeof(train_bench_settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
