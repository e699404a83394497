/* Cases of resize and its gradient. */
#include "move_types.h"

#include "../golden/resize.h"

#define A(...)      \
    {               \
        __VA_ARGS__ \
    }
#define NEAREST(name_, grad_, ATTRS, ...)                                                       \
    {                                                                                           \
        .op = "resize", .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .grad = grad_, \
        .tol = TOL_EXACT                                                                        \
    }
#define LINEAR(name_, grad_, ATTRS, ...)                                                        \
    {                                                                                           \
        .op = "resize", .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .grad = grad_, \
        .tol = TOL_COMPOSITE                                                                    \
    }
#define BACK(name_, ATTRS, ...)                                                       \
    {                                                                                 \
        .op = "resize_grad", .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, \
        .tol = TOL_COMPOSITE                                                          \
    }
#define REJECT(op_, name_, why, ATTRS, ...)                                               \
    {                                                                                     \
        .op = op_, .name = name_, .in = {F32(__VA_ARGS__)}, .attrs = ATTRS, .reject = why \
    }
#define TWICE A(AF("scale_h", 2), AF("scale_w", 1.5))
#define LIN AS("mode", "linear")
#define AT(name_) AS("coordinates", name_)
#define ROUND(name_) AS("nearest_mode", name_)

static const struct op_case cases[] = {
    NEAREST("up", 1, A(AV("sizes", 7, 11)), 2, 3, 4, 5),
    NEAREST("down", 1, A(AV("sizes", 3, 2)), 1, 2, 7, 5),
    NEAREST("scales", 1, A(AF("scale_h", 1.7), AF("scale_w", 0.6)), 1, 2, 5, 7),
    NEAREST("ceil", 1, A(AV("sizes", 7, 3), ROUND("ceil")), 1, 2, 4, 5),
    NEAREST("floor", 1, A(AV("sizes", 7, 3), ROUND("floor"), AT("asymmetric")), 1, 2, 4, 5),
    NEAREST("prefer_ceil", 1, A(AV("sizes", 2, 10), ROUND("round_prefer_ceil"), AT("asymmetric")),
            1, 2, 4, 5),
    NEAREST("prefer_floor", 1, A(AV("sizes", 2, 10), AT("asymmetric")), 1, 2, 4, 5),
    NEAREST("corners", 1, A(AV("sizes", 9, 1), AT("align_corners")), 1, 2, 4, 5),
    NEAREST("pytorch", 1, A(AV("sizes", 1, 3), AT("pytorch_half_pixel")), 1, 2, 4, 5),
    NEAREST("symmetric", 1, A(AF("scale_h", 1.7), AF("scale_w", 0.6), AT("half_pixel_symmetric")),
            1, 2, 5, 7),
    NEAREST("symmetric_sizes", 1, A(AV("sizes", 7, 3), AT("half_pixel_symmetric")), 1, 2, 4, 5),
    NEAREST("sequence", 1, A(AV("sizes", 13)), 2, 3, 7),
    NEAREST("sequence_scale", 1, A(AF("scale_w", 2.5)), 2, 3, 7),
    NEAREST("of_one", 1, A(AV("sizes", 3, 4)), 2, 3, 1, 1),
    NEAREST("same", 1, A(AV("sizes", 4, 5)), 2, 3, 4, 5),
    NEAREST("thirds", 0, A(AV("sizes", 9, 27), AT("asymmetric"), ROUND("floor")), 1, 1, 3, 9),
    NEAREST("large", 0, A(AV("sizes", 61, 37)), 2, 3, 29, 41),
    NEAREST("no_images", 0, A(AV("sizes", 3, 4)), 0, 3, 2, 2),
    NEAREST("nothing", 0, A(AV("sizes", 0, 4)), 2, 3, 0, 2),
    {.op = "resize",
     .name = "special",
     .in = {SPECIAL(1, 1, 4, 5)},
     .attrs = A(AV("sizes", 7, 3)),
     .tol = TOL_EXACT},
    MOVED_TYPES("resize", TWICE, 1, 2, 3, 4),
    LINEAR("linear_up", 1, A(AV("sizes", 7, 11), LIN), 2, 3, 4, 5),
    LINEAR("linear_down", 1, A(AV("sizes", 3, 2), LIN), 1, 2, 7, 5),
    LINEAR("linear_scales", 1, A(AF("scale_h", 1.7), AF("scale_w", 0.6), LIN), 1, 2, 5, 7),
    LINEAR("linear_corners", 1, A(AV("sizes", 7, 3), LIN, AT("align_corners")), 1, 2, 4, 5),
    LINEAR("linear_asymmetric", 1, A(AV("sizes", 7, 3), LIN, AT("asymmetric")), 1, 2, 4, 5),
    LINEAR("linear_pytorch", 1, A(AV("sizes", 1, 3), LIN, AT("pytorch_half_pixel")), 1, 2, 4, 5),
    LINEAR("linear_symmetric", 1,
           A(AF("scale_h", 1.7), AF("scale_w", 0.6), LIN, AT("half_pixel_symmetric")), 1, 2, 5, 7),
    /* ONNX: 4 places times 0.6 are 2; s = o / 0.6 + 0.5 / 0.6 - 0.5 + 2 (1 - 2 / 2.4) */
    {.op = "resize",
     .name = "linear_symmetric_by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4), 1, 1, 4)},
     .attrs = A(AF("scale_w", 0.6), LIN, AT("half_pixel_symmetric")),
     .want = {V(1 + 2.0 / 3, 3 + 1.0 / 3)}},
    NEAREST("crop", 1,
            A(AV("sizes", 5, 4), AT("tf_crop_and_resize"), AF("crop_top", -0.2),
              AF("crop_left", 0.3), AF("crop_bottom", 0.8), AF("crop_right", 1.4),
              AF("extrapolation", 2.5)),
            2, 3, 7, 5),
    LINEAR("linear_crop", 1,
           A(AV("sizes", 5, 4), LIN, AT("tf_crop_and_resize"), AF("crop_top", 0.1),
             AF("crop_left", -0.3), AF("crop_bottom", 0.77), AF("crop_right", 1.4),
             AF("extrapolation", -3)),
           2, 3, 7, 5),
    LINEAR("linear_crop_mirrored", 1,
           A(AV("sizes", 9, 8), LIN, AT("tf_crop_and_resize"), AF("crop_top", 0.9),
             AF("crop_bottom", 0.1), AF("crop_right", 0.55)),
           1, 2, 7, 5),
    LINEAR("linear_crop_to_one", 1,
           A(AV("sizes", 1, 1), LIN, AT("tf_crop_and_resize"), AF("crop_top", 0.4)), 1, 2, 7, 5),
    LINEAR("linear_crop_nothing", 0,
           A(AV("sizes", 2, 3), LIN, AT("tf_crop_and_resize"), AF("crop_left", 2),
             AF("crop_right", 3)),
           1, 2, 7, 5),
    /* places 1.5, 3 and 4.5 of the last place 3 */
    {.op = "resize",
     .name = "linear_crop_by_hand",
     .in = {LIT(TN_F32, V(1, 2, 3, 4), 1, 1, 4)},
     .attrs = A(AV("sizes", 3), LIN, AT("tf_crop_and_resize"), AF("crop_left", 0.5),
                AF("crop_right", 1.5), AF("extrapolation", -7)),
     .want = {V(2.5, 4, -7)}},
    {.op = "resize",
     .name = "crop_u8_by_hand",
     .in = {LIT(TN_U8, V(1, 2, 3, 4), 1, 1, 4)},
     .attrs = A(AV("sizes", 3), AT("tf_crop_and_resize"), AF("crop_left", 0.5),
                AF("crop_right", 1.5), AF("extrapolation", 300)),
     .want = {V(2, 4, 255)}},
    REJECT("resize", "crop_scales", "goes by sizes",
           A(AT("tf_crop_and_resize"), AF("scale_h", 2), AF("scale_w", 2)), 1, 1, 4, 5),
    REJECT("resize", "crop_far", "at most 1e6",
           A(AV("sizes", 3, 3), AT("tf_crop_and_resize"), AF("crop_left", 1e7)), 1, 1, 4, 5),
    LINEAR("linear_to_one", 1, A(AV("sizes", 1, 1), LIN), 1, 2, 4, 5),
    LINEAR("linear_sequence", 1, A(AV("sizes", 13), LIN), 2, 3, 7),
    LINEAR("linear_of_one", 1, A(AV("sizes", 3, 4), LIN), 2, 3, 1, 1),
    LINEAR("linear_large", 0, A(AV("sizes", 61, 37), LIN), 2, 3, 29, 41),
    {.op = "resize",
     .name = "tie_down",
     .in = {LIT(TN_F32, V(1, 2, 3), 1, 1, 3)},
     .attrs = A(AV("sizes", 2), AT("asymmetric")),
     .want = {V(1, 2)}},
    {.op = "resize",
     .name = "tie_up",
     .in = {LIT(TN_F32, V(1, 2, 3), 1, 1, 3)},
     .attrs = A(AV("sizes", 2), AT("asymmetric"), ROUND("round_prefer_ceil")),
     .want = {V(1, 3)}},
    REJECT("resize", "rank", "rank", A(AV("sizes", 3, 3)), 4, 5),
    REJECT("resize", "mode", "mode is 'cubic'", A(AV("sizes", 3, 3), AS("mode", "cubic")), 1, 1, 4,
           5),
    REJECT("resize", "coordinates", "coordinates is 'tf'", A(AV("sizes", 3, 3), AT("tf")), 1, 1, 4,
           5),
    REJECT("resize", "rounding", "nearest_mode is 'up'", A(AV("sizes", 3, 3), ROUND("up")), 1, 1, 4,
           5),
    REJECT("resize", "neither", "give either sizes or scale", A(LIN), 1, 1, 4, 5),
    REJECT("resize", "both", "give either sizes or scale", A(AV("sizes", 3, 3), AF("scale_h", 2)),
           1, 1, 4, 5),
    REJECT("resize", "one_size", "sizes has 1 entries", A(AV("sizes", 3)), 1, 1, 4, 5),
    REJECT("resize", "negative", "cannot go from 4 to -1", A(AV("sizes", -1, 3)), 1, 1, 4, 5),
    REJECT("resize", "scale", "scale_w is -1", A(AF("scale_w", -1)), 1, 1, 5),
    REJECT("resize", "to_nothing", "cannot go from 4 to 0", A(AV("sizes", 0, 3)), 1, 1, 4, 5),
    {.op = "resize",
     .name = "linear_i32",
     .in = {I32(0, 9, 1, 1, 4, 5)},
     .attrs = A(AV("sizes", 3, 3), LIN),
     .reject = "i32"},

    BACK("linear_crop",
         A(AV("input_size", 4, 5), LIN, AT("tf_crop_and_resize"), AF("crop_top", -0.4),
           AF("crop_left", 0.2), AF("crop_bottom", 1.2), AF("crop_right", 0.1)),
         2, 3, 7, 11),
    BACK("nearest", A(AV("input_size", 4, 5)), 2, 3, 7, 11),
    BACK("nearest_down", A(AV("input_size", 7, 5)), 1, 2, 3, 2),
    BACK("nearest_scales", A(AV("input_size", 5, 7), AF("scale_h", 1.7), AF("scale_w", 0.6)), 1, 2,
         8, 4),
    BACK("linear", A(AV("input_size", 4, 5), LIN), 2, 3, 7, 11),
    BACK("linear_down", A(AV("input_size", 7, 5), LIN), 1, 2, 3, 2),
    BACK("linear_corners", A(AV("input_size", 4, 5), LIN, AT("align_corners")), 1, 2, 9, 1),
    BACK("linear_asymmetric", A(AV("input_size", 4, 5), LIN, AT("asymmetric")), 1, 2, 9, 3),
    BACK("linear_symmetric",
         A(AV("input_size", 5, 7), AF("scale_h", 1.7), AF("scale_w", 0.6), LIN,
           AT("half_pixel_symmetric")),
         1, 2, 8, 4),
    BACK("sequence", A(AV("input_size", 7), LIN), 2, 3, 13),
    BACK("of_one", A(AV("input_size", 1, 1), LIN), 1, 1, 3, 4),
    BACK("large", A(AV("input_size", 3, 2), LIN), 1, 2, 61, 37),
    BACK("no_images", A(AV("input_size", 4, 5)), 0, 3, 7, 11),
    REJECT("resize_grad", "size", "input_size has 1 entries", A(AV("input_size", 4)), 1, 1, 3, 3),
    REJECT("resize_grad", "scale", "not 4 times 2", A(AV("input_size", 4, 5), AF("scale_h", 2)), 1,
           1, 7, 5),
    REJECT("resize_grad", "nothing", "cannot come from 0", A(AV("input_size", 0, 5)), 1, 1, 3, 3),
};

OP_FAMILY(resize, cases, resize_golden);
