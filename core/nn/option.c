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

void tn_options_pair(const struct tn_options *options, const char *name, int64_t out_pair[2])
{
    const struct tn_attr *attr = find_given(options, name);
    if (attr && attr->type == TN_ATTR_INTS) {
        out_pair[0] = attr->u.ints[0];
        out_pair[1] = attr->u.ints[attr->count - 1];
        return;
    }
    out_pair[0] = out_pair[1] = tn_options_int(options, name);
}

enum tn_padding_mode tn_options_padding(const struct tn_options *options, const char *name,
                                        int64_t out_pads[4])
{
    const struct tn_attr *attr = find_given(options, name);
    memset(out_pads, 0, 4 * sizeof(*out_pads));
    if (!attr || attr->type == TN_ATTR_STRING) {
        const char *text = attr ? attr->u.s : find_default(options, name);
        return text && strcmp(text, "same") == 0 ? TN_PAD_SAME : TN_PAD_VALID;
    }
    for (int i = 0; i < 4; i++) {
        if (attr->type == TN_ATTR_INT)
            out_pads[i] = attr->u.i;
        else
            out_pads[i] = attr->u.ints[attr->count == 4 ? i : i % 2];
    }
    return TN_PAD_EXPLICIT;
}
