/* SPDX-License-Identifier: MIT
 *
 * Buffers are host memory, aligned to a cache line. */
#include "cpu.h"

tnb_status cpu_buffer_alloc(tnb_device *device, uint64_t size, uint32_t kind,
                            tnb_buffer **out_buffer, tnb_error *err)
{
    tnb_instance *inst = device->inst;
    tnb_buffer *b = cpu_alloc(inst, sizeof *b);
    if (!b)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for a buffer's handle");
    b->inst = inst;
    b->size = size;
    /* One line more than asked for, so that an empty buffer has an address too. */
    if (size <= UINT64_MAX - CPU_ALIGN)
        b->data = inst->host->alloc(inst->host->ctx, cpu_align_up(size + 1), CPU_ALIGN);
    if (!b->data) {
        cpu_free(inst, b);
        return cpu_fail(err, TNB_E_OOM, "cpu: no host memory for a buffer of %llu bytes",
                        (unsigned long long)size);
    }
    *out_buffer = b;
    return TNB_OK;
}

void cpu_buffer_free(tnb_buffer *buffer)
{
    if (!buffer)
        return;
    tnb_instance *inst = buffer->inst;
    inst->host->free(inst->host->ctx, buffer->data);
    cpu_free(inst, buffer);
}

tnb_status cpu_buffer_map(tnb_buffer *buffer, void **out_ptr, tnb_error *err)
{
    *out_ptr = buffer->data;
    return TNB_OK;
}

tnb_status cpu_buffer_unmap(tnb_buffer *buffer, tnb_error *err)
{
    return TNB_OK;
}

uint8_t *cpu_span_ptr(tnb_span span, uint64_t need, tnb_error *err)
{
    if (!span.buffer) {
        cpu_fail(err, TNB_E_INVALID, "cpu: a span without a buffer");
        return NULL;
    }
    if (span.offset > span.buffer->size || span.size > span.buffer->size - span.offset ||
        need > span.size) {
        cpu_fail(
            err, TNB_E_INVALID,
            "cpu: span of %llu bytes at offset %llu does not hold %llu bytes inside its buffer "
            "of %llu",
            (unsigned long long)span.size, (unsigned long long)span.offset,
            (unsigned long long)need, (unsigned long long)span.buffer->size);
        return NULL;
    }
    return span.buffer->data + span.offset;
}
