/* Elements by index, and the sums that go the other way.
 *
 * No device is asked for float atomics: every sum runs in order of position. CPU class: work-items
 * share the columns and walk all indices. GPU class: few indices are looked through by every
 * element of the output; many are sorted by row first (radix.cl), and each row walks its own. */
#include <stdio.h>

#include "../../moves.h"
#include "ops.h"

#define LEAST 2048
#define FEW_KEYS 32
#define MANY_COLUMNS 4096 /* enough work-items that each may walk its own column of indices */

static uint32_t size_of(const tnb_tensor *t)
{
    return (uint32_t)tnb_dtype_size(t->dtype);
}

/* Kernels of a family for elements (`type`: "-DT=...") and the type of the indices. */
static void index_kernel(struct ocl_build *b, const char *family, const char *name,
                         const char *type, uint32_t index_dtype, enum moves_join join)
{
    char options[64];
    snprintf(options, sizeof(options), "%s %s -DJOIN=%d", type, ocl_label_option(index_dtype),
             (int)join);
    ocl_kernel(b, family, options, name);
}

/* Begins with x, the indices and y. */
static void gather_kernel(struct ocl_build *b, const char *name)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    index_kernel(b, "gather", name, ocl_bits_option(size_of(x)), ids->dtype, JOIN_NONE);
    ocl_arg_ref(b, ocl_in(b, 0), size_of(x));
    ocl_arg_ref(b, ocl_in(b, 1), size_of(ids));
    ocl_arg_ref(b, ocl_out(b, 0), size_of(x));
}

/* --- forward --- */

void ocl_emit_gather_axis(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1), *y = ocl_out_type(b, 0);
    struct shape_split at = shape_split_of(b->node, x, 0);
    int64_t inner = at.inner, n = tnb_count(y);
    if (n == 0)
        return;
    gather_kernel(b, "gather_axis");
    ocl_arg_int(b, tnb_count(ids));
    ocl_arg_int(b, at.n);
    ocl_arg_int(b, inner);
    if (ocl_is_gpu(b))
        ocl_each(b, n, LEAST);
    else
        ocl_each(b, n / inner, inner >= LEAST ? 1 : LEAST / inner);
}

/* x's strides over the indices' axes, 0 along the indexed one. */
static void along_table(struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *ids,
                        uint32_t axis)
{
    int32_t table[1 + 2 * TNB_MAX_RANK];
    int64_t stride[TNB_MAX_RANK];
    shape_strides(x, stride);
    table[0] = (int32_t)x->rank;
    for (uint32_t d = 0; d < x->rank; d++) {
        table[1 + d] = (int32_t)ids->dim[d];
        table[1 + x->rank + d] = d == axis ? 0 : (int32_t)stride[d];
    }
    ocl_arg_table(b, table, 1 + 2 * x->rank);
    ocl_arg_int(b, x->dim[axis]);
    ocl_arg_int(b, stride[axis]);
}

void ocl_emit_take_along(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    if (tnb_count(ids) == 0)
        return;
    gather_kernel(b, "take_along");
    along_table(b, x, ids, shape_axis(tnb_attr_int(b->node, "axis", 0), x->rank));
    ocl_each(b, tnb_count(ids), LEAST / 4);
}

/* Args of slice_of in gather.cl: dims and tuples of a batch. */
static void tuple_args(struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *ids)
{
    int64_t k = ids->dim[ids->rank - 1], batch = tnb_attr_int(b->node, "batch_dims", 0);
    int32_t dims[1 + TNB_MAX_RANK];
    dims[0] = (int32_t)k;
    for (int64_t j = 0; j < k; j++)
        dims[1 + j] = (int32_t)x->dim[batch + j];
    ocl_arg_table(b, dims, (uint32_t)(1 + k));
    ocl_arg_int(b, shape_product(ids, (uint32_t)batch, ids->rank - 1));
}

static int64_t slice_width(const struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *ids)
{
    int64_t batch = tnb_attr_int(b->node, "batch_dims", 0), k = ids->dim[ids->rank - 1];
    return shape_product(x, (uint32_t)(batch + k), x->rank);
}

void ocl_emit_gather_nd(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    if (tnb_count(ocl_out_type(b, 0)) == 0)
        return;
    gather_kernel(b, "gather_tuples");
    tuple_args(b, x, ids);
    ocl_arg_int(b, slice_width(b, x, ids));
    ocl_each(b, tnb_count(ocl_out_type(b, 0)), LEAST / 4);
}

/* --- rows added or replaced by key --- */

/* y [outer, rows, inner], u [outer, n_keys, inner], key [n_keys]; y holds what is added to. */
struct scatter {
    struct ocl_ref key, u, y;
    int64_t n_keys, outer, rows, inner;
    uint32_t dtype;
    enum moves_join join;
};

/* Sums and products wrap as unsigned; what is only moved goes by its size. */
static const char *scatter_type(uint32_t dtype, enum moves_join join)
{
    bool ordered = join == JOIN_MAX || join == JOIN_MIN;
    if (dtype == TNB_F32 && join != JOIN_NONE)
        return "-DT=float";
    if (ordered && (dtype == TNB_I32 || dtype == TNB_I64))
        return dtype == TNB_I32 ? "-DT=int" : "-DT=long";
    return ocl_bits_option((uint32_t)tnb_dtype_size(dtype));
}

static void radix_pass(struct ocl_build *b, const struct scatter *s, struct ocl_ref *from,
                       struct ocl_ref *to, struct ocl_ref count, int64_t shift, int64_t run)
{
    int64_t items = (s->n_keys + run - 1) / run;
    ocl_kernel(b, "radix", "", "radix_count");
    ocl_arg_ref(b, from[0], 4);
    ocl_arg_ref(b, count, 4);
    ocl_arg_int(b, s->rows);
    ocl_arg_int(b, shift);
    ocl_arg_int(b, s->n_keys);
    ocl_arg_int(b, run);
    ocl_each(b, items, 1);
    ocl_kernel(b, "radix", "", "radix_scan");
    ocl_arg_ref(b, count, 4);
    ocl_arg_int(b, 16 * items);
    ocl_groups(b, 1, 256);
    ocl_kernel(b, "radix", "", "radix_move");
    ocl_arg_ref(b, from[0], 4);
    ocl_arg_ref(b, from[1], 4);
    ocl_arg_ref(b, count, 4);
    ocl_arg_ref(b, to[0], 4);
    ocl_arg_ref(b, to[1], 4);
    ocl_arg_int(b, s->rows);
    ocl_arg_int(b, shift);
    ocl_arg_int(b, s->n_keys);
    ocl_arg_int(b, run);
    ocl_each(b, items, 1);
}

/* begin [rows + 1] and pos [n_keys]. */
static void sort_keys(struct ocl_build *b, const struct scatter *s, struct ocl_ref *out_begin,
                      struct ocl_ref *out_pos)
{
    const int64_t run = 64, items = (s->n_keys + run - 1) / run;
    uint64_t bytes = (uint64_t)s->n_keys * 4;
    struct ocl_ref list[3][2] = {{s->key, s->key}}; /* keys and positions; the first has none */
    for (uint32_t i = 1; i < 3; i++)
        for (uint32_t k = 0; k < 2; k++)
            list[i][k] = ocl_scratch(b, bytes);
    struct ocl_ref count = ocl_scratch(b, (uint64_t)items * 64);
    uint32_t at = 0;
    for (int64_t shift = 0; shift == 0 || s->rows >> shift; shift += 4) {
        uint32_t next = at == 1 ? 2 : 1;
        radix_pass(b, s, list[at], list[next], count, shift, run);
        at = next;
    }
    *out_begin = ocl_scratch(b, (uint64_t)(s->rows + 1) * 4);
    *out_pos = list[at][1];
    ocl_kernel(b, "radix", "", "row_begin");
    ocl_arg_ref(b, list[at][0], 4);
    ocl_arg_ref(b, *out_begin, 4);
    ocl_arg_int(b, s->rows);
    ocl_arg_int(b, s->n_keys);
    ocl_each(b, s->rows + 1, LEAST);
}

static void emit_scatter(struct ocl_build *b, const struct scatter *s)
{
    uint32_t size = (uint32_t)tnb_dtype_size(s->dtype);
    int64_t columns = s->outer * s->inner, n = columns * s->rows;
    struct ocl_ref begin = s->key, pos = s->key;
    if (n == 0 || s->n_keys == 0)
        return;
    bool walk = !ocl_is_gpu(b), listed = !walk && s->n_keys > FEW_KEYS;
    if (listed)
        sort_keys(b, s, &begin, &pos);
    index_kernel(b, "scatter",
                 walk     ? "columns"
                 : listed ? "listed"
                          : "scan",
                 scatter_type(s->dtype, s->join), TNB_I32, s->join);
    ocl_arg_ref(b, begin, 4);
    if (listed)
        ocl_arg_ref(b, pos, 4);
    ocl_arg_ref(b, s->u, size);
    ocl_arg_ref(b, s->y, size);
    ocl_arg_int(b, s->n_keys);
    ocl_arg_int(b, s->rows);
    ocl_arg_int(b, s->inner);
    if (walk)
        ocl_each(b, columns, 16);
    else
        ocl_each(b, n, LEAST);
}

/* Begins the kernel `name` that makes n keys, which it returns, of the indices. */
static struct ocl_ref key_kernel(struct ocl_build *b, const char *name, uint32_t input, int64_t n)
{
    const tnb_tensor *ids = ocl_in_type(b, input);
    struct ocl_ref key = ocl_scratch(b, (uint64_t)n * 4);
    index_kernel(b, "gather", name, "-DT=uint", ids->dtype, JOIN_NONE);
    ocl_arg_ref(b, ocl_in(b, input), size_of(ids));
    ocl_arg_ref(b, key, 4);
    return key;
}

/* `wraps`: a negative index counts from the end. */
static void emit_index_grad(struct ocl_build *b, uint32_t axis, int wraps)
{
    const tnb_tensor *dx = ocl_out_type(b, 0);
    struct shape_split at = shape_split_at(dx, axis);
    int64_t n = tnb_count(ocl_in_type(b, 0));
    ocl_emit_fill(b, ocl_out(b, 0), 4, 0, tnb_count(dx));
    if (tnb_count(dx) == 0 || n == 0)
        return;
    struct scatter s = {
        .key = key_kernel(b, "key_of_index", 0, n),
        .u = ocl_in(b, 1),
        .y = ocl_out(b, 0),
        .n_keys = n,
        .outer = at.outer,
        .rows = at.n,
        .inner = at.inner,
        .dtype = TNB_F32,
        .join = JOIN_ADD,
    };
    ocl_arg_int(b, at.n);
    ocl_arg_int(b, wraps);
    ocl_each(b, n, LEAST);
    emit_scatter(b, &s);
}

void ocl_emit_gather_grad(struct ocl_build *b)
{
    emit_index_grad(b, shape_axis(tnb_attr_int(b->node, "axis", 0), ocl_out_type(b, 0)->rank), 1);
}

void ocl_emit_embedding_grad(struct ocl_build *b)
{
    emit_index_grad(b, 0, 0);
}

const char *ocl_refuse_scatter_nd(const tnb_graph *graph, const tnb_node *node)
{
    uint32_t dtype = graph->values[node->in[0]].dtype;
    return moves_join_of(node) != JOIN_NONE &&
                   (dtype == TNB_F16 || dtype == TNB_BF16 || dtype == TNB_F64)
               ? "reductions of a float that is not f32 have no OpenCL kernel"
               : NULL;
}

void ocl_emit_scatter_nd(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    uint32_t size = size_of(x);
    int64_t n = shape_product(ids, 0, ids->rank - 1);
    ocl_copy_launch(b, ocl_out(b, 0), ocl_in(b, 0), (uint64_t)tnb_count(x) * size);
    if (n == 0 || tnb_count(x) == 0)
        return;
    struct scatter s = {
        .key = key_kernel(b, "key_of_tuple", 1, n),
        .u = ocl_in(b, 2),
        .y = ocl_out(b, 0),
        .n_keys = n,
        .outer = 1,
        .inner = slice_width(b, x, ids),
        .dtype = x->dtype,
        .join = moves_join_of(b->node),
    };
    s.rows = tnb_count(x) / s.inner;
    tuple_args(b, x, ids);
    ocl_each(b, n, LEAST / 4);
    emit_scatter(b, &s);
}

/* --- scatter_add --- */

static void emit_along(struct ocl_build *b, const tnb_tensor *x, const tnb_tensor *ids,
                       uint32_t axis)
{
    int64_t xs[TNB_MAX_RANK], is[TNB_MAX_RANK], columns = 1;
    int32_t table[1 + 3 * TNB_MAX_RANK];
    uint32_t rank = x->rank - 1, k = 0;
    shape_strides(x, xs);
    shape_strides(ids, is);
    table[0] = (int32_t)rank;
    for (uint32_t d = 0; d < x->rank; d++) {
        if (d == axis)
            continue;
        table[1 + k] = (int32_t)ids->dim[d];
        table[1 + rank + k] = (int32_t)is[d];
        table[1 + 2 * rank + k++] = (int32_t)xs[d];
        columns *= ids->dim[d];
    }
    index_kernel(b, "along", "along", scatter_type(x->dtype, JOIN_ADD), ids->dtype, JOIN_ADD);
    ocl_arg_ref(b, ocl_in(b, 1), size_of(ids));
    ocl_arg_ref(b, ocl_in(b, 2), size_of(x));
    ocl_arg_ref(b, ocl_out(b, 0), size_of(x));
    ocl_arg_table(b, table, 1 + 3 * rank);
    ocl_arg_int(b, ids->dim[axis]);
    ocl_arg_int(b, is[axis]);
    ocl_arg_int(b, x->dim[axis]);
    ocl_arg_int(b, xs[axis]);
    ocl_each(b, columns, 1 + LEAST / (1 + 4 * ids->dim[axis]));
}

void ocl_emit_scatter_add(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *ids = ocl_in_type(b, 1);
    uint32_t axis = shape_axis(tnb_attr_int(b->node, "axis", 0), x->rank), size = size_of(x);
    int64_t n = tnb_count(ids);
    ocl_copy_launch(b, ocl_out(b, 0), ocl_in(b, 0), (uint64_t)tnb_count(x) * size);
    if (n == 0 || tnb_count(x) == 0)
        return;
    if (!ocl_is_gpu(b) || ids->dim[axis] <= FEW_KEYS || n / ids->dim[axis] >= MANY_COLUMNS) {
        emit_along(b, x, ids, axis);
        return;
    }
    struct scatter s = {
        .key = key_kernel(b, "key_along", 1, n),
        .u = ocl_in(b, 2),
        .y = ocl_out(b, 0),
        .n_keys = n,
        .outer = 1,
        .rows = tnb_count(x),
        .inner = 1,
        .dtype = x->dtype,
        .join = JOIN_ADD,
    };
    along_table(b, x, ids, axis);
    ocl_each(b, n, LEAST / 4);
    emit_scatter(b, &s);
}
