/* The only place for compiler extensions. */
#ifndef TN_BASE_COMPILER_H
#define TN_BASE_COMPILER_H

/* What the library exports for the tool that is built with it, and for nobody else: no header of
 * include/ declares it, and it may change from build to build. */
#define TN_TOOL __attribute__((visibility("default")))

#define TN_UNUSED __attribute__((unused))
#define TN_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define TN_MAX(a, b) ((a) > (b) ? (a) : (b))

/* 1 on overflow. */
#define TN_MUL_OVERFLOW(a, b, out) __builtin_mul_overflow((a), (b), (out))
#define TN_ADD_OVERFLOW(a, b, out) __builtin_add_overflow((a), (b), (out))

#endif
