#include <math.h>
#include <stdio.h>

#include "ops.h"

/* At least this many elements for one work-item of a CPU-class device. */
#define LEAST 2048

/* Where an operator's kernel is, if not in the group BASIC under its own name; and the attributes
 * that become its parameters p and q. Names that OpenCL's built-in functions hold already carry an
 * underscore. */
struct entry {
    const char *op, *group, *kernel;
    const char *p;
    double p_default;
    const char *q;
    double q_default;
};

static const struct entry entries[] = {
    {"exp", "BASIC", "exp_"},
    {"log", "BASIC", "log_"},
    {"sqrt", "BASIC", "sqrt_"},
    {"tanh", "BASIC", "tanh_"},
    {"leaky_relu", "BASIC", "leaky_relu", "alpha", 0.01},
    {"leaky_relu_grad", "BASIC", "leaky_relu_grad", "alpha", 0.01},
    {"abs", "MATH", "abs_"},
    {"sign", "MATH", "sign_"},
    {"reciprocal", "MATH", "reciprocal"},
    {"rsqrt", "MATH", "rsqrt_"},
    {"expm1", "MATH", "expm1_"},
    {"log1p", "MATH", "log1p_"},
    {"erf", "MATH", "erf_"},
    {"floor", "MATH", "floor_"},
    {"ceil", "MATH", "ceil_"},
    {"round", "MATH", "round_"},
    {"clip", "MATH", "clip", "min", -INFINITY, "max", INFINITY},
    {"isnan", "MATH", "isnan_"},
    {"isfinite", "MATH", "isfinite_"},
    {"isinf", "MATH", "isinf_"},
    {"sin", "MATH", "sin_"},
    {"cos", "MATH", "cos_"},
    {"tan", "MATH", "tan_"},
    {"sinh", "MATH", "sinh_"},
    {"cosh", "MATH", "cosh_"},
    {"asin", "MATH", "asin_"},
    {"acos", "MATH", "acos_"},
    {"atan", "MATH", "atan_"},
    {"relu6", "ACTIVATION", "relu6"},
    {"elu", "ACTIVATION", "elu", "alpha", 1.0},
    {"celu", "ACTIVATION", "celu", "alpha", 1.0},
    {"selu", "ACTIVATION", "selu", "alpha", 1.6732632423543772, "gamma", 1.0507009873554805},
    {"gelu", "ACTIVATION", "gelu"},
    {"silu", "ACTIVATION", "silu"},
    {"mish", "ACTIVATION", "mish"},
    {"softplus", "ACTIVATION", "softplus"},
    {"softsign", "ACTIVATION", "softsign"},
    {"hard_sigmoid", "ACTIVATION", "hard_sigmoid", "alpha", 0.2, "beta", 0.5},
    {"hard_swish", "ACTIVATION", "hard_swish"},
    {"prelu", "ACTIVATION", "prelu"},
    {"relu6_grad", "ACTIVATION", "relu6_grad"},
    {"elu_grad", "ACTIVATION", "elu_grad", "alpha", 1.0},
    {"celu_grad", "ACTIVATION", "celu_grad", "alpha", 1.0},
    {"selu_grad", "ACTIVATION", "selu_grad", "alpha", 1.6732632423543772, "gamma",
     1.0507009873554805},
    {"gelu_grad", "ACTIVATION", "gelu_grad"},
    {"silu_grad", "ACTIVATION", "silu_grad"},
    {"mish_grad", "ACTIVATION", "mish_grad"},
    {"hard_sigmoid_grad", "ACTIVATION", "hard_sigmoid_grad", "alpha", 0.2, "beta", 0.5},
    {"hard_swish_grad", "ACTIVATION", "hard_swish_grad"},
    {"clip_grad", "ACTIVATION", "clip_grad", "min", -INFINITY, "max", INFINITY},
    {"pow", "PAIRS", "pow_"},
    {"mod", "PAIRS", "mod"},
    {"atan2", "PAIRS", "atan2_"},
    {"not_equal", "PAIRS", "not_equal"},
    {"less_equal", "PAIRS", "greater_equal"}, /* the operands change places */
    {"greater_equal", "PAIRS", "greater_equal"},
    {"less", "BASIC", "greater"},
};

static struct entry find_entry(const tnb_node *node)
{
    struct entry e = {node->op, "BASIC", node->op, NULL, 0.0, NULL, 0.0};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (strcmp(entries[i].op, node->op) == 0)
            e = entries[i];
    if (strcmp(tnb_attr_string(node, "approximate", ""), "tanh") == 0)
        e.kernel = strcmp(e.op, "gelu") == 0 ? "gelu_tanh" : "gelu_tanh_grad";
    if (strcmp(e.op, "mod") == 0 && tnb_attr_int(node, "fmod", 0) != 0)
        e.kernel = "mod_fmod";
    return e;
}

static void type_option(const struct entry *e, uint32_t dtype, char *buf, size_t size)
{
    switch (dtype) {
    case TNB_I32:
        snprintf(buf, size, "-DT=int -DU=uint -DT_SIGNED");
        break;
    case TNB_I64:
        snprintf(buf, size, "-DT=long -DU=ulong -DT_SIGNED");
        break;
    case TNB_U8:
    case TNB_BOOL:
        snprintf(buf, size, "-DT=uchar -DU=uchar");
        break;
    default:
        snprintf(buf, size, "-DT=float -DT_FLOAT -D%s", e->group);
    }
}

static double param(const tnb_node *node, const char *name, double dflt)
{
    return name ? tnb_attr_float(node, name, dflt) : 0.0;
}

/* A bound of an integer clip, already rounded inward; the type's own where it lies beyond. */
static int64_t whole_bound(double v, uint32_t dtype)
{
    const int64_t lo = dtype == TNB_U8    ? 0
                       : dtype == TNB_I32 ? INT32_MIN
                                          : INT64_MIN,
                  hi = dtype == TNB_U8    ? 255
                       : dtype == TNB_I32 ? INT32_MAX
                                          : INT64_MAX;
    return v <= (double)lo ? lo : v >= (double)hi ? hi : (int64_t)v;
}

static void unary_params(struct ocl_build *b, const struct entry *e, uint32_t dtype)
{
    double p = param(b->node, e->p, e->p_default), q = param(b->node, e->q, e->q_default);
    if (dtype != TNB_F32) {
        ocl_arg_long(b, whole_bound(ceil(p), dtype));
        ocl_arg_long(b, whole_bound(floor(q), dtype));
        return;
    }
    if (strcmp(e->op, "isinf") == 0) {
        p = (double)(tnb_attr_int(b->node, "detect_positive", 1) != 0);
        q = (double)(tnb_attr_int(b->node, "detect_negative", 1) != 0);
    }
    ocl_arg_float(b, p);
    ocl_arg_float(b, q);
}

void ocl_emit_unary(struct ocl_build *b)
{
    int64_t n = tnb_count(ocl_out_type(b, 0));
    if (n == 0)
        return;
    uint32_t dtype = ocl_in_type(b, 0)->dtype;
    struct entry e = find_entry(b->node);
    char options[64];
    type_option(&e, dtype, options, sizeof(options));
    ocl_kernel(b, "elementwise", options, e.kernel);
    ocl_arg_ref(b, ocl_in(b, 0), (uint32_t)tnb_dtype_size(dtype));
    ocl_arg_ref(b, ocl_out(b, 0), (uint32_t)tnb_dtype_size(ocl_out_type(b, 0)->dtype));
    unary_params(b, &e, dtype);
    ocl_each(b, n, LEAST);
}

static int64_t least_rows(int64_t inner)
{
    return inner >= LEAST ? 1 : LEAST / inner;
}

void ocl_emit_binary(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    int64_t n = tnb_count(y);
    if (n == 0)
        return;
    struct entry e = find_entry(b->node);
    /* a < b is b > a */
    const uint32_t first = strncmp(e.op, "less", 4) == 0 ? 1 : 0, second = 1 - first;
    const tnb_tensor *a = ocl_in_type(b, first);
    struct ocl_nest nest;
    ocl_nest_init(&nest, y, 2);
    ocl_nest_broadcast(&nest, 0, a);
    ocl_nest_broadcast(&nest, 1, ocl_in_type(b, second));
    ocl_nest_merge(&nest);
    uint32_t in_size = (uint32_t)tnb_dtype_size(a->dtype);
    bool rows = nest.rank > 1;
    char name[64], options[64];
    snprintf(name, sizeof(name), "%s_%s", e.kernel, rows ? "rows" : "flat");
    type_option(&e, a->dtype, options, sizeof(options));
    ocl_kernel(b, "elementwise", options, name);
    ocl_arg_ref(b, ocl_in(b, first), in_size);
    ocl_arg_ref(b, ocl_in(b, second), in_size);
    ocl_arg_ref(b, ocl_out(b, 0), (uint32_t)tnb_dtype_size(y->dtype));
    ocl_arg_float(b, param(b->node, e.p, e.p_default));
    ocl_arg_float(b, param(b->node, e.q, e.q_default));
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

void ocl_emit_where(struct ocl_build *b)
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
    ocl_kernel(b, "where", options, flat ? "where_flat" : "where_any");
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
