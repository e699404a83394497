/* Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017), with grouped
 * queries (Ainslie et al., 2023): H query heads share Hkv heads of keys and values, H / Hkv
 * neighbours each.
 *
 *   s_ij = scale q_i . k_j + mask_ij, -inf where key j is masked from query i
 *   lse_i = log sum_j e^s_ij     p_ij = e^(s_ij - lse_i)     y_i = sum_j p_ij v_j
 *
 * A key is masked where j >= kv_len of its batch entry, where a bool mask is false, and, when
 * causal, where j > i + n - Lq, n being kv_len or Lk: the last query stands at the last key, so
 * that Lq new tokens after a cache of n - Lq see the cache and each other's past. (PyTorch's
 * is_causal aligns the first query with the first key instead; with Lq = n both are the lower
 * triangle.) A query that sees no key gives y = 0 and lse = -inf. A row with a NaN or +inf score is
 * NaN.
 *
 * Gradient, as in FlashAttention (Dao et al., 2022), p made again from lse:
 *   dv_j = sum_i p_ij dy_i          dp_ij = dy_i . v_j
 *   ds_ij = p_ij (dp_ij - dy_i . y_i) = dmask_ij
 *   dq_i = scale sum_j ds_ij k_j    dk_j = scale sum_i ds_ij q_i */
#include <inttypes.h>
#include <math.h>

#include "graph/graph.h"
#include "ops/util.h"

enum { Q, K, V, MASK, KV_LEN, Y, LSE, DY, N_IN };
static const char *const in_names[] = {"q", "k", "v", "mask?", "kv_len?", "y", "lse", "dy"};
static const char *const out_names[] = {"y", "lse"};
static const char *const grad_names[] = {"dq", "dk", "dv", "dmask"};

#define SHARED_ATTRS                                                                       \
    {.name = "scale",                                                                      \
     .type = TN_ATTR_FLOAT,                                                                \
     .dflt = {.u.f = 0},                                                                   \
     .doc = "factor of the products of q and k; 0: 1 / sqrt(D)"},                          \
    {                                                                                      \
        .name = "causal", .type = TN_ATTR_INT,                                             \
        .doc = "1: a query sees the keys up to its own place, the last query the last key" \
    }
static const struct tn_attr_schema attrs[] = {SHARED_ATTRS};
static const struct tn_attr_schema grad_attrs[] = {
    SHARED_ATTRS,
    {.name = "mask_grad",
     .type = TN_ATTR_INT,
     .doc = "1: dmask is [B, H, Lq, Lk]; 0: it has no elements"}};

/* --- shape rules --- */

static tn_status check_heads(const struct tn_infer *ctx)
{
    const struct tn_shape *q = &ctx->in[Q]->shape, *k = &ctx->in[K]->shape, *v = &ctx->in[V]->shape;
    if (k->dim[0] != q->dim[0] || v->dim[0] != q->dim[0])
        return tn_infer_fail(ctx, "q, k and v must have one batch size (dim 0)");
    if (k->dim[1] != v->dim[1] || k->dim[2] != v->dim[2])
        return tn_infer_fail(ctx,
                             "k and v must agree in heads and length (dims 1 and 2), have %" PRId64
                             ", %" PRId64 " and %" PRId64 ", %" PRId64,
                             k->dim[1], k->dim[2], v->dim[1], v->dim[2]);
    if (k->dim[3] != q->dim[3] || q->dim[3] < 1)
        return tn_infer_fail(ctx,
                             "q and k must have heads of one size (dim 3), at least 1; they have "
                             "%" PRId64 " and %" PRId64,
                             q->dim[3], k->dim[3]);
    if (k->dim[1] == 0 ? q->dim[1] != 0 : q->dim[1] % k->dim[1] != 0)
        return tn_infer_fail(
            ctx, "%" PRId64 " heads of keys do not divide the %" PRId64 " heads of queries (dim 1)",
            k->dim[1], q->dim[1]);
    return TN_OK;
}

/* The mask broadcasts to [B, H, Lq, Lk] and does not widen it. */
static tn_status check_mask(const struct tn_infer *ctx)
{
    const struct tn_type *mask = ctx->in[MASK];
    const struct tn_shape *q = &ctx->in[Q]->shape;
    struct tn_shape scores = TN_SHAPE(q->dim[0], q->dim[1], q->dim[2], ctx->in[K]->shape.dim[2]);
    char text[128], own[128];
    if (mask->dtype != TN_BOOL && mask->dtype != ctx->in[Q]->dtype)
        return tn_infer_fail(ctx, "mask must be bool (true: may be seen) or %s like q, not %s",
                             tn_dtype_name(ctx->in[Q]->dtype), tn_dtype_name(mask->dtype));
    int fits = mask->shape.rank <= 4;
    for (uint32_t d = 0; fits && d < mask->shape.rank; d++) {
        int64_t dim = mask->shape.dim[d];
        fits = dim == 1 || dim == scores.dim[4 - mask->shape.rank + d];
    }
    if (fits)
        return TN_OK;
    return tn_infer_fail(ctx, "mask %s must broadcast to [B, H, Lq, Lk] = %s",
                         tn_shape_format(&mask->shape, own, sizeof own),
                         tn_shape_format(&scores, text, sizeof text));
}

static tn_status check_inputs(const struct tn_infer *ctx)
{
    tn_status st = tn_infer_float(ctx, Q);
    for (uint32_t i = Q; st == TN_OK && i <= V; i++) {
        st = tn_infer_rank(ctx, i, 4, 4);
        if (st == TN_OK)
            st = tn_infer_same_dtype(ctx, Q, i);
    }
    if (st == TN_OK)
        st = check_heads(ctx);
    if (st == TN_OK && ctx->in[MASK])
        st = check_mask(ctx);
    if (st == TN_OK && ctx->in[KV_LEN])
        st = tn_ops_infer_index(ctx, KV_LEN);
    if (st == TN_OK && ctx->in[KV_LEN])
        st = tn_infer_rank(ctx, KV_LEN, 0, 1);
    if (st != TN_OK)
        return st;
    const struct tn_shape *len = ctx->in[KV_LEN] ? &ctx->in[KV_LEN]->shape : NULL;
    if (len && len->rank == 1 && len->dim[0] != ctx->in[Q]->shape.dim[0])
        return tn_infer_fail(ctx,
                             "kv_len has %" PRId64 " entries for a batch of %" PRId64
                             "; give one each, or a scalar",
                             len->dim[0], ctx->in[Q]->shape.dim[0]);
    return tn_ops_infer_finite(ctx, "scale");
}

static struct tn_type y_type(const struct tn_infer *ctx)
{
    struct tn_type y = *ctx->in[Q];
    y.shape.dim[3] = ctx->in[V]->shape.dim[3];
    return y;
}

static struct tn_type lse_type(const struct tn_infer *ctx)
{
    const struct tn_shape *q = &ctx->in[Q]->shape;
    return (struct tn_type){tn_ops_loss_dtype(ctx->in[Q]->dtype), tn_shape_make(q->dim, 3)};
}

static tn_status infer(struct tn_infer *ctx)
{
    tn_status st = check_inputs(ctx);
    if (st != TN_OK)
        return st;
    ctx->out[0] = y_type(ctx);
    ctx->out[1] = lse_type(ctx);
    return TN_OK;
}

static tn_status grad_infer(struct tn_infer *ctx)
{
    tn_status st = check_inputs(ctx);
    if (st != TN_OK)
        return st;
    const struct tn_type want[] = {y_type(ctx), lse_type(ctx), y_type(ctx)};
    for (uint32_t i = Y; i < N_IN; i++) {
        char text[128];
        const struct tn_type *t = &want[i - Y];
        if (ctx->in[i]->dtype != t->dtype || !tn_shape_equal(&ctx->in[i]->shape, &t->shape))
            return tn_infer_fail(ctx, "'%s' must be %s %s, as attention gives it", in_names[i],
                                 tn_dtype_name(t->dtype),
                                 tn_shape_format(&t->shape, text, sizeof text));
    }
    for (uint32_t i = 0; i < 3; i++)
        ctx->out[i] = *ctx->in[i];
    const struct tn_shape *q = &ctx->in[Q]->shape;
    struct tn_shape scores = TN_SHAPE(q->dim[0], q->dim[1], q->dim[2], ctx->in[K]->shape.dim[2]);
    int wanted = tn_attrs_int(ctx->attrs, "mask_grad") != 0;
    ctx->out[3] = (struct tn_type){ctx->in[Q]->dtype, wanted ? scores : TN_SHAPE(0)};
    return TN_OK;
}

/* --- gradient --- */

static tn_status gradient(const struct tn_grad *ctx)
{
    if (ctx->out_grad[1] != TN_NONE)
        return tn_ops_no_gradient_to(ctx, "q",
                                     "one has arrived at the output 'lse', which is for "
                                     "attention_grad alone");
    if (ctx->out_grad[0] == TN_NONE)
        return TN_OK;
    tn_value mask = ctx->in[MASK];
    int mask_grad = mask != TN_NONE && ctx->needed[MASK];
    const struct tn_attr attr[] = {tn_ops_attr(ctx, "scale"), tn_ops_attr(ctx, "causal"),
                                   TN_AI("mask_grad", mask_grad)};
    const tn_value in[] = {ctx->in[Q],      ctx->in[K],  ctx->in[V],  mask,
                           ctx->in[KV_LEN], ctx->out[0], ctx->out[1], ctx->out_grad[0]};
    tn_value out[4];
    tn_graph_op(ctx->graph, "attention_grad", in, N_IN, attr, TN_LEN(attr), out, 4);
    for (uint32_t i = Q; i <= V; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    if (mask_grad)
        ctx->in_grad[MASK] = tn_grad_unbroadcast(ctx, out[3], mask);
    return TN_OK;
}

/* --- references --- */

struct job {
    const struct tn_ref *ctx;
    int64_t n_batch, heads, kv_heads, lq, lk, d, dv;
    int64_t mask_stride[4]; /* of b, h, i, j; 0 where it is broadcast */
    double scale;
    int causal;
};

static struct job job_of(const struct tn_ref *ctx)
{
    const struct tn_shape *q = &ctx->in[Q].type.shape, *k = &ctx->in[K].type.shape;
    struct job j = {.ctx = ctx,
                    .n_batch = q->dim[0],
                    .heads = q->dim[1],
                    .kv_heads = k->dim[1],
                    .lq = q->dim[2],
                    .lk = k->dim[2],
                    .d = q->dim[3],
                    .dv = ctx->in[V].type.shape.dim[3],
                    .scale = tn_attrs_float(ctx->attrs, "scale"),
                    .causal = tn_attrs_int(ctx->attrs, "causal") != 0};
    if (j.scale == 0)
        j.scale = 1 / sqrt((double)j.d);
    if (ctx->in[MASK].data.any) {
        const struct tn_shape *mask = &ctx->in[MASK].type.shape;
        int64_t stride[TN_MAX_RANK];
        tn_ops_strides(mask, stride);
        for (uint32_t d = 0; d < mask->rank; d++)
            j.mask_stride[4 - mask->rank + d] = mask->dim[d] == 1 ? 0 : stride[d];
    }
    return j;
}

static int64_t visible_keys(const struct job *j, int64_t b)
{
    const struct tn_ref_tensor *len = &j->ctx->in[KV_LEN];
    if (!len->data.any)
        return j->lk;
    int64_t n = len->data.i[len->type.shape.rank == 1 ? b : 0];
    return TN_MAX(0, TN_MIN(n, j->lk));
}

/* Row (b, h, i) of q, y or dy; row j of the keys or values that head h uses. */
static int64_t row_of(const struct job *j, int64_t b, int64_t h, int64_t i)
{
    return (b * j->heads + h) * j->lq + i;
}

static int64_t key_row(const struct job *j, int64_t b, int64_t h, int64_t key)
{
    return (b * j->kv_heads + h / (j->heads / j->kv_heads)) * j->lk + key;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* s_ij for all keys of one query. */
static void scores_of(const struct job *j, int64_t b, int64_t h, int64_t i, double *s)
{
    const struct tn_ref_tensor *in = j->ctx->in;
    int64_t n = visible_keys(j, b), last = j->causal ? i + n - j->lq : n - 1;
    const double *q = in[Q].data.f + row_of(j, b, h, i) * j->d;
    for (int64_t key = 0; key < j->lk; key++) {
        int64_t at = b * j->mask_stride[0] + h * j->mask_stride[1] + i * j->mask_stride[2] +
                     key * j->mask_stride[3];
        s[key] = -INFINITY;
        if (key >= n || key > last)
            continue;
        if (in[MASK].data.any && in[MASK].type.dtype == TN_BOOL && !in[MASK].data.i[at])
            continue;
        s[key] = j->scale * dot(q, in[K].data.f + key_row(j, b, h, key) * j->d, j->d);
        if (in[MASK].data.any && in[MASK].type.dtype != TN_BOOL)
            s[key] += in[MASK].data.f[at];
    }
}

static double log_sum_exp(const double *s, int64_t n)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        top = s[i] > top ? s[i] : top;
    double base = top == -INFINITY ? 0 : top;
    for (int64_t i = 0; i < n; i++)
        sum += exp(s[i] - base);
    return base + log(sum);
}

static void reference(const struct tn_ref *ctx)
{
    struct job j = job_of(ctx);
    double *s = ctx->scratch;
    for (int64_t r = 0; r < j.n_batch * j.heads * j.lq; r++) {
        int64_t i = r % j.lq, h = r / j.lq % j.heads, b = r / j.lq / j.heads;
        double *y = ctx->out[0].data.f + r * j.dv;
        scores_of(&j, b, h, i, s);
        double lse = log_sum_exp(s, j.lk);
        ctx->out[1].data.f[r] = lse;
        for (int64_t c = 0; c < j.dv; c++)
            y[c] = 0;
        for (int64_t key = 0; key < j.lk; key++) {
            const double *v = ctx->in[V].data.f + key_row(&j, b, h, key) * j.dv;
            double p = s[key] == -INFINITY ? 0 : exp(s[key] - lse);
            for (int64_t c = 0; c < j.dv && s[key] != -INFINITY; c++)
                y[c] += p * v[c];
        }
        /* a score of NaN makes lse NaN, and with it every place, those of masked keys too */
        for (int64_t c = 0; c < j.dv && isnan(lse); c++)
            y[c] = NAN;
    }
}

static void grad_reference(const struct tn_ref *ctx)
{
    struct job j = job_of(ctx);
    const struct tn_ref_tensor *in = ctx->in;
    double *s = ctx->scratch;
    for (uint32_t k = 0; k < 4; k++)
        tn_ops_clear(&ctx->out[k]);
    for (int64_t r = 0; r < j.n_batch * j.heads * j.lq; r++) {
        int64_t i = r % j.lq, h = r / j.lq % j.heads, b = r / j.lq / j.heads;
        const double *q = in[Q].data.f + r * j.d, *dy = in[DY].data.f + r * j.dv;
        double delta = dot(dy, in[Y].data.f + r * j.dv, j.dv);
        scores_of(&j, b, h, i, s);
        for (int64_t key = 0; key < j.lk; key++) {
            if (s[key] == -INFINITY)
                continue;
            int64_t at = key_row(&j, b, h, key);
            double p = exp(s[key] - in[LSE].data.f[r]);
            double ds = p * (dot(dy, in[V].data.f + at * j.dv, j.dv) - delta);
            for (int64_t c = 0; c < j.dv; c++)
                ctx->out[V].data.f[at * j.dv + c] += p * dy[c];
            for (int64_t c = 0; c < j.d; c++) {
                ctx->out[Q].data.f[r * j.d + c] += j.scale * ds * in[K].data.f[at * j.d + c];
                ctx->out[K].data.f[at * j.d + c] += j.scale * ds * q[c];
            }
            if (ctx->out[MASK].count)
                ctx->out[MASK].data.f[r * j.lk + key] = ds;
        }
    }
}

static int64_t scratch(const struct tn_ref *ctx)
{
    return ctx->in[Q].count ? ctx->in[K].type.shape.dim[2] : 0;
}

/* --- operators --- */

#define INPUTS                                                                                 \
    "q [B, H, Lq, D], k [B, Hkv, Lk, D], v [B, Hkv, Lk, Dv] float, one dtype, Hkv divides H; " \
    "mask? broadcasts to [B, H, Lq, Lk]: bool (true: may be seen) or q's dtype (added to the " \
    "scores), and what it hides must be finite all the same; kv_len? i32 or i64, [B] or a "    \
    "scalar: keys from there on are masked and not read (clamped to 0 .. Lk)"

const struct tn_op tn_op_attention = {
    .name = "attention",
    .version = 1,
    .min_in = 3,
    .max_in = Y,
    .n_out = 2,
    .in_names = in_names,
    .out_names = out_names,
    .attrs = attrs,
    .n_attrs = TN_LEN(attrs),
    .formula = "y = softmax(scale q k^T + mask) v for each head; lse = log(sum(e^scores))",
    .shapes = INPUTS
    " -> y [B, H, Lq, Dv], lse [B, H, Lq] (f32; f64 for f64). Causal masks key j from query i "
    "where "
    "j > i + n - Lq, n = kv_len or Lk: the last query sees the last key (PyTorch aligns the first "
    "ones; they agree where Lq = n). A query that sees no key "
    "gives 0 and lse = -inf. Values of masked keys must be finite, but for those beyond kv_len. "
    "Gradient to q, k, v and an additive mask; one that arrives at lse is an error",
    .infer = infer,
    .gradient = gradient,
    .reference = reference,
    .scratch = scratch,
};

const struct tn_op tn_op_attention_grad = {
    .name = "attention_grad",
    .version = 1,
    .min_in = N_IN,
    .max_in = N_IN,
    .n_out = 4,
    .in_names = in_names,
    .out_names = grad_names,
    .attrs = grad_attrs,
    .n_attrs = TN_LEN(grad_attrs),
    .formula = "p = e^(scores - lse); dv = p^T dy; ds = p (dy v^T - sum(dy y)); dq = scale ds k; "
               "dk = scale ds^T q; dmask = ds",
    .shapes = INPUTS "; y, lse: attention's; dy like y -> dq, dk, dv like q, k, v; dmask "
                     "[B, H, Lq, Lk], or [0] without mask_grad",
    .infer = grad_infer,
    .no_gradient = TN_OPS_NO_SECOND,
    .reference = grad_reference,
    .scratch = scratch,
};
