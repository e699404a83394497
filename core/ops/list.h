/* The operators, one line each: TN_OP(name) stands for `const struct tn_op tn_op_<name>` in a file
 * of this folder; TN_OP_SECTION(title) opens a chapter of docs/operators.md. Included with both
 * defined; no include guard, for it is read more than once. */

TN_OP_SECTION("Elementwise")

/* elementwise_binary.c */
TN_OP(add)
TN_OP(sub)
TN_OP(mul)
TN_OP(div)
TN_OP(pow)
TN_OP(mod)
TN_OP(atan2)
TN_OP(maximum)
TN_OP(minimum)

/* comparison.c */
TN_OP(equal)
TN_OP(not_equal)
TN_OP(less)
TN_OP(less_equal)
TN_OP(greater)
TN_OP(greater_equal)
TN_OP(logical_and)
TN_OP(logical_or)
TN_OP(logical_xor)
TN_OP(logical_not)

/* elementwise_unary.c */
TN_OP(neg)
TN_OP(abs)
TN_OP(sign)
TN_OP(square)
TN_OP(reciprocal)
TN_OP(sqrt)
TN_OP(rsqrt)
TN_OP(exp)
TN_OP(expm1)
TN_OP(log)
TN_OP(log1p)
TN_OP(erf)
TN_OP(floor)
TN_OP(ceil)
TN_OP(round)
TN_OP(isfinite)
TN_OP(isnan)
TN_OP(isinf)

/* trigonometric.c */
TN_OP(sin)
TN_OP(cos)
TN_OP(tan)
TN_OP(sinh)
TN_OP(cosh)
TN_OP(tanh)
TN_OP(asin)
TN_OP(acos)
TN_OP(atan)

/* clip.c */
TN_OP(clip)

/* cast.c, where.c */
TN_OP(cast)
TN_OP(where)

TN_OP_SECTION("Activations")

/* activation.c */
TN_OP(sigmoid)
TN_OP(relu)
TN_OP(relu6)
TN_OP(leaky_relu)
TN_OP(prelu)
TN_OP(elu)
TN_OP(celu)
TN_OP(selu)
TN_OP(gelu)
TN_OP(silu)
TN_OP(mish)
TN_OP(softplus)
TN_OP(softsign)
TN_OP(hard_sigmoid)
TN_OP(hard_swish)

/* activation_grad.c */
TN_OP(relu_grad)
TN_OP(sigmoid_grad)
TN_OP(tanh_grad)
TN_OP(relu6_grad)
TN_OP(leaky_relu_grad)
TN_OP(elu_grad)
TN_OP(celu_grad)
TN_OP(selu_grad)
TN_OP(gelu_grad)
TN_OP(silu_grad)
TN_OP(mish_grad)
TN_OP(hard_sigmoid_grad)
TN_OP(hard_swish_grad)
TN_OP(clip_grad)

TN_OP_SECTION("Shape")

/* reshape.c, slice.c, dynamic_slice.c, fill.c */
TN_OP(reshape)
TN_OP(identity)
TN_OP(stop_gradient)
TN_OP(expand)
TN_OP(transpose)
TN_OP(slice)
TN_OP(slice_grad)
TN_OP(dynamic_slice)
TN_OP(dynamic_update_slice)
TN_OP(fill)
TN_OP(dim_size)

/* join.c, squeeze.c, tile.c, diagonal.c, blocks.c, pad.c */
TN_OP(concat)
TN_OP(split)
TN_OP(squeeze)
TN_OP(unsqueeze)
TN_OP(tile)
TN_OP(tile_grad)
TN_OP(flip)
TN_OP(diagonal)
TN_OP(diagonal_grad)
TN_OP(trilu)
TN_OP(space_to_depth)
TN_OP(depth_to_space)
TN_OP(pad)
TN_OP(pad_grad)

/* gather.c, gather_nd.c, one_hot.c */
TN_OP(gather)
TN_OP(gather_grad)
TN_OP(take_along_axis)
TN_OP(scatter_add)
TN_OP(gather_nd)
TN_OP(scatter_nd)
TN_OP(one_hot)
TN_OP(range)

/* resize.c */
TN_OP(resize)
TN_OP(resize_grad)

TN_OP_SECTION("Reductions")

/* reduce.c, reduce_grad.c */
TN_OP(sum)
TN_OP(mean)
TN_OP(prod)
TN_OP(max)
TN_OP(min)
TN_OP(max_grad)
TN_OP(prod_grad)

/* moments.c */
TN_OP(var)
TN_OP(logsumexp)
TN_OP(norm)
TN_OP(norm_grad)

/* arg_extremum.c, cumsum.c, top_k.c */
TN_OP(argmax)
TN_OP(argmin)
TN_OP(cumsum)
TN_OP(top_k)
TN_OP(top_k_grad)

TN_OP_SECTION("Matrix and lookup")

/* matmul.c, embedding.c */
TN_OP(matmul)
TN_OP(embedding)
TN_OP(embedding_grad)

TN_OP_SECTION("Convolution and pooling")

/* conv.c, conv_transpose.c */
TN_OP(conv1d)
TN_OP(conv1d_grad_input)
TN_OP(conv1d_grad_weight)
TN_OP(conv2d)
TN_OP(conv2d_grad_input)
TN_OP(conv2d_grad_weight)
TN_OP(conv3d)
TN_OP(conv3d_grad_input)
TN_OP(conv3d_grad_weight)
TN_OP(conv_transpose1d)
TN_OP(conv_transpose2d)

/* max_pool.c, avg_pool.c, lp_pool.c */
TN_OP(max_pool1d)
TN_OP(max_pool1d_grad)
TN_OP(max_pool2d)
TN_OP(max_pool2d_grad)
TN_OP(avg_pool1d)
TN_OP(avg_pool1d_grad)
TN_OP(avg_pool2d)
TN_OP(avg_pool2d_grad)
TN_OP(lp_pool1d)
TN_OP(lp_pool1d_grad)
TN_OP(lp_pool2d)
TN_OP(lp_pool2d_grad)
TN_OP(global_lp_pool)
TN_OP(global_lp_pool_grad)

/* adaptive_pool.c */
TN_OP(adaptive_avg_pool)
TN_OP(adaptive_avg_pool_grad)
TN_OP(adaptive_max_pool)
TN_OP(adaptive_max_pool_grad)
TN_OP(global_avg_pool)
TN_OP(global_max_pool)

TN_OP_SECTION("Normalisation and softmax")

/* batch_norm.c */
TN_OP(batch_norm)
TN_OP(batch_norm_grad)
TN_OP(batch_norm_inference)

/* row_norm.c, local_response_norm.c */
TN_OP(layer_norm)
TN_OP(layer_norm_grad)
TN_OP(group_norm)
TN_OP(group_norm_grad)
TN_OP(instance_norm)
TN_OP(instance_norm_grad)
TN_OP(rms_norm)
TN_OP(rms_norm_grad)
TN_OP(local_response_norm)
TN_OP(local_response_norm_grad)

/* softmax.c */
TN_OP(softmax)
TN_OP(log_softmax)
TN_OP(softmax_grad)
TN_OP(log_softmax_grad)

TN_OP_SECTION("Attention and recurrent")

/* attention.c */
TN_OP(attention)
TN_OP(attention_grad)

/* rnn.c, lstm.c, gru.c */
TN_OP(rnn)
TN_OP(rnn_grad)
TN_OP(lstm)
TN_OP(lstm_grad)
TN_OP(gru)
TN_OP(gru_grad)

TN_OP_SECTION("Random")

/* dropout.c, random.c */
TN_OP(dropout)
TN_OP(uniform)
TN_OP(normal)
TN_OP(bernoulli)
TN_OP(permutation)

TN_OP_SECTION("Losses")

/* cross_entropy.c, loss.c, cosine_embedding.c */
TN_OP(sparse_softmax_cross_entropy)
TN_OP(sparse_softmax_cross_entropy_grad)
TN_OP(softmax_cross_entropy)
TN_OP(softmax_cross_entropy_grad)
TN_OP(nll)
TN_OP(nll_grad)
TN_OP(mse)
TN_OP(mse_grad)
TN_OP(mae)
TN_OP(mae_grad)
TN_OP(huber)
TN_OP(huber_grad)
TN_OP(hinge)
TN_OP(hinge_grad)
TN_OP(bce)
TN_OP(bce_grad)
TN_OP(bce_with_logits)
TN_OP(bce_with_logits_grad)
TN_OP(kl_div)
TN_OP(kl_div_grad)
TN_OP(cosine_embedding)
TN_OP(cosine_embedding_grad)

TN_OP_SECTION("Updates")

/* sgd.c, adam.c, rmsprop.c, lamb.c, counter.c, global_norm.c */
TN_OP(sgd)
TN_OP(adam)
TN_OP(adamw)
TN_OP(amsgrad)
TN_OP(nadam)
TN_OP(rmsprop)
TN_OP(adagrad)
TN_OP(adadelta)
TN_OP(lion)
TN_OP(lamb)
TN_OP(bias_correction)
TN_OP(nadam_correction)
TN_OP(global_norm)
TN_OP(counter_add)
TN_OP(ema_update)
TN_OP(accumulate)
