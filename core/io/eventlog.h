/* The log of a run: one JSON object per line, appended and flushed, so that what happened before a
 * crash can be read. One thread at a time. */
#ifndef TN_IO_EVENTLOG_H
#define TN_IO_EVENTLOG_H

#include <jansson.h>

#include "tenon/status.h"

typedef struct tn_eventlog tn_eventlog;

/* Appends to `path`, or begins it. A half line that a crash left is ended first. TN_E_IO,
 * TN_E_NOT_FOUND (no such folder), TN_E_OOM. */
tn_status tn_eventlog_open(const char *path, tn_eventlog **out_log, struct tn_error *err);
/* Takes the reference to `event` in every case; NULL counts as memory that ran out. TN_E_IO names
 * the path and the bytes that did not go. */
tn_status tn_eventlog_take(tn_eventlog *log, json_t *event, struct tn_error *err);
void tn_eventlog_close(tn_eventlog **log); /* NULL is accepted */

#endif
