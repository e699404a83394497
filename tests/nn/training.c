/* A residual and a two-headed model from shipped recipes, made small, trained for a few steps: the
 * loss falls, and every backend sees the losses that the reference sees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../plan/support.h"
#include "tenon/recipe.h"

enum { MAX_STEPS = 32 };

struct losses {
    double step[MAX_STEPS];
    double weighted; /* sum of the named losses, weighted, of the last step */
    size_t n;
    double val_loss;
};

static const char *const small[] = {
    "data.train=20",      "data.test=4",    "data.validation.split=0.2",
    "train.batch_size=4", "train.epochs=3", "optimizer.schedule=constant"};

static void on_event(void *ctx, const struct tn_train_event *event)
{
    struct losses *losses = ctx;
    for (size_t i = 0; i < event->n_results; i++) {
        if (strcmp(event->results[i].name, "val_loss") == 0)
            losses->val_loss = event->results[i].value;
        if (event->kind != TN_EVENT_STEP || losses->n == MAX_STEPS)
            continue;
        if (strcmp(event->results[i].name, "digit_loss") == 0)
            losses->weighted = event->results[i].value;
        if (strcmp(event->results[i].name, "value_loss") == 0)
            losses->weighted += 0.05 * event->results[i].value;
    }
    if (event->kind == TN_EVENT_STEP && losses->n < MAX_STEPS)
        losses->step[losses->n++] = event->results[0].value;
}

static void train(const char *name, int on, struct losses *losses)
{
    struct tn_error err = {TN_OK, ""};
    struct tn_recipe_params source = {
        .source = name, .sets = small, .n_sets = sizeof(small) / sizeof(small[0])};
    struct tn_train_params params;
    tn_recipe *recipe = NULL;
    tn_dataset *data = NULL, *held = NULL;
    tn_model *model = NULL;
    tn_trainer *trainer = NULL;
    tn_stop_reason reason;
    *losses = (struct losses){.n = 0};
    tn_session *session = open_session(on);
    check(tn_recipe_load(&source, &recipe, &err), &err, "recipe");
    check(tn_recipe_open_data(recipe, NULL, &data, &held, NULL, &err), &err, "data");
    check(tn_recipe_build_model(recipe, data, &model, &err), &err, "model");
    check(tn_recipe_train_params(recipe, &params, &err), &err, "training");
    params.model = model;
    params.on_event = on_event;
    params.ctx = losses;
    check(tn_trainer_create(session, &params, data, held, &trainer, &err), &err, "trainer");
    check(tn_trainer_fit(trainer, &reason, &err), &err, "fit");
    cr_expect_eq(reason, TN_STOP_EPOCHS);
    tn_trainer_destroy(&trainer);
    tn_model_destroy(&model);
    tn_dataset_unref(&data);
    tn_dataset_unref(&held);
    tn_recipe_destroy(&recipe);
    close_all();
}

static void expect_learning(const char *name, int on, struct losses *out)
{
    static struct losses reference;
    double first = 0, last = 0;
    train(name, on, out);
    cr_assert_eq(out->n, 12u); /* 16 samples, batches of 4, three epochs */
    cr_expect(isfinite(out->val_loss));
    for (int i = 0; i < 4; i++) {
        first += out->step[i] / 4;
        last += out->step[8 + i] / 4;
    }
    cr_expect_lt(last, 0.85 * first, "%g after %g", last, first);
    if (on == ON_REF)
        return;
    train(name, ON_REF, &reference);
    for (size_t i = 0; i < out->n; i++)
        cr_expect_lt(fabs(out->step[i] - reference.step[i]), 1e-3 * fabs(reference.step[i]) + 1e-5,
                     "step %zu: %.9g, by reference %.9g", i, out->step[i], reference.step[i]);
}

ON_EACH(training, residual)
{
    struct losses losses;
    expect_learning("digits-resnet", *on, &losses);
}

ON_EACH(training, two_heads)
{
    struct losses losses;
    expect_learning("digits-two-heads", *on, &losses);
    /* The loss is the sum of the two, by their weights. */
    cr_expect_float_eq(losses.weighted, losses.step[losses.n - 1],
                       1e-4 * losses.step[losses.n - 1]);
}
