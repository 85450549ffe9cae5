#define _POSIX_C_SOURCE 200809L
#include "export/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "nn/base/mem.h"

/* Looks before a hand sleeps, some tenths of a millisecond: to be woken it takes the core from
 * whoever has it, which may be the caller.  Looks before the caller, who waits for tasks that
 * others hold, gives up its core. */
enum { LOOKS = 20000, PATIENCE = 10000, MOST_TASKS = UINT16_MAX };

/* How long a hand goes on without sleep, in ns.  A hypervisor may have put two processors of its
 * guest on one core; it moves a thread that wakes, and leaves one that never sleeps. */
enum { DAY = 1000000 };

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

/* The tasks of a round are cut into one run of neighbours for each worker.  `left` is the number
 * of the round (32 bits), the end (16) and the beginning (16) of what nobody has taken of it.  Its
 * worker takes from the front, whoever has nothing else to do from the end: so neighbours, which
 * read and write the same lines of memory, stay with one worker from operator to operator. */
typedef struct hand {
    ex_crew *crew;
    int worker;
    pthread_t thread;
    _Alignas(64) atomic_uint_fast64_t left;
} hand;

/* Task, argument and first chunk change only when all tasks are done; so a hand that read them and
 * then takes a task by changing the very `left` that it read before, read those of this round: the
 * round's number keeps an old `left` from being a new one again.  What a task wrote is there in the
 * next round, since `done` is added to with release, awaited with acquire, and `left` stored after
 * that. */
struct ex_crew {
    rt_parallel parallel;
    int workers; /* of hand[], of which the first is the caller */
    hand *hand;
    uint32_t round;

    _Alignas(64) _Atomic(rt_task *) task;
    _Atomic(void *) arg;
    atomic_int chunk;

    _Alignas(64) atomic_int done; /* tasks of this round */

    _Alignas(64) atomic_int asleep;
    atomic_bool stop;
    pthread_mutex_t lock; /* of going to sleep */
    pthread_cond_t woken;
};

/* ---- a round --------------------------------------------------------------------------------- */

static int first_of(uint64_t left)
{
    return (int)(left & 0xFFFF);
}

static int end_of(uint64_t left)
{
    return (int)(left >> 16 & 0xFFFF);
}

static bool is_empty(uint64_t left)
{
    return first_of(left) == end_of(left);
}

/* Takes and runs one of `whose` tasks, if there is one. */
static bool take(ex_crew *c, int whose, int worker)
{
    atomic_uint_fast64_t *at = &c->hand[whose].left;
    uint_fast64_t left = atomic_load(at);
    while (!is_empty(left)) {
        rt_task *task = atomic_load_explicit(&c->task, memory_order_relaxed);
        void *arg = atomic_load_explicit(&c->arg, memory_order_relaxed);
        int chunk = atomic_load_explicit(&c->chunk, memory_order_relaxed);
        bool mine = whose == worker;
        chunk += mine ? first_of(left) : end_of(left) - 1;
        if (!atomic_compare_exchange_strong(at, &left, mine ? left + 1 : left - 0x10000))
            continue;
        task(arg, chunk, worker);
        atomic_fetch_add_explicit(&c->done, 1, memory_order_release);
        return true;
    }
    return false;
}

/* Takes part in the round, if it has tasks for this worker; the caller, worker 0, has begun it and
 * takes part even if others were faster with its own. */
static bool work(ex_crew *c, int worker)
{
    bool any = worker == 0;
    while (take(c, worker, worker))
        any = true;
    for (int i = 1; any && i < c->workers; i++)
        while (take(c, (worker + i) % c->workers, worker))
            ;
    return any;
}

static void wake(ex_crew *c)
{
    if (atomic_load(&c->asleep) == 0)
        return;
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->woken);
    pthread_mutex_unlock(&c->lock);
}

/* Where worker w's run of `n` tasks begins; the caller has at least one. */
static uint64_t begin(const ex_crew *c, int n, int w)
{
    return ((uint64_t)n * (uint64_t)w + (uint64_t)c->workers - 1) / (uint64_t)c->workers;
}

/* Tasks chunk, chunk + 1, ... chunk + n - 1. */
static void run_round(ex_crew *c, int chunk, int n, rt_task *task, void *arg)
{
    atomic_store_explicit(&c->task, task, memory_order_relaxed);
    atomic_store_explicit(&c->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&c->chunk, chunk, memory_order_relaxed);
    atomic_store_explicit(&c->done, 0, memory_order_relaxed);
    c->round++;
    for (int w = c->workers - 1; w >= 0; w--)
        atomic_store(&c->hand[w].left,
                     (uint64_t)c->round << 32 | begin(c, n, w + 1) << 16 | begin(c, n, w));
    wake(c);
    work(c, 0);
    for (int looks = 0; atomic_load_explicit(&c->done, memory_order_acquire) < n; looks++)
        if (looks < PATIENCE)
            RELAX();
        else
            sched_yield();
}

static void run(void *context, int chunks, rt_task *task, void *arg)
{
    for (int chunk = 0, n; chunk < chunks; chunk += n) {
        n = chunks - chunk < MOST_TASKS ? chunks - chunk : MOST_TASKS;
        run_round(context, chunk, n, task, arg);
    }
}

/* ---- a hand ---------------------------------------------------------------------------------- */

/* `asleep` is counted before the last look at the tasks, and `run_round` writes them before it
 * looks at `asleep`: one of the two sees the other. */
static void rest(ex_crew *c, hand *h)
{
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->asleep, 1);
    while (!atomic_load(&c->stop) && is_empty(atomic_load(&h->left)))
        pthread_cond_wait(&c->woken, &c->lock);
    atomic_fetch_sub(&c->asleep, 1);
    pthread_mutex_unlock(&c->lock);
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *serve(void *arg)
{
    hand *h = arg;
    while (!atomic_load(&h->crew->stop)) {
        const int64_t bedtime = now() + DAY;
        for (int looks = 0; looks < LOOKS; looks++) {
            if (work(h->crew, h->worker))
                looks = now() < bedtime ? 0 : LOOKS;
            RELAX();
        }
        rest(h->crew, h);
    }
    return NULL;
}

/* ---- the crew -------------------------------------------------------------------------------- */

static nn_status hire(ex_crew *c, int threads)
{
    for (int i = 1; i < threads; i++) {
        if (pthread_create(&c->hand[i].thread, NULL, serve, &c->hand[i]) != 0)
            return nn_fail(NN_ENOMEM, "threads: the system gives %d of %d; use fewer", i, threads);
        c->workers = i + 1;
    }
    return NN_OK;
}

nn_status ex_crew_new(ex_crew **out, int threads)
{
    *out = NULL;
    if (threads < 1 || threads > EX_CREW_MOST)
        return nn_fail(NN_EINVAL, "threads: %d is not from 1 to %d", threads, (int)EX_CREW_MOST);
    ex_crew *c = nn_mem_alloc(sizeof *c + (size_t)threads * sizeof(hand));
    if (c == NULL)
        return nn_fail(NN_ENOMEM, "threads: out of memory for %d", threads);
    c->parallel = (rt_parallel){ c, run };
    c->workers = 1;
    c->hand = (hand *)(c + 1);
    c->round = 0;
    for (int i = 0; i < threads; i++) {
        c->hand[i] = (hand){ .crew = c, .worker = i };
        atomic_init(&c->hand[i].left, 0);
    }
    atomic_init(&c->asleep, 0);
    atomic_init(&c->stop, false);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->woken, NULL);
    nn_status st = hire(c, threads);
    if (st == NN_OK)
        *out = c;
    else
        ex_crew_free(c);
    return st;
}

void ex_crew_free(ex_crew *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stop, true);
    pthread_cond_broadcast(&c->woken);
    pthread_mutex_unlock(&c->lock);
    for (int i = 1; i < c->workers; i++)
        pthread_join(c->hand[i].thread, NULL);
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    nn_mem_free(c);
}

const rt_parallel *ex_crew_parallel(const ex_crew *c)
{
    return c->workers > 1 ? &c->parallel : NULL;
}
