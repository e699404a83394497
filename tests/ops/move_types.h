/* One case of an operator that moves elements for each type but f32, all of one shape. ATTRS is a
 * list of attributes in braces. */
#ifndef TN_TESTS_OPS_MOVE_TYPES_H
#define TN_TESTS_OPS_MOVE_TYPES_H

#include "cases.h"

#define MOVED(op_, name_, type, how, low, high, ATTRS, ...) \
    {.op = op_, .name = name_, .in = {IN(type, how, low, high, __VA_ARGS__)}, .attrs = ATTRS, .tol = TOL_EXACT}
#define MOVED_TYPES(op_, ATTRS, ...)                                                           \
    MOVED(op_, "f64", TN_F64, FILL_UNIFORM, -2, 2, ATTRS, __VA_ARGS__),                        \
        MOVED(op_, "f16", TN_F16, FILL_UNIFORM, -2, 2, ATTRS, __VA_ARGS__),                    \
        MOVED(op_, "bf16", TN_BF16, FILL_UNIFORM, -2, 2, ATTRS, __VA_ARGS__),                  \
        MOVED(op_, "i32", TN_I32, FILL_INTS, -99999, 99999, ATTRS, __VA_ARGS__),               \
        MOVED(op_, "i64", TN_I64, FILL_INTS, -1e12, 1e12, ATTRS, __VA_ARGS__),                 \
        MOVED(op_, "u8", TN_U8, FILL_INTS, 0, 256, ATTRS, __VA_ARGS__),                        \
        MOVED(op_, "bool", TN_BOOL, FILL_INTS, 0, 2, ATTRS, __VA_ARGS__)

#endif
