/* Softmax along the middle of [A, C, B] and its gradients; log(sum(exp)) with the maximum taken
 * out first. _item: one work-item per row. _group: B = 1, one work-group per row. */

#define ROW(x) (PTR(x) + (long)a * C * B + b)
#define FOR_C for (int c = 0; c < C; c++)

__kernel void softmax_item(IN(float, x), OUT(float, y), const int C, const int B, const int n,
                           const int chunk)
{
    EACH(i, n, chunk) {
        const int a = i / B, b = i - a * B;
        __global const float *px = ROW(x);
        __global float *py = ROW(y);
        float top = -INFINITY, sum = 0.0f;
        FOR_C top = fmax(top, px[(long)c * B]);
        FOR_C
        {
            const float e = exp(px[(long)c * B] - top);
            py[(long)c * B] = e;
            sum += e;
        }
        FOR_C py[(long)c * B] /= sum;
    }
}

__kernel void log_softmax_item(IN(float, x), OUT(float, y), const int C, const int B, const int n,
                               const int chunk)
{
    EACH(i, n, chunk) {
        const int a = i / B, b = i - a * B;
        __global const float *px = ROW(x);
        __global float *py = ROW(y);
        float top = -INFINITY, sum = 0.0f;
        FOR_C top = fmax(top, px[(long)c * B]);
        FOR_C sum += exp(px[(long)c * B] - top);
        const float shift = log(sum);
        FOR_C py[(long)c * B] = px[(long)c * B] - top - shift;
    }
}

/* dx = y (dy - sum(dy y)) */
__kernel void softmax_grad_item(IN(float, y), IN(float, dy), OUT(float, dx), const int C,
                                const int B, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int a = i / B, b = i - a * B;
        __global const float *py = ROW(y), *pd = ROW(dy);
        __global float *px = ROW(dx);
        float sum = 0.0f;
        FOR_C sum += pd[(long)c * B] * py[(long)c * B];
        FOR_C px[(long)c * B] = py[(long)c * B] * (pd[(long)c * B] - sum);
    }
}

/* dx = dy - exp(y) sum(dy) */
__kernel void log_softmax_grad_item(IN(float, y), IN(float, dy), OUT(float, dx), const int C,
                                    const int B, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int a = i / B, b = i - a * B;
        __global const float *py = ROW(y), *pd = ROW(dy);
        __global float *px = ROW(dx);
        float sum = 0.0f;
        FOR_C sum += pd[(long)c * B];
        FOR_C px[(long)c * B] = pd[(long)c * B] - exp(py[(long)c * B]) * sum;
    }
}

#ifdef CPU_CLASS
/* B = 1 and long rows: sixteen classes at a time. */
static inline float row_max(__global const float *p, int C)
{
    float16 top = (float16)(-INFINITY);
    int c = 0;
    for (; c + 16 <= C; c += 16)
        top = fmax(top, vload16(0, p + c));
    const float8 a = fmax(top.lo, top.hi);
    const float4 b = fmax(a.lo, a.hi);
    float r = fmax(fmax(b.x, b.y), fmax(b.z, b.w));
    for (; c < C; c++)
        r = fmax(r, p[c]);
    return r;
}

static inline float row_exp_sum(__global const float *p, int C, float top)
{
    float16 acc = (float16)(0.0f);
    int c = 0;
    for (; c + 16 <= C; c += 16)
        acc += exp(vload16(0, p + c) - top);
    float sum = sum16(acc);
    for (; c < C; c++)
        sum += exp(p[c] - top);
    return sum;
}

__kernel void softmax_rows(IN(float, x), OUT(float, y), const int C, const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(x) + (long)row * C;
        __global float *q = PTR(y) + (long)row * C;
        const float top = row_max(p, C);
        float16 acc = (float16)(0.0f);
        float sum = 0.0f;
        int c = 0;
        for (; c + 16 <= C; c += 16) {
            const float16 e = exp(vload16(0, p + c) - top);
            acc += e;
            vstore16(e, 0, q + c);
        }
        for (; c < C; c++) {
            q[c] = exp(p[c] - top);
            sum += q[c];
        }
        sum += sum16(acc);
        for (c = 0; c < C; c++)
            q[c] /= sum;
    }
}

__kernel void log_softmax_rows(IN(float, x), OUT(float, y), const int C, const int n,
                               const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(x) + (long)row * C;
        __global float *q = PTR(y) + (long)row * C;
        const float top = row_max(p, C), shift = log(row_exp_sum(p, C, top));
        INDEPENDENT
        for (int c = 0; c < C; c++)
            q[c] = p[c] - top - shift;
    }
}

__kernel void softmax_grad_rows(IN(float, y), IN(float, dy), OUT(float, dx), const int C,
                                const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(y) + (long)row * C, *d = PTR(dy) + (long)row * C;
        __global float *q = PTR(dx) + (long)row * C;
        float16 acc = (float16)(0.0f);
        int c = 0;
        for (; c + 16 <= C; c += 16)
            acc += vload16(0, d + c) * vload16(0, p + c);
        float sum = sum16(acc);
        for (; c < C; c++)
            sum += d[c] * p[c];
        INDEPENDENT
        for (c = 0; c < C; c++)
            q[c] = p[c] * (d[c] - sum);
    }
}

__kernel void log_softmax_grad_rows(IN(float, y), IN(float, dy), OUT(float, dx), const int C,
                                    const int n, const int chunk)
{
    EACH(row, n, chunk) {
        __global const float *p = PTR(y) + (long)row * C, *d = PTR(dy) + (long)row * C;
        __global float *q = PTR(dx) + (long)row * C;
        float16 acc = (float16)(0.0f);
        int c = 0;
        for (; c + 16 <= C; c += 16)
            acc += vload16(0, d + c);
        float sum = sum16(acc);
        for (; c < C; c++)
            sum += d[c];
        for (c = 0; c + 16 <= C; c += 16)
            vstore16(vload16(0, d + c) - exp(vload16(0, p + c)) * sum, 0, q + c);
        for (; c < C; c++)
            q[c] = d[c] - exp(p[c]) * sum;
    }
}
#endif

#ifdef GPU_CLASS
#define LANES for (int c = (int)get_local_id(0); c < C; c += (int)get_local_size(0))
#define GROUP_ROW(x) (PTR(x) + (long)get_group_id(0) * C)

__kernel void softmax_group(IN(float, x), OUT(float, y), const int C)
{
    __local float tmp[256];
    __global const float *px = GROUP_ROW(x);
    __global float *py = GROUP_ROW(y);
    float top = -INFINITY, sum = 0.0f;
    LANES top = fmax(top, px[c]);
    top = group_max(top, tmp);
    LANES sum += exp(px[c] - top);
    sum = group_sum(sum, tmp);
    LANES py[c] = exp(px[c] - top) / sum;
}

__kernel void log_softmax_group(IN(float, x), OUT(float, y), const int C)
{
    __local float tmp[256];
    __global const float *px = GROUP_ROW(x);
    __global float *py = GROUP_ROW(y);
    float top = -INFINITY, sum = 0.0f;
    LANES top = fmax(top, px[c]);
    top = group_max(top, tmp);
    LANES sum += exp(px[c] - top);
    sum = group_sum(sum, tmp);
    const float shift = log(sum);
    LANES py[c] = px[c] - top - shift;
}

__kernel void softmax_grad_group(IN(float, y), IN(float, dy), OUT(float, dx), const int C)
{
    __local float tmp[256];
    __global const float *py = GROUP_ROW(y), *pd = GROUP_ROW(dy);
    __global float *px = GROUP_ROW(dx);
    float sum = 0.0f;
    LANES sum += pd[c] * py[c];
    sum = group_sum(sum, tmp);
    LANES px[c] = py[c] * (pd[c] - sum);
}

__kernel void log_softmax_grad_group(IN(float, y), IN(float, dy), OUT(float, dx), const int C)
{
    __local float tmp[256];
    __global const float *py = GROUP_ROW(y), *pd = GROUP_ROW(dy);
    __global float *px = GROUP_ROW(dx);
    float sum = 0.0f;
    LANES sum += pd[c];
    sum = group_sum(sum, tmp);
    LANES px[c] = pd[c] - exp(py[c]) * sum;
}
#endif
