/* Attention between its products: rows of scaled, masked scores become weights, or the slopes of
 * the loss by the scores. Rows are queries, (b, h, i) in one index; `row0` is the first one's.
 * _rows: CPU class. _group: one work-group per row. */

/* kind: 0 no mask, 1 bool, 2 added; len_kind: 0 none, 1 int, 2 long; each: a length per batch entry.
 * s_b .. s_j: strides of the mask, 0 where it is broadcast. */
#define MASKING                                                                                    \
    IN(uchar, seen), IN(float, added), IN(int, len32), IN(long, len64), const int kind,            \
        const int len_kind, const int each, const int s_b, const int s_h, const int s_i,           \
        const int s_j, const int H, const int Lq, const int Lk, const int causal,                  \
        const float scale, const int row0
/* Row r of this launch: its batch entry, the keys [0, end) that it may see, its row of the mask. */
#define ROW(r)                                                                                     \
    const int row = row0 + (r), at_i = row % Lq, bh = row / Lq, at_b = bh / H;                     \
    const long length = len_kind == 1   ? (long)PTR(len32)[each ? at_b : 0]                        \
                        : len_kind == 2 ? PTR(len64)[each ? at_b : 0]                              \
                                        : (long)Lk;                                                \
    const int keys = (int)clamp(length, 0L, (long)Lk);                                             \
    const int end = causal ? clamp(at_i + keys - Lq + 1, 0, keys) : keys;                          \
    const long at_mask = (long)at_b * s_b + (long)(bh - at_b * H) * s_h + (long)at_i * s_i;        \
    __global const uchar *m_seen = seen_mem + (kind == 1 ? seen_at + at_mask : 0);                 \
    __global const float *m_added = added_mem + (kind == 2 ? added_at + at_mask : 0);
#define SCORE(raw, j)                                                                              \
    (kind == 0   ? (raw) * scale                                                                   \
     : kind == 2 ? (raw) * scale + m_added[(long)(j) * s_j]                                        \
                 : (m_seen[(long)(j) * s_j] ? (raw) * scale : -INFINITY))

/* x [rows, D] with zeros in place of the rows beyond each batch entry's length. */
__kernel void attention_clean(IN(float, x), OUT(float, y), IN(int, len32), IN(long, len64),
                              const int len_kind, const int each, const int heads, const int Lk,
                              const int D, const int n, const int chunk)
{
    EACH(r, n, chunk) {
        const int b = r / Lk / heads;
        const long keys = len_kind == 1 ? (long)PTR(len32)[each ? b : 0] : PTR(len64)[each ? b : 0];
        const int keep = (long)(r % Lk) < keys;
        __global const float *px = PTR(x) + (long)r * D;
        __global float *py = PTR(y) + (long)r * D;
        for (int c = 0; c < D; c++)
            py[c] = keep ? px[c] : 0.0f;
    }
}

#ifdef CPU_CLASS
/* s [rows, Lk]: products of q and k become weights in place; lse [rows]. */
__kernel void attention_weights_rows(OUT(float, s), OUT(float, lse), MASKING, const int n,
                                     const int chunk)
{
    EACH(r, n, chunk) {
        ROW(r)
        __global float *p = PTR(s) + (long)r * Lk;
        int j = 0;
        if (kind == 0) {
            INDEPENDENT
            for (j = 0; j < end; j++)
                p[j] *= scale;
        } else {
            INDEPENDENT
            for (j = 0; j < end; j++)
                p[j] = SCORE(p[j], j);
        }
        for (j = end; j < Lk; j++)
            p[j] = -INFINITY;
        float16 tops = (float16)(-INFINITY), sums = (float16)(0.0f);
        float top = -INFINITY, sum = 0.0f;
        for (j = 0; j + 16 <= end; j += 16)
            tops = fmax(tops, vload16(0, p + j));
        for (int l = j; l < end; l++)
            top = fmax(top, p[l]);
        const float8 t8 = fmax(tops.lo, tops.hi);
        const float4 t4 = fmax(t8.lo, t8.hi);
        top = fmax(top, fmax(fmax(t4.x, t4.y), fmax(t4.z, t4.w)));
        const float base = top == -INFINITY ? 0.0f : top;
        for (j = 0; j + 16 <= Lk; j += 16) {
            const float16 e = exp(vload16(0, p + j) - base);
            sums += e;
            vstore16(e, 0, p + j);
        }
        for (; j < Lk; j++) {
            p[j] = exp(p[j] - base);
            sum += p[j];
        }
        sum += sum16(sums);
        const float share = sum == 0.0f ? 0.0f : 1.0f / sum;
        INDEPENDENT
        for (j = 0; j < Lk; j++)
            p[j] *= share;
        PTR(lse)[row] = base + log(sum);
    }
}

/* s: products of q and k become weights; dp: products of dy and v become scale ds; dmask: ds. */
__kernel void attention_slopes_rows(OUT(float, s), OUT(float, dp), OUT(float, dmask), IN(float, y),
                                    IN(float, dy), IN(float, lse), MASKING, const int Dv,
                                    const int mask_grad, const int n, const int chunk)
{
    EACH(r, n, chunk) {
        ROW(r)
        __global float *p = PTR(s) + (long)r * Lk, *d = PTR(dp) + (long)r * Lk;
        __global float *dm = dmask_mem + (mask_grad ? dmask_at + (ulong)row * (ulong)Lk : 0);
        __global const float *py = PTR(y) + (long)row * Dv, *pd = PTR(dy) + (long)row * Dv;
        const float shift = PTR(lse)[row];
        float delta = 0.0f;
        for (int c = 0; c < Dv; c++)
            delta += py[c] * pd[c];
        INDEPENDENT
        for (int j = 0; j < end; j++) {
            const float x = SCORE(p[j], j), w = exp(x - shift);
            const float ds = w * (d[j] - delta);
            p[j] = x == -INFINITY ? 0.0f : w;
            d[j] = x == -INFINITY ? 0.0f : ds;
        }
        for (int j = end; j < Lk; j++)
            p[j] = d[j] = 0.0f;
        if (mask_grad)
            for (int j = 0; j < Lk; j++)
                dm[j] = d[j];
        INDEPENDENT
        for (int j = 0; j < end; j++)
            d[j] *= scale;
    }
}
#endif

#ifdef GPU_CLASS
#define LANES(j, from, to)                                                                         \
    for (int j = (from) + (int)get_local_id(0); j < (to); j += (int)get_local_size(0))

__kernel void attention_weights_group(OUT(float, s), OUT(float, lse), MASKING)
{
    __local float tmp[256];
    const int r = (int)get_group_id(0);
    ROW(r)
    __global float *p = PTR(s) + (long)r * Lk;
    float top = -INFINITY, sum = 0.0f;
    LANES(j, 0, Lk)
    {
        const float x = j < end ? SCORE(p[j], j) : -INFINITY;
        p[j] = x;
        top = nan_max(top, x);
    }
    top = group_max(top, tmp);
    const float base = top == -INFINITY ? 0.0f : top;
    LANES(j, 0, Lk)
    {
        const float e = exp(p[j] - base);
        p[j] = e;
        sum += e;
    }
    sum = group_sum(sum, tmp);
    const float share = sum == 0.0f ? 0.0f : 1.0f / sum;
    LANES(j, 0, Lk) p[j] *= share;
    if (get_local_id(0) == 0)
        PTR(lse)[row] = base + log(sum);
}

__kernel void attention_slopes_group(OUT(float, s), OUT(float, dp), OUT(float, dmask), IN(float, y),
                                     IN(float, dy), IN(float, lse), MASKING, const int Dv,
                                     const int mask_grad)
{
    __local float tmp[256];
    const int r = (int)get_group_id(0);
    ROW(r)
    __global float *p = PTR(s) + (long)r * Lk, *d = PTR(dp) + (long)r * Lk;
    __global float *dm = dmask_mem + (mask_grad ? dmask_at + (ulong)row * (ulong)Lk : 0);
    __global const float *py = PTR(y) + (long)row * Dv, *pd = PTR(dy) + (long)row * Dv;
    const float shift = PTR(lse)[row];
    float delta = 0.0f;
    LANES(c, 0, Dv) delta += py[c] * pd[c];
    delta = group_sum(delta, tmp);
    LANES(j, 0, Lk)
    {
        const float x = j < end ? SCORE(p[j], j) : -INFINITY;
        const float w = x == -INFINITY ? 0.0f : exp(x - shift);
        const float ds = x == -INFINITY ? 0.0f : w * (d[j] - delta);
        p[j] = w;
        d[j] = ds * scale;
        if (mask_grad)
            dm[j] = ds;
    }
}
#endif
