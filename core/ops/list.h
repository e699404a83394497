/* The operators, one line each: TN_OP(name) stands for `const struct tn_op tn_op_<name>` in a file of
 * this folder. Included with TN_OP defined; no include guard, for it is read more than once. */

/* elementwise_binary.c */
TN_OP(add)
TN_OP(sub)
TN_OP(mul)
TN_OP(div)
TN_OP(maximum)
TN_OP(minimum)
TN_OP(equal)
TN_OP(greater)

/* elementwise_unary.c */

/* elementwise_grad.c */

/* select.c, cast.c */

/* shape */

/* reductions */

/* matrix and lookup */

/* convolution */

/* pooling */

/* normalisation */

/* softmax */

/* random */

/* losses */

/* updates */
