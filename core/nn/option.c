#include "nn/option.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct tn_attr *find_given(const struct tn_options *options, const char *name)
{
    for (size_t i = 0; i < options->n_given; i++)
        if (strcmp(options->given[i].name, name) == 0)
            return &options->given[i];
    return NULL;
}

static const char *find_default(const struct tn_options *options, const char *name)
{
    for (size_t i = 0; i < options->component->n_options; i++)
        if (strcmp(options->component->options[i].name, name) == 0)
            return options->component->options[i].dflt;
    assert(!"an option that the component does not have");
    return NULL;
}

int tn_options_has(const struct tn_options *options, const char *name)
{
    return find_given(options, name) || find_default(options, name);
}

int64_t tn_options_int(const struct tn_options *options, const char *name)
{
    const struct tn_attr *attr = find_given(options, name);
    if (attr)
        return attr->type == TN_ATTR_FLOAT ? (int64_t)attr->u.f : attr->u.i;
    const char *dflt = find_default(options, name);
    if (!dflt)
        return 0;
    if (strcmp(dflt, "true") == 0)
        return 1;
    return strtoll(dflt, NULL, 10);
}

double tn_options_float(const struct tn_options *options, const char *name)
{
    const struct tn_attr *attr = find_given(options, name);
    if (attr)
        return attr->type == TN_ATTR_INT ? (double)attr->u.i : attr->u.f;
    const char *dflt = find_default(options, name);
    return dflt ? strtod(dflt, NULL) : 0.0;
}

const char *tn_options_string(const struct tn_options *options, const char *name)
{
    const struct tn_attr *attr = find_given(options, name);
    return attr ? attr->u.s : find_default(options, name);
}

void tn_options_numbers(const struct tn_options *options, const char *name, uint32_t n,
                        int64_t *out_numbers)
{
    const struct tn_attr *attr = find_given(options, name);
    int is_list = attr && attr->type == TN_ATTR_INTS;
    for (uint32_t i = 0; i < n; i++)
        out_numbers[i] =
            is_list ? attr->u.ints[attr->count == 1 ? 0 : i] : tn_options_int(options, name);
}

int tn_options_padding(const struct tn_options *options, uint32_t axes, int64_t *out_pads,
                       int *out_same)
{
    const struct tn_attr *attr = find_given(options, "padding");
    memset(out_pads, 0, 2 * axes * sizeof(*out_pads));
    *out_same = 0;
    if (!attr || attr->type == TN_ATTR_STRING) {
        const char *text = attr ? attr->u.s : find_default(options, "padding");
        *out_same = text && strcmp(text, "same") == 0;
        return 1;
    }
    if (attr->type == TN_ATTR_INTS && attr->count != axes && attr->count != 2 * axes)
        return 0;
    for (uint32_t i = 0; i < 2 * axes; i++)
        out_pads[i] = attr->type == TN_ATTR_INT ? attr->u.i : attr->u.ints[i % attr->count];
    return 1;
}
