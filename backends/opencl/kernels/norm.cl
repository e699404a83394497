/* Batch normalisation over [N, C, S] (S: the rest), per channel; Ioffe and Szegedy 2015. The mean's
 * rounding error is kept beside it (`low`), so that a mean far above the deviation does no harm. */

/* A channel's statistics from the sums of d and d d, d = x - near. */
#define STORE_STATS(first_sum, second_sum)                                                         \
    const float rest = (first_sum) / count, m = corrected(near, rest);                             \
    const float v = nan_max((second_sum) / count - rest * rest, 0.0f);                             \
    PTR(mean)[c] = m;                                                                              \
    PTR(low)[c] = (near - m) + rest;                                                               \
    PTR(var)[c] = v;                                                                               \
    PTR(inv_std)[c] = 1.0f / sqrt(v + epsilon);

#ifdef CPU_CLASS
/* One item per channel: sums over the N rows of S. */
static inline float row_dot(__global const float *p, __global const float *d, int S, float mean)
{
    float16 acc = (float16)(0.0f);
    int i = 0;
    for (; i + 16 <= S; i += 16)
        acc += vload16(0, d + i) * (vload16(0, p + i) - mean);
    float sum = sum16(acc);
    for (; i < S; i++)
        sum += d[i] * (p[i] - mean);
    return sum;
}

__kernel void stats(IN(float, x), OUT(float, mean), OUT(float, inv_std), OUT(float, var),
                    OUT(float, low), const int N, const int C, const int S, const float epsilon,
                    const int n, const int chunk)
{
    EACH(c, n, chunk) {
        const float count = (float)N * (float)S;
        float sum = 0.0f;
        float2 moments = (float2)(0.0f);
        for (int b = 0; b < N; b++)
            sum += row_sum(PTR(x) + ((long)b * C + c) * S, S);
        const float near = sum / count;
        for (int b = 0; b < N; b++)
            moments += row_moments(PTR(x) + ((long)b * C + c) * S, S, near);
        STORE_STATS(moments.x, moments.y)
    }
}

__kernel void grad_stats(IN(float, x), IN(float, dy), IN(float, mean), IN(float, inv_std),
                         OUT(float, dscale), OUT(float, dbias), const int N, const int C,
                         const int S, const int n, const int chunk)
{
    EACH(c, n, chunk) {
        const float m = PTR(mean)[c];
        float sum = 0.0f, dot = 0.0f;
        for (int b = 0; b < N; b++) {
            const long at = ((long)b * C + c) * S;
            sum += row_sum(PTR(dy) + at, S);
            dot += row_dot(PTR(x) + at, PTR(dy) + at, S, m);
        }
        PTR(dbias)[c] = sum;
        PTR(dscale)[c] = dot * PTR(inv_std)[c];
    }
}
#else
/* One work-group per channel. */
#define LANES(i) for (int i = (int)get_local_id(0); i < N * S; i += (int)get_local_size(0))
#define AT(i) (((long)((i) / S) * C + c) * S + (i) % S)

/* Sums of d and d d, d = x - near, and of dy and dy (x - m), over the elements that OVER goes to. */
#define MOMENT_SUMS(OVER)                                                                          \
    float first = 0.0f, second = 0.0f;                                                             \
    OVER(i)                                                                                        \
    {                                                                                              \
        const float d = PTR(x)[AT(i)] - near;                                                      \
        first += d;                                                                                \
        second += d * d;                                                                           \
    }                                                                                              \
    first = group_sum(first, tmp);                                                                 \
    second = group_sum(second, tmp);
#define GRAD_SUMS(OVER)                                                                            \
    float sum = 0.0f, dot = 0.0f;                                                                  \
    OVER(i)                                                                                        \
    {                                                                                              \
        const float d = PTR(dy)[AT(i)];                                                            \
        sum += d;                                                                                  \
        dot += d * (PTR(x)[AT(i)] - m);                                                            \
    }                                                                                              \
    sum = group_sum(sum, tmp);                                                                     \
    dot = group_sum(dot, tmp);

__kernel void stats(IN(float, x), OUT(float, mean), OUT(float, inv_std), OUT(float, var),
                    OUT(float, low), const int N, const int C, const int S, const float epsilon)
{
    __local float tmp[256];
    const int c = (int)get_group_id(0);
    const float count = (float)N * (float)S;
    float sum = 0.0f;
    LANES(i) sum += PTR(x)[AT(i)];
    const float near = group_sum(sum, tmp) / count;
    MOMENT_SUMS(LANES)
    if (get_local_id(0) == 0) {
        STORE_STATS(first, second)
    }
}

__kernel void grad_stats(IN(float, x), IN(float, dy), IN(float, mean), IN(float, inv_std),
                         OUT(float, dscale), OUT(float, dbias), const int N, const int C,
                         const int S)
{
    __local float tmp[256];
    const int c = (int)get_group_id(0);
    const float m = PTR(mean)[c];
    GRAD_SUMS(LANES)
    if (get_local_id(0) == 0) {
        PTR(dbias)[c] = sum;
        PTR(dscale)[c] = dot * PTR(inv_std)[c];
    }
}

/* Few channels and much of each: `splits` groups to a channel write part [C, splits], and one item
 * per channel ends the sums. Every reader folds the parts in the same order. */
#define PART_BOUNDS                                                                                \
    __local float tmp[256];                                                                        \
    const int g = (int)get_group_id(0), c = g / splits, s = g - c * splits;                        \
    const int lo = (int)((long)N * S * s / splits), hi = (int)((long)N * S * (s + 1) / splits);
#define PART_LANES(i) for (int i = lo + (int)get_local_id(0); i < hi; i += (int)get_local_size(0))

static inline float fold_parts(__global const float *part, int splits)
{
    float sum = 0.0f;
    for (int s = 0; s < splits; s++)
        sum += part[s];
    return sum;
}

__kernel void sum_part(IN(float, x), OUT(float, part), const int N, const int C, const int S,
                       const int splits)
{
    PART_BOUNDS
    float sum = 0.0f;
    PART_LANES(i) sum += PTR(x)[AT(i)];
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0)
        PTR(part)[g] = sum;
}

__kernel void moments_part(IN(float, x), IN(float, part), OUT(float, first), OUT(float, second),
                           const int N, const int C, const int S, const int splits)
{
    PART_BOUNDS
    const float near = fold_parts(PTR(part) + c * splits, splits) / ((float)N * (float)S);
    MOMENT_SUMS(PART_LANES)
    if (get_local_id(0) == 0) {
        PTR(first)[g] = first;
        PTR(second)[g] = second;
    }
}

__kernel void stats_end(IN(float, part), IN(float, first), IN(float, second), OUT(float, mean),
                        OUT(float, inv_std), OUT(float, var), OUT(float, low), const int N,
                        const int S, const int splits, const float epsilon, const int n,
                        const int chunk)
{
    EACH(c, n, chunk) {
        const float count = (float)N * (float)S;
        const float near = fold_parts(PTR(part) + c * splits, splits) / count;
        STORE_STATS(fold_parts(PTR(first) + c * splits, splits),
                    fold_parts(PTR(second) + c * splits, splits))
    }
}

__kernel void grad_part(IN(float, x), IN(float, dy), IN(float, mean), OUT(float, sums),
                        OUT(float, dots), const int N, const int C, const int S, const int splits)
{
    PART_BOUNDS
    const float m = PTR(mean)[c];
    GRAD_SUMS(PART_LANES)
    if (get_local_id(0) == 0) {
        PTR(sums)[g] = sum;
        PTR(dots)[g] = dot;
    }
}

__kernel void grad_end(IN(float, sums), IN(float, dots), IN(float, inv_std), OUT(float, dscale),
                       OUT(float, dbias), const int splits, const int n, const int chunk)
{
    EACH(c, n, chunk) {
        PTR(dbias)[c] = fold_parts(PTR(sums) + c * splits, splits);
        PTR(dscale)[c] = fold_parts(PTR(dots) + c * splits, splits) * PTR(inv_std)[c];
    }
}
#endif

#ifdef CPU_CLASS
/* The same three as below for long rows: item = one row of S, whose channel is row % C. */
#define ROW_LOOP(expr)                                                                             \
    {                                                                                              \
        INDEPENDENT                                                                                \
        for (int i = 0; i < S; i++)                                                                \
            q[i] = (expr);                                                                         \
    }

__kernel void apply_rows(IN(float, x), IN(float, scale), IN(float, bias), IN(float, mean),
                         IN(float, inv_std), IN(float, low), OUT(float, y), const int C,
                         const int S, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        const int c = row % C;
        __global const float *p = PTR(x) + (long)row * S;
        __global float *q = PTR(y) + (long)row * S;
        const float m = PTR(mean)[c], l = PTR(low)[c], inv = PTR(inv_std)[c];
        const float k = PTR(scale)[c], d = PTR(bias)[c];
        ROW_LOOP(((p[i] - m) - l) * inv * k + d)
    }
}

__kernel void inference_rows(IN(float, x), IN(float, scale), IN(float, bias), IN(float, mean),
                             IN(float, var), OUT(float, y), const int C, const int S,
                             const float epsilon, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        const int c = row % C;
        __global const float *p = PTR(x) + (long)row * S;
        __global float *q = PTR(y) + (long)row * S;
        const float m = PTR(mean)[c], d = PTR(bias)[c];
        const float k = PTR(scale)[c] / sqrt(PTR(var)[c] + epsilon);
        ROW_LOOP((p[i] - m) * k + d)
    }
}

__kernel void grad_apply_rows(IN(float, x), IN(float, dy), IN(float, scale), IN(float, mean),
                              IN(float, inv_std), IN(float, dscale), IN(float, dbias),
                              OUT(float, dx), const int C, const int S, const float count,
                              const int n, const int chunk)
{
    EACH(row, n, chunk) {
        const int c = row % C;
        __global const float *p = PTR(x) + (long)row * S, *g = PTR(dy) + (long)row * S;
        __global float *q = PTR(dx) + (long)row * S;
        const float m = PTR(mean)[c], inv = PTR(inv_std)[c], k = PTR(scale)[c] * inv;
        const float mean_g = PTR(dbias)[c] / count, mean_gx = PTR(dscale)[c] / count;
        ROW_LOOP(k * (g[i] - mean_g - (p[i] - m) * inv * mean_gx))
    }
}
#endif

/* y = (x - mean) inv_std scale + bias */
__kernel void apply(IN(float, x), IN(float, scale), IN(float, bias), IN(float, mean),
                    IN(float, inv_std), IN(float, low), OUT(float, y), const int C, const int S,
                    const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int c = i / S % C;
        const float d = (PTR(x)[i] - PTR(mean)[c]) - PTR(low)[c];
        PTR(y)[i] = d * PTR(inv_std)[c] * PTR(scale)[c] + PTR(bias)[c];
    }
}

__kernel void inference(IN(float, x), IN(float, scale), IN(float, bias), IN(float, mean),
                        IN(float, var), OUT(float, y), const int C, const int S,
                        const float epsilon, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int c = i / S % C;
        const float k = PTR(scale)[c] / sqrt(PTR(var)[c] + epsilon);
        PTR(y)[i] = (PTR(x)[i] - PTR(mean)[c]) * k + PTR(bias)[c];
    }
}

/* dx = scale inv_std (dy - mean(dy) - xhat mean(dy xhat)) */
__kernel void grad_apply(IN(float, x), IN(float, dy), IN(float, scale), IN(float, mean),
                         IN(float, inv_std), IN(float, dscale), IN(float, dbias), OUT(float, dx),
                         const int C, const int S, const float count, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int c = i / S % C;
        const float k = PTR(inv_std)[c], xhat = (PTR(x)[i] - PTR(mean)[c]) * k;
        PTR(dx)[i] = PTR(scale)[c] * k *
                     (PTR(dy)[i] - PTR(dbias)[c] / count - xhat * PTR(dscale)[c] / count);
    }
}
