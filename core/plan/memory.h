/* Private to the memory plan: liveness.c says where and when bytes are needed, sharing.c lets
 * values share them, memory.c gives them offsets. */
#ifndef TN_PLAN_MEMORY_H
#define TN_PLAN_MEMORY_H

#include "plan/plan.h"

/* Locs that share bytes; at the index of the first loc of the block. */
struct tn_block {
    uint32_t begin, end;
    uint8_t is_pinned; /* a gradient with a place among its group: shares with nobody */
};

struct tn_mem_build {
    struct tn_plan_ir *ir;
    const struct tn_placer *placer;
    const struct tn_plan_schedule *schedule;
    struct tn_mem_plan *plan;
    struct tn_block *blocks;
    uint8_t *is_taken;    /* by loc: an output already lies in its place */
    uint8_t *is_direct;   /* by assign: the new version is made where the state lies */
    uint32_t *source_loc; /* by assign */
    struct tn_error *err;
};

/* Fills locs, loc_of and the actions but for the last copies. */
tn_status tn_mem_liveness(struct tn_mem_build *m);
/* In-place pairs, then states written where they lie. */
void tn_mem_share(struct tn_mem_build *m);

#endif
