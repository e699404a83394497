/* Training: a model, its losses and an optimizer become one graph per step; the trainer runs it over
 * a data set, validates, keeps the best weights, and tells what happens through events. */
#ifndef TENON_TRAIN_H
#define TENON_TRAIN_H

#include "tenon/data.h"
#include "tenon/model.h"
#include "tenon/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tn_trainer tn_trainer;

struct tn_loss_spec {
    const char *type;
    const char *output; /* layer name; NULL: the model's only output */
    const char *target; /* field of the data set; NULL: "y" */
    double weight;      /* 0 counts as 1 */
    const struct tn_attr *options;
    size_t n_options;
};
struct tn_metric_spec {
    const char *type;
    const char *name;   /* in events; NULL: the type, with the output's name where there are several */
    const char *output; /* as above */
    const char *target;
    const struct tn_attr *options;
    size_t n_options;
};
struct tn_optimizer_group {
    const char *match; /* glob over parameter names, such as "dense_*" */
    const struct tn_attr *options; /* instead of the optimizer's own */
    size_t n_options;
};
struct tn_optimizer_spec {
    const char *type;
    const struct tn_attr *options;
    size_t n_options;
    const struct tn_optimizer_group *groups; /* the first match counts */
    size_t n_groups;
    const char *schedule; /* NULL: "constant" */
    const struct tn_attr *schedule_options;
    size_t n_schedule_options;
};

/* A named number: "loss", "accuracy", "val_loss". */
struct tn_result {
    const char *name;
    double value;
};
typedef enum tn_train_event_kind {
    TN_EVENT_STEP = 1, /* results of one step; comes in bursts, in order */
    TN_EVENT_PROGRESS, /* after a burst: results are the epoch's means so far */
    TN_EVENT_EPOCH,    /* results with val_... where there is validation */
    TN_EVENT_VERIFIED, /* a step was verified: `check` */
    TN_EVENT_EVAL      /* tn_trainer_evaluate has ended */
} tn_train_event_kind;
struct tn_train_event {
    tn_train_event_kind kind;
    int64_t epoch, n_epochs;         /* epoch counts from 1 */
    int64_t step;                    /* steps done in the run */
    int64_t step_in_epoch, n_steps_in_epoch;
    int64_t samples;                 /* of the step; of the epoch so far */
    double seconds;                  /* of the epoch's training part */
    double samples_per_s;
    double lr;
    int is_best; /* EPOCH: the monitored metric is the best so far (always without validation) */
    const struct tn_result *results;
    size_t n_results;
    const struct tn_check_report *check; /* VERIFIED, else NULL */
};

struct tn_train_params {
    const tn_model *model;              /* borrowed for the trainer's life, as all below */
    const char *const *input_fields;    /* per model input; NULL: one input is "x", more: their names */
    const struct tn_loss_spec *losses;
    size_t n_losses;
    const struct tn_metric_spec *metrics;
    size_t n_metrics;
    const struct tn_optimizer_spec *optimizer; /* NULL: a trainer that only evaluates */
    int64_t batch_size;
    int64_t epochs;
    int64_t max_steps;  /* 0: no limit */
    double max_seconds; /* 0: no limit */
    uint64_t seed;
    int no_shuffle;
    const char *monitor;      /* result that decides the best: NULL: "val_loss", without validation none */
    int64_t patience;         /* epochs without a better one before stopping; 0: never */
    double min_delta;         /* what counts as better */
    int64_t verify_every; /* tn_plan_verify on the first step and every N-th after it; 0: never */
    tn_node_fn on_node;   /* of verified steps: before each node; may be NULL */
    int check_numerics;   /* tn_plan_check_numerics on every step; slow */
    void (*on_event)(void *ctx, const struct tn_train_event *event); /* on the caller's thread */
    int (*should_stop)(void *ctx);                                   /* asked between steps */
    void *ctx;
};

/* Checks data against model and losses, builds the graphs and every plan that the data will need.
 * `validation` may be NULL; `train` is NULL only without an optimizer. The session is borrowed.
 * TN_E_INVALID for data or shapes that do not fit, TN_E_OOM with the largest batch that fits. */
TN_API tn_status tn_trainer_create(tn_session *session, const struct tn_train_params *params,
                                   tn_dataset *train, tn_dataset *validation,
                                   tn_trainer **out_trainer, struct tn_error *err);
TN_API void tn_trainer_destroy(tn_trainer **trainer);

typedef enum tn_stop_reason {
    TN_STOP_EPOCHS = 1, /* all epochs done */
    TN_STOP_MAX_STEPS,
    TN_STOP_MAX_TIME,
    TN_STOP_PATIENCE,
    TN_STOP_ASKED
} tn_stop_reason;
/* Trains. At the end the session holds the best weights (by `monitor`), or the last ones. A loss
 * that is not finite ends it with TN_E_NUMERIC, naming the step. Called again it trains as many
 * epochs more; the schedule then stays at its end, and max_steps counts all steps. */
TN_API tn_status tn_trainer_fit(tn_trainer *trainer, tn_stop_reason *out_reason,
                                struct tn_error *err);
/* Loss and metrics over a data set with the session's weights; `prefix` ("test_") goes before the
 * names. The results belong to the trainer, until its next evaluation. */
TN_API tn_status tn_trainer_evaluate(tn_trainer *trainer, tn_dataset *dataset, const char *prefix,
                                     const struct tn_result **out_results, size_t *out_n_results,
                                     struct tn_error *err);
/* Plan of a full training batch (of an evaluation batch without an optimizer), for explaining. */
TN_API const tn_plan *tn_trainer_plan(const tn_trainer *trainer);
/* On the session's device, for all plans made so far, of training and of evaluation. */
TN_API uint64_t tn_trainer_peak_bytes(const tn_trainer *trainer);
TN_API int64_t tn_trainer_steps(const tn_trainer *trainer);
/* The epoch (from 1) whose weights the session holds after fit; 0 when they are the last ones. */
TN_API int64_t tn_trainer_best_epoch(const tn_trainer *trainer);

/* Parameters and running statistics as a safetensors file; replaces `path` only once the new file
 * is whole. `metadata`, at most 16 pairs (key, value, ..., NULL), is stored with it; may be NULL. */
TN_API tn_status tn_session_save(tn_session *session, const char *path, const char *const *metadata,
                                 struct tn_error *err);
/* What the weights in a file are: "best by validation, epoch 4", "last, epoch 5"; into buf. */
TN_API tn_status tn_weights_selection(const char *path, char *buf, size_t size);
/* Every parameter and buffer of the session must be in the file with its shape, and none besides. */
TN_API tn_status tn_session_load(tn_session *session, const char *path, struct tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
