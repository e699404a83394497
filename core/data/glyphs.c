#include "data/glyphs.h"

#include "base/compiler.h"

#define LINES(n_points, ...)       \
    {                              \
        TN_STROKE_LINES, n_points, \
        {                          \
            __VA_ARGS__            \
        }                          \
    }
#define CURVE(n_points, ...)       \
    {                              \
        TN_STROKE_CURVE, n_points, \
        {                          \
            __VA_ARGS__            \
        }                          \
    }
#define LOOP(n_points, ...)       \
    {                             \
        TN_STROKE_LOOP, n_points, \
        {                         \
            __VA_ARGS__           \
        }                         \
    }

static const struct tn_glyph zero[] = {
    {1, {LOOP(8, {30, 0}, {52, 14}, {60, 50}, {52, 86}, {30, 100}, {8, 86}, {0, 50}, {8, 14})}},
    {1,
     {CURVE(9, {36, 2}, {12, 12}, {0, 50}, {10, 88}, {32, 100}, {54, 84}, {60, 46}, {50, 12},
            {26, 2})}},
};

static const struct tn_glyph one[] = {
    {1, {LINES(2, {30, 0}, {30, 100})}},
    {1, {LINES(3, {10, 24}, {34, 0}, {34, 100})}},
    {2, {LINES(3, {12, 22}, {32, 0}, {32, 100}), LINES(2, {10, 100}, {54, 100})}},
};

static const struct tn_glyph two[] = {
    {2,
     {CURVE(8, {4, 24}, {12, 6}, {30, 0}, {50, 8}, {56, 28}, {46, 50}, {24, 74}, {2, 100}),
      LINES(2, {2, 100}, {60, 100})}},
    {1,
     {CURVE(10, {4, 22}, {20, 2}, {46, 6}, {53, 30}, {36, 62}, {14, 92}, {2, 92}, {8, 80}, {30, 88},
            {60, 98})}},
};

static const struct tn_glyph three[] = {
    {2,
     {CURVE(6, {4, 12}, {28, 0}, {52, 12}, {53, 32}, {40, 45}, {20, 48}),
      CURVE(6, {20, 48}, {50, 56}, {60, 76}, {46, 96}, {22, 100}, {2, 88})}},
    {2,
     {LINES(3, {6, 0}, {54, 0}, {26, 40}),
      CURVE(6, {26, 40}, {50, 46}, {60, 70}, {44, 96}, {20, 100}, {2, 88})}},
};

static const struct tn_glyph four[] = {
    {1, {LINES(4, {42, 100}, {42, 0}, {0, 68}, {60, 68})}},
    {2, {LINES(3, {10, 0}, {4, 54}, {58, 54}), LINES(2, {46, 6}, {44, 100})}},
    {2, {CURVE(4, {14, 0}, {6, 30}, {10, 52}, {50, 50}), LINES(2, {52, 2}, {46, 100})}},
};

static const struct tn_glyph five[] = {
    {2,
     {LINES(3, {54, 0}, {12, 0}, {8, 44}),
      CURVE(7, {8, 44}, {30, 36}, {54, 48}, {58, 72}, {44, 94}, {22, 100}, {2, 88})}},
    {2,
     {CURVE(8, {14, 2}, {10, 24}, {12, 42}, {40, 44}, {56, 66}, {46, 92}, {24, 100}, {4, 92}),
      LINES(2, {14, 2}, {56, 0})}},
};

static const struct tn_glyph six[] = {
    {1,
     {CURVE(11, {50, 4}, {26, 12}, {6, 44}, {2, 74}, {16, 98}, {38, 100}, {56, 84}, {54, 60},
            {36, 48}, {14, 56}, {4, 74})}},
    {1,
     {CURVE(10, {36, 0}, {14, 30}, {3, 66}, {8, 92}, {28, 100}, {50, 90}, {52, 68}, {38, 56},
            {18, 62}, {6, 80})}},
};

static const struct tn_glyph seven[] = {
    {1, {LINES(3, {2, 0}, {58, 0}, {22, 100})}},
    {2, {LINES(3, {2, 0}, {58, 0}, {24, 100}), LINES(2, {18, 52}, {54, 50})}},
    {1, {CURVE(6, {2, 8}, {28, 3}, {57, 2}, {42, 34}, {30, 68}, {26, 100})}},
};

static const struct tn_glyph eight[] = {
    {2,
     {LOOP(6, {30, 0}, {50, 10}, {50, 36}, {30, 47}, {10, 36}, {10, 10}),
      LOOP(6, {30, 47}, {54, 60}, {57, 84}, {30, 100}, {3, 84}, {6, 60})}},
    {1,
     {LOOP(10, {52, 14}, {30, 0}, {8, 14}, {14, 36}, {46, 60}, {58, 82}, {30, 100}, {2, 82},
           {14, 60}, {46, 38})}},
};

static const struct tn_glyph nine[] = {
    {2,
     {LOOP(7, {30, 0}, {50, 8}, {55, 30}, {40, 50}, {16, 50}, {2, 30}, {10, 8}),
      CURVE(4, {55, 24}, {54, 50}, {46, 78}, {34, 100})}},
    {2,
     {LOOP(7, {30, 0}, {50, 8}, {55, 28}, {40, 48}, {16, 48}, {2, 28}, {10, 8}),
      LINES(2, {56, 4}, {50, 100})}},
    {2,
     {LOOP(7, {30, 0}, {50, 8}, {55, 28}, {40, 46}, {16, 46}, {3, 28}, {10, 8}),
      CURVE(5, {55, 22}, {57, 60}, {46, 92}, {22, 100}, {4, 90})}},
};

const struct tn_glyph *tn_glyphs(int digit, int *out_n)
{
    static const struct {
        const struct tn_glyph *glyphs;
        int n;
    } table[10] = {
        {zero, TN_LEN(zero)},   {one, TN_LEN(one)},   {two, TN_LEN(two)}, {three, TN_LEN(three)},
        {four, TN_LEN(four)},   {five, TN_LEN(five)}, {six, TN_LEN(six)}, {seven, TN_LEN(seven)},
        {eight, TN_LEN(eight)}, {nine, TN_LEN(nine)},
    };
    *out_n = table[digit].n;
    return table[digit].glyphs;
}
