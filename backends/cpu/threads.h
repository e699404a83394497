/* SPDX-License-Identifier: MIT
 *
 * The one pool of threads of an instance. oneDNN and CBLAS are called from it with one thread each,
 * so neither's own pool ever runs beside it.
 *
 * Work is cut into pieces that depend on its size and on the number of threads alone, so results
 * repeat bit for bit; who does which piece is decided as they go. A worker that the system does not
 * schedule in time costs nothing: the caller does its pieces.
 */
#ifndef CPU_THREADS_H
#define CPU_THREADS_H

#include <stdint.h>

#include "tenon/backend.h"

struct cpu_pool;

/* Does [lo, hi) of the work. `piece` numbers the parts of one call, from 0. */
typedef void (*cpu_range_fn)(const void *arg, int64_t lo, int64_t hi, uint32_t piece);

/* CPUs that this process may use (sched_getaffinity), at least 1. */
uint32_t cpu_threads_allowed(void);

/* NULL: out of memory, or the system gives no more threads. */
struct cpu_pool *cpu_pool_create(const tnb_host *host, uint32_t n_threads);
void cpu_pool_destroy(struct cpu_pool *pool); /* joins the threads */

/* Splits [0, n) into at most n_threads equal pieces of at least `grain`; small work stays on the
 * caller. Two callers at once are fine: one of them works alone. */
void cpu_parallel(struct cpu_pool *pool, int64_t n, int64_t grain, cpu_range_fn fn,
                  const void *arg);
/* How many pieces cpu_parallel makes. */
uint32_t cpu_pieces(const struct cpu_pool *pool, int64_t n, int64_t grain);
/* The same with more and smaller pieces, for loops that keep nothing per piece. */
void cpu_parallel_fine(struct cpu_pool *pool, int64_t n, int64_t grain, cpu_range_fn fn,
                       const void *arg);

/* Threads that OpenMP regions begun by this thread (oneDNN's) will have. Returns the old count. */
int cpu_openmp_threads(const struct cpu_pool *pool, int n);
/* Keeps OpenBLAS, where it is the CBLAS, from threads of its own. */
void cpu_quiet_blas(void);

#endif
