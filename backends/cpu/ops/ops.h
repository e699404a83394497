/* SPDX-License-Identifier: MIT
 *
 * For the files of own loops, each compiled once per instruction set (CPU_ISA): names that leave a
 * file carry the set's name, everything else is static. */
#ifndef CPU_OPS_OPS_H
#define CPU_OPS_OPS_H

#include "../../shape.h"
#include "../cpu.h"
#include "../threads.h"

#define CPU_CAT2(a, b) a##_##b
#define CPU_CAT(a, b) CPU_CAT2(a, b)
#define CPU_SYM(name) CPU_CAT(name, CPU_ISA)

/* The iterations of the next loop may run in any order: outputs may be an input's memory, but only
 * at the same element. */
#define CPU_SIMD _Pragma("omp simd")

/* Elements per thread below which a second thread costs more than it brings: about 5 us of work. */
#define CPU_GRAIN 16384

#if defined(__GNUC__)
#define CPU_INLINE static inline __attribute__((always_inline))
#define CPU_UNUSED __attribute__((unused))
#else
#define CPU_INLINE static inline
#define CPU_UNUSED
#endif

/* clang-format off: a line for each */
extern const struct cpu_op CPU_SYM(cpu_binary)[];
extern const struct cpu_op CPU_SYM(cpu_unary)[];
extern const struct cpu_op CPU_SYM(cpu_activation)[];
extern const struct cpu_op CPU_SYM(cpu_shape)[];
extern const struct cpu_op CPU_SYM(cpu_slice)[];
extern const struct cpu_op CPU_SYM(cpu_reduce)[];
extern const struct cpu_op CPU_SYM(cpu_matmul)[];
extern const struct cpu_op CPU_SYM(cpu_lookup)[];
extern const struct cpu_op CPU_SYM(cpu_moves)[];
extern const struct cpu_op CPU_SYM(cpu_constant)[];
extern const struct cpu_op CPU_SYM(cpu_gather)[];
extern const struct cpu_op CPU_SYM(cpu_resize)[];
extern const struct cpu_op CPU_SYM(cpu_conv)[];
extern const struct cpu_op CPU_SYM(cpu_pool)[];
extern const struct cpu_op CPU_SYM(cpu_norm)[];
extern const struct cpu_op CPU_SYM(cpu_softmax)[];
extern const struct cpu_op CPU_SYM(cpu_dropout)[];
extern const struct cpu_op CPU_SYM(cpu_loss)[];
extern const struct cpu_op CPU_SYM(cpu_class_loss)[];
extern const struct cpu_op CPU_SYM(cpu_update)[];
extern const struct cpu_op CPU_SYM(cpu_optim)[];
extern const struct cpu_op CPU_SYM(cpu_row_norm)[];
extern const struct cpu_op CPU_SYM(cpu_attention)[];
extern const struct cpu_op CPU_SYM(cpu_recurrent)[];
extern const struct cpu_op CPU_SYM(cpu_cast)[];
/* clang-format on */
extern const struct cpu_half CPU_SYM(cpu_half);
extern const struct cpu_op CPU_SYM(cpu_moments)[];
extern const struct cpu_op CPU_SYM(cpu_search)[];
extern const struct cpu_op CPU_SYM(cpu_random)[];

/* What a family's entry begins with where the file's own loops implement it. */
#define CPU_LOOPS(op, supports, prepare) \
    .name = op, .loops = {"loops", CPU_PROVIDER_LOOPS, supports, prepare}

CPU_UNUSED static bool cpu_any_supports(const struct cpu_query *q, char why[CPU_WHY])
{
    return true;
}

/* Refuses unless every present input and output in the two bit masks is f32. */
CPU_UNUSED static bool cpu_need_f32(const struct cpu_query *q, uint32_t in_mask, uint32_t out_mask,
                                    char why[CPU_WHY])
{
    for (uint32_t i = 0; i < q->n_in; i++)
        if ((in_mask >> i & 1) && q->in[i] && q->in[i]->dtype != TNB_F32)
            return cpu_refuse(why, "input %u is %s; the cpu runs '%.40s' in f32", i,
                              cpu_dtype_name(q->in[i]->dtype), q->node->op);
    for (uint32_t i = 0; i < q->n_out; i++)
        if ((out_mask >> i & 1) && q->out[i] && q->out[i]->dtype != TNB_F32)
            return cpu_refuse(why, "output %u is %s; the cpu runs '%.40s' in f32", i,
                              cpu_dtype_name(q->out[i]->dtype), q->node->op);
    return true;
}

CPU_UNUSED static bool cpu_is_index(const tnb_tensor *t)
{
    return t && (t->dtype == TNB_I32 || t->dtype == TNB_I64);
}

/* Element i of an i32 or i64 array. */
CPU_INLINE int64_t cpu_index_at(const void *p, bool wide, int64_t i)
{
    return wide ? ((const int64_t *)p)[i] : ((const int32_t *)p)[i];
}

/* An operand as f32; NULL where it is absent. */
CPU_INLINE const float *cpu_in(const struct cpu_kernel *k, uint32_t i)
{
    return (const float *)(const void *)k->in[i];
}
CPU_INLINE float *cpu_out(const struct cpu_kernel *k, uint32_t i)
{
    return (float *)(void *)k->out[i];
}

/* A float's bits, and back. */
CPU_INLINE uint32_t cpu_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
CPU_INLINE float cpu_from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

CPU_INLINE int64_t cpu_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
CPU_INLINE int64_t cpu_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
