/* Every operator of the contract, and the answer to `supports`. */
#include <stdio.h>
#include <stdlib.h>

#include "../gemm.h"
#include "ops.h"

/* Kernels count elements in ints, and step past the end by less than a work-group or a tile. */
#define MAX_ELEMENTS (INT32_MAX - 4095)

/* Element types per input and output: letters as in build.h. */
static const struct ocl_op ops[] = {
    {"add", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"sub", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"mul", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"div", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"pow", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"mod", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"maximum", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"minimum", "k=", "=", "*", "elementwise", ocl_emit_binary, NULL},
    {"atan2", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"equal", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"not_equal", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"less", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"less_equal", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"greater", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"greater_equal", "x=", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"logical_and", "b", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"logical_or", "b", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"logical_xor", "b", "b", "*", "elementwise", ocl_emit_binary, NULL},
    {"logical_not", "b", "b", "*", "elementwise", ocl_emit_unary, NULL},
    {"neg", "n", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"abs", "k", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"sign", "k", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"clip", "k", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"square", "k", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"reciprocal", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"sqrt", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"rsqrt", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"exp", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"expm1", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"log", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"log1p", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"erf", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"floor", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"ceil", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"round", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"sin", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"cos", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"tan", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"sinh", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"cosh", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"tanh", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"asin", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"acos", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"atan", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"isfinite", "f", "b", "*", "elementwise", ocl_emit_unary, NULL},
    {"isnan", "f", "b", "*", "elementwise", ocl_emit_unary, NULL},
    {"isinf", "f", "b", "*", "elementwise", ocl_emit_unary, NULL},
    {"sigmoid", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"relu", "n", "=", "*", "elementwise", ocl_emit_unary, NULL},
    {"relu6", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"leaky_relu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"elu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"celu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"selu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"gelu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"silu", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"mish", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"softplus", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"softsign", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"hard_sigmoid", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"hard_swish", "f", "f", "*", "elementwise", ocl_emit_unary, NULL},
    {"prelu", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"relu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"sigmoid_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"tanh_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"relu6_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"leaky_relu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"elu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"celu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"selu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"gelu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"silu_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"mish_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"hard_sigmoid_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"hard_swish_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"clip_grad", "f", "f", "*", "elementwise", ocl_emit_binary, NULL},
    {"cast", "d", "d", "*", "elementwise", ocl_emit_cast, ocl_refuse_cast},
    {"where", "cdd", "d", "*", "elementwise", ocl_emit_where, NULL},
    {"reshape", "d", "=", NULL, "copy", ocl_emit_alias, NULL},
    {"identity", "d", "=", NULL, "copy", ocl_emit_alias, NULL},
    {"stop_gradient", "d", "=", NULL, "copy", ocl_emit_alias, NULL},
    {"expand", "d", "=", NULL, "strided", ocl_emit_expand, NULL},
    {"transpose", "d", "=", NULL, "strided", ocl_emit_transpose, NULL},
    {"slice", "d", "=", NULL, "strided", ocl_emit_slice, NULL},
    {"slice_grad", "d", "=", NULL, "strided", ocl_emit_slice_grad, NULL},
    {"dynamic_slice", "di", "=", NULL, "strided", ocl_emit_dynamic_slice, NULL},
    {"dynamic_update_slice", "d=i", "=", "0>0", "strided", ocl_emit_dynamic_update, NULL},
    {"fill", "d", "d", NULL, "strided", ocl_emit_fill_op, NULL},
    {"dim_size", "*", "f", NULL, "strided", ocl_emit_dim_size, NULL},
    {"concat", "e=", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"split", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"squeeze", "e", "=", NULL, "copy", ocl_emit_boxes, NULL},
    {"unsqueeze", "e", "=", NULL, "copy", ocl_emit_boxes, NULL},
    {"tile", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"tile_grad", "f", "f", NULL, "strided", ocl_emit_tile_grad, NULL},
    {"flip", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"diagonal", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"diagonal_grad", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"trilu", "e", "=", NULL, "direct", ocl_emit_trilu, NULL},
    {"space_to_depth", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"depth_to_space", "e", "=", NULL, "strided", ocl_emit_boxes, NULL},
    {"pad", "e", "=", NULL, "direct", ocl_emit_pad, NULL},
    {"pad_grad", "f", "f", NULL, "direct", ocl_emit_pad_grad, NULL},
    {"gather", "ei", "=", NULL, "gather", ocl_emit_gather_axis, NULL},
    {"gather_grad", "if", "f", NULL, "gather", ocl_emit_gather_grad, NULL},
    {"take_along_axis", "ei", "=", NULL, "gather", ocl_emit_take_along, NULL},
    {"scatter_add", "ki=", "=", "0>0", "gather", ocl_emit_scatter_add, NULL},
    {"gather_nd", "ei", "=", NULL, "gather", ocl_emit_gather_nd, NULL},
    {"scatter_nd", "ei=", "=", "0>0", "gather", ocl_emit_scatter_nd, ocl_refuse_scatter_nd},
    {"one_hot", "i", "e", NULL, "direct", ocl_emit_one_hot, NULL},
    {"range", "e", "e", NULL, "direct", ocl_emit_range, NULL},
    {"resize", "e", "=", NULL, "direct", ocl_emit_resize, ocl_refuse_resize},
    {"resize_grad", "f", "f", NULL, "direct", ocl_emit_resize, NULL},
    {"sum", "n", "=", NULL, "reduce", ocl_emit_reduce, NULL},
    {"mean", "n", "=", NULL, "reduce", ocl_emit_reduce, NULL},
    {"prod", "n", "=", NULL, "reduce", ocl_emit_reduce, NULL},
    {"max", "x", "=", NULL, "reduce", ocl_emit_reduce, NULL},
    {"min", "x", "=", NULL, "reduce", ocl_emit_reduce, NULL},
    {"max_grad", "f", "f", NULL, "reduce", ocl_emit_reduce_grad, NULL},
    {"prod_grad", "f", "f", NULL, "reduce", ocl_emit_reduce_grad, NULL},
    {"var", "f", "f", NULL, "reduce", ocl_emit_moment, NULL},
    {"logsumexp", "f", "f", NULL, "reduce", ocl_emit_moment, NULL},
    {"norm", "f", "f", NULL, "reduce", ocl_emit_moment, NULL},
    {"norm_grad", "f", "f", NULL, "elementwise", ocl_emit_norm_grad, NULL},
    {"argmax", "x", "l", NULL, "lines", ocl_emit_arg, NULL},
    {"argmin", "x", "l", NULL, "lines", ocl_emit_arg, NULL},
    {"cumsum", "n", "=", NULL, "lines", ocl_emit_cumsum, NULL},
    {"top_k", "n", "=l", NULL, "lines", ocl_emit_top_k, NULL},
    {"top_k_grad", "lf", "f", NULL, "lines", ocl_emit_top_k_grad, NULL},
    {"matmul", "n=", "=", NULL, "gemm", ocl_emit_matmul, NULL},
    {"embedding", "fi", "f", NULL, "gather", ocl_emit_embedding, NULL},
    {"embedding_grad", "if", "f", NULL, "gather", ocl_emit_embedding_grad, NULL},
    {"conv1d", "f", "f", NULL, "conv", ocl_emit_conv, NULL},
    {"conv1d_grad_input", "f", "f", NULL, "conv", ocl_emit_conv_grad_input, NULL},
    {"conv1d_grad_weight", "f", "f", NULL, "conv", ocl_emit_conv_grad_weight, NULL},
    {"conv2d", "f", "f", NULL, "conv", ocl_emit_conv, NULL},
    {"conv2d_grad_input", "f", "f", NULL, "conv", ocl_emit_conv_grad_input, NULL},
    {"conv2d_grad_weight", "f", "f", NULL, "conv", ocl_emit_conv_grad_weight, NULL},
    {"conv3d", "f", "f", NULL, "conv", ocl_emit_conv, NULL},
    {"conv3d_grad_input", "f", "f", NULL, "conv", ocl_emit_conv_grad_input, NULL},
    {"conv3d_grad_weight", "f", "f", NULL, "conv", ocl_emit_conv_grad_weight, NULL},
    {"conv_transpose1d", "f", "f", NULL, "conv", ocl_emit_conv_grad_input, NULL},
    {"conv_transpose2d", "f", "f", NULL, "conv", ocl_emit_conv_grad_input, NULL},
    {"max_pool1d", "f", "fm", NULL, "direct", ocl_emit_max_pool, NULL},
    {"max_pool1d_grad", "fm", "f", NULL, "direct", ocl_emit_max_pool_grad, NULL},
    {"max_pool2d", "f", "fm", NULL, "direct", ocl_emit_max_pool, NULL},
    {"max_pool2d_grad", "fm", "f", NULL, "direct", ocl_emit_max_pool_grad, NULL},
    {"adaptive_max_pool", "f", "fm", NULL, "direct", ocl_emit_max_pool, NULL},
    {"adaptive_max_pool_grad", "fm", "f", NULL, "direct", ocl_emit_max_pool_grad, NULL},
    {"avg_pool1d", "f", "f", NULL, "direct", ocl_emit_avg_pool, NULL},
    {"avg_pool1d_grad", "f", "f", NULL, "direct", ocl_emit_avg_pool_grad, NULL},
    {"avg_pool2d", "f", "f", NULL, "direct", ocl_emit_avg_pool, NULL},
    {"avg_pool2d_grad", "f", "f", NULL, "direct", ocl_emit_avg_pool_grad, NULL},
    {"adaptive_avg_pool", "f", "f", NULL, "direct", ocl_emit_avg_pool, NULL},
    {"adaptive_avg_pool_grad", "f", "f", NULL, "direct", ocl_emit_avg_pool_grad, NULL},
    {"global_max_pool", "f", "fm", NULL, "direct", ocl_emit_max_pool, NULL},
    {"global_avg_pool", "f", "f", NULL, "direct", ocl_emit_avg_pool, NULL},
    {"lp_pool1d", "f", "f", NULL, "direct", ocl_emit_lp_pool, NULL},
    {"lp_pool1d_grad", "f", "f", NULL, "direct", ocl_emit_lp_pool_grad, NULL},
    {"lp_pool2d", "f", "f", NULL, "direct", ocl_emit_lp_pool, NULL},
    {"lp_pool2d_grad", "f", "f", NULL, "direct", ocl_emit_lp_pool_grad, NULL},
    {"global_lp_pool", "f", "f", NULL, "direct", ocl_emit_lp_pool, NULL},
    {"global_lp_pool_grad", "f", "f", NULL, "direct", ocl_emit_lp_pool_grad, NULL},
    {"batch_norm", "f", "f", NULL, "channels", ocl_emit_batch_norm, NULL},
    {"batch_norm_grad", "f", "f", NULL, "channels", ocl_emit_batch_norm_grad, NULL},
    {"batch_norm_inference", "f", "f", NULL, "channels", ocl_emit_batch_norm_inference, NULL},
    {"layer_norm", "f", "f", NULL, "rows", ocl_emit_row_norm, NULL},
    {"layer_norm_grad", "f", "f", NULL, "rows", ocl_emit_row_norm_grad, NULL},
    {"group_norm", "f", "f", NULL, "rows", ocl_emit_row_norm, NULL},
    {"group_norm_grad", "f", "f", NULL, "rows", ocl_emit_row_norm_grad, NULL},
    {"instance_norm", "f", "f", NULL, "rows", ocl_emit_row_norm, NULL},
    {"instance_norm_grad", "f", "f", NULL, "rows", ocl_emit_row_norm_grad, NULL},
    {"rms_norm", "f", "f", NULL, "rows", ocl_emit_row_norm, NULL},
    {"rms_norm_grad", "f", "f", NULL, "rows", ocl_emit_row_norm_grad, NULL},
    {"local_response_norm", "f", "f", NULL, "windows", ocl_emit_lrn, NULL},
    {"local_response_norm_grad", "f", "f", NULL, "windows", ocl_emit_lrn_grad, NULL},
    {"softmax", "f", "f", NULL, "rows", ocl_emit_softmax, NULL},
    {"log_softmax", "f", "f", NULL, "rows", ocl_emit_softmax, NULL},
    {"softmax_grad", "f", "f", NULL, "rows", ocl_emit_softmax_grad, NULL},
    {"log_softmax_grad", "f", "f", NULL, "rows", ocl_emit_softmax_grad, NULL},
    {"attention", "fffci", "f", NULL, "scores", ocl_emit_attention, NULL},
    {"attention_grad", "fffcif", "f", NULL, "scores", ocl_emit_attention_grad, NULL},
    {"rnn", "ffffif", "f", NULL, "steps", ocl_emit_recurrent, NULL},
    {"lstm", "ffffif", "f", NULL, "steps", ocl_emit_recurrent, NULL},
    {"gru", "ffffif", "f", NULL, "steps", ocl_emit_recurrent, NULL},
    {"rnn_grad", "fffif", "f", NULL, "steps", ocl_emit_recurrent_grad, NULL},
    {"lstm_grad", "fffif", "f", NULL, "steps", ocl_emit_recurrent_grad, NULL},
    {"gru_grad", "fffif", "f", NULL, "steps", ocl_emit_recurrent_grad, NULL},
    {"dropout", "fll", "f", NULL, "philox", ocl_emit_dropout, NULL},
    {"uniform", "l", "f", NULL, "philox", ocl_emit_uniform, NULL},
    {"normal", "l", "f", NULL, "philox", ocl_emit_normal, NULL},
    {"bernoulli", "llf", "x", NULL, "philox", ocl_emit_bernoulli, NULL},
    {"permutation", "l", "l", NULL, "bitonic", ocl_emit_permutation, NULL},
    {"sparse_softmax_cross_entropy", "fif", "f", NULL, "rows", ocl_emit_ce, NULL},
    {"sparse_softmax_cross_entropy_grad", "fif", "f", NULL, "rows", ocl_emit_ce_grad, NULL},
    {"softmax_cross_entropy", "f", "f", NULL, "rows", ocl_emit_ce, NULL},
    {"softmax_cross_entropy_grad", "f", "f", NULL, "rows", ocl_emit_ce_grad, NULL},
    {"nll", "fif", "f", NULL, "rows", ocl_emit_nll, NULL},
    {"nll_grad", "fif", "f", NULL, "elementwise", ocl_emit_nll_grad, NULL},
    {"cosine_embedding", "f", "f", NULL, "rows", ocl_emit_cosine, NULL},
    {"cosine_embedding_grad", "f", "f", NULL, "rows", ocl_emit_cosine_grad, NULL},
    {"mse", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"mse_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"mae", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"mae_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"huber", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"huber_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"hinge", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"hinge_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"bce", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"bce_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"bce_with_logits", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"bce_with_logits_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"kl_div", "f", "f", NULL, "rows", ocl_emit_loss, NULL},
    {"kl_div_grad", "f", "f", NULL, "elementwise", ocl_emit_loss_grad, NULL},
    {"sgd", "f", "f", "0>0 2>1", "update", ocl_emit_sgd, NULL},
    {"adam", "f", "f", "0>0 2>1 3>2", "update", ocl_emit_adam, NULL},
    {"adamw", "f", "f", "0>0 2>1 3>2", "update", ocl_emit_adam, NULL},
    {"amsgrad", "f", "f", "0>0 2>1 3>2 4>3", "update", ocl_emit_optimizer, NULL},
    {"nadam", "f", "f", "0>0 2>1 3>2", "update", ocl_emit_optimizer, NULL},
    {"rmsprop", "f", "f", "0>0 2>1 3>2 4>3", "update", ocl_emit_optimizer, NULL},
    {"adagrad", "f", "f", "0>0 2>1", "update", ocl_emit_optimizer, NULL},
    {"adadelta", "f", "f", "0>0 2>1 3>2", "update", ocl_emit_optimizer, NULL},
    {"lion", "f", "f", "0>0 2>1", "update", ocl_emit_optimizer, NULL},
    {"lamb", "f", "f", "0>0 2>1 3>2", "update", ocl_emit_lamb, NULL},
    {"nadam_correction", "flf", "f", "0>1", "update", ocl_emit_nadam_correction, NULL},
    {"global_norm", "f", "f", NULL, "reduce", ocl_emit_global_norm, NULL},
    {"bias_correction", "l", "f", NULL, "update", ocl_emit_bias_correction, NULL},
    {"counter_add", "lf", "l", "0>0", "update", ocl_emit_counter_add, NULL},
    {"ema_update", "f", "f", "0>0", "update", ocl_emit_ema, NULL},
    {"accumulate", "f", "f", "0>0", "update", ocl_emit_accumulate, NULL},
};

const struct ocl_op *ocl_op_find(const char *name)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

static uint32_t letter_mask(char letter, uint32_t first)
{
    const uint32_t f = 1u << TNB_F32, i = 1u << TNB_I32, l = 1u << TNB_I64, u = 1u << TNB_U8,
                   bo = 1u << TNB_BOOL;
    switch (letter) {
    case 'f':
        return f;
    case 'i':
        return i | l;
    case 'l':
        return l;
    case 'm':
        return i;
    case 'n':
        return f | i | l;
    case 'k':
        return f | i | l | u;
    case 'x':
        return f | i | l | u | bo;
    case 'd':
        return f | i | l | u | bo | 1u << TNB_F16 | 1u << TNB_BF16;
    case 'e':
        return letter_mask('d', first) | 1u << TNB_F64;
    case 'c':
        return f | bo;
    case 'b':
        return bo;
    case '=':
        return 1u << first;
    default:
        return UINT32_MAX;
    }
}

static const char *dtype_name(uint32_t dtype)
{
    static const char *const names[] = {"?",   "f32", "f16", "bf16", "f64",
                                        "i32", "i64", "u8",  "bool"};
    return dtype < sizeof(names) / sizeof(names[0]) ? names[dtype] : "another type";
}

static bool values_fit(const tnb_graph *graph, const uint32_t *values, uint32_t n,
                       const char *letters, uint32_t first, const char *side, char *why,
                       size_t size)
{
    size_t n_letters = strlen(letters);
    for (uint32_t i = 0; i < n; i++) {
        if (values[i] == TNB_ABSENT)
            continue;
        const tnb_tensor *t = &graph->values[values[i]];
        char letter = letters[i < n_letters ? i : n_letters - 1];
        /* A newer host may know more types than a mask has bits. */
        if (t->dtype >= 32 || !(letter_mask(letter, first) & 1u << t->dtype)) {
            snprintf(why, size, "%s %u is %s, for which there is no OpenCL kernel", side, i,
                     dtype_name(t->dtype));
            return false;
        }
        if (tnb_count(t) > MAX_ELEMENTS) {
            snprintf(why, size, "%s %u has more than 2^31 - 4096 elements", side, i);
            return false;
        }
    }
    return true;
}

static bool same_type(const tnb_tensor *a, const tnb_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, a->rank * sizeof(a->dim[0])) == 0;
}

static void add_pair(tnb_support *s, const tnb_graph *graph, const tnb_node *node, uint32_t in,
                     uint32_t out)
{
    if (s->n_inplace == 8 || in >= node->n_in || out >= node->n_out || node->in[in] == TNB_ABSENT ||
        node->out[out] == TNB_ABSENT ||
        !same_type(&graph->values[node->in[in]], &graph->values[node->out[out]]))
        return;
    s->inplace[s->n_inplace].in = (uint16_t)in;
    s->inplace[s->n_inplace++].out = (uint16_t)out;
}

static void add_pairs(tnb_support *s, const struct ocl_op *op, const tnb_graph *graph,
                      const tnb_node *node)
{
    if (!op->inplace)
        return;
    if (op->inplace[0] == '*') {
        for (uint32_t i = 0; i < node->n_in; i++)
            add_pair(s, graph, node, i, 0);
        return;
    }
    for (const char *p = op->inplace; p[0] && p[1] && p[2]; p += p[3] ? 4 : 3)
        add_pair(s, graph, node, (uint32_t)(p[0] - '0'), (uint32_t)(p[2] - '0'));
}

static const char *variant_name(const tnb_device *device, const struct ocl_op *op,
                                const tnb_graph *graph, const tnb_node *node)
{
    bool gpu = device->device_class == OCL_CLASS_GPU;
    if (strcmp(op->variant, "gemm") == 0)
        return ocl_matmul_variant(device, graph, node);
    if (strcmp(op->variant, "conv") == 0)
        return strstr(node->op, "conv3d") ? "direct" : gpu ? "implicit-gemm" : "packed-columns";
    return op->variant;
}

bool ocl_op_takes(const struct ocl_op *op, const tnb_graph *graph, const tnb_node *node, char *why,
                  size_t size)
{
    uint32_t first = node->n_in && node->in[0] != TNB_ABSENT ? graph->values[node->in[0]].dtype : 0;
    if (!values_fit(graph, node->in, node->n_in, op->in, first, "input", why, size) ||
        !values_fit(graph, node->out, node->n_out, op->out, first, "output", why, size))
        return false;
    const char *reason = op->refuse ? op->refuse(graph, node) : NULL;
    if (reason)
        snprintf(why, size, "%s", reason);
    return !reason;
}

static uint32_t precision(const tnb_graph *graph, const tnb_node *node)
{
    switch (node->n_out && node->out[0] != TNB_ABSENT ? graph->values[node->out[0]].dtype : 0) {
    case TNB_F32:
        return TNB_PREC_F32;
    case TNB_F16:
        return TNB_PREC_F16;
    case TNB_BF16:
        return TNB_PREC_BF16;
    default:
        return TNB_PREC_EXACT;
    }
}

/* "+f16" or "+bf16" for the last such operand. */
static const char *half_suffix(const tnb_graph *graph, const tnb_node *node)
{
    const char *suffix = "";
    for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
        uint32_t v = i < node->n_in ? node->in[i] : node->out[i - node->n_in];
        if (v != TNB_ABSENT && graph->values[v].dtype == TNB_F16)
            suffix = "+f16";
        else if (v != TNB_ABSENT && graph->values[v].dtype == TNB_BF16)
            suffix = "+bf16";
    }
    return suffix;
}

static void decide(tnb_device *device, const tnb_graph *graph, const tnb_node *node, tnb_support *s)
{
    const struct ocl_op *op = ocl_op_find(node->op);
    if (!op) {
        snprintf(s->why, sizeof(s->why), "the opencl backend has no operator '%.60s'", node->op);
        return;
    }
    const char *suffix = "";
    const char *variant = variant_name(device, op, graph, node);
    if (!ocl_op_takes(op, graph, node, s->why, sizeof(s->why))) {
        struct ocl_widened wide;
        if (ocl_widen(graph, node, &wide) != TNB_OK)
            return;
        bool takes = ocl_op_takes(op, &wide.graph, &wide.node, s->why, sizeof(s->why));
        variant = takes ? variant_name(device, op, &wide.graph, &wide.node) : NULL;
        ocl_widened_finish(&wide);
        if (!takes)
            return;
        suffix = half_suffix(graph, node);
    }
    s->verdict = TNB_YES;
    s->precision = precision(graph, node);
    snprintf(s->variant, sizeof(s->variant), "%s%s", variant, suffix);
    snprintf(s->why, sizeof(s->why), "%s kernels",
             device->device_class == OCL_CLASS_GPU ? "GPU-class" : "CPU-class");
    add_pairs(s, op, graph, node);
}

tnb_status ocl_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                        tnb_support *out_support, tnb_error *err)
{
    if (node >= graph->n_nodes)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: no node %u in the graph", node);
    tnb_support s = {.struct_size = sizeof(s)};
    decide(device, graph, graph->nodes[node], &s);
    uint32_t size = out_support->struct_size;
    memcpy(out_support, &s, size < sizeof(s) ? size : sizeof(s));
    out_support->struct_size = size;
    return TNB_OK;
}
