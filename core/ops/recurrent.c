#include "ops/recurrent.h"

#include <inttypes.h>
#include <string.h>

#include "graph/graph.h"

const char *const tn_rec_in[7] = {"x", "w", "r", "b?", "lengths?", "h0?", "c0?"};
const char *const tn_rec_grad_in[11] = {"x",   "w",     "r",       "lengths?", "h0?",  "y",
                                        "dy?", "dy_h?", "reserve", "c0?",      "dy_c?"};
const char *const tn_rec_grad_out[6] = {"dx", "dw", "dr", "db", "dh0", "dc0"};

/* --- shape rules --- */

/* 1, 2, or 0 for a direction that is none. */
static int64_t count_dirs(const char *direction)
{
    if (strcmp(direction, "bidirectional") == 0)
        return 2;
    return strcmp(direction, "forward") == 0 || strcmp(direction, "reverse") == 0;
}

static tn_status expect(const struct tn_infer *ctx, uint32_t input, const char *name,
                        const char *meaning, struct tn_shape want)
{
    char text[128], own[128];
    if (tn_shape_equal(&ctx->in[input]->shape, &want))
        return TN_OK;
    return tn_infer_fail(ctx, "'%s' must be %s = %s, is %s", name, meaning,
                         tn_shape_format(&want, text, sizeof text),
                         tn_shape_format(&ctx->in[input]->shape, own, sizeof own));
}

/* The dims that the rest is checked against. */
struct dims {
    int64_t steps, batch, in, hidden, dirs;
};

static tn_status check_operands(const struct tn_infer *ctx, const struct tn_rec_kind *kind,
                                struct dims *out_dims)
{
    tn_status st = tn_infer_float(ctx, REC_X);
    for (uint32_t i = REC_X; st == TN_OK && i <= REC_R; i++) {
        st = tn_infer_rank(ctx, i, 3, 3);
        if (st == TN_OK)
            st = tn_infer_same_dtype(ctx, REC_X, i);
    }
    if (st != TN_OK)
        return st;
    const int64_t *x = ctx->in[REC_X]->shape.dim;
    const char *direction = tn_attrs_string(ctx->attrs, "direction");
    struct dims d = {x[0], x[1], x[2], ctx->in[REC_R]->shape.dim[2], count_dirs(direction)};
    if (d.dirs == 0)
        return tn_infer_fail(ctx, "direction is '%s'; use forward, reverse or bidirectional",
                             direction);
    if (d.hidden < 1 || d.hidden > INT32_MAX)
        return tn_infer_fail(
            ctx, "'r' must have from 1 to 2^31 - 1 units (its last dim), has %" PRId64, d.hidden);
    st = expect(ctx, REC_R, "r", "[dirs, gates * H, H]",
                TN_SHAPE(d.dirs, kind->gates * d.hidden, d.hidden));
    if (st == TN_OK)
        st = expect(ctx, REC_W, "w", "[dirs, gates * H, I]",
                    TN_SHAPE(d.dirs, kind->gates * d.hidden, d.in));
    *out_dims = d;
    return st;
}

/* Where it is present: of x's dtype and of shape [dirs, B, H]. */
static tn_status check_state(const struct tn_infer *ctx, uint32_t input, const char *name,
                             const struct dims *d)
{
    if (input >= ctx->n_in || !ctx->in[input])
        return TN_OK;
    tn_status st = tn_infer_same_dtype(ctx, REC_X, input);
    return st == TN_OK
               ? expect(ctx, input, name, "[dirs, B, H]", TN_SHAPE(d->dirs, d->batch, d->hidden))
               : st;
}

static tn_status check_lengths(const struct tn_infer *ctx, uint32_t input, const struct dims *d)
{
    if (!ctx->in[input])
        return TN_OK;
    tn_status st = tn_ops_infer_index(ctx, input);
    return st == TN_OK ? expect(ctx, input, "lengths", "[B]", TN_SHAPE(d->batch)) : st;
}

static struct tn_type reserve_type(const struct tn_infer *ctx, const struct tn_rec_kind *kind,
                                   const struct dims *d)
{
    return (struct tn_type){tn_ops_loss_dtype(ctx->in[REC_X]->dtype),
                            TN_SHAPE(d->dirs, d->steps, d->batch, kind->reserve * d->hidden)};
}

tn_status tn_rec_infer(struct tn_infer *ctx, const struct tn_rec_kind *kind)
{
    struct dims d;
    tn_status st = check_operands(ctx, kind, &d);
    if (st == TN_OK && ctx->in[REC_B])
        st = tn_infer_same_dtype(ctx, REC_X, REC_B);
    if (st == TN_OK && ctx->in[REC_B])
        st = expect(ctx, REC_B, "b", "[dirs, 2 * gates * H]",
                    TN_SHAPE(d.dirs, 2 * kind->gates * d.hidden));
    if (st == TN_OK)
        st = check_lengths(ctx, REC_LENGTHS, &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_H0, "h0", &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_C0, "c0", &d);
    if (st != TN_OK)
        return st;
    tn_dtype dtype = ctx->in[REC_X]->dtype;
    uint32_t k = 0;
    ctx->out[k++] = (struct tn_type){dtype, TN_SHAPE(d.steps, d.dirs, d.batch, d.hidden)};
    for (int i = 0; i <= kind->has_cell; i++)
        ctx->out[k++] = (struct tn_type){dtype, TN_SHAPE(d.dirs, d.batch, d.hidden)};
    if (kind->reserve)
        ctx->out[k] = reserve_type(ctx, kind, &d);
    return TN_OK;
}

static tn_status check_y(const struct tn_infer *ctx, uint32_t input, const char *name,
                         const struct dims *d)
{
    if (!ctx->in[input])
        return TN_OK;
    tn_status st = tn_infer_same_dtype(ctx, REC_X, input);
    return st == TN_OK ? expect(ctx, input, name, "[T, dirs, B, H]",
                                TN_SHAPE(d->steps, d->dirs, d->batch, d->hidden))
                       : st;
}

tn_status tn_rec_grad_infer(struct tn_infer *ctx, const struct tn_rec_kind *kind)
{
    struct dims d;
    tn_status st = check_operands(ctx, kind, &d);
    if (st == TN_OK)
        st = check_lengths(ctx, REC_GRAD_LENGTHS, &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_GRAD_H0, "h0", &d);
    if (st == TN_OK)
        st = check_y(ctx, REC_GRAD_Y, "y", &d);
    if (st == TN_OK)
        st = check_y(ctx, REC_GRAD_DY, "dy", &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_GRAD_DY_H, "dy_h", &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_GRAD_C0, "c0", &d);
    if (st == TN_OK)
        st = check_state(ctx, REC_GRAD_DY_C, "dy_c", &d);
    if (st == TN_OK && kind->reserve) {
        struct tn_type want = reserve_type(ctx, kind, &d);
        st = expect(ctx, REC_GRAD_RESERVE, "reserve", "as the forward operator gives it",
                    want.shape);
        if (st == TN_OK && ctx->in[REC_GRAD_RESERVE]->dtype != want.dtype)
            st = tn_infer_fail(ctx, "'reserve' must be %s", tn_dtype_name(want.dtype));
    }
    if (st != TN_OK)
        return st;
    tn_dtype dtype = ctx->in[REC_X]->dtype;
    for (uint32_t i = REC_X; i <= REC_R; i++)
        ctx->out[i] = *ctx->in[i];
    ctx->out[REC_DB] = (struct tn_type){dtype, TN_SHAPE(d.dirs, 2 * kind->gates * d.hidden)};
    for (uint32_t i = REC_DH0; i <= (kind->has_cell ? REC_DC0 : REC_DH0); i++)
        ctx->out[i] = (struct tn_type){dtype, TN_SHAPE(d.dirs, d.batch, d.hidden)};
    return TN_OK;
}

/* --- gradient --- */

tn_status tn_rec_gradient(const struct tn_grad *ctx, const struct tn_rec_kind *kind, const char *op,
                          const char *attr)
{
    uint32_t reserve = kind->has_cell ? 3 : 2, n_in = REC_GRAD_DY_H + 1;
    if (kind->reserve && ctx->out_grad[reserve] != TN_NONE)
        return tn_ops_no_gradient_to(ctx, "x",
                                     "one has arrived at the output 'reserve', which is for the "
                                     "gradient operator alone");
    tn_value in[11] = {ctx->in[REC_X],  ctx->in[REC_W], ctx->in[REC_R],   ctx->in[REC_LENGTHS],
                       ctx->in[REC_H0], ctx->out[0],    ctx->out_grad[0], ctx->out_grad[1]};
    if (kind->reserve)
        in[n_in++] = ctx->out[reserve];
    if (kind->has_cell) {
        in[n_in++] = ctx->in[REC_C0];
        in[n_in++] = ctx->out_grad[2];
    }
    struct tn_attr attrs[2] = {tn_ops_attr(ctx, "direction")};
    if (attr)
        attrs[1] = tn_ops_attr(ctx, attr);
    tn_value out[6];
    uint32_t n_out = kind->has_cell ? 6 : 5;
    tn_graph_op(ctx->graph, op, in, n_in, attrs, attr ? 2 : 1, out, n_out);
    for (uint32_t i = REC_X; i <= REC_B; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i];
    for (uint32_t i = REC_H0; i < ctx->n_in; i++)
        if (ctx->needed[i])
            ctx->in_grad[i] = out[i - REC_H0 + REC_DH0];
    return TN_OK;
}

/* --- references --- */

void tn_rec_open(struct tn_rec *rec, const struct tn_ref *ctx, uint32_t gates)
{
    const int64_t *x = ctx->in[REC_X].type.shape.dim, *r = ctx->in[REC_R].type.shape.dim;
    *rec = (struct tn_rec){.ctx = ctx,
                           .steps = x[0],
                           .batch = x[1],
                           .in = x[2],
                           .hidden = r[2],
                           .dirs = r[0],
                           .rows = gates * r[2]};
    rec->reverse = strcmp(tn_attrs_string(ctx->attrs, "direction"), "reverse") == 0;
    rec->is_grad = ctx->n_out > 4;
    for (uint32_t k = 0; k < ctx->n_out; k++)
        tn_ops_clear(&ctx->out[k]);
}

int64_t tn_rec_length(const struct tn_rec *rec, int64_t b)
{
    const struct tn_ref_tensor *lengths =
        &rec->ctx->in[rec->is_grad ? (uint32_t)REC_GRAD_LENGTHS : (uint32_t)REC_LENGTHS];
    if (!lengths->data.any)
        return rec->steps;
    return TN_MAX(0, TN_MIN(lengths->data.i[b], rec->steps));
}

int64_t tn_rec_time(const struct tn_rec *rec, int64_t d, int64_t s, int64_t length)
{
    return rec->reverse || d == 1 ? length - 1 - s : s;
}

int64_t tn_rec_state_at(const struct tn_rec *rec, int64_t d, int64_t b, int64_t width)
{
    return (d * rec->batch + b) * width;
}

int64_t tn_rec_y_at(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b)
{
    return ((t * rec->dirs + d) * rec->batch + b) * rec->hidden;
}

int64_t tn_rec_reserve_at(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b, int64_t width)
{
    return ((d * rec->steps + t) * rec->batch + b) * width;
}

void tn_rec_load(const struct tn_rec *rec, uint32_t input, int64_t d, int64_t b, double *to)
{
    const double *from = rec->ctx->in[input].data.f;
    for (int64_t u = 0; u < rec->hidden; u++)
        to[u] = from ? from[tn_rec_state_at(rec, d, b, rec->hidden) + u] : 0;
}

void tn_rec_project(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b, double *a)
{
    const struct tn_ref_tensor *in = rec->ctx->in;
    const double *x = in[REC_X].data.f + (t * rec->batch + b) * rec->in;
    for (int64_t g = 0; g < rec->rows; g++) {
        const double *w = in[REC_W].data.f + (d * rec->rows + g) * rec->in;
        a[g] = in[REC_B].data.f ? in[REC_B].data.f[d * 2 * rec->rows + g] : 0;
        for (int64_t i = 0; i < rec->in; i++)
            a[g] += w[i] * x[i];
    }
}

void tn_rec_recur(const struct tn_rec *rec, int64_t d, int64_t from, int64_t to, const double *h,
                  double *a)
{
    const struct tn_ref_tensor *in = rec->ctx->in;
    for (int64_t g = from; g < to; g++) {
        const double *r = in[REC_R].data.f + (d * rec->rows + g) * rec->hidden;
        a[g] = in[REC_B].data.f ? in[REC_B].data.f[(d * 2 + 1) * rec->rows + g] : 0;
        for (int64_t u = 0; u < rec->hidden; u++)
            a[g] += r[u] * h[u];
    }
}

const double *tn_rec_before(const struct tn_rec *rec, int64_t d, int64_t b, int64_t s,
                            int64_t length, const double *h0)
{
    if (s == 0)
        return h0;
    return rec->ctx->in[REC_GRAD_Y].data.f +
           tn_rec_y_at(rec, d, tn_rec_time(rec, d, s - 1, length), b);
}

void tn_rec_project_grad(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b,
                         const double *da)
{
    const struct tn_ref_tensor *in = rec->ctx->in, *out = rec->ctx->out;
    int64_t at = (t * rec->batch + b) * rec->in;
    for (int64_t g = 0; g < rec->rows; g++) {
        int64_t row = (d * rec->rows + g) * rec->in;
        out[REC_DB].data.f[d * 2 * rec->rows + g] += da[g];
        for (int64_t i = 0; i < rec->in; i++) {
            out[REC_DW].data.f[row + i] += da[g] * in[REC_X].data.f[at + i];
            out[REC_DX].data.f[at + i] += da[g] * in[REC_W].data.f[row + i];
        }
    }
}

void tn_rec_recur_grad(const struct tn_rec *rec, int64_t d, int64_t from, int64_t to,
                       const double *h, const double *da, double *dh)
{
    const struct tn_ref_tensor *in = rec->ctx->in, *out = rec->ctx->out;
    for (int64_t g = from; g < to; g++) {
        int64_t row = (d * rec->rows + g) * rec->hidden;
        out[REC_DB].data.f[(d * 2 + 1) * rec->rows + g] += da[g];
        for (int64_t u = 0; u < rec->hidden; u++) {
            out[REC_DR].data.f[row + u] += da[g] * h[u];
            dh[u] += da[g] * in[REC_R].data.f[row + u];
        }
    }
}
