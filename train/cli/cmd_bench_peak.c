/* octet bench peak - what this machine can do: arithmetic in registers, and memory. */
#include "train/cli/bench.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/peak.h"
#include "train/cli/output.h"

enum { REPEATS = 10 };

/* ---- arithmetic ------------------------------------------------------------------------------ */

static double time_loop(const nn_peak_loop *loop, size_t rounds, int threads)
{
    double begin = train_bench_seconds();
#pragma omp parallel num_threads(threads)
    loop->run(rounds);
    return train_bench_seconds() - begin;
}

/* Rounds for about 20 ms, then the best of a few: what disturbs only makes it slower. */
static double best_rate(const nn_peak_loop *loop, int threads)
{
    const double wanted = 0.02;
    size_t rounds = 1024;
    double best = 0;
    while (time_loop(loop, rounds, 1) < wanted)
        rounds *= 2;
    for (int i = 0; i < REPEATS; i++) {
        double rate =
            (double)loop->ops * (double)rounds * threads / time_loop(loop, rounds, threads);
        best = rate > best ? rate : best;
    }
    return best;
}

double train_bench_peak_fma(int threads)
{
    const nn_peak_table t = nn_peak_loops();
    return best_rate(&t.fma, threads);
}

double train_bench_peak_dot(int threads)
{
    const nn_peak_table t = nn_peak_loops();
    return best_rate(&t.dot, threads);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Larger than any cache; a thread has a part of it. */
static const size_t memory_words = (size_t)32 << 20; /* of 8 bytes: 256 MiB */

static uint64_t read_words(const uint64_t *p, size_t n)
{
    uint64_t sum[8] = { 0 };
    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            sum[k] += p[i + k];
    for (size_t k = 1; k < 8; k++)
        sum[0] += sum[k];
    return sum[0];
}

static void read_part(uint64_t *p, size_t n)
{
    nn_peak_sink = (double)read_words(p, n);
}

static void copy_part(uint64_t *p, size_t n)
{
    memcpy(p, p + n / 2, n / 2 * sizeof *p);
}

/* Bytes a second over all of the memory: the best of a few. */
static double bandwidth(void (*part)(uint64_t *p, size_t n), uint64_t *words, double bytes,
                        int threads)
{
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double begin = train_bench_seconds();
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int t = 0; t < threads; t++)
            part(words + memory_words / (size_t)threads * (size_t)t,
                 memory_words / (size_t)threads);
        double rate = bytes / (train_bench_seconds() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- the command ----------------------------------------------------------------------------- */

typedef struct result {
    double fma[2], dot[2], read[2], copy[2]; /* with one thread, with all; a second */
} result;

static nn_status measure(result *r, int threads)
{
    const double bytes = (double)memory_words * sizeof(uint64_t);
    uint64_t *words = nn_mem_alloc(memory_words * sizeof *words);
    if (words == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %.0f MB to read", 1e-6 * bytes);
    memset(words, 1, memory_words * sizeof *words); /* pages that were never written are one page */
    for (int i = 0; i < 2; i++) {
        const int n = i == 0 ? 1 : threads;
        r->fma[i] = train_bench_peak_fma(n);
        r->dot[i] = train_bench_peak_dot(n);
        r->read[i] = bandwidth(read_part, words, bytes, n);
        r->copy[i] = bandwidth(copy_part, words, bytes / 2, n);
    }
    nn_mem_free(words);
    return NN_OK;
}

static void add_pair(cJSON *o, const char *one, const char *all, const double v[2])
{
    cJSON_AddNumberToObject(o, one, 1e-9 * v[0]);
    cJSON_AddNumberToObject(o, all, 1e-9 * v[1]);
}

static nn_status print_json(const result *r, int threads)
{
    const nn_peak_table t = nn_peak_loops();
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "threads", threads);
    cJSON_AddStringToObject(o, "fma_isa", t.fma.isa);
    add_pair(o, "fma_gflops_1", "fma_gflops", r->fma);
    cJSON_AddStringToObject(o, "dot_isa", t.dot.isa);
    add_pair(o, "dot_gops_1", "dot_gops", r->dot);
    add_pair(o, "read_gb_per_s_1", "read_gb_per_s", r->read);
    add_pair(o, "copy_gb_per_s_1", "copy_gb_per_s", r->copy);
    return train_output_json(o);
}

static nn_status print_text(const result *r, int threads)
{
    const nn_peak_table t = nn_peak_loops();
    printf("%-34s %10s %7d threads\n", "", "1 thread", threads);
    printf("float multiply-adds  %-13s %10.1f %10.1f GFLOP/s\n", t.fma.isa, 1e-9 * r->fma[0],
           1e-9 * r->fma[1]);
    printf("8-bit dot products   %-13s %10.1f %10.1f GOP/s\n", t.dot.isa, 1e-9 * r->dot[0],
           1e-9 * r->dot[1]);
    printf("memory, read %-21s %10.1f %10.1f GB/s\n", "", 1e-9 * r->read[0], 1e-9 * r->read[1]);
    printf("memory, copied %-19s %10.1f %10.1f GB/s\n", "", 1e-9 * r->copy[0], 1e-9 * r->copy[1]);
    return NN_OK;
}

nn_status train_bench_peak(const train_call *call)
{
    const train_common *common = call->settings;
    const int threads = train_bench_threads();
    result r;
    if (call->args->n_operands > 1)
        return nn_fail(NN_EINVAL, "bench peak: %.80s: takes no file", call->args->operand[1]);
    NN_TRY(measure(&r, threads));
    return (common->json ? print_json : print_text)(&r, threads);
}
