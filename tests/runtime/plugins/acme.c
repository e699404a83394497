/* A plugin that adds operators and has no device: the slots that need one are never called. */
#include "acme_op.h"

struct tnb_instance {
    int unused;
};
static tnb_instance only;

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
    (void)opts;
    (void)n_opts;
    *out_instance = &only;
    if (!TNB_HAS(host, tnb_host, register_op))
        return TNB_E_ABI;
    return acme_add(host->register_op, host->ctx, err);
}
static void destroy(tnb_instance *instance)
{
    (void)instance;
}
static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    (void)instance;
    (void)err;
    *out_count = 0;
    return TNB_OK;
}

/* Never called: there is no device to call them with. */
static tnb_status device_info(tnb_instance *i, uint32_t n, tnb_device_info *out, tnb_error *err)
{
    (void)i, (void)n, (void)out, (void)err;
    return TNB_E_INVALID;
}
static tnb_status device_open(tnb_instance *i, uint32_t n, tnb_device **out, tnb_error *err)
{
    (void)i, (void)n, (void)out, (void)err;
    return TNB_E_INVALID;
}
static void device_close(tnb_device *d)
{
    (void)d;
}
static tnb_status buffer_alloc(tnb_device *d, uint64_t n, uint32_t k, tnb_buffer **out,
                               tnb_error *e)
{
    (void)d, (void)n, (void)k, (void)out, (void)e;
    return TNB_E_INVALID;
}
static void buffer_free(tnb_buffer *b)
{
    (void)b;
}
static tnb_status supports(tnb_device *d, const tnb_graph *g, uint32_t n, tnb_support *out,
                           tnb_error *e)
{
    (void)d, (void)g, (void)n, (void)out, (void)e;
    return TNB_E_INVALID;
}
static tnb_status plan_create(tnb_device *d, const tnb_graph *g, const tnb_segment *s, uint64_t *w,
                              tnb_plan **out, tnb_error *e)
{
    (void)d, (void)g, (void)s, (void)w, (void)out, (void)e;
    return TNB_E_INVALID;
}
static void plan_destroy(tnb_plan *p)
{
    (void)p;
}
static tnb_status plan_bind(tnb_plan *p, const tnb_span *s, uint32_t n, tnb_span w, tnb_error *e)
{
    (void)p, (void)s, (void)n, (void)w, (void)e;
    return TNB_E_INVALID;
}
static tnb_status event_create(tnb_device *d, tnb_event **out, tnb_error *e)
{
    (void)d, (void)out, (void)e;
    return TNB_E_INVALID;
}
static void event_destroy(tnb_event *e)
{
    (void)e;
}
static tnb_status event_wait(tnb_event *ev, uint64_t v, uint64_t t, tnb_error *e)
{
    (void)ev, (void)v, (void)t, (void)e;
    return TNB_E_INVALID;
}
static tnb_status queue_create(tnb_device *d, uint32_t f, tnb_queue **out, tnb_error *e)
{
    (void)d, (void)f, (void)out, (void)e;
    return TNB_E_INVALID;
}
static void queue_destroy(tnb_queue *q)
{
    (void)q;
}
static tnb_status write_(tnb_queue *q, tnb_span s, const void *p, uint32_t r, tnb_error *e)
{
    (void)q, (void)s, (void)p, (void)r, (void)e;
    return TNB_E_INVALID;
}
static tnb_status read_(tnb_queue *q, tnb_span s, void *p, uint32_t r, tnb_error *e)
{
    (void)q, (void)s, (void)p, (void)r, (void)e;
    return TNB_E_INVALID;
}
static tnb_status copy(tnb_queue *q, tnb_span a, tnb_span b, tnb_error *e)
{
    (void)q, (void)a, (void)b, (void)e;
    return TNB_E_INVALID;
}
static tnb_status fill(tnb_queue *q, tnb_span s, uint64_t p, uint32_t w, tnb_error *e)
{
    (void)q, (void)s, (void)p, (void)w, (void)e;
    return TNB_E_INVALID;
}
static tnb_status run(tnb_queue *q, tnb_plan *p, tnb_error *e)
{
    (void)q, (void)p, (void)e;
    return TNB_E_INVALID;
}
static tnb_status signal_(tnb_queue *q, tnb_event *ev, uint64_t v, tnb_error *e)
{
    (void)q, (void)ev, (void)v, (void)e;
    return TNB_E_INVALID;
}
static tnb_status flush(tnb_queue *q, tnb_error *e)
{
    (void)q, (void)e;
    return TNB_E_INVALID;
}

static const tnb_backend table = {.struct_size = sizeof(tnb_backend),
                                  .abi_major = TNB_ABI_MAJOR,
                                  .abi_minor = TNB_ABI_MINOR,
                                  .name = "acme",
                                  .version = "1",
                                  .create = create,
                                  .destroy = destroy,
                                  .device_count = device_count,
                                  .device_info = device_info,
                                  .device_open = device_open,
                                  .device_close = device_close,
                                  .buffer_alloc = buffer_alloc,
                                  .buffer_free = buffer_free,
                                  .supports = supports,
                                  .plan_create = plan_create,
                                  .plan_destroy = plan_destroy,
                                  .plan_bind = plan_bind,
                                  .event_create = event_create,
                                  .event_destroy = event_destroy,
                                  .event_wait = event_wait,
                                  .queue_create = queue_create,
                                  .queue_destroy = queue_destroy,
                                  .write = write_,
                                  .read = read_,
                                  .copy = copy,
                                  .fill = fill,
                                  .run = run,
                                  .signal = signal_,
                                  .wait = signal_,
                                  .flush = flush};

TNB_EXPORT const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err)
{
    (void)host_abi_minor;
    (void)err;
    return &table;
}
