/* While nodes run one by one: a crash or a hang of a driver ends the process with a message that
 * names the node. One watch at a time. */
#ifndef TN_CLI_WATCH_H
#define TN_CLI_WATCH_H

/* A node that takes longer than `seconds` counts as hung. */
void cli_watch_begin(double seconds);
/* About to run this node; label NULL: none. As tn_node_fn, `ctx` is not used. */
void cli_watch_node(void *ctx, const char *label, const char *op, const char *device);
void cli_watch_end(void);

#endif
