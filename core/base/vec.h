/* Growable array over one allocation: struct { T *items; size_t n, cap; }.
 * tn_vec_grow makes room for one more item and returns 0 when memory is out. */
#ifndef TN_BASE_VEC_H
#define TN_BASE_VEC_H

#include <stddef.h>

#define TN_VEC(type)                                                                               \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t n, cap;                                                                             \
    }
/* 1 if v->items[v->n] may be written. */
#define TN_VEC_GROW(v) tn_vec_grow((void **)&(v)->items, (v)->n, &(v)->cap, sizeof(*(v)->items))
#define TN_VEC_FINISH(v) tn_vec_finish((void **)&(v)->items, &(v)->n, &(v)->cap)

int tn_vec_grow(void **items, size_t n, size_t *cap, size_t item_size);
void tn_vec_finish(void **items, size_t *n, size_t *cap);

#endif
