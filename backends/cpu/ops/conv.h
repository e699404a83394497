/* SPDX-License-Identifier: MIT
 *
 * Convolutions of one to three axes as the files of own loops see them: three axes (depth, height,
 * width), the missing ones of size 1. */
#ifndef CPU_OPS_CONV_H
#define CPU_OPS_CONV_H

#include "ops.h"

enum cpu_conv_task { CPU_TASK_FORWARD, CPU_TASK_INPUT, CPU_TASK_WEIGHT };

/* x [n, groups ci, in], w [groups co, ci, k], y [n, groups co, out]. */
struct cpu_conv_geometry {
    int64_t n, groups, ci, co;
    int64_t in[3], out[3], k[3], step[3], dilation[3], pad[3]; /* pad: before the first cell */
};

CPU_INLINE int64_t cpu_volume(const int64_t dim[3])
{
    return dim[0] * dim[1] * dim[2];
}

/* --- direct convolution (conv_direct.c) --- */

/* A unit of work is one image, group, output depth and band of output rows. Its part of x, padding
 * and all, is copied so that a tap's cells lie side by side for neighbouring places: strided
 * windows make step[0] step[1] step[2] interleaved copies. */
struct cpu_direct {
    struct cpu_conv_geometry g;
    bool flip; /* w lies as [co', ci', k] with the channels' roles swapped and the taps reversed */
    int64_t taps;        /* ci times the kernel's cells */
    int64_t panel;       /* filters of a register tile, forward */
    bool sums;           /* weight gradient: tiles of sums over places, else of taps by filters */
    int64_t rows, bands; /* output rows per band */
    int64_t q[3];        /* cells of one copy of a unit's part: depth, rows, width */
    int64_t channel;     /* floats of a channel's copies */
    int64_t run;         /* weight gradient: units side by side */
    int32_t *offset;     /* [taps] from a place's first cell */
    uint64_t part_bytes, packed_bytes, thread_bytes; /* scratch: of a part, of w, of a thread */
};

/* Filters of a register tile, where there are that many (conv.c). */
int64_t CPU_SYM(cpu_direct_panel)(int64_t filters);
/* Whether the places are filled well enough; fills *out_d but for `offset`. */
bool CPU_SYM(cpu_direct_plan)(const struct cpu_conv_geometry *g, enum cpu_conv_task task,
                              uint32_t n_threads, struct cpu_direct *out_d);
/* The transposed problem of a stride-1 gradient of the input. */
bool CPU_SYM(cpu_direct_plan_input)(const struct cpu_conv_geometry *g, uint32_t n_threads,
                                    struct cpu_direct *out_d);
tnb_status CPU_SYM(cpu_direct_offsets)(const tnb_instance *inst, struct cpu_direct *d,
                                       tnb_error *err);
uint64_t CPU_SYM(cpu_direct_scratch)(const struct cpu_direct *d, enum cpu_conv_task task,
                                     uint32_t n_threads);

struct cpu_direct_args {
    const struct cpu_direct *d;
    const float *x, *w, *bias; /* weight gradient: w is dy */
    float *y;                  /* weight gradient: dw */
    uint8_t *scratch;
};
void CPU_SYM(cpu_direct_forward)(struct cpu_pool *pool, const struct cpu_direct_args *a);
void CPU_SYM(cpu_direct_weight)(struct cpu_pool *pool, const struct cpu_direct_args *a);
/* Makes sums that came out infinite or NaN again, from real places alone (conv_mend.c). */
void CPU_SYM(cpu_direct_mend)(struct cpu_pool *pool, const struct cpu_direct_args *a);

#endif
