/* Draws one digit: pick a way to write it, bend and jitter the strokes, place them by a random
 * affine map, ink by distance to the strokes, then wear: strength, blot, stray marks, noise. */
#include "data/digits.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/rng.h"
#include "data/glyphs.h"

enum { SIDE = TN_DIGIT_SIDE, PIXELS = TN_DIGIT_PIXELS, STEPS = 6 };
/* Blocks of draws: parameters from 0, pixels' noise and points' jitter apart from them. */
enum { BLOCK_NOISE = 1 << 10, BLOCK_JITTER = 1 << 20 };

struct dice {
    uint64_t key, sample;
    uint32_t n_drawn;
};

struct point {
    float x, y;
};

/* The map from the glyph's box to pixels. */
struct pose {
    float bend[4];        /* quadratic warp, in units of the box's height */
    float xx, xy, yx, yy; /* affine */
    struct point centre;  /* in pixels */
    float jitter;         /* of points, in units of the box's height */
};

/* One draw a statement or declarator, never two among arguments or in braces: C leaves their order
 * open, and compilers differ. */
static uint32_t draw(struct dice *dice)
{
    struct tn_philox block = tn_philox(dice->key, dice->n_drawn / 4, dice->sample);
    return block.v[dice->n_drawn++ % 4];
}

static float uniform(struct dice *dice, float lo, float hi)
{
    return lo + (hi - lo) * tn_rng_unit(draw(dice));
}

static int pick(struct dice *dice, int n)
{
    return (int)((uint64_t)draw(dice) * (uint64_t)n >> 32);
}

static struct pose random_pose(struct dice *dice)
{
    struct pose pose;
    for (int i = 0; i < 4; i++)
        pose.bend[i] = uniform(dice, -0.2f, 0.2f);
    /* Rotation by way of t = tan(angle / 2): no sine whose last bit differs between C libraries. */
    float t = uniform(dice, -0.15f, 0.15f);
    float c = (1 - t * t) / (1 + t * t), s = 2 * t / (1 + t * t);
    float height = uniform(dice, 16.0f, 21.0f);
    float width = height * uniform(dice, 0.8f, 1.2f);
    float shear = uniform(dice, -0.2f, 0.25f);
    pose.xx = c * width;
    pose.yx = s * width;
    pose.xy = c * width * shear - s * height;
    pose.yy = s * width * shear + c * height;
    pose.centre.x = 0.5f * SIDE + uniform(dice, -3.0f, 3.0f);
    pose.centre.y = 0.5f * SIDE + uniform(dice, -2.8f, 2.8f);
    pose.jitter = uniform(dice, 0.0f, 0.035f);
    return pose;
}

/* A point of the box to pixels. Jitter hangs on the place, so that strokes that meet still do. */
static struct point place(const struct dice *dice, const struct pose *pose, const int8_t xy[2])
{
    struct tn_philox random =
        tn_philox(dice->key, BLOCK_JITTER + (uint64_t)(xy[0] * 128 + xy[1]), dice->sample);
    float x = ((float)xy[0] - 30) * 0.01f, y = ((float)xy[1] - 50) * 0.01f;
    x += pose->jitter * (2 * tn_rng_unit(random.v[0]) - 1);
    y += pose->jitter * (2 * tn_rng_unit(random.v[1]) - 1);
    float u = x + pose->bend[0] * y * y + pose->bend[1] * x * y;
    float v = y + pose->bend[2] * x * x + pose->bend[3] * x * y;
    return (struct point){pose->centre.x + pose->xx * u + pose->xy * v,
                          pose->centre.y + pose->yx * u + pose->yy * v};
}

/* Lowers the squared distance of the pixels around the segment a-b. */
static void add_segment(float *distance2, struct point a, struct point b, float reach)
{
    float dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    int x0 = TN_MAX(0, (int)(TN_MIN(a.x, b.x) - reach));
    int y0 = TN_MAX(0, (int)(TN_MIN(a.y, b.y) - reach));
    int x1 = TN_MIN(SIDE - 1, (int)(TN_MAX(a.x, b.x) + reach));
    int y1 = TN_MIN(SIDE - 1, (int)(TN_MAX(a.y, b.y) + reach));
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            float px = (float)x + 0.5f - a.x, py = (float)y + 0.5f - a.y;
            float t = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy, d2 = ex * ex + ey * ey;
            if (d2 < distance2[y * SIDE + x])
                distance2[y * SIDE + x] = d2;
        }
    }
}

/* Uniform Catmull-Rom spline from p[1] to p[2]. */
static struct point spline(const struct point p[4], float t)
{
    float a = t * (-0.5f + t * (1 - 0.5f * t)), b = 1 + t * t * (-2.5f + 1.5f * t);
    float c = t * (0.5f + t * (2 - 1.5f * t)), d = t * t * (-0.5f + 0.5f * t);
    return (struct point){a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x,
                          a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

static void add_stroke(float *distance2, const struct tn_stroke *stroke, const struct point *point,
                       float reach)
{
    int n = stroke->n, closed = stroke->kind == TN_STROKE_LOOP;
    for (int i = 0; i + 1 < n + closed; i++) {
        if (stroke->kind == TN_STROKE_LINES) {
            add_segment(distance2, point[i], point[i + 1], reach);
            continue;
        }
        /* Open ends repeat their last point. */
        struct point p[4] = {
            closed ? point[(i + n - 1) % n] : point[TN_MAX(i - 1, 0)],
            point[i],
            point[(i + 1) % n],
            closed ? point[(i + 2) % n] : point[TN_MIN(i + 2, n - 1)],
        };
        struct point from = p[1];
        for (int step = 1; step <= STEPS; step++) {
            struct point to = spline(p, (float)step / STEPS);
            add_segment(distance2, from, to, reach);
            from = to;
        }
    }
}

static void clear_distance(float *distance2)
{
    for (int i = 0; i < PIXELS; i++)
        distance2[i] = 1e6f;
}

/* Brightens by the pen's coverage: 1 inside, 0 outside, a soft edge between. */
static void add_ink(float *image, const float *distance2, float radius, float edge, float strength)
{
    for (int i = 0; i < PIXELS; i++) {
        float cover = 0.5f + (radius - sqrtf(distance2[i])) / edge;
        cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
        image[i] = TN_MAX(image[i], cover * strength);
    }
}

static void draw_glyph(struct dice *dice, int digit, float *image)
{
    float distance2[PIXELS];
    int n_styles;
    const struct tn_glyph *glyphs = tn_glyphs(digit, &n_styles);
    const struct tn_glyph *glyph = &glyphs[pick(dice, n_styles)];
    struct pose pose = random_pose(dice);
    float radius = uniform(dice, 0.7f, 1.6f), edge = uniform(dice, 0.8f, 1.8f);
    float strength = uniform(dice, 0.6f, 1.0f);
    clear_distance(distance2);
    for (int s = 0; s < glyph->n_strokes; s++) {
        const struct tn_stroke *stroke = &glyph->strokes[s];
        struct point point[TN_GLYPH_MAX_POINTS];
        for (int i = 0; i < stroke->n; i++)
            point[i] = place(dice, &pose, stroke->xy[i]);
        add_stroke(distance2, stroke, point, radius + edge + 1);
    }
    add_ink(image, distance2, radius, edge, strength);
}

/* Up to two short marks that belong to no digit. */
static void draw_marks(struct dice *dice, float *image)
{
    float distance2[PIXELS];
    clear_distance(distance2);
    int n = pick(dice, 3);
    for (int i = 0; i < n; i++) {
        struct point a, b;
        a.x = uniform(dice, 0, SIDE);
        a.y = uniform(dice, 0, SIDE);
        b.x = a.x + uniform(dice, -4, 4);
        b.y = a.y + uniform(dice, -4, 4);
        add_segment(distance2, a, b, 3);
    }
    float radius = uniform(dice, 0.3f, 0.7f), strength = uniform(dice, 0.2f, 0.6f);
    add_ink(image, distance2, radius, 1, strength);
}

/* A patch where the ink did not take. */
static void fade_patch(struct dice *dice, float *image)
{
    float x0 = uniform(dice, 2, SIDE - 6), y0 = uniform(dice, 2, SIDE - 6);
    float w = uniform(dice, 1, 4), h = uniform(dice, 1, 4), keep = uniform(dice, 0.3f, 1);
    for (int y = (int)y0; y < (int)(y0 + h); y++)
        for (int x = (int)x0; x < (int)(x0 + w); x++)
            image[y * SIDE + x] *= keep;
}

uint8_t tn_digit_draw(uint64_t key, uint64_t index, uint8_t *out_pixels)
{
    struct dice dice = {.key = key, .sample = index};
    float image[PIXELS] = {0};
    int digit = pick(&dice, 10);
    draw_glyph(&dice, digit, image);
    fade_patch(&dice, image);
    draw_marks(&dice, image);
    float paper = uniform(&dice, 0, 0.12f), noise = uniform(&dice, 0, 0.09f);
    for (int i = 0; i < PIXELS; i++) {
        /* The sum of four uniform draws: near enough to a normal one. */
        struct tn_philox r = tn_philox(key, BLOCK_NOISE + (uint64_t)i, index);
        float sum = tn_rng_unit(r.v[0]) + tn_rng_unit(r.v[1]) + tn_rng_unit(r.v[2]) +
                    tn_rng_unit(r.v[3]) - 2;
        float value = 255 * (paper + (1 - paper) * image[i] + noise * sum) + 0.5f;
        out_pixels[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    return (uint8_t)digit;
}
