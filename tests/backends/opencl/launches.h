/* What launches.c notes, case by case. */
#ifndef TN_TESTS_OPENCL_LAUNCHES_H
#define TN_TESTS_OPENCL_LAUNCHES_H

#include <stddef.h>

#define NOTED_MAX 64

struct noted_case {
    size_t kernels[NOTED_MAX], n; /* each once, by their numbers: 0 ... noted_count() - 1 */
    size_t n_items, largest;      /* work-items in all, and of the largest launch */
};

/* Launches are noted from here on; `dry`: they do not go on to the driver. */
void noted_begin(int dry);
/* Valid until the next noted_begin. */
const struct noted_case *noted_end(void);
size_t noted_count(void);

#endif
