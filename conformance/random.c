/* Suite random: what is drawn depends on seed, name and place, on every device to the bit. */
#include <string.h>

#include "runtime/session.h"
#include "suites.h"

#define N_SAMPLES 37
#define N_FEATURES 411
#define N_DRAWN (N_SAMPLES * N_FEATURES)

/* --- initial values --- */

static tn_status make_states(tn_graph **out_graph, struct tn_error *err)
{
    static const char *const names[] = {"zeros",      "constant",       "uniform",
                                        "normal",     "glorot_uniform", "glorot_normal",
                                        "he_uniform", "he_normal"};
    tn_graph *g = NULL;
    tn_value total = TN_NONE;
    tn_status st = tn_graph_create("initial", &g, err);
    if (st != TN_OK)
        return st;
    for (int i = 0; i < 8; i++) {
        struct tn_state_params p = {.name = names[i],
                                    .dtype = TN_F32,
                                    .shape = TN_SHAPE(67, 31),
                                    .role = TN_STATE_PARAM,
                                    .init = {.kind = (tn_init_kind)i,
                                             .a = i == 2 ? -1 : 0.25,
                                             .b = 2,
                                             .fan_in = 67,
                                             .fan_out = 31}};
        tn_value v = tn_graph_state(g, &p);
        total = total == TN_NONE ? v : tn_add(g, total, v);
    }
    tn_graph_output(g, "total", total);
    st = tn_graph_check(g, err);
    if (st == TN_OK)
        *out_graph = g;
    else
        tn_graph_destroy(&g);
    return st;
}

static tn_status draw_states(tn_runtime *runtime, tn_device *device, uint64_t seed, uint64_t *bits,
                             struct tn_error *err)
{
    static float values[67 * 31];
    struct tn_session_params params = {.device = device, .seed = seed, .no_quarantine = 1};
    tn_session *session = NULL;
    tn_graph *graph = NULL;
    tn_plan *plan = NULL;
    tn_status st = make_states(&graph, err);
    if (st == TN_OK)
        st = tn_session_create(runtime, &params, &session, err);
    if (st == TN_OK)
        st = tn_session_plan(session, graph, NULL, 0, &plan, err);
    for (size_t s = 0; st == TN_OK && s < tn_session_state_count(session); s++) {
        struct tn_state_info info;
        tn_session_state_info(session, s, &info);
        st = tn_session_get_state_bytes(session, info.name, values, sizeof(values), err);
        bits[s] = 0;
        for (size_t i = 0; st == TN_OK && i < sizeof(values) / sizeof(values[0]); i++) {
            uint32_t word;
            memcpy(&word, &values[i], sizeof(word));
            bits[s] = (bits[s] ^ word) * 0x100000001b3u + (bits[s] >> 29);
        }
    }
    tn_session_destroy(&session);
    tn_graph_destroy(&graph);
    return st;
}

static enum cf_verdict initial_values(struct cf_device *dev, struct cf_result *result)
{
    uint64_t got[8] = {0}, want[8] = {0}, other[8] = {0};
    struct tn_error err = {TN_OK, ""};
    tn_status st = draw_states(dev->runtime, dev->device, 11, got, &err);
    if (st == TN_OK)
        st = draw_states(dev->runtime, tn_runtime_ref_device(dev->runtime), 11, want, &err);
    if (st == TN_OK)
        st = draw_states(dev->runtime, dev->device, 12, other, &err);
    if (st != TN_OK)
        return cf_fail(result, "%.500s", err.msg);
    for (int s = 0; s < 8; s++) {
        if (got[s] != want[s])
            return cf_fail(result, "initial values of kind %d are not those of ref", s);
        if (s >= 2 && got[s] == other[s])
            return cf_fail(result, "initial values of kind %d do not depend on the seed", s);
    }
    return CF_PASSED;
}

/* --- dropout --- */

static tn_status drop(tn_runtime *runtime, tn_device *device, int64_t rng, float *out,
                      struct tn_error *err)
{
    static float x[N_DRAWN];
    int64_t sample[N_SAMPLES];
    struct tn_session_params params = {.device = device, .strict = 1, .no_quarantine = 1};
    const struct tn_attr attrs[] = {TN_AF("rate", 0.35), TN_AI("path_hash", 0x1234567890abcdef)};
    tn_session *session = NULL;
    tn_graph *g = NULL;
    tn_plan *plan = NULL;
    for (int i = 0; i < N_DRAWN; i++)
        x[i] = 1.0f + (float)(i % 7);
    for (int i = 0; i < N_SAMPLES; i++)
        sample[i] = (int64_t)i * 1000003 + 5;
    tn_status st = tn_graph_create("dropout", &g, err);
    if (st != TN_OK)
        return st;
    tn_value in[] = {
        tn_graph_input(g, "x", TN_F32, &TN_SHAPE(N_SAMPLES, N_FEATURES), TN_INPUT_DATA),
        tn_graph_input(g, "sample", TN_I64, &TN_SHAPE(N_SAMPLES), TN_INPUT_DATA),
        tn_graph_input(g, "rng", TN_I64, &TN_SCALAR, TN_INPUT_STEP)};
    tn_value y = TN_NONE;
    tn_graph_op(g, "dropout", in, 3, attrs, 2, &y, 1);
    tn_graph_output(g, "y", y);
    st = tn_session_create(runtime, &params, &session, err);
    if (st == TN_OK)
        st = tn_session_plan(session, g, NULL, 0, &plan, err);
    if (st == TN_OK)
        st = tn_plan_set_input_bytes(plan, "x", x, sizeof(x), err);
    if (st == TN_OK)
        st = tn_plan_set_input_bytes(plan, "sample", sample, sizeof(sample), err);
    if (st == TN_OK)
        st = tn_plan_set_input_bytes(plan, "rng", &rng, sizeof(rng), err);
    if (st == TN_OK)
        st = tn_plan_run(plan, err);
    if (st == TN_OK)
        st = tn_plan_get_output_bytes(plan, "y", out, N_DRAWN * sizeof(*out), err);
    tn_session_destroy(&session);
    tn_graph_destroy(&g);
    return st;
}

static enum cf_verdict dropout(struct cf_device *dev, struct cf_result *result)
{
    static float got[N_DRAWN], want[N_DRAWN], other[N_DRAWN];
    struct tn_error err = {TN_OK, ""};
    int kept = 0, n_apart = 0, n_changed = 0;
    tn_status st = drop(dev->runtime, dev->device, 99, got, &err);
    if (st == TN_OK)
        st = drop(dev->runtime, dev->device, 100, other, &err);
    if (st == TN_OK)
        st = drop(dev->runtime, tn_runtime_ref_device(dev->runtime), 99, want, &err);
    if (st != TN_OK)
        return st == TN_E_UNSUPPORTED ? cf_set(result, CF_UNSUPPORTED, "%.500s", err.msg)
                                      : cf_fail(result, "%.500s", err.msg);
    /* The mask alone: what is kept is scaled, and rounds as the device's multiplication does. */
    for (int i = 0; i < N_DRAWN; i++) {
        kept += got[i] != 0.0f;
        n_apart += (got[i] != 0.0f) != (want[i] != 0.0f);
        n_changed += (got[i] != 0.0f) != (other[i] != 0.0f);
    }
    if (n_apart)
        return cf_fail(result, "the mask differs from ref's in %d of %d places", n_apart, N_DRAWN);
    if (n_changed < N_DRAWN / 3)
        return cf_fail(result, "two keys give nearly one mask");
    /* 15,207 draws at 0.65: five standard deviations are 294. */
    if (kept < 9885 - 294 || kept > 9885 + 294)
        return cf_fail(result, "%d of %d are kept at a rate of 0.35", kept, N_DRAWN);
    return CF_PASSED;
}

const struct cf_check cf_random_checks[] = {{"initial_values", initial_values, 0},
                                            {"dropout", dropout, 0}};
const size_t cf_n_random_checks = 2;
