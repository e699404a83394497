#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void tn_log_printf(const struct tn_log *log, tn_log_level level, const char *fmt, ...)
{
    if (!log || !log->fn)
        return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (log->lock)
        pthread_mutex_lock(log->lock);
    log->fn(log->ctx, level, text);
    if (log->lock)
        pthread_mutex_unlock(log->lock);
}
