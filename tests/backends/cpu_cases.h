/* Cases beyond the shared tables: sizes at which this backend's loops change their ways. */
#ifndef TN_TESTS_BACKENDS_CPU_CASES_H
#define TN_TESTS_BACKENDS_CPU_CASES_H

#include "cases.h"

size_t cpu_case_count(void);
const struct op_case *cpu_case_at(size_t index);

#endif
