/* Losses and metrics, one value per sample, against formulas written out here in double. */
#include <math.h>
#include <string.h>

#include "../plan/support.h"
#include "nn/loss.h"
#include "nn/metric.h"

enum { MAX = 64 };

struct problem {
    const char *type;
    int is_metric;
    struct tn_shape output, target; /* with the batch in front */
    tn_dtype target_dtype;
    const float *output_data;
    const void *target_data;
    const struct tn_attr *option; /* NULL: none */
};

static size_t count(const struct tn_shape *shape)
{
    size_t n = 1;
    for (uint32_t i = 0; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

static tn_value build(const struct problem *p, tn_graph *g, struct tn_error *err)
{
    const struct tn_component *component =
        tn_component_find(p->is_metric ? TN_COMPONENT_METRIC : TN_COMPONENT_LOSS, p->type);
    struct tn_loss_ctx ctx = {
        .graph = g,
        .options = {component, p->option, p->option ? 1 : 0},
        .output = tn_graph_input(g, "o", TN_F32, &p->output, TN_INPUT_DATA),
        .target = tn_graph_input(g, "t", p->target_dtype, &p->target, TN_INPUT_DATA),
        .err = err,
    };
    return p->is_metric ? tn_metric_find(p->type)->build(&ctx) : tn_loss_find(p->type)->build(&ctx);
}

/* On the reference device: it sums in double and rounds once. */
static void expect_values(const struct problem *p, const double *wanted)
{
    struct tn_error err = {TN_OK, ""};
    tn_session *session = open_session(ON_REF);
    tn_graph *g = new_graph("loss");
    float got[MAX], want[MAX];
    size_t n = (size_t)p->output.dim[0];
    tn_value value = build(p, g, &err);
    cr_assert_neq(value, TN_NONE, "%s", err.msg);
    struct tn_shape shape = tn_graph_shape(g, value);
    cr_assert(shape.rank == 1 && shape.dim[0] == p->output.dim[0]);
    tn_graph_output(g, "loss", value);
    tn_plan *plan = plan_of(session, g, 0);
    set_f32(plan, "o", p->output_data, count(&p->output));
    check(tn_plan_set_input_bytes(plan, "t", p->target_data,
                                  count(&p->target) * tn_dtype_size(p->target_dtype), &err),
          &err, "target");
    run(plan);
    get_f32(plan, "loss", got, n);
    for (size_t i = 0; i < n; i++)
        want[i] = (float)wanted[i];
    expect_close(got, want, n, 1e-6, 1e-7, p->type);
    close_all();
}

static void expect_refusal(const struct problem *p, const char *part)
{
    struct tn_error err = {TN_OK, ""};
    open_session(ON_REF);
    tn_graph *g = new_graph("loss");
    cr_expect_eq(build(p, g, &err), TN_NONE);
    cr_expect_not_null(strstr(err.msg, part), "%s", err.msg);
    close_all();
}

static const float logits[] = {1.0f, -2.0f, 0.5f, 0.0f, 0.0f, 0.0f, 30.0f, -30.0f, 4.0f};

Test(losses, softmax_cross_entropy)
{
    static const int32_t labels[] = {2, 0, 1};
    double wanted[3];
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        for (int c = 0; c < 3; c++)
            sum += exp((double)logits[3 * i + c]);
        wanted[i] = log(sum) - (double)logits[3 * i + labels[i]];
    }
    expect_values(&(struct problem){.type = "softmax_cross_entropy",
                                    .output = TN_SHAPE(3, 3),
                                    .target = TN_SHAPE(3),
                                    .target_dtype = TN_I32,
                                    .output_data = logits,
                                    .target_data = labels},
                  wanted);
}

/* A label per position: the sample's loss is the mean over its positions. */
Test(losses, softmax_cross_entropy_over_positions)
{
    static const float outputs[] = {1, 2, 0, 0, -1, 3, 5, 5};
    static const int32_t labels[] = {0, 1, 1, 0};
    double wanted[2] = {0, 0};
    for (int i = 0; i < 4; i++)
        wanted[i / 2] += (log(exp((double)outputs[2 * i]) + exp((double)outputs[2 * i + 1])) -
                          (double)outputs[2 * i + labels[i]]) /
                         2;
    expect_values(&(struct problem){.type = "softmax_cross_entropy",
                                    .output = TN_SHAPE(2, 2, 2),
                                    .target = TN_SHAPE(2, 2),
                                    .target_dtype = TN_I32,
                                    .output_data = outputs,
                                    .target_data = labels},
                  wanted);
}

/* Smoothed: three quarters on the label, the rest on all three classes evenly; and nll of what
 * log_softmax gives. */
Test(losses, label_smoothing_and_nll)
{
    static const struct tn_attr smoothing = {
        .name = "label_smoothing", .type = TN_ATTR_FLOAT, .u.f = 0.25};
    static const int32_t labels[] = {2, 0, 1};
    static const float dense[] = {0, 0, 1, 1, 0, 0, 0, 1, 0};
    double smoothed[3], plain[3];
    for (int i = 0; i < 3; i++) {
        double sum = 0, mean = 0;
        for (int c = 0; c < 3; c++) {
            sum += exp((double)logits[3 * i + c]);
            mean += (double)logits[3 * i + c] / 3;
        }
        plain[i] = -(double)logits[3 * i + labels[i]];
        smoothed[i] = log(sum) + 0.75 * plain[i] - 0.25 * mean;
    }
    struct problem p = {.type = "softmax_cross_entropy",
                        .output = TN_SHAPE(3, 3),
                        .target = TN_SHAPE(3),
                        .target_dtype = TN_I32,
                        .output_data = logits,
                        .target_data = labels,
                        .option = &smoothing};
    expect_values(&p, smoothed);
    p.option = NULL;
    p.type = "nll";
    expect_values(&p, plain);
    p = (struct problem){.type = "dense_softmax_cross_entropy",
                         .output = TN_SHAPE(3, 3),
                         .target = TN_SHAPE(3, 3),
                         .target_dtype = TN_F32,
                         .output_data = logits,
                         .target_data = dense,
                         .option = &smoothing};
    expect_values(&p, smoothed);
}

static const float reals[] = {0.5f, -1.0f, 2.0f, 0.25f, 0.0f, 3.0f};
static const float targets[] = {0.0f, 1.0f, 2.5f, 0.75f, -1.0f, 1.0f};

Test(losses, mse_is_the_mean_over_a_sample)
{
    double wanted[2] = {0, 0};
    for (int i = 0; i < 6; i++)
        wanted[i / 3] += pow((double)reals[i] - (double)targets[i], 2) / 3;
    struct problem p = {.type = "mse",
                        .output = TN_SHAPE(2, 3),
                        .target = TN_SHAPE(2, 3),
                        .target_dtype = TN_F32,
                        .output_data = reals,
                        .target_data = targets};
    expect_values(&p, wanted);
    p.is_metric = 1;
    expect_values(&p, wanted);
}

/* [batch] serves for [batch, 1], whole numbers for real ones. */
Test(losses, mse_of_one_number_per_sample)
{
    static const int32_t whole[] = {1, -2, 2};
    double wanted[3];
    for (int i = 0; i < 3; i++)
        wanted[i] = pow((double)reals[i] - (double)whole[i], 2);
    expect_values(&(struct problem){.type = "mse",
                                    .output = TN_SHAPE(3, 1),
                                    .target = TN_SHAPE(3),
                                    .target_dtype = TN_I32,
                                    .output_data = reals,
                                    .target_data = whole},
                  wanted);
}

Test(losses, mae_huber_and_hinge)
{
    static const struct tn_attr delta = {.name = "delta", .type = TN_ATTR_FLOAT, .u.f = 0.75};
    static const struct tn_attr margin = {.name = "margin", .type = TN_ATTR_FLOAT, .u.f = 0.5};
    double mae[2] = {0, 0}, huber[2] = {0, 0}, hinge[2] = {0, 0};
    for (int i = 0; i < 6; i++) {
        double d = fabs((double)reals[i] - (double)targets[i]);
        mae[i / 3] += d / 3;
        huber[i / 3] += (d <= 0.75 ? d * d / 2 : 0.75 * (d - 0.375)) / 3;
        hinge[i / 3] += fmax(0, 0.5 - (double)reals[i] * (double)targets[i]) / 3;
    }
    struct problem p = {.type = "mae",
                        .output = TN_SHAPE(2, 3),
                        .target = TN_SHAPE(2, 3),
                        .target_dtype = TN_F32,
                        .output_data = reals,
                        .target_data = targets};
    expect_values(&p, mae);
    p.type = "huber";
    p.option = &delta;
    expect_values(&p, huber);
    p.type = "hinge";
    p.option = &margin;
    expect_values(&p, hinge);
}

/* Along the last dim: a sum for the divergence, one cosine, and the mean over positions. */
Test(losses, kl_div_and_cosine_embedding)
{
    static const float logp[] = {-1, -2, -0.5f, -3, -1.5f, -0.25f, -2, -4};
    static const float prob[] = {0.5f, 0.5f, 0, 1, 0.25f, 0.75f, 0.125f, 0.875f};
    static const struct tn_attr log_target = {.name = "log_target", .type = TN_ATTR_INT, .u.i = 1};
    double divergence[2] = {0, 0}, of_logs[2] = {0, 0}, cosine[2] = {0, 0};
    for (int i = 0; i < 8; i++) {
        double p = (double)logp[i], t = (double)prob[i];
        divergence[i / 4] += (t > 0 ? t * (log(t) - p) : 0) / 2;
        of_logs[i / 4] += exp(t) * (t - p) / 2;
    }
    for (int i = 0; i < 8; i += 2) {
        double ab = (double)logp[i] * (double)prob[i] + (double)logp[i + 1] * (double)prob[i + 1];
        cosine[i / 4] += (1 - ab / hypot((double)logp[i], (double)logp[i + 1]) /
                                  hypot((double)prob[i], (double)prob[i + 1])) /
                         2;
    }
    struct problem p = {.type = "kl_div",
                        .output = TN_SHAPE(2, 2, 2),
                        .target = TN_SHAPE(2, 2, 2),
                        .target_dtype = TN_F32,
                        .output_data = logp,
                        .target_data = prob};
    expect_values(&p, divergence);
    p.option = &log_target;
    expect_values(&p, of_logs);
    p.option = NULL;
    p.type = "cosine_embedding";
    expect_values(&p, cosine);
}

Test(losses, bce_of_probabilities_and_of_logits)
{
    static const float chances[] = {0.9f, 0.2f, 0.5f, 0.01f};
    static const float scores[] = {2.0f, -3.0f, 0.0f, 40.0f};
    static const float truth[] = {1.0f, 0.0f, 0.25f, 1.0f};
    static const struct tn_attr from_logits = {
        .name = "from_logits", .type = TN_ATTR_INT, .u.i = 1};
    double of_chances[2] = {0, 0}, of_scores[2] = {0, 0};
    for (int i = 0; i < 4; i++) {
        double p = (double)chances[i], z = (double)scores[i], t = (double)truth[i];
        of_chances[i / 2] -= (t * log(p) + (1 - t) * log(1 - p)) / 2;
        of_scores[i / 2] += ((1 - t) * z + log1p(exp(-z))) / 2;
    }
    struct problem p = {.type = "bce",
                        .output = TN_SHAPE(2, 2),
                        .target = TN_SHAPE(2, 2),
                        .target_dtype = TN_F32,
                        .output_data = chances,
                        .target_data = truth};
    expect_values(&p, of_chances);
    p.output_data = scores;
    p.option = &from_logits;
    expect_values(&p, of_scores);
    p.option = NULL;
    p.type = "bce_with_logits";
    expect_values(&p, of_scores);
}

Test(losses, accuracy)
{
    static const int32_t labels[] = {0, 2, 1};
    static const float scores[] = {0.6f, 0.4f, 0.1f}, truth[] = {1.0f, 1.0f, 0.0f};
    static const struct tn_attr threshold = {
        .name = "threshold", .type = TN_ATTR_FLOAT, .u.f = 0.3};
    /* Equal logits: the first is the largest. */
    expect_values(&(struct problem){.type = "accuracy",
                                    .is_metric = 1,
                                    .output = TN_SHAPE(3, 3),
                                    .target = TN_SHAPE(3),
                                    .target_dtype = TN_I32,
                                    .output_data = logits,
                                    .target_data = labels},
                  (const double[]){1, 0, 0});
    struct problem binary = {.type = "accuracy",
                             .is_metric = 1,
                             .output = TN_SHAPE(3, 1),
                             .target = TN_SHAPE(3, 1),
                             .target_dtype = TN_F32,
                             .output_data = scores,
                             .target_data = truth};
    expect_values(&binary, (const double[]){1, 0, 1});
    binary.option = &threshold;
    expect_values(&binary, (const double[]){1, 1, 1});
}

Test(losses, wrong_targets_are_refused)
{
    expect_refusal(&(struct problem){.type = "softmax_cross_entropy",
                                     .output = TN_SHAPE(3, 3),
                                     .target = TN_SHAPE(3),
                                     .target_dtype = TN_F32},
                   "whole-number labels");
    expect_refusal(&(struct problem){.type = "softmax_cross_entropy",
                                     .output = TN_SHAPE(3, 3),
                                     .target = TN_SHAPE(3, 3),
                                     .target_dtype = TN_I32},
                   "one dim less");
    expect_refusal(
        &(struct problem){
            .type = "nll", .output = TN_SHAPE(3, 3), .target = TN_SHAPE(3), .target_dtype = TN_F32},
        "loss 'nll' needs whole-number labels");
    expect_refusal(&(struct problem){.type = "cosine_embedding",
                                     .output = TN_SHAPE(3),
                                     .target = TN_SHAPE(3),
                                     .target_dtype = TN_F32},
                   "needs an output [batch, ..., size]");
    expect_refusal(&(struct problem){.type = "mse",
                                     .output = TN_SHAPE(3, 3),
                                     .target = TN_SHAPE(3, 2),
                                     .target_dtype = TN_F32},
                   "output [3, 3] and target [3, 2] differ");
}
