/* Results wait in rings on the device until the host reads them. */
#include "train/trainer.h"

size_t tn_ring_next(const struct tn_pending *pending)
{
    return (pending->first + pending->n) % TN_RING_STEPS;
}

void tn_ring_push(struct tn_pending *pending, int64_t n_samples)
{
    pending->n_samples[pending->n++] = n_samples;
}

void tn_ring_drop(struct tn_pending *pending)
{
    pending->first = tn_ring_next(pending);
    pending->n = 0;
}

tn_status tn_ring_read(struct tn_trainer *trainer, const struct tn_step_fn *fn,
                       double values[TN_MAX_RESULTS][TN_RING_STEPS], struct tn_error *err)
{
    const struct tn_pending *pending = &trainer->pending;
    float sums[TN_RING_STEPS];
    for (size_t m = 0; m < fn->n_measures; m++) {
        tn_status status = tn_session_get_state_bytes(trainer->session, fn->measures[m].ring, sums,
                                                      sizeof(sums), err);
        if (status)
            return status;
        for (size_t i = 0; i < pending->n; i++)
            values[m][i] = (double)sums[(pending->first + i) % TN_RING_STEPS];
    }
    return TN_OK;
}
