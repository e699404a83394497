/* SPDX-License-Identifier: MIT
 *
 * One pool of threads for the whole backend: OpenMP's, which oneDNN shares. OpenBLAS is kept at one
 * thread, and our loops call it from the pool. Built without OpenMP everything runs on the caller.
 */
#ifndef CPU_THREADS_H
#define CPU_THREADS_H

#include <stdint.h>

/* Does [lo, hi) of the work; `chunk` < the instance's threads numbers a private piece of scratch.
 */
typedef void (*cpu_range_fn)(const void *arg, int64_t lo, int64_t hi, uint32_t chunk);

/* CPUs that this process may use (sched_getaffinity), at least 1. */
uint32_t cpu_threads_allowed(void);

/* Splits [0, n) into at most `n_threads` equal pieces of at least `grain`; small work stays on the
 * caller. The split depends on the arguments alone, so results repeat bit for bit. */
void cpu_parallel(uint32_t n_threads, int64_t n, int64_t grain, cpu_range_fn fn, const void *arg);
/* How many pieces cpu_parallel makes. */
uint32_t cpu_pieces(uint32_t n_threads, int64_t n, int64_t grain);

/* Threads that OpenMP regions begun by this thread (oneDNN's) will have. Returns the old count. */
int cpu_threads_set(int n);
/* Keeps OpenBLAS, where it is the CBLAS, from threads of its own. */
void cpu_threads_quiet_blas(void);

#endif
