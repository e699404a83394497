/* Reductions of x to y [outputs]. `kept` gives the begin of output o in x; `reduced` the offset of
 * the r-th reduced row, a row being r_inner elements r_step apart. The R reduced elements are cut
 * into `splits` runs: item g = o * splits + s writes y[g]; a second launch folds the runs. */
#define ARGS                                                                                       \
    IN(float, x), OUT(float, y), IN(int, kept), IN(int, reduced), const int r_inner,               \
        const int r_step, const int R, const int splits, const float scale, const int n,           \
        const int chunk

#define RUN_BOUNDS(g)                                                                              \
    const int o = (g) / splits, s = (g) - o * splits;                                              \
    const int lo = (int)((long)R * s / splits), hi = (int)((long)R * (s + 1) / splits);            \
    __global const float *px = PTR(x) + table_offset(PTR(kept), 0, o);

#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))

#ifdef CPU_CLASS
static inline float fold_sum16(float16 v)
{
    return sum16(v);
}
#define FOLD16(name, FOLD)                                                                         \
    static inline float name(float16 v)                                                                   \
    {                                                                                              \
        float t[16];                                                                               \
        vstore16(v, 0, t);                                                                         \
        float r = t[0];                                                                            \
        for (int i = 1; i < 16; i++)                                                               \
            r = FOLD(r, t[i]);                                                                     \
        return r;                                                                                  \
    }
FOLD16(fold_max16, nan_max)
FOLD16(fold_min16, nan_min)
FOLD16(fold_prod16, MUL)
static inline float16 vmax16(float16 a, float16 b)
{
    return select(select(b, a, a > b), a, isnan(a));
}
static inline float16 vmin16(float16 a, float16 b)
{
    return select(select(b, a, a < b), a, isnan(a));
}

/* Row by row; sixteen accumulators where the row is contiguous. */
#define REDUCE(name, FOLD, VFOLD, FOLD16_FN, START)                                                \
    __kernel void name##_item(ARGS)                                                                \
    {                                                                                              \
        EACH(g, n, chunk) {                                                                        \
            RUN_BOUNDS(g)                                                                          \
            float16 acc16 = (float16)(START);                                                      \
            float acc = START;                                                                     \
            for (int r = lo; r < hi;) {                                                            \
                const int row = r / r_inner, at = r - row * r_inner;                               \
                const int len = min(r_inner - at, hi - r);                                         \
                __global const float *p = px + table_offset(PTR(reduced), 0, row) + at * r_step;   \
                int i = 0;                                                                         \
                if (r_step == 1)                                                                   \
                    for (; i + 16 <= len; i += 16)                                                 \
                        acc16 = VFOLD(acc16, vload16(0, p + i));                                   \
                for (; i < len; i++)                                                               \
                    acc = FOLD(acc, p[i * r_step]);                                                \
                r += len;                                                                          \
            }                                                                                      \
            PTR(y)[g] = FOLD(acc, FOLD16_FN(acc16)) * scale;                                       \
        }                                                                                          \
    }                                                                                              \
    /* x [A, R, B] -> y [A, B]: item = 16 neighbours of B; r_inner is B, r_step the blocks of B */ \
    __kernel void name##_columns(ARGS)                                                             \
    {                                                                                              \
        const int B = r_inner, blocks = r_step;                                                    \
        EACH(g, n, chunk) {                                                                        \
            const int a = g / blocks, b = (g - a * blocks) * 16;                                   \
            __global const float *p = PTR(x) + (long)a * R * B + b;                                \
            __global float *q = PTR(y) + (long)a * B + b;                                          \
            if (b + 16 <= B) {                                                                     \
                float16 acc = (float16)(START);                                                    \
                for (int r = 0; r < R; r++)                                                        \
                    acc = VFOLD(acc, vload16(0, p + (long)r * B));                                 \
                vstore16(acc *scale, 0, q);                                                        \
            } else {                                                                               \
                for (int j = 0; j < B - b; j++) {                                                  \
                    float acc = START;                                                             \
                    for (int r = 0; r < R; r++)                                                    \
                        acc = FOLD(acc, p[(long)r * B + j]);                                       \
                    q[j] = acc * scale;                                                            \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
REDUCE(sum, ADD, ADD, fold_sum16, 0.0f)
REDUCE(prod, MUL, MUL, fold_prod16, 1.0f)
REDUCE(max, nan_max, vmax16, fold_max16, -INFINITY)
REDUCE(min, nan_min, vmin16, fold_min16, INFINITY)
#else
/* _item: one work-item per output: neighbours read neighbours where the kept side is innermost.
 * _group: one work-group per output, for a reduced side that is innermost or long. */
#define REDUCE(name, FOLD, GROUP_FN, START)                                                        \
    __kernel void name##_item(ARGS)                                                                \
    {                                                                                              \
        EACH(g, n, chunk) {                                                                        \
            RUN_BOUNDS(g)                                                                          \
            float acc = START;                                                                     \
            for (int r = lo; r < hi; r++) {                                                        \
                const int row = r / r_inner, at = r - row * r_inner;                               \
                acc = FOLD(acc, px[table_offset(PTR(reduced), 0, row) + at * r_step]);             \
            }                                                                                      \
            PTR(y)[g] = acc * scale;                                                               \
        }                                                                                          \
    }                                                                                              \
    __kernel void name##_group(ARGS)                                                               \
    {                                                                                              \
        __local float tmp[256];                                                                    \
        const int g = (int)get_group_id(0);                                                        \
        RUN_BOUNDS(g)                                                                              \
        float acc = START;                                                                         \
        for (int r = lo + (int)get_local_id(0); r < hi; r += (int)get_local_size(0)) {             \
            const int row = r / r_inner, at = r - row * r_inner;                                   \
            acc = FOLD(acc, px[table_offset(PTR(reduced), 0, row) + at * r_step]);                 \
        }                                                                                          \
        acc = GROUP_FN(acc, tmp);                                                                  \
        if (get_local_id(0) == 0)                                                                  \
            PTR(y)[g] = acc * scale;                                                               \
    }
GROUP_FOLD(group_prod, float, MUL)
REDUCE(sum, ADD, group_sum, 0.0f)
REDUCE(prod, MUL, group_prod, 1.0f)
REDUCE(max, nan_max, group_max, -INFINITY)
REDUCE(min, nan_min, group_min, INFINITY)
#endif
