#include "nn/batch_shape.h"

tn_value tn_mean_per_sample(tn_graph *graph, tn_value x)
{
    struct tn_shape shape = tn_graph_shape(graph, x);
    int64_t axes[TN_MAX_RANK];
    if (shape.rank <= 1)
        return x;
    for (uint32_t i = 1; i < shape.rank; i++)
        axes[i - 1] = i;
    return tn_mean(graph, x, axes, shape.rank - 1, 0);
}

/* Equal after all dims of 1 are left out. */
static int same_but_ones(const struct tn_shape *a, const struct tn_shape *b)
{
    uint32_t i = 0, j = 0;
    for (;;) {
        while (i < a->rank && a->dim[i] == 1)
            i++;
        while (j < b->rank && b->dim[j] == 1)
            j++;
        if (i == a->rank || j == b->rank)
            return i == a->rank && j == b->rank;
        if (a->dim[i++] != b->dim[j++])
            return 0;
    }
}

tn_value tn_match_target(tn_graph *graph, tn_value output, tn_value target, const char *who,
                         struct tn_error *err)
{
    struct tn_shape wanted = tn_graph_shape(graph, output);
    struct tn_shape given = tn_graph_shape(graph, target);
    if (!same_but_ones(&wanted, &given)) {
        char out_text[160], target_text[160];
        tn_error_set(err, TN_E_INVALID, "'%s': output %s and target %s differ in shape", who,
                     tn_shape_format(&wanted, out_text, sizeof(out_text)),
                     tn_shape_format(&given, target_text, sizeof(target_text)));
        return TN_NONE;
    }
    tn_dtype dtype = tn_graph_dtype(graph, output);
    if (tn_graph_dtype(graph, target) != dtype) {
        struct tn_attr attr = TN_AS("dtype", tn_dtype_name(dtype));
        target = tn_op1(graph, "cast", target, &attr, 1);
    }
    return tn_shape_equal(&wanted, &given) ? target : tn_reshape(graph, target, &wanted);
}
