/* A run folder: model.safetensors, recipe.yaml, log.jsonl. What lay there before stays whole until
 * the new model is. */
#ifndef TN_CLI_RUN_FOLDER_H
#define TN_CLI_RUN_FOLDER_H

#include "cli.h"

struct run_folder {
    char path[1024];
    char recipe_text_path[1100], recipe_temp_path[1100];
    char model_path[1100], log_path[1100], log_temp_path[1100];
    FILE *log;        /* NULL: not open */
    int is_published; /* the first model, the recipe and the log are in place */
    int lock;         /* the folder, locked against a second run; -1: could not be */
    size_t n_kept;    /* this much of the path was there before */
};

/* Makes the folder (--out, or the next free runs/<name>-N), locks it against other runs, and lays
 * the resolved recipe and a log ready in it. A model that is there already is an error that names
 * --force. On failure nothing is left behind. */
tn_status run_folder_open(struct run_folder *folder, const struct cli_options *options,
                          const tn_recipe *recipe, struct tn_error *err);
/* Adds a line to the log; takes the reference. TN_E_IO. */
tn_status run_folder_log(struct run_folder *folder, json_t *line, struct tn_error *err);
/* Saves the session's weights; replaces the older ones once they are whole. */
tn_status run_folder_save(struct run_folder *folder, tn_session *session, int64_t epoch,
                          int is_best, struct tn_error *err);
/* Removes what an unpublished run left behind. */
void run_folder_close(struct run_folder *folder);

#endif
