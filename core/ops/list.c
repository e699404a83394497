#include <string.h>

#include "base/compiler.h"
#include "ops/op.h"
#include "ops/registry.h"

#define TN_OP_SECTION(title)
#define TN_OP(name) extern const struct tn_op tn_op_##name;
#include "ops/list.h"
#undef TN_OP

#define TN_OP(name) &tn_op_##name,
static const struct tn_op *const operators[] = {
#include "ops/list.h"
};
#undef TN_OP

/* A linear search: it runs once per node while a graph is built, over less than a hundred names. */
const struct tn_op *tn_op_find(const char *name)
{
    for (size_t i = 0; i < TN_LEN(operators); i++)
        if (strcmp(operators[i]->name, name) == 0)
            return operators[i];
    return tn_registry_find(name);
}

size_t tn_op_count(void)
{
    return TN_LEN(operators);
}

const struct tn_op *tn_op_at(size_t index)
{
    return index < TN_LEN(operators) ? operators[index] : NULL;
}
