/* The tool run from its build tree finds the tree's plugins and recipes by itself. It knows by its
 * own path: an installed copy lies elsewhere, and nobody else can put a file in this one's place.
 */
#include "uninstalled.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXE TN_BUILD_ROOT "/cli/tenon"
#define PLUGINS TN_BUILD_ROOT "/backends/cpu:" TN_BUILD_ROOT "/backends/opencl"
#define RECIPES TN_SOURCE_ROOT "/recipes"

void cli_use_build_tree(void)
{
    char path[sizeof(EXE) + 1];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));
    if (n != (ssize_t)strlen(EXE) || memcmp(path, EXE, (size_t)n) != 0)
        return;
    setenv("TENON_BACKEND_PATH", PLUGINS, 0);
    setenv("TENON_RECIPE_PATH", RECIPES, 0);
}
