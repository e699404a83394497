/* SPDX-License-Identifier: MIT
 *
 * What the forward and backward passes of rnn, lstm and gru share. Threads share the sequences (and
 * the two directions): each walks its own through time, so no step waits for another thread. */
#ifndef CPU_OPS_RECURRENT_H
#define CPU_OPS_RECURRENT_H

#include "gemm.h"
#include "vmath.h"

enum cpu_rec_kind { CPU_RNN, CPU_LSTM, CPU_GRU };
enum { REC_X, REC_W, REC_R, REC_B, REC_LENGTHS, REC_H0, REC_C0 };
enum {
    REC_GRAD_LENGTHS = 3,
    REC_GRAD_H0,
    REC_GRAD_Y,
    REC_GRAD_DY,
    REC_GRAD_DY_H,
    REC_GRAD_RESERVE,
    REC_GRAD_C0,
    REC_GRAD_DY_C
};

struct cpu_rec {
    enum cpu_rec_kind kind;
    int64_t steps, batch, in, hidden, dirs;
    int64_t rows;        /* gates * hidden */
    int64_t kept;        /* width of a step's row of gates: in `reserve`, or rnn's scratch */
    int64_t part, parts; /* sequences per piece of work; pieces per direction */
    bool reverse, relu, before, wide_len;
    /* Offsets into the scratch after each thread's gemm's. */
    uint64_t bias, gates, da, du, h_before, drh;
};

CPU_INLINE float *cpu_rec_ws(const struct cpu_kernel *k, uint64_t offset)
{
    return (float *)(void *)(k->ws + offset);
}

CPU_INLINE int64_t cpu_rec_length(const struct cpu_kernel *k, int input, int64_t b)
{
    const struct cpu_rec *s = k->state;
    if (!k->in[input])
        return s->steps;
    return cpu_max64(0, cpu_min64(cpu_index_at(k->in[input], s->wide_len, b), s->steps));
}

/* Steps go forward or backward through all T; a sequence sits out where t is past its length. */
CPU_INLINE bool cpu_rec_is_reverse(const struct cpu_rec *s, int64_t d)
{
    return s->reverse || d == 1;
}

/* Element (d, t, b, 0) of [dirs, T, B, width]. */
CPU_INLINE int64_t cpu_rec_at(const struct cpu_rec *s, int64_t d, int64_t t, int64_t b,
                              int64_t width)
{
    return ((d * s->steps + t) * s->batch + b) * width;
}

/* Element (t, d, b, 0) of y. */
CPU_INLINE int64_t cpu_rec_y_at(const struct cpu_rec *s, int64_t d, int64_t t, int64_t b)
{
    return ((t * s->dirs + d) * s->batch + b) * s->hidden;
}

/* A piece's place: sequences [b, b + n) of direction d at time t. */
struct cpu_rec_place {
    const struct cpu_kernel *k;
    int64_t d, t, b, n;
    void *scratch; /* of gemm */
};

/* Piece e of all directions' sequences, worked on with a thread's scratch. */
CPU_INLINE struct cpu_rec_place cpu_rec_place_of(const struct cpu_kernel *k, int64_t e,
                                                 uint32_t thread)
{
    const struct cpu_rec *s = k->state;
    int64_t b = e % s->parts * s->part;
    return (struct cpu_rec_place){.k = k,
                                  .d = e / s->parts,
                                  .b = b,
                                  .n = cpu_min64(s->part, s->batch - b),
                                  .scratch = k->ws + thread * CPU_SYM(cpu_gemm_scratch)()};
}

/* c [n, g->n] (+)= a times R's rows from `from` on, by the strides in g; m and b are the place's.
 */
CPU_INLINE void cpu_rec_recur(const struct cpu_rec_place *p, int64_t from, struct cpu_gemm g)
{
    const struct cpu_rec *s = p->k->state;
    g.m = p->n;
    g.a_col = 1;
    g.b = cpu_in(p->k, REC_R) + (p->d * s->rows + from) * s->hidden;
    CPU_SYM(cpu_gemm)(&g, p->scratch);
}

/* to = from, or zeros where it is absent */
CPU_UNUSED static void cpu_rec_load(float *to, const float *from, int64_t at, int64_t n)
{
    if (n > 0 && from)
        memcpy(to, from + at, (size_t)n * sizeof *to);
    else if (n > 0)
        memset(to, 0, (size_t)n * sizeof *to);
}

tnb_status CPU_SYM(cpu_rec_grad_run)(const struct cpu_kernel *k, tnb_error *err);

#endif
