/* What backends tell of themselves. */
#include "runtime/device.h"

struct facts {
    tn_runtime *runtime;
    const struct tn_backend_unit *unit;
    tn_fact_fn fact;
    void *ctx;
};

static const tn_device *find_device(const struct facts *f, uint32_t index)
{
    for (size_t d = 0; d < f->runtime->devices.n; d++) {
        const struct tn_device *device = f->runtime->devices.items[d];
        if (device->backend == f->unit && device->info.index == index)
            return device;
    }
    return NULL;
}

static void take(void *ctx, uint32_t device, const char *key, const char *value)
{
    const struct facts *f = ctx;
    if (key && value)
        f->fact(f->ctx, f->unit->name, device == TNB_ABSENT ? NULL : find_device(f, device), key,
                value);
}

tn_status tn_runtime_facts(tn_runtime *runtime, tn_fact_fn fact, void *ctx, struct tn_error *err)
{
    for (size_t u = 0; u < runtime->units.n; u++) {
        struct facts f = {runtime, runtime->units.items[u], fact, ctx};
        tnb_fact_sink sink = {.ctx = &f, .fact = take};
        tnb_error e = TN_TNB_ERROR;
        if (!f.unit->api.facts || !f.unit->is_listed)
            continue;
        tnb_status ts = f.unit->api.facts(f.unit->instance, &sink, &e);
        if (ts != TNB_OK) {
            e.msg[sizeof(e.msg) - 1] = '\0';
            return tn_error_set(err, tn_status_from_tnb(ts), "backend %s: %s", f.unit->name, e.msg);
        }
    }
    return TN_OK;
}
