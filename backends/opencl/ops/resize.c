/* resize and its gradient, from tables of what each output row and column looks at (resample.h). */
#include "../../resample.h"

#include <stdio.h>
#include <stdlib.h>

#include "ops.h"

#define LEAST 512

/* As resize.cl describes it: taps of rows and columns, then readers of input rows and columns. */
static int32_t *make_table(const struct resample *r, uint32_t *out_n)
{
    int64_t most = r->out[0] > r->out[1] ? r->out[0] : r->out[1];
    int64_t wide = r->in[0] > r->in[1] ? r->in[0] : r->in[1];
    int64_t n = 3 * (r->out[0] + r->out[1]) + 2 * (r->in[0] + r->in[1]);
    int32_t *table = calloc((size_t)n, sizeof(*table));
    struct resample_tap *tap = calloc((size_t)most, sizeof(*tap));
    int32_t *readers = calloc((size_t)(2 * wide), sizeof(*readers));
    if (table && tap && readers) {
        int32_t *to = table, *list = table + 3 * (r->out[0] + r->out[1]);
        for (int axis = 0; axis < 2; axis++) {
            for (int64_t o = 0; o < r->out[axis]; o++, to += 3) {
                tap[o] = resample_tap_of(r, axis, o);
                to[0] = tap[o].i0;
                to[1] = tap[o].i1;
                memcpy(&to[2], &tap[o].w, sizeof(to[2]));
            }
            resample_readers(tap, r->out[axis], r->in[axis], readers, readers + wide);
            for (int64_t i = 0; i < r->in[axis]; i++, list += 2) {
                list[0] = readers[i];
                list[1] = readers[wide + i];
            }
        }
        *out_n = (uint32_t)n;
    } else {
        free(table);
        table = NULL;
    }
    free(tap);
    free(readers);
    return table;
}

const char *ocl_refuse_resize(const tnb_graph *graph, const tnb_node *node)
{
    bool linear = strcmp(moves_string(node, "mode", "nearest"), "linear") == 0;
    return linear && graph->values[node->in[0]].dtype != TNB_F32
               ? "linear resize of a type that is not f32 has no OpenCL kernel"
               : NULL;
}

void ocl_emit_resize(struct ocl_build *b)
{
    bool grad = strcmp(b->node->op, "resize_grad") == 0;
    const tnb_tensor *in = ocl_in_type(b, 0), *out = ocl_out_type(b, 0);
    struct resample r = resample_of(b->node, grad ? out : in, grad ? in : out);
    uint32_t size = (uint32_t)tnb_dtype_size(in->dtype), n = 0;
    if (tnb_count(out) == 0)
        return;
    int32_t *table = make_table(&r, &n);
    if (!table) {
        ocl_build_fail(b, TNB_E_OOM, "no host memory for the table of a resize");
        return;
    }
    const char *type = size == 8   ? "-DT=ulong"
                       : size == 4 ? "-DT=uint"
                       : size == 2 ? "-DT=ushort"
                                   : "-DT=uchar";
    ocl_kernel(b, "resize", type, grad ? "resize_grad" : r.linear ? "linear_" : "nearest");
    ocl_arg_ref(b, ocl_in(b, 0), size);
    ocl_arg_ref(b, ocl_out(b, 0), size);
    ocl_arg_table(b, table, n);
    free(table);
    ocl_arg_int(b, r.in[0]);
    ocl_arg_int(b, r.in[1]);
    ocl_arg_int(b, r.out[0]);
    ocl_arg_int(b, r.out[1]);
    if (!grad)
        ocl_arg_long(b, (int64_t)moves_bits(in->dtype, r.outside));
    ocl_each(b, tnb_count(out), LEAST);
}
