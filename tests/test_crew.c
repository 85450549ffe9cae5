/* crew: each task of a round is done once, by one worker at a time, and sees what the round before
 * wrote; `make tsan` runs these tests too. */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <time.h>

#include "export/crew.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

static atomic_int busy[4], clashes, done, seen[64];

static void be_busy(void *arg, int chunk, int worker)
{
    const struct timespec moment = { .tv_nsec = 200000 };
    (void)arg;
    atomic_fetch_add(&seen[chunk & 63], 1);
    if (worker < 0 || worker >= 4 || atomic_fetch_add(&busy[worker & 3], 1) > 0)
        atomic_fetch_add(&clashes, 1);
    nanosleep(&moment, NULL);
    atomic_fetch_sub(&busy[worker & 3], 1);
    atomic_fetch_add(&done, 1);
}

/* A worker has scratch memory of its own. */
static void tasks_at_one_time_have_different_workers(void **state)
{
    (void)state;
    ex_crew *crew;
    assert_ok(ex_crew_new(&crew, 4));
    const rt_parallel *parallel = ex_crew_parallel(crew);
    parallel->run(parallel->context, 64, be_busy, NULL);
    assert_int_equal(atomic_load(&done), 64);
    assert_int_equal(atomic_load(&clashes), 0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(atomic_load(&seen[i]), 1);
    ex_crew_free(crew);
}

/* Adds its number to the sum that `arg` points to. */
static void count_in(void *arg, int chunk, int worker)
{
    (void)worker;
    atomic_fetch_add((atomic_long *)arg, chunk + 1);
}

/* Short rounds in quick succession, now and then after a pause in which the hands fall asleep: no
 * task of a round is left out, done twice or done in the next one. */
static void rounds_do_not_mix(void **state)
{
    (void)state;
    const struct timespec pause = { .tv_nsec = 1000000 };
    atomic_long sums[2] = { 0 };
    ex_crew *crew;
    assert_ok(ex_crew_new(&crew, 3));
    const rt_parallel *parallel = ex_crew_parallel(crew);
    for (int round = 0; round < 20000; round++) {
        const int chunks = 1 + round % 7;
        atomic_store(&sums[round % 2], 0);
        parallel->run(parallel->context, chunks, count_in, &sums[round % 2]);
        assert_int_equal(atomic_load(&sums[round % 2]), chunks * (chunks + 1) / 2);
        if (round % 500 == 0)
            nanosleep(&pause, NULL);
    }
    atomic_store(&sums[0], 0);
    const long many = 200000; /* more than one round takes */
    parallel->run(parallel->context, (int)many, count_in, &sums[0]);
    assert_int_equal(atomic_load(&sums[0]), many * (many + 1) / 2);
    ex_crew_free(crew);
}

enum { CELLS = 97 };

/* Two rows of cells; each round makes one of the other. */
typedef struct turn {
    int count;
    const int *from;
    int *to;
} turn;

static void step(void *arg, int chunk, int worker)
{
    const turn *t = arg;
    (void)worker;
    t->to[chunk] = t->from[chunk] + t->from[(chunk + 1) % t->count] % 7 + 1;
}

/* Without atomics or locks in the tasks, as operators write and read activations: the cells of a
 * round were written by other workers in the one before. */
static void rounds_see_each_other(void **state)
{
    (void)state;
    for (int threads = 2; threads <= 7; threads++) {
        int cells[2][CELLS] = { { 0 } }, want[2][CELLS] = { { 0 } };
        ex_crew *crew;
        assert_ok(ex_crew_new(&crew, threads));
        const rt_parallel *parallel = ex_crew_parallel(crew);
        for (int round = 0; round < 500; round++) {
            const int from = round % 2, to = 1 - from;
            turn shared = { 1 + round % CELLS, cells[from], cells[to] };
            turn alone = { shared.count, want[from], want[to] };
            parallel->run(parallel->context, shared.count, step, &shared);
            for (int i = 0; i < alone.count; i++)
                step(&alone, i, 0);
            assert_memory_equal(cells, want, sizeof cells);
        }
        ex_crew_free(crew);
    }
}

static void crews_have_limits(void **state)
{
    (void)state;
    ex_crew *crew;
    assert_fails(ex_crew_new(&crew, 0), NN_EINVAL, "0 is not from 1 to");
    assert_fails(ex_crew_new(&crew, EX_CREW_MOST + 1), NN_EINVAL, "is not from 1 to");
    nn_mem_fail_after(1);
    nn_status st = ex_crew_new(&crew, 2);
    nn_mem_fail_after(0);
    assert_int_equal(st, NN_ENOMEM);
    assert_null(crew);
    assert_ok(ex_crew_new(&crew, 1));
    assert_null(ex_crew_parallel(crew));
    ex_crew_free(crew);
    ex_crew_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_at_one_time_have_different_workers),
        cmocka_unit_test(rounds_do_not_mix),
        cmocka_unit_test(rounds_see_each_other),
        cmocka_unit_test(crews_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
