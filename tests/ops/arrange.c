/* Cases of tile, flip, diagonal, trilu, the block operators, pad, and their gradients. */
#include "move_types.h"

#include "../golden/arrange.h"

#define CASE1(op_, name_, grad_, ATTRS, ...)                                               \
    {                                                                                      \
        .op = op_, .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .grad = grad_, \
        .tol = TOL_EXACT                                                                   \
    }
#define REJECT(op_, name_, why, ATTRS, ...)                                               \
    {                                                                                     \
        .op = op_, .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .reject = why \
    }
#define SUMMED(op_, name_, grad_, ATTRS, ...)                                              \
    {                                                                                      \
        .op = op_, .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .grad = grad_, \
        .tol = TOL_SUM                                                                     \
    }
#define A(...)      \
    {               \
        __VA_ARGS__ \
    }
#define TILE23 A(AV("repeats", 2, 3))
#define FLIP1 A(AV("axes", 1))
#define DIAG1 A(AI("offset", 1))
#define LOWER A(AI("upper", 0), AI("k", -1))
#define BLOCK2 A(AI("block", 2))
#define PADS A(AV("pads", 1, 0, 2, 3), AF("value", 7))
#define MIRROR A(AV("pads", 1, 2, 2, 3), AS("mode", "reflect"))
#define PAD_GRAD(mode_, size_, before_, after_)                                     \
    A(AI("axis", 1), AI("size", size_), AI("before", before_), AI("after", after_), \
      AS("mode", mode_))

static const struct op_case cases[] = {
    CASE1("tile", "both", 1, A(AV("repeats", 2, 3)), 3, 5),
    CASE1("tile", "first", 1, A(AV("repeats", 5, 1)), 3, 7),
    CASE1("tile", "last", 1, A(AV("repeats", 1, 3)), 3, 7),
    CASE1("tile", "vector", 1, A(AV("repeats", 4)), 11),
    CASE1("tile", "same", 1, A(AV("repeats", 1, 1)), 3, 5),
    CASE1("tile", "ones", 1, A(AV("repeats", 4, 5)), 1, 1),
    CASE1("tile", "high_rank", 1, A(AV("repeats", 2, 1, 3, 2, 1, 2, 2)), 2, 1, 2, 1, 3, 2, 2),
    CASE1("tile", "none", 1, A(AV("repeats", 0, 2)), 3, 5),
    CASE1("tile", "of_nothing", 0, A(AV("repeats", 3, 2)), 0, 5),
    CASE1("tile", "large", 0, A(AV("repeats", 17, 3)), 13, 31),
    {.op = "tile",
     .name = "scalar",
     .in = {F32_S},
     .attrs = {AV_EMPTY("repeats")},
     .out = {OUT_S(TN_F32)}},
    {.op = "tile",
     .name = "special",
     .in = {SPECIAL(17)},
     .attrs = {AV("repeats", 2)},
     .tol = TOL_EXACT},
    MOVED_TYPES("tile", TILE23, 3, 5),
    REJECT("tile", "short", "has 1 entries, but there are 2 axes", A(AV("repeats", 2)), 3, 5),
    REJECT("tile", "negative", "must be >= 0", A(AV("repeats", -1)), 3),

    SUMMED("tile_grad", "both", 1, A(AV("repeats", 2, 3)), 6, 15),
    SUMMED("tile_grad", "first", 1, A(AV("repeats", 3, 1)), 9, 5),
    SUMMED("tile_grad", "last", 1, A(AV("repeats", 1, 7)), 3, 7),
    SUMMED("tile_grad", "same", 1, A(AV("repeats", 1, 1)), 3, 5),
    SUMMED("tile_grad", "many", 0, A(AV("repeats", 1009)), 3027),
    SUMMED("tile_grad", "high_rank", 1, A(AV("repeats", 2, 1, 3, 2, 1, 2, 2)), 4, 1, 6, 2, 3, 4, 4),
    SUMMED("tile_grad", "nothing", 0, A(AV("repeats", 2, 3)), 0, 6),
    {.op = "tile_grad",
     .name = "by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 40, 50, 60), 6)},
     .attrs = {AV("repeats", 3)},
     .want = {V(1 + 3 + 50, 2 + 40 + 60)}},
    REJECT("tile_grad", "uneven", "not 2 equal copies", A(AV("repeats", 2)), 5),
    REJECT("tile_grad", "none", "not 0 equal copies", A(AV("repeats", 0)), 5),
    {.op = "tile_grad",
     .name = "integers",
     .in = {I32(0, 9, 4)},
     .attrs = {AV("repeats", 2)},
     .reject = "i32"},

    CASE1("flip", "all", 1, A(AV_EMPTY("axes")), 3, 5),
    CASE1("flip", "rows", 1, A(AV("axes", 0)), 7, 5),
    CASE1("flip", "columns", 1, A(AV("axes", -1)), 7, 5),
    CASE1("flip", "middle", 1, A(AV("axes", 1)), 3, 5, 2),
    CASE1("flip", "vector", 1, A(AV("axes", 0)), 1009),
    CASE1("flip", "of_one", 0, A(AV("axes", 0)), 1, 3),
    CASE1("flip", "nothing", 0, A(AV("axes", 0)), 0, 3),
    {.op = "flip", .name = "scalar", .in = {F32_S}, .out = {OUT_S(TN_F32)}},
    {.op = "flip", .name = "special", .in = {SPECIAL(17)}, .tol = TOL_EXACT},
    MOVED_TYPES("flip", FLIP1, 3, 7),
    REJECT("flip", "outside", "axis 2", A(AV("axes", 2)), 3, 5),
    REJECT("flip", "twice", "named twice", A(AV("axes", 0, -2)), 3, 5),

    CASE1("diagonal", "square", 1, A(AI("offset", 0)), 5, 5),
    CASE1("diagonal", "above", 1, A(AI("offset", 2)), 3, 7),
    CASE1("diagonal", "below", 1, A(AI("offset", -2)), 7, 3),
    CASE1("diagonal", "batch", 1, A(AI("axis1", -2), AI("axis2", -1)), 2, 5, 3),
    CASE1("diagonal", "swapped", 1, A(AI("offset", 1), AI("axis1", 2), AI("axis2", 0)), 4, 3, 5),
    CASE1("diagonal", "beyond", 0, A(AI("offset", 9)), 3, 5),
    CASE1("diagonal", "far_below", 0, A(AI("offset", INT64_MIN)), 3, 5),
    CASE1("diagonal", "of_one", 0, A(AI("offset", 0)), 1, 1),
    CASE1("diagonal", "nothing", 0, A(AI("offset", 0)), 0, 3),
    CASE1("diagonal", "large", 0, A(AI("offset", 3)), 101, 97),
    MOVED_TYPES("diagonal", DIAG1, 3, 7),
    REJECT("diagonal", "vector", "at least 2 dims", A(AI("offset", 0)), 3),
    REJECT("diagonal", "one_axis", "a diagonal needs two", A(AI("axis1", 1), AI("axis2", -1)), 3,
           5),

    CASE1("diagonal_grad", "square", 1, A(AV("input_shape", 5, 5)), 5),
    CASE1("diagonal_grad", "above", 1, A(AV("input_shape", 3, 7), AI("offset", 2)), 3),
    CASE1("diagonal_grad", "batch", 1,
          A(AV("input_shape", 2, 5, 3), AI("axis1", 1), AI("axis2", 2)), 2, 3),
    CASE1("diagonal_grad", "beyond", 0, A(AV("input_shape", 3, 5), AI("offset", -7)), 0),
    CASE1("diagonal_grad", "large", 0, A(AV("input_shape", 97, 101), AI("offset", -1)), 96),
    REJECT("diagonal_grad", "negative dim", "no negative dim",
           A(AV("input_shape", INT64_MIN, 3), AI("offset", -1)), 3),
    REJECT("diagonal_grad", "misfit", "the diagonal's shape [3]", A(AV("input_shape", 3, 5)), 4),
    REJECT("diagonal_grad", "rank", "2 to 8 are possible", A(AV("input_shape", 3)), 3),

    CASE1("trilu", "upper", 1, A(AI("k", 0)), 5, 7),
    CASE1("trilu", "lower", 1, A(AI("upper", 0)), 5, 7),
    CASE1("trilu", "above", 1, A(AI("k", 2)), 7, 5),
    CASE1("trilu", "below", 1, A(AI("upper", 0), AI("k", -2)), 2, 5, 5),
    CASE1("trilu", "everything", 0, A(AI("k", INT64_MIN)), 3, 5),
    CASE1("trilu", "nothing_left", 0, A(AI("k", INT64_MAX)), 3, 5),
    CASE1("trilu", "lower_everything", 0, A(AI("upper", 0), AI("k", 99)), 3, 5),
    CASE1("trilu", "empty", 0, A(AI("k", 0)), 0, 3),
    CASE1("trilu", "large", 0, A(AI("k", -7)), 67, 71),
    {.op = "trilu", .name = "special", .in = {SPECIAL(7, 7)}, .tol = TOL_EXACT},
    MOVED_TYPES("trilu", LOWER, 5, 3),
    REJECT("trilu", "vector", "at least 2 dims", A(AI("k", 0)), 3),
    {.op = "trilu", .name = "scalar", .in = {F32_S}, .reject = "at least 2 dims"},

    CASE1("depth_to_space", "dcr", 1, A(AI("block", 2)), 2, 12, 3, 5),
    CASE1("depth_to_space", "crd", 1, A(AI("block", 2), AS("mode", "CRD")), 2, 12, 3, 5),
    CASE1("depth_to_space", "three", 1, A(AI("block", 3)), 1, 9, 2, 1),
    CASE1("depth_to_space", "of_one", 0, A(AI("block", 1)), 2, 3, 4, 5),
    CASE1("depth_to_space", "nothing", 0, A(AI("block", 2)), 0, 4, 2, 2),
    MOVED_TYPES("depth_to_space", BLOCK2, 1, 8, 3, 2),
    REJECT("depth_to_space", "channels", "no multiple of block^2 = 4", A(AI("block", 2)), 1, 6, 2,
           2),
    REJECT("depth_to_space", "mode", "must be DCR or CRD", A(AI("block", 2), AS("mode", "RCD")), 1,
           4, 2, 2),
    REJECT("depth_to_space", "block", "block is 0", A(AI("block", 0)), 1, 4, 2, 2),

    CASE1("space_to_depth", "dcr", 1, A(AI("block", 2)), 2, 3, 4, 6),
    CASE1("space_to_depth", "crd", 1, A(AI("block", 2), AS("mode", "CRD")), 2, 3, 4, 6),
    CASE1("space_to_depth", "three", 1, A(AI("block", 3)), 1, 2, 3, 6),
    CASE1("space_to_depth", "of_one", 0, A(AI("block", 1)), 2, 3, 4, 5),
    CASE1("space_to_depth", "nothing", 0, A(AI("block", 2)), 1, 0, 2, 2),
    MOVED_TYPES("space_to_depth", BLOCK2, 1, 3, 4, 2),
    REJECT("space_to_depth", "rows", "must be multiples of block = 2", A(AI("block", 2)), 1, 1, 3,
           2),
    REJECT("space_to_depth", "rank", "rank", A(AI("block", 2)), 4, 4),

    CASE1("pad", "constant", 1, A(AV("pads", 1, 2, 3, 0), AF("value", 0.5)), 3, 5),
    CASE1("pad", "one_axis", 1, A(AV("pads", 2, 1), AV("axes", -1)), 3, 5, 2),
    CASE1("pad", "crop", 1, A(AV("pads", -1, 2, 0, -3)), 5, 7),
    CASE1("pad", "crop_all", 0, A(AV("pads", -2, -1)), 3),
    CASE1("pad", "edge", 1, A(AV("pads", 1, 2, 3, 1), AS("mode", "edge")), 3, 5),
    CASE1("pad", "reflect", 1, A(AV("pads", 1, 2, 2, 3), AS("mode", "reflect")), 4, 5),
    CASE1("pad", "reflect_long", 1, A(AV("pads", 0, 9, 0, 11), AS("mode", "reflect")), 2, 4),
    CASE1("pad", "reflect_one", 1, A(AV("pads", 2, 3), AS("mode", "reflect")), 1),
    CASE1("pad", "reflect_cropped", 1, A(AV("pads", -2, 3), AS("mode", "reflect")), 5),
    CASE1("pad", "edge_cropped", 1, A(AV("pads", 3, -2), AS("mode", "edge")), 5),
    CASE1("pad", "wrap", 1, A(AV("pads", 2, 1, 4, 9), AS("mode", "wrap")), 3, 5),
    CASE1("pad", "three_axes", 1, A(AV("pads", 0, 1, 2, 1, 0, 1), AS("mode", "reflect")), 2, 3, 4),
    CASE1("pad", "empty", 0, A(AV("pads", 1, 0, 1, 0), AF("value", 2)), 0, 3),
    CASE1("pad", "nothing", 0, A(AV("pads", 0, 0)), 0),
    CASE1("pad", "none", 1, A(AV("pads", 0, 0, 0, 0)), 3, 5),
    CASE1("pad", "large", 0, A(AV("pads", 3, 5, 7, 11), AS("mode", "reflect")), 61, 37),
    {.op = "pad",
     .name = "scalar",
     .in = {F32_S},
     .attrs = {AV_EMPTY("pads")},
     .out = {OUT_S(TN_F32)}},
    {.op = "pad",
     .name = "nan",
     .in = {SPECIAL(3)},
     .attrs = {AV("pads", 1, 2), AF("value", NAN)},
     .out = {OUT(TN_F32, 6)},
     .tol = TOL_EXACT},
    {.op = "pad",
     .name = "saturated",
     .in = {IN(TN_U8, FILL_INTS, 0, 256, 3)},
     .attrs = {AV("pads", 1, 0), AF("value", 300)},
     .tol = TOL_EXACT},
    {.op = "pad",
     .name = "bf16 that f32 rounds to a tie",
     .in = {IN(TN_BF16, FILL_UNIFORM, -2, 2, 3)},
     .attrs = {AV("pads", 1, 2), AF("value", -1 - 0x1p-8 - 0x1p-40)},
     .tol = TOL_EXACT},
    MOVED_TYPES("pad", PADS, 3, 5),
    {.op = "pad", .name = "reflect_i64", .in = {I64(-99, 99, 4, 5)}, .attrs = MIRROR},
    {.op = "pad", .name = "reflect_bool", .in = {BOOLS(4, 5)}, .attrs = MIRROR},
    REJECT("pad", "count", "3 pads for 2 axes", A(AV("pads", 1, 2, 3)), 3, 5),
    REJECT("pad", "mode", "mode is 'mirror'", A(AV("pads", 1, 1), AS("mode", "mirror")), 3),
    REJECT("pad", "too_much", "more than the 3 elements", A(AV("pads", -2, -2)), 3),
    REJECT("pad", "overflow", "more than the 3 elements", A(AV("pads", INT64_MIN, INT64_MAX)), 3),
    REJECT("pad", "of_nothing", "no element to pad from", A(AV("pads", 1, 0), AS("mode", "edge")),
           0),

    SUMMED("pad_grad", "edge", 1, PAD_GRAD("edge", 4, 2, 3), 3, 9),
    SUMMED("pad_grad", "edge_one", 1, PAD_GRAD("edge", 1, 2, 3), 3, 6, 2),
    SUMMED("pad_grad", "reflect", 1, PAD_GRAD("reflect", 5, 2, 4), 2, 11, 3),
    SUMMED("pad_grad", "reflect_long", 1, PAD_GRAD("reflect", 3, 7, 8), 2, 18),
    SUMMED("pad_grad", "reflect_one", 1, PAD_GRAD("reflect", 1, 2, 2), 2, 5),
    SUMMED("pad_grad", "wrap", 1, PAD_GRAD("wrap", 4, 6, 1), 2, 11),
    SUMMED("pad_grad", "constant", 1, PAD_GRAD("constant", 4, 1, 2), 2, 7),
    SUMMED("pad_grad", "cropped", 1, PAD_GRAD("reflect", 6, -2, 3), 2, 7),
    SUMMED("pad_grad", "cropped_edge", 1, PAD_GRAD("edge", 6, 3, -1), 2, 8),
    SUMMED("pad_grad", "large", 0, PAD_GRAD("wrap", 3, 1000, 511), 2, 1514),
    SUMMED("pad_grad", "nothing", 0, PAD_GRAD("edge", 3, 1, 1), 0, 5),
    REJECT("pad_grad", "misfit", "padding makes 7", PAD_GRAD("edge", 4, 1, 2), 2, 8),
    REJECT("pad_grad", "mode", "mode is 'x'", PAD_GRAD("x", 4, 1, 2), 2, 7),
};

OP_FAMILY(arrange, cases, arrange_golden);
