/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "threads.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

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

uint32_t cpu_pieces(uint32_t n_threads, int64_t n, int64_t grain)
{
    int64_t pieces = grain > 0 ? n / grain : n;
    if (pieces > (int64_t)n_threads)
        pieces = (int64_t)n_threads;
    return pieces < 1 ? 1 : (uint32_t)pieces;
}

void cpu_parallel(uint32_t n_threads, int64_t n, int64_t grain, cpu_range_fn fn, const void *arg)
{
    if (n <= 0)
        return;
    uint32_t pieces = cpu_pieces(n_threads, n, grain);
    if (pieces == 1) {
        fn(arg, 0, n, 0);
        return;
    }
#if defined(_OPENMP)
    /* Always the whole team: libgomp ends and restarts threads when the size of a team changes. */
#pragma omp parallel num_threads(n_threads)
    {
        uint32_t step = (uint32_t)omp_get_num_threads();
        for (uint32_t p = (uint32_t)omp_get_thread_num(); p < pieces; p += step)
            fn(arg, n / pieces * p + (n % pieces) * p / pieces,
               n / pieces * (p + 1) + (n % pieces) * (p + 1) / pieces, p);
    }
#else
    for (uint32_t p = 0; p < pieces; p++)
        fn(arg, n / pieces * p + (n % pieces) * p / pieces,
           n / pieces * (p + 1) + (n % pieces) * (p + 1) / pieces, p);
#endif
}

#if defined(_OPENMP)
int cpu_threads_set(int n)
{
    int old = omp_get_max_threads();
    if (old != n)
        omp_set_num_threads(n);
    return old;
}
#else
/* oneDNN may bring an OpenMP runtime that this file was not compiled for. */
int cpu_threads_set(int n)
{
    union {
        void *p;
        int (*get)(void);
        void (*set)(int);
    } get, set;
    get.p = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    set.p = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (!get.p || !set.p)
        return 1;
    int old = get.get();
    if (old != n)
        set.set(n);
    return old;
}
#endif

void cpu_threads_quiet_blas(void)
{
    /* Looked up, not linked: any other CBLAS works as well. */
    union {
        void *p;
        void (*set)(int);
    } f;
    f.p = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
    if (f.p)
        f.set(1);
}
