/* FAMILY(id) stands for op_family_<id>. No include guard: it is read more than once. */
FAMILY(elementwise)
FAMILY(conv2d)
FAMILY(pool2d)
FAMILY(batch_norm)
FAMILY(dropout)
FAMILY(updates)
