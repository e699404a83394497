/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum {
    SPINS = 4000, /* about 50 us: the gap between two operators of a step */
    FINE = 4      /* pieces per thread of cpu_parallel_fine */
};

struct cpu_pool {
    const tnb_host *host;
    uint32_t n_threads, n_started;
    int (*openmp_get)(void); /* NULL without an OpenMP runtime */
    void (*openmp_set)(int);
    pthread_t *thread;
    pthread_mutex_t owner; /* held while a job runs */
    pthread_mutex_t lock;  /* for `wake` */
    pthread_cond_t wake;
    /* Job number in the upper half, next piece in the lower: a worker that comes late to a job
     * cannot take a piece of the one after it by mistake. */
    _Atomic uint64_t ticket;
    _Atomic uint32_t undone; /* pieces of the job that are not finished */
    _Atomic uint32_t asleep;
    _Atomic bool stop;
    /* The job. Written before its ticket; what a late worker reads of the next job it discards. */
    _Atomic(cpu_range_fn) fn;
    _Atomic(const void *) arg;
    _Atomic int64_t n;
    _Atomic uint32_t pieces;
};

uint32_t cpu_threads_allowed(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);
        if (n > 0)
            return (uint32_t)n;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than cpu_set_t holds */
    return n > 0 ? (uint32_t)n : 1;
}

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void piece_range(int64_t n, uint32_t pieces, uint32_t p, int64_t *lo, int64_t *hi)
{
    *lo = n / pieces * p + n % pieces * p / pieces;
    *hi = n / pieces * (p + 1) + n % pieces * (p + 1) / pieces;
}

/* Takes pieces of job `number` until none is left. */
static void work(struct cpu_pool *pool, uint32_t number)
{
    uint64_t t = atomic_load(&pool->ticket);
    while ((uint32_t)(t >> 32) == number) {
        cpu_range_fn fn = atomic_load_explicit(&pool->fn, memory_order_relaxed);
        const void *arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
        int64_t n = atomic_load_explicit(&pool->n, memory_order_relaxed);
        uint32_t pieces = atomic_load_explicit(&pool->pieces, memory_order_relaxed);
        uint32_t p = (uint32_t)t;
        if (p >= pieces)
            return;
        if (!atomic_compare_exchange_weak(&pool->ticket, &t, t + 1))
            continue;
        int64_t lo, hi;
        piece_range(n, pieces, p, &lo, &hi);
        fn(arg, lo, hi, p);
        atomic_fetch_sub(&pool->undone, 1);
        t = atomic_load(&pool->ticket);
    }
}

static uint32_t job_number(struct cpu_pool *pool)
{
    return (uint32_t)(atomic_load(&pool->ticket) >> 32);
}

/* Waits for a job other than `seen`: awake for a while, then asleep. */
static uint32_t next_job(struct cpu_pool *pool, uint32_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t number = job_number(pool);
        if (number != seen || atomic_load(&pool->stop))
            return number;
        pause_cpu();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->asleep, 1);
    while (job_number(pool) == seen && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->asleep, 1);
    pthread_mutex_unlock(&pool->lock);
    return job_number(pool);
}

static void *worker(void *arg)
{
    struct cpu_pool *pool = arg;
    cpu_openmp_threads(pool, 1);
    for (uint32_t seen = 0; !atomic_load(&pool->stop);) {
        seen = next_job(pool, seen);
        work(pool, seen);
    }
    return NULL;
}

/* Looked up, not linked: only oneDNN needs an OpenMP runtime, and brings it. Once, since a look-up
 * that fails allocates. */
static void find_openmp(struct cpu_pool *pool)
{
    union {
        void *p;
        int (*get)(void);
        void (*set)(int);
    } get = {.p = dlsym(RTLD_DEFAULT, "omp_get_max_threads")},
      set = {.p = dlsym(RTLD_DEFAULT, "omp_set_num_threads")};
    pool->openmp_get = get.get;
    pool->openmp_set = set.set;
}

struct cpu_pool *cpu_pool_create(const tnb_host *host, uint32_t n_threads)
{
    struct cpu_pool *pool = host->alloc(host->ctx, sizeof *pool, 64);
    if (!pool)
        return NULL;
    *pool = (struct cpu_pool){.host = host, .n_threads = n_threads};
    find_openmp(pool);
    pthread_mutex_init(&pool->owner, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->thread = host->alloc(host->ctx, n_threads * sizeof *pool->thread, 64);
    while (pool->thread && pool->n_started + 1 < n_threads) {
        if (pthread_create(&pool->thread[pool->n_started], NULL, worker, pool) != 0)
            break;
        pool->n_started++;
    }
    if (!pool->thread || pool->n_started + 1 < n_threads) {
        cpu_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void cpu_pool_destroy(struct cpu_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->n_started; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->owner);
    pool->host->free(pool->host->ctx, pool->thread);
    pool->host->free(pool->host->ctx, pool);
}

static uint32_t pieces_of(int64_t n, int64_t grain, uint32_t most)
{
    int64_t pieces = grain > 0 ? n / grain : n;
    if (pieces > (int64_t)most)
        pieces = (int64_t)most;
    return pieces < 1 ? 1 : (uint32_t)pieces;
}

uint32_t cpu_pieces(const struct cpu_pool *pool, int64_t n, int64_t grain)
{
    return pieces_of(n, grain, pool->n_threads);
}

static void run_alone(int64_t n, uint32_t pieces, cpu_range_fn fn, const void *arg)
{
    for (uint32_t p = 0; p < pieces; p++) {
        int64_t lo, hi;
        piece_range(n, pieces, p, &lo, &hi);
        fn(arg, lo, hi, p);
    }
}

static void run_pieces(struct cpu_pool *pool, int64_t n, uint32_t pieces, cpu_range_fn fn,
                       const void *arg)
{
    if (n <= 0)
        return;
    if (pieces == 1 || pool->n_threads == 1 || pthread_mutex_trylock(&pool->owner) != 0) {
        run_alone(n, pieces, fn, arg);
        return;
    }
    /* Closed under a number of its own while it is written: a worker that still looks at the last
     * job cannot take a piece any more, and one that looks at this finds none yet. */
    uint32_t number = job_number(pool) + 2;
    atomic_store(&pool->ticket, (uint64_t)(number - 1) << 32 | UINT32_MAX);
    atomic_store(&pool->undone, pieces);
    atomic_store(&pool->fn, fn);
    atomic_store(&pool->arg, arg);
    atomic_store(&pool->n, n);
    atomic_store(&pool->pieces, pieces);
    atomic_store(&pool->ticket, (uint64_t)number << 32);
    if (atomic_load(&pool->asleep)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
    work(pool, number);
    for (int i = 0; atomic_load(&pool->undone); i++) {
        if (i < SPINS)
            pause_cpu();
        else
            sched_yield(); /* a worker was interrupted in its piece: let it run */
    }
    pthread_mutex_unlock(&pool->owner);
}

void cpu_parallel(struct cpu_pool *pool, int64_t n, int64_t grain, cpu_range_fn fn, const void *arg)
{
    run_pieces(pool, n, pieces_of(n, grain, pool->n_threads), fn, arg);
}

void cpu_parallel_fine(struct cpu_pool *pool, int64_t n, int64_t grain, cpu_range_fn fn,
                       const void *arg)
{
    uint32_t most = pool->n_threads > 1 ? pool->n_threads * FINE : 1;
    run_pieces(pool, n, pieces_of(n, grain, most), fn, arg);
}

int cpu_openmp_threads(const struct cpu_pool *pool, int n)
{
    if (!pool->openmp_get || !pool->openmp_set)
        return 1;
    int old = pool->openmp_get();
    if (old != n)
        pool->openmp_set(n);
    return old;
}

void cpu_quiet_blas(void)
{
    /* Looked up, not linked: any other CBLAS works as well. */
    union {
        void *p;
        void (*set)(int);
    } f = {.p = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")};
    if (f.p)
        f.set(1);
}
