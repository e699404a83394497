/* FAMILY(id) stands for op_family_<id>. No include guard: it is read more than once. */
FAMILY(elementwise)
