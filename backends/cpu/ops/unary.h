/* SPDX-License-Identifier: MIT
 *
 * Rows of operators of one operand, for the tables in unary.c and activation.c. */
#ifndef CPU_OPS_UNARY_H
#define CPU_OPS_UNARY_H

#include "vmath.h"

/* An operator's parameters: two numbers, which mean what its table entry says. */
struct cpu_param {
    double p, q;
};
/* o[i] = f(x[i]); o may be x itself. */
typedef void (*cpu_unary_row)(void *o, const void *x, int64_t n, const struct cpu_param *param);

#define CPU_UNARY_ROW(name, T, O, EXPR)                                                  \
    static void name(void *vo, const void *vx, int64_t n, const struct cpu_param *param) \
    {                                                                                    \
        O *o = vo;                                                                       \
        const T *px = vx;                                                                \
        const T p = (T)param->p, q = (T)param->q;                                        \
        (void)p, (void)q;                                                                \
        CPU_SIMD for (int64_t i = 0; i < n; i++)                                         \
        {                                                                                \
            const T x = px[i];                                                           \
            o[i] = (O)(EXPR);                                                            \
        }                                                                                \
    }
/* <op>_f32 and <op>_f64. */
#define CPU_UNARY(op, F32, F64)                \
    CPU_UNARY_ROW(op##_f32, float, float, F32) \
    CPU_UNARY_ROW(op##_f64, double, double, F64)

/* Attributes that give p and q, and their defaults. */
struct cpu_param_names {
    const char *p;
    double p_default;
    const char *q;
    double q_default;
};
CPU_UNUSED static struct cpu_param cpu_params(const tnb_node *node,
                                              const struct cpu_param_names *names)
{
    return (struct cpu_param){
        names->p ? tnb_attr_float(node, names->p, names->p_default) : 0.0,
        names->q ? tnb_attr_float(node, names->q, names->q_default) : 0.0,
    };
}
/* Whether a table's entry is the node's: where an attribute chooses among formulas, the entry's
 * name ends in what it says: gelu and its gradient by "_tanh", mod by "_fmod". */
CPU_UNUSED static bool cpu_names(const char *entry, const tnb_node *node)
{
    size_t n = strlen(node->op);
    const char *suffix = "";
    if (strcmp(tnb_attr_string(node, "approximate", ""), "tanh") == 0)
        suffix = "_tanh";
    else if (tnb_attr_int(node, "fmod", 0) != 0)
        suffix = "_fmod";
    return strncmp(entry, node->op, n) == 0 && strcmp(entry + n, suffix) == 0;
}

/* A table's entry has a row for each of these types that it takes; bool goes by u8's. */
enum { CPU_ROW_F32, CPU_ROW_F64, CPU_ROW_I32, CPU_ROW_I64, CPU_ROW_U8, CPU_ROW_TYPES };
/* CPU_ROW_TYPES: no such row. */
CPU_UNUSED static int cpu_row_type(uint32_t dtype)
{
    switch (dtype) {
    case TNB_F32:
        return CPU_ROW_F32;
    case TNB_F64:
        return CPU_ROW_F64;
    case TNB_I32:
        return CPU_ROW_I32;
    case TNB_I64:
        return CPU_ROW_I64;
    case TNB_U8:
    case TNB_BOOL:
        return CPU_ROW_U8;
    default:
        return CPU_ROW_TYPES;
    }
}

struct cpu_unary_entry {
    const char *name;
    cpu_unary_row row[CPU_ROW_TYPES];
    int64_t grain;
    struct cpu_param_names params;
};
/* Ends in name NULL. */
extern const struct cpu_unary_entry CPU_SYM(cpu_activation_rows)[];

/* The implementation of every such operator (unary.c). */
bool CPU_SYM(cpu_unary_supports)(const struct cpu_query *q, char why[CPU_WHY]);
tnb_status CPU_SYM(cpu_unary_prepare)(const struct cpu_query *q, struct cpu_kernel *k,
                                      tnb_error *err);
#define CPU_UNARY_OP(op)                                                        \
    {                                                                           \
        CPU_LOOPS(op, CPU_SYM(cpu_unary_supports), CPU_SYM(cpu_unary_prepare)), \
            .flags = CPU_INPLACE_ANY                                            \
    }

#endif
