/* The memory plan. Offsets are checked as such; and random graphs must give the same bits with
 * every way of sharing memory as they give with none, while the arena is filled with NaN before
 * each run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fake.h"
#include "support.h"

/* --- offsets --- */

static uint32_t draw(uint64_t seed, uint64_t place, uint32_t n)
{
    return tn_philox(seed, place, 1).v[0] % n;
}

Test(assign, no_two_live_items_overlap)
{
    struct tn_mem_item items[60];
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint32_t n = 1 + draw(seed, 0, 60);
        uint64_t total = 0, sum = 0, align = 64u << draw(seed, 1, 3);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t begin = draw(seed, 10 + i, 40);
            items[i] = (struct tn_mem_item){.n_bytes = draw(seed, 100 + i, 5000),
                                            .begin = begin,
                                            .end = begin + draw(seed, 200 + i, 12)};
            sum += tn_align_up(items[i].n_bytes ? items[i].n_bytes : 1, align);
        }
        cr_assert(tn_mem_assign(items, n, align, &total));
        cr_assert_leq(total, sum);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert_eq(items[i].offset % align, 0);
            cr_assert_leq(items[i].offset + items[i].n_bytes, total);
            for (uint32_t j = 0; j < i; j++) {
                int meet = items[i].begin <= items[j].end && items[j].begin <= items[i].end;
                int apart = items[i].offset + items[i].n_bytes <= items[j].offset ||
                            items[j].offset + items[j].n_bytes <= items[i].offset;
                cr_assert(!meet || apart, "seed %d: items %u and %u", (int)seed, i, j);
            }
        }
    }
}

/* A chain needs room for two neighbours only; the peak is known exactly. */
Test(assign, a_chain_takes_two_places)
{
    struct tn_mem_item items[20];
    uint64_t total = 0;
    for (uint32_t i = 0; i < 20; i++)
        items[i] = (struct tn_mem_item){.n_bytes = 1024, .begin = i, .end = i + 1};
    cr_assert(tn_mem_assign(items, 20, 64, &total));
    cr_assert_eq(total, 2048);
    cr_assert(tn_mem_assign(items, 0, 64, &total));
    cr_assert_eq(total, 0);
}

/* --- random graphs --- */

enum { N_STATES = 3, N_OPS = 28, N_KEPT = 4, SIDE = 4 };

static const char *const state_names[N_STATES] = {"s0", "s1", "s2"};

/* [4, 4] values throughout; old versions of states are read at any time, also after the write. */
static tn_graph *random_graph(uint64_t seed)
{
    static const char *const unary[] = {"tanh", "relu", "neg", "sigmoid"};
    static const char *const binary[] = {"add", "sub", "mul", "maximum"};
    struct tn_shape flat = TN_SHAPE(SIDE * SIDE), square = TN_SHAPE(SIDE, SIDE);
    char name[32];
    tn_value v[N_OPS + N_STATES + 2];
    uint32_t n = 0;
    snprintf(name, sizeof(name), "random-%llu", (unsigned long long)seed);
    tn_graph *g = new_graph(name);
    v[n++] = f32_input(g, "x", square);
    for (int i = 0; i < N_STATES; i++)
        v[n++] = weights(g, state_names[i], square);
    v[n++] = tn_expand(g, tn_graph_scalar(g, TN_F32, 0.5), &square);
    for (uint32_t k = 0; k < N_OPS; k++) {
        /* Recent values more often: long chains with some far reads. */
        tn_value a = draw(seed, k * 8, 3) ? v[n - 1] : v[draw(seed, k * 8 + 1, n)];
        tn_value b = v[draw(seed, k * 8 + 2, n)];
        uint32_t pick = draw(seed, k * 8 + 3, 8);
        if (pick < 3)
            v[n++] = tn_op2(g, binary[draw(seed, k * 8 + 4, 4)], a, b, NULL, 0);
        else if (pick < 5)
            v[n++] = tn_op1(g, unary[draw(seed, k * 8 + 5, 4)], a, NULL, 0);
        else if (pick == 5)
            v[n++] = tn_matmul(g, a, b, 0, 1);
        else if (pick == 6)
            v[n++] = tn_reshape(g, tn_op1(g, "relu", tn_reshape(g, a, &flat), NULL, 0), &square);
        else
            v[n++] = tn_op1(g, "transpose", a, NULL, 0);
    }
    for (int i = 0; i < N_STATES; i++) /* any value: computed, an input, another state, itself */
        tn_graph_assign(g, v[1 + i],
                        tn_op1(g, "identity", v[draw(seed, 900 + (uint64_t)i, n)], NULL, 0));
    for (int i = 0; i < N_KEPT; i++) {
        char out[8];
        snprintf(out, sizeof(out), "o%d", i);
        tn_graph_output(g, out, i == 0 ? v[n - 1] : v[draw(seed, 950 + (uint64_t)i, n)]);
    }
    return g;
}

struct trace {
    float out[3][N_KEPT][SIDE * SIDE], state[N_STATES][SIDE * SIDE];
};

static void run_steps(tn_session *s, tn_plan *p, uint64_t seed, struct trace *out)
{
    float x[SIDE * SIDE];
    for (int step = 0; step < 3; step++) {
        noise(x, SIDE * SIDE, seed * 10 + (uint64_t)step);
        set_f32(p, "x", x, SIDE * SIDE);
        run(p);
        for (int i = 0; i < N_KEPT; i++) {
            char name[8];
            snprintf(name, sizeof(name), "o%d", i);
            get_f32(p, name, out->out[step][i], SIDE * SIDE);
        }
    }
    for (int i = 0; i < N_STATES; i++)
        state_f32(s, state_names[i], out->state[i], SIDE * SIDE);
}

/* No two values that are needed at one time share bytes, unless one was made in the other's place.
 */
static void check_places(const tn_plan *p, uint64_t seed, int inplace)
{
    for (uint32_t i = 0; i < p->mem.n_locs; i++)
        for (uint32_t j = 0; j < i; j++) {
            const struct tn_loc *a = &p->mem.locs[i], *b = &p->mem.locs[j];
            if (a->device != b->device || a->region != TN_REGION_ARENA || b->region != a->region)
                continue;
            uint32_t from = a->begin > b->begin ? a->begin : b->begin;
            uint32_t to = a->end < b->end ? a->end : b->end;
            int handed_over = inplace && a->block == b->block && from == to;
            int apart = a->offset + a->n_bytes <= b->offset || b->offset + b->n_bytes <= a->offset;
            cr_assert(apart || from > to || handed_over, "seed %d: locs %u and %u", (int)seed, i,
                      j);
        }
}

/* A value made where a state lies begins after the state's last reader, or overwrites it as the
 * backend allowed. */
static void check_direct(const tn_plan *p, uint64_t seed, int inplace)
{
    for (uint32_t i = 0; i < p->mem.n_locs; i++)
        for (uint32_t j = 0; j < p->mem.n_locs; j++) {
            const struct tn_loc *made = &p->mem.locs[i], *state = &p->mem.locs[j];
            if (made->region != TN_REGION_STATE || state->region != TN_REGION_STATE || i == j ||
                made->state != state->state || p->ir.stores[state->store].kind != TN_STORE_STATE)
                continue;
            cr_assert(state->end < made->begin || (inplace && state->end == made->begin),
                      "seed %d: loc %u in state %u", (int)seed, i, made->state);
        }
}

static void compare(uint64_t seed, const struct trace *got, const struct trace *want,
                    const char *how)
{
    cr_assert_eq(memcmp(got->out, want->out, sizeof(got->out)), 0, "seed %d: outputs with %s",
                 (int)seed, how);
    cr_assert_eq(memcmp(got->state, want->state, sizeof(got->state)), 0, "seed %d: state with %s",
                 (int)seed, how);
}

static void random_graphs(uint64_t first, int inplace, int claims, int refusals, const char *how)
{
    uint32_t n_direct = 0, n_claims = 0, n_transfers = 0;
    for (uint64_t seed = first; seed < first + 60; seed++) {
        struct trace plain, shared;
        tn_session *s = open_on_ref();
        s->debug.no_reuse = 1;
        s->debug.no_simplify = 1;
        tn_graph *g = random_graph(seed);
        run_steps(s, plan_of(s, g, 0), seed, &plain);
        fake.inplace = inplace;
        fake.claim_seed = claims ? (uint32_t)seed + 1 : 0;
        fake.refuse_seed = refusals ? (uint32_t)seed + 1 : 0;
        s = open_fake(0);
        s->debug.poison = 1;
        tn_plan *p = plan_of(s, g, 0);
        check_places(p, seed, inplace);
        check_direct(p, seed, inplace);
        run_steps(s, p, seed, &shared);
        compare(seed, &shared, &plain, how);
        for (uint32_t l = 0; l < p->mem.n_locs; l++)
            n_direct += p->mem.locs[l].region == TN_REGION_STATE &&
                        p->ir.stores[p->mem.locs[l].store].kind == TN_STORE_TEMP;
        n_transfers += p->mem.n_transfers;
        n_claims += fake.n_accepted;
        close_fake();
    }
    cr_assert_gt(n_direct, 10, "state is hardly ever made where it lies: %u", n_direct);
    cr_assert(!claims || n_claims > 30, "hardly any claim: %u", n_claims);
    cr_assert(!refusals || n_transfers > 100, "hardly any transfer: %u", n_transfers);
}

Test(memory, reuse, .fini = close_fake)
{
    random_graphs(0, 0, 0, 0, "reuse");
}

Test(memory, inplace, .fini = close_fake)
{
    random_graphs(1000, 1, 0, 0, "in-place pairs");
}

Test(memory, claims, .fini = close_fake)
{
    random_graphs(2000, 1, 1, 0, "claims");
}

Test(memory, two_devices, .fini = close_fake)
{
    random_graphs(3000, 1, 1, 1, "two devices");
}

/* A real backend's own in-place pairs and layouts: the same bits as without any sharing. */
ON_EACH(memory, backends_share_safely)
{
    for (uint64_t seed = 4000; seed < 4020; seed++) {
        struct trace plain, shared;
        tn_session *s = open_session(*on), *other = open_second();
        tn_graph *g = random_graph(seed);
        s->debug.no_claims = s->debug.no_reuse = 1;
        other->debug.no_claims = other->debug.poison = 1;
        run_steps(s, plan_of(s, g, 0), seed, &plain);
        tn_plan *p = plan_of(other, g, 0);
        check_places(p, seed, 1);
        check_direct(p, seed, 1);
        run_steps(other, p, seed, &shared);
        compare(seed, &shared, &plain, backend_names[*on]);
        close_all();
    }
}

/* --- what lies where --- */

static const struct tn_loc *loc_of_output(const tn_plan *p, const char *op, uint32_t output)
{
    for (uint32_t n = 0; n < p->ir.n_nodes; n++)
        if (strcmp(p->ir.nodes[n].tnb.op, op) == 0)
            return &p->mem.locs[tn_mem_loc(&p->mem, p->ir.store_of[p->ir.nodes[n].tnb.out[output]],
                                           0)];
    cr_assert_fail("no node %s", op);
    return NULL;
}

Test(memory, updates_are_made_where_the_state_lies, .fini = close_fake)
{
    fake.inplace = 1;
    tn_session *s = open_fake(1);
    tn_graph *g = new_graph("g");
    tn_value w = weights(g, "w", TN_SHAPE(8)), grad;
    tn_value loss = tn_sum(g, tn_mul(g, w, w), NULL, 0, 0);
    tn_graph_gradients(g, loss, &w, 1, &grad);
    sgd(g, w, grad, step_scalars(g));
    tn_graph_output(g, "loss", loss);
    tn_plan *p = plan_of(s, g, 0);
    cr_assert_eq(loc_of_output(p, "sgd", 0)->region, TN_REGION_STATE);
    for (uint32_t a = 0; a < p->mem.n_actions; a++)
        cr_assert_eq(p->mem.actions[a].kind, TN_ACTION_RUN, "nothing to copy");
}

/* Parameters and gradients of one group and dtype lie in one order, with the same distances. */
Test(memory, gradients_lie_like_their_parameters, .fini = close_fake)
{
    static const int64_t sizes[4] = {5, 33, 2, 17};
    tn_session *s = open_fake(1);
    tn_graph *g = new_graph("g");
    tn_value w[4], grads[4], x = f32_input(g, "x", TN_SHAPE(1)), sum = TN_NONE;
    const char *names[4] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        struct tn_state_params sp = {.name = names[i],
                                     .dtype = TN_F32,
                                     .shape = TN_SHAPE(sizes[i]),
                                     .role = TN_STATE_PARAM,
                                     .group = (uint32_t)i / 2};
        w[i] = tn_graph_state(g, &sp);
    }
    for (int i = 3; i >= 0; i--) { /* used in another order than declared */
        tn_value one = tn_sum(g, tn_mul(g, tn_op1(g, "tanh", w[i], NULL, 0), x), NULL, 0, 0);
        sum = sum == TN_NONE ? one : tn_add(g, sum, one);
    }
    tn_graph_gradients(g, sum, w, 4, grads);
    struct step_scalars sc = step_scalars(g);
    for (int i = 0; i < 4; i++)
        sgd(g, w[i], grads[i], sc);
    tn_plan *p = plan_of(s, g, 0);
    uint64_t at[4] = {0};
    for (uint32_t l = 0; l < p->mem.n_locs; l++) {
        const struct tn_ir_store *st = &p->ir.stores[p->mem.locs[l].store];
        if (st->grad_state != TN_NONE)
            at[st->grad_state] = p->mem.locs[l].offset;
    }
    for (int i = 0; i < 4; i += 2) {
        cr_assert_eq(at[i + 1] - at[i], tn_align_up((uint64_t)sizes[i] * 4, 64), "gradient %d", i);
        cr_assert_eq(s->states.items[i + 1].offset - s->states.items[i].offset, at[i + 1] - at[i],
                     "parameter %d", i);
    }
}

Test(memory, spans_respect_the_device_alignment, .fini = close_fake)
{
    fake.offset_align = 512;
    tn_session *s = open_fake(1);
    struct trace t;
    run_steps(s, plan_of(s, random_graph(5), 0), 5, &t); /* the fake device checks each span */
    cr_assert_gt(fake.n_binds, 0);
}
