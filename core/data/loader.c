/* Batches in a ring of fixed buffers. A thread fills ahead of the consumer; what a batch holds
 * depends on (data, params, epoch, index) alone, never on the threads' timing.
 *
 * Ring: batch b lies in buffer b % N_BUFFERS. `n_filled` and `n_released` count batches of the
 * epoch, with n_released <= n_filled <= n_released + N_BUFFERS; the consumer holds batch n_taken -
 * 1 until its next call. Fields under `lock` change only while it is held; `order` and `epoch`
 * change only while the thread is idle. */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "data/dataset.h"

enum { N_BUFFERS = 3 };

struct buffer {
    struct tn_batch batch;
    void **data;
    size_t *n_bytes;
    int64_t *sample;
    int64_t *row; /* the view's own indices */
};

struct tn_loader {
    tn_dataset *dataset;
    struct tn_loader_params params;
    int64_t n_batches;
    size_t n_fields;
    size_t *sample_bytes; /* per field */
    int64_t *order;       /* [size], NULL without shuffle */
    uint64_t epoch;
    struct buffer buffers[N_BUFFERS];

    int has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int stop, is_active, is_filling;
    int64_t n_filled, n_taken, n_released;
};

static tn_status buffer_init(struct buffer *buffer, const tn_loader *loader, struct tn_error *err)
{
    size_t n_samples = (size_t)TN_MIN(loader->params.batch_size, tn_dataset_size(loader->dataset));
    buffer->data = calloc(loader->n_fields, sizeof(*buffer->data));
    buffer->n_bytes = calloc(loader->n_fields, sizeof(*buffer->n_bytes));
    buffer->sample = calloc(n_samples, sizeof(*buffer->sample));
    buffer->row = calloc(n_samples, sizeof(*buffer->row));
    if (!buffer->data || !buffer->n_bytes || !buffer->sample || !buffer->row)
        goto fail;
    for (size_t f = 0; f < loader->n_fields; f++) {
        size_t n_bytes, n_padded;
        if (TN_MUL_OVERFLOW(n_samples, loader->sample_bytes[f], &n_bytes) ||
            TN_ADD_OVERFLOW(n_bytes, (size_t)63, &n_padded))
            goto fail;
        /* Whole cache lines, so that a backend may read the memory as it lies. */
        buffer->data[f] = aligned_alloc(64, TN_MAX(n_padded / 64 * 64, (size_t)64));
        if (!buffer->data[f])
            goto fail;
    }
    buffer->batch = (struct tn_batch){
        .n_fields = loader->n_fields,
        .data = (const void *const *)buffer->data,
        .n_bytes = buffer->n_bytes,
        .sample = buffer->sample,
    };
    return TN_OK;
fail:
    return tn_error_set(err, TN_E_OOM, "no memory left for batches of %zu samples", n_samples);
}

static void buffer_finish(struct buffer *buffer, size_t n_fields)
{
    for (size_t f = 0; buffer->data && f < n_fields; f++)
        free(buffer->data[f]);
    free(buffer->data);
    free(buffer->n_bytes);
    free(buffer->sample);
    free(buffer->row);
}

static void fill(tn_loader *loader, int64_t b)
{
    struct buffer *buffer = &loader->buffers[b % N_BUFFERS];
    int64_t first = b * loader->params.batch_size;
    int64_t n = TN_MIN(loader->params.batch_size, tn_dataset_size(loader->dataset) - first);
    for (int64_t i = 0; i < n; i++) {
        buffer->row[i] = loader->order ? loader->order[first + i] : first + i;
        buffer->sample[i] = tn_dataset_sample(loader->dataset, buffer->row[i]);
    }
    for (size_t f = 0; f < loader->n_fields; f++) {
        tn_dataset_read(loader->dataset, f, buffer->row, (size_t)n, buffer->data[f]);
        buffer->n_bytes[f] = (size_t)n * loader->sample_bytes[f];
    }
    buffer->batch.n = n;
    buffer->batch.epoch = loader->epoch;
    buffer->batch.index = b;
}

static int has_room(const tn_loader *loader)
{
    return loader->is_active && loader->n_filled < loader->n_batches &&
           loader->n_filled - loader->n_released < N_BUFFERS;
}

static void *run_thread(void *arg)
{
    tn_loader *loader = arg;
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        while (!loader->stop && !has_room(loader))
            pthread_cond_wait(&loader->changed, &loader->lock);
        if (loader->stop)
            break;
        int64_t b = loader->n_filled;
        loader->is_filling = 1;
        pthread_mutex_unlock(&loader->lock);
        fill(loader, b);
        pthread_mutex_lock(&loader->lock);
        loader->is_filling = 0;
        if (loader->is_active) /* else a new epoch begins and this batch is not wanted */
            loader->n_filled = b + 1;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* The thread takes no signals: Ctrl-C is for the program's own threads. */
static tn_status start_thread(tn_loader *loader, struct tn_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&loader->thread, NULL, run_thread, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return tn_error_set(err, TN_E_OOM, "cannot start the data loader's thread: %s",
                            strerror(failure));
    loader->has_thread = 1;
    return TN_OK;
}

static tn_status check_params(const tn_dataset *dataset, const struct tn_loader_params *params,
                              struct tn_error *err)
{
    if (params->batch_size < 1)
        return tn_error_set(err, TN_E_INVALID, "batch size %lld: at least 1 is needed",
                            (long long)params->batch_size);
    if (params->drop_last && tn_dataset_size(dataset) < params->batch_size)
        return tn_error_set(err, TN_E_INVALID,
                            "batch size %lld and drop_last leave no batch of %lld samples",
                            (long long)params->batch_size, (long long)tn_dataset_size(dataset));
    return TN_OK;
}

static tn_status init_buffers(tn_loader *loader, struct tn_error *err)
{
    loader->n_fields = tn_dataset_field_count(loader->dataset);
    loader->sample_bytes = calloc(loader->n_fields, sizeof(*loader->sample_bytes));
    if (loader->params.shuffle)
        loader->order = calloc((size_t)tn_dataset_size(loader->dataset), sizeof(*loader->order));
    if (!loader->sample_bytes || (loader->params.shuffle && !loader->order))
        return tn_error_set(err, TN_E_OOM, "no memory left for a data loader");
    for (size_t f = 0; f < loader->n_fields; f++) {
        struct tn_field_info info;
        tn_dataset_field_info(loader->dataset, f, &info);
        loader->sample_bytes[f] = info.sample_bytes;
    }
    for (int i = 0; i < N_BUFFERS; i++) {
        tn_status status = buffer_init(&loader->buffers[i], loader, err);
        if (status)
            return status;
    }
    return TN_OK;
}

tn_status tn_loader_create(tn_dataset *dataset, const struct tn_loader_params *params,
                           tn_loader **out_loader, struct tn_error *err)
{
    tn_status status = check_params(dataset, params, err);
    if (status)
        return status;
    tn_loader *loader = calloc(1, sizeof(*loader));
    if (!loader)
        return tn_error_set(err, TN_E_OOM, "no memory left for a data loader");
    int64_t n = tn_dataset_size(dataset);
    loader->dataset = tn_dataset_ref(dataset);
    loader->params = *params;
    loader->n_batches = n / params->batch_size + (!params->drop_last && n % params->batch_size);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->changed, NULL);
    status = init_buffers(loader, err);
    if (!status && !params->no_prefetch)
        status = start_thread(loader, err);
    if (status) {
        tn_loader_destroy(&loader);
        return status;
    }
    *out_loader = loader;
    return TN_OK;
}

void tn_loader_destroy(tn_loader **loader)
{
    if (!loader || !*loader)
        return;
    tn_loader *gone = *loader;
    *loader = NULL;
    if (gone->has_thread) {
        pthread_mutex_lock(&gone->lock);
        gone->stop = 1;
        pthread_cond_broadcast(&gone->changed);
        pthread_mutex_unlock(&gone->lock);
        pthread_join(gone->thread, NULL);
    }
    pthread_cond_destroy(&gone->changed);
    pthread_mutex_destroy(&gone->lock);
    for (int i = 0; i < N_BUFFERS; i++)
        buffer_finish(&gone->buffers[i], gone->n_fields);
    free(gone->sample_bytes);
    free(gone->order);
    tn_dataset_unref(&gone->dataset);
    free(gone);
}

int64_t tn_loader_batch_count(const tn_loader *loader)
{
    return loader->n_batches;
}

size_t tn_loader_batch_sizes(const tn_loader *loader, int64_t out_sizes[2])
{
    int64_t n = tn_dataset_size(loader->dataset), batch = loader->params.batch_size;
    size_t count = 0;
    if (n >= batch)
        out_sizes[count++] = batch;
    if (n % batch && !loader->params.drop_last)
        out_sizes[count++] = n % batch;
    return count;
}

tn_dataset *tn_loader_dataset(tn_loader *loader)
{
    return loader->dataset;
}

tn_status tn_loader_start(tn_loader *loader, uint64_t epoch, int64_t first_batch,
                          struct tn_error *err)
{
    if (first_batch < 0 || first_batch > loader->n_batches)
        return tn_error_set(err, TN_E_INVALID, "an epoch has %lld batches; there is no batch %lld",
                            (long long)loader->n_batches, (long long)first_batch);
    pthread_mutex_lock(&loader->lock);
    loader->is_active = 0;
    while (loader->is_filling)
        pthread_cond_wait(&loader->changed, &loader->lock);
    loader->epoch = epoch;
    if (loader->order)
        tn_data_permutation(loader->params.seed, epoch, loader->order,
                            tn_dataset_size(loader->dataset));
    loader->n_filled = loader->n_taken = loader->n_released = first_batch;
    loader->is_active = 1;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    return TN_OK;
}

const struct tn_batch *tn_loader_next(tn_loader *loader)
{
    const struct tn_batch *batch = NULL;
    pthread_mutex_lock(&loader->lock);
    loader->n_released = loader->n_taken;
    pthread_cond_broadcast(&loader->changed);
    if (loader->is_active && loader->n_taken < loader->n_batches) {
        if (!loader->has_thread) {
            fill(loader, loader->n_taken);
            loader->n_filled++;
        }
        while (loader->n_filled == loader->n_taken)
            pthread_cond_wait(&loader->changed, &loader->lock);
        batch = &loader->buffers[loader->n_taken % N_BUFFERS].batch;
        loader->n_taken++;
    }
    pthread_mutex_unlock(&loader->lock);
    return batch;
}
