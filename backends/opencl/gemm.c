#include "gemm.h"

#include "plan.h"

#ifdef OCL_HAVE_CLBLAST
#include <clblast_c.h>
#endif

/* CLBlast takes one call per batch entry; beyond this our own batched kernel is better. */
#define CLBLAST_MAX_BATCH 16
/* Of K for one split: fewer would not pay for adding the splits up. */
#define SPLIT_LEAST 128

/* The index of output batch i in operand k. */
static int64_t batch_index(const struct ocl_nest *nest, uint32_t k, int64_t i)
{
    int64_t index = 0;
    for (uint32_t d = nest->rank; d-- > 0;) {
        index += i % nest->dim[d] * nest->stride[k][d];
        i /= nest->dim[d];
    }
    return index;
}

static void emit_clblast(struct ocl_build *b, const struct ocl_gemm_spec *s)
{
    for (int64_t i = 0; i < s->n_batch; i++) {
        struct ocl_gemm_call call = {
            .m = (uint64_t)s->m,
            .n = (uint64_t)s->n,
            .k = (uint64_t)s->k,
            .lda = (uint64_t)(s->trans_a ? s->m : s->k),
            .ldb = (uint64_t)(s->trans_b ? s->k : s->n),
            .trans_a = s->trans_a,
            .trans_b = s->trans_b,
        };
        call.a = ocl_ref_at(s->a, (uint64_t)(batch_index(&s->batch, 0, i) * s->m * s->k) * 4);
        call.b = ocl_ref_at(s->b, (uint64_t)(batch_index(&s->batch, 1, i) * s->k * s->n) * 4);
        call.c = ocl_ref_at(s->c, (uint64_t)(i * s->m * s->n) * 4);
        ocl_clblast_launch(b, &call);
    }
}

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* A dense layer's forward product has few tiles and a long K: a handful of work-groups would walk
 * it while the rest of the GPU stands idle. */
int64_t ocl_gemm_split_depth(const tnb_device *device, int64_t m, int64_t n, int64_t k,
                             int64_t n_batch)
{
    if (device->device_class != OCL_CLASS_GPU || m <= 0 || n <= 0 || n_batch <= 0 ||
        k < 2 * SPLIT_LEAST)
        return k;
    int64_t tiles = div_up(m, 64) * div_up(n, 64) * n_batch;
    int64_t want = 4 * (int64_t)device->desc->n_units / tiles, most = k / SPLIT_LEAST;
    int64_t splits = want < most ? want : most;
    return splits < 2 ? k : div_up(div_up(k, splits), 16) * 16;
}

/* CLBlast splits nothing; where our split product has the GPU busy and its own would not, it is
 * left out, unless the user asked for it. */
bool ocl_gemm_by_clblast(const tnb_device *device, int64_t m, int64_t n, int64_t k, int64_t n_batch)
{
    if (device->gemm != OCL_GEMM_CLBLAST || n_batch > CLBLAST_MAX_BATCH)
        return false;
    return device->instance->options.gemm == OCL_GEMM_CLBLAST ||
           ocl_gemm_split_depth(device, m, n, k, n_batch) > k / 4;
}

static void emit_local_tiles(struct ocl_build *b, const struct ocl_gemm_spec *s)
{
    int64_t n_out = s->n_batch * s->m * s->n;
    int64_t depth = ocl_gemm_split_depth(b->device, s->m, s->n, s->k, s->n_batch);
    int64_t splits = div_up(s->k, depth);
    struct ocl_ref c = splits > 1 ? ocl_scratch(b, (uint64_t)(splits * n_out) * 4) : s->c;
    ocl_kernel(b, "gemm_gpu", "", "gemm");
    ocl_arg_f32(b, s->a);
    ocl_arg_f32(b, s->b);
    ocl_arg_f32(b, c);
    ocl_arg_nest(b, &s->batch, s->batch.rank);
    ocl_arg_int(b, s->m);
    ocl_arg_int(b, s->n);
    ocl_arg_int(b, s->k);
    ocl_arg_long(b, s->m * s->k);
    ocl_arg_long(b, s->trans_a ? 1 : s->k);
    ocl_arg_long(b, s->trans_a ? s->m : 1);
    ocl_arg_long(b, s->k * s->n);
    ocl_arg_long(b, s->trans_b ? 1 : s->n);
    ocl_arg_long(b, s->trans_b ? s->k : 1);
    ocl_arg_int(b, s->n_batch);
    ocl_arg_int(b, depth);
    ocl_tiles(b, s->m, s->n, s->n_batch * splits);
    if (splits > 1)
        ocl_emit_sum_outer(b, c, s->c, splits, n_out);
}

static void emit_pack_b(struct ocl_build *b, const struct ocl_gemm_spec *s, struct ocl_ref packed,
                        int64_t panels)
{
    int64_t blocks = (s->k + 63) / 64;
    ocl_kernel(b, "gemm_cpu", "", "pack_b");
    ocl_arg_f32(b, s->b);
    ocl_arg_f32(b, packed);
    ocl_arg_int(b, s->k);
    ocl_arg_int(b, s->n);
    ocl_arg_long(b, s->k * s->n);
    ocl_arg_long(b, s->trans_b ? 1 : s->n);
    ocl_arg_long(b, s->trans_b ? s->k : 1);
    ocl_arg_int(b, panels);
    ocl_arg_int(b, blocks);
    ocl_each(b, s->n_batch_b * panels * blocks, 1);
}

/* B is read where it lies when its rows are contiguous and a whole number of panels wide. */
static void emit_packed_tiles(struct ocl_build *b, const struct ocl_gemm_spec *s)
{
    int64_t nr = b->device->nr, mr = b->device->mr;
    int64_t panels = (s->n + nr - 1) / nr, tiles = (s->m + mr - 1) / mr;
    bool direct = !s->trans_b && s->n % nr == 0 && s->n <= 1024;
    struct ocl_ref packed = s->b;
    if (!direct) {
        packed = ocl_scratch(b, (uint64_t)(s->n_batch_b * panels * s->k * nr) * 4);
        emit_pack_b(b, s, packed, panels);
    }
    ocl_kernel(b, "gemm_cpu", "", "gemm");
    ocl_arg_f32(b, s->a);
    ocl_arg_f32(b, packed);
    ocl_arg_f32(b, s->c);
    ocl_arg_nest(b, &s->batch, s->batch.rank);
    ocl_arg_int(b, s->m);
    ocl_arg_int(b, s->n);
    ocl_arg_int(b, s->k);
    ocl_arg_long(b, s->m * s->k);
    ocl_arg_long(b, s->trans_a ? 1 : s->k);
    ocl_arg_long(b, s->trans_a ? s->m : 1);
    ocl_arg_long(b, direct ? s->k * s->n : panels * s->k * nr);
    ocl_arg_long(b, direct ? nr : s->k * nr);
    ocl_arg_long(b, direct ? s->n : nr);
    ocl_arg_int(b, tiles);
    ocl_arg_int(b, panels);
    ocl_each(b, s->n_batch * panels * tiles, 1);
}

void ocl_emit_gemm(struct ocl_build *b, const struct ocl_gemm_spec *s)
{
    int64_t n_out = s->n_batch * s->m * s->n;
    if (n_out == 0)
        return;
    if (s->k == 0)
        ocl_emit_fill(b, s->c, 4, 0, n_out);
    else if (ocl_gemm_by_clblast(b->device, s->m, s->n, s->k, s->n_batch))
        emit_clblast(b, s);
    else if (ocl_use_tiles(b))
        emit_local_tiles(b, s);
    else
        emit_packed_tiles(b, s);
}

#ifdef OCL_HAVE_CLBLAST

static tnb_status fail_clblast(const tnb_plan *plan, const char *call, int code, tnb_error *err)
{
    return ocl_fail(err, code == CLBlastOpenCLBuildProgramFailure ? TNB_E_BUILD : TNB_E_INTERNAL,
                    code, "%s failed on %s (%s): CLBlast status %d; try --backend-opt gemm=own",
                    call, plan->device->desc->info.name, plan->device->desc->info.driver, code);
}

static CLBlastTranspose trans(bool swapped)
{
    return swapped ? CLBlastTransposeYes : CLBlastTransposeNo;
}

tnb_status ocl_gemm_prepare(tnb_plan *plan, tnb_error *err)
{
    size_t most = 0;
    cl_command_queue queue = plan->device->side_queue;
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        if (plan->launches[i].kind != OCL_LAUNCH_CLBLAST)
            continue;
        const struct ocl_gemm_call *c = &plan->launches[i].gemm;
        size_t need = 0;
        /* Offsets are not known yet; one that is not zero may need the larger of two paths. */
        for (size_t offset = 0; offset < 2; offset++) {
            int code = CLBlastSGemmTempBufferSize(
                CLBlastLayoutRowMajor, trans(c->trans_a), trans(c->trans_b), c->m, c->n, c->k,
                offset, c->lda, offset, c->ldb, offset, c->n, &queue, &need);
            if (code != CLBlastSuccess)
                return fail_clblast(plan, "CLBlastSGemmTempBufferSize", code, err);
            most = need > most ? need : most;
        }
    }
    if (most == 0)
        return TNB_OK;
    cl_int code = 0;
    plan->temp_mem = clCreateBuffer(plan->device->context, CL_MEM_READ_WRITE, most, NULL, &code);
    return plan->temp_mem ? TNB_OK : ocl_fail_cl(err, plan->device, "clCreateBuffer", code);
}

tnb_status ocl_gemm_run(tnb_queue *queue, tnb_plan *plan, const struct ocl_gemm_call *c,
                        cl_event *out_timer, tnb_error *err)
{
    int code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, trans(c->trans_a), trans(c->trans_b), c->m, c->n, c->k, 1.0f,
        c->a_mem, c->a_at, c->lda, c->b_mem, c->b_at, c->ldb, 0.0f, c->c_mem, c->c_at, c->n,
        &queue->queue, out_timer, plan->temp_mem);
    return code == CLBlastSuccess ? TNB_OK
                                  : fail_clblast(plan, "CLBlastSgemmWithTempBuffer", code, err);
}

#else

tnb_status ocl_gemm_prepare(tnb_plan *plan, tnb_error *err)
{
    (void)plan;
    (void)err;
    return TNB_OK;
}

tnb_status ocl_gemm_run(tnb_queue *queue, tnb_plan *plan, const struct ocl_gemm_call *call,
                        cl_event *out_timer, tnb_error *err)
{
    (void)queue;
    (void)plan;
    (void)call;
    (void)out_timer;
    return ocl_fail(err, TNB_E_INTERNAL, 0, "backend opencl was built without CLBlast");
}

#endif
