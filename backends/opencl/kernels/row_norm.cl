/* layer_norm, group_norm, instance_norm and rms_norm: rows of M neighbouring elements, where element
 * i of row r takes entry r % G * K + i / S of scale and bias (M = K S). flags: which operands are
 * there. Rows lie along the axis, so that a short one is a work-item's and a long one, on a GPU, a
 * work-group's. Then local_response_norm. */
#define SCALE 1
#define BIAS 2
#define CENTRED 4

#ifdef CPU_CLASS
/* (sum of g, sum of g (p - m)), g = d s; s absent: 1 */
static inline float2 row_dots(__global const float *p, __global const float *d,
                              __global const float *s, int scaled, int n, float m)
{
    float16 first = (float16)(0.0f), second = (float16)(0.0f);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        float16 g = vload16(0, d + i);
        if (scaled)
            g *= vload16(0, s + i);
        first += g;
        second += g * (vload16(0, p + i) - m);
    }
    float2 sum = (float2)(sum16(first), sum16(second));
    for (; i < n; i++) {
        const float g = scaled ? d[i] * s[i] : d[i];
        sum += (float2)(g, g * (p[i] - m));
    }
    return sum;
}
#else
/* On a GPU a work-item takes short rows only: sixteen lanes would be sixteen registers. */
static inline float row_sum(__global const float *p, int n)
{
    float sum = 0.0f;
    for (int i = 0; i < n; i++)
        sum += p[i];
    return sum;
}
static inline float2 row_moments(__global const float *p, int n, float near)
{
    float2 sum = (float2)(0.0f);
    for (int i = 0; i < n; i++)
        sum += (float2)(p[i] - near, (p[i] - near) * (p[i] - near));
    return sum;
}
static inline float2 row_dots(__global const float *p, __global const float *d,
                              __global const float *s, int scaled, int n, float m)
{
    float2 sum = (float2)(0.0f);
    for (int i = 0; i < n; i++) {
        const float g = scaled ? d[i] * s[i] : d[i];
        sum += (float2)(g, g * (p[i] - m));
    }
    return sum;
}
#endif

__kernel void forward_item(IN(float, x), IN(float, scale), IN(float, bias), OUT(float, y),
                           OUT(float, mean), OUT(float, inv_std), const int M, const int G,
                           const int K, const int S, const int flags, const float epsilon,
                           const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(x) + (long)row * M;
        __global float *q = PTR(y) + (long)row * M;
        const float near = flags & CENTRED ? row_sum(p, M) / (float)M : 0.0f;
        const float2 moments = row_moments(p, M, near) / (float)M;
        /* the mean's rounding error, kept apart: it counts where the mean is far above the rest */
        const float rest = flags & CENTRED ? moments.x : 0.0f;
        const float inv = 1.0f / sqrt(nan_max(moments.y - rest * rest, 0.0f) + epsilon);
        const int first = row % G * K;
        if (S == 1) {
            __global const float *a = PTR(scale) + (flags & SCALE ? first : 0);
            __global const float *b = PTR(bias) + (flags & BIAS ? first : 0);
            for (int i = 0; i < M; i++) {
                float v = ((p[i] - near) - rest) * inv;
                if (flags & SCALE)
                    v *= a[i];
                if (flags & BIAS)
                    v += b[i];
                q[i] = v;
            }
        } else {
            for (int k = 0; k < K; k++) {
                const float a = flags & SCALE ? PTR(scale)[first + k] : 1.0f;
                const float b = flags & BIAS ? PTR(bias)[first + k] : 0.0f;
                INDEPENDENT
                for (int i = k * S; i < k * S + S; i++)
                    q[i] = ((p[i] - near) - rest) * inv * a + b;
            }
        }
        if (flags & CENTRED)
            PTR(mean)[row] = corrected(near, rest);
        PTR(inv_std)[row] = inv;
    }
}

/* dx = inv_std (g - mean(g) - xhat mean(g xhat)), g = dy scale */
__kernel void backward_item(IN(float, x), IN(float, scale), IN(float, mean), IN(float, inv_std),
                            IN(float, dy), OUT(float, dx), const int M, const int G, const int K,
                            const int S, const int flags, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(x) + (long)row * M, *d = PTR(dy) + (long)row * M;
        __global float *q = PTR(dx) + (long)row * M;
        __global const float *s = PTR(scale) + (flags & SCALE ? row % G * K : 0);
        const float m = flags & CENTRED ? PTR(mean)[row] : 0.0f, inv = PTR(inv_std)[row];
        float2 sums = (float2)(0.0f);
        if (S == 1)
            sums = row_dots(p, d, s, flags & SCALE, M, m);
        else
            for (int k = 0; k < K; k++)
                sums += (flags & SCALE ? s[k] : 1.0f) *
                        row_dots(p + k * S, d + k * S, s, 0, S, m);
        const float a = flags & CENTRED ? sums.x / (float)M : 0.0f;
        const float b = sums.y * inv * inv / (float)M;
        if (S == 1) {
            for (int i = 0; i < M; i++) {
                const float g = flags & SCALE ? d[i] * s[i] : d[i];
                q[i] = inv * (g - a - (p[i] - m) * b);
            }
        } else {
            for (int k = 0; k < K; k++) {
                const float c = flags & SCALE ? s[k] : 1.0f;
                INDEPENDENT
                for (int i = k * S; i < k * S + S; i++)
                    q[i] = inv * (d[i] * c - a - (p[i] - m) * b);
            }
        }
    }
}

/* dscale, dbias: `splits` runs of samples, each summed by itself into parts [splits, P], P = G K;
 * params_end adds them in order. */
#ifdef CPU_CLASS
/* item = (split, run of 16 entries) */
__kernel void params_part(IN(float, x), IN(float, mean), IN(float, inv_std), IN(float, dy),
                          OUT(float, dots), OUT(float, sums), const int N, const int G,
                          const int K, const int S, const int flags, const int splits,
                          const int n, const int chunk)
{
    const int P = G * K, runs = (P + 15) / 16;
    EACH(item, n, chunk) {
        const int split = item / runs, first = (item - split * runs) * 16;
        const int lo = (int)((long)N * split / splits), hi = (int)((long)N * (split + 1) / splits);
        if (S == 1 && G == 1 && first + 16 <= P) {
            float16 dot = (float16)(0.0f), sum = (float16)(0.0f);
            for (int b = lo; b < hi; b++) {
                const long at = (long)b * P + first;
                const float m = flags & CENTRED ? PTR(mean)[b] : 0.0f, inv = PTR(inv_std)[b];
                const float16 d = vload16(0, PTR(dy) + at);
                dot += d * ((vload16(0, PTR(x) + at) - m) * inv);
                sum += d;
            }
            vstore16(dot, 0, PTR(dots) + (long)split * P + first);
            vstore16(sum, 0, PTR(sums) + (long)split * P + first);
        } else {
            for (int c = first; c < P && c < first + 16; c++) {
                float dot = 0.0f, sum = 0.0f;
                for (int b = lo; b < hi; b++) {
                    const int row = b * G + c / K;
                    const long at = ((long)b * P + c) * S;
                    const float m = flags & CENTRED ? PTR(mean)[row] : 0.0f;
                    const float2 v = row_dots(PTR(x) + at, PTR(dy) + at, PTR(x), 0, S, m);
                    dot += v.y * PTR(inv_std)[row];
                    sum += v.x;
                }
                PTR(dots)[(long)split * P + c] = dot;
                PTR(sums)[(long)split * P + c] = sum;
            }
        }
    }
}
#else
/* item = (split, entry): neighbours read neighbours where S = 1 */
__kernel void params_part(IN(float, x), IN(float, mean), IN(float, inv_std), IN(float, dy),
                          OUT(float, dots), OUT(float, sums), const int N, const int G,
                          const int K, const int S, const int flags, const int splits,
                          const int n, const int chunk)
{
    const int P = G * K;
    EACH(item, n, chunk) {
        const int split = item / P, c = item - split * P;
        const int lo = (int)((long)N * split / splits), hi = (int)((long)N * (split + 1) / splits);
        float dot = 0.0f, sum = 0.0f;
        for (int b = lo; b < hi; b++) {
            const int row = b * G + c / K;
            const long at = ((long)b * P + c) * S;
            const float m = flags & CENTRED ? PTR(mean)[row] : 0.0f, inv = PTR(inv_std)[row];
            for (int i = 0; i < S; i++) {
                const float d = PTR(dy)[at + i];
                dot += d * ((PTR(x)[at + i] - m) * inv);
                sum += d;
            }
        }
        PTR(dots)[item] = dot;
        PTR(sums)[item] = sum;
    }
}
#endif

__kernel void params_end(IN(float, dots), IN(float, sums), OUT(float, dscale), OUT(float, dbias),
                         const int P, const int flags, const int splits, const int n,
                         const int chunk)
{
    EACH(c, n, chunk) {
        float dot = 0.0f, sum = 0.0f;
        for (int s = 0; s < splits; s++) {
            dot += PTR(dots)[(long)s * P + c];
            sum += PTR(sums)[(long)s * P + c];
        }
        PTR(dscale)[c] = dot;
        if (flags & CENTRED)
            PTR(dbias)[c] = sum;
    }
}

#ifdef GPU_CLASS
#define LANES(i, n) for (int i = (int)get_local_id(0); i < (n); i += (int)get_local_size(0))

__kernel void forward_group(IN(float, x), IN(float, scale), IN(float, bias), OUT(float, y),
                            OUT(float, mean), OUT(float, inv_std), const int M, const int G,
                            const int K, const int S, const int flags, const float epsilon)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0), entry = row % G * K;
    __global const float *p = PTR(x) + (long)row * M;
    __global float *q = PTR(y) + (long)row * M;
    float near = 0.0f, first = 0.0f, second = 0.0f;
    if (flags & CENTRED) {
        LANES(i, M) near += p[i];
        near = group_sum(near, tmp) / (float)M;
    }
    LANES(i, M)
    {
        const float d = p[i] - near;
        first += d;
        second += d * d;
    }
    const float rest = flags & CENTRED ? group_sum(first, tmp) / (float)M : 0.0f;
    const float var = group_sum(second, tmp) / (float)M - rest * rest;
    const float inv = 1.0f / sqrt(nan_max(var, 0.0f) + epsilon);
    LANES(i, M)
    {
        const int c = entry + i / S;
        float v = ((p[i] - near) - rest) * inv;
        if (flags & SCALE)
            v *= PTR(scale)[c];
        if (flags & BIAS)
            v += PTR(bias)[c];
        q[i] = v;
    }
    if (get_local_id(0) == 0) {
        if (flags & CENTRED)
            PTR(mean)[row] = corrected(near, rest);
        PTR(inv_std)[row] = inv;
    }
}

__kernel void backward_group(IN(float, x), IN(float, scale), IN(float, mean), IN(float, inv_std),
                             IN(float, dy), OUT(float, dx), const int M, const int G, const int K,
                             const int S, const int flags)
{
    __local float tmp[256];
    const int row = (int)get_group_id(0), entry = row % G * K;
    __global const float *p = PTR(x) + (long)row * M, *d = PTR(dy) + (long)row * M;
    __global float *q = PTR(dx) + (long)row * M;
    const float m = flags & CENTRED ? PTR(mean)[row] : 0.0f, inv = PTR(inv_std)[row];
    float sum = 0.0f, dot = 0.0f;
    LANES(i, M)
    {
        const float g = flags & SCALE ? d[i] * PTR(scale)[entry + i / S] : d[i];
        sum += g;
        dot += g * (p[i] - m);
    }
    sum = group_sum(sum, tmp);
    dot = group_sum(dot, tmp);
    const float a = flags & CENTRED ? sum / (float)M : 0.0f, b = dot * inv * inv / (float)M;
    LANES(i, M)
    {
        const float g = flags & SCALE ? d[i] * PTR(scale)[entry + i / S] : d[i];
        q[i] = inv * (g - a - (p[i] - m) * b);
    }
}

/* one group per (split, channel), for channels of many elements */
__kernel void params_group(IN(float, x), IN(float, mean), IN(float, inv_std), IN(float, dy),
                           OUT(float, dots), OUT(float, sums), const int N, const int G,
                           const int K, const int S, const int flags, const int splits)
{
    __local float tmp[256];
    const int P = G * K, item = (int)get_group_id(0), split = item / P, c = item - split * P;
    const int lo = (int)((long)N * split / splits), hi = (int)((long)N * (split + 1) / splits);
    float dot = 0.0f, sum = 0.0f;
    for (int b = lo; b < hi; b++) {
        const int row = b * G + c / K;
        const long at = ((long)b * P + c) * S;
        const float m = flags & CENTRED ? PTR(mean)[row] : 0.0f, inv = PTR(inv_std)[row];
        LANES(i, S)
        {
            const float d = PTR(dy)[at + i];
            dot += d * ((PTR(x)[at + i] - m) * inv);
            sum += d;
        }
    }
    dot = group_sum(dot, tmp);
    sum = group_sum(sum, tmp);
    if (get_local_id(0) == 0) {
        PTR(dots)[item] = dot;
        PTR(sums)[item] = sum;
    }
}
#endif

/* x [N, C, S]: norm = bias + factor sum of x^2 over channels [c - before, c + after], y = x norm^-beta */
__kernel void lrn(IN(float, x), OUT(float, y), OUT(float, norm), const int C, const int S,
                  const int before, const int after, const float factor, const float beta,
                  const float bias, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int c = i / S % C, lo = -min(before, c), hi = min(after, C - 1 - c);
        float sum = 0.0f;
        for (int j = lo; j <= hi; j++) {
            const float v = PTR(x)[i + (long)j * S];
            sum += v * v;
        }
        const float d = bias + factor * sum;
        PTR(norm)[i] = d;
        PTR(y)[i] = PTR(x)[i] * pow(d, -beta);
    }
}

/* what each element gives to its window: dy x norm^(-beta - 1) */
__kernel void lrn_share(IN(float, x), IN(float, norm), IN(float, dy), OUT(float, share),
                        const float beta, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        PTR(share)[i] = PTR(dy)[i] * PTR(x)[i] * pow(PTR(norm)[i], -beta - 1.0f);
    }
}

__kernel void lrn_grad(IN(float, x), IN(float, norm), IN(float, dy), IN(float, share),
                       OUT(float, dx), const int C, const int S, const int before,
                       const int after, const float factor, const float beta, const int n,
                       const int chunk)
{
    EACH(i, n, chunk) {
        const int c = i / S % C, lo = -min(after, c), hi = min(before, C - 1 - c);
        float sum = 0.0f;
        for (int j = lo; j <= hi; j++)
            sum += PTR(share)[i + (long)j * S];
        PTR(dx)[i] = PTR(dy)[i] * pow(PTR(norm)[i], -beta) -
                     2.0f * factor * beta * PTR(x)[i] * sum;
    }
}
