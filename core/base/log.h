/* Where messages for people go. The library prints nothing itself. */
#ifndef TN_BASE_LOG_H
#define TN_BASE_LOG_H

#include <pthread.h>

#include "tenon/status.h"

struct tn_log {
    void (*fn)(void *ctx, tn_log_level level, const char *msg); /* NULL: messages are dropped */
    void *ctx;
    pthread_mutex_t *lock; /* held around each call of fn; NULL: fn takes care of itself */
};

/* At most 2 KiB of text per message, without trailing newline. NULL log is accepted. Any thread. */
void tn_log_printf(const struct tn_log *log, tn_log_level level, const char *fmt, ...)
    TN_PRINTF(3, 4);

#endif
