/* Status codes and the caller-owned error message that every fallible call fills in. */
#ifndef TENON_STATUS_H
#define TENON_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TN_API __attribute__((visibility("default")))
#define TN_PRINTF(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
#else
#define TN_API
#define TN_PRINTF(fmt_index, first_arg)
#endif

typedef enum tn_status {
    TN_OK = 0,
    TN_E_INVALID,     /* an argument, a recipe or a data file is wrong: the user's to mend */
    TN_E_NOT_FOUND,   /* no such file, device, backend, operator, layer */
    TN_E_EXISTS,      /* the target exists and was not to be replaced */
    TN_E_UNSUPPORTED, /* valid, but this device or this build cannot do it */
    TN_E_ABI,         /* a plugin that does not fit this library */
    TN_E_IO,          /* reading or writing failed: disk full, permission, short read */
    TN_E_OOM,         /* host or device memory does not suffice */
    TN_E_DEVICE,      /* the device or its driver failed */
    TN_E_NUMERIC,     /* NaN or Inf where a finite number is needed */
    TN_E_CANCELLED,   /* the caller asked to stop */
    TN_E_INTERNAL     /* our bug */
} tn_status;

#define TN_ERROR_MSG_SIZE 1016

/* Owned by the caller; every function that takes one accepts NULL. On success it is untouched. */
struct tn_error {
    tn_status code;
    char msg[TN_ERROR_MSG_SIZE]; /* UTF-8, always terminated, no trailing newline */
};

/* A short name such as "invalid" or "out of memory". Never NULL. Any thread. */
TN_API const char *tn_status_name(tn_status status);

/* 1 when the failure is the user's to mend (exit code 2 of the tool), 0 when the run failed. */
TN_API int tn_status_is_usage(tn_status status);

/* Fills *err (when not NULL) and returns `code`, so that `return tn_error_set(...)` reads well. */
TN_API tn_status tn_error_set(struct tn_error *err, tn_status code, const char *fmt, ...)
    TN_PRINTF(3, 4);

/* Puts "prefix: " before the message that *err holds; keeps the code. Returns err's code. */
TN_API tn_status tn_error_prefix(struct tn_error *err, const char *fmt, ...) TN_PRINTF(2, 3);

/* Frees what this library handed out as a plain pointer. NULL is accepted. */
TN_API void tn_free(void *ptr);

typedef enum tn_log_level { TN_LOG_ERROR, TN_LOG_WARN, TN_LOG_INFO, TN_LOG_DEBUG } tn_log_level;

/* The library's version, "MAJOR.MINOR.PATCH". */
TN_API const char *tn_version(void);

#ifdef __cplusplus
}
#endif
#endif
