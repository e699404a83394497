/* Operators that move elements by their size: boxes and borders of moves.h, triangles, constants.
 */
#include "../../moves.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops.h"

#define LEAST 2048

static uint32_t size_of(const tnb_tensor *t)
{
    return (uint32_t)tnb_dtype_size(t->dtype);
}

/* --- boxes --- */

static void emit_box(struct ocl_build *b, const struct moves_box *box, uint32_t size)
{
    uint32_t last = box->rank - 1;
    int64_t inner = box->dim[last], rows = box->count / inner;
    int32_t table[1 + 3 * MOVES_MAX_LOOPS];
    uint32_t n = 0;
    bool dense = box->in_step[last] == 1 && box->out_step[last] == 1;
    if (rows == 1 && dense) {
        ocl_copy_launch(b, ocl_ref_at(ocl_out(b, box->out), (uint64_t)(box->out_at * size)),
                        ocl_ref_at(ocl_in(b, box->in), (uint64_t)(box->in_at * size)),
                        (uint64_t)(inner * size));
        return;
    }
    table[n++] = (int32_t)last;
    for (uint32_t d = 0; d < last; d++)
        table[n++] = (int32_t)box->dim[d];
    for (uint32_t d = 0; d < last; d++)
        table[n++] = (int32_t)box->in_step[d];
    for (uint32_t d = 0; d < last; d++)
        table[n++] = (int32_t)box->out_step[d];
    ocl_kernel(b, "moves", ocl_bits_option(size), "move");
    ocl_arg_ref(b, ocl_in(b, box->in), size);
    ocl_arg_ref(b, ocl_out(b, box->out), size);
    ocl_arg_table(b, table, n);
    ocl_arg_int(b, box->in_at);
    ocl_arg_int(b, box->out_at);
    ocl_arg_int(b, inner);
    ocl_arg_int(b, box->in_step[last]);
    ocl_arg_int(b, box->out_step[last]);
    if (ocl_is_gpu(b))
        ocl_each(b, box->count, LEAST);
    else
        ocl_each(b, rows, inner >= LEAST ? 1 : LEAST / inner);
}

void ocl_emit_boxes(struct ocl_build *b)
{
    enum { MOST = 64 };
    const tnb_tensor *in[MOST] = {NULL}, *out[MOST] = {NULL};
    const tnb_node *node = b->node;
    if (node->n_in > MOST || node->n_out > MOST) {
        ocl_build_fail(b, TNB_E_UNSUPPORTED, "more than 64 inputs or outputs");
        return;
    }
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = ocl_in_type(b, i);
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = node->out[i] == TNB_ABSENT ? NULL : ocl_out_type(b, i);
    uint32_t size = size_of(in[0]);
    if (strcmp(node->op, "diagonal_grad") == 0)
        ocl_emit_fill(b, ocl_out(b, 0), size, 0, tnb_count(out[0]));
    for (uint32_t i = 0; i < moves_count(node); i++) {
        struct moves_box box;
        moves_box_of(&box, node, in, out, i);
        if (box.count && out[box.out])
            emit_box(b, &box, size);
    }
}

/* --- pad --- */

void ocl_emit_pad(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0), *y = ocl_out_type(b, 0);
    struct moves_border border[TNB_MAX_RANK];
    int64_t stride[TNB_MAX_RANK];
    int32_t table[1 + 5 * TNB_MAX_RANK];
    uint32_t n = 0, size = size_of(y);
    moves_borders(b->node, x, border);
    shape_strides(x, stride);
    table[n++] = (int32_t)x->rank;
    for (uint32_t d = 0; d < x->rank; d++) {
        table[n++] = (int32_t)y->dim[d];
        table[n++] = (int32_t)stride[d];
        table[n++] = (int32_t)border[d].skip;
        table[n++] = (int32_t)border[d].n;
        table[n++] = (int32_t)border[d].lead;
    }
    ocl_kernel(b, "moves", ocl_bits_option(size), "pad");
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_table(b, table, n);
    ocl_arg_int(b, moves_pad_mode(b->node));
    ocl_arg_long(b, (int64_t)moves_bits(y->dtype, tnb_attr_float(b->node, "value", 0)));
    ocl_each(b, tnb_count(y), LEAST / 4);
}

void ocl_emit_pad_grad(struct ocl_build *b)
{
    const tnb_tensor *dy = ocl_in_type(b, 0), *dx = ocl_out_type(b, 0);
    uint32_t axis = shape_axis(tnb_attr_int(b->node, "axis", 0), dy->rank);
    struct moves_border p = moves_border_of(dx->dim[axis], tnb_attr_int(b->node, "before", 0),
                                            tnb_attr_int(b->node, "after", 0));
    ocl_kernel(b, "moves", ocl_bits_option(4), "pad_grad");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    ocl_arg_int(b, moves_pad_mode(b->node));
    ocl_arg_int(b, dx->dim[axis]);
    ocl_arg_int(b, p.skip);
    ocl_arg_int(b, p.n);
    ocl_arg_int(b, p.lead);
    ocl_arg_int(b, dy->dim[axis]);
    ocl_arg_int(b, shape_product(dy, axis + 1, dy->rank));
    ocl_each(b, tnb_count(dx), LEAST / 4);
}

/* --- tile_grad --- */

static void stride_table(struct ocl_build *b, uint32_t rank, const int64_t *dim,
                         const int64_t *step)
{
    int32_t table[1 + 2 * TNB_MAX_RANK];
    table[0] = (int32_t)rank;
    for (uint32_t d = 0; d < rank; d++) {
        table[1 + d] = (int32_t)dim[d];
        table[1 + rank + d] = (int32_t)step[d];
    }
    ocl_arg_table(b, table, 1 + 2 * rank);
}

void ocl_emit_tile_grad(struct ocl_build *b)
{
    const tnb_tensor *dy = ocl_in_type(b, 0), *dx = ocl_out_type(b, 0);
    int64_t stride[TNB_MAX_RANK], repeats[TNB_MAX_RANK], far[TNB_MAX_RANK], copies = 1;
    shape_strides(dy, stride);
    for (uint32_t d = 0; d < dx->rank; d++) {
        repeats[d] = tnb_attr_at(b->node, "repeats", d, 1);
        far[d] = stride[d] * dx->dim[d];
        copies *= repeats[d];
    }
    ocl_kernel(b, "moves", ocl_bits_option(4), "tile_grad");
    ocl_arg_f32(b, ocl_in(b, 0));
    ocl_arg_f32(b, ocl_out(b, 0));
    stride_table(b, dx->rank, dx->dim, stride);
    stride_table(b, dx->rank, repeats, far);
    ocl_arg_int(b, copies);
    ocl_each(b, tnb_count(dx), 1 + LEAST / (1 + copies));
}

/* --- trilu, one_hot, range --- */

void ocl_emit_trilu(struct ocl_build *b)
{
    const tnb_tensor *x = ocl_in_type(b, 0);
    int64_t rows = x->dim[x->rank - 2], cols = x->dim[x->rank - 1];
    int64_t k = tnb_attr_int(b->node, "k", 0);
    uint32_t size = size_of(x);
    /* Beyond the matrix is all or nothing, however far. */
    k = k < -rows - 1 ? -rows - 1 : k > cols + 1 ? cols + 1 : k;
    ocl_kernel(b, "moves", ocl_bits_option(size), "trilu");
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_int(b, rows);
    ocl_arg_int(b, cols);
    ocl_arg_int(b, k);
    ocl_arg_int(b, tnb_attr_int(b->node, "upper", 1) != 0);
    ocl_each(b, tnb_count(x), LEAST);
}

void ocl_emit_one_hot(struct ocl_build *b)
{
    const tnb_tensor *ids = ocl_in_type(b, 0), *y = ocl_out_type(b, 0);
    uint32_t size = size_of(y), axis = shape_axis(tnb_attr_int(b->node, "axis", -1), y->rank);
    char options[48];
    snprintf(options, sizeof(options), "%s %s", ocl_bits_option(size),
             ocl_label_option(ids->dtype));
    ocl_kernel(b, "onehot", options, "one_hot");
    ocl_arg_ref(b, ocl_in(b, 0), size_of(ids));
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_long(b, (int64_t)moves_bits(y->dtype, tnb_attr_float(b->node, "on_value", 1)));
    ocl_arg_long(b, (int64_t)moves_bits(y->dtype, tnb_attr_float(b->node, "off_value", 0)));
    ocl_arg_int(b, y->dim[axis]);
    ocl_arg_int(b, shape_product(y, axis + 1, y->rank));
    ocl_each(b, tnb_count(y), LEAST);
}

/* Whole numbers that need no rounding or clamping are counted up on the device; others come out of
 * a table made here, for a device need not have double. */
static bool counts_up(uint32_t dtype, double start, double step, int64_t n)
{
    double last = start + step * (double)n;
    double low = dtype == TNB_I32 ? INT32_MIN : dtype == TNB_I64 ? -0x1p52 : 0;
    double high = dtype == TNB_I32 ? INT32_MAX : dtype == TNB_I64 ? 0x1p52 : 255;
    return (dtype == TNB_I32 || dtype == TNB_I64 || dtype == TNB_U8) && start == rint(start) &&
           step == rint(step) && start >= low && start <= high && last >= low && last <= high;
}

void ocl_emit_range(struct ocl_build *b)
{
    const tnb_tensor *y = ocl_out_type(b, 0);
    int64_t n = tnb_count(y);
    double start = tnb_attr_float(b->node, "start", 0), step = tnb_attr_float(b->node, "step", 1);
    uint32_t size = size_of(y);
    if (n == 0)
        return;
    if (counts_up(y->dtype, start, step, n)) {
        ocl_kernel(b, "moves", ocl_bits_option(size), "count_up");
        ocl_arg_ref(b, ocl_out(b, 0), size);
        ocl_arg_long(b, (int64_t)start);
        ocl_arg_long(b, (int64_t)step);
        ocl_each(b, n, LEAST);
        return;
    }
    int64_t words = size == 8 ? 2 : 1;
    if (n > INT32_MAX / 8) {
        ocl_build_fail(b, TNB_E_UNSUPPORTED,
                       "a range of more than 2^28 numbers that are not whole");
        return;
    }
    int32_t *table = calloc((size_t)(n * words), sizeof(*table));
    if (!table) {
        ocl_build_fail(b, TNB_E_OOM, "no host memory for the table of a range");
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = moves_bits(y->dtype, start + (double)i * step);
        table[i * words] = (int32_t)(uint32_t)bits;
        if (words == 2)
            table[i * words + 1] = (int32_t)(uint32_t)(bits >> 32);
    }
    ocl_kernel(b, "moves", ocl_bits_option(size), "from_table");
    ocl_arg_table(b, table, (uint32_t)(n * words));
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_int(b, words);
    ocl_each(b, n, LEAST);
    free(table);
}
