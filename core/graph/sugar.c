/* Short forms over tn_graph_op. */
#include "tenon/graph.h"

tn_value tn_op1(tn_graph *graph, const char *op, tn_value x, const struct tn_attr *attr,
                size_t n_attr)
{
    tn_value out = TN_NONE;
    tn_graph_op(graph, op, &x, 1, attr, n_attr, &out, 1);
    return out;
}

tn_value tn_op2(tn_graph *graph, const char *op, tn_value a, tn_value b, const struct tn_attr *attr,
                size_t n_attr)
{
    const tn_value in[] = {a, b};
    tn_value out = TN_NONE;
    tn_graph_op(graph, op, in, 2, attr, n_attr, &out, 1);
    return out;
}

tn_value tn_op3(tn_graph *graph, const char *op, tn_value a, tn_value b, tn_value c,
                const struct tn_attr *attr, size_t n_attr)
{
    const tn_value in[] = {a, b, c};
    tn_value out = TN_NONE;
    tn_graph_op(graph, op, in, 3, attr, n_attr, &out, 1);
    return out;
}

tn_value tn_add(tn_graph *graph, tn_value a, tn_value b)
{
    return tn_op2(graph, "add", a, b, NULL, 0);
}

tn_value tn_sub(tn_graph *graph, tn_value a, tn_value b)
{
    return tn_op2(graph, "sub", a, b, NULL, 0);
}

tn_value tn_mul(tn_graph *graph, tn_value a, tn_value b)
{
    return tn_op2(graph, "mul", a, b, NULL, 0);
}

tn_value tn_div(tn_graph *graph, tn_value a, tn_value b)
{
    return tn_op2(graph, "div", a, b, NULL, 0);
}

tn_value tn_matmul(tn_graph *graph, tn_value a, tn_value b, int trans_a, int trans_b)
{
    const struct tn_attr attr[] = {TN_AI("trans_a", trans_a != 0), TN_AI("trans_b", trans_b != 0)};
    return tn_op2(graph, "matmul", a, b, attr, 2);
}

tn_value tn_reshape(tn_graph *graph, tn_value x, const struct tn_shape *shape)
{
    const struct tn_attr attr[] = {TN_AV("shape", shape->rank, shape->dim)};
    return tn_op1(graph, "reshape", x, attr, 1);
}

tn_value tn_expand(tn_graph *graph, tn_value x, const struct tn_shape *shape)
{
    const struct tn_attr attr[] = {TN_AV("shape", shape->rank, shape->dim)};
    return tn_op1(graph, "expand", x, attr, 1);
}

static tn_value reduce(tn_graph *graph, const char *op, tn_value x, const int64_t *axes,
                       size_t n_axes, int keepdims)
{
    const struct tn_attr attr[] = {TN_AV("axes", n_axes, axes), TN_AI("keepdims", keepdims != 0)};
    return tn_op1(graph, op, x, attr, 2);
}

tn_value tn_sum(tn_graph *graph, tn_value x, const int64_t *axes, size_t n_axes, int keepdims)
{
    return reduce(graph, "sum", x, axes, n_axes, keepdims);
}

tn_value tn_mean(tn_graph *graph, tn_value x, const int64_t *axes, size_t n_axes, int keepdims)
{
    return reduce(graph, "mean", x, axes, n_axes, keepdims);
}

tn_value tn_relu(tn_graph *graph, tn_value x)
{
    return tn_op1(graph, "relu", x, NULL, 0);
}

tn_value tn_stop_gradient(tn_graph *graph, tn_value x)
{
    return tn_op1(graph, "stop_gradient", x, NULL, 0);
}

/* Joined 64 at a time: the first node takes 64, each later one what there is so far and 63 more. */
tn_value tn_concat(tn_graph *graph, const tn_value *x, size_t n, int64_t axis)
{
    enum { MOST = 64 };
    const struct tn_attr attr[] = {TN_AI("axis", axis)};
    tn_value list[MOST], joined = TN_NONE;
    uint32_t filled = 0;
    if (n == 0)
        tn_graph_op(graph, "concat", NULL, 0, attr, 1, &joined, 1); /* refused, with the reason */
    for (size_t i = 0; i < n; i++) {
        list[filled++] = x[i];
        if (filled < MOST && i + 1 < n)
            continue;
        tn_graph_op(graph, "concat", list, filled, attr, 1, &joined, 1);
        list[0] = joined;
        filled = 1;
    }
    return joined;
}

void tn_split(tn_graph *graph, tn_value x, int64_t axis, const int64_t *sizes, size_t n,
              tn_value *out_parts)
{
    enum { MOST = 8 };
    for (size_t i = 0; i < n; i++)
        out_parts[i] = TN_NONE;
    for (size_t first = 0; first < n; first += MOST) {
        const struct tn_attr attr[] = {
            TN_AI("axis", axis),
            TN_AI("first", (int64_t)first),
            sizes ? TN_AV("sizes", n, sizes) : TN_AI("parts", (int64_t)n),
        };
        size_t rest = n - first;
        tn_graph_op(graph, "split", &x, 1, attr, 3, out_parts + first, rest < MOST ? rest : MOST);
    }
}
