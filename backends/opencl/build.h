/* How an operator becomes launches. plan_create walks the segment and calls each node's emit();
 * emit appends launches to the plan through these functions. The first failure sticks in
 * build->status and later calls do nothing, so an emit reads as a plain list. */
#ifndef TENON_OPENCL_BUILD_H
#define TENON_OPENCL_BUILD_H

#include "../shape.h"
#include "opencl.h"

/* Where an operand lies: a value of the segment, scratch of this node, or the plan's table. */
enum ocl_ref_kind { OCL_REF_NONE = 0, OCL_REF_VALUE, OCL_REF_SCRATCH, OCL_REF_META };
struct ocl_ref {
    enum ocl_ref_kind kind;
    uint32_t index;  /* position in segment.values */
    uint64_t offset; /* bytes from the operand's begin */
};

enum ocl_launch_kind { OCL_LAUNCH_KERNEL = 0, OCL_LAUNCH_COPY, OCL_LAUNCH_CLBLAST };

/* C [m, n] = op(A) op(B), row-major. */
struct ocl_gemm_call {
    struct ocl_ref a, b, c;
    uint64_t m, n, k, lda, ldb;
    bool trans_a, trans_b;
    cl_mem a_mem, b_mem, c_mem; /* set when bound */
    size_t a_at, b_at, c_at;    /* elements */
};

struct ocl_launch {
    enum ocl_launch_kind kind;
    uint32_t node; /* position in the segment */
    cl_kernel kernel;
    uint32_t dim, first_arg, n_args;
    size_t global[3], local[3];
    struct ocl_ref dst, src; /* copy */
    cl_mem dst_mem, src_mem;
    uint64_t dst_at, src_at, n_bytes;
    bool idle; /* a copy of a value onto itself */
    struct ocl_gemm_call gemm;
    cl_event timer; /* of the last run on a profiling queue */
};

enum ocl_arg_kind { OCL_ARG_REF = 0, OCL_ARG_BITS };
struct ocl_arg {
    enum ocl_arg_kind kind;
    struct ocl_ref ref;
    uint32_t size; /* of the element, or of the bits */
    uint64_t bits;
};

/* A node alone in a graph of its own, with every f16 and bf16 operand an f32: what `refuse` and
 * `emit` see where no kernel takes the 16-bit types themselves. */
struct ocl_widened {
    tnb_graph graph;
    tnb_node node;
    const tnb_node *nodes[1];
    uint32_t *in, *out;
    tnb_tensor *values; /* inputs, then outputs */
};
/* TNB_E_INVALID: there is no such operand; TNB_E_OOM. Freed by ocl_widened_finish. */
tnb_status ocl_widen(const tnb_graph *graph, const tnb_node *node, struct ocl_widened *out);
void ocl_widened_finish(struct ocl_widened *w);

struct ocl_build {
    tnb_device *device;
    const tnb_graph *graph;
    const tnb_segment *segment;
    const tnb_node *node; /* being emitted */
    const struct ocl_ref *refs; /* of its inputs, then outputs, where they are f32 copies; or NULL */
    uint32_t node_at;
    tnb_plan *plan;
    uint64_t scratch; /* bytes that this node has taken */
    tnb_status status;
    tnb_error *err;
};

/* --- operands --- */
bool ocl_has_in(const struct ocl_build *b, uint32_t i);
const tnb_tensor *ocl_in_type(const struct ocl_build *b, uint32_t i);
const tnb_tensor *ocl_out_type(const struct ocl_build *b, uint32_t i);
struct ocl_ref ocl_in(struct ocl_build *b, uint32_t i);
struct ocl_ref ocl_out(struct ocl_build *b, uint32_t i);
/* Scratch of this node, 256-byte aligned; the next node takes the same memory again. */
struct ocl_ref ocl_scratch(struct ocl_build *b, uint64_t n_bytes);
struct ocl_ref ocl_ref_at(struct ocl_ref ref, uint64_t n_bytes);

/* --- launches --- */
/* Begins a launch; the functions below add to it. */
void ocl_kernel(struct ocl_build *b, const char *family, const char *options, const char *name);
void ocl_arg_ref(struct ocl_build *b, struct ocl_ref ref, uint32_t element_size); /* two args */
void ocl_arg_f32(struct ocl_build *b, struct ocl_ref ref);
void ocl_arg_int(struct ocl_build *b, int64_t value); /* an int; too large fails */
void ocl_arg_long(struct ocl_build *b, int64_t value);
void ocl_arg_float(struct ocl_build *b, double value);
/* A table of ints: args (__global const int *, ulong offset). */
void ocl_arg_table(struct ocl_build *b, const int32_t *values, uint32_t n);
/* Ends a launch of EACH kernels: adds (int n, int chunk) and the range. On CPU-class devices one
 * work-item takes `chunk` of the n, at least `least` of them. */
void ocl_each(struct ocl_build *b, int64_t n, int64_t least);
/* Work-groups for reductions: one per item, `size` work-items each; GPU class only. */
void ocl_groups(struct ocl_build *b, int64_t n_groups, uint32_t size);
/* Groups of 16 x 16 for 64 x 64 tiles of C [layers, rows, cols], as gemm_gpu.cl numbers them. */
void ocl_tiles(struct ocl_build *b, int64_t rows, int64_t cols, int64_t layers);
void ocl_range(struct ocl_build *b, uint32_t dim, const size_t *global, const size_t *local);
void ocl_copy_launch(struct ocl_build *b, struct ocl_ref dst, struct ocl_ref src, uint64_t n_bytes);
void ocl_clblast_launch(struct ocl_build *b, const struct ocl_gemm_call *call);
void ocl_build_fail(struct ocl_build *b, tnb_status code, const char *what);

static inline bool ocl_is_gpu(const struct ocl_build *b)
{
    return b->device->device_class == OCL_CLASS_GPU;
}

/* Whether the 16 x 16 local-memory tiles of gemm_gpu.cl may run here: GPU class, and the driver
 * allows that kernel its work-group. Otherwise gemm_cpu.cl serves, one tile per work-item. */
bool ocl_use_tiles(struct ocl_build *b);

/* --- operators --- */
/* Accepted element types, one letter per input and output:
 * f f32; i i32 or i64; l i64; n f32, i32 or i64; k these or u8; x these or bool; b bool;
 * c f32 or bool; m i32; = the first input's; d is x, f16 or bf16: moved by element size, or
 * converted by the kernel; e is d or f64. The last letter stands for all that follow. A node that these letters
 * refuse for its f16 and bf16 operands alone runs on f32 copies of them (half.c). */
struct ocl_op {
    const char *name;
    const char *in, *out;
    const char *inplace; /* "0>0 2>1", "*" any input like output 0, or NULL */
    const char *variant; /* shown by --explain */
    void (*emit)(struct ocl_build *b);
    /* A refusal's reason for this node, or NULL. Optional. */
    const char *(*refuse)(const tnb_graph *graph, const tnb_node *node);
};
const struct ocl_op *ocl_op_find(const char *name);
/* Writes into `why` and returns false when a value is of a type or size that op's kernels do not
 * take, or op->refuse says no. */
bool ocl_op_takes(const struct ocl_op *op, const tnb_graph *graph, const tnb_node *node, char *why,
                  size_t size);
/* Emits b->node, on f32 copies of its 16-bit operands if need be. */
void ocl_emit(struct ocl_build *b, const struct ocl_op *op);

/* --- index tables (shape.c) --- */
#define OCL_MAX_OPERANDS 4
/* One loop nest over `dim`, with a stride per operand: neighbours merged, ones dropped. */
struct ocl_nest {
    uint32_t rank, n_operands;
    int64_t dim[TNB_MAX_RANK];
    int64_t stride[OCL_MAX_OPERANDS][TNB_MAX_RANK];
};
void ocl_nest_init(struct ocl_nest *nest, const tnb_tensor *shape, uint32_t n_operands);
/* NumPy broadcasting of `from` to the nest's shape. Call before ocl_nest_merge. */
void ocl_nest_broadcast(struct ocl_nest *nest, uint32_t operand, const tnb_tensor *from);
void ocl_nest_merge(struct ocl_nest *nest);
int64_t ocl_nest_count(const struct ocl_nest *nest);
/* The table of the nest's first `rank` dims, as common.cl describes it. */
void ocl_arg_nest(struct ocl_build *b, const struct ocl_nest *nest, uint32_t rank);
/* "-DL=int" or "-DL=long" for an index type. */
const char *ocl_label_option(uint32_t dtype);
/* "-DT=<type>" for an element type that kernels take. */
const char *ocl_element_option(uint32_t dtype);
/* "-DT=<type>" for kernels that move elements of `size` bytes. */
const char *ocl_bits_option(uint32_t size);
/* Shared by several operators (ops/). `size` is the element's. */
void ocl_emit_fill(struct ocl_build *b, struct ocl_ref dst, uint32_t size, uint64_t pattern,
                   int64_t n);
/* y [n dims of the nest, dense] = x at the strides of operand 0. */
void ocl_emit_gather(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, uint32_t size,
                     const struct ocl_nest *nest, int64_t base);
/* y [n] = the sum over s of x [s, n], f32. */
void ocl_emit_sum_outer(struct ocl_build *b, struct ocl_ref x, struct ocl_ref y, int64_t s,
                        int64_t n);

#endif
