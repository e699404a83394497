/* Splits and permutations. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"

/* Fisher and Yates, from the end. 64 random bits a draw: the modulo's bias is below n / 2^64. */
void tn_data_permutation(uint64_t seed, uint64_t stream, int64_t *order, int64_t n)
{
    /* The tag keeps these draws apart from those of training steps under the same seed. */
    uint64_t key = tn_mix64(tn_rng_step_key(seed, stream, 0) ^ 0x73687566666c6521u);
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        struct tn_philox draw = tn_philox(key, (uint64_t)i, 0);
        uint64_t bits = (uint64_t)draw.v[0] << 32 | draw.v[1];
        int64_t j = (int64_t)(bits % (uint64_t)(i + 1));
        int64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

static tn_status count_train(const tn_dataset *dataset, double fraction, int64_t *out_n_train,
                             struct tn_error *err)
{
    if (!(fraction > 0 && fraction < 1))
        return tn_error_set(err, TN_E_INVALID, "validation split %g is outside (0, 1)", fraction);
    int64_t n_train = (int64_t)floor((double)dataset->n * (1.0 - fraction));
    if (n_train == 0 || n_train == dataset->n)
        return tn_error_set(err, TN_E_INVALID,
                            "validation split %g of %lld samples leaves none for %s", fraction,
                            (long long)dataset->n, n_train ? "validation" : "training");
    *out_n_train = n_train;
    return TN_OK;
}

static tn_status split_at(tn_dataset *dataset, const int64_t *order, int64_t n_train,
                          tn_dataset **out_train, tn_dataset **out_val, struct tn_error *err)
{
    tn_dataset *train = NULL, *val = NULL;
    tn_status status = tn_dataset_subset(dataset, order, n_train, &train, err);
    if (!status)
        status = tn_dataset_subset(dataset, order + n_train, dataset->n - n_train, &val, err);
    if (status) {
        tn_dataset_unref(&train);
        return status;
    }
    *out_train = train;
    *out_val = val;
    return TN_OK;
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static tn_status split(tn_dataset *dataset, double fraction, const uint64_t *seed,
                       tn_dataset **out_train, tn_dataset **out_val, struct tn_error *err)
{
    int64_t n_train = 0, n = dataset->n;
    tn_status status = count_train(dataset, fraction, &n_train, err);
    if (status)
        return status;
    int64_t *order = malloc((size_t)n * sizeof(*order));
    if (!order)
        return tn_error_set(err, TN_E_OOM, "no memory left to split %lld samples", (long long)n);
    if (seed) {
        /* A stream that no epoch reaches, then the data's own order on both sides. */
        tn_data_permutation(*seed, UINT64_MAX, order, n);
        qsort(order, (size_t)n_train, sizeof(*order), compare_i64);
        qsort(order + n_train, (size_t)(n - n_train), sizeof(*order), compare_i64);
    } else {
        for (int64_t i = 0; i < n; i++)
            order[i] = i;
    }
    status = split_at(dataset, order, n_train, out_train, out_val, err);
    free(order);
    return status;
}

tn_status tn_dataset_split_tail(tn_dataset *dataset, double fraction, tn_dataset **out_train,
                                tn_dataset **out_val, struct tn_error *err)
{
    return split(dataset, fraction, NULL, out_train, out_val, err);
}

tn_status tn_dataset_split_random(tn_dataset *dataset, double fraction, uint64_t seed,
                                  tn_dataset **out_train, tn_dataset **out_val,
                                  struct tn_error *err)
{
    return split(dataset, fraction, &seed, out_train, out_val, err);
}
