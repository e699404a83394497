/* Reading checked options, and the table entries of components. */
#ifndef TN_NN_OPTION_H
#define TN_NN_OPTION_H

#include "tenon/model.h"

/* Short forms for option tables. */
#define OPT_INT(key, low, dflt_text, text)                                                     \
    {                                                                                          \
        .name = (key), .type = TN_OPTION_INT, .has_min = 1, .min = (low), .dflt = (dflt_text), \
        .required = (dflt_text) == NULL, .doc = (text)                                         \
    }
#define OPT_FLOAT(key, low, dflt_text, text)                                                     \
    {                                                                                            \
        .name = (key), .type = TN_OPTION_FLOAT, .has_min = 1, .min = (low), .dflt = (dflt_text), \
        .required = (dflt_text) == NULL, .doc = (text)                                           \
    }
#define OPT_BOOL(key, dflt_text, text)                                            \
    {                                                                             \
        .name = (key), .type = TN_OPTION_BOOL, .dflt = (dflt_text), .doc = (text) \
    }
#define OPT_CHOICE(key, list, dflt_text, text)                                           \
    {                                                                                    \
        .name = (key), .type = TN_OPTION_STRING, .choices = (list), .dflt = (dflt_text), \
        .required = (dflt_text) == NULL, .doc = (text)                                   \
    }
#define OPT_PAIR(key, low, dflt_text, text)                                                     \
    {                                                                                           \
        .name = (key), .type = TN_OPTION_PAIR, .has_min = 1, .min = (low), .dflt = (dflt_text), \
        .required = (dflt_text) == NULL, .doc = (text)                                          \
    }
#define OPT_PADDING(key, dflt_text, text)                                                      \
    {                                                                                          \
        .name = (key), .type = TN_OPTION_PADDING, .has_min = 1, .min = 0, .dflt = (dflt_text), \
        .doc = (text)                                                                          \
    }

/* The index-th longer name that stands for the component of that name; NULL: no more of them. */
const char *tn_component_alias(tn_component_kind kind, const char *name, size_t index);

/* Options as given (checked before) with the component's defaults behind them. */
struct tn_options {
    const struct tn_component *component;
    const struct tn_attr *given;
    size_t n_given;
};
int64_t tn_options_int(const struct tn_options *options, const char *name); /* bools too */
double tn_options_float(const struct tn_options *options, const char *name);
const char *tn_options_string(const struct tn_options *options, const char *name);
/* 1 if given or defaulted; an option without default may be absent. */
int tn_options_has(const struct tn_options *options, const char *name);
/* One number counts for both. */
void tn_options_pair(const struct tn_options *options, const char *name, int64_t out_pair[2]);

/* TN_PAD_SAME is resolved by the layer, which knows the input's size. */
enum tn_padding_mode { TN_PAD_VALID, TN_PAD_SAME, TN_PAD_EXPLICIT };
/* out_pads: top, left, bottom, right; zeros unless explicit. */
enum tn_padding_mode tn_options_padding(const struct tn_options *options, const char *name,
                                        int64_t out_pads[4]);

#endif
