#include "nn/schedule.h"

#include <math.h>

#include "base/compiler.h"

#define WARMUP OPT_INT("warmup_steps", 0, "0", "steps over which the rate rises from 0")

static const struct tn_option constant_options[] = {WARMUP};

static double factor_constant(const struct tn_options *options, int64_t step, int64_t n_steps)
{
    return 1.0;
}

static const struct tn_option cosine_options[] = {
    WARMUP,
    OPT_FLOAT("final_factor", 0, "0", "the rate's share at the end"),
};

/* Half a cosine from 1 to final_factor over the run (Loshchilov and Hutter 2017). */
static double factor_cosine(const struct tn_options *options, int64_t step, int64_t n_steps)
{
    double last = tn_options_float(options, "final_factor");
    double done = n_steps > 1 ? (double)step / (double)(n_steps - 1) : 0.0;
    const double pi = 3.14159265358979323846;
    return last + (1.0 - last) * 0.5 * (1.0 + cos(pi * TN_MIN(done, 1.0)));
}

static const struct tn_option step_options[] = {
    WARMUP,
    OPT_INT("every_steps", 1, NULL, "steps between two drops"),
    OPT_FLOAT("factor", 0, "0.1", "the rate is multiplied by it at each drop"),
};

static double factor_step(const struct tn_options *options, int64_t step, int64_t n_steps)
{
    int64_t every = tn_options_int(options, "every_steps");
    return pow(tn_options_float(options, "factor"), (double)(step / every));
}

static const struct tn_option linear_options[] = {
    WARMUP,
    OPT_FLOAT("final_factor", 0, "0", "the rate's share at the end"),
};

static double factor_linear(const struct tn_options *options, int64_t step, int64_t n_steps)
{
    double last = tn_options_float(options, "final_factor");
    double done = n_steps > 1 ? (double)step / (double)(n_steps - 1) : 0.0;
    return 1.0 + (last - 1.0) * TN_MIN(done, 1.0);
}

static const struct tn_schedule schedules[] = {
    {{.name = "constant",
      .doc = "the same rate throughout",
      .options = constant_options,
      .n_options = TN_LEN(constant_options)},
     factor_constant},
    {{.name = "cosine",
      .doc = "half a cosine down to final_factor over the run",
      .options = cosine_options,
      .n_options = TN_LEN(cosine_options)},
     factor_cosine},
    {{.name = "linear",
      .doc = "a straight line down to final_factor over the run",
      .options = linear_options,
      .n_options = TN_LEN(linear_options)},
     factor_linear},
    {{.name = "step",
      .doc = "multiplied by factor every so many steps",
      .options = step_options,
      .n_options = TN_LEN(step_options)},
     factor_step},
};

size_t tn_schedule_count(void)
{
    return TN_LEN(schedules);
}

const struct tn_schedule *tn_schedule_at(size_t index)
{
    return &schedules[index];
}

const struct tn_schedule *tn_schedule_find(const char *name)
{
    const struct tn_component *component = tn_component_find(TN_COMPONENT_SCHEDULE, name);
    for (size_t i = 0; i < TN_LEN(schedules); i++)
        if (&schedules[i].component == component)
            return &schedules[i];
    return NULL;
}

double tn_schedule_factor(const struct tn_schedule *schedule, const struct tn_options *options,
                          int64_t step, int64_t n_steps)
{
    int64_t warmup = tn_options_int(options, "warmup_steps");
    double rise = warmup > step ? (double)(step + 1) / (double)(warmup + 1) : 1.0;
    return rise * schedule->factor(options, step, n_steps);
}
