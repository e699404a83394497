/* One case of an operator that moves elements for each type but f32, all of one shape. ATTRS is a
 * list of attributes in braces. */
#ifndef TN_TESTS_OPS_MOVE_TYPES_H
#define TN_TESTS_OPS_MOVE_TYPES_H

#include "cases.h"

/* Flat, for a list handed on to another macro would fall apart at its commas. */
#define MOVED_TYPES(op_, ATTRS, ...)                                                  \
    {.op = op_,                                                                       \
     .name = "f64",                                                                   \
     .in = {IN(TN_F64, FILL_UNIFORM, -2, 2, __VA_ARGS__)},                            \
     .attrs = ATTRS,                                                                  \
     .tol = TOL_EXACT},                                                               \
        {.op = op_,                                                                   \
         .name = "f16",                                                               \
         .in = {IN(TN_F16, FILL_UNIFORM, -2, 2, __VA_ARGS__)},                        \
         .attrs = ATTRS,                                                              \
         .tol = TOL_EXACT},                                                           \
        {.op = op_,                                                                   \
         .name = "bf16",                                                              \
         .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, __VA_ARGS__)},                       \
         .attrs = ATTRS,                                                              \
         .tol = TOL_EXACT},                                                           \
        {.op = op_,                                                                   \
         .name = "i32",                                                               \
         .in = {IN(TN_I32, FILL_INTS, -99999, 99999, __VA_ARGS__)},                   \
         .attrs = ATTRS,                                                              \
         .tol = TOL_EXACT},                                                           \
        {.op = op_,                                                                   \
         .name = "i64",                                                               \
         .in = {IN(TN_I64, FILL_INTS, -1e12, 1e12, __VA_ARGS__)},                     \
         .attrs = ATTRS,                                                              \
         .tol = TOL_EXACT},                                                           \
        {.op = op_,                                                                   \
         .name = "u8",                                                                \
         .in = {IN(TN_U8, FILL_INTS, 0, 256, __VA_ARGS__)},                           \
         .attrs = ATTRS,                                                              \
         .tol = TOL_EXACT},                                                           \
    {                                                                                 \
        .op = op_, .name = "bool", .in = {IN(TN_BOOL, FILL_INTS, 0, 2, __VA_ARGS__)}, \
        .attrs = ATTRS, .tol = TOL_EXACT                                              \
    }

#endif
