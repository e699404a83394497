/* Prepended to every family. Buffers arrive as (pointer, offset in elements): sub-buffers have
 * alignment rules of their own. CPU_CLASS: barrier-free, one work-item per group works on a run of
 * consecutive items. GPU_CLASS: one work-item per item, or one work-group with local memory. */
#pragma OPENCL FP_CONTRACT ON
/* Functions are static inline: C99's inline alone leaves nothing to call where a driver's compiler
 * chooses a call. */

#define IN(T, x) __global const T *x##_mem, const ulong x##_at
#define OUT(T, x) __global T *x##_mem, const ulong x##_at
#define PTR(x) (x##_mem + x##_at)

/* The body runs for each i of this work-item; its iterations do not depend on one another. */
#ifdef CPU_CLASS
#if defined(__clang__) && !defined(PLAIN_LOOPS)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT
#endif
#define EACH_END(n, chunk)                                                                         \
    (int)min((ulong)(n), (ulong)get_global_id(0) * (ulong)(chunk) + (ulong)(chunk))
#define EACH(i, n, chunk)                                                                          \
    for (int i = (int)(get_global_id(0) * (ulong)(chunk)), i##_end = EACH_END(n, chunk);           \
         i < i##_end; i++)
#else
#define INDEPENDENT
#define EACH(i, n, chunk)                                                                          \
    for (int i = (int)get_global_id(0), i##_once = get_global_id(0) < (ulong)(n); i##_once;        \
         i##_once = 0)
#endif

/* A table is [rank, dim[rank], stride of operand 0 [rank], of operand 1 [rank], ...]. The offset of
 * row-major position `at` for operand k. */
static inline int table_offset(__global const int *table, int k, int at)
{
    const int rank = table[0];
    __global const int *stride = table + 1 + rank * (k + 1);
    int offset = 0;
    for (int d = rank - 1; d >= 0; d--) {
        const int dim = table[1 + d];
        const int next = at / dim;
        offset += (at - next * dim) * stride[d];
        at = next;
    }
    return offset;
}

/* 16-bit numbers in memory, f32 in between. vload_half and vstore_half need no cl_khr_fp16.
 * Narrowing rounds to nearest even and keeps NaN. */
static inline float load_f16(__global const half *p, int i)
{
    return vload_half((size_t)i, p);
}
static inline void store_f16(float v, __global half *p, int i)
{
    vstore_half_rte(v, (size_t)i, p);
}
static inline float from_bf16(ushort h)
{
    return as_float((uint)h << 16);
}
static inline ushort to_bf16(float v)
{
    const uint u = as_uint(v);
    return (ushort)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40
                                                  : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float sum16(float16 v)
{
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    const float2 c = b.lo + b.hi;
    return c.x + c.y;
}

/* NaN wins, as in NumPy. */
static inline float nan_max(float a, float b)
{
    return a != a ? a : (b != b ? b : (a > b ? a : b));
}
static inline float nan_min(float a, float b)
{
    return a != a ? a : (b != b ? b : (a < b ? a : b));
}

/* An infinite mean stays one: the differences from it are NaN. */
static inline float corrected(float near, float rest)
{
    return isinf(near) ? near : near + rest;
}

#ifdef CPU_CLASS
/* Sixteen lanes: long sums keep their low digits. */
static inline float row_sum(__global const float *p, int n)
{
    float16 acc = (float16)(0.0f);
    int i = 0;
    for (; i + 16 <= n; i += 16)
        acc += vload16(0, p + i);
    float sum = sum16(acc);
    for (; i < n; i++)
        sum += p[i];
    return sum;
}

/* (sum of d, sum of d d), d = p - near */
static inline float2 row_moments(__global const float *p, int n, float near)
{
    float16 first = (float16)(0.0f), second = (float16)(0.0f);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const float16 d = vload16(0, p + i) - near;
        first += d;
        second += d * d;
    }
    float2 sum = (float2)(sum16(first), sum16(second));
    for (; i < n; i++)
        sum += (float2)(p[i] - near, (p[i] - near) * (p[i] - near));
    return sum;
}
#endif

#ifdef GPU_CLASS
/* Folds a value of each work-item into every work-item; the group's size is a power of two. The
 * order depends on nothing but the size. */
#define GROUP_FOLD(name, T, FOLD)                                                                  \
    static inline T name(T v, __local T *tmp)                                                      \
    {                                                                                              \
        const int l = (int)get_local_id(0);                                                        \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        tmp[l] = v;                                                                                \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        for (int s = (int)get_local_size(0) / 2; s > 0; s /= 2) {                                  \
            if (l < s)                                                                             \
                tmp[l] = FOLD(tmp[l], tmp[l + s]);                                                 \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
        }                                                                                          \
        return tmp[0];                                                                             \
    }
#define FOLD_ADD(a, b) ((a) + (b))
GROUP_FOLD(group_sum, float, FOLD_ADD)
GROUP_FOLD(group_max, float, nan_max)
GROUP_FOLD(group_min, float, nan_min)
#endif
