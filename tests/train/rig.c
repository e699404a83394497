#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

const char *const backends[N_BACKENDS] = {"ref", "cpu", "opencl"};
const struct tn_loss_spec mse = {.type = "mse"};

static void on_event(void *ctx, const struct tn_train_event *event)
{
    struct rig *rig = ctx;
    if (event->kind == TN_EVENT_STEP && rig->n_steps < 512) {
        rig->step_lr[rig->n_steps] = event->lr;
        rig->step_loss[rig->n_steps++] = event->results[0].value;
    }
    if (event->kind != TN_EVENT_EPOCH)
        return;
    rig->epoch_loss = event->results[0].value;
    rig->best_epochs += event->is_best;
    for (size_t i = 0; i < event->n_results; i++)
        if (strcmp(event->results[i].name, "val_loss") == 0)
            rig->val_loss[rig->n_epochs] = event->results[i].value;
    rig->n_epochs++;
}

void open_rig(struct rig *rig, int backend)
{
    struct tn_runtime_params params = {.backend = backends[backend], .n_threads = 2};
    struct tn_session_params session = {.seed = 7, .strict = 1};
    *rig = (struct rig){.runtime = NULL};
    const char *require = getenv("TENON_REQUIRE");
    if (tn_runtime_create(&params, &rig->runtime, &rig->err) ||
        tn_runtime_select(rig->runtime, NULL, &session.device, &rig->err)) {
        cr_assert(!(backend == 2 && require && strstr(require, "pocl")), "%s", rig->err.msg);
        cr_skip_test("no %s: %s", backends[backend], rig->err.msg);
    }
    cr_assert_eq(tn_session_create(rig->runtime, &session, &rig->session, &rig->err), TN_OK);
}

void close_rig(struct rig *rig)
{
    tn_trainer_destroy(&rig->trainer);
    tn_session_destroy(&rig->session);
    tn_model_destroy(&rig->model);
    tn_dataset_unref(&rig->data);
    tn_runtime_destroy(&rig->runtime);
}

static tn_tensor *floats(int64_t n, int64_t width, const float *values)
{
    tn_tensor *tensor = NULL;
    struct tn_shape shape = width ? TN_SHAPE(n, width) : TN_SHAPE(n);
    cr_assert_eq(tn_tensor_create(TN_F32, &shape, &tensor, NULL), TN_OK);
    memcpy(tn_tensor_data(tensor), values, tn_tensor_bytes(tensor));
    return tensor;
}

tn_dataset *make_data(int64_t n, int64_t width, const float *x, int64_t target_width,
                      const float *y)
{
    tn_tensor *tx = floats(n, width, x), *ty = floats(n, target_width, y);
    struct tn_field_params fields[] = {{.name = "x", .values = tx}, {.name = "y", .values = ty}};
    tn_dataset *data = NULL;
    struct tn_error err = {TN_OK, ""};
    cr_assert_eq(tn_dataset_create("made up", fields, 2, &data, &err), TN_OK, "%s", err.msg);
    tn_tensor_unref(&tx);
    tn_tensor_unref(&ty);
    return data;
}

/* y = 3 x0 - 2 x1 + 0.5, without noise, 70 samples: batches of 16 leave a last one of 6. */
void make_plane(struct rig *rig)
{
    float x[140], y[70];
    for (int i = 0; i < 70; i++) {
        x[2 * i] = (float)((i * 37) % 70) / 35.0f - 1.0f;
        x[2 * i + 1] = (float)((i * 23 + 11) % 70) / 35.0f - 1.0f;
        y[i] = 3.0f * x[2 * i] - 2.0f * x[2 * i + 1] + 0.5f;
    }
    rig->data = make_data(70, 2, x, 1, y);
}

void make_linear(struct rig *rig, int64_t in, int64_t units)
{
    struct tn_attr options[] = {TN_AI("units", units)};
    struct tn_layer_spec layer = {.type = "dense", .options = options, .n_options = 1};
    struct tn_shape shape = TN_SHAPE(in);
    cr_assert_eq(tn_model_create("linear", &rig->model, NULL), TN_OK);
    cr_assert_eq(tn_model_add_input(rig->model, "x", TN_F32, &shape, NULL), TN_OK);
    cr_assert_eq(tn_model_add_layer(rig->model, &layer, NULL), TN_OK);
}

struct tn_train_params params_for(struct rig *rig, const struct tn_loss_spec *loss,
                                  const struct tn_optimizer_spec *optimizer, int64_t epochs)
{
    return (struct tn_train_params){.model = rig->model,
                                    .losses = loss,
                                    .n_losses = 1,
                                    .optimizer = optimizer,
                                    .batch_size = 16,
                                    .epochs = epochs,
                                    .seed = 7,
                                    .on_event = on_event,
                                    .ctx = rig};
}

double weight(struct rig *rig, const char *name, int64_t a, int64_t b)
{
    tn_tensor *tensor = NULL;
    int64_t index[2] = {a, b};
    cr_assert_eq(tn_session_get_state(rig->session, name, &tensor, &rig->err), TN_OK, "%s",
                 rig->err.msg);
    double value = tn_tensor_get(tensor, index);
    tn_tensor_unref(&tensor);
    return value;
}
