#ifndef TN_CLI_UNINSTALLED_H
#define TN_CLI_UNINSTALLED_H

/* Before any thread: sets TENON_BACKEND_PATH and TENON_RECIPE_PATH, where they are not set, when
 * this is the build tree's own binary. */
void cli_use_build_tree(void);

#endif
