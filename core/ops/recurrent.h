/* What rnn, lstm and gru share: the shapes of ONNX's operators of these names, the order of steps,
 * and the products with W and R of their references. */
#ifndef TN_OPS_RECURRENT_H
#define TN_OPS_RECURRENT_H

#include "ops/util.h"

/* Inputs, forward and backward; rnn and gru end before C0 and RESERVE or REC_GRAD_C0. */
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
enum { REC_DX, REC_DW, REC_DR, REC_DB, REC_DH0, REC_DC0 };

#define TN_REC_DIRECTION                                                                       \
    {                                                                                          \
        .name = "direction", .type = TN_ATTR_STRING, .dflt = {.u.s = "forward"},               \
        .doc = "forward, reverse (each sequence from its own last element) or bidirectional: " \
               "both, one after the other along the axis of dirs"                              \
    }
/* For tn_op.shapes. G: gates. */
#define TN_REC_SHAPES(G, GG)                                                                \
    "x [T, B, I], w [dirs, " G "H, I], r [dirs, " G "H, H] float, one dtype; b? [dirs, " GG \
    "H]: W's biases, then R's; lengths? [B] i32 or i64, clamped to 0 .. T; h0? [dirs, B, H]"
#define TN_REC_PAST                                                                               \
    " Past a sequence's length y is 0; y_h is the state after its last step. As ONNX's operator " \
    "with layout 0, without clip"

extern const char *const tn_rec_in[7], *const tn_rec_grad_in[11], *const tn_rec_grad_out[6];

/* Kinds of the family: gates, values per step in `reserve` as multiples of H, and a cell state. */
struct tn_rec_kind {
    uint32_t gates, reserve;
    int has_cell;
};
tn_status tn_rec_infer(struct tn_infer *ctx, const struct tn_rec_kind *kind);
tn_status tn_rec_grad_infer(struct tn_infer *ctx, const struct tn_rec_kind *kind);
/* Emits `op` with the forward node's attributes of `names`. */
tn_status tn_rec_gradient(const struct tn_grad *ctx, const struct tn_rec_kind *kind, const char *op,
                          const char *attr);

/* --- for references --- */

struct tn_rec {
    const struct tn_ref *ctx;
    int64_t steps, batch, in, hidden, dirs, rows; /* rows: gates * hidden */
    int reverse;                                  /* the first direction is */
    int is_grad;
};
/* Sets every output to zero too. */
void tn_rec_open(struct tn_rec *rec, const struct tn_ref *ctx, uint32_t gates);
int64_t tn_rec_length(const struct tn_rec *rec, int64_t b);
/* The time of step s of a sequence of `length`. */
int64_t tn_rec_time(const struct tn_rec *rec, int64_t d, int64_t s, int64_t length);
/* First element of (d, b) in [dirs, B, width], of (t, d, b) in [T, dirs, B, H], of (d, t, b) in
 * [dirs, T, B, width]. */
int64_t tn_rec_state_at(const struct tn_rec *rec, int64_t d, int64_t b, int64_t width);
int64_t tn_rec_y_at(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b);
int64_t tn_rec_reserve_at(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b, int64_t width);
/* to [H] = (d, b) of an input [dirs, B, H], 0 where it is absent */
void tn_rec_load(const struct tn_rec *rec, uint32_t input, int64_t d, int64_t b, double *to);
/* a [rows] = W x_t + Wb */
void tn_rec_project(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b, double *a);
/* a [from, to) = R h + Rb */
void tn_rec_recur(const struct tn_rec *rec, int64_t d, int64_t from, int64_t to, const double *h,
                  double *a);
/* The state before step s of (d, b): h_(s-1) from y, or h0. */
const double *tn_rec_before(const struct tn_rec *rec, int64_t d, int64_t b, int64_t s,
                            int64_t length, const double *h0);
/* Gradients of the two above for da [rows]; dh [H] gets R^T da added. */
void tn_rec_project_grad(const struct tn_rec *rec, int64_t d, int64_t t, int64_t b,
                         const double *da);
void tn_rec_recur_grad(const struct tn_rec *rec, int64_t d, int64_t from, int64_t to,
                       const double *h, const double *da, double *dh);

#endif
