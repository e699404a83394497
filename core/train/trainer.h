/* The inside of a trainer. */
#ifndef TN_TRAIN_TRAINER_H
#define TN_TRAIN_TRAINER_H

#include "base/arena.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "tenon/train.h"

#define TN_MAX_RESULTS 32 /* losses and metrics of a model */
#define TN_MAX_FIELDS 16  /* model inputs and targets */
#define TN_MAX_GROUPS 16  /* optimizer groups, the default one included */
/* Steps whose results wait on the device before the host must read them. */
#define TN_RING_STEPS 256

/* A graph input that a field of the data set feeds. */
struct tn_feed {
    const char *name;  /* of the graph input */
    const char *field; /* of the data set */
    tn_dtype dtype;
    struct tn_shape sample_shape;
    enum tn_target_kind kind;     /* 0: a model input */
    int64_t n_classes;            /* of labels: the size of the logits */
    const char *output;           /* of a target: the model's output that is measured against it */
    struct tn_shape output_shape; /* of one sample */
};

/* One quantity that is summed per batch: the loss, a part of it, a metric. */
struct tn_measure {
    const char *name; /* "loss", "accuracy" */
    const char *ring; /* name of the state that holds the sums of the last TN_RING_STEPS batches */
    int higher_is_better;
};

/* A step function with its plans, for training or for evaluation. */
struct tn_step_fn {
    tn_graph *graph;
    struct tn_feed feeds[TN_MAX_FIELDS];
    size_t n_feeds;
    struct tn_measure measures[TN_MAX_RESULTS];
    size_t n_measures;
    tn_plan *plans[8]; /* by batch size, in the order they were asked for; owned by the session */
    int64_t sizes[8];
    size_t n_plans;
};

struct tn_group_state {
    struct tn_options options; /* over `merged` */
    struct tn_attr *merged;    /* the group's options, then the optimizer's */
    const char *lr_input;      /* "lr/0" */
    double lr;
};

/* Batches run but not yet read: their sums lie in the rings. */
struct tn_pending {
    int64_t n_samples[TN_RING_STEPS];
    size_t n;     /* pending */
    size_t first; /* ring position of the oldest */
};

/* Weighted sums over an epoch or an evaluation. */
struct tn_totals {
    double sum[TN_MAX_RESULTS];
    int64_t n_samples;
};

/* Bytes on the session's device. */
struct tn_trainer_memory {
    uint64_t state, activations, workspace, plans;
};

struct tn_trainer {
    struct tn_arena arena;
    struct tn_train_params params;
    tn_session *session;
    tn_dataset *train, *validation;
    tn_loader *loader, *val_loader;
    const struct tn_optimizer *optimizer;
    struct tn_group_state groups[TN_MAX_GROUPS];
    size_t n_groups;
    const struct tn_schedule *schedule;
    struct tn_options schedule_options;
    struct tn_step_fn train_fn, eval_fn;
    struct tn_pending pending;
    int64_t step, n_steps_planned;
    struct tn_trainer_memory memory;
    /* Best weights so far, on the host; NULL until there are some. */
    tn_tensor **best;
    size_t n_best;
    int64_t best_epoch;
    double best_value;
    struct tn_result results[2 * TN_MAX_RESULTS]; /* of the last epoch or evaluation */
    size_t n_results;
};

/* --- steps.c: graphs --- */
tn_status tn_steps_build_train(struct tn_trainer *trainer, struct tn_error *err);
tn_status tn_steps_build_eval(struct tn_trainer *trainer, struct tn_error *err);

/* --- feed.c: data into plans --- */
/* A view of the data set whose targets have the dtypes that the losses want, checked: fields exist,
 * shapes and dtypes fit, labels and targets are in range. The caller owns the reference. */
tn_status tn_feed_adapt(const struct tn_step_fn *fn, tn_dataset *dataset, tn_dataset **out_view,
                        struct tn_error *err);
/* The plan for a batch size, made on first asking. */
tn_status tn_feed_plan(struct tn_trainer *trainer, struct tn_step_fn *fn, int64_t batch_size,
                       tn_plan **out_plan, struct tn_error *err);
/* The checked plan for a batch size (tn_session_checked_plan), for looking at a step. */
tn_status tn_feed_checked_plan(struct tn_trainer *trainer, struct tn_step_fn *fn,
                               int64_t batch_size, tn_plan **out_plan, struct tn_error *err);
/* Plans for every batch size of the loader. */
tn_status tn_feed_plans(struct tn_trainer *trainer, struct tn_step_fn *fn, tn_loader *loader,
                        struct tn_error *err);
/* Sets the inputs of `plan` from a batch of `dataset`, and the place in the rings. */
tn_status tn_feed_set(const struct tn_step_fn *fn, tn_plan *plan, const tn_dataset *dataset,
                      const struct tn_batch *batch, size_t ring_at, struct tn_error *err);

/* --- ring.c: results from the device --- */
/* Reads all pending sums: values[measure][i] is pending batch i's. Waits for the device. */
tn_status tn_ring_read(struct tn_trainer *trainer, const struct tn_step_fn *fn,
                       double values[TN_MAX_RESULTS][TN_RING_STEPS], struct tn_error *err);
size_t tn_ring_next(const struct tn_pending *pending);
void tn_ring_push(struct tn_pending *pending, int64_t n_samples);
void tn_ring_drop(struct tn_pending *pending);

/* --- best.c: the best weights --- */
tn_status tn_best_keep(struct tn_trainer *trainer, struct tn_error *err);
tn_status tn_best_restore(struct tn_trainer *trainer, struct tn_error *err);
/* The monitored measure: 1 and its index among eval_fn's, or 0 when there is none. TN_E_INVALID for
 * a name that no validation result has. */
tn_status tn_best_find_monitor(const struct tn_trainer *trainer, size_t *out_measure,
                               int *out_found, struct tn_error *err);
int tn_best_is_better(const struct tn_trainer *trainer, size_t measure, double value);

/* Means of `totals` as results; the names get `prefix`. */
void tn_totals_results(struct tn_trainer *trainer, const struct tn_step_fn *fn,
                       const struct tn_totals *totals, const char *prefix);
tn_status tn_evaluate_loader(struct tn_trainer *trainer, tn_loader *loader,
                             struct tn_totals *out_totals, struct tn_error *err);

#endif
