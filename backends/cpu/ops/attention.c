/* SPDX-License-Identifier: MIT
 *
 * attention and attention_grad, in tiles of queries and keys (Dao et al., "FlashAttention", 2022):
 * no more than TILE_Q x TILE_K scores exist at a time, and a query's sum is put right as larger
 * scores come. Keys beyond a query's last, or kv_len, are not read. */
#include "gemm.h"
#include "vmath.h"

enum { TILE_Q = 48, TILE_K = 256 };
enum { Q, K, V, MASK, KV_LEN, Y, LSE, DY };

struct state {
    int64_t batch, heads, kv_heads, lq, lk, d, dv;
    int64_t mask_stride[4]; /* of b, h, i, j; 0 where it is broadcast */
    float scale;
    bool causal, has_mask, bool_mask, has_len, wide_len, len_each, mask_grad;
    uint64_t ws_each; /* bytes per thread */
};

/* One tile: rows are queries i0 .. of head h, columns keys j0 .. of its head of keys. */
struct tile {
    const struct cpu_kernel *k;
    int64_t b, h, i0, rows, j0, cols;
    int64_t n_keys; /* of batch entry b */
    float *s;       /* [TILE_Q, TILE_K] */
    float *t;       /* the same; backward only */
    void *scratch;  /* of gemm */
};

static int64_t keys_of(const struct cpu_kernel *k, int64_t b)
{
    const struct state *s = k->state;
    if (!s->has_len)
        return s->lk;
    int64_t n = cpu_index_at(k->in[KV_LEN], s->wide_len, s->len_each ? b : 0);
    return cpu_max64(0, cpu_min64(n, s->lk));
}

/* Keys that query i sees, but for the mask: [0, result). */
static int64_t seen(const struct tile *t, int64_t i)
{
    const struct state *s = t->k->state;
    int64_t n = s->causal ? i + t->n_keys - s->lq + 1 : t->n_keys;
    return cpu_max64(0, cpu_min64(n, t->n_keys));
}

static void product(const struct tile *t, const struct cpu_gemm *g)
{
    CPU_SYM(cpu_gemm)(g, t->scratch);
}

/* t->s = masked, scaled scores of the tile. */
static void scores(const struct tile *t)
{
    const struct state *s = t->k->state;
    int64_t kv = t->b * s->kv_heads + t->h / (s->heads / s->kv_heads);
    product(t, &(struct cpu_gemm){.m = t->rows,
                                  .n = t->cols,
                                  .k = s->d,
                                  .a = cpu_in(t->k, Q) +
                                       ((t->b * s->heads + t->h) * s->lq + t->i0) * s->d,
                                  .a_row = s->d,
                                  .a_col = 1,
                                  .b = cpu_in(t->k, K) + (kv * s->lk + t->j0) * s->d,
                                  .b_row = 1,
                                  .b_col = s->d,
                                  .c = t->s,
                                  .c_row = TILE_K});
    for (int64_t r = 0; r < t->rows; r++) {
        float *row = t->s + r * TILE_K;
        int64_t end = cpu_max64(0, cpu_min64(t->cols, seen(t, t->i0 + r) - t->j0));
        int64_t at = t->b * s->mask_stride[0] + t->h * s->mask_stride[1] +
                     (t->i0 + r) * s->mask_stride[2] + t->j0 * s->mask_stride[3];
        int64_t step = s->mask_stride[3];
        CPU_SIMD for (int64_t j = 0; j < end; j++) row[j] *= s->scale;
        if (s->bool_mask) {
            const uint8_t *mask = t->k->in[MASK] + at;
            for (int64_t j = 0; j < end; j++)
                row[j] = mask[j * step] ? row[j] : -INFINITY;
        } else if (s->has_mask) {
            const float *mask = cpu_in(t->k, MASK) + at;
            for (int64_t j = 0; j < end; j++)
                row[j] += mask[j * step];
        }
        for (int64_t j = end; j < t->cols; j++)
            row[j] = -INFINITY;
    }
}

/* Keys [0, result) are those that some query of the tile sees. */
static int64_t last_key(const struct tile *t)
{
    return seen(t, t->i0 + t->rows - 1);
}

static float top_of(const float *x, int64_t n, float top)
{
    for (int64_t j = 0; j < n; j++)
        top = x[j] > top || x[j] != x[j] ? x[j] : top;
    return top;
}

/* A tile of keys for one query: weights e^(s - top) in place; sum and the row of y are brought to
 * the new top. */
static void fold_row(float *row, int64_t n, float *top, double *sum, float *y, int64_t dv)
{
    float now = *top != *top ? *top : top_of(row, n, *top);
    if (now == -INFINITY) { /* nothing seen yet */
        memset(row, 0, (size_t)n * sizeof *row);
        return;
    }
    float shrink = *top == -INFINITY ? 0 : cpu_expf(*top - now);
    double more = 0;
    CPU_SIMD for (int64_t j = 0; j < n; j++) row[j] = cpu_expf(row[j] - now);
#pragma omp simd reduction(+ : more)
    for (int64_t j = 0; j < n; j++)
        more += (double)row[j];
    *sum = *sum * (double)shrink + more;
    if (shrink != 1)
        CPU_SIMD for (int64_t c = 0; c < dv; c++) y[c] *= shrink;
    *top = now;
}

static void forward_tile(struct tile *t)
{
    const struct state *s = t->k->state;
    int64_t row0 = (t->b * s->heads + t->h) * s->lq + t->i0;
    int64_t kv = t->b * s->kv_heads + t->h / (s->heads / s->kv_heads);
    float *y = cpu_out(t->k, 0) + row0 * s->dv, *lse = cpu_out(t->k, 1) + row0, top[TILE_Q];
    double sum[TILE_Q];
    int64_t end = last_key(t);
    memset(y, 0, (size_t)(t->rows * s->dv) * sizeof *y);
    for (int64_t r = 0; r < t->rows; r++) {
        top[r] = -INFINITY;
        sum[r] = 0;
    }
    for (t->j0 = 0; t->j0 < end; t->j0 += TILE_K) {
        t->cols = cpu_min64(TILE_K, end - t->j0);
        scores(t);
        for (int64_t r = 0; r < t->rows; r++)
            fold_row(t->s + r * TILE_K, t->cols, &top[r], &sum[r], y + r * s->dv, s->dv);
        product(t, &(struct cpu_gemm){.m = t->rows,
                                      .n = s->dv,
                                      .k = t->cols,
                                      .a = t->s,
                                      .a_row = TILE_K,
                                      .a_col = 1,
                                      .b = cpu_in(t->k, V) + (kv * s->lk + t->j0) * s->dv,
                                      .b_row = s->dv,
                                      .b_col = 1,
                                      .c = y,
                                      .c_row = s->dv,
                                      .accumulate = true});
    }
    for (int64_t r = 0; r < t->rows; r++) {
        lse[r] = top[r] == -INFINITY ? -INFINITY : (float)((double)top[r] + log(sum[r]));
        float share = sum[r] == 0 ? 0 : (float)(1 / sum[r]);
        if (top[r] != -INFINITY)
            CPU_SIMD for (int64_t c = 0; c < s->dv; c++) y[r * s->dv + c] *= share;
    }
}

static void tile_init(struct tile *t, const struct cpu_kernel *k, uint32_t piece)
{
    const struct state *s = k->state;
    uint8_t *ws = k->ws + piece * s->ws_each;
    t->k = k;
    t->s = (float *)(void *)ws;
    t->t = t->s + TILE_Q * TILE_K;
    t->scratch = ws + 2 * TILE_Q * TILE_K * sizeof(float);
}

static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    struct tile t = {0};
    tile_init(&t, k, piece);
    int64_t tiles = (s->lq + TILE_Q - 1) / TILE_Q;
    for (int64_t e = lo; e < hi; e++) {
        t.b = e / tiles / s->heads;
        t.h = e / tiles % s->heads;
        t.n_keys = keys_of(k, t.b);
        t.i0 = e % tiles * TILE_Q;
        t.rows = cpu_min64(TILE_Q, s->lq - t.i0);
        forward_tile(&t);
    }
}

static tnb_status run(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    int64_t work = TILE_Q * (s->lk + 1) * (s->d + s->dv + 8);
    cpu_parallel(k->inst->pool, s->batch * s->heads * ((s->lq + TILE_Q - 1) / TILE_Q),
                 1 + 8 * CPU_GRAIN / work, forward_range, k);
    return TNB_OK;
}

/* --- gradient --- */

/* t->s = p, t->t = dp becomes ds; delta[r] = sum of dy y. */
static void slopes(const struct tile *t, const float *lse, const float *delta)
{
    for (int64_t r = 0; r < t->rows; r++) {
        float *p = t->s + r * TILE_K, *ds = t->t + r * TILE_K;
        for (int64_t j = 0; j < t->cols; j++) {
            bool gone = p[j] == -INFINITY;
            p[j] = gone ? 0 : cpu_expf(p[j] - lse[r]);
            ds[j] = gone ? 0 : p[j] * (ds[j] - delta[r]);
        }
    }
}

static void write_dmask(const struct tile *t, int64_t row0)
{
    const struct state *s = t->k->state;
    for (int64_t r = 0; r < t->rows; r++)
        memcpy(cpu_out(t->k, 3) + (row0 + r) * s->lk + t->j0, t->t + r * TILE_K,
               (size_t)t->cols * sizeof(float));
}

/* dv += p^T dy, dq += ds k, dk += ds^T q; scale is in ds by now. */
static void backward_products(const struct tile *t, int64_t row0, int64_t key0)
{
    const struct state *s = t->k->state;
    struct cpu_gemm g = {.accumulate = true, .m = t->cols, .n = s->dv, .k = t->rows};
    g.a = t->s;
    g.a_row = 1;
    g.a_col = TILE_K;
    g.b = cpu_in(t->k, DY) + row0 * s->dv;
    g.b_row = g.c_row = s->dv;
    g.b_col = 1;
    g.c = cpu_out(t->k, 2) + key0 * s->dv;
    product(t, &g);
    g.n = g.b_row = g.c_row = s->d;
    g.a = t->t;
    g.b = cpu_in(t->k, Q) + row0 * s->d;
    g.c = cpu_out(t->k, 1) + key0 * s->d;
    product(t, &g);
    g.m = t->rows;
    g.k = t->cols;
    g.a_row = TILE_K;
    g.a_col = 1;
    g.b = cpu_in(t->k, K) + key0 * s->d;
    g.c = cpu_out(t->k, 0) + row0 * s->d;
    product(t, &g);
}

static void backward_tile(struct tile *t)
{
    const struct state *s = t->k->state;
    int64_t row0 = (t->b * s->heads + t->h) * s->lq + t->i0, end = last_key(t);
    int64_t kv = t->b * s->kv_heads + t->h / (s->heads / s->kv_heads);
    const float *y = cpu_in(t->k, Y) + row0 * s->dv, *dy = cpu_in(t->k, DY) + row0 * s->dv;
    float delta[TILE_Q];
    for (int64_t r = 0; r < t->rows; r++) {
        double sum = 0;
        for (int64_t c = 0; c < s->dv; c++)
            sum += (double)y[r * s->dv + c] * (double)dy[r * s->dv + c];
        delta[r] = (float)sum;
    }
    for (t->j0 = 0; t->j0 < end; t->j0 += TILE_K) {
        t->cols = cpu_min64(TILE_K, end - t->j0);
        int64_t key0 = kv * s->lk + t->j0;
        scores(t);
        product(t, &(struct cpu_gemm){.m = t->rows,
                                      .n = t->cols,
                                      .k = s->dv,
                                      .a = dy,
                                      .a_row = s->dv,
                                      .a_col = 1,
                                      .b = cpu_in(t->k, V) + key0 * s->dv,
                                      .b_row = 1,
                                      .b_col = s->dv,
                                      .c = t->t,
                                      .c_row = TILE_K});
        slopes(t, cpu_in(t->k, LSE) + row0, delta);
        if (s->mask_grad)
            write_dmask(t, row0);
        CPU_SIMD for (int64_t e = 0; e < t->rows * TILE_K; e++) t->t[e] *= s->scale;
        backward_products(t, row0, key0);
    }
}

static void clear(float *to, int64_t n)
{
    if (n > 0)
        memset(to, 0, (size_t)n * sizeof *to);
}

/* A piece owns heads of keys, and with them the query heads that use them: no sum is shared. */
static void backward_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_kernel *k = arg;
    const struct state *s = k->state;
    struct tile t = {0};
    tile_init(&t, k, piece);
    int64_t group = s->heads / s->kv_heads, rows = group * s->lq;
    for (int64_t e = lo; e < hi; e++) {
        clear(cpu_out(k, 0) + e * rows * s->d, rows * s->d);
        clear(cpu_out(k, 1) + e * s->lk * s->d, s->lk * s->d);
        clear(cpu_out(k, 2) + e * s->lk * s->dv, s->lk * s->dv);
        if (s->mask_grad)
            clear(cpu_out(k, 3) + e * rows * s->lk, rows * s->lk);
        t.b = e / s->kv_heads;
        t.n_keys = keys_of(k, t.b);
        for (int64_t g = 0; g < group; g++)
            for (t.i0 = 0; t.i0 < s->lq; t.i0 += TILE_Q) {
                t.h = e % s->kv_heads * group + g;
                t.rows = cpu_min64(TILE_Q, s->lq - t.i0);
                backward_tile(&t);
            }
    }
}

static tnb_status run_grad(const struct cpu_kernel *k, tnb_error *err)
{
    const struct state *s = k->state;
    if (s->kv_heads > 0)
        cpu_parallel(k->inst->pool, s->batch * s->kv_heads, 1, backward_range, k);
    return TNB_OK;
}

/* --- entry --- */

static bool supports(const struct cpu_query *q, char why[CPU_WHY])
{
    const tnb_tensor *mask = q->n_in > MASK ? q->in[MASK] : NULL;
    if (mask && mask->dtype != TNB_F32 && mask->dtype != TNB_BOOL)
        return cpu_refuse(why, "mask is %s; the cpu takes f32 or bool",
                          cpu_dtype_name(mask->dtype));
    return cpu_need_f32(q, 1u << Q | 1u << K | 1u << V | 1u << Y | 1u << LSE | 1u << DY, 15, why);
}

static void set_mask(struct state *s, const tnb_tensor *mask)
{
    s->has_mask = mask != NULL;
    s->bool_mask = mask && mask->dtype == TNB_BOOL;
    int64_t stride = 1;
    for (uint32_t d = mask ? mask->rank : 0; d-- > 0; stride *= mask->dim[d])
        s->mask_stride[4 - mask->rank + d] = mask->dim[d] == 1 ? 0 : stride;
}

static tnb_status prepare(const struct cpu_query *q, struct cpu_kernel *k, tnb_error *err)
{
    struct state *s = cpu_state(k, sizeof *s, err);
    if (!s)
        return TNB_E_OOM;
    bool grad = q->n_in > DY;
    const tnb_tensor *len = q->n_in > KV_LEN ? q->in[KV_LEN] : NULL;
    double scale = tnb_attr_float(q->node, "scale", 0);
    s->batch = q->in[Q]->dim[0];
    s->heads = q->in[Q]->dim[1];
    s->kv_heads = q->in[K]->dim[1];
    s->lq = q->in[Q]->dim[2];
    s->lk = q->in[K]->dim[2];
    s->d = q->in[Q]->dim[3];
    s->dv = q->in[V]->dim[3];
    s->scale = (float)(scale == 0 ? 1 / sqrt((double)s->d) : scale);
    s->causal = tnb_attr_int(q->node, "causal", 0) != 0;
    s->mask_grad = grad && tnb_attr_int(q->node, "mask_grad", 0) != 0;
    s->has_len = len != NULL;
    s->wide_len = len && len->dtype == TNB_I64;
    s->len_each = len && len->rank == 1;
    set_mask(s, q->n_in > MASK ? q->in[MASK] : NULL);
    s->ws_each = cpu_align_up(2 * TILE_Q * TILE_K * sizeof(float)) + CPU_SYM(cpu_gemm_scratch)();
    k->ws_bytes = k->inst->n_threads * s->ws_each;
    k->run = grad ? run_grad : run;
    return TNB_OK;
}

const struct cpu_op CPU_SYM(cpu_attention)[] = {
    {.name = "attention", .loops = {"tiles", CPU_PROVIDER_LOOPS, supports, prepare}},
    {.name = "attention_grad", .loops = {"tiles", CPU_PROVIDER_LOOPS, supports, prepare}},
    {.name = NULL},
};
