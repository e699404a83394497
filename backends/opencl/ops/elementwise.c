#include <stdio.h>

#include "ops.h"

/* At least this many elements for one work-item of a CPU-class device. */
#define LEAST 2048

static const char *type_option(uint32_t dtype)
{
    switch (dtype) {
    case TNB_I32:
        return "-DT=int";
    case TNB_I64:
        return "-DT=long";
    case TNB_U8:
    case TNB_BOOL:
        return "-DT=uchar";
    default:
        return "-DT=float -DT_FLOAT";
    }
}

/* Names that OpenCL's built-in functions hold already carry an underscore. */
static const char *unary_kernel(const char *op)
{
    static const char *const pairs[][2] = {
        {"exp", "exp_"}, {"log", "log_"}, {"sqrt", "sqrt_"}, {"tanh", "tanh_"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (strcmp(op, pairs[i][0]) == 0)
            return pairs[i][1];
    return op;
}

void ocl_emit_unary(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    ocl_kernel(b, "elementwise", type_option(TNB_F32), unary_kernel(b->node->op));
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_float(b, tnb_attr_float(b->node, "alpha", 0.01));
    ocl_each(b, n, LEAST);
}

static int64_t least_rows(int64_t inner)
{
    return inner >= LEAST ? 1 : LEAST / inner;
}

void ocl_emit_binary(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0), *a = ocl_in_type(b, 0);
    int64_t n = tnb_count(y);
    if (n == 0)
        return;
    struct ocl_nest nest;
    ocl_nest_init(&nest, y, 2);
    ocl_nest_broadcast(&nest, 0, a);
    ocl_nest_broadcast(&nest, 1, ocl_in_type(b, 1));
    ocl_nest_merge(&nest);
    uint32_t in_size = (uint32_t)tnb_dtype_size(a->dtype);
    bool rows = nest.rank > 1;
    char name[64];
    snprintf(name, sizeof(name), "%s_%s", b->node->op, rows ? "rows" : "flat");
    ocl_kernel(b, "elementwise", type_option(a->dtype), name);
    ocl_arg_ref(b, ocl_in(b, 0), in_size);
    ocl_arg_ref(b, ocl_in(b, 1), in_size);
    ocl_arg_ref(b, ocl_out(b, 0), (uint32_t)tnb_dtype_size(y->dtype));
    ocl_arg_float(b, tnb_attr_float(b->node, "alpha", 0.01));
    uint32_t inner_at = nest.rank ? nest.rank - 1 : 0;
    int64_t inner = nest.rank ? nest.dim[inner_at] : 1;
    if (rows) {
        ocl_arg_nest(b, &nest, inner_at);
        ocl_arg_int(b, inner);
    }
    ocl_arg_int(b, nest.rank ? nest.stride[0][inner_at] : 0);
    ocl_arg_int(b, nest.rank ? nest.stride[1][inner_at] : 0);
    if (rows && !ocl_is_gpu(b))
        ocl_each(b, n / inner, least_rows(inner));
    else
        ocl_each(b, n, LEAST);
}

static const char *bits_option(uint64_t size)
{
    return size == 8 ? "ulong" : size == 4 ? "uint" : size == 2 ? "ushort" : "uchar";
}

void ocl_emit_select(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0), *cond = ocl_in_type(b, 0);
    int64_t n = tnb_count(y);
    if (n == 0)
        return;
    uint32_t size = (uint32_t)tnb_dtype_size(y->dtype);
    struct ocl_nest nest;
    ocl_nest_init(&nest, y, 3);
    for (uint32_t i = 0; i < 3; i++)
        ocl_nest_broadcast(&nest, i, ocl_in_type(b, i));
    ocl_nest_merge(&nest);
    bool flat = nest.rank == 1 && nest.stride[1][0] == 1 && nest.stride[2][0] == 1;
    char options[64];
    snprintf(options, sizeof(options), "-DT=%s -DC=%s", bits_option(size),
             cond->dtype == TNB_F32 ? "float" : "uchar");
    ocl_kernel(b, "select", options, flat ? "select_flat" : "select_any");
    ocl_arg_ref(b, ocl_in(b, 0), (uint32_t)tnb_dtype_size(cond->dtype));
    ocl_arg_ref(b, ocl_in(b, 1), size);
    ocl_arg_ref(b, ocl_in(b, 2), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    if (flat)
        ocl_arg_int(b, nest.stride[0][0]);
    else
        ocl_arg_nest(b, &nest, nest.rank);
    ocl_each(b, n, LEAST);
}

static const char *value_type(uint32_t dtype)
{
    switch (dtype) {
    case TNB_F32:
        return "float";
    case TNB_F16:
        return "half";
    case TNB_BF16:
        return "ushort";
    case TNB_I32:
        return "int";
    case TNB_I64:
        return "long";
    default:
        return "uchar";
    }
}

static bool is_half(uint32_t dtype)
{
    return dtype == TNB_F16 || dtype == TNB_BF16;
}

/* LOAD and STORE of cast.cl. */
static const char *access_macro(uint32_t dtype)
{
    return dtype == TNB_F16 ? "F16" : dtype == TNB_BF16 ? "BF16" : "ELEMENT";
}

static const char *convert_macro(uint32_t from, uint32_t to)
{
    bool from_float = from == TNB_F32 || is_half(from);
    if (to == TNB_BOOL)
        return "TO_BOOL";
    if (is_half(to))
        return from_float ? "AS_IT_IS" : from == TNB_I64 ? "ODD_LONG" : "ODD_INT";
    if (!from_float || to == TNB_F32)
        return "PLAIN";
    return to == TNB_I32 ? "TO_INT" : to == TNB_I64 ? "TO_LONG" : "TO_UCHAR";
}

const char *ocl_refuse_cast(const tnb_graph *graph, const tnb_node *node)
{
    (void)graph;
    return node->n_in == 1 && node->n_out == 1 ? NULL : "a cast has one input and one output";
}

void ocl_emit_cast(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *y = ocl_out_type(b, 0);
    int64_t n = tnb_count(y);
    if (n == 0)
        return;
    char options[128];
    snprintf(options, sizeof(options), "-DS=%s -DD=%s -DCONVERT=%s -DLOAD=LOAD_%s -DSTORE=STORE_%s",
             value_type(x->dtype), value_type(y->dtype), convert_macro(x->dtype, y->dtype),
             access_macro(x->dtype), access_macro(y->dtype));
    ocl_kernel(b, "cast", options, "cast_");
    ocl_arg_ref(b, ocl_in(b, 0), (uint32_t)tnb_dtype_size(x->dtype));
    ocl_arg_ref(b, ocl_out(b, 0), (uint32_t)tnb_dtype_size(y->dtype));
    ocl_each(b, n, LEAST);
}
