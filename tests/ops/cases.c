#include "cases.h"

#include "base/compiler.h"

#define FAMILY(id) extern const struct op_family op_family_##id;
#include "families.h"
#undef FAMILY

#define FAMILY(id) &op_family_##id,
static const struct op_family *const families[] = {
#include "families.h"
};
#undef FAMILY

size_t op_family_count(void)
{
    return TN_LEN(families);
}

const struct op_family *op_family_at(size_t index)
{
    return index < TN_LEN(families) ? families[index] : NULL;
}

const struct op_case *op_family_case(const struct op_family *family, size_t index)
{
    if (index < family->n_cases)
        return &family->cases[index];
    index -= family->n_cases;
    return index < family->n_golden ? &family->golden[index] : NULL;
}
