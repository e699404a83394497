/* One line per failed check; main returns what check_result() says. */
#ifndef TN_TESTS_OPENCL_CHECK_H
#define TN_TESTS_OPENCL_CHECK_H

#include <stdio.h>

static int check_failures, check_count;

#define CHECK(cond, ...)                                               \
    do {                                                               \
        check_count++;                                                 \
        if (!(cond)) {                                                 \
            check_failures++;                                          \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
            fprintf(stderr, __VA_ARGS__);                              \
            fputc('\n', stderr);                                       \
        }                                                              \
    } while (0)

static inline int check_result(const char *what)
{
    printf("%s: %d checks, %d failed\n", what, check_count, check_failures);
    return check_failures != 0;
}

#endif
