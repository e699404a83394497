/* Reductions of integers and bool; T is the element type, sums and products wrap. A mean divides the
 * 64-bit sum by `count`, cut off toward zero; else count is 1. Of no elements it is `start`. Offsets
 * as in reduce.cl. */
#define ARGS                                                                                       \
    IN(T, x), OUT(T, y), IN(int, kept), IN(int, reduced), const int r_inner, const int r_step,     \
        const int R, const long count, const long start, const int n, const int chunk

#define ADD(a, b) (long)((ulong)(a) + (ulong)(b))
#define MUL(a, b) (long)((ulong)(a) * (ulong)(b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define VALUE(r) (long)px[table_offset(PTR(reduced), 0, (r) / r_inner) + (r) % r_inner * r_step]

#ifdef GPU_CLASS
#define BY_GROUP(name, FOLD)                                                                       \
    GROUP_FOLD(fold_##name, long, FOLD)                                                            \
    __kernel void name##_group(ARGS)                                                               \
    {                                                                                              \
        __local long tmp[256];                                                                     \
        const int o = (int)get_group_id(0);                                                        \
        __global const T *px = PTR(x) + table_offset(PTR(kept), 0, o);                             \
        long acc = start;                                                                          \
        for (int r = (int)get_local_id(0); r < R; r += (int)get_local_size(0)) {                   \
            const long v = VALUE(r);                                                               \
            acc = FOLD(acc, v);                                                                    \
        }                                                                                          \
        acc = fold_##name(acc, tmp);                                                               \
        if (get_local_id(0) == 0)                                                                  \
            PTR(y)[o] = (T)(acc / count);                                                          \
    }
#endif

#define BY_ITEM(name, FOLD)                                                                        \
    __kernel void name##_item(ARGS)                                                                \
    {                                                                                              \
        EACH(o, n, chunk) {                                                                        \
            __global const T *px = PTR(x) + table_offset(PTR(kept), 0, o);                         \
            long acc = start;                                                                      \
            for (int r = 0; r < R; r++) {                                                          \
                const long v = VALUE(r);                                                           \
                acc = FOLD(acc, v);                                                                \
            }                                                                                      \
            PTR(y)[o] = (T)(acc / count);                                                          \
        }                                                                                          \
    }

BY_ITEM(sum, ADD)
BY_ITEM(prod, MUL)
BY_ITEM(max, MAX)
BY_ITEM(min, MIN)
#ifdef GPU_CLASS
BY_GROUP(sum, ADD)
BY_GROUP(prod, MUL)
BY_GROUP(max, MAX)
BY_GROUP(min, MIN)
#endif
