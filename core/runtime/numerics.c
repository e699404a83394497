/* tn_plan_check_numerics: which node made the first NaN or infinity of a step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checked.h"
#include "tensor/convert.h"

/* What a value holds. */
struct range {
    double low, high; /* of the finite elements */
    int64_t n_finite, n_nan, n_inf, first_bad;
};

static void scan(tn_dtype dtype, const uint8_t *data, int64_t count, struct range *out)
{
    *out = (struct range){.low = INFINITY, .high = -INFINITY, .first_bad = -1};
    for (int64_t i = 0; i < count; i++) {
        double x = tn_element_get(dtype, data + (size_t)i * tn_dtype_size(dtype));
        if (isfinite(x)) {
            out->low = fmin(out->low, x);
            out->high = fmax(out->high, x);
            out->n_finite++;
            continue;
        }
        out->n_nan += isnan(x) != 0;
        out->n_inf += isinf(x) != 0;
        if (out->first_bad < 0)
            out->first_bad = i;
    }
}

static tn_status scan_value(const struct tn_checked_run *run, uint32_t node, uint32_t value,
                            struct range *out_range, int *out_has, struct tn_error *err)
{
    const tnb_tensor *t = &run->plan->ir.values[value];
    size_t n = (size_t)tnb_count(t) * tn_dtype_size((tn_dtype)t->dtype);
    uint8_t *data = malloc(n ? n : 1);
    if (!data)
        return tn_error_set(err, TN_E_OOM, "out of host memory for looking at a value");
    tn_status st = tn_checked_read(run, node, value, data, out_has, err);
    if (st == TN_OK && *out_has)
        scan((tn_dtype)t->dtype, data, tnb_count(t), out_range);
    free(data);
    return st;
}

static void describe(const struct range *r, char *buf, size_t size)
{
    int n = r->n_finite ? snprintf(buf, size, "%.4g to %.4g", r->low, r->high)
                        : snprintf(buf, size, "nothing finite");
    if (n > 0 && (size_t)n < size && (r->n_nan || r->n_inf))
        snprintf(buf + n, size - (size_t)n, " (%lld NaN, %lld infinite)", (long long)r->n_nan,
                 (long long)r->n_inf);
}

/* "; inputs: x 0 to 255, w -0.1 to 0.1"; *out_bad is set where one of them is not finite. */
static tn_status describe_inputs(const struct tn_checked_run *run, uint32_t node, char *buf,
                                 size_t size, int *out_bad, struct tn_error *err)
{
    const struct tn_ir_node *n = &run->plan->ir.nodes[node];
    size_t at = 0;
    buf[0] = '\0';
    for (uint32_t i = 0; i < n->tnb.n_in; i++) {
        struct range r;
        char text[96];
        int has = 0;
        if (n->tnb.in[i] == TNB_ABSENT ||
            !tn_dtype_is_float((tn_dtype)run->plan->ir.values[n->tnb.in[i]].dtype))
            continue;
        tn_status st = scan_value(run, node, n->tnb.in[i], &r, &has, err);
        if (st != TN_OK)
            return st;
        if (!has)
            continue;
        *out_bad |= r.n_nan || r.n_inf;
        describe(&r, text, sizeof(text));
        const char *name = i < n->op->max_in && n->op->max_in <= TN_OP_MAX_FIXED && n->op->in_names
                               ? n->op->in_names[i]
                               : "input";
        int wrote = snprintf(buf + at, size - at, "%s%.24s %s", at ? ", " : "", name, text);
        at = wrote > 0 && at + (size_t)wrote < size ? at + (size_t)wrote : size - 1;
    }
    return TN_OK;
}

/* Masks are made of infinities: only where a node meant to make none is it a fault. */
static int may_be_infinite(const struct tn_ir_node *n)
{
    return strcmp(n->tnb.op, "fill") == 0;
}

static tn_status check_output(const struct tn_checked_run *run, uint32_t node, uint32_t value,
                              struct tn_error *err)
{
    const struct tn_ir_node *n = &run->plan->ir.nodes[node];
    struct range r;
    char name[320], inputs[480];
    int has = 0, bad_input = 0;
    tn_status st = scan_value(run, node, value, &r, &has, err);
    if (st != TN_OK || !has || !(r.n_nan || (r.n_inf && !may_be_infinite(n))))
        return st;
    if ((st = describe_inputs(run, node, inputs, sizeof(inputs), &bad_input, err)) != TN_OK)
        return st;
    tn_checked_name(run->plan, node, name, sizeof(name));
    return tn_error_set(err, TN_E_NUMERIC,
                        "%s made %lld NaN and %lld infinities, the first at element %lld%s; its "
                        "inputs: %s",
                        name, (long long)r.n_nan, (long long)r.n_inf, (long long)r.first_bad,
                        bad_input ? " (an input or the state held one before the step)" : "",
                        inputs[0] ? inputs : "none of floating point");
}

tn_status tn_plan_check_numerics(tn_plan *plan, struct tn_error *err)
{
    struct tn_checked_run run;
    tn_status st = tn_checked_run(plan, NULL, &run, err);
    for (uint32_t s = 0; st == TN_OK && s < plan->schedule.n_segments; s++) {
        const struct tn_plan_segment *seg = &plan->schedule.segments[s];
        for (uint32_t k = 0; st == TN_OK && k < seg->n_nodes; k++) {
            const struct tn_ir_node *n = &plan->ir.nodes[seg->nodes[k]];
            for (uint32_t o = 0; st == TN_OK && o < n->tnb.n_out; o++)
                if (n->tnb.out[o] != TNB_ABSENT &&
                    tn_dtype_is_float((tn_dtype)plan->ir.values[n->tnb.out[o]].dtype))
                    st = check_output(&run, seg->nodes[k], n->tnb.out[o], err);
        }
    }
    tn_checked_close(&run);
    return st;
}
