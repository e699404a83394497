/* Bump allocator: everything of a graph or a plan is freed at once. Not thread-safe. */
#ifndef TN_BASE_ARENA_H
#define TN_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"
#include "tenon/status.h"

struct tn_arena_block;
struct tn_arena {
    struct tn_arena_block *head;
};

TN_TOOL void tn_arena_init(struct tn_arena *arena);
TN_TOOL void tn_arena_finish(struct tn_arena *arena);
/* Zero-filled, aligned for any type; NULL when memory is out. Size 0 gives a valid pointer. */
TN_TOOL void *tn_arena_alloc(struct tn_arena *arena, size_t size);
TN_TOOL void *tn_arena_dup(struct tn_arena *arena, const void *data, size_t size);
TN_TOOL char *tn_arena_strdup(struct tn_arena *arena, const char *text);
char *tn_arena_printf(struct tn_arena *arena, const char *fmt, ...) TN_PRINTF(2, 3);

#define TN_ARENA_NEW(arena, type, n) ((type *)tn_arena_alloc((arena), sizeof(type) * (size_t)(n)))

#endif
