/* What a trainer is made from: losses, metrics, data, and the optimizer's options. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "rig.h"

/* Results have names of their own: losses get one, metrics must be given one. */
Test(options, two_results_of_one_name)
{
    struct rig rig;
    struct tn_loss_spec losses[] = {mse, {.type = "mse", .weight = 0.5}};
    struct tn_metric_spec metrics[] = {{.type = "mse"}, {.type = "mse"}};
    struct tn_optimizer_spec sgd = {.type = "sgd"};
    const struct tn_result *results;
    size_t n;
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, losses, &sgd, 1);
    params.n_losses = 2;
    params.metrics = metrics;
    params.n_metrics = 2;
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "two results are called 'mse'"), "%s", rig.err.msg);
    metrics[1].name = "again";
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_evaluate(rig.trainer, rig.data, "", &results, &n, &rig.err), TN_OK);
    cr_assert_eq(n, 5);
    cr_assert_str_eq(results[1].name, "output_loss");
    cr_assert_str_eq(results[2].name, "output_loss_2");
    cr_assert_float_eq(results[0].value, 1.5 * results[1].value, 1e-5 * results[0].value);
    close_rig(&rig);
}

/* Two heads on one target: the labels must fit the smaller one too. */
Test(options, a_shared_target_fits_every_loss)
{
    struct rig rig;
    struct tn_attr five = TN_AI("units", 5), three = TN_AI("units", 3);
    const char *const from[] = {"x"}, *const outputs[] = {"a", "b"};
    struct tn_layer_spec layers[] = {{.type = "dense",
                                      .name = "a",
                                      .inputs = from,
                                      .n_inputs = 1,
                                      .options = &five,
                                      .n_options = 1},
                                     {.type = "dense",
                                      .name = "b",
                                      .inputs = from,
                                      .n_inputs = 1,
                                      .options = &three,
                                      .n_options = 1}};
    struct tn_loss_spec losses[] = {{.type = "softmax_cross_entropy", .output = "a"},
                                    {.type = "softmax_cross_entropy", .output = "b"}};
    struct tn_optimizer_spec sgd = {.type = "sgd"};
    struct tn_shape shape = TN_SHAPE(2);
    float x[10] = {0}, labels[5] = {0, 1, 2, 3, 4}, y[5] = {0.5f, 1.0f, 0.0f, 7.0f, 0.0f};
    open_rig(&rig, 0);
    cr_assert_eq(tn_model_create("heads", &rig.model, NULL), TN_OK);
    cr_assert_eq(tn_model_add_input(rig.model, "x", TN_F32, &shape, NULL), TN_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(tn_model_add_layer(rig.model, &layers[i], NULL), TN_OK);
    cr_assert_eq(tn_model_set_outputs(rig.model, outputs, 2, NULL), TN_OK);
    rig.data = make_data(5, 2, x, 0, labels);
    struct tn_train_params params = params_for(&rig, losses, &sgd, 1);
    params.n_losses = 2;
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "3"), "%s", rig.err.msg);
    tn_dataset_unref(&rig.data);
    tn_model_destroy(&rig.model);

    make_linear(&rig, 2, 1); /* any number for mse, but not for bce */
    rig.data = make_data(5, 2, x, 1, y);
    struct tn_loss_spec both[] = {mse, {.type = "bce_with_logits"}};
    params = params_for(&rig, both, &sgd, 1);
    params.n_losses = 2;
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "7"), "%s", rig.err.msg);
    close_rig(&rig);
}

/* Steps whose gradients are cut to a norm of 1e-9 move nothing to speak of; a
 * group cannot have a norm of its own. */
Test(options, clip_norm_is_of_all_gradients)
{
    struct rig rig;
    struct tn_attr options[] = {TN_AF("lr", 1.0), TN_AF("clip_norm", 1e-9)};
    struct tn_attr own = TN_AF("clip_norm", 1);
    struct tn_optimizer_group group = {.match = "*/bias", .options = &own, .n_options = 1};
    struct tn_optimizer_spec sgd = {.type = "sgd", .options = options, .n_options = 2};
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 1);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK, "%s", rig.err.msg);
    double bias = weight(&rig, "dense/bias", 0, 0); /* began at 0 */
    cr_expect(bias != 0 && fabs(bias) < 1e-7, "%g", bias);
    tn_trainer_destroy(&rig.trainer);
    sgd.groups = &group;
    sgd.n_groups = 1;
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_E_INVALID);
    cr_expect(strstr(rig.err.msg, "clip_norm") && strstr(rig.err.msg, "*/bias"), "%s", rig.err.msg);
    close_rig(&rig);
}

/* A group's learning rate of 0 leaves its parameters alone. */
Test(options, groups_have_their_own_options)
{
    struct rig rig;
    struct tn_attr lr = TN_AF("lr", 0.1), zero = TN_AF("lr", 0.0);
    struct tn_optimizer_group group = {.match = "*/bias", .options = &zero, .n_options = 1};
    struct tn_optimizer_spec sgd = {
        .type = "sgd", .options = &lr, .n_options = 1, .groups = &group, .n_groups = 1};
    open_rig(&rig, 0);
    make_plane(&rig);
    make_linear(&rig, 2, 1);
    struct tn_train_params params = params_for(&rig, &mse, &sgd, 2);
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_OK, "%s", rig.err.msg);
    double kernel = weight(&rig, "dense/kernel", 0, 0);
    cr_assert_eq(tn_trainer_fit(rig.trainer, NULL, &rig.err), TN_OK);
    cr_assert_eq(weight(&rig, "dense/bias", 0, 0), 0.0);
    cr_assert_neq(weight(&rig, "dense/kernel", 0, 0), kernel);
    tn_trainer_destroy(&rig.trainer);
    group.match = "*/baas";
    cr_assert_eq(tn_trainer_create(rig.session, &params, rig.data, NULL, &rig.trainer, &rig.err),
                 TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "'*/baas' matches no parameter") &&
                  strstr(rig.err.msg, "dense/kernel"),
              "%s", rig.err.msg);
    close_rig(&rig);
}

static tn_status try_create(struct rig *rig, const char *loss_type, tn_dataset *data)
{
    struct tn_loss_spec loss = {.type = loss_type};
    struct tn_optimizer_spec sgd = {.type = "sgd"};
    struct tn_train_params params = params_for(rig, &loss, &sgd, 1);
    return tn_trainer_create(rig->session, &params, data, NULL, &rig->trainer, &rig->err);
}

Test(options, data_that_does_not_fit_is_refused)
{
    struct rig rig;
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, outside[4] = {0, 1, 0.5f, 1.25f};
    float labels[4] = {0, 1, 2, 3};
    open_rig(&rig, 0);
    make_linear(&rig, 2, 1);
    rig.data = make_data(4, 2, x, 0, outside);
    cr_assert_eq(try_create(&rig, "bce", rig.data), TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "1.25"), "%s", rig.err.msg);
    tn_dataset_unref(&rig.data);
    tn_model_destroy(&rig.model);

    make_linear(&rig, 2, 3); /* three classes, a label 3 */
    rig.data = make_data(4, 2, x, 0, labels);
    cr_assert_eq(try_create(&rig, "softmax_cross_entropy", rig.data), TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "3"), "%s", rig.err.msg);
    tn_model_destroy(&rig.model);

    make_linear(&rig, 5, 1); /* the data has samples of 2 */
    cr_assert_eq(try_create(&rig, "mse", rig.data), TN_E_INVALID);
    cr_assert(strstr(rig.err.msg, "[2]") && strstr(rig.err.msg, "[5]"), "%s", rig.err.msg);
    cr_assert_null(rig.trainer);
    close_rig(&rig);
}
