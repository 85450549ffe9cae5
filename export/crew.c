#define _POSIX_C_SOURCE 200809L
#include "export/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "nn/base/mem.h"

/* Looks before a hand sleeps, some tenths of a millisecond: to be woken it takes the core from
 * whoever has it, which may be the caller.  Looks before the caller, who waits for tasks that
 * others hold, gives up its core. */
enum { LOOKS = 20000, PATIENCE = 10000 };

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

typedef struct hand {
    ex_crew *crew;
    int worker;
    pthread_t thread;
} hand;

/* `ticket` is the number of the round and, in the lower half, how many of its tasks nobody has
 * taken yet.  Task, argument and count change only when that is 0; so a hand that read them and
 * then takes a task by changing the very ticket that it read before, read those of this round. */
struct ex_crew {
    rt_parallel parallel;
    int hands; /* threads of its own: one less than the crew */
    hand *hand;

    _Alignas(64) atomic_uint_fast64_t ticket;
    _Atomic(rt_task *) task;
    _Atomic(void *) arg;
    atomic_int chunks;

    _Alignas(64) atomic_int done; /* tasks of this round */

    _Alignas(64) atomic_int asleep;
    atomic_bool stop;
    pthread_mutex_t lock; /* of going to sleep */
    pthread_cond_t woken;
};

/* ---- a round --------------------------------------------------------------------------------- */

static uint32_t left_of(uint64_t ticket)
{
    return (uint32_t)ticket;
}

/* Takes and runs a task, if there is one. */
static bool work(ex_crew *c, int worker)
{
    uint_fast64_t t = atomic_load(&c->ticket);
    if (left_of(t) == 0)
        return false;
    rt_task *task = atomic_load_explicit(&c->task, memory_order_relaxed);
    void *arg = atomic_load_explicit(&c->arg, memory_order_relaxed);
    int chunks = atomic_load_explicit(&c->chunks, memory_order_relaxed);
    if (atomic_compare_exchange_strong(&c->ticket, &t, t - 1)) {
        task(arg, chunks - (int)left_of(t), worker);
        atomic_fetch_add_explicit(&c->done, 1, memory_order_release);
    }
    return true;
}

static void wake(ex_crew *c)
{
    if (atomic_load(&c->asleep) == 0)
        return;
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->woken);
    pthread_mutex_unlock(&c->lock);
}

static void run(void *context, int chunks, rt_task *task, void *arg)
{
    ex_crew *c = context;
    const uint64_t round = (atomic_load(&c->ticket) >> 32) + 1;
    atomic_store_explicit(&c->task, task, memory_order_relaxed);
    atomic_store_explicit(&c->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&c->chunks, chunks, memory_order_relaxed);
    atomic_store_explicit(&c->done, 0, memory_order_relaxed);
    atomic_store(&c->ticket, round << 32 | (uint32_t)chunks);
    wake(c);
    while (work(c, 0))
        ;
    for (int looks = 0; atomic_load_explicit(&c->done, memory_order_acquire) < chunks; looks++)
        if (looks < PATIENCE)
            RELAX();
        else
            sched_yield();
}

/* ---- a hand ---------------------------------------------------------------------------------- */

/* `asleep` is counted before the last look at the ticket, and `run` writes the ticket before it
 * looks at `asleep`: one of the two sees the other. */
static void rest(ex_crew *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->asleep, 1);
    while (!atomic_load(&c->stop) && left_of(atomic_load(&c->ticket)) == 0)
        pthread_cond_wait(&c->woken, &c->lock);
    atomic_fetch_sub(&c->asleep, 1);
    pthread_mutex_unlock(&c->lock);
}

static void *serve(void *arg)
{
    const hand *h = arg;
    while (!atomic_load(&h->crew->stop)) {
        for (int looks = 0; looks < LOOKS; looks++) {
            if (work(h->crew, h->worker))
                looks = 0;
            RELAX();
        }
        rest(h->crew);
    }
    return NULL;
}

/* ---- the crew -------------------------------------------------------------------------------- */

static nn_status hire(ex_crew *c, int hands)
{
    for (int i = 0; i < hands; i++) {
        c->hand[i] = (hand){ .crew = c, .worker = i + 1 };
        if (pthread_create(&c->hand[i].thread, NULL, serve, &c->hand[i]) != 0)
            return nn_fail(NN_ENOMEM, "threads: the system gives %d of %d; use fewer", i + 1,
                           hands + 1);
        c->hands = i + 1;
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
    c->hands = 0;
    c->hand = (hand *)(c + 1);
    atomic_init(&c->ticket, 0);
    atomic_init(&c->asleep, 0);
    atomic_init(&c->stop, false);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->woken, NULL);
    nn_status st = hire(c, threads - 1);
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
    for (int i = 0; i < c->hands; i++)
        pthread_join(c->hand[i].thread, NULL);
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    nn_mem_free(c);
}

const rt_parallel *ex_crew_parallel(const ex_crew *c)
{
    return c->hands > 0 ? &c->parallel : NULL;
}
