/* Offsets by greedy best fit, largest item first (the "greedy by size" of Pisarchyk and Lee 2020,
 * "Efficient memory management for deep neural net inference"). */
#include <stdlib.h>

#include "plan/plan.h"

/* Items in order of placement; the index breaks ties, so the result is the same everywhere. */
struct ranked {
    const struct tn_mem_item *item;
    uint32_t index;
};

static int by_size(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    if (a->item->n_bytes != b->item->n_bytes)
        return a->item->n_bytes > b->item->n_bytes ? -1 : 1;
    if (a->item->begin != b->item->begin)
        return a->item->begin < b->item->begin ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

/* Puts `item` among the placed ones, which are in order of offset. */
static void insert(const struct tn_mem_item **placed, uint32_t n, const struct tn_mem_item *item)
{
    uint32_t at = n;
    for (; at > 0 && placed[at - 1]->offset > item->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = item;
}

/* The smallest gap among `busy` (sorted by offset) that holds n_bytes, else the end. */
static uint64_t best_gap(const struct tn_mem_item *const *busy, uint32_t n, uint64_t n_bytes,
                         uint64_t align)
{
    uint64_t best = UINT64_MAX, best_size = UINT64_MAX, top = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (busy[i]->offset > top) {
            uint64_t gap = busy[i]->offset - top;
            if (gap >= n_bytes && gap < best_size)
                best = top, best_size = gap;
        }
        uint64_t end = tn_align_up(busy[i]->offset + busy[i]->n_bytes, align);
        top = end > top ? end : top;
    }
    return best != UINT64_MAX ? best : top;
}

int tn_mem_assign(struct tn_mem_item *items, uint32_t n, uint64_t align, uint64_t *out_total)
{
    *out_total = 0;
    if (!n)
        return 1;
    struct ranked *ranked = malloc(sizeof(*ranked) * n);
    const struct tn_mem_item **busy = malloc(sizeof(*busy) * n);
    const struct tn_mem_item **placed = malloc(sizeof(*placed) * n);
    if (!ranked || !busy || !placed) {
        free(ranked);
        free(busy);
        free(placed);
        return 0;
    }
    for (uint32_t i = 0; i < n; i++)
        ranked[i] = (struct ranked){.item = &items[i], .index = i};
    qsort(ranked, n, sizeof(*ranked), by_size);
    for (uint32_t k = 0; k < n; k++) {
        struct tn_mem_item *item = &items[ranked[k].index];
        uint32_t n_busy = 0;
        for (uint32_t j = 0; j < k; j++)
            if (placed[j]->begin <= item->end && item->begin <= placed[j]->end)
                busy[n_busy++] = placed[j];
        uint64_t n_bytes = item->n_bytes ? item->n_bytes : 1;
        item->offset = best_gap(busy, n_busy, n_bytes, align);
        insert(placed, k, item);
        uint64_t end = tn_align_up(item->offset + n_bytes, align);
        *out_total = end > *out_total ? end : *out_total;
    }
    free(ranked);
    free(busy);
    free(placed);
    return 1;
}
