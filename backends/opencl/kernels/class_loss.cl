/* Softmax cross-entropy with smoothing and weights, against labels of type L (-DL=int or long) or
 * against distributions (-DDENSE -DL=int); negative log-likelihood; cosine embedding. Formulas:
 * core/ops/cross_entropy.c. flags: which weights are there. */
#define CLASS_WEIGHTS 1
#define ROW_WEIGHTS 2

/* The row's label, and what it counts. `own`: weight of the label's class. */
#define ROW_FACTS(row)                                                                             \
    const float share = smoothing / (float)C;                                                      \
    const float weight = flags & ROW_WEIGHTS ? PTR(rw)[row] : 1.0f;                                \
    LABEL_FACTS(row)
#ifdef DENSE
#define LABEL_FACTS(row)                                                                           \
    const float own = 1.0f;                                                                        \
    const int ignored = 0, outside = 0;                                                            \
    __global const float *pt = PTR(target) + (long)(row) * C;
#define TARGET IN(float, target)
#define Q(c)                                                                                       \
    (flags & CLASS_WEIGHTS ? PTR(cw)[c] * ((1.0f - smoothing) * pt[c] + share)                     \
                           : (1.0f - smoothing) * pt[c] + share)
#else
#define LABEL_FACTS(row)                                                                           \
    const long label = PTR(target)[row];                                                           \
    const int ignored = label == ignore, outside = (ulong)label >= (ulong)C;                       \
    const float own = (flags & CLASS_WEIGHTS) && !outside ? PTR(cw)[label] : 1.0f;
#define TARGET IN(L, target)
#define Q(c)                                                                                       \
    ((label == (c) ? (1.0f - smoothing) * own : 0.0f) +                                            \
     (flags & CLASS_WEIGHTS ? share * PTR(cw)[c] : share))
#endif
/* 0 times the infinite distance of a class that cannot be is 0 */
#define PART(c) (Q(c) == 0.0f ? 0.0f : Q(c) * (shift - (px[c] - top)))
#define ROW_LOSS(sum) (ignored ? 0.0f : outside ? NAN : (sum) * weight)
#define ROW_TOTAL (ignored ? 0.0f : weight * own)

__kernel void softmax_item(IN(float, x), TARGET, IN(float, cw), IN(float, rw), OUT(float, loss),
                           OUT(float, total), OUT(float, prob), const int C, const float smoothing,
                           const long ignore, const int flags, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        ROW_FACTS(row)
        __global const float *px = PTR(x) + (long)row * C;
        __global float *pp = PTR(prob) + (long)row * C;
        float top = -INFINITY, sum = 0.0f, part = 0.0f;
        for (int c = 0; c < C; c++)
            top = fmax(top, px[c]);
        for (int c = 0; c < C; c++) {
            const float e = exp(px[c] - top);
            pp[c] = e;
            sum += e;
        }
        const float scale = 1.0f / sum, shift = log(sum);
        for (int c = 0; c < C; c++) {
            pp[c] *= scale;
            part += PART(c);
        }
        PTR(loss)[row] = ROW_LOSS(part);
        PTR(total)[row] = ROW_TOTAL;
    }
}

__kernel void softmax_grad_item(IN(float, prob), TARGET, IN(float, dloss), IN(float, cw),
                                IN(float, rw), IN(float, all), OUT(float, dx), const int C,
                                const float smoothing, const long ignore, const int flags,
                                const int D, const int divide, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        ROW_FACTS(row)
        __global const float *pp = PTR(prob) + (long)row * C;
        __global float *pd = PTR(dx) + (long)row * C;
        const float d = PTR(dloss)[row / D] * weight / (divide ? PTR(all)[0] : 1.0f);
        float sum = outside ? 1.0f - smoothing : 0.0f;
        for (int c = 0; c < C; c++)
            sum += Q(c);
        for (int c = 0; c < C; c++)
            pd[c] = ignored ? 0.0f : (pp[c] * sum - Q(c)) * d;
    }
}

/* The rows' totals alone: what a mean divides by. */
__kernel void totals(TARGET, IN(float, cw), IN(float, rw), OUT(float, total), const int C,
                     const long ignore, const int flags, const int n, const int chunk)
{
    const float smoothing = 0.0f;
    EACH(row, n, chunk) {
        ROW_FACTS(row)
        PTR(total)[row] = ROW_TOTAL;
    }
}

#ifdef GPU_CLASS
#define LANES(c, n) for (int c = (int)get_local_id(0); c < (n); c += (int)get_local_size(0))

__kernel void softmax_group(IN(float, x), TARGET, IN(float, cw), IN(float, rw), OUT(float, loss),
                            OUT(float, total), OUT(float, prob), const int C,
                            const float smoothing, const long ignore, const int flags)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0);
    ROW_FACTS(row)
    __global const float *px = PTR(x) + (long)row * C;
    __global float *pp = PTR(prob) + (long)row * C;
    float top = -INFINITY, sum = 0.0f, part = 0.0f;
    LANES(c, C) top = fmax(top, px[c]);
    top = group_max(top, tmp);
    LANES(c, C) sum += exp(px[c] - top);
    sum = group_sum(sum, tmp);
    const float scale = 1.0f / sum, shift = log(sum);
    LANES(c, C)
    {
        pp[c] = exp(px[c] - top) * scale;
        part += PART(c);
    }
    part = group_sum(part, tmp);
    if (get_local_id(0) == 0) {
        PTR(loss)[row] = ROW_LOSS(part);
        PTR(total)[row] = ROW_TOTAL;
    }
}

__kernel void softmax_grad_group(IN(float, prob), TARGET, IN(float, dloss), IN(float, cw),
                                 IN(float, rw), IN(float, all), OUT(float, dx), const int C,
                                 const float smoothing, const long ignore, const int flags,
                                 const int D, const int divide)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0);
    ROW_FACTS(row)
    __global const float *pp = PTR(prob) + (long)row * C;
    __global float *pd = PTR(dx) + (long)row * C;
    const float d = PTR(dloss)[row / D] * weight / (divide ? PTR(all)[0] : 1.0f);
    float sum = 0.0f;
    LANES(c, C) sum += Q(c);
    sum = group_sum(sum, tmp) + (outside ? 1.0f - smoothing : 0.0f);
    LANES(c, C) pd[c] = ignored ? 0.0f : (pp[c] * sum - Q(c)) * d;
}
#endif

#ifndef DENSE
__kernel void nll(IN(float, x), TARGET, IN(float, cw), IN(float, rw), OUT(float, loss),
                  OUT(float, total), const int C, const long ignore, const int flags, const int n,
                  const int chunk)
{
    const float smoothing = 0.0f;
    EACH(row, n, chunk) {
        ROW_FACTS(row)
        const float v = outside ? 0.0f : -own * PTR(x)[(long)row * C + label];
        PTR(loss)[row] = ROW_LOSS(v);
        PTR(total)[row] = ROW_TOTAL;
    }
}

__kernel void nll_grad(TARGET, IN(float, dloss), IN(float, cw), IN(float, rw), IN(float, all),
                       OUT(float, dx), const int C, const long ignore, const int flags,
                       const int D, const int divide, const int n, const int chunk)
{
    const float smoothing = 0.0f;
    EACH(i, n, chunk) {
        const int row = i / C, c = i - row * C;
        ROW_FACTS(row)
        const float d = PTR(dloss)[row / D] * weight / (divide ? PTR(all)[0] : 1.0f);
        PTR(dx)[i] = ignored || outside || label != c ? 0.0f : -own * d;
    }
}

/* a.a + e, b.b + e, a.b of one row */
static inline float3 products(__global const float *a, __global const float *b, int first, int n,
                              int step)
{
    float3 sum = (float3)(0.0f);
    for (int i = first; i < n; i += step)
        sum += (float3)(a[i] * a[i], b[i] * b[i], a[i] * b[i]);
    return sum;
}

static inline float cosine_loss(float3 sum, float target, float margin)
{
    const float cosine = sum.z / sqrt(sum.x + 1e-12f) / sqrt(sum.y + 1e-12f);
    const float over = cosine - margin;
    return target == 1.0f ? 1.0f - cosine : target == -1.0f ? (over < 0.0f ? 0.0f : over) : 0.0f;
}

/* Factors of the other row and of the two rows themselves in da = x b - y a, db = x a - z b. */
static inline float3 cosine_slope(float3 sum, float target, float margin, float d)
{
    const float aa = sum.x + 1e-12f, bb = sum.y + 1e-12f;
    const float root = 1.0f / sqrt(aa) / sqrt(bb), cosine = sum.z * root;
    const float sign = target == 1.0f                                ? -1.0f
                       : target == -1.0f && !(cosine - margin <= 0.0f) ? 1.0f
                                                                     : 0.0f;
    return (float3)(root, cosine / aa, cosine / bb) * (d * sign);
}

__kernel void cosine_item(IN(float, a), IN(float, b), IN(float, t), IN(float, rw),
                          OUT(float, loss), const int C, const float margin, const int flags,
                          const int n, const int chunk)
{
    EACH(row, n, chunk) {
        const float3 sum = products(PTR(a) + (long)row * C, PTR(b) + (long)row * C, 0, C, 1);
        PTR(loss)[row] = cosine_loss(sum, PTR(t)[row], margin) *
                         (flags & ROW_WEIGHTS ? PTR(rw)[row] : 1.0f);
    }
}

__kernel void cosine_grad_item(IN(float, a), IN(float, b), IN(float, t), IN(float, dloss),
                               IN(float, rw), OUT(float, da), OUT(float, db), const int C,
                               const float margin, const int flags, const int D,
                               const float divisor, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *pa = PTR(a) + (long)row * C, *pb = PTR(b) + (long)row * C;
        __global float *qa = PTR(da) + (long)row * C, *qb = PTR(db) + (long)row * C;
        const float d = PTR(dloss)[row / D] / divisor * (flags & ROW_WEIGHTS ? PTR(rw)[row] : 1.0f);
        const float3 s = cosine_slope(products(pa, pb, 0, C, 1), PTR(t)[row], margin, d);
        for (int i = 0; i < C; i++) {
            const float x = pa[i], y = pb[i];
            qa[i] = s.x * y - s.y * x;
            qb[i] = s.x * x - s.z * y;
        }
    }
}

#ifdef GPU_CLASS
static inline float3 group_products(float3 v, __local float *tmp)
{
    const float x = group_sum(v.x, tmp), y = group_sum(v.y, tmp), z = group_sum(v.z, tmp);
    return (float3)(x, y, z);
}

__kernel void cosine_group(IN(float, a), IN(float, b), IN(float, t), IN(float, rw),
                           OUT(float, loss), const int C, const float margin, const int flags)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0);
    const float3 sum = group_products(
        products(PTR(a) + (long)row * C, PTR(b) + (long)row * C, (int)get_local_id(0), C,
                 (int)get_local_size(0)),
        tmp);
    if (get_local_id(0) == 0)
        PTR(loss)[row] = cosine_loss(sum, PTR(t)[row], margin) *
                         (flags & ROW_WEIGHTS ? PTR(rw)[row] : 1.0f);
}

__kernel void cosine_grad_group(IN(float, a), IN(float, b), IN(float, t), IN(float, dloss),
                                IN(float, rw), OUT(float, da), OUT(float, db), const int C,
                                const float margin, const int flags, const int D,
                                const float divisor)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0);
    __global const float *pa = PTR(a) + (long)row * C, *pb = PTR(b) + (long)row * C;
    __global float *qa = PTR(da) + (long)row * C, *qb = PTR(db) + (long)row * C;
    const float d = PTR(dloss)[row / D] / divisor * (flags & ROW_WEIGHTS ? PTR(rw)[row] : 1.0f);
    const float3 sum = group_products(
        products(pa, pb, (int)get_local_id(0), C, (int)get_local_size(0)), tmp);
    const float3 s = cosine_slope(sum, PTR(t)[row], margin, d);
    LANES(i, C)
    {
        const float x = pa[i], y = pb[i];
        qa[i] = s.x * y - s.y * x;
        qb[i] = s.x * x - s.z * y;
    }
}
#endif
#endif
