/* SPDX-License-Identifier: MIT */
#include "onednn_compat.h"

#if DNNL_VERSION_MAJOR != 2
#error "onednn_compat.c is written for oneDNN 2.x"
#endif

static dnnl_status_t describe(dnnl_memory_desc_t *plain, dnnl_memory_desc_t *any,
                              const struct cpu_window *g, int64_t n, bool bias)
{
    const dnnl_dims_t x = {n, g->c, g->h, g->w}, y = {n, g->o, g->oh, g->ow}, b = {g->o};
    const dnnl_dims_t w = {g->o, g->c, g->kh, g->kw};
    const dnnl_dims_t wg = {g->groups, g->o / g->groups, g->c / g->groups, g->kh, g->kw};
    const bool grouped = g->groups > 1;
    const struct {
        const dnnl_dim_t *dims;
        int rank;
        dnnl_format_tag_t tag;
    } t[CPU_CONV_TENSORS] = {
        {x, 4, dnnl_nchw},
        {grouped ? wg : w, grouped ? 5 : 4, grouped ? dnnl_goihw : dnnl_oihw},
        {y, 4, dnnl_nchw},
        {b, 1, dnnl_x},
    };
    for (int i = 0; i < CPU_CONV_TENSORS - !bias; i++) {
        dnnl_status_t s =
            dnnl_memory_desc_init_by_tag(&plain[i], t[i].rank, t[i].dims, dnnl_f32, t[i].tag);
        if (s == dnnl_success)
            s = dnnl_memory_desc_init_by_tag(&any[i], t[i].rank, t[i].dims, dnnl_f32,
                                             i == CPU_CONV_BIAS ? dnnl_x : dnnl_format_tag_any);
        if (s != dnnl_success)
            return s;
    }
    return dnnl_success;
}

/* The end padding that the output's size implies: pads may leave cells that no window reaches. */
static int64_t end_pad(int64_t out, int64_t stride, int64_t k, int64_t dilation, int64_t in,
                       int64_t begin)
{
    return (out - 1) * stride + (k - 1) * dilation + 1 - in - begin;
}

static dnnl_status_t operation(dnnl_convolution_desc_t *d, enum cpu_conv_kind kind,
                               const struct cpu_window *g, const dnnl_memory_desc_t *m, bool bias)
{
    const dnnl_dims_t strides = {g->sh, g->sw}, dilates = {g->dh - 1, g->dw - 1};
    const dnnl_dims_t begin = {g->pt, g->pl};
    const dnnl_dims_t end = {end_pad(g->oh, g->sh, g->kh, g->dh, g->h, g->pt),
                             end_pad(g->ow, g->sw, g->kw, g->dw, g->w, g->pl)};
    if (kind == CPU_CONV_GRAD_INPUT)
        return dnnl_dilated_convolution_backward_data_desc_init(
            d, dnnl_convolution_direct, &m[CPU_CONV_X], &m[CPU_CONV_W], &m[CPU_CONV_Y], strides,
            dilates, begin, end);
    if (kind == CPU_CONV_GRAD_WEIGHT)
        return dnnl_dilated_convolution_backward_weights_desc_init(
            d, dnnl_convolution_direct, &m[CPU_CONV_X], &m[CPU_CONV_W], NULL, &m[CPU_CONV_Y],
            strides, dilates, begin, end);
    return dnnl_dilated_convolution_forward_desc_init(
        d, dnnl_forward_training, dnnl_convolution_direct, &m[CPU_CONV_X], &m[CPU_CONV_W],
        bias ? &m[CPU_CONV_BIAS] : NULL, &m[CPU_CONV_Y], strides, dilates, begin, end);
}

/* Gradients ask for the forward primitive that they belong to. */
static dnnl_status_t descriptor(dnnl_primitive_desc_t *out_pd, dnnl_engine_t engine,
                                enum cpu_conv_kind kind, const struct cpu_window *g,
                                const dnnl_memory_desc_t *any, bool bias)
{
    dnnl_convolution_desc_t d;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success)
        s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s == dnnl_success && kind != CPU_CONV_FORWARD) {
        s = operation(&d, CPU_CONV_FORWARD, g, any, false);
        if (s == dnnl_success)
            s = dnnl_primitive_desc_create(&hint, &d, attr, engine, NULL);
    }
    if (s == dnnl_success)
        s = operation(&d, kind, g, any, bias);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_create(out_pd, &d, attr, engine, hint);
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}

dnnl_status_t cpu_conv_prim_create(struct cpu_conv_prim *out_prim, dnnl_engine_t engine,
                                   enum cpu_conv_kind kind, const struct cpu_window *g, int64_t n,
                                   bool bias)
{
    struct cpu_conv_prim p = {0};
    dnnl_memory_desc_t any[CPU_CONV_TENSORS];
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = describe(p.plain, any, g, n, bias);
    if (s == dnnl_success)
        s = descriptor(&pd, engine, kind, g, any, bias);
    if (s != dnnl_success)
        return s;
    const dnnl_query_t x = kind == CPU_CONV_GRAD_INPUT ? dnnl_query_diff_src_md : dnnl_query_src_md;
    const dnnl_query_t w =
        kind == CPU_CONV_GRAD_WEIGHT ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
    const dnnl_query_t y = kind == CPU_CONV_FORWARD ? dnnl_query_dst_md : dnnl_query_diff_dst_md;
    p.inner[CPU_CONV_X] = *dnnl_primitive_desc_query_md(pd, x, 0);
    p.inner[CPU_CONV_W] = *dnnl_primitive_desc_query_md(pd, w, 0);
    p.inner[CPU_CONV_Y] = *dnnl_primitive_desc_query_md(pd, y, 0);
    p.inner[CPU_CONV_BIAS] = p.plain[CPU_CONV_BIAS];
    p.scratch = *dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    s = dnnl_primitive_create(&p.prim, pd);
    dnnl_primitive_desc_destroy(pd);
    if (s == dnnl_success)
        *out_prim = p;
    return s;
}

void cpu_conv_prim_destroy(struct cpu_conv_prim *prim)
{
    if (prim->prim)
        dnnl_primitive_destroy(prim->prim);
    prim->prim = NULL;
}

dnnl_status_t cpu_reorder_create(dnnl_primitive_t *out_prim, dnnl_engine_t engine,
                                 const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    *out_prim = NULL;
    if (cpu_md_same(from, to))
        return dnnl_success;
    dnnl_status_t s = dnnl_primitive_attr_create(&attr);
    if (s == dnnl_success)
        s = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attr);
    if (s == dnnl_success)
        s = dnnl_primitive_create(out_prim, pd);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return s;
}

bool cpu_md_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    return dnnl_memory_desc_equal(a, b) != 0;
}

size_t cpu_md_bytes(const dnnl_memory_desc_t *md)
{
    return dnnl_memory_desc_get_size(md);
}

dnnl_status_t cpu_memory_create(dnnl_memory_t *out_memory, const dnnl_memory_desc_t *md,
                                dnnl_engine_t engine)
{
    return dnnl_memory_create(out_memory, md, engine, DNNL_MEMORY_NONE);
}
