/* What a backend may use of its host. Each function takes the unit as its context. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/pool.h"
#include "ops/registry.h"
#include "runtime/loader.h"
#include "runtime/tnb_error.h"
#include "runtime/unit.h"

static void *host_alloc(void *ctx, uint64_t size, uint64_t align)
{
    void *ptr = NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (size > SIZE_MAX || align > SIZE_MAX || (align & (align - 1)))
        return NULL;
    return posix_memalign(&ptr, (size_t)align, size ? (size_t)size : 1) == 0 ? ptr : NULL;
}

static void host_free(void *ctx, void *ptr)
{
    free(ptr);
}

static void host_log(void *ctx, uint32_t level, const char *msg)
{
    struct tn_backend_unit *unit = ctx;
    tn_log_level ours = level <= TNB_LOG_DEBUG ? (tn_log_level)level : TN_LOG_DEBUG;
    tn_runtime_log(unit->runtime, ours, "%s: %s", unit->name, msg ? msg : "");
}

static void host_parallel_for(void *ctx, uint64_t n,
                              void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg)
{
    struct tn_backend_unit *unit = ctx;
    struct tn_pool *pool = n > 1 ? tn_runtime_pool(unit->runtime) : NULL;
    if (pool)
        tn_pool_for(pool, n, fn, arg);
    else if (n)
        fn(arg, 0, n);
}

static int note_use(struct tn_backend_unit *user, struct tn_backend_unit *used)
{
    for (size_t i = 0; i < user->uses.n; i++)
        if (user->uses.items[i] == used)
            return 1;
    if (!TN_VEC_GROW(&user->uses))
        return 0;
    user->uses.items[user->uses.n++] = used;
    return 1;
}

static tnb_status host_open_backend(void *ctx, const char *name, const tnb_backend **out_backend,
                                    tnb_instance **out_instance, tnb_error *err)
{
    struct tn_backend_unit *user = ctx, *unit = NULL;
    struct tn_error e = {0};
    pthread_mutex_lock(&user->runtime->lock);
    tn_status status = tn_loader_open(user->runtime, name ? name : "", &unit, &e);
    if (status == TN_OK && unit == user)
        status = tn_error_set(&e, TN_E_INVALID, "backend '%s' opens itself", name);
    if (status == TN_OK && !note_use(user, unit))
        status = tn_error_set(&e, TN_E_OOM, "out of memory");
    pthread_mutex_unlock(&user->runtime->lock);
    if (status != TN_OK)
        return tn_tnb_fail(err, status == TN_E_OOM ? TNB_E_OOM : TNB_E_INVALID, "%s", e.msg);
    *out_backend = unit->table;
    *out_instance = unit->instance;
    return TNB_OK;
}

static tnb_status host_register_op(void *ctx, const tnb_op *op, tnb_error *err)
{
    struct tn_backend_unit *unit = ctx;
    struct tn_error e = {0};
    tn_status status = tn_op_register(op, &e);
    if (status == TN_OK)
        return TNB_OK;
    tn_runtime_log(unit->runtime, TN_LOG_WARN, "%s: %s", unit->name ? unit->name : "a backend",
                   e.msg);
    return tn_tnb_fail(err, status == TN_E_OOM ? TNB_E_OOM : TNB_E_INVALID, "%s", e.msg);
}

void tn_host_init(struct tn_backend_unit *unit)
{
    unit->host = (tnb_host){
        .struct_size = sizeof unit->host,
        .abi_minor = TNB_ABI_MINOR,
        .ctx = unit,
        .alloc = host_alloc,
        .free = host_free,
        .log = host_log,
        .parallel_for = host_parallel_for,
        .open_backend = host_open_backend,
        .cache_dir = unit->cache_dir,
        .n_threads = unit->runtime->n_threads,
        .register_op = host_register_op,
    };
}
