/* Learning-rate schedules: host arithmetic over the step; the rate reaches the device as a value.
 */
#ifndef TN_NN_SCHEDULE_H
#define TN_NN_SCHEDULE_H

#include "nn/option.h"

struct tn_schedule {
    struct tn_component component;
    /* Factor on the optimizer's lr for the step counted from 0; n_steps: of the whole run. */
    double (*factor)(const struct tn_options *options, int64_t step, int64_t n_steps);
};
size_t tn_schedule_count(void);
const struct tn_schedule *tn_schedule_at(size_t index);
const struct tn_schedule *tn_schedule_find(const char *name);
/* The factor with the option warmup_steps (a linear rise from 0) applied. */
double tn_schedule_factor(const struct tn_schedule *schedule, const struct tn_options *options,
                          int64_t step, int64_t n_steps);

#endif
