/* Plans: an array of prepared launches. Kernel arguments are set when the plan is bound; a run only
 * enqueues. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "gemm.h"

/* So that the device starts while the host still enqueues a long plan. */
#define FLUSH_EVERY 32

static tnb_status emit_nodes(struct ocl_build *b)
{
    for (uint32_t i = 0; i < b->segment->n_nodes && b->status == TNB_OK; i++) {
        b->node_at = i;
        b->node = b->graph->nodes[b->segment->nodes[i]];
        b->scratch = 0;
        const struct ocl_op *op = ocl_op_find(b->node->op);
        if (!op)
            return ocl_fail(b->err, TNB_E_UNSUPPORTED, 0, "backend opencl has no operator '%s'",
                            b->node->op);
        ocl_emit(b, op);
    }
    return b->status;
}

/* The tables travel once; a plan without any still gets a buffer to stand for absent operands. */
static tnb_status make_table(tnb_device *device, tnb_plan *plan, tnb_error *err)
{
    static int32_t nothing[16];
    cl_int code = 0;
    uint32_t n = plan->n_meta ? plan->n_meta : 16;
    plan->meta_mem =
        clCreateBuffer(device->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR,
                       (size_t)n * sizeof(int32_t), plan->n_meta ? plan->meta : nothing, &code);
    return plan->meta_mem ? TNB_OK : ocl_fail_cl(err, device, "clCreateBuffer", code);
}

tnb_status ocl_plan_create(tnb_device *device, const tnb_graph *graph, const tnb_segment *segment,
                           uint64_t *out_workspace, tnb_plan **out_plan, tnb_error *err)
{
    tnb_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for a plan");
    plan->device = device;
    plan->n_nodes = segment->n_nodes;
    plan->n_values = segment->n_values;
    struct ocl_build b = {.device = device,
                          .graph = graph,
                          .segment = segment,
                          .plan = plan,
                          .status = TNB_OK,
                          .err = err};
    tnb_status status = emit_nodes(&b);
    if (status == TNB_OK)
        status = make_table(device, plan, err);
    if (status == TNB_OK)
        status = ocl_gemm_prepare(plan, err);
    if (status != TNB_OK) {
        ocl_plan_destroy(plan);
        return status;
    }
    *out_workspace = plan->workspace;
    *out_plan = plan;
    return TNB_OK;
}

void ocl_plan_destroy(tnb_plan *plan)
{
    if (!plan)
        return;
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        if (plan->launches[i].kernel)
            clReleaseKernel(plan->launches[i].kernel);
        if (plan->launches[i].timer)
            clReleaseEvent(plan->launches[i].timer);
    }
    if (plan->meta_mem)
        clReleaseMemObject(plan->meta_mem);
    if (plan->temp_mem)
        clReleaseMemObject(plan->temp_mem);
    free(plan->launches);
    free(plan->args);
    free(plan->meta);
    free(plan);
}

/* --- bind --- */

struct binding {
    tnb_plan *plan;
    const tnb_span *spans;
    tnb_span workspace;
};

static void resolve(const struct binding *at, const struct ocl_ref *ref, cl_mem *out_mem,
                    uint64_t *out_offset)
{
    const tnb_span *span = NULL;
    if (ref->kind == OCL_REF_VALUE)
        span = &at->spans[ref->index];
    else if (ref->kind == OCL_REF_SCRATCH)
        span = &at->workspace;
    if (span && span->buffer) {
        *out_mem = span->buffer->mem;
        *out_offset = span->offset + ref->offset;
    } else { /* the table; or an absent operand, which the kernel will not touch */
        *out_mem = at->plan->meta_mem;
        *out_offset = ref->kind == OCL_REF_META ? ref->offset : 0;
    }
}

static cl_int set_args(const struct binding *at, const struct ocl_launch *launch)
{
    cl_uint slot = 0;
    cl_int code = CL_SUCCESS;
    for (uint32_t i = 0; i < launch->n_args && code == CL_SUCCESS; i++) {
        const struct ocl_arg *arg = &at->plan->args[launch->first_arg + i];
        if (arg->kind == OCL_ARG_BITS) {
            code = clSetKernelArg(launch->kernel, slot++, arg->size, &arg->bits);
            continue;
        }
        cl_mem mem = NULL;
        uint64_t offset = 0;
        resolve(at, &arg->ref, &mem, &offset);
        cl_ulong element = offset / arg->size;
        code = clSetKernelArg(launch->kernel, slot++, sizeof(mem), &mem);
        if (code == CL_SUCCESS)
            code = clSetKernelArg(launch->kernel, slot++, sizeof(element), &element);
    }
    return code;
}

static tnb_status check_spans(const tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                              const tnb_span *workspace, tnb_error *err)
{
    if (n_spans != plan->n_values)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: %u spans for %u values", n_spans,
                        plan->n_values);
    for (uint32_t i = 0; i < n_spans; i++)
        if (spans[i].buffer && (spans[i].buffer->device != plan->device || spans[i].offset % 8))
            return ocl_fail(err, TNB_E_INVALID, 0,
                            "backend opencl: span %u lies on another device or is not aligned to "
                            "8 bytes (offset %llu)",
                            i, (unsigned long long)spans[i].offset);
    if (workspace->buffer && (workspace->buffer->device != plan->device || workspace->offset % 8))
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: the workspace lies on another device or is not aligned to "
                        "8 bytes (offset %llu)",
                        (unsigned long long)workspace->offset);
    if (plan->workspace && (!workspace->buffer || workspace->size < plan->workspace))
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: the plan needs %llu bytes of workspace, given %llu",
                        (unsigned long long)plan->workspace,
                        (unsigned long long)(workspace->buffer ? workspace->size : 0));
    return TNB_OK;
}

static void bind_copy(const struct binding *at, struct ocl_launch *launch)
{
    resolve(at, &launch->dst, &launch->dst_mem, &launch->dst_at);
    resolve(at, &launch->src, &launch->src_mem, &launch->src_at);
    launch->idle = launch->dst_mem == launch->src_mem && launch->dst_at == launch->src_at;
}

static void bind_gemm(const struct binding *at, struct ocl_gemm_call *call)
{
    uint64_t offset = 0;
    resolve(at, &call->a, &call->a_mem, &offset);
    call->a_at = offset / 4;
    resolve(at, &call->b, &call->b_mem, &offset);
    call->b_at = offset / 4;
    resolve(at, &call->c, &call->c_mem, &offset);
    call->c_at = offset / 4;
}

tnb_status ocl_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                         tnb_span workspace, tnb_error *err)
{
    tnb_status status = check_spans(plan, spans, n_spans, &workspace, err);
    if (status != TNB_OK)
        return status;
    struct binding at = {plan, spans, workspace};
    plan->bound = false; /* until every argument is the new one */
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        struct ocl_launch *launch = &plan->launches[i];
        if (launch->kind == OCL_LAUNCH_COPY) {
            bind_copy(&at, launch);
        } else if (launch->kind == OCL_LAUNCH_CLBLAST) {
            bind_gemm(&at, &launch->gemm);
        } else {
            cl_int code = set_args(&at, launch);
            if (code != CL_SUCCESS)
                return ocl_fail_cl(err, plan->device, "clSetKernelArg", code);
        }
    }
    plan->bound = true;
    return TNB_OK;
}

/* --- run --- */

static tnb_status run_one(tnb_queue *queue, tnb_plan *plan, struct ocl_launch *launch,
                          tnb_error *err)
{
    cl_event *timer = NULL;
    if (queue->profile) {
        if (launch->timer)
            clReleaseEvent(launch->timer);
        launch->timer = NULL;
        timer = &launch->timer;
    }
    cl_int code = CL_SUCCESS;
    const char *call = "clEnqueueNDRangeKernel";
    if (launch->kind == OCL_LAUNCH_CLBLAST)
        return ocl_gemm_run(queue, plan, &launch->gemm, timer, err);
    if (launch->kind == OCL_LAUNCH_KERNEL) {
        code = clEnqueueNDRangeKernel(queue->queue, launch->kernel, launch->dim, NULL,
                                      launch->global, launch->local, 0, NULL, timer);
    } else if (!launch->idle) {
        call = "clEnqueueCopyBuffer";
        code = clEnqueueCopyBuffer(queue->queue, launch->src_mem, launch->dst_mem, launch->src_at,
                                   launch->dst_at, launch->n_bytes, 0, NULL, timer);
    }
    return code == CL_SUCCESS ? TNB_OK : ocl_fail_cl(err, plan->device, call, code);
}

tnb_status ocl_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err)
{
    if (!plan->bound || queue->device != plan->device)
        return ocl_fail(err, TNB_E_INVALID, 0,
                        "backend opencl: run of a plan that is not bound, or on another device");
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        tnb_status status = run_one(queue, plan, &plan->launches[i], err);
        if (status != TNB_OK)
            return status;
        if (i % FLUSH_EVERY == FLUSH_EVERY - 1)
            clFlush(queue->queue);
    }
    return TNB_OK;
}

tnb_status ocl_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err)
{
    if (n_nodes != plan->n_nodes)
        return ocl_fail(err, TNB_E_INVALID, 0, "backend opencl: times of %u nodes, the plan has %u",
                        n_nodes, plan->n_nodes);
    memset(out_ns, 0, (size_t)n_nodes * sizeof(*out_ns));
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        const struct ocl_launch *launch = &plan->launches[i];
        cl_ulong begin = 0, end = 0;
        if (launch->timer &&
            clGetEventProfilingInfo(launch->timer, CL_PROFILING_COMMAND_START, sizeof(begin),
                                    &begin, NULL) == CL_SUCCESS &&
            clGetEventProfilingInfo(launch->timer, CL_PROFILING_COMMAND_END, sizeof(end), &end,
                                    NULL) == CL_SUCCESS)
            out_ns[launch->node] += end - begin;
    }
    return TNB_OK;
}
