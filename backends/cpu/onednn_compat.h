/* SPDX-License-Identifier: MIT
 *
 * The calls of oneDNN that differ between its major versions, here for 2.x: descriptions of
 * operations, which 3.x folds into primitive descriptors, and memory descriptors, which 3.x makes
 * opaque. The rest of the backend uses only what both have. Each function returns dnnl_success or
 * oneDNN's own code, with nothing left behind. */
#ifndef CPU_ONEDNN_COMPAT_H
#define CPU_ONEDNN_COMPAT_H

#include <oneapi/dnnl/dnnl.h>

#include "ops/window.h"

enum cpu_conv_kind { CPU_CONV_FORWARD, CPU_CONV_GRAD_INPUT, CPU_CONV_GRAD_WEIGHT };

/* Each tensor of a convolution: x, w, y or their gradients; bias forward only. */
enum { CPU_CONV_X, CPU_CONV_W, CPU_CONV_Y, CPU_CONV_BIAS, CPU_CONV_TENSORS };

struct cpu_conv_prim {
    dnnl_primitive_t prim;
    dnnl_memory_desc_t plain[CPU_CONV_TENSORS]; /* row-major, as the core stores it */
    dnnl_memory_desc_t inner[CPU_CONV_TENSORS]; /* as the primitive wants it */
    dnnl_memory_desc_t scratch;
};

/* Layouts are oneDNN's choice; scratch is the caller's. `n` images. */
dnnl_status_t cpu_conv_prim_create(struct cpu_conv_prim *out_prim, dnnl_engine_t engine,
                                   enum cpu_conv_kind kind, const struct cpu_window *g, int64_t n,
                                   bool bias);
void cpu_conv_prim_destroy(struct cpu_conv_prim *prim);

/* *out_prim is NULL when the two are the same layout. */
dnnl_status_t cpu_reorder_create(dnnl_primitive_t *out_prim, dnnl_engine_t engine,
                                 const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to);
bool cpu_md_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);
size_t cpu_md_bytes(const dnnl_memory_desc_t *md);
dnnl_status_t cpu_memory_create(dnnl_memory_t *out_memory, const dnnl_memory_desc_t *md,
                                dnnl_engine_t engine);

#endif
