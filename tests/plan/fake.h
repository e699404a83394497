/* A device that wraps "ref" and misbehaves on request: it refuses operators, offers in-place pairs
 * and claims, reports little memory, fails allocations. Values that a claim hides get storage of
 * its own, so that claimed nodes run one after the other. */
#ifndef TESTS_PLAN_FAKE_H
#define TESTS_PLAN_FAKE_H

#include "runtime/session.h"

#define FAKE_MAX_OFFERS 64

struct fake_offer {
    uint32_t nodes[16], n;
    tnb_status answer; /* out */
};
struct fake {
    const char *refuse[8];                     /* operator names */
    uint32_t refuse_seed;                      /* not 0: refuses nodes at random */
    int inplace;                               /* offers (i, 0) for every input */
    uint32_t claim_seed;                       /* not 0: offers random claims */
    struct fake_offer offers[FAKE_MAX_OFFERS]; /* else these, in turn */
    uint32_t n_offers, n_accepted;
    uint64_t mem_free, max_alloc; /* 0: not known */
    uint64_t alloc_limit;         /* 0: none; a larger buffer is TNB_E_OOM */
    uint32_t fail_from;           /* 0: never; this allocation and all after it are TNB_E_OOM */
    uint32_t n_allocs, n_binds;
    uint32_t n_busy_binds; /* made while a run had not been waited for */
    int is_busy;
    uint64_t offset_align; /* 0: 64 */
};
extern struct fake fake;

/* A session on the fake device with ref as fallback. */
tn_session *open_fake(int strict);
/* The session's device is ref, the fake one its only fallback: transfers in the other direction. */
tn_session *open_on_ref(void);
void close_fake(void);

#endif
