/* var, logsumexp and norm: two passes over the reduced elements of an output. Offsets as in
 * reduce.cl. _item: a work-item per output, which adds up in runs of 256, so that the error of a long
 * sum stays small; _group: a work-group. */
#define ARGS                                                                                       \
    IN(float, x), OUT(float, y), IN(int, kept), IN(int, reduced), const int r_inner,               \
        const int r_step, const int R, const float p, const int n, const int chunk
#define VALUE(r) px[table_offset(PTR(reduced), 0, (r) / r_inner) + (r) % r_inner * r_step]

#define ADD(a, b) ((a) + (b))
#define SAME(v) (v)

/* acc folds f(x) over all r; `r` runs from FIRST by STEP. */
#define FOLD_ITEM(acc, FOLD, START, f)                                                             \
    float acc = START;                                                                             \
    for (int lo = 0; lo < R; lo += 256) {                                                          \
        float part = START;                                                                        \
        for (int r = lo, hi = min(R, lo + 256); r < hi; r++) {                                     \
            const float v = VALUE(r);                                                              \
            part = FOLD(part, f);                                                                  \
        }                                                                                          \
        acc = FOLD(acc, part);                                                                     \
    }
#define FOLD_GROUP(acc, FOLD, START, f)                                                            \
    float acc = START;                                                                             \
    for (int r = (int)get_local_id(0); r < R; r += (int)get_local_size(0)) {                       \
        const float v = VALUE(r);                                                                  \
        acc = FOLD(acc, f);                                                                        \
    }                                                                                              \
    acc = GROUP_##FOLD(acc, tmp);
#define GROUP_ADD group_sum
#define GROUP_nan_max group_max
#define GROUP_nan_min group_min

/* p is the divisor. The second sum, 0 but for rounding, takes the mean's error out (Chan, Golub and
 * LeVeque, "Algorithms for computing the sample variance", 1983). */
#define VAR(FOLD_ALL)                                                                              \
    FOLD_ALL(total, ADD, 0.0f, v)                                                                  \
    const float mean = total / (float)R;                                                           \
    FOLD_ALL(squares, ADD, 0.0f, (v - mean) * (v - mean))                                          \
    FOLD_ALL(rest, ADD, 0.0f, v - mean)                                                            \
    const float result = (squares - rest * (rest / (float)R)) / p;

#define LOGSUMEXP(FOLD_ALL)                                                                        \
    FOLD_ALL(largest, nan_max, -INFINITY, v)                                                       \
    const float top = isinf(largest) ? 0.0f : largest;                                             \
    FOLD_ALL(total, ADD, 0.0f, exp(v - top))                                                       \
    const float result = top + log(total);

/* Scaled by the largest size, for p < 0 by the smallest, so that no power overflows before its
 * time. A branch on p is the same for all work-items. */
#define NORM(FOLD_ALL)                                                                             \
    float result;                                                                                  \
    if (p == 0.0f) {                                                                               \
        FOLD_ALL(total, ADD, 0.0f, (v != 0.0f ? 1.0f : 0.0f))                                      \
        result = total;                                                                            \
    } else if (p == 1.0f) {                                                                        \
        FOLD_ALL(total, ADD, 0.0f, fabs(v))                                                        \
        result = total;                                                                            \
    } else if (p < 0.0f) {                                                                         \
        FOLD_ALL(m, nan_min, INFINITY, fabs(v))                                                    \
        result = m;                                                                                \
        if (!isinf(p) && m != 0.0f && isfinite(m)) {                                               \
            FOLD_ALL(total, ADD, 0.0f, pow(fabs(v) / m, p))                                        \
            result = m * pow(total, 1.0f / p);                                                     \
        }                                                                                          \
    } else {                                                                                       \
        FOLD_ALL(m, nan_max, 0.0f, fabs(v))                                                        \
        result = m;                                                                                \
        if (p == 2.0f && m != 0.0f && isfinite(m)) {                                               \
            FOLD_ALL(total, ADD, 0.0f, (v / m) * (v / m))                                          \
            result = m * sqrt(total);                                                              \
        } else if (!isinf(p) && m != 0.0f && isfinite(m)) {                                        \
            FOLD_ALL(total, ADD, 0.0f, pow(fabs(v) / m, p))                                        \
            result = m * pow(total, 1.0f / p);                                                     \
        }                                                                                          \
    }

#define BY_ITEM(name, BODY)                                                                        \
    __kernel void name##_item(ARGS)                                                                \
    {                                                                                              \
        EACH(o, n, chunk) {                                                                        \
            __global const float *px = PTR(x) + table_offset(PTR(kept), 0, o);                     \
            BODY(FOLD_ITEM)                                                                        \
            PTR(y)[o] = result;                                                                    \
        }                                                                                          \
    }
BY_ITEM(var, VAR)
BY_ITEM(logsumexp, LOGSUMEXP)
BY_ITEM(norm, NORM)

#ifdef GPU_CLASS
#define BY_GROUP(name, BODY)                                                                       \
    __kernel void name##_group(ARGS)                                                               \
    {                                                                                              \
        __local float tmp[256];                                                                    \
        const int o = (int)get_group_id(0);                                                        \
        __global const float *px = PTR(x) + table_offset(PTR(kept), 0, o);                         \
        BODY(FOLD_GROUP)                                                                           \
        if (get_local_id(0) == 0)                                                                  \
            PTR(y)[o] = result;                                                                    \
    }
BY_GROUP(var, VAR)
BY_GROUP(logsumexp, LOGSUMEXP)
BY_GROUP(norm, NORM)
#endif

/* dx [every element of x] = dy sign(x) (|x| / y)^(p - 1); the nest's operand 0 places y and dy. */
__kernel void norm_grad(IN(float, x), IN(float, y), IN(float, dy), OUT(float, dx), IN(int, nest),
                        const float p, const int n, const int chunk)
{
    EACH(i, n, chunk) {
        const int o = table_offset(PTR(nest), 0, i);
        const float v = PTR(x)[i], norm = PTR(y)[o];
        const float sign = v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v; /* NaN stays */
        float slope = 0.0f;
        if (p != 0.0f && v != 0.0f && norm != 0.0f)
            slope = p == 1.0f   ? sign
                    : p == 2.0f ? v / norm
                                : sign * pow(fabs(v) / norm, p - 1.0f);
        PTR(dx)[i] = PTR(dy)[o] * slope;
    }
}
