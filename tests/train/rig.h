/* What the tests of the trainer share: a session on one backend, small made-up data and a linear
 * model. Everything here asserts, or skips the test when its backend is absent. */
#ifndef TN_TESTS_TRAIN_RIG_H
#define TN_TESTS_TRAIN_RIG_H

#include "tenon/tenon.h"

#define N_BACKENDS 3
extern const char *const backends[N_BACKENDS];
extern const struct tn_loss_spec mse;

struct rig {
    tn_runtime *runtime;
    tn_session *session;
    tn_dataset *data;
    tn_model *model;
    tn_trainer *trainer;
    struct tn_error err;
    int64_t n_steps, n_epochs;
    double step_loss[512], step_lr[512], epoch_loss, val_loss[64];
    int64_t best_epochs;
};

/* `backend` is an index of backends; skips the test when it is not there, unless it is required. */
void open_rig(struct rig *rig, int backend);
void close_rig(struct rig *rig);
/* Fields x [n, width] and y [n, target_width]; a width of 0 is one number per sample, [n]. */
tn_dataset *make_data(int64_t n, int64_t width, const float *x, int64_t target_width,
                      const float *y);
/* rig->data: y = 3 x0 - 2 x1 + 0.5, without noise, 70 samples: batches of 16 leave a last one of
 * 6. */
void make_plane(struct rig *rig);
/* rig->model: one dense layer. */
void make_linear(struct rig *rig, int64_t in, int64_t units);
/* One loss, batches of 16; the events are recorded in the rig. */
struct tn_train_params params_for(struct rig *rig, const struct tn_loss_spec *loss,
                                  const struct tn_optimizer_spec *optimizer, int64_t epochs);
/* Element [a, b] of the state `name`; b is ignored for a vector. */
double weight(struct rig *rig, const char *name, int64_t a, int64_t b);

#endif
