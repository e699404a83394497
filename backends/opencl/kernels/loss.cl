/* Losses: one value per sample. L is the labels' type, int or long (-DL=...). */

/* logits [rows, C], labels [rows] -> loss [rows], prob [rows, C]. A label outside [0, C): NaN. */
__kernel void ce_item(IN(float, x), IN(L, label), OUT(float, loss), OUT(float, prob), const int C,
                      const int n, const int chunk)
{
    EACH(i, n, chunk) {
        __global const float *px = PTR(x) + (long)i * C;
        __global float *pp = PTR(prob) + (long)i * C;
        float top = -INFINITY, sum = 0.0f;
        for (int c = 0; c < C; c++)
            top = fmax(top, px[c]);
        for (int c = 0; c < C; c++) {
            const float e = exp(px[c] - top);
            pp[c] = e;
            sum += e;
        }
        const float scale = 1.0f / sum;
        for (int c = 0; c < C; c++)
            pp[c] *= scale;
        const long t = PTR(label)[i];
        PTR(loss)[i] = (ulong)t < (ulong)C ? log(sum) - (px[t] - top) : NAN;
    }
}

__kernel void ce_grad(IN(float, prob), IN(L, label), IN(float, dloss), OUT(float, dx), const int C,
                      const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int row = i / C, c = i - row * C;
        const float hot = PTR(label)[row] == c ? 1.0f : 0.0f;
        PTR(dx)[i] = (PTR(prob)[i] - hot) * PTR(dloss)[row];
    }
}

static inline float mse_term(float p, float t)
{
    return (p - t) * (p - t);
}
/* fmax would turn the NaN of a broken probability into -100, and its loss into a plausible 100. */
static inline float held(float log_p)
{
    return log_p < -100.0f ? -100.0f : log_p;
}
static inline float bce_term(float p, float t)
{
    return -(t * held(log(p)) + (1.0f - t) * held(log(1.0f - p)));
}
static inline float bce_logits_term(float z, float t)
{
    return fmax(z, 0.0f) - z * t + log1p(exp(-fabs(z)));
}

/* a, b [rows, E] -> y [rows]: the mean of TERM over E. */
#define LOSS_ITEM(name, TERM)                                                                      \
    __kernel void name##_item(IN(float, a), IN(float, b), OUT(float, y), const int E, const int n, \
                              const int chunk)                                                     \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            __global const float *pa = PTR(a) + (long)i * E, *pb = PTR(b) + (long)i * E;           \
            float sum = 0.0f;                                                                      \
            for (int e = 0; e < E; e++)                                                            \
                sum += TERM(pa[e], pb[e]);                                                         \
            PTR(y)[i] = sum / (float)E;                                                            \
        }                                                                                          \
    }
LOSS_ITEM(mse, mse_term)
LOSS_ITEM(bce, bce_term)
LOSS_ITEM(bce_with_logits, bce_logits_term)

/* dx [rows, E] = EXPR(a, b, d), d = dloss[row] */
#define LOSS_GRAD(name, EXPR)                                                                      \
    __kernel void name##_grad(IN(float, a), IN(float, b), IN(float, dloss), OUT(float, dx),        \
                              const int E, const int n, const int chunk)                           \
    {                                                                                              \
        EACH(i, n, chunk) {                                                                        \
            const float a = PTR(a)[i], b = PTR(b)[i], d = PTR(dloss)[i / E];                       \
            PTR(dx)[i] = (EXPR);                                                                   \
        }                                                                                          \
    }
LOSS_GRAD(mse, 2.0f * (a - b) * d / (float)E)
LOSS_GRAD(bce, d *(a - b) / fmax(a *(1.0f - a), 1e-12f) / (float)E)
LOSS_GRAD(bce_with_logits, (1.0f / (1.0f + exp(-a)) - b) * d / (float)E)

#ifdef GPU_CLASS
#define LANES(i, n) for (int i = (int)get_local_id(0); i < (n); i += (int)get_local_size(0))

__kernel void ce_group(IN(float, x), IN(L, label), OUT(float, loss), OUT(float, prob), const int C)
{
    __local float tmp[256];
    const long i = get_group_id(0);
    __global const float *px = PTR(x) + i * C;
    __global float *pp = PTR(prob) + i * C;
    float top = -INFINITY, sum = 0.0f;
    LANES(c, C) top = fmax(top, px[c]);
    top = group_max(top, tmp);
    LANES(c, C) sum += exp(px[c] - top);
    sum = group_sum(sum, tmp);
    const float scale = 1.0f / sum;
    LANES(c, C) pp[c] = exp(px[c] - top) * scale;
    const long t = PTR(label)[i];
    if (get_local_id(0) == 0)
        PTR(loss)[i] = (ulong)t < (ulong)C ? log(sum) - (px[t] - top) : NAN;
}

#define LOSS_GROUP(name, TERM)                                                                     \
    __kernel void name##_group(IN(float, a), IN(float, b), OUT(float, y), const int E)             \
    {                                                                                              \
        __local float tmp[256];                                                                    \
        const long i = get_group_id(0);                                                            \
        __global const float *pa = PTR(a) + i * E, *pb = PTR(b) + i * E;                           \
        float sum = 0.0f;                                                                          \
        LANES(e, E) sum += TERM(pa[e], pb[e]);                                                     \
        sum = group_sum(sum, tmp);                                                                 \
        if (get_local_id(0) == 0)                                                                  \
            PTR(y)[i] = sum / (float)E;                                                            \
    }
LOSS_GROUP(mse, mse_term)
LOSS_GROUP(bce, bce_term)
LOSS_GROUP(bce_with_logits, bce_logits_term)
#endif
