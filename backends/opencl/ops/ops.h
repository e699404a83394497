/* The emit functions of every family, for the table in table.c. */
#ifndef TENON_OPENCL_OPS_H
#define TENON_OPENCL_OPS_H

#include "../build.h"

/* elementwise.c */
void ocl_emit_unary(struct ocl_build *b);
void ocl_emit_binary(struct ocl_build *b);
void ocl_emit_where(struct ocl_build *b);
void ocl_emit_cast(struct ocl_build *b);
const char *ocl_refuse_cast(const tnb_graph *graph, const tnb_node *node);
/* shape.c */
void ocl_emit_alias(struct ocl_build *b);
void ocl_emit_expand(struct ocl_build *b);
void ocl_emit_transpose(struct ocl_build *b);
void ocl_emit_slice(struct ocl_build *b);
void ocl_emit_slice_grad(struct ocl_build *b);
void ocl_emit_dynamic_slice(struct ocl_build *b);
void ocl_emit_dynamic_update(struct ocl_build *b);
void ocl_emit_fill_op(struct ocl_build *b);
void ocl_emit_dim_size(struct ocl_build *b);
/* reduce.c */
void ocl_emit_reduce(struct ocl_build *b);
void ocl_emit_reduce_grad(struct ocl_build *b);
/* moments.c */
void ocl_emit_moment(struct ocl_build *b);
void ocl_emit_norm_grad(struct ocl_build *b);
/* search.c */
void ocl_emit_arg(struct ocl_build *b);
void ocl_emit_cumsum(struct ocl_build *b);
void ocl_emit_top_k(struct ocl_build *b);
void ocl_emit_top_k_grad(struct ocl_build *b);
/* matmul.c */
void ocl_emit_matmul(struct ocl_build *b);
/* The provider that serves this product, for --explain. */
const char *ocl_matmul_variant(const tnb_device *device, const tnb_graph *graph,
                               const tnb_node *node);
/* lookup.c */
void ocl_emit_embedding(struct ocl_build *b);
/* moves.c */
void ocl_emit_boxes(struct ocl_build *b);
void ocl_emit_pad(struct ocl_build *b);
void ocl_emit_pad_grad(struct ocl_build *b);
void ocl_emit_tile_grad(struct ocl_build *b);
void ocl_emit_trilu(struct ocl_build *b);
void ocl_emit_one_hot(struct ocl_build *b);
void ocl_emit_range(struct ocl_build *b);
/* gather.c */
void ocl_emit_gather_axis(struct ocl_build *b);
void ocl_emit_gather_grad(struct ocl_build *b);
void ocl_emit_embedding_grad(struct ocl_build *b);
void ocl_emit_take_along(struct ocl_build *b);
void ocl_emit_scatter_add(struct ocl_build *b);
void ocl_emit_gather_nd(struct ocl_build *b);
void ocl_emit_scatter_nd(struct ocl_build *b);
const char *ocl_refuse_scatter_nd(const tnb_graph *graph, const tnb_node *node);
/* resize.c */
void ocl_emit_resize(struct ocl_build *b);
const char *ocl_refuse_resize(const tnb_graph *graph, const tnb_node *node);
/* conv.c */
void ocl_emit_conv(struct ocl_build *b);
void ocl_emit_conv_grad_input(struct ocl_build *b);
void ocl_emit_conv_grad_weight(struct ocl_build *b);
/* pool.c */
void ocl_emit_max_pool(struct ocl_build *b);
void ocl_emit_max_pool_grad(struct ocl_build *b);
void ocl_emit_avg_pool(struct ocl_build *b);
void ocl_emit_avg_pool_grad(struct ocl_build *b);
void ocl_emit_lp_pool(struct ocl_build *b);
void ocl_emit_lp_pool_grad(struct ocl_build *b);
/* norm.c */
void ocl_emit_batch_norm(struct ocl_build *b);
void ocl_emit_batch_norm_grad(struct ocl_build *b);
void ocl_emit_batch_norm_inference(struct ocl_build *b);
/* row_norm.c */
void ocl_emit_row_norm(struct ocl_build *b);
void ocl_emit_row_norm_grad(struct ocl_build *b);
void ocl_emit_lrn(struct ocl_build *b);
void ocl_emit_lrn_grad(struct ocl_build *b);
/* softmax.c */
void ocl_emit_softmax(struct ocl_build *b);
void ocl_emit_softmax_grad(struct ocl_build *b);
/* attention.c */
void ocl_emit_attention(struct ocl_build *b);
void ocl_emit_attention_grad(struct ocl_build *b);
/* recurrent.c */
void ocl_emit_recurrent(struct ocl_build *b);
void ocl_emit_recurrent_grad(struct ocl_build *b);
/* random.c */
void ocl_emit_dropout(struct ocl_build *b);
void ocl_emit_uniform(struct ocl_build *b);
void ocl_emit_normal(struct ocl_build *b);
void ocl_emit_bernoulli(struct ocl_build *b);
void ocl_emit_permutation(struct ocl_build *b);
/* class_loss.c */
void ocl_emit_ce(struct ocl_build *b);
void ocl_emit_ce_grad(struct ocl_build *b);
void ocl_emit_nll(struct ocl_build *b);
void ocl_emit_nll_grad(struct ocl_build *b);
void ocl_emit_cosine(struct ocl_build *b);
void ocl_emit_cosine_grad(struct ocl_build *b);
/* loss.c */
/* y [1] = the sum of x [n] over `divisor`. */
void ocl_emit_total(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, int64_t n,
                    double divisor);
void ocl_emit_loss(struct ocl_build *b);
void ocl_emit_loss_grad(struct ocl_build *b);
/* optim.c */
void ocl_emit_optimizer(struct ocl_build *b);
void ocl_emit_lamb(struct ocl_build *b);
void ocl_emit_global_norm(struct ocl_build *b);
void ocl_emit_nadam_correction(struct ocl_build *b);
/* update.c */
void ocl_emit_sgd(struct ocl_build *b);
void ocl_emit_adam(struct ocl_build *b);
void ocl_emit_bias_correction(struct ocl_build *b);
void ocl_emit_counter_add(struct ocl_build *b);
void ocl_emit_ema(struct ocl_build *b);
void ocl_emit_accumulate(struct ocl_build *b);

#endif
