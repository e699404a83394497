#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#define FIRST_BLOCK ((size_t)16 * 1024)
#define LARGEST_STEP ((size_t)1024 * 1024)
#define ALIGNMENT (sizeof(max_align_t) > 16 ? (size_t)32 : (size_t)16)

struct tn_arena_block {
    struct tn_arena_block *next;
    size_t used, cap; /* counted from the block's begin, header included */
};

static size_t round_up(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void tn_arena_init(struct tn_arena *arena)
{
    arena->head = NULL;
}

void tn_arena_finish(struct tn_arena *arena)
{
    struct tn_arena_block *block = arena->head;
    while (block) {
        struct tn_arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->head = NULL;
}

static struct tn_arena_block *new_block(struct tn_arena *arena, size_t n_payload)
{
    size_t header = round_up(sizeof(struct tn_arena_block));
    size_t cap = arena->head ? TN_MIN(arena->head->cap * 2, LARGEST_STEP) : FIRST_BLOCK;
    cap = TN_MAX(cap, header + n_payload);
    struct tn_arena_block *block = calloc(1, cap);
    if (!block)
        return NULL;
    block->used = header;
    block->cap = cap;
    block->next = arena->head;
    arena->head = block;
    return block;
}

void *tn_arena_alloc(struct tn_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = round_up(size ? size : 1);
    struct tn_arena_block *block = arena->head;
    if (!block || block->cap - block->used < size) {
        block = new_block(arena, size);
        if (!block)
            return NULL;
    }
    void *ptr = (char *)block + block->used;
    block->used += size;
    return ptr;
}

void *tn_arena_dup(struct tn_arena *arena, const void *data, size_t size)
{
    void *copy = tn_arena_alloc(arena, size);
    if (copy && size)
        memcpy(copy, data, size);
    return copy;
}

char *tn_arena_strdup(struct tn_arena *arena, const char *text)
{
    return tn_arena_dup(arena, text, strlen(text) + 1);
}

char *tn_arena_printf(struct tn_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = n < 0 ? NULL : tn_arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}
