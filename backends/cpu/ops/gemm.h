/* SPDX-License-Identifier: MIT
 *
 * C = A B (+ C) in f32 on one thread, any strides: the packed register-tile scheme of Goto and van
 * de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008). */
#ifndef CPU_OPS_GEMM_H
#define CPU_OPS_GEMM_H

#include "ops.h"

/* a [m, k], b [k, n], c [m, n]; strides in elements; c's columns are contiguous. */
struct cpu_gemm {
    int64_t m, n, k;
    const float *a, *b;
    int64_t a_row, a_col, b_row, b_col;
    float *c;
    int64_t c_row;
    bool accumulate;   /* C += A B */
    const float *bias; /* [m], added to each row of C; NULL: none */
};

/* Bytes of scratch that one call needs, a multiple of 64. */
uint64_t CPU_SYM(cpu_gemm_scratch)(void);
void CPU_SYM(cpu_gemm)(const struct cpu_gemm *g, void *scratch);
/* Rows and columns of a register tile: where to cut work for threads. */
int64_t CPU_SYM(cpu_gemm_mr)(void);
int64_t CPU_SYM(cpu_gemm_nr)(void);
/* to[j * ld + i] = from[i * row + j], i < n, j < k. */
void CPU_SYM(cpu_turn)(float *to, int64_t ld, const float *from, int64_t row, int64_t n, int64_t k);

#endif
