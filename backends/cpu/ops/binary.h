/* SPDX-License-Identifier: MIT
 *
 * Rows of operators of two broadcast operands, for the tables in binary.c and activation.c. */
#ifndef CPU_OPS_BINARY_H
#define CPU_OPS_BINARY_H

#include "bcast.h"
#include "unary.h"

/* One row: o[i] = f(a[i * sa], b[i * sb]), strides 0 or 1. */
typedef void (*cpu_binary_row)(void *o, const void *a, const void *b, int64_t sa, int64_t sb,
                               int64_t n, const struct cpu_param *param);

/* `o` may be `a` or `b` itself; `b` or `a` repeated is read before anything is written. */
#define CPU_BINARY_ROW(name, T, O, EXPR)                                                          \
    static void name(void *vo, const void *va, const void *vb, int64_t sa, int64_t sb, int64_t n, \
                     const struct cpu_param *param)                                               \
    {                                                                                             \
        O *o = vo;                                                                                \
        const T *a = va, *b = vb;                                                                 \
        const T p = (T)param->p, q = (T)param->q;                                                 \
        (void)p, (void)q;                                                                         \
        if (sa && sb) {                                                                           \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T x = a[i], y = b[i];                                                       \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        } else if (sa) {                                                                          \
            const T y = b[0];                                                                     \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T x = a[i];                                                                 \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        } else {                                                                                  \
            const T x = a[0];                                                                     \
            CPU_SIMD for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                     \
                const T y = b[i];                                                                 \
                o[i] = (O)(EXPR);                                                                 \
            }                                                                                     \
        }                                                                                         \
    }
#define CPU_BINARY(op, F32, F64)                \
    CPU_BINARY_ROW(op##_f32, float, float, F32) \
    CPU_BINARY_ROW(op##_f64, double, double, F64)

struct cpu_binary_entry {
    const char *name;
    cpu_binary_row row[CPU_ROW_TYPES];
    int64_t grain;
    struct cpu_param_names params;
};
/* Ends in name NULL. */
extern const struct cpu_binary_entry CPU_SYM(cpu_activation_pairs)[];

/* The implementation of every such operator (binary.c). */
bool CPU_SYM(cpu_binary_supports)(const struct cpu_query *q, char why[CPU_WHY]);
tnb_status CPU_SYM(cpu_binary_prepare)(const struct cpu_query *q, struct cpu_kernel *k,
                                       tnb_error *err);
#define CPU_BINARY_OP(op)                                                         \
    {                                                                             \
        CPU_LOOPS(op, CPU_SYM(cpu_binary_supports), CPU_SYM(cpu_binary_prepare)), \
            .flags = CPU_INPLACE_ANY                                              \
    }

#endif
