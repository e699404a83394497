/* Recipes from text in a folder of the test's own. */
#ifndef TESTS_RECIPE_SUPPORT_H
#define TESTS_RECIPE_SUPPORT_H

#include <criterion/criterion.h>

#include "tenon/recipe.h"

/* Writes text[0 .. n) to a new file and loads it, with overrides ("a=1", ..., NULL; or NULL). The
 * file is gone when it returns. */
tn_status load_bytes(const char *text, size_t n, const char *const *sets, tn_recipe **out_recipe,
                     struct tn_error *err);
tn_status load_text(const char *text, const char *const *sets, tn_recipe **out_recipe,
                    struct tn_error *err);
/* Loads, or fails the test. */
tn_recipe *must_load(const char *text, const char *const *sets);
/* Fails the test unless loading fails, with a message that begins with `place` after the file's
 * path (":3:5: "; or anything where it is no file's place) and holds `part`. */
void must_refuse(const char *text, const char *const *sets, const char *place, const char *part);

/* A recipe that is right; its lines are counted in the tests. */
extern const char *const good_recipe;

#endif
