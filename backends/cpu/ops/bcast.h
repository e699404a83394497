/* SPDX-License-Identifier: MIT
 *
 * NumPy broadcasting over up to three operands. Neighbouring axes that all operands treat alike are
 * merged, so that most shapes come down to one long row or a few. */
#ifndef CPU_OPS_BCAST_H
#define CPU_OPS_BCAST_H

#include "ops.h"

#define CPU_BCAST_MAX 3

/* dim[0..rank) outermost first; stride in elements, 0 where an operand repeats. rank >= 1. */
struct cpu_bcast {
    uint32_t rank, n;
    int64_t count;
    int64_t dim[TNB_MAX_RANK], stride[CPU_BCAST_MAX][TNB_MAX_RANK];
};

CPU_UNUSED static bool cpu_bcast_merges(const struct cpu_bcast *b, int64_t dim,
                                        const int64_t *stride)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (b->stride[i][b->rank - 1] != stride[i] * dim)
            return false;
    return true;
}

CPU_UNUSED static void cpu_bcast_init(struct cpu_bcast *b, const tnb_tensor *out,
                                      const tnb_tensor *const *in, uint32_t n)
{
    int64_t full[CPU_BCAST_MAX][TNB_MAX_RANK];
    for (uint32_t i = 0; i < n; i++) {
        int64_t step = 1;
        for (uint32_t d = out->rank; d-- > 0;) {
            int64_t at = (int64_t)d - (int64_t)(out->rank - in[i]->rank);
            int64_t size = at >= 0 ? in[i]->dim[at] : 1;
            full[i][d] = size == 1 ? 0 : step;
            step *= size;
        }
    }
    *b = (struct cpu_bcast){.n = n, .count = tnb_count(out)};
    for (uint32_t d = 0; d < out->rank; d++) {
        int64_t stride[CPU_BCAST_MAX];
        if (out->dim[d] == 1)
            continue;
        for (uint32_t i = 0; i < n; i++)
            stride[i] = full[i][d];
        if (b->rank && cpu_bcast_merges(b, out->dim[d], stride)) {
            b->dim[b->rank - 1] *= out->dim[d];
        } else {
            b->dim[b->rank++] = out->dim[d];
        }
        for (uint32_t i = 0; i < n; i++)
            b->stride[i][b->rank - 1] = stride[i];
    }
    if (b->rank == 0) {
        b->dim[b->rank++] = 1;
        for (uint32_t i = 0; i < n; i++)
            b->stride[i][0] = 0;
    }
}

/* Calls row(arg, out_at, at, len) for the pieces of rows that make up outputs [lo, hi); at[i] is
 * operand i's first element. */
typedef void (*cpu_bcast_row)(const void *arg, int64_t out_at, const int64_t *at, int64_t len);

CPU_UNUSED static void cpu_bcast_walk(const struct cpu_bcast *b, int64_t lo, int64_t hi,
                                      cpu_bcast_row row, const void *arg)
{
    int64_t index[TNB_MAX_RANK] = {0}, at[CPU_BCAST_MAX] = {0}, rest = lo;
    for (uint32_t d = b->rank; d-- > 0;) {
        index[d] = rest % b->dim[d];
        rest /= b->dim[d];
        for (uint32_t i = 0; i < b->n; i++)
            at[i] += index[d] * b->stride[i][d];
    }
    uint32_t last = b->rank - 1;
    while (lo < hi) {
        int64_t len = cpu_min64(hi - lo, b->dim[last] - index[last]);
        row(arg, lo, at, len);
        lo += len;
        index[last] += len;
        for (uint32_t i = 0; i < b->n; i++)
            at[i] += len * b->stride[i][last];
        for (uint32_t d = last; d > 0 && index[d] == b->dim[d]; d--) {
            for (uint32_t i = 0; i < b->n; i++)
                at[i] += b->stride[i][d - 1] - b->dim[d] * b->stride[i][d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

#endif
