/* A pool of threads that share a loop. */
#ifndef TN_BASE_POOL_H
#define TN_BASE_POOL_H

#include <stdint.h>

#include "tenon/status.h"

struct tn_pool;

/* n_threads counts the caller: 1 starts no thread, 0 takes as many as the process may run on. */
tn_status tn_pool_create(uint32_t n_threads, struct tn_pool **out_pool, struct tn_error *err);
/* Joins the threads; no loop may be running. */
void tn_pool_destroy(struct tn_pool **pool);
uint32_t tn_pool_threads(const struct tn_pool *pool);

/* Calls fn over disjoint ranges that cover [0, n), from several threads, and returns when all of
 * it is done. How the range is cut depends on n and the number of threads alone. May be called
 * from any thread, and from inside fn: a pool that is busy runs the loop on the caller's thread.
 * No allocation. */
void tn_pool_for(struct tn_pool *pool, uint64_t n, void (*fn)(void *arg, uint64_t lo, uint64_t hi),
                 void *arg);

#endif
