#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/cpus.h"

/* More pieces than threads, so that a thread the system holds up does not hold up the loop. */
#define PIECES_PER_THREAD 4

struct tn_pool {
    uint32_t n_threads;
    pthread_t *threads; /* n_threads - 1 of them; the caller is the other one */
    uint32_t n_started;
    pthread_mutex_t owner; /* held for the length of a loop */
    pthread_mutex_t lock;  /* guards what follows, but for the atomics */
    pthread_cond_t wake, done;
    uint64_t loop_number; /* grows with each loop */
    uint32_t n_busy;      /* workers that have yet to leave the current loop */
    int is_ending;
    void (*fn)(void *arg, uint64_t lo, uint64_t hi);
    void *arg;
    uint64_t n, piece;
    atomic_uint_fast64_t next_piece;
};

static void take_pieces(struct tn_pool *pool)
{
    uint64_t n_pieces = (pool->n + pool->piece - 1) / pool->piece;
    for (;;) {
        uint64_t i = atomic_fetch_add_explicit(&pool->next_piece, 1, memory_order_relaxed);
        if (i >= n_pieces)
            return;
        uint64_t lo = i * pool->piece;
        pool->fn(pool->arg, lo, TN_MIN(lo + pool->piece, pool->n));
    }
}

static void *worker(void *arg)
{
    struct tn_pool *pool = arg;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->is_ending && pool->loop_number == seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->is_ending)
            break;
        seen = pool->loop_number;
        pthread_mutex_unlock(&pool->lock);
        take_pieces(pool);
        pthread_mutex_lock(&pool->lock);
        if (--pool->n_busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

tn_status tn_pool_create(uint32_t n_threads, struct tn_pool **out_pool, struct tn_error *err)
{
    if (n_threads == 0)
        n_threads = tn_cpu_count();
    struct tn_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return tn_error_set(err, TN_E_OOM, "no memory for a thread pool");
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->owner, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = calloc(n_threads, sizeof *pool->threads);
    if (!pool->threads) {
        tn_pool_destroy(&pool);
        return tn_error_set(err, TN_E_OOM, "no memory for a pool of %u threads", n_threads);
    }
    for (; pool->n_started + 1 < n_threads; pool->n_started++) {
        if (pthread_create(&pool->threads[pool->n_started], NULL, worker, pool) != 0) {
            uint32_t n = pool->n_started + 1;
            tn_pool_destroy(&pool);
            return tn_error_set(err, TN_E_OOM,
                                "cannot start %u threads (got %u); ask for fewer with --threads",
                                n_threads, n);
        }
    }
    *out_pool = pool;
    return TN_OK;
}

void tn_pool_destroy(struct tn_pool **pool_ptr)
{
    if (!pool_ptr || !*pool_ptr)
        return;
    struct tn_pool *pool = *pool_ptr;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = 1;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->n_started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->owner);
    free(pool->threads);
    free(pool);
    *pool_ptr = NULL;
}

uint32_t tn_pool_threads(const struct tn_pool *pool)
{
    return pool->n_threads;
}

void tn_pool_for(struct tn_pool *pool, uint64_t n, void (*fn)(void *arg, uint64_t lo, uint64_t hi),
                 void *arg)
{
    if (n == 0)
        return;
    if (pool->n_threads == 1 || n == 1 || pthread_mutex_trylock(&pool->owner) != 0) {
        fn(arg, 0, n);
        return;
    }
    uint64_t n_pieces = TN_MIN(n, (uint64_t)pool->n_threads * PIECES_PER_THREAD);
    pthread_mutex_lock(&pool->lock);
    pool->fn = fn;
    pool->arg = arg;
    pool->n = n;
    pool->piece = n / n_pieces + (n % n_pieces != 0);
    atomic_store_explicit(&pool->next_piece, 0, memory_order_relaxed);
    pool->n_busy = pool->n_started;
    pool->loop_number++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    take_pieces(pool);
    pthread_mutex_lock(&pool->lock);
    while (pool->n_busy > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&pool->owner);
}
