/* Batches: order, sizes, indices, resuming; equal with and without the thread. */
#include <criterion/criterion.h>
#include <string.h>

#include "tenon/data.h"

/* x [n, 5] u8 scaled to f32, y [n] i64. */
static tn_dataset *make_set(int64_t n)
{
    tn_tensor *x = NULL, *y = NULL;
    struct tn_shape x_shape = TN_SHAPE(n, 5), y_shape = TN_SHAPE(n);
    cr_assert_eq(tn_tensor_create(TN_U8, &x_shape, &x, NULL), TN_OK);
    cr_assert_eq(tn_tensor_create(TN_I64, &y_shape, &y, NULL), TN_OK);
    for (int64_t i = 0; i < n * 5; i++)
        ((uint8_t *)tn_tensor_data(x))[i] = (uint8_t)(i * 7);
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)tn_tensor_data(y))[i] = 1000 + i;
    const struct tn_field_params fields[] = {
        {.name = "x", .values = x, .transform = {.dtype = TN_F32, .scale = 0.5}},
        {.name = "y", .values = y},
    };
    tn_dataset *dataset = NULL;
    cr_assert_eq(tn_dataset_create("", fields, 2, &dataset, NULL), TN_OK);
    tn_tensor_unref(&x);
    tn_tensor_unref(&y);
    return dataset;
}

static tn_loader *make_loader(tn_dataset *dataset, struct tn_loader_params params)
{
    tn_loader *loader = NULL;
    cr_assert_eq(tn_loader_create(dataset, &params, &loader, NULL), TN_OK);
    return loader;
}

/* What the batch holds must be what the data set has under its indices. */
static void check_batch(const struct tn_batch *batch)
{
    cr_assert_eq(batch->n_fields, 2);
    cr_assert_eq(batch->n_bytes[0], (size_t)batch->n * 5 * sizeof(float));
    cr_assert_eq(batch->n_bytes[1], (size_t)batch->n * sizeof(int64_t));
    const float *x = batch->data[0];
    const int64_t *y = batch->data[1];
    for (int64_t i = 0; i < batch->n; i++) {
        int64_t s = batch->sample[i];
        cr_assert_eq(y[i], 1000 + s);
        for (int64_t j = 0; j < 5; j++)
            cr_assert_eq(x[i * 5 + j], 0.5f * (float)(uint8_t)((s * 5 + j) * 7));
    }
}

/* Runs an epoch into order; returns the number of samples. */
static int64_t run_epoch(tn_loader *loader, uint64_t epoch, int64_t first, int64_t *order)
{
    int64_t n = 0, index = first;
    cr_assert_eq(tn_loader_start(loader, epoch, first, NULL), TN_OK);
    for (const struct tn_batch *batch; (batch = tn_loader_next(loader));) {
        check_batch(batch);
        cr_assert_eq(batch->epoch, epoch);
        cr_assert_eq(batch->index, index++);
        memcpy(order + n, batch->sample, (size_t)batch->n * sizeof(*order));
        n += batch->n;
    }
    cr_assert_null(tn_loader_next(loader));
    return n;
}

Test(loader, gives_every_sample_in_order)
{
    tn_dataset *dataset = make_set(23);
    tn_loader *loader = make_loader(dataset, (struct tn_loader_params){.batch_size = 5});
    int64_t order[23], sizes[2] = {0};
    cr_assert_null(tn_loader_next(loader), "nothing before start");
    cr_assert_eq(tn_loader_batch_count(loader), 5);
    cr_assert_eq(tn_loader_batch_sizes(loader, sizes), 2);
    cr_assert(sizes[0] == 5 && sizes[1] == 3);
    cr_assert_eq(run_epoch(loader, 0, 0, order), 23);
    for (int64_t i = 0; i < 23; i++)
        cr_assert_eq(order[i], i);
    cr_assert_eq(tn_loader_dataset(loader), dataset);
    tn_loader_destroy(&loader);
    cr_assert_null(loader);
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
}

Test(loader, knows_its_batch_sizes)
{
    static const struct {
        int64_t n, batch, count, n_sizes, size0, size1;
        int drop;
    } cases[] = {
        {20, 5, 4, 1, 5, 0, 0},        {21, 5, 5, 2, 5, 1, 0}, {3, 5, 1, 1, 3, 0, 0},
        {21, 5, 4, 1, 5, 0, 1},        {5, 5, 1, 1, 5, 0, 1},  {4, 1, 4, 1, 1, 0, 0},
        {4, INT64_MAX, 1, 1, 4, 0, 0},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        tn_dataset *dataset = make_set(cases[c].n);
        tn_loader *loader =
            make_loader(dataset, (struct tn_loader_params){.batch_size = cases[c].batch,
                                                           .drop_last = cases[c].drop});
        int64_t sizes[2] = {0}, order[32];
        cr_assert_eq(tn_loader_batch_count(loader), cases[c].count, "case %zu", c);
        cr_assert_eq((int64_t)tn_loader_batch_sizes(loader, sizes), cases[c].n_sizes);
        cr_assert(sizes[0] == cases[c].size0 && sizes[1] == cases[c].size1);
        cr_assert_eq(run_epoch(loader, 0, 0, order),
                     cases[c].drop ? cases[c].count * cases[c].batch : cases[c].n);
        tn_loader_destroy(&loader);
        tn_dataset_unref(&dataset);
    }
}

Test(loader, shuffles_by_seed_and_epoch_alone)
{
    tn_dataset *dataset = make_set(101);
    int64_t order[6][101];
    const struct tn_loader_params params = {.batch_size = 8, .shuffle = 1, .seed = 7};
    struct tn_loader_params direct = params, other = params, wide = params;
    direct.no_prefetch = 1;
    other.seed = 8;
    wide.batch_size = 33;
    tn_loader *a = make_loader(dataset, params), *b = make_loader(dataset, direct);
    tn_loader *c = make_loader(dataset, other), *d = make_loader(dataset, wide);
    run_epoch(a, 0, 0, order[0]);
    run_epoch(a, 1, 0, order[1]);
    run_epoch(b, 1, 0, order[2]); /* another loader that begins at epoch 1 */
    run_epoch(b, 0, 0, order[3]);
    run_epoch(c, 0, 0, order[4]);
    run_epoch(d, 0, 0, order[5]);
    cr_assert_arr_neq(order[0], order[1], sizeof(order[0]));
    cr_assert_arr_eq(order[1], order[2], sizeof(order[0]), "threads change nothing");
    cr_assert_arr_eq(order[0], order[3], sizeof(order[0]));
    cr_assert_arr_neq(order[0], order[4], sizeof(order[0]));
    cr_assert_arr_eq(order[0], order[5], sizeof(order[0]), "the batch size changes nothing");
    int n_fixed = 0, seen[101] = {0};
    for (int i = 0; i < 101; i++) {
        seen[order[0][i]]++;
        n_fixed += order[0][i] == i;
    }
    for (int i = 0; i < 101; i++)
        cr_assert_eq(seen[i], 1);
    cr_assert_lt(n_fixed, 10); /* a random permutation has one fixed point in the mean */
    tn_loader_destroy(&a);
    tn_loader_destroy(&b);
    tn_loader_destroy(&c);
    tn_loader_destroy(&d);
    tn_dataset_unref(&dataset);
}

/* Every place of the first sample equally likely: chi-square with 7 degrees, 24.3 at 0.1%. */
Test(loader, shuffles_evenly)
{
    tn_dataset *dataset = make_set(8);
    tn_loader *loader =
        make_loader(dataset, (struct tn_loader_params){.batch_size = 8, .shuffle = 1, .seed = 3});
    int64_t order[8];
    int count[8] = {0}, n_epochs = 4000;
    for (int epoch = 0; epoch < n_epochs; epoch++) {
        run_epoch(loader, (uint64_t)epoch, 0, order);
        for (int i = 0; i < 8; i++)
            count[i] += order[i] == 0;
    }
    double chi2 = 0;
    for (int i = 0; i < 8; i++)
        chi2 += (count[i] - n_epochs / 8.0) * (count[i] - n_epochs / 8.0) / (n_epochs / 8.0);
    cr_assert_lt(chi2, 24.3);
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
}

Test(loader, resumes_in_the_middle_of_an_epoch)
{
    tn_dataset *dataset = make_set(50);
    const struct tn_loader_params params = {.batch_size = 8, .shuffle = 1, .seed = 5};
    tn_loader *loader = make_loader(dataset, params);
    int64_t whole[50], rest[50];
    run_epoch(loader, 4, 0, whole);
    for (int64_t first = 0; first <= 7; first++) {
        int64_t n = run_epoch(loader, 4, first, rest);
        cr_assert_eq(n, first < 7 ? 50 - 8 * first : 0);
        cr_assert_arr_eq(rest, whole + (first < 7 ? 8 * first : 0), (size_t)n * sizeof(*rest));
    }
    cr_assert_eq(tn_loader_start(loader, 0, 8, NULL), TN_E_INVALID);
    cr_assert_eq(tn_loader_start(loader, 0, -1, NULL), TN_E_INVALID);
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
}

Test(loader, begins_anew_in_mid_epoch)
{
    tn_dataset *dataset = make_set(64);
    const struct tn_loader_params params = {.batch_size = 4, .shuffle = 1, .seed = 9};
    tn_loader *loader = make_loader(dataset, params);
    int64_t first[64], again[64];
    run_epoch(loader, 2, 0, first);
    for (int taken = 0; taken < 16; taken++) {
        cr_assert_eq(tn_loader_start(loader, 1, 0, NULL), TN_OK);
        for (int i = 0; i < taken; i++)
            check_batch(tn_loader_next(loader));
        run_epoch(loader, 2, 0, again);
        cr_assert_arr_eq(first, again, sizeof(first));
    }
    for (int taken = 0; taken < 6; taken++) { /* and ends in mid-epoch */
        cr_assert_eq(tn_loader_start(loader, 3, 0, NULL), TN_OK);
        for (int i = 0; i < taken; i++)
            tn_loader_next(loader);
        tn_loader_destroy(&loader);
        loader = make_loader(dataset, params);
    }
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
}

/* The held batch stays as it is while the thread fills the others. */
Test(loader, leaves_the_held_batch_alone)
{
    tn_dataset *dataset = make_set(400);
    tn_loader *loader = make_loader(dataset, (struct tn_loader_params){.batch_size = 4});
    cr_assert_eq(tn_loader_start(loader, 0, 0, NULL), TN_OK);
    for (const struct tn_batch *batch; (batch = tn_loader_next(loader));) {
        for (int again = 0; again < 50; again++)
            check_batch(batch);
    }
    tn_loader_destroy(&loader);
    tn_dataset_unref(&dataset);
}

Test(loader, keeps_global_indices_of_views)
{
    tn_dataset *dataset = make_set(10), *train = NULL, *val = NULL;
    cr_assert_eq(tn_dataset_split_tail(dataset, 0.4, &train, &val, NULL), TN_OK);
    tn_loader *loader = make_loader(val, (struct tn_loader_params){.batch_size = 3});
    int64_t order[4];
    cr_assert_eq(run_epoch(loader, 0, 0, order), 4);
    for (int64_t i = 0; i < 4; i++)
        cr_assert_eq(order[i], 6 + i);
    tn_loader_destroy(&loader);
    tn_dataset_unref(&train);
    tn_dataset_unref(&val);
    tn_dataset_unref(&dataset);
}

Test(loader, rejects_wrong_sizes)
{
    tn_dataset *dataset = make_set(4);
    tn_loader *loader = NULL;
    struct tn_error err = {TN_OK, ""};
    const struct tn_loader_params zero = {.batch_size = 0}, negative = {.batch_size = -3};
    const struct tn_loader_params drop = {.batch_size = 5, .drop_last = 1};
    cr_assert_eq(tn_loader_create(dataset, &zero, &loader, &err), TN_E_INVALID);
    cr_assert(strstr(err.msg, "batch size 0"), "%s", err.msg);
    cr_assert_eq(tn_loader_create(dataset, &negative, &loader, &err), TN_E_INVALID);
    cr_assert_eq(tn_loader_create(dataset, &drop, &loader, &err), TN_E_INVALID);
    cr_assert_null(loader);
    tn_dataset_unref(&dataset);
}
