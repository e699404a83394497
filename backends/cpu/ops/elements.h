/* SPDX-License-Identifier: MIT
 *
 * Elements moved by their size, 1, 2, 4 or 8 bytes, whatever they are. */
#ifndef CPU_OPS_ELEMENTS_H
#define CPU_OPS_ELEMENTS_H

#include "../../moves.h"
#include "ops.h"

/* MOVE(T), T the unsigned type of `size` bytes. */
#define CPU_BY_SIZE(size, MOVE) \
    do {                        \
        if ((size) == 4)        \
            MOVE(uint32_t);     \
        else if ((size) == 8)   \
            MOVE(uint64_t);     \
        else if ((size) == 2)   \
            MOVE(uint16_t);     \
        else                    \
            MOVE(uint8_t);      \
    } while (0)

/* o = x, one element. */
CPU_INLINE void cpu_put(uint8_t *o, const uint8_t *x, uint32_t size)
{
#define PUT(T) memcpy(o, x, sizeof(T))
    CPU_BY_SIZE(size, PUT);
#undef PUT
}

/* o [n] = the element at x. */
CPU_INLINE void cpu_fill_row(uint8_t *o, const uint8_t *x, int64_t n, uint32_t size)
{
#define FILL(T)                                             \
    do {                                                    \
        T *to = (T *)(void *)o;                             \
        T v;                                                \
        memcpy(&v, x, sizeof v);                            \
        CPU_SIMD for (int64_t i = 0; i < n; i++) to[i] = v; \
    } while (0)
    CPU_BY_SIZE(size, FILL);
#undef FILL
}

/* o[i * so] = x[i * sx] */
CPU_INLINE void cpu_copy_row(uint8_t *o, int64_t so, const uint8_t *x, int64_t sx, int64_t n,
                             uint32_t size)
{
#define STRIDED(T)                                  \
    do {                                            \
        T *to = (T *)(void *)o;                     \
        const T *from = (const T *)(const void *)x; \
        for (int64_t i = 0; i < n; i++)             \
            to[i * so] = from[i * sx];              \
    } while (0)
    if (so == 1 && sx == 1)
        memcpy(o, x, (size_t)n * size);
    else
        CPU_BY_SIZE(size, STRIDED);
#undef STRIDED
}

struct cpu_box_job {
    const struct moves_box *b;
    uint8_t *to;
    const uint8_t *from;
    uint32_t size;
};

CPU_UNUSED static void cpu_box_range(const void *arg, int64_t lo, int64_t hi, uint32_t chunk)
{
    const struct cpu_box_job *j = arg;
    const struct moves_box *b = j->b;
    uint32_t last = b->rank - 1;
    int64_t size = j->size;
    for (int64_t row = lo; row < hi; row++) {
        int64_t rest = row, from = b->in_at, to = b->out_at;
        for (uint32_t d = last; d-- > 0;) {
            int64_t at = rest % b->dim[d];
            from += at * b->in_step[d];
            to += at * b->out_step[d];
            rest /= b->dim[d];
        }
        cpu_copy_row(j->to + to * size, b->out_step[last], j->from + from * size, b->in_step[last],
                     b->dim[last], j->size);
    }
}

/* A box of elements of `size` bytes; threads share its rows. */
CPU_UNUSED static void cpu_box_move(const struct cpu_kernel *k, const struct moves_box *b,
                                    uint8_t *to, const uint8_t *from, uint32_t size)
{
    if (b->count == 0)
        return;
    struct cpu_box_job j = {b, to, from, size};
    int64_t row = b->dim[b->rank - 1];
    cpu_parallel_fine(k->inst->pool, b->count / row, 1 + CPU_GRAIN / row, cpu_box_range, &j);
}

#endif
