#include "runtime/abi_check.h"

#include <string.h>

#include "base/compiler.h"

#define MAX_NAME 63

struct slot {
    const char *name;
    size_t offset, size;
};
#define SLOT(field)                                                             \
    {                                                                           \
#field, offsetof(tnb_backend, field), sizeof(((tnb_backend *)0)->field) \
    }

/* This list never changes within a major: what comes later is optional. */
static const struct slot required_slots[] = {
    SLOT(name),         SLOT(version),      SLOT(create),        SLOT(destroy),
    SLOT(device_count), SLOT(device_info),  SLOT(device_open),   SLOT(device_close),
    SLOT(buffer_alloc), SLOT(buffer_free),  SLOT(supports),      SLOT(plan_create),
    SLOT(plan_destroy), SLOT(plan_bind),    SLOT(event_create),  SLOT(event_destroy),
    SLOT(event_wait),   SLOT(queue_create), SLOT(queue_destroy), SLOT(write),
    SLOT(read),         SLOT(copy),         SLOT(fill),          SLOT(run),
    SLOT(signal),       SLOT(wait),         SLOT(flush),
};

int tn_backend_name_is_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= MAX_NAME && name[n] == '\0' && strcmp(name, "gpu") != 0;
}

static int slot_is_null(const tnb_backend *table, const struct slot *slot)
{
    static const unsigned char zero[sizeof(void *)];
    return memcmp((const char *)table + slot->offset, zero, slot->size) == 0;
}

tn_status tn_abi_check(const tnb_backend *table, struct tn_error *err)
{
    if (!TNB_HAS(table, tnb_backend, abi_major))
        return tn_error_set(err, TN_E_ABI,
                            "its table says that it has %u bytes: too small to hold its version",
                            table->struct_size);
    if (table->abi_major != TNB_ABI_MAJOR)
        return tn_error_set(err, TN_E_ABI,
                            "it speaks version %u of the backend ABI, this Tenon version %u; "
                            "rebuild it against this Tenon's tenon/backend.h",
                            table->abi_major, TNB_ABI_MAJOR);
    for (size_t i = 0; i < TN_LEN(required_slots); i++) {
        const struct slot *slot = &required_slots[i];
        if (table->struct_size < slot->offset + slot->size)
            return tn_error_set(err, TN_E_ABI,
                                "its table is too small: it has %u bytes and ends before the "
                                "required slot '%s' (is struct_size set?)",
                                table->struct_size, slot->name);
        if (slot_is_null(table, slot))
            return tn_error_set(err, TN_E_ABI, "the required slot '%s' is NULL", slot->name);
    }
    if (!tn_backend_name_is_valid(table->name))
        return tn_error_set(err, TN_E_ABI,
                            "it calls itself '%.80s', which is no valid name: [a-z0-9_]+, at most "
                            "%d characters, not 'gpu'",
                            table->name, MAX_NAME);
    return TN_OK;
}

tnb_backend tn_abi_copy(const tnb_backend *table)
{
    tnb_backend copy = {0};
    memcpy(&copy, table, TN_MIN((size_t)table->struct_size, sizeof copy));
    copy.struct_size = (uint32_t)TN_MIN((size_t)table->struct_size, sizeof copy);
    return copy;
}
