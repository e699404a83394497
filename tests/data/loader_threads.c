/* A plain program, so that it runs under thread sanitizers: many loaders over one data set, ended
 * at odd moments, and no allocation once a loader stands. malloc and its kin are wrapped at link
 * time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tenon/data.h"

static atomic_long n_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
    n_allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    n_allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    n_allocations++;
    return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    n_allocations++;
    return __real_aligned_alloc(align, size);
}

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

enum { N = 1000 };

static tn_dataset *make_set(void)
{
    tn_tensor *x = NULL;
    tn_dataset *dataset = NULL;
    struct tn_shape shape = TN_SHAPE(N, 300);
    CHECK(tn_tensor_create(TN_U8, &shape, &x, NULL) == TN_OK);
    for (int i = 0; i < N * 300; i++)
        ((uint8_t *)tn_tensor_data(x))[i] = (uint8_t)(i / 300);
    const struct tn_field_params field = {.name = "x", .values = x, .transform = {.dtype = TN_F32}};
    CHECK(tn_dataset_create("", &field, 1, &dataset, NULL) == TN_OK);
    tn_tensor_unref(&x);
    return dataset;
}

static int64_t run_epoch(tn_loader *loader, uint64_t epoch, int64_t stop_after)
{
    int64_t n = 0;
    CHECK(tn_loader_start(loader, epoch, 0, NULL) == TN_OK);
    while (stop_after-- > 0) {
        const struct tn_batch *batch = tn_loader_next(loader);
        if (!batch)
            break;
        for (int64_t i = 0; i < batch->n; i++)
            CHECK(((const float *)batch->data[0])[i * 300 + 299] ==
                  (float)(uint8_t)batch->sample[i]);
        n += batch->n;
    }
    return n;
}

static void *many_loaders(void *arg)
{
    tn_dataset *dataset = arg;
    for (int round = 0; round < 40; round++) {
        tn_loader *loader = NULL;
        const struct tn_loader_params params = {
            .batch_size = 1 + round * 13, .shuffle = 1, .seed = (uint64_t)round};
        CHECK(tn_loader_create(dataset, &params, &loader, NULL) == TN_OK);
        run_epoch(loader, 0, round % 5);
        CHECK(run_epoch(loader, 1, INT64_MAX) == N);
        run_epoch(loader, 2, round % 3);
        tn_loader_destroy(&loader);
    }
    return NULL;
}

int main(void)
{
    tn_dataset *dataset = make_set();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, many_loaders, dataset) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);

    tn_loader *loader = NULL;
    const struct tn_loader_params params = {.batch_size = 64, .shuffle = 1};
    CHECK(tn_loader_create(dataset, &params, &loader, NULL) == TN_OK);
    long before = n_allocations;
    CHECK(before > 0); /* the wrappers are at work */
    for (uint64_t epoch = 0; epoch < 5; epoch++)
        CHECK(run_epoch(loader, epoch, INT64_MAX) == N);
    CHECK(n_allocations == before);
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
    return 0;
}
