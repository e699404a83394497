#include "checks.h"

#include "suites.h"

const struct cf_check *cf_checks_of(enum cf_suite suite, size_t *out_n)
{
    *out_n = 0;
    switch (suite) {
    case CF_ABI:
        *out_n = cf_n_abi_checks;
        return cf_abi_checks;
    case CF_MEMORY:
        *out_n = cf_n_memory_checks;
        return cf_memory_checks;
    case CF_ORDERING:
        *out_n = cf_n_ordering_checks;
        return cf_ordering_checks;
    case CF_TRAJECTORY:
        *out_n = cf_n_trajectory_checks;
        return cf_trajectory_checks;
    case CF_RANDOM:
        *out_n = cf_n_random_checks;
        return cf_random_checks;
    case CF_THREADS:
        *out_n = cf_n_threads_checks;
        return cf_threads_checks;
    case CF_CLAIMS:
        *out_n = cf_n_claims_checks;
        return cf_claims_checks;
    default:
        return NULL;
    }
}
