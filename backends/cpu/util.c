/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "cpu.h"

tnb_status cpu_fail(tnb_error *err, tnb_status code, const char *fmt, ...)
{
    if (!err)
        return code;
    if (TNB_HAS(err, tnb_error, native)) {
        err->code = code;
        err->native = 0;
    }
    /* The caller's message buffer may be of another size than this header's. */
    size_t room = err->struct_size > offsetof(tnb_error, msg)
                      ? err->struct_size - offsetof(tnb_error, msg)
                      : 0;
    if (room > sizeof err->msg)
        room = sizeof err->msg;
    va_list ap;
    va_start(ap, fmt);
    if (room)
        vsnprintf(err->msg, room, fmt, ap);
    va_end(ap);
    return code;
}

bool cpu_refuse(char why[CPU_WHY], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, CPU_WHY, fmt, ap);
    va_end(ap);
    return false;
}

const char *cpu_dtype_name(uint32_t dtype)
{
    static const char *const name[] = {"?",   "f32", "f16",    "bf16",   "f64", "i32",
                                       "i64", "u8",  "bool",   "i8",     "i16", "u16",
                                       "u32", "u64", "f8e4m3", "f8e5m2", "i4"};
    return dtype < sizeof name / sizeof *name ? name[dtype] : "?";
}

void *cpu_alloc(const tnb_instance *inst, uint64_t size)
{
    void *p = inst->host->alloc(inst->host->ctx, cpu_align_up(size ? size : 1), CPU_ALIGN);
    if (p)
        memset(p, 0, size);
    return p;
}

void cpu_free(const tnb_instance *inst, void *ptr)
{
    if (ptr)
        inst->host->free(inst->host->ctx, ptr);
}

void *cpu_state(struct cpu_kernel *k, uint64_t size, tnb_error *err)
{
    k->state = cpu_alloc(k->inst, size);
    if (!k->state)
        cpu_fail(err, TNB_E_OOM, "cpu: no memory to prepare a kernel");
    return k->state;
}

uint64_t cpu_bytes(const tnb_tensor *t)
{
    return (uint64_t)tnb_count(t) * tnb_dtype_size(t->dtype);
}
