/* What the preloaded counter exports; a program finds it with dlsym. */
#ifndef TESTS_SYSTEM_INTERPOSE_H
#define TESTS_SYSTEM_INTERPOSE_H

#include <stddef.h>

void interpose_begin(void);
void interpose_end(void);
/* Calls that this object is to blame for; 0 behind the last one. */
size_t interpose_result(size_t index, const char **out_object, const char **out_first);

#endif
