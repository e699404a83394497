#include "cases.h"
static const struct op_case cases[] = {
    {.op = "add", .name = "row", .in = {F32(2, 3), F32(3)}, .grad = 3, .out = {OUT(TN_F32, 2, 3)}},
    {.op = "add", .name = "misfit", .in = {F32(2, 3), F32(4)}, .reject = "broadcast"},
};
OP_FAMILY_NO_GOLDEN(elementwise, cases);
