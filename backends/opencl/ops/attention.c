/* Attention as products with kernels between them. The query heads that share a head of keys lie
 * side by side, so a batch entry's head of keys is one product of [H / Hkv * Lq, D] and [Lk, D].
 * Scores are scratch, a part of the heads (forward: or of the rows) at a time. */
#include <math.h>

#include "../gemm.h"
#include "ops.h"

enum { Q, K, V, MASK, KV_LEN, Y, LSE, DY };

/* Scores that exist at a time: they should stay in a CPU's cache, and keep a GPU busy. */
#define SCORES_CPU (4 << 20)
#define SCORES_GPU (64 << 20)

struct attention {
    int64_t pairs; /* batch entries x heads of keys */
    int64_t rows;  /* queries per pair: H / Hkv * Lq */
    int64_t heads, kv_heads, lq, lk, d, dv;
    struct ocl_ref k, v; /* without what lies beyond kv_len */
};

static struct attention attention_of(struct ocl_build *b)
{
    const tnb_tensor *q = ocl_in_type(b, Q), *k = ocl_in_type(b, K);
    struct attention a = {.heads = q->dim[1],
                          .kv_heads = k->dim[1],
                          .lq = q->dim[2],
                          .lk = k->dim[2],
                          .d = q->dim[3],
                          .dv = ocl_in_type(b, V)->dim[3],
                          .k = ocl_in(b, K),
                          .v = ocl_in(b, V)};
    a.pairs = q->dim[0] * a.kv_heads;
    a.rows = a.kv_heads ? a.heads / a.kv_heads * a.lq : 0;
    return a;
}

static int len_kind(const struct ocl_build *b)
{
    if (!ocl_has_in(b, KV_LEN))
        return 0;
    return ocl_in_type(b, KV_LEN)->dtype == TNB_I32 ? 1 : 2;
}

static bool len_each(const struct ocl_build *b)
{
    return ocl_has_in(b, KV_LEN) && ocl_in_type(b, KV_LEN)->rank == 1;
}

/* len32, len64: one of them, the other absent */
static void arg_lengths(struct ocl_build *b)
{
    struct ocl_ref none = {OCL_REF_NONE, 0, 0}, len = ocl_in(b, KV_LEN);
    int kind = len_kind(b);
    ocl_arg_ref(b, kind == 1 ? len : none, 4);
    ocl_arg_ref(b, kind == 2 ? len : none, 8);
}

/* Zero weights times what lies beyond kv_len must be zero, whatever lies there. */
static struct ocl_ref clean(struct ocl_build *b, const struct attention *a, struct ocl_ref x,
                            int64_t width)
{
    int64_t n = a->pairs * a->lk;
    if (!ocl_has_in(b, KV_LEN) || n * width == 0)
        return x;
    struct ocl_ref y = ocl_scratch(b, (uint64_t)(n * width) * 4);
    ocl_kernel(b, "attention", "", "attention_clean");
    ocl_arg_f32(b, x);
    ocl_arg_f32(b, y);
    arg_lengths(b);
    ocl_arg_int(b, len_kind(b));
    ocl_arg_int(b, len_each(b));
    ocl_arg_int(b, a->kv_heads);
    ocl_arg_int(b, a->lk);
    ocl_arg_int(b, width);
    ocl_each(b, n, width >= 256 ? 1 : 256 / width);
    return y;
}

/* The arguments of MASKING. */
static void arg_masking(struct ocl_build *b, const struct attention *a, int64_t row0)
{
    struct ocl_ref none = {OCL_REF_NONE, 0, 0};
    const tnb_tensor *mask = ocl_has_in(b, MASK) ? ocl_in_type(b, MASK) : NULL;
    int kind = !mask ? 0 : mask->dtype == TNB_BOOL ? 1 : 2;
    int64_t stride[4] = {0}, step = 1;
    for (uint32_t d = mask ? mask->rank : 0; d-- > 0; step *= mask->dim[d])
        stride[4 - mask->rank + d] = mask->dim[d] == 1 ? 0 : step;
    double scale = tnb_attr_float(b->node, "scale", 0);
    ocl_arg_ref(b, kind == 1 ? ocl_in(b, MASK) : none, 1);
    ocl_arg_ref(b, kind == 2 ? ocl_in(b, MASK) : none, 4);
    arg_lengths(b);
    ocl_arg_int(b, kind);
    ocl_arg_int(b, len_kind(b));
    ocl_arg_int(b, len_each(b));
    for (int i = 0; i < 4; i++)
        ocl_arg_int(b, stride[i]);
    ocl_arg_int(b, a->heads);
    ocl_arg_int(b, a->lq);
    ocl_arg_int(b, a->lk);
    ocl_arg_int(b, tnb_attr_int(b->node, "causal", 0) != 0);
    ocl_arg_float(b, scale == 0 ? 1 / sqrt((double)a->d) : scale);
    ocl_arg_int(b, row0);
}

static void over_rows(struct ocl_build *b, const struct attention *a, int64_t rows)
{
    uint32_t size = 32;
    while (size < 256 && size < a->lk)
        size *= 2;
    if (ocl_is_gpu(b))
        ocl_groups(b, rows, size);
    else
        ocl_each(b, rows, a->lk >= 256 ? 1 : 256 / (a->lk + 1));
}

static struct ocl_ref at(struct ocl_ref ref, int64_t n_floats)
{
    return ocl_ref_at(ref, (uint64_t)n_floats * 4);
}

/* c [pairs, m, n] = a b, each pair's operands behind the last's. */
static void product(struct ocl_build *b, struct ocl_gemm_spec s, int64_t pairs)
{
    s.n_batch = s.n_batch_b = pairs;
    s.batch = (struct ocl_nest){.n_operands = 2};
    if (pairs > 1) {
        s.batch.rank = 1;
        s.batch.dim[0] = pairs;
        s.batch.stride[0][0] = s.batch.stride[1][0] = 1;
    }
    uint64_t mark = b->scratch; /* launches run in order: the next may have this one's scratch */
    ocl_emit_gemm(b, &s);
    b->scratch = mark;
}

static int64_t scores_at_a_time(const struct ocl_build *b)
{
    return ocl_is_gpu(b) ? SCORES_GPU : SCORES_CPU;
}

/* Rows [row, row + rows) of each of `pairs` pairs from `pair` on; more than one pair: all rows. */
static void forward_part(struct ocl_build *b, const struct attention *a, struct ocl_ref s,
                         int64_t pair, int64_t pairs, int64_t row, int64_t rows)
{
    int64_t row0 = pair * a->rows + row;
    product(b,
            (struct ocl_gemm_spec){.a = at(ocl_in(b, Q), row0 * a->d),
                                   .b = at(ocl_in(b, K), pair * a->lk * a->d),
                                   .c = s,
                                   .m = rows,
                                   .n = a->lk,
                                   .k = a->d,
                                   .trans_b = true},
            pairs);
    ocl_kernel(b, "attention", "",
               ocl_is_gpu(b) ? "attention_weights_group" : "attention_weights_rows");
    ocl_arg_f32(b, s);
    ocl_arg_f32(b, ocl_out(b, 1));
    arg_masking(b, a, row0);
    over_rows(b, a, pairs * rows);
    product(b,
            (struct ocl_gemm_spec){.a = s,
                                   .b = at(a->v, pair * a->lk * a->dv),
                                   .c = at(ocl_out(b, 0), row0 * a->dv),
                                   .m = rows,
                                   .n = a->dv,
                                   .k = a->lk},
            pairs);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ocl_emit_attention(struct ocl_build *b)
{
    struct attention a = attention_of(b);
    int64_t each = a.rows * a.lk, most = scores_at_a_time(b);
    if (a.pairs * a.rows == 0)
        return;
    a.v = clean(b, &a, a.v, a.dv);
    int64_t pairs = each ? least(a.pairs, most / each) : a.pairs;
    int64_t rows = pairs > 0 ? a.rows : most / a.lk;
    pairs = pairs > 0 ? pairs : 1;
    rows = rows > 0 ? rows : 1;
    struct ocl_ref s = ocl_scratch(b, (uint64_t)(pairs * rows * a.lk) * 4);
    for (int64_t pair = 0; pair < a.pairs; pair += pairs)
        for (int64_t row = 0; row < a.rows; row += rows)
            forward_part(b, &a, s, pair, least(pairs, a.pairs - pair), row,
                         least(rows, a.rows - row));
}

/* --- gradient --- */

static void emit_slopes(struct ocl_build *b, const struct attention *a, struct ocl_ref s,
                        struct ocl_ref dp, int64_t pair, int64_t pairs)
{
    bool mask_grad = tnb_attr_int(b->node, "mask_grad", 0) != 0;
    ocl_kernel(b, "attention", "",
               ocl_is_gpu(b) ? "attention_slopes_group" : "attention_slopes_rows");
    ocl_arg_f32(b, s);
    ocl_arg_f32(b, dp);
    ocl_arg_f32(b, mask_grad ? ocl_out(b, 3) : (struct ocl_ref){OCL_REF_NONE, 0, 0});
    ocl_arg_f32(b, ocl_in(b, Y));
    ocl_arg_f32(b, ocl_in(b, DY));
    ocl_arg_f32(b, ocl_in(b, LSE));
    arg_masking(b, a, pair * a->rows);
    ocl_arg_int(b, a->dv);
    ocl_arg_int(b, mask_grad);
    over_rows(b, a, pairs * a->rows);
}

static void backward_part(struct ocl_build *b, const struct attention *a, struct ocl_ref s,
                          struct ocl_ref dp, int64_t pair, int64_t pairs)
{
    int64_t key0 = pair * a->lk, row0 = pair * a->rows;
    struct ocl_ref q = at(ocl_in(b, Q), row0 * a->d), dy = at(ocl_in(b, DY), row0 * a->dv);
    struct ocl_ref k = at(a->k, key0 * a->d), v = at(a->v, key0 * a->dv);
    struct ocl_gemm_spec g = {.a = q, .b = k, .c = s, .m = a->rows, .n = a->lk, .k = a->d};
    g.trans_b = true;
    product(b, g, pairs);
    g.a = dy;
    g.b = v;
    g.c = dp;
    g.k = a->dv;
    product(b, g, pairs);
    if (a->rows * pairs > 0)
        emit_slopes(b, a, s, dp, pair, pairs);
    g = (struct ocl_gemm_spec){.a = s, .b = dy, .m = a->lk, .n = a->dv, .k = a->rows};
    g.trans_a = true;
    g.c = at(ocl_out(b, 2), key0 * a->dv);
    product(b, g, pairs);
    g.a = dp;
    g.b = q;
    g.c = at(ocl_out(b, 1), key0 * a->d);
    g.n = a->d;
    product(b, g, pairs);
    g = (struct ocl_gemm_spec){.a = dp, .b = k, .m = a->rows, .n = a->d, .k = a->lk};
    g.c = at(ocl_out(b, 0), row0 * a->d);
    product(b, g, pairs);
}

void ocl_emit_attention_grad(struct ocl_build *b)
{
    struct attention a = attention_of(b);
    int64_t each = 2 * a.rows * a.lk;
    if (a.pairs == 0)
        return;
    a.k = clean(b, &a, a.k, a.d);
    a.v = clean(b, &a, a.v, a.dv);
    int64_t pairs = each ? least(a.pairs, scores_at_a_time(b) / each) : a.pairs;
    pairs = pairs > 0 ? pairs : 1;
    struct ocl_ref s = ocl_scratch(b, (uint64_t)(pairs * a.rows * a.lk) * 4);
    struct ocl_ref dp = ocl_scratch(b, (uint64_t)(pairs * a.rows * a.lk) * 4);
    for (int64_t pair = 0; pair < a.pairs; pair += pairs)
        backward_part(b, &a, s, dp, pair, least(pairs, a.pairs - pair));
}
