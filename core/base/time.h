/* Time for measuring: never for naming, ordering or seeding anything. */
#ifndef TN_BASE_TIME_H
#define TN_BASE_TIME_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds from an arbitrary start; never goes back. Any thread. */
static inline uint64_t tn_time_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
