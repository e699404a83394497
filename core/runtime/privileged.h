/* Environment variables, read only where the process runs with its caller's own rights. */
#ifndef TN_RUNTIME_PRIVILEGED_H
#define TN_RUNTIME_PRIVILEGED_H

/* 1 for set-user-ID, set-group-ID and file capabilities: whoever started the process does not own
 * its rights, so that the environment must not choose what code it loads. */
int tn_process_is_privileged(void);
/* getenv, or NULL for a privileged process and for an empty value. */
const char *tn_env(const char *name);

#endif
