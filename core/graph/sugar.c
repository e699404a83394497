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
