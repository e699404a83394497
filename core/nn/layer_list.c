#include <string.h>

#include "base/compiler.h"
#include "nn/layer.h"

#define LAYER(name) extern const struct tn_layer_type tn_layer_##name;
#include "nn/layer_list.h"
#undef LAYER

static const struct tn_layer_type *const layers[] = {
#define LAYER(name) &tn_layer_##name,
#include "nn/layer_list.h"
#undef LAYER
};

size_t tn_layer_count(void)
{
    return TN_LEN(layers);
}

const struct tn_layer_type *tn_layer_at(size_t index)
{
    return layers[index];
}

const struct tn_layer_type *tn_layer_find(const char *name)
{
    const struct tn_component *component = tn_component_find(TN_COMPONENT_LAYER, name);
    for (size_t i = 0; i < TN_LEN(layers); i++)
        if (&layers[i]->component == component)
            return layers[i];
    return NULL;
}
