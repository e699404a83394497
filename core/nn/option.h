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
#define OPT_TRIPLE(key, low, dflt_text, text)                                                     \
    {                                                                                             \
        .name = (key), .type = TN_OPTION_TRIPLE, .has_min = 1, .min = (low), .dflt = (dflt_text), \
        .required = (dflt_text) == NULL, .doc = (text)                                            \
    }
#define OPT_PADDING_3D(key, dflt_text, text)                                                      \
    {                                                                                             \
        .name = (key), .type = TN_OPTION_PADDING_3D, .has_min = 1, .min = 0, .dflt = (dflt_text), \
        .doc = (text)                                                                             \
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
/* `n` numbers, of which one may stand for all. */
void tn_options_numbers(const struct tn_options *options, const char *name, uint32_t n,
                        int64_t *out_numbers);

/* `padding` of a window over `axes` axes: the begin of each, then the end of each; one number for
 * each axis counts on either side, one number everywhere. Zeros unless there are numbers; "same" is
 * in *out_same. 0 when there are as many numbers as other windows have. */
int tn_options_padding(const struct tn_options *options, uint32_t axes, int64_t *out_pads,
                       int *out_same);

#endif
