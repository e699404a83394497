/* A training step after the first allocates nothing, creates no OpenCL object and no thread: the
 * trainer runs a shipped recipe on the built-in digits, as the tool does, with the counter of
 * interpose.c preloaded.
 *
 *     LD_PRELOAD=libinterpose.so no_allocation DEVICE [RECIPE]     (ref, cpu or opencl; mnist-cnn)
 *
 * On ref and cpu nobody in the process may; on opencl none of our objects, a driver may. Exit 77
 * where the device is missing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interpose.h"
#include "tenon/tenon.h"

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
int main(void)
{
    puts("skipped: malloc is not ours to interpose in this build");
    return 77;
}
#else

struct counter {
    void (*begin)(void);
    void (*end)(void);
    size_t (*result)(size_t, const char **, const char **);
    tn_session *session;
    int64_t n_steps, n_counted;
    double first_loss, last_loss;
};

/* Asked between steps: counts from the end of the first one, which is waited for since a driver may
 * compile in it, to the end of the last. */
static int between_steps(void *ctx)
{
    struct counter *c = ctx;
    if (++c->n_steps == 1) {
        tn_session_sync(c->session, NULL);
        c->begin();
    }
    if (c->n_steps < c->n_counted + 1)
        return 0;
    tn_session_sync(c->session, NULL);
    c->end();
    return 1;
}

static void on_event(void *ctx, const struct tn_train_event *event)
{
    struct counter *c = ctx;
    if (event->kind != TN_EVENT_STEP)
        return;
    c->last_loss = event->results[0].value;
    if (event->step == 1)
        c->first_loss = event->results[0].value;
}

static void *need(const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (!symbol) {
        printf("FAILED: %s is not there; run with LD_PRELOAD=libinterpose.so\n", name);
        exit(1);
    }
    return symbol;
}

static void find_counter(struct counter *c)
{
    void *symbols[3] = {need("interpose_begin"), need("interpose_end"), need("interpose_result")};
    memcpy(&c->begin, &symbols[0], sizeof(c->begin));
    memcpy(&c->end, &symbols[1], sizeof(c->end));
    memcpy(&c->result, &symbols[2], sizeof(c->result));
}

/* The counter itself must count, and blame the right one. */
static int self_test(const struct counter *c)
{
    const char *object = "", *first = "";
    c->begin();
    char *volatile copy = strdup("x"); /* malloc inside the C library, on our behalf */
    free(copy);
    c->end();
    size_t n = c->result(0, &object, &first);
    if (n == 2 && strstr(object, "no-allocation"))
        return 0;
    printf("FAILED: strdup and free were counted as %zu of '%s'\n", n, object);
    return 1;
}

static int report(const struct counter *c, const char *device)
{
    size_t n, n_ours = 0, n_all = 0;
    const char *object, *first;
    for (size_t i = 0; (n = c->result(i, &object, &first)); i++) {
        printf("  %zu by %s, the first: %s\n", n, object, first);
        n_all += n;
        if (strstr(object, "tenon") || strstr(object, "no-allocation"))
            n_ours += n;
    }
    int is_opencl = strncmp(device, "opencl", 6) == 0;
    int ok = (is_opencl ? n_ours : n_all) == 0 && c->n_steps == c->n_counted + 1 &&
             c->last_loss < c->first_loss;
    printf("%s: %lld steps: %zu allocations of ours, %zu in the whole process; loss %.4f -> %.4f\n",
           device, (long long)c->n_counted, n_ours, n_all, c->first_loss, c->last_loss);
    return ok ? 0 : 1;
}

struct all {
    tn_recipe *recipe;
    tn_runtime *runtime;
    tn_device *device;
    tn_dataset *train;
    tn_model *model;
    tn_session *session;
    tn_trainer *trainer;
    struct tn_error err;
};

static tn_status open_data(struct all *a, const char *source)
{
    static const char *const sets[] = {"data={reader: digits, train: 3000, test: 0}",
                                       "train.monitor=null"};
    struct tn_recipe_params recipe = {.source = source, .sets = sets, .n_sets = 2};
    tn_status status;
    if ((status = tn_recipe_load(&recipe, &a->recipe, &a->err)) ||
        (status = tn_recipe_open_data(a->recipe, NULL, &a->train, NULL, NULL, &a->err)))
        return status;
    return tn_recipe_build_model(a->recipe, a->train, &a->model, &a->err);
}

static tn_status train(struct all *a, struct counter *c, const char *source)
{
    struct tn_session_params session = {.device = a->device, .seed = 1, .strict = 1};
    struct tn_train_params params;
    tn_stop_reason reason;
    tn_status status;
    if ((status = open_data(a, source)) ||
        (status = tn_session_create(a->runtime, &session, &a->session, &a->err)) ||
        (status = tn_recipe_train_params(a->recipe, &params, &a->err)))
        return status;
    c->session = a->session;
    params.model = a->model;
    params.should_stop = between_steps;
    params.on_event = on_event;
    params.ctx = c;
    if ((status = tn_trainer_create(a->session, &params, a->train, NULL, &a->trainer, &a->err)))
        return status;
    return tn_trainer_fit(a->trainer, &reason, &a->err);
}

static void close_all(struct all *a)
{
    tn_trainer_destroy(&a->trainer);
    tn_session_destroy(&a->session);
    tn_model_destroy(&a->model);
    tn_dataset_unref(&a->train);
    tn_recipe_destroy(&a->recipe);
    tn_runtime_destroy(&a->runtime);
}

static int missing(const char *device, const char *why)
{
    const char *required = getenv("TENON_REQUIRE");
    int must = strncmp(device, "opencl", 6) == 0 ? required && strstr(required, "pocl") : 0;
    printf("%s: %s: %s\n", device, must ? "MISSING" : "skipped", why);
    return must ? 1 : 77;
}

int main(int argc, char **argv)
{
    const char *device = argc > 1 ? argv[1] : "cpu";
    struct counter counter = {.n_counted = strcmp(device, "ref") == 0 ? 5 : 30};
    struct tn_runtime_params params = {.n_threads = 2};
    struct all a = {.err = {TN_OK, ""}};
    find_counter(&counter);
    int result = self_test(&counter);
    if (tn_runtime_create(&params, &a.runtime, &a.err)) {
        printf("FAILED: %s\n", a.err.msg);
        return 1;
    }
    if (tn_runtime_select(a.runtime, device, &a.device, &a.err)) {
        result = missing(device, a.err.msg);
    } else if (train(&a, &counter, argc > 2 ? argv[2] : "mnist-cnn")) {
        printf("FAILED: %s\n", a.err.msg);
        result = 1;
    } else {
        result |= report(&counter, device);
    }
    close_all(&a);
    return result;
}
#endif
