/* secure_getenv is a GNU extension; the kernel's own word for it is in the auxiliary vector. */
#include "runtime/privileged.h"

#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

int tn_process_is_privileged(void)
{
#if defined(__linux__)
    if (getauxval(AT_SECURE))
        return 1;
#endif
    return getuid() != geteuid() || getgid() != getegid();
}

const char *tn_env(const char *name)
{
    const char *value = tn_process_is_privileged() ? NULL : getenv(name);
    return value && *value ? value : NULL;
}
