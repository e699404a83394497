/* The trainer on small made-up data, on ref, cpu and opencl: how it runs, and what it reports. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"
#include "runtime/session.h"
#include "train/trainer.h"

ParameterizedTestParameters(trainer, linear_regression)
{
    static int index[N_BACKENDS] = {0, 1, 2};
    return cr_make_param_array(int, index, N_BACKENDS);
}
ParameterizedTest(int *backend, trainer, linear_regression, .timeout = 120)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 0.1);
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = &lr, .n_options = 1};
    tn_stop_reason reason = 0;
    open_rig(&rig, *backend);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 60);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_fit(rig.trainer, &reason, &rig.err), TN_OK, "%s", rig.err.msg);
    cr_assert_eq(reason, TN_STOP_EPOCHS);
    cr_assert_eq(tn_trainer_steps(rig.trainer), 300, "70 samples in batches of 16 are 5 steps");
    cr_assert_float_eq(weight(&rig, "dense/kernel", 0, 0), 3.0, 1e-3);
    cr_assert_float_eq(weight(&rig, "dense/kernel", 1, 0), -2.0, 1e-3);
    cr_assert_float_eq(weight(&rig, "dense/bias", 0, 0), 0.5, 1e-3);
    close_rig(&rig);
}

/* The epoch's loss weighs samples, not batches: 4 batches of 16 and one of 6. */
ParameterizedTestParameters(trainer, epoch_loss_weighs_samples)
{
    static int index[N_BACKENDS] = {0, 1, 2};
    return cr_make_param_array(int, index, N_BACKENDS);
}
ParameterizedTest(int *backend, trainer, epoch_loss_weighs_samples, .timeout = 120)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 0.0);
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = &lr, .n_options = 1};
    const struct tn_result *results;
    size_t n;
    open_rig(&rig, *backend);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 1);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK, "%s", rig.err.msg);
    cr_assert_eq(rig.n_steps, 5);
    double weighted = 0, plain = 0;
    for (int i = 0; i < 5; i++) {
        weighted += rig.step_loss[i] * (i < 4 ? 16 : 6) / 70.0;
        plain += rig.step_loss[i] / 5.0;
    }
    cr_assert_float_eq(rig.epoch_loss, weighted, 1e-6);
    cr_assert(fabs(plain - weighted) > 1e-4, "the data cannot tell the two means apart");
    cr_assert_eq(tn_trainer_evaluate(rig.trainer, rig.data, "test_", &results, &n, &rig.err),
                 TN_OK);
    cr_assert_str_eq(results[0].name, "test_loss");
    cr_assert_float_eq(results[0].value, weighted, 1e-5, "nothing was learned at lr 0");
    close_rig(&rig);
}

/* The first losses of every backend agree with those of ref. */
Test(trainer, backends_agree, .timeout = 120)
{
    double first[N_BACKENDS][20];
    struct tn_attr lr = TN_AF("lr", 0.01);
    struct tn_optimizer_spec adam = {.type = "adam", .options = &lr, .n_options = 1};
    int n_seen = 0;
    for (int backend = 0; backend < N_BACKENDS; backend++) {
        struct tn_runtime_params probe = {.backend = backends[backend]};
        tn_runtime *runtime = NULL;
        tn_device *device;
        int there = tn_runtime_create(&probe, &runtime, NULL) == TN_OK &&
                    tn_runtime_select(runtime, NULL, &device, NULL) == TN_OK;
        tn_runtime_destroy(&runtime);
        if (!there)
            continue;
        struct rig rig;
        open_rig(&rig, backend);
        make_plane(&rig);
        make_linear(&rig, 2, 1);
        struct tn_train_params params = params_for(&rig, &mse, &adam, 4);
        cr_assert_eq(
            tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err), TN_OK,
            "%s", rig.err.msg);
        cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK, "%s", rig.err.msg);
        memcpy(first[backend], rig.step_loss, sizeof(first[backend]));
        for (int i = 0; i < 20 && backend; i++)
            cr_assert(fabs(first[backend][i] - first[0][i]) <= 1e-4 * fabs(first[0][i]),
                      "%s: loss %d is %.9g, ref's %.9g", backends[backend], i, first[backend][i],
                      first[0][i]);
        n_seen++;
        close_rig(&rig);
    }
    cr_assert_geq(n_seen, 2, "only one backend is there");
}

/* Validation rises when the rate is absurd: the weights of the best epoch come back. */
Test(trainer, best_weights_come_back)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 0.9);
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = &lr, .n_options = 1};
    const struct tn_result *results;
    tn_dataset *train = NULL, *validation = NULL;
    tn_stop_reason reason;
    size_t n;
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    cr_assert_eq(tn_dataset_split_tail(rig.data, 0.3, &train, &validation, NULL), TN_OK);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 8);
    params.patience = 3;
    params.min_delta = 1e9; /* nothing after the first epoch counts as better */
    cr_assert_eq(tn_trainer_create(rig.session, &params, train, validation, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_fit(rig.trainer, &reason, &rig.err), TN_OK, "%s", rig.err.msg);
    cr_assert_eq(reason, TN_STOP_PATIENCE);
    cr_assert_eq(rig.n_epochs, 4, "the best epoch and three more");
    cr_assert_eq(rig.best_epochs, 1);
    cr_assert_eq(tn_trainer_best_epoch(rig.trainer), 1);
    cr_assert(fabs(rig.val_loss[0] - rig.val_loss[3]) > 1e-6, "the epochs do not differ");
    cr_assert_eq(tn_trainer_evaluate(rig.trainer, validation, "", &results, &n, &rig.err), TN_OK);
    cr_assert_float_eq(results[0].value, rig.val_loss[0], 1e-9);
    tn_dataset_unref(&train);
    tn_dataset_unref(&validation);
    close_rig(&rig);
}

Test(trainer, a_loss_that_explodes_ends_the_run_by_name)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 1e20);
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = &lr, .n_options = 1};
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 4);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_E_NUMERIC);
    cr_assert(strstr(rig.err.msg, "at step ") && strstr(rig.err.msg, "learning rate"), "%s",
              rig.err.msg);
    close_rig(&rig);
}

/* What the failed run left in the rings does not count in what comes next. */
Test(trainer, evaluating_after_a_failed_run)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 1e20);
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = &lr, .n_options = 1};
    const struct tn_result *results;
    double first, second;
    size_t n;
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 4);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_E_NUMERIC);
    cr_assert_eq(tn_session_reset_state(rig.session, NULL, &rig.err), TN_OK);
    cr_assert_eq(tn_trainer_evaluate(rig.trainer, rig.data, "", &results, &n, &rig.err), TN_OK);
    first = results[0].value;
    cr_assert_eq(tn_trainer_evaluate(rig.trainer, rig.data, "", &results, &n, &rig.err), TN_OK);
    second = results[0].value;
    cr_assert_eq(first, second, "%g, then %g", first, second);
    close_rig(&rig);
}

Test(trainer, a_result_that_is_no_number_is_never_better)
{
    struct tn_trainer trainer = {.best_epoch = 1, .best_value = 1.0};
    cr_assert_not(tn_best_is_better(&trainer, 0, NAN));
    trainer.best_value = NAN; /* the first epoch's */
    cr_assert(tn_best_is_better(&trainer, 0, 1e9));
    cr_assert_not(tn_best_is_better(&trainer, 0, NAN));
    trainer.eval_fn.measures[0].higher_is_better = 1;
    cr_assert(tn_best_is_better(&trainer, 0, 0.1));
}

/* Steps are reported in bursts; each with the rate that it ran with. */
Test(trainer, every_step_tells_its_own_rate)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 0.1);
    struct tn_optimizer_spec sgd = {
        .type = "sgd", .options = &lr, .n_options = 1, .schedule = "linear"};
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 1);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK);
    cr_assert_eq(rig.n_steps, 5);
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(rig.step_lr[i], 0.1 * (4 - i) / 4.0, 1e-12, "step %d: %g", i + 1,
                           rig.step_lr[i]);
    close_rig(&rig);
}

static double *losses_of_second(struct rig *rig, int n_before)
{
    static const char *const names[] = {"first", "second"};
    struct tn_attr units = TN_AI("units", 1);
    struct tn_optimizer_spec adam = {.type = "adam"};
    struct tn_shape shape = TN_SHAPE(2);
    open_rig(rig, 0);
    make_plane(rig);
    for (int i = n_before ? 0 : 1; i < 2; i++) {
        struct tn_layer_spec layer = {
            .type = "dense", .name = names[i], .options = &units, .n_options = 1};
        tn_trainer_destroy(&rig->trainer);
        tn_model_destroy(&rig->model);
        cr_assert_eq(tn_model_create(names[i], &rig->model, NULL), TN_OK);
        cr_assert_eq(tn_model_add_input(rig->model, "x", TN_F32, &shape, NULL), TN_OK);
        cr_assert_eq(tn_model_add_layer(rig->model, &layer, NULL), TN_OK);
        struct tn_train_params params = params_for(rig, &mse, &adam, 4);
        cr_assert_eq(tn_trainer_create(rig->session, &params, rig->data, NULL, &rig->trainer, NULL),
                     TN_OK);
        rig->n_steps = 0;
        cr_assert_eq(tn_trainer_fit(rig->trainer, NULL, &rig->err), TN_OK);
    }
    close_rig(rig);
    return rig->step_loss;
}

/* Adam corrects by the number of steps: those of another model in the session do not count. */
Test(trainer, models_of_one_session_count_their_own_steps)
{
    static struct rig alone, after;
    double *a = losses_of_second(&alone, 0), *b = losses_of_second(&after, 1);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(a[i], b[i], "step %d: %.9g alone, %.9g after another model", i + 1, a[i],
                     b[i]);
}

/* Two plans of training (16 and 6 samples) and two of evaluation lie in memory side by side. */
Test(trainer, peak_bytes_are_what_the_session_holds)
{
    struct rig rig;
    struct tn_optimizer_spec adam = {.type = "adam"};
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &adam, 1);
    cr_assert_eq(
        tn_trainer_create(rig.session, &params, rig.data, rig.data, &rig.trainer, &rig.err), TN_OK);
    const struct tn_session *s = rig.session;
    uint64_t held = s->state_bytes + s->devices[0].arena_bytes + s->devices[0].workspace_bytes;
    for (size_t i = 0; i < s->plans.n; i++)
        held += s->plans.items[i]->mem.devices[0].plan_bytes;
    cr_assert_eq(s->plans.n, 4);
    cr_assert_eq(tn_trainer_peak_bytes(rig.trainer), held, "%llu, but %llu are held",
                 (unsigned long long)tn_trainer_peak_bytes(rig.trainer), (unsigned long long)held);
    close_rig(&rig);
}

Test(trainer, weights_go_to_a_file_and_back)
{
    struct rig rig;
    struct tn_optimizer_spec adam = {.type = "adam"};
    char path[] = "/tmp/tenon-weights-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &adam, 1);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK);
    double trained = weight(&rig, "dense/kernel", 1, 0);
    cr_assert_eq(tn_session_save(rig.session, path, NULL, &rig.err), TN_OK, "%s", rig.err.msg);
    const char *too_much[2 * 17 + 1] = {NULL};
    for (int i = 0; i < 2 * 17; i++)
        too_much[i] = "what";
    cr_assert_eq(tn_session_save(rig.session, path, too_much, &rig.err), TN_E_INVALID,
                 "the last pair would be lost");
    cr_assert_eq(tn_session_reset_state(rig.session, NULL, &rig.err), TN_OK);
    cr_assert_neq(weight(&rig, "dense/kernel", 1, 0), trained);
    cr_assert_eq(tn_session_load(rig.session, path, &rig.err), TN_OK, "%s", rig.err.msg);
    cr_assert_eq(weight(&rig, "dense/kernel", 1, 0), trained);
    close_rig(&rig);

    /* Another model refuses the file, and keeps its own weights. */
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 2);
    struct tn_loss_spec any = {.type = "softmax_cross_entropy"};
    struct tn_train_params other = params_for(&rig, &any, NULL, 1);
    float x[4] = {1, 2, 3, 4}, y[2] = {0, 1};
    tn_dataset *data = make_data(2, 2, x, 0, y);
    cr_assert_eq(tn_trainer_create(rig.session, &other, NULL, data, &rig.trainer, &rig.err), TN_OK,
                 "%s", rig.err.msg);
    double before = weight(&rig, "dense/kernel", 1, 1);
    cr_assert_eq(tn_session_load(rig.session, path, &rig.err), TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "[2, 1]") && strstr(rig.err.msg, "[2, 2]"), "%s", rig.err.msg);
    cr_assert_eq(weight(&rig, "dense/kernel", 1, 1), before);
    tn_dataset_unref(&data);
    unlink(path);
    close_rig(&rig);
}
