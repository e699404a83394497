/* Looking components up and checking the options that a recipe or a program gives them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/nearest.h"
#include "nn/layer.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

struct alias {
    tn_component_kind kind;
    const char *alias, *name;
};

/* Keras's long names. */
static const struct alias aliases[] = {
    {TN_COMPONENT_LOSS, "sparse_categorical_crossentropy", "softmax_cross_entropy"},
    {TN_COMPONENT_LOSS, "sparse_softmax_cross_entropy", "softmax_cross_entropy"},
    {TN_COMPONENT_LOSS, "mean_squared_error", "mse"},
    {TN_COMPONENT_LOSS, "binary_crossentropy", "bce"},
    {TN_COMPONENT_LOSS, "mean_absolute_error", "mae"},
    {TN_COMPONENT_LOSS, "categorical_crossentropy", "dense_softmax_cross_entropy"},
    {TN_COMPONENT_LOSS, "kl_divergence", "kl_div"},
    {TN_COMPONENT_LOSS, "cosine_similarity", "cosine_embedding"},
    {TN_COMPONENT_METRIC, "mean_squared_error", "mse"},
    {TN_COMPONENT_METRIC, "sparse_categorical_accuracy", "accuracy"},
    {TN_COMPONENT_METRIC, "binary_accuracy", "accuracy"},
    {TN_COMPONENT_LAYER, "max_pooling2d", "max_pool2d"},
    {TN_COMPONENT_LAYER, "average_pooling2d", "avg_pool2d"},
    {TN_COMPONENT_LAYER, "batch_normalization", "batch_norm"},
    {TN_COMPONENT_LAYER, "layer_normalization", "layer_norm"},
    {TN_COMPONENT_LAYER, "group_normalization", "group_norm"},
};

size_t tn_component_count(tn_component_kind kind)
{
    switch (kind) {
    case TN_COMPONENT_LAYER:
        return tn_layer_count();
    case TN_COMPONENT_LOSS:
        return tn_loss_count();
    case TN_COMPONENT_METRIC:
        return tn_metric_count();
    case TN_COMPONENT_OPTIMIZER:
        return tn_optimizer_count();
    case TN_COMPONENT_SCHEDULE:
        return tn_schedule_count();
    }
    return 0;
}

const struct tn_component *tn_component_at(tn_component_kind kind, size_t index)
{
    if (index >= tn_component_count(kind))
        return NULL;
    switch (kind) {
    case TN_COMPONENT_LAYER:
        return &tn_layer_at(index)->component;
    case TN_COMPONENT_LOSS:
        return &tn_loss_at(index)->component;
    case TN_COMPONENT_METRIC:
        return &tn_metric_at(index)->component;
    case TN_COMPONENT_OPTIMIZER:
        return &tn_optimizer_at(index)->component;
    case TN_COMPONENT_SCHEDULE:
        return &tn_schedule_at(index)->component;
    }
    return NULL;
}

const char *tn_component_alias(tn_component_kind kind, const char *name, size_t index)
{
    for (size_t i = 0; i < TN_LEN(aliases); i++)
        if (aliases[i].kind == kind && strcmp(aliases[i].name, name) == 0 && index-- == 0)
            return aliases[i].alias;
    return NULL;
}

const struct tn_component *tn_component_find(tn_component_kind kind, const char *name)
{
    for (size_t i = 0; i < TN_LEN(aliases); i++)
        if (aliases[i].kind == kind && strcmp(aliases[i].alias, name) == 0)
            name = aliases[i].name;
    for (size_t i = 0; i < tn_component_count(kind); i++) {
        const struct tn_component *component = tn_component_at(kind, i);
        if (strcmp(component->name, name) == 0)
            return component;
    }
    return NULL;
}

struct check {
    const char *subject;
    const struct tn_option *option;
    const struct tn_attr *given;
    struct tn_error *err;
};

static tn_status check_min(const struct check *c, double value)
{
    if (c->option->has_min && !(value >= c->option->min))
        return tn_error_set(c->err, TN_E_INVALID, "%s: option '%s' is %g; it must be at least %g",
                            c->subject, c->option->name, value, c->option->min);
    return TN_OK;
}

static tn_status wrong_type(const struct check *c, const char *wanted)
{
    return tn_error_set(c->err, TN_E_INVALID, "%s: option '%s' must be %s", c->subject,
                        c->option->name, wanted);
}

static tn_status check_choice(const struct check *c)
{
    if (c->given->type != TN_ATTR_STRING)
        return wrong_type(c, "a name");
    if (!c->option->choices)
        return TN_OK;
    struct tn_nearest nearest = TN_NEAREST_INIT(c->given->u.s);
    char list[256] = "", hint[96];
    for (const char *const *choice = c->option->choices; *choice; choice++) {
        if (strcmp(*choice, c->given->u.s) == 0)
            return TN_OK;
        tn_nearest_offer(&nearest, *choice);
        size_t n = strlen(list);
        snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", *choice);
    }
    return tn_error_set(c->err, TN_E_INVALID, "%s: option '%s' cannot be '%s'%s (one of: %s)",
                        c->subject, c->option->name, c->given->u.s,
                        tn_nearest_hint(&nearest, hint, sizeof(hint)), list);
}

/* Sizes of windows and shapes; larger ones would overflow products before any check of a fit. */
static tn_status check_size(const struct check *c, int64_t value)
{
    if (value > INT32_MAX)
        return tn_error_set(c->err, TN_E_INVALID, "%s: option '%s' is %lld; it must be at most %d",
                            c->subject, c->option->name, (long long)value, INT32_MAX);
    return check_min(c, (double)value);
}

/* A number, or a list of one of two lengths. */
static tn_status check_ints(const struct check *c, uint32_t few, uint32_t many, const char *wanted)
{
    if (c->given->type == TN_ATTR_INT)
        return check_size(c, c->given->u.i);
    if (c->given->type != TN_ATTR_INTS)
        return wrong_type(c, wanted);
    uint32_t n = c->given->count;
    if (n != few && n != many)
        return wrong_type(c, wanted);
    for (uint32_t i = 0; i < n; i++) {
        tn_status status = check_size(c, c->given->u.ints[i]);
        if (status)
            return status;
    }
    return TN_OK;
}

static tn_status check_padding(const struct check *c)
{
    const struct tn_attr *given = c->given;
    if (given->type == TN_ATTR_STRING)
        return strcmp(given->u.s, "valid") == 0 || strcmp(given->u.s, "same") == 0
                   ? TN_OK
                   : wrong_type(c, "'valid', 'same', or whole numbers");
    if (c->option->type == TN_OPTION_PADDING)
        return check_ints(c, 2, 4,
                          "'valid', 'same', a whole number, [height, width] or "
                          "[top, left, bottom, right]");
    return check_ints(c, 3, 6,
                      "'valid', 'same', a whole number, [depth, height, width] or "
                      "[front, top, left, back, bottom, right]");
}

static tn_status check_list(const struct check *c)
{
    const struct tn_attr *given = c->given;
    uint32_t n = given->type == TN_ATTR_INTS ? given->count : 1;
    if ((given->type != TN_ATTR_INT && given->type != TN_ATTR_INTS) || n == 0 || n >= TN_MAX_RANK)
        return wrong_type(c, "a list of 1 to 7 whole numbers");
    for (uint32_t i = 0; i < n; i++) {
        tn_status status =
            check_size(c, given->type == TN_ATTR_INT ? given->u.i : given->u.ints[i]);
        if (status)
            return status;
    }
    return TN_OK;
}

static tn_status check_value(const struct check *c)
{
    const struct tn_attr *given = c->given;
    switch (c->option->type) {
    case TN_OPTION_INT:
        return given->type == TN_ATTR_INT ? check_min(c, (double)given->u.i)
                                          : wrong_type(c, "a whole number");
    case TN_OPTION_FLOAT:
        if (given->type == TN_ATTR_INT)
            return check_min(c, (double)given->u.i);
        return given->type == TN_ATTR_FLOAT ? check_min(c, given->u.f) : wrong_type(c, "a number");
    case TN_OPTION_BOOL:
        return given->type == TN_ATTR_INT && (given->u.i == 0 || given->u.i == 1)
                   ? TN_OK
                   : wrong_type(c, "true or false");
    case TN_OPTION_STRING:
        return check_choice(c);
    case TN_OPTION_PAIR:
        return check_ints(c, 1, 2, "a whole number or two: [height, width]");
    case TN_OPTION_TRIPLE:
        return check_ints(c, 3, 3, "a whole number or three: [depth, height, width]");
    case TN_OPTION_INTS:
        return check_list(c);
    case TN_OPTION_PADDING:
    case TN_OPTION_PADDING_3D:
        return check_padding(c);
    }
    return TN_OK;
}

static tn_status unknown_option(const struct tn_component *component, const char *subject,
                                const char *name, struct tn_error *err)
{
    struct tn_nearest nearest = TN_NEAREST_INIT(name);
    char list[400] = "", hint[96];
    for (size_t i = 0; i < component->n_options; i++) {
        tn_nearest_offer(&nearest, component->options[i].name);
        size_t n = strlen(list);
        snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", component->options[i].name);
    }
    return tn_error_set(err, TN_E_INVALID, "%s: '%s' has no option '%s'%s (options: %s)", subject,
                        component->name, name, tn_nearest_hint(&nearest, hint, sizeof(hint)),
                        *list ? list : "none");
}

tn_status tn_component_check(const struct tn_component *component, const char *subject,
                             const struct tn_attr *given, size_t n_given, struct tn_error *err)
{
    for (size_t i = 0; i < n_given; i++) {
        struct check c = {.subject = subject, .given = &given[i], .err = err};
        for (size_t j = 0; j < component->n_options && !c.option; j++)
            if (strcmp(component->options[j].name, given[i].name) == 0)
                c.option = &component->options[j];
        if (!c.option)
            return unknown_option(component, subject, given[i].name, err);
        tn_status status = check_value(&c);
        if (status)
            return status;
    }
    for (size_t j = 0; j < component->n_options; j++) {
        int found = !component->options[j].required;
        for (size_t i = 0; i < n_given && !found; i++)
            found = strcmp(component->options[j].name, given[i].name) == 0;
        if (!found)
            return tn_error_set(err, TN_E_INVALID, "%s: '%s' needs the option '%s' (%s)", subject,
                                component->name, component->options[j].name,
                                component->options[j].doc);
    }
    return TN_OK;
}
