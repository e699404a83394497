/* rnn, lstm, gru: one product for W x at all steps, then per step a product with R and one kernel
 * (gru with the reset before the product: two of each). All is queued; the host never waits. Both
 * directions are one batch of two. */
#include "../gemm.h"
#include "ops.h"

enum { X, W, R, B, LENGTHS, H0, C0 };
enum { GRAD_LENGTHS = 3, GRAD_H0, GRAD_Y, GRAD_DY, GRAD_DY_H, GRAD_RESERVE, GRAD_C0, GRAD_DY_C };
enum { DX, DW, DR, DB, DH0, DC0 };

enum kind { RNN, LSTM, GRU };
struct recurrent {
    enum kind kind;
    int64_t steps, batch, in, hidden, dirs, rows; /* rows: gates * hidden */
    bool reverse, relu, before;
    int lengths; /* the input */
    /* scratch */
    struct ocl_ref gx, gh, rh;                                      /* forward */
    struct ocl_ref da, r_side, now, h_before, lin, dn_now, dn, drh; /* backward, with rh */
};

static bool attr_is(const tnb_node *node, const char *key, const char *value)
{
    const tnb_attr *a = tnb_attr_find(node, key);
    return a && a->type == TNB_ATTR_STRING && strcmp(a->v.s, value) == 0;
}

static struct recurrent recurrent_of(struct ocl_build *b, int lengths)
{
    const tnb_tensor *x = ocl_in_type(b, X), *r = ocl_in_type(b, R);
    char first = b->node->op[0];
    return (struct recurrent){
        .kind = first == 'l'   ? LSTM
                : first == 'g' ? GRU
                               : RNN,
        .steps = x->dim[0],
        .batch = x->dim[1],
        .in = x->dim[2],
        .dirs = r->dim[0],
        .rows = r->dim[1],
        .hidden = r->dim[2],
        .reverse = attr_is(b->node, "direction", "reverse"),
        .relu = attr_is(b->node, "activation", "relu"),
        .before = tnb_attr_int(b->node, "linear_before_reset", 0) != 0,
        .lengths = lengths,
    };
}

static struct ocl_ref floats(struct ocl_build *b, int64_t n)
{
    return ocl_scratch(b, (uint64_t)n * 4);
}

/* c [dirs, m, n] = a b; a_step, b_step: matrices from one direction's to the next's. */
static void product(struct ocl_build *b, struct ocl_gemm_spec s, int64_t dirs, int64_t a_step,
                    int64_t b_step)
{
    s.n_batch = dirs;
    s.n_batch_b = 1 + (dirs - 1) * b_step;
    s.batch = (struct ocl_nest){.n_operands = 2};
    if (dirs > 1) {
        s.batch.rank = 1;
        s.batch.dim[0] = dirs;
        s.batch.stride[0][0] = a_step;
        s.batch.stride[1][0] = b_step;
    }
    uint64_t mark = b->scratch; /* launches run in order: the next may have this one's scratch */
    ocl_emit_gemm(b, &s);
    b->scratch = mark;
}

/* The candidate's matrix of R, the third of three. */
static struct ocl_ref candidate(const struct recurrent *q, struct ocl_ref ref)
{
    return ocl_ref_at(ref, (uint64_t)(2 * q->hidden * q->hidden) * 4);
}

/* The arguments of PLACE, and the range: an item per unit. */
static void place(struct ocl_build *b, const struct recurrent *q, int64_t step)
{
    struct ocl_ref none = {OCL_REF_NONE, 0, 0}, len = ocl_in(b, (uint32_t)q->lengths);
    bool given = ocl_has_in(b, (uint32_t)q->lengths);
    int kind = !given ? 0 : ocl_in_type(b, (uint32_t)q->lengths)->dtype == TNB_I32 ? 1 : 2;
    ocl_arg_ref(b, kind == 1 ? len : none, 4);
    ocl_arg_ref(b, kind == 2 ? len : none, 8);
    ocl_arg_int(b, kind);
    ocl_arg_int(b, step);
    ocl_arg_int(b, q->steps);
    ocl_arg_int(b, q->batch);
    ocl_arg_int(b, q->hidden);
    ocl_arg_int(b, q->dirs);
    ocl_arg_int(b, q->reverse);
    ocl_each(b, q->dirs * q->batch * q->hidden, 16);
}

/* state [dirs, B, H] = an input, or zeros */
static void load_state(struct ocl_build *b, const struct recurrent *q, struct ocl_ref state,
                       uint32_t input)
{
    int64_t n = q->dirs * q->batch * q->hidden;
    if (ocl_has_in(b, input))
        ocl_copy_launch(b, state, ocl_in(b, input), (uint64_t)n * 4);
    else
        ocl_emit_fill(b, state, 4, 0, n);
}

/* --- forward --- */

/* `gh`: the product with R that this kernel reads. */
static void begin_step(struct ocl_build *b, const struct recurrent *q, const char *kernel,
                       struct ocl_ref gh)
{
    ocl_kernel(b, "recurrent", "", kernel);
    ocl_arg_f32(b, q->gx);
    ocl_arg_f32(b, gh);
    ocl_arg_f32(b, ocl_in(b, B));
    ocl_arg_int(b, ocl_has_in(b, B));
}

static void emit_step(struct ocl_build *b, const struct recurrent *q, int64_t step)
{
    static const char *const kernels[] = {"rnn_step", "lstm_step", "gru_step"};
    struct ocl_ref y = ocl_out(b, 0), h = ocl_out(b, 1);
    product(b,
            (struct ocl_gemm_spec){.a = h,
                                   .b = ocl_in(b, R),
                                   .c = q->gh,
                                   .m = q->batch,
                                   .n = q->rows,
                                   .k = q->hidden,
                                   .trans_b = true},
            q->dirs, 1, 1);
    if (q->kind == GRU && !q->before) {
        begin_step(b, q, "gru_gates", q->gh);
        ocl_arg_f32(b, h);
        ocl_arg_f32(b, q->rh);
        ocl_arg_f32(b, ocl_out(b, 2));
        place(b, q, step);
        product(b,
                (struct ocl_gemm_spec){.a = q->rh,
                                       .b = candidate(q, ocl_in(b, R)),
                                       .c = q->gh,
                                       .m = q->batch,
                                       .n = q->hidden,
                                       .k = q->hidden,
                                       .trans_b = true},
                q->dirs, 1, 3);
        begin_step(b, q, "gru_finish", q->gh);
    } else {
        begin_step(b, q, kernels[q->kind], q->gh);
    }
    ocl_arg_f32(b, y);
    ocl_arg_f32(b, h);
    if (q->kind == RNN)
        ocl_arg_int(b, q->relu);
    else
        ocl_arg_f32(b, ocl_out(b, 2)); /* lstm's c, gru's reserve */
    if (q->kind == LSTM)
        ocl_arg_f32(b, ocl_out(b, 3));
    place(b, q, step);
}

void ocl_emit_recurrent(struct ocl_build *b)
{
    struct recurrent q = recurrent_of(b, LENGTHS);
    int64_t all = q.steps * q.batch, n = q.dirs * q.batch * q.hidden;
    if (n == 0)
        return;
    q.gx = floats(b, q.dirs * all * q.rows);
    q.gh = floats(b, q.dirs * q.batch * q.rows);
    q.rh = floats(b, q.kind == GRU && !q.before ? n : 0);
    load_state(b, &q, ocl_out(b, 1), H0);
    if (q.kind == LSTM)
        load_state(b, &q, ocl_out(b, 2), C0);
    product(b,
            (struct ocl_gemm_spec){.a = ocl_in(b, X),
                                   .b = ocl_in(b, W),
                                   .c = q.gx,
                                   .m = all,
                                   .n = q.rows,
                                   .k = q.in,
                                   .trans_b = true},
            q.dirs, 0, 1);
    for (int64_t step = 0; step < q.steps; step++)
        emit_step(b, &q, step);
}

/* --- backward --- */

/* The arguments of BACK. */
static void begin_back(struct ocl_build *b, const struct recurrent *q, const char *kernel)
{
    ocl_kernel(b, "recurrent", "", kernel);
    ocl_arg_f32(b, ocl_in(b, GRAD_Y));
    ocl_arg_f32(b, ocl_in(b, GRAD_H0));
    ocl_arg_f32(b, ocl_in(b, GRAD_DY));
    ocl_arg_int(b, ocl_has_in(b, GRAD_H0));
    ocl_arg_int(b, ocl_has_in(b, GRAD_DY));
    ocl_arg_f32(b, q->da);
    ocl_arg_f32(b, q->now);
    ocl_arg_f32(b, q->h_before);
    ocl_arg_f32(b, ocl_out(b, DH0));
    ocl_arg_f32(b, q->lin);
}

static void back_after_reset(struct ocl_build *b, const struct recurrent *q, int64_t step)
{
    begin_back(b, q, "gru_back_gates");
    ocl_arg_f32(b, ocl_in(b, GRAD_RESERVE));
    ocl_arg_f32(b, q->dn_now);
    ocl_arg_f32(b, q->dn);
    ocl_arg_f32(b, q->rh);
    place(b, q, step);
    product(b,
            (struct ocl_gemm_spec){.a = q->dn_now,
                                   .b = candidate(q, ocl_in(b, R)),
                                   .c = q->drh,
                                   .m = q->batch,
                                   .n = q->hidden,
                                   .k = q->hidden},
            q->dirs, 1, 3);
    ocl_kernel(b, "recurrent", "", "gru_back_reset");
    ocl_arg_f32(b, q->da);
    ocl_arg_f32(b, q->now);
    ocl_arg_f32(b, q->h_before);
    ocl_arg_f32(b, ocl_out(b, DH0));
    ocl_arg_f32(b, q->drh);
    ocl_arg_f32(b, ocl_in(b, GRAD_RESERVE));
    place(b, q, step);
}

static void emit_back(struct ocl_build *b, const struct recurrent *q, int64_t step)
{
    if (q->kind == GRU && !q->before) {
        back_after_reset(b, q, step);
    } else {
        static const char *const kernels[] = {"rnn_back", "lstm_back", "gru_back"};
        begin_back(b, q, kernels[q->kind]);
        if (q->kind == RNN)
            ocl_arg_int(b, q->relu);
        else
            ocl_arg_f32(b, ocl_in(b, GRAD_RESERVE));
        if (q->kind == GRU)
            ocl_arg_f32(b, q->r_side);
        if (q->kind == LSTM) {
            ocl_arg_f32(b, ocl_in(b, GRAD_C0));
            ocl_arg_int(b, ocl_has_in(b, GRAD_C0));
            ocl_arg_f32(b, ocl_out(b, DC0));
        }
        place(b, q, step);
    }
    product(b,
            (struct ocl_gemm_spec){.a = q->now,
                                   .b = ocl_in(b, R),
                                   .c = q->lin,
                                   .m = q->batch,
                                   .n = q->hidden,
                                   .k = q->rows},
            q->dirs, 1, 1);
}

/* dR; after the reset the candidate's rows met r h instead of h. */
static void emit_dr(struct ocl_build *b, const struct recurrent *q)
{
    int64_t all = q->steps * q->batch, square = q->hidden * q->hidden;
    struct ocl_gemm_spec g = {.a = q->r_side,
                              .b = q->h_before,
                              .c = ocl_out(b, DR),
                              .m = q->rows,
                              .n = q->hidden,
                              .k = all,
                              .trans_a = true};
    product(b, g, q->dirs, 1, 1);
    if (q->kind != GRU || q->before)
        return;
    struct ocl_ref rows = floats(b, q->dirs * square);
    g.a = q->dn;
    g.b = q->rh;
    g.c = rows;
    g.m = q->hidden;
    product(b, g, q->dirs, 1, 1);
    for (int64_t d = 0; d < q->dirs; d++)
        ocl_copy_launch(b, ocl_ref_at(ocl_out(b, DR), (uint64_t)((3 * d + 2) * square) * 4),
                        ocl_ref_at(rows, (uint64_t)(d * square) * 4), (uint64_t)square * 4);
}

static void emit_dw_dx(struct ocl_build *b, const struct recurrent *q)
{
    int64_t all = q->steps * q->batch;
    product(b,
            (struct ocl_gemm_spec){.a = q->da,
                                   .b = ocl_in(b, X),
                                   .c = ocl_out(b, DW),
                                   .m = q->rows,
                                   .n = q->in,
                                   .k = all,
                                   .trans_a = true},
            q->dirs, 1, 0);
    struct ocl_ref dx = q->dirs > 1 ? floats(b, q->dirs * all * q->in) : ocl_out(b, DX);
    product(b,
            (struct ocl_gemm_spec){
                .a = q->da, .b = ocl_in(b, W), .c = dx, .m = all, .n = q->in, .k = q->rows},
            q->dirs, 1, 1);
    if (q->dirs > 1 && all * q->in > 0)
        ocl_emit_sum_outer(b, dx, ocl_out(b, DX), q->dirs, all * q->in);
    ocl_kernel(b, "recurrent", "", "recurrent_bias");
    ocl_arg_f32(b, q->da);
    ocl_arg_f32(b, q->r_side);
    ocl_arg_f32(b, ocl_out(b, DB));
    ocl_arg_int(b, all);
    ocl_arg_int(b, q->rows);
    ocl_each(b, q->dirs * 2 * q->rows, 1);
}

void ocl_emit_recurrent_grad(struct ocl_build *b)
{
    struct recurrent q = recurrent_of(b, GRAD_LENGTHS);
    int64_t all = q.steps * q.batch, n = q.dirs * q.batch * q.hidden;
    bool after = q.kind == GRU && !q.before;
    q.da = floats(b, q.dirs * all * q.rows);
    q.r_side = q.kind == GRU && q.before ? floats(b, q.dirs * all * q.rows) : q.da;
    q.now = floats(b, q.dirs * q.batch * q.rows);
    q.h_before = floats(b, q.dirs * all * q.hidden);
    q.lin = floats(b, n);
    q.dn_now = floats(b, after ? n : 0);
    q.drh = floats(b, after ? n : 0);
    q.dn = floats(b, after ? q.dirs * all * q.hidden : 0);
    q.rh = floats(b, after ? q.dirs * all * q.hidden : 0);
    if (n > 0) {
        load_state(b, &q, ocl_out(b, DH0), GRAD_DY_H);
        if (q.kind == LSTM)
            load_state(b, &q, ocl_out(b, DC0), GRAD_DY_C);
        ocl_emit_fill(b, q.lin, 4, 0, n);
        for (int64_t step = 0; step < q.steps; step++)
            emit_back(b, &q, step);
        ocl_kernel(b, "recurrent", "", "recurrent_end");
        ocl_arg_f32(b, ocl_out(b, DH0));
        ocl_arg_f32(b, q.lin);
        ocl_each(b, n, 64);
    }
    emit_dw_dx(b, &q);
    emit_dr(b, &q);
}
