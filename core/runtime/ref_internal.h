/* What the two files of the "ref" backend share. */
#ifndef TN_RUNTIME_REF_INTERNAL_H
#define TN_RUNTIME_REF_INTERNAL_H

#include <pthread.h>

#include "base/vec.h"
#include "tenon/backend.h"

struct tnb_instance {
    const tnb_host *host;
    pthread_mutex_t lock;
    TN_VEC(tnb_event *) events; /* living ones: how a foreign event is told from our own */
};
struct tnb_device {
    tnb_instance *instance;
};
struct tnb_buffer {
    tnb_device *device;
    unsigned char *mem;
    uint64_t size;
};
struct tnb_queue {
    tnb_device *device;
    uint32_t flags;
};

/* TNB_E_INVALID where the span does not lie inside its buffer. */
tnb_status tn_ref_check_span(const tnb_span *span, const char *what, tnb_error *err);

/* ref_plan.c; the contract of each is that of its slot. */
tnb_status tn_ref_supports(tnb_device *device, const tnb_graph *graph, uint32_t node,
                           tnb_support *out_support, tnb_error *err);
tnb_status tn_ref_plan_create(tnb_device *device, const tnb_graph *graph,
                              const tnb_segment *segment, uint64_t *out_workspace,
                              tnb_plan **out_plan, tnb_error *err);
void tn_ref_plan_destroy(tnb_plan *plan);
tnb_status tn_ref_plan_bind(tnb_plan *plan, const tnb_span *spans, uint32_t n_spans,
                            tnb_span workspace, tnb_error *err);
tnb_status tn_ref_plan_times(tnb_plan *plan, uint64_t *out_ns, uint32_t n_nodes, tnb_error *err);
tnb_status tn_ref_run(tnb_queue *queue, tnb_plan *plan, tnb_error *err);

#endif
