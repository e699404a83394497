#include "build.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

#define GPU_GROUP 256
#define SCRATCH_ALIGN 256

void ocl_build_fail(struct ocl_build *b, tnb_status code, const char *what)
{
    if (b->status == TNB_OK)
        b->status = ocl_fail(b->err, code, 0, "backend opencl, op '%s' (%s): %s", b->node->op,
                             b->node->label ? b->node->label : "", what);
}

/* Room for one more; NULL after a failure. */
static void *grow(struct ocl_build *b, void *list, uint32_t *cap, uint64_t need, size_t size)
{
    if (need <= *cap)
        return list;
    uint64_t more = *cap ? (uint64_t)*cap * 2 : 64;
    while (more < need)
        more *= 2;
    void *bigger =
        more <= UINT32_MAX && more <= SIZE_MAX / size ? realloc(list, more * size) : NULL;
    if (!bigger) {
        ocl_build_fail(b, TNB_E_OOM, "no host memory for the plan");
        return NULL;
    }
    *cap = (uint32_t)more;
    return bigger;
}

static struct ocl_launch *add_launch(struct ocl_build *b, enum ocl_launch_kind kind)
{
    tnb_plan *plan = b->plan;
    if (b->status != TNB_OK)
        return NULL;
    struct ocl_launch *list = grow(b, plan->launches, &plan->cap_launches,
                                   (uint64_t)plan->n_launches + 1, sizeof(*plan->launches));
    if (!list)
        return NULL;
    plan->launches = list;
    struct ocl_launch *launch = &list[plan->n_launches++];
    *launch =
        (struct ocl_launch){.kind = kind, .node = b->node_at, .first_arg = plan->n_args, .dim = 1};
    return launch;
}

static struct ocl_launch *last(struct ocl_build *b)
{
    return &b->plan->launches[b->plan->n_launches - 1];
}

static void add_arg(struct ocl_build *b, struct ocl_arg arg)
{
    tnb_plan *plan = b->plan;
    if (b->status != TNB_OK)
        return;
    struct ocl_arg *list =
        grow(b, plan->args, &plan->cap_args, (uint64_t)plan->n_args + 1, sizeof(*plan->args));
    if (!list)
        return;
    plan->args = list;
    list[plan->n_args++] = arg;
    last(b)->n_args++;
}

/* --- operands --- */

bool ocl_has_in(const struct ocl_build *b, uint32_t i)
{
    return i < b->node->n_in && b->node->in[i] != TNB_ABSENT;
}

const tnb_tensor *ocl_in_type(const struct ocl_build *b, uint32_t i)
{
    return &b->graph->values[b->node->in[i]];
}

const tnb_tensor *ocl_out_type(const struct ocl_build *b, uint32_t i)
{
    return &b->graph->values[b->node->out[i]];
}

static struct ocl_ref value_ref(struct ocl_build *b, uint32_t value)
{
    uint32_t lo = 0, hi = b->segment->n_values;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (b->segment->values[mid] < value)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == b->segment->n_values || b->segment->values[lo] != value) {
        ocl_build_fail(b, TNB_E_INVALID, "an operand is not among the segment's values");
        return (struct ocl_ref){OCL_REF_NONE, 0, 0};
    }
    return (struct ocl_ref){OCL_REF_VALUE, lo, 0};
}

struct ocl_ref ocl_in(struct ocl_build *b, uint32_t i)
{
    if (!ocl_has_in(b, i))
        return (struct ocl_ref){OCL_REF_NONE, 0, 0};
    if (b->refs)
        return b->refs[i];
    return value_ref(b, b->node->in[i]);
}

struct ocl_ref ocl_out(struct ocl_build *b, uint32_t i)
{
    if (i >= b->node->n_out || b->node->out[i] == TNB_ABSENT)
        return (struct ocl_ref){OCL_REF_NONE, 0, 0};
    if (b->refs)
        return b->refs[b->node->n_in + i];
    return value_ref(b, b->node->out[i]);
}

struct ocl_ref ocl_scratch(struct ocl_build *b, uint64_t n_bytes)
{
    struct ocl_ref ref = {OCL_REF_SCRATCH, 0, b->scratch};
    b->scratch += (n_bytes + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
    if (b->scratch > b->plan->workspace)
        b->plan->workspace = b->scratch;
    return ref;
}

struct ocl_ref ocl_ref_at(struct ocl_ref ref, uint64_t n_bytes)
{
    ref.offset += n_bytes;
    return ref;
}

/* --- launches --- */

void ocl_kernel(struct ocl_build *b, const char *family, const char *options, const char *name)
{
    struct ocl_launch *launch = add_launch(b, OCL_LAUNCH_KERNEL);
    if (launch)
        b->status = ocl_kernel_create(b->device, family, options, name, &launch->kernel, b->err);
}

void ocl_arg_ref(struct ocl_build *b, struct ocl_ref ref, uint32_t element_size)
{
    add_arg(b, (struct ocl_arg){.kind = OCL_ARG_REF, .ref = ref, .size = element_size});
}

void ocl_arg_f32(struct ocl_build *b, struct ocl_ref ref)
{
    ocl_arg_ref(b, ref, 4);
}

void ocl_arg_int(struct ocl_build *b, int64_t value)
{
    if (value > INT32_MAX || value < INT32_MIN) {
        ocl_build_fail(b, TNB_E_UNSUPPORTED, "a size is beyond 2^31 - 1");
        return;
    }
    struct ocl_arg arg = {.kind = OCL_ARG_BITS, .size = 4};
    int32_t narrow = (int32_t)value;
    memcpy(&arg.bits, &narrow, 4);
    add_arg(b, arg);
}

void ocl_arg_long(struct ocl_build *b, int64_t value)
{
    struct ocl_arg arg = {.kind = OCL_ARG_BITS, .size = 8};
    memcpy(&arg.bits, &value, 8);
    add_arg(b, arg);
}

void ocl_arg_float(struct ocl_build *b, double value)
{
    struct ocl_arg arg = {.kind = OCL_ARG_BITS, .size = 4};
    float narrow = (float)value;
    memcpy(&arg.bits, &narrow, 4);
    add_arg(b, arg);
}

void ocl_arg_table(struct ocl_build *b, const int32_t *values, uint32_t n)
{
    tnb_plan *plan = b->plan;
    if (b->status != TNB_OK)
        return;
    int32_t *list =
        grow(b, plan->meta, &plan->cap_meta, (uint64_t)plan->n_meta + n, sizeof(*plan->meta));
    if (!list)
        return;
    plan->meta = list;
    memcpy(list + plan->n_meta, values, n * sizeof(*values));
    struct ocl_ref ref = {OCL_REF_META, 0, (uint64_t)plan->n_meta * sizeof(*values)};
    plan->n_meta += n;
    ocl_arg_ref(b, ref, 4);
}

/* The largest group that this kernel may have here; a power of two, at most `size`. */
static size_t group_limit(struct ocl_build *b, size_t size)
{
    size_t most = size;
    if (clGetKernelWorkGroupInfo(last(b)->kernel, b->device->desc->id, CL_KERNEL_WORK_GROUP_SIZE,
                                 sizeof(most), &most, NULL) != CL_SUCCESS)
        most = b->device->desc->max_group;
    while (size > 1 && size > most)
        size /= 2;
    return size;
}

/* Takes the launch back: an empty range is an error to OpenCL 1.2. */
static void drop_launch(struct ocl_build *b)
{
    struct ocl_launch *launch = last(b);
    clReleaseKernel(launch->kernel);
    b->plan->n_args = launch->first_arg;
    b->plan->n_launches--;
}

void ocl_each(struct ocl_build *b, int64_t n, int64_t least)
{
    if (b->status != TNB_OK)
        return;
    if (n <= 0) {
        drop_launch(b);
        return;
    }
    int64_t chunk = 1;
    size_t local = 1, global = 1;
    if (ocl_is_gpu(b)) {
        local = group_limit(b, n < 64 ? 64 : GPU_GROUP);
        global = ((size_t)n + local - 1) / local * local;
    } else {
        /* a few chunks per core, so that the cores end together */
        chunk = n / (4 * (int64_t)b->device->desc->n_units) + 1;
        if (chunk < least)
            chunk = least;
        if (least >= 16)
            chunk = (chunk + 15) / 16 * 16;
        global = (size_t)((n + chunk - 1) / chunk);
    }
    ocl_arg_int(b, n);
    ocl_arg_int(b, chunk);
    ocl_range(b, 1, &global, &local);
}

void ocl_groups(struct ocl_build *b, int64_t n_groups, uint32_t size)
{
    if (b->status != TNB_OK)
        return;
    if (n_groups <= 0) {
        drop_launch(b);
        return;
    }
    size_t local = group_limit(b, size), global = (size_t)n_groups * local;
    ocl_range(b, 1, &global, &local);
}

void ocl_tiles(struct ocl_build *b, int64_t rows, int64_t cols, int64_t layers)
{
    int64_t m = (rows + 63) / 64, n = (cols + 63) / 64;
    if (m > INT32_MAX / n || layers > INT32_MAX / (m * n)) {
        ocl_build_fail(b, TNB_E_UNSUPPORTED, "more than 2^31 - 1 tiles");
        return;
    }
    const size_t global[2] = {(size_t)(m * n * layers) * 16, 16}, local[2] = {16, 16};
    ocl_range(b, 2, global, local);
}

void ocl_range(struct ocl_build *b, uint32_t dim, const size_t *global, const size_t *local)
{
    if (b->status != TNB_OK)
        return;
    struct ocl_launch *launch = last(b);
    size_t group = 1;
    launch->dim = dim;
    for (uint32_t i = 0; i < dim; i++) {
        launch->global[i] = global[i];
        launch->local[i] = local[i];
        group *= local[i];
    }
    if (group_limit(b, group) < group)
        ocl_build_fail(b, TNB_E_UNSUPPORTED,
                       "the driver allows this kernel too small a work-group; try "
                       "--backend-opt class=cpu");
}

bool ocl_use_tiles(struct ocl_build *b)
{
    tnb_device *device = b->device;
    if (!ocl_is_gpu(b) || b->status != TNB_OK)
        return false;
    if (device->tiles == OCL_TILES_UNKNOWN) {
        cl_kernel kernel = NULL;
        size_t most = 0;
        b->status = ocl_kernel_create(device, "gemm_gpu", "", "gemm", &kernel, b->err);
        if (b->status != TNB_OK)
            return false;
        clGetKernelWorkGroupInfo(kernel, device->desc->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof(most),
                                 &most, NULL);
        clReleaseKernel(kernel);
        device->tiles = most >= GPU_GROUP ? OCL_TILES_YES : OCL_TILES_NO;
    }
    return device->tiles == OCL_TILES_YES;
}

void ocl_copy_launch(struct ocl_build *b, struct ocl_ref dst, struct ocl_ref src, uint64_t n_bytes)
{
    struct ocl_launch *launch = n_bytes ? add_launch(b, OCL_LAUNCH_COPY) : NULL;
    if (!launch)
        return;
    launch->dst = dst;
    launch->src = src;
    launch->n_bytes = n_bytes;
}

void ocl_clblast_launch(struct ocl_build *b, const struct ocl_gemm_call *call)
{
    struct ocl_launch *launch = add_launch(b, OCL_LAUNCH_CLBLAST);
    if (launch)
        launch->gemm = *call;
}
