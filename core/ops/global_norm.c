/* The Euclidean norm over all elements of up to sixteen tensors, as PyTorch's clip_grad_norm_ takes
 * it: norm = sqrt(sum over tensors of the sum of squares). The norm of norms is the norm of the
 * whole, so more tensors go through a tree of these. An f32 whatever the tensors are. */
#include <math.h>

#include "ops/update.h"

#define MAX_IN 16
static const char *const in_names[MAX_IN] = {"x0", "x1", "x2",  "x3",  "x4",  "x5",  "x6",  "x7",
                                             "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15"};
static const char *const out_names[] = {"norm"};

static tn_status infer(struct tn_infer *ctx)
{
    for (uint32_t i = 0; i < ctx->n_in; i++) {
        tn_status status = ctx->in[i] || i == 0 ? tn_infer_float(ctx, i) : TN_OK;
        if (status != TN_OK)
            return status;
    }
    ctx->out[0] = (struct tn_type){.dtype = TN_F32};
    return TN_OK;
}

static void reference(const struct tn_ref *ctx)
{
    double sum = 0;
    for (uint32_t k = 0; k < ctx->n_in; k++)
        for (int64_t i = 0; ctx->in[k].data.f && i < ctx->in[k].count; i++)
            sum += ctx->in[k].data.f[i] * ctx->in[k].data.f[i];
    ctx->out[0].data.f[0] = sqrt(sum);
}

const struct tn_op tn_op_global_norm = {
    .name = "global_norm",
    .version = 1,
    .min_in = 1,
    .max_in = MAX_IN,
    .n_out = 1,
    .in_names = in_names,
    .out_names = out_names,
    .formula = "sqrt(sum of x0^2 + sum of x1^2 + ...)",
    .shapes = "one to sixteen tensors of any shapes, floating point; norm an f32 scalar; for more "
              "tensors, the global_norm of such norms",
    .infer = infer,
    .no_gradient = "it measures gradients; use square and sum to train through a norm",
    .reference = reference,
};
