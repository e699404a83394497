/* How many processors there are for this process. */
#ifndef TN_BASE_CPUS_H
#define TN_BASE_CPUS_H

#include <stdint.h>

/* At least 1; heeds the affinity mask (taskset, containers) where the system tells it. */
uint32_t tn_cpu_count(void);

#endif
