/* SPDX-License-Identifier: MIT
 *
 * Convolution without unrolled windows: a register tile of filters by places is fed by vectors of x
 * itself, one for each tap. Places run on over the padded rows of a band; those that fall between
 * two rows are computed and dropped. For the gradient of the weights a register tile of taps by
 * filters walks the real places; with few filters, vectors of places are summed instead, over
 * copies of dy that are zero between rows. After Georganas et al., "Anatomy of High-Performance
 * Deep Learning Convolutions on SIMD Architectures" (2018). */
#include <math.h>

#include "conv.h"
#include "gemm.h"
#include "tile.h"

enum { PART_FLOATS = 96 * 1024, RUN_PLACES = 512, SUMS = 4 };
enum { TAPS = LANES == 16 ? 8 : MR }; /* of a tile of the weight gradient */

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t copies(const struct cpu_direct *d)
{
    return cpu_volume(d->g.step);
}

/* Places of a whole band, and their room in copies of dy. */
static int64_t places(const struct cpu_direct *d, int64_t rows)
{
    return (rows - 1) * d->q[2] + d->g.out[2];
}
static int64_t padded_places(const struct cpu_direct *d)
{
    return div_up(places(d, d->rows), LANES) * LANES;
}

/* Filters as vectors of the weight gradient hold them. */
static int64_t padded_filters(const struct cpu_direct *d)
{
    return div_up(d->g.co, LANES) * LANES;
}

static uint64_t floats_bytes(int64_t n)
{
    return cpu_align_up((uint64_t)n * sizeof(float));
}

static void set_rows(struct cpu_direct *d, int64_t rows)
{
    const struct cpu_conv_geometry *g = &d->g;
    d->rows = cpu_max64(1, cpu_min64(rows, g->out[1]));
    d->bands = div_up(g->out[1], d->rows);
    d->q[0] = 1 + (g->k[0] - 1) * g->dilation[0] / g->step[0];
    d->q[1] = d->rows + (g->k[1] - 1) * g->dilation[1] / g->step[1];
    d->q[2] = g->out[2] + (g->k[2] - 1) * g->dilation[2] / g->step[2];
    d->channel = copies(d) * d->run * cpu_volume(d->q);
}

/* Bytes of a thread beside its part of x. */
static uint64_t own_bytes(const struct cpu_direct *d, enum cpu_conv_task task)
{
    const struct cpu_conv_geometry *g = &d->g;
    if (task != CPU_TASK_WEIGHT)
        return floats_bytes(MR * NR);
    if (d->sums)
        return floats_bytes(g->co * d->run * padded_places(d)) +
               floats_bytes(g->groups * g->co * d->taps);
    return floats_bytes(padded_filters(d) * d->run * d->rows * g->out[2]) +
           floats_bytes(g->groups * padded_filters(d) * d->taps);
}

bool CPU_SYM(cpu_direct_plan)(const struct cpu_conv_geometry *g, enum cpu_conv_task task,
                              uint32_t n_threads, struct cpu_direct *out_d)
{
    struct cpu_direct d = {.g = *g, .taps = g->ci * cpu_volume(g->k), .run = 1};
    if (cpu_volume(g->out) == 0 || g->n == 0 || g->ci == 0 || g->co == 0)
        return false;
    set_rows(&d, 1);
    int64_t row = g->ci * copies(&d) * d.q[0] * d.q[2]; /* floats of one row of every channel */
    set_rows(&d, PART_FLOATS / row - (d.q[1] - 1));
    int64_t units = g->n * g->groups * g->out[0] * d.bands;
    if (units < n_threads && task != CPU_TASK_WEIGHT)
        set_rows(&d, div_up(g->out[1], div_up(n_threads, units)));
    d.panel = CPU_SYM(cpu_direct_panel)(g->co);
    d.sums = g->co < LANES / 2;
    int64_t step = task == CPU_TASK_WEIGHT ? LANES : NR;
    double filled =
        (double)(g->out[2] * d.rows) / (double)(div_up(places(&d, d.rows), step) * step);
    if ((filled < 0.4 && (task != CPU_TASK_WEIGHT || d.sums)) || d.channel > INT32_MAX / 2 / g->ci)
        return false;
    if (task == CPU_TASK_WEIGHT) {
        int64_t part = cpu_max64(1, PART_FLOATS / (g->ci * d.channel));
        d.run = cpu_max64(1, cpu_min64(part, RUN_PLACES / padded_places(&d)));
        set_rows(&d, d.rows);
    }
    d.part_bytes = floats_bytes(g->ci * d.channel + NR);
    d.packed_bytes = floats_bytes(g->groups * div_up(g->co, d.panel) * MR * d.taps);
    d.thread_bytes = d.part_bytes + own_bytes(&d, task);
    *out_d = d;
    return true;
}

bool CPU_SYM(cpu_direct_plan_input)(const struct cpu_conv_geometry *g, uint32_t n_threads,
                                    struct cpu_direct *out_d)
{
    struct cpu_conv_geometry t = *g;
    t.ci = g->co;
    t.co = g->ci;
    for (int a = 0; a < 3; a++) {
        t.in[a] = g->out[a];
        t.out[a] = g->in[a];
        t.pad[a] = g->dilation[a] * (g->k[a] - 1) - g->pad[a];
        if (g->step[a] != 1)
            return false;
    }
    if (!CPU_SYM(cpu_direct_plan)(&t, CPU_TASK_INPUT, n_threads, out_d))
        return false;
    out_d->flip = true;
    return true;
}

/* Where tap `t` of the kernel lies from a place's first cell, in a channel's copies. */
static int64_t tap_offset(const struct cpu_direct *d, int64_t t)
{
    const struct cpu_conv_geometry *g = &d->g;
    int64_t tap[3] = {t / (g->k[1] * g->k[2]), t / g->k[2] % g->k[1], t % g->k[2]};
    int64_t copy = 0, at = 0;
    for (int a = 0; a < 3; a++) {
        int64_t far = tap[a] * g->dilation[a];
        copy = copy * g->step[a] + far % g->step[a];
        at = at * d->q[a] + far / g->step[a];
    }
    return copy * d->run * cpu_volume(d->q) + at;
}

tnb_status CPU_SYM(cpu_direct_offsets)(const tnb_instance *inst, struct cpu_direct *d,
                                       tnb_error *err)
{
    int64_t cells = cpu_volume(d->g.k);
    d->offset = cpu_alloc(inst, (uint64_t)d->taps * sizeof *d->offset);
    if (!d->offset)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory to prepare a convolution");
    for (int64_t t = 0; t < d->taps; t++)
        d->offset[t] = (int32_t)(t / cells * d->channel + tap_offset(d, t % cells));
    return TNB_OK;
}

uint64_t CPU_SYM(cpu_direct_scratch)(const struct cpu_direct *d, enum cpu_conv_task task,
                                     uint32_t n_threads)
{
    return n_threads * d->thread_bytes + (task == CPU_TASK_WEIGHT ? 0 : d->packed_bytes);
}

/* --- a unit's part of x --- */

struct unit {
    int64_t image, group, depth, row, rows;
};

static struct unit unit_at(const struct cpu_direct *d, int64_t u)
{
    struct unit at = {.row = u % d->bands * d->rows};
    u /= d->bands;
    at.depth = u % d->g.out[0];
    u /= d->g.out[0];
    at.group = u % d->g.groups;
    at.image = u / d->g.groups;
    at.rows = cpu_min64(d->rows, d->g.out[1] - at.row);
    return at;
}

/* to[i] = from[first + i * step] for i in [0, n), zero where that lies outside [0, size). */
static void copy_row(float *to, const float *from, int64_t first, int64_t step, int64_t size,
                     int64_t n)
{
    int64_t lo = first < 0 ? cpu_min64(n, (-first + step - 1) / step) : 0;
    int64_t hi = first < size ? cpu_min64(n, (size - 1 - first) / step + 1) : 0;
    for (int64_t i = 0; i < lo; i++)
        to[i] = 0;
    if (step == 1)
        for (int64_t i = lo; i < hi; i++)
            to[i] = from[first + i];
    else
        for (int64_t i = lo; i < hi; i++)
            to[i] = from[first + i * step];
    for (int64_t i = cpu_max64(lo, hi); i < n; i++)
        to[i] = 0;
}

/* One copy, that begins at cell first[] of a channel x. */
static void copy_cells(const struct cpu_direct *d, float *to, const float *x,
                       const int64_t first[3])
{
    const struct cpu_conv_geometry *g = &d->g;
    for (int64_t z = 0; z < d->q[0]; z++)
        for (int64_t r = 0; r < d->q[1]; r++, to += d->q[2]) {
            int64_t iz = first[0] + z * g->step[0], iy = first[1] + r * g->step[1];
            if (iz < 0 || iz >= g->in[0] || iy < 0 || iy >= g->in[1])
                memset(to, 0, (size_t)d->q[2] * sizeof *to);
            else
                copy_row(to, x + (iz * g->in[1] + iy) * g->in[2], first[2], g->step[2], g->in[2],
                         d->q[2]);
        }
}

/* `slot`: which of the run's units. */
static void copy_part(const struct cpu_direct *d, float *part, const float *x, const struct unit *u,
                      int64_t slot)
{
    const struct cpu_conv_geometry *g = &d->g;
    int64_t size = cpu_volume(d->q), step = g->step[1] * g->step[2];
    x += (u->image * g->groups + u->group) * g->ci * cpu_volume(g->in);
    for (int64_t c = 0; c < g->ci; c++, x += cpu_volume(g->in))
        for (int64_t e = 0; e < copies(d); e++) {
            const int64_t first[3] = {
                u->depth * g->step[0] - g->pad[0] + e / step,
                u->row * g->step[1] - g->pad[1] + e / g->step[2] % g->step[1],
                e % g->step[2] - g->pad[2],
            };
            copy_cells(d, part + c * d->channel + (e * d->run + slot) * size, x, first);
        }
}

/* --- forward --- */

/* w as panels of filters [group, panel, tap, MR], zeros beyond the panel's or the last filter.
 * [lo, hi) counts (group, panel). */
static void pack_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_direct_args *a = arg;
    const struct cpu_direct *d = a->d;
    const struct cpu_conv_geometry *g = &d->g;
    int64_t cells = cpu_volume(g->k), panels = div_up(g->co, d->panel);
    for (int64_t i = lo; i < hi; i++) {
        int64_t first = i % panels * d->panel, n = cpu_min64(d->panel, g->co - first);
        const float *w = a->w + i / panels * g->co * d->taps;
        float *to = (float *)(void *)a->scratch + i * MR * d->taps;
        if (n < MR)
            memset(to, 0, (size_t)(MR * d->taps) * sizeof *to);
        if (!d->flip) {
            CPU_SYM(cpu_turn)(to, MR, w + first * d->taps, d->taps, n, d->taps);
            continue;
        }
        for (int64_t c = 0; c < g->ci; c++, to += cells * MR)
            for (int64_t o = 0; o < n; o++) {
                const float *from = w + (c * g->co + first + o) * cells;
                for (int64_t cell = 0; cell < cells; cell++)
                    to[(cells - 1 - cell) * MR + o] = from[cell];
            }
    }
}

/* temp[rows, NR] of the places from x on. Called with constants. */
CPU_INLINE void tile(float *temp, const float *a, const float *x, const int32_t *offset,
                     int64_t taps, const int rows)
{
    vec acc[MR][2];
    for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = (vec){0};
    for (int64_t t = 0; t < taps; t++, a += MR) {
        vec b0, b1;
        memcpy(&b0, x + offset[t], sizeof b0);
        memcpy(&b1, x + offset[t] + LANES, sizeof b1);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            acc[i][0] += a[i] * b0;
            acc[i][1] += a[i] * b1;
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
        memcpy(temp + i * NR, acc[i], sizeof acc[i]);
}

static void tile_of(int64_t rows, float *temp, const float *a, const float *x,
                    const int32_t *offset, int64_t taps)
{
    if (rows == 1)
        tile(temp, a, x, offset, taps, 1);
    else if (rows == 2)
        tile(temp, a, x, offset, taps, 2);
    else if (rows <= 4)
        tile(temp, a, x, offset, taps, 4);
    else if (rows <= 8 && MR > 8)
        tile(temp, a, x, offset, taps, 8 < MR ? 8 : MR);
    else
        tile(temp, a, x, offset, taps, MR);
}

/* Keeps those of NR places from `from` on that are real; y: the first filter's band. */
static void keep(const struct cpu_direct *d, float *y, const float *temp, const float *bias,
                 int64_t filters, int64_t from, int64_t rows)
{
    int64_t plane = cpu_volume(d->g.out), ow = d->g.out[2];
    int64_t end = cpu_min64(from + NR, places(d, rows));
    for (int64_t p = from; p < end;) {
        int64_t r = p / d->q[2], c = p % d->q[2];
        int64_t n = cpu_min64(ow - c, end - p);
        for (int64_t f = 0; f < filters && n > 0; f++) {
            float add = bias ? bias[f] : 0, *to = y + f * plane + r * ow + c;
            const float *source = temp + f * NR + p - from;
            for (int64_t i = 0; i < n; i++)
                to[i] = source[i] + add;
        }
        p += d->q[2] - c;
    }
}

/* `rows` rows of one filter from row r on, written where they belong. Called with constants. */
CPU_INLINE void single_rows(const struct cpu_direct *d, float *y, const float *part, const float *a,
                            float bias, int64_t r, const int rows)
{
    int64_t ow = d->g.out[2];
    for (int64_t c = 0; c < ow; c += LANES) {
        size_t bytes = (size_t)cpu_min64(LANES, ow - c) * sizeof *y;
        vec acc[4];
        for (int i = 0; i < rows; i++)
            acc[i] = (vec){0} + bias;
        for (int64_t t = 0; t < d->taps; t++)
            for (int i = 0; i < rows; i++) {
                vec x;
                memcpy(&x, part + d->offset[t] + (r + i) * d->q[2] + c, sizeof x);
                acc[i] += a[t * MR] * x;
            }
        for (int i = 0; i < rows; i++)
            memcpy(y + (r + i) * ow + c, &acc[i], bytes);
    }
}

/* A unit of one filter: rows go to y as they are made, four at a time. */
static void single_unit(const struct cpu_direct *d, float *y, const float *part, const float *a,
                        float bias, int64_t rows)
{
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        single_rows(d, y, part, a, bias, r, 4);
    for (; r < rows; r++)
        single_rows(d, y, part, a, bias, r, 1);
}

static void forward_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_direct_args *a = arg;
    const struct cpu_direct *d = a->d;
    const struct cpu_conv_geometry *g = &d->g;
    const float *packed = (const float *)(const void *)a->scratch;
    float *part = (float *)(void *)(a->scratch + d->packed_bytes + piece * d->thread_bytes);
    float *temp = part + d->part_bytes / sizeof(float);
    int64_t panels = div_up(g->co, d->panel);
    for (int64_t i = lo; i < hi; i++) {
        struct unit u = unit_at(d, i);
        copy_part(d, part, a->x, &u, 0);
        if (g->co == 1 && g->out[2] >= LANES / 2) {
            float *y = a->y + (u.image * g->groups + u.group) * cpu_volume(g->out) +
                       (u.depth * g->out[1] + u.row) * g->out[2];
            single_unit(d, y, part, packed + u.group * MR * d->taps, a->bias ? a->bias[u.group] : 0,
                        u.rows);
            continue;
        }
        for (int64_t p = 0; p < places(d, u.rows); p += NR)
            for (int64_t f = 0; f < panels; f++) {
                int64_t first = u.group * g->co + f * d->panel;
                int64_t n = cpu_min64(d->panel, g->co - f * d->panel);
                tile_of(n, temp, packed + (u.group * panels + f) * MR * d->taps, part + p,
                        d->offset, d->taps);
                float *y = a->y + (u.image * g->groups * g->co + first) * cpu_volume(g->out) +
                           (u.depth * g->out[1] + u.row) * g->out[2];
                keep(d, y, temp, a->bias ? a->bias + first : NULL, n, p, u.rows);
            }
    }
}

void CPU_SYM(cpu_direct_forward)(struct cpu_pool *pool, const struct cpu_direct_args *a)
{
    const struct cpu_direct *d = a->d;
    cpu_parallel(pool, d->g.groups * div_up(d->g.co, d->panel), 1 + CPU_GRAIN / (MR * d->taps),
                 pack_range, a);
    int64_t units = d->g.n * d->g.groups * d->g.out[0] * d->bands;
    int64_t work = d->taps * d->g.co * d->rows * d->g.out[2];
    cpu_parallel(pool, units, 1 + 200000 / (work + 1), forward_range, a);
}

/* --- the gradient of the weights, few filters: sums over places --- */

/* dy of a unit, rows as wide as the copies of x, zeros between: [co, slot, places]. */
static void copy_dy(const struct cpu_direct *d, float *to, const float *dy, const struct unit *u,
                    int64_t slot)
{
    const struct cpu_conv_geometry *g = &d->g;
    int64_t room = padded_places(d), ow = g->out[2];
    dy += (u->image * g->groups + u->group) * g->co * cpu_volume(g->out) +
          (u->depth * g->out[1] + u->row) * ow;
    for (int64_t o = 0; o < g->co; o++, dy += cpu_volume(g->out)) {
        float *row = to + (o * d->run + slot) * room;
        memset(row, 0, (size_t)room * sizeof *row);
        for (int64_t r = 0; r < u->rows; r++)
            memcpy(row + r * d->q[2], dy + r * ow, (size_t)ow * sizeof *row);
    }
}

struct sums {
    const float *dy, *part;
    float *dw; /* of the group */
    int64_t slots;
};

/* dw of `rows` filters from o and SUMS taps from t; those beyond the last repeat it. */
CPU_INLINE void sum_tile(const struct cpu_direct *d, const struct sums *s, int64_t o, int64_t t,
                         const int rows)
{
    int64_t room = padded_places(d), part = cpu_volume(d->q);
    const float *a[SUMS], *b[SUMS];
    vec acc[SUMS][SUMS];
    for (int i = 0; i < SUMS; i++) {
        a[i] = s->dy + cpu_min64(o + i, d->g.co - 1) * d->run * room;
        b[i] = s->part + d->offset[cpu_min64(t + i, d->taps - 1)];
        for (int j = 0; j < SUMS; j++)
            acc[i][j] = (vec){0};
    }
    for (int64_t slot = 0; slot < s->slots; slot++)
        for (int64_t p = 0; p < room; p += LANES) {
            vec x[SUMS], y[SUMS];
#pragma GCC unroll 4
            for (int i = 0; i < SUMS; i++)
                memcpy(&x[i], b[i] + slot * part + p, sizeof x[i]);
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++) {
                memcpy(&y[i], a[i] + slot * room + p, sizeof y[i]);
#pragma GCC unroll 4
                for (int j = 0; j < SUMS; j++)
                    acc[i][j] += y[i] * x[j];
            }
        }
    for (int64_t i = 0; i < rows && o + i < d->g.co; i++)
        for (int64_t j = 0; j < SUMS && t + j < d->taps; j++) {
            float lane[LANES];
            memcpy(lane, &acc[i][j], sizeof lane);
            for (int w = LANES / 2; w > 0; w /= 2)
                for (int l = 0; l < w; l++)
                    lane[l] += lane[l + w];
            s->dw[(o + i) * d->taps + t + j] += lane[0];
        }
}

static void add_run(const struct cpu_direct *d, const struct sums *s)
{
    for (int64_t o = 0; o < d->g.co; o += SUMS)
        for (int64_t t = 0; t < d->taps; t += SUMS)
            if (d->g.co - o == 1)
                sum_tile(d, s, o, t, 1);
            else
                sum_tile(d, s, o, t, SUMS);
}

/* --- many filters: taps by filters --- */

/* dy of a unit's real places [slot, place, filter]; filters beyond the last are zero. */
static void turn_dy(const struct cpu_direct *d, float *to, const float *dy, const struct unit *u,
                    int64_t slot)
{
    const struct cpu_conv_geometry *g = &d->g;
    int64_t n = u->rows * g->out[2], cp = padded_filters(d);
    dy += (u->image * g->groups + u->group) * g->co * cpu_volume(g->out) +
          (u->depth * g->out[1] + u->row) * g->out[2];
    to += slot * d->rows * g->out[2] * cp;
    if (cp > g->co || u->rows < d->rows)
        memset(to, 0, (size_t)(d->rows * g->out[2] * cp) * sizeof *to);
    CPU_SYM(cpu_turn)(to, cp, dy, cpu_volume(g->out), g->co, n);
}

/* dw[TAPS, vecs] from tap t on, of the filters that dy begins with; dw's rows are cp apart. */
CPU_INLINE void tap_tile(const struct cpu_direct *d, const struct sums *s, const float *dy,
                         float *dw, int64_t t, const int vecs)
{
    const struct cpu_conv_geometry *g = &d->g;
    int64_t cp = padded_filters(d), part = cpu_volume(d->q), n = cpu_min64(TAPS, d->taps - t);
    int64_t ow = g->out[2];
    const float *x[TAPS];
    vec acc[TAPS][2];
    for (int i = 0; i < TAPS; i++) {
        x[i] = s->part + d->offset[cpu_min64(t + i, d->taps - 1)];
        acc[i][0] = acc[i][1] = (vec){0};
    }
    for (int64_t slot = 0; slot < s->slots; slot++)
        for (int64_t r = 0; r < d->rows; r++) {
            int64_t at = slot * part + r * d->q[2];
            for (int64_t c = 0; c < ow; c++, dy += cp) {
                vec b[2];
                for (int v = 0; v < vecs; v++)
                    memcpy(&b[v], dy + v * LANES, sizeof b[v]);
#pragma GCC unroll 8
                for (int i = 0; i < TAPS; i++)
                    for (int v = 0; v < vecs; v++)
                        acc[i][v] += x[i][at + c] * b[v];
            }
        }
#pragma GCC unroll 8
    for (int i = 0; i < TAPS; i++)
        for (int v = 0; v < vecs; v++) {
            vec sum;
            float *to = dw + (t + i) * cp + v * LANES;
            if (i >= n)
                continue;
            memcpy(&sum, to, sizeof sum);
            sum += acc[i][v];
            memcpy(to, &sum, sizeof sum);
        }
}

static void add_taps(const struct cpu_direct *d, const struct sums *s)
{
    int64_t cp = padded_filters(d);
    for (int64_t o = 0; o < cp; o += NR)
        for (int64_t t = 0; t < d->taps; t += TAPS)
            if (cp - o >= NR)
                tap_tile(d, s, s->dy + o, s->dw + o, t, 2);
            else
                tap_tile(d, s, s->dy + o, s->dw + o, t, 1);
}

/* Floats of one group's dw as a thread sums it. */
static int64_t group_floats(const struct cpu_direct *d)
{
    return d->taps * (d->sums ? d->g.co : padded_filters(d));
}

/* Units [lo, hi) of every group; a run's units are of one group. */
static void weight_range(const void *arg, int64_t lo, int64_t hi, uint32_t piece)
{
    const struct cpu_direct_args *a = arg;
    const struct cpu_direct *d = a->d;
    const struct cpu_conv_geometry *g = &d->g;
    int64_t inner = g->out[0] * d->bands, n = g->groups * group_floats(d);
    uint8_t *own = a->scratch + piece * d->thread_bytes;
    float *part = (float *)(void *)own, *dy = part + d->part_bytes / sizeof(float);
    float *dw = (float *)(void *)(own + d->thread_bytes - floats_bytes(n));
    memset(dw, 0, (size_t)n * sizeof *dw);
    memset(part, 0, d->part_bytes); /* the slack behind is multiplied by zeros */
    for (int64_t group = 0; group < g->groups; group++)
        for (int64_t first = lo; first < hi; first += d->run) {
            struct sums s = {dy, part, dw + group * group_floats(d), cpu_min64(d->run, hi - first)};
            for (int64_t slot = 0; slot < s.slots; slot++) {
                int64_t i = first + slot;
                struct unit u = unit_at(d, (i / inner * g->groups + group) * inner + i % inner);
                copy_part(d, part, a->x, &u, slot);
                (d->sums ? copy_dy : turn_dy)(d, dy, a->w, &u, slot);
            }
            (d->sums ? add_run : add_taps)(d, &s);
        }
}

/* Adds a thread's dw to y, or begins y with it. */
static void gather(const struct cpu_direct *d, float *y, const float *part, bool begin)
{
    int64_t cp = group_floats(d) / d->taps;
    for (int64_t o = 0; o < d->g.groups * d->g.co; o++)
        for (int64_t t = 0; t < d->taps; t++, y++) {
            int64_t in = o % d->g.co;
            float v =
                part[o / d->g.co * group_floats(d) + (d->sums ? in * d->taps + t : t * cp + in)];
            *y = begin ? v : *y + v;
        }
}

void CPU_SYM(cpu_direct_weight)(struct cpu_pool *pool, const struct cpu_direct_args *a)
{
    const struct cpu_direct *d = a->d;
    int64_t n = d->g.groups * group_floats(d), units = d->g.n * d->g.out[0] * d->bands;
    int64_t work = n * d->rows * d->g.out[2], grain = 1 + 200000 / (work + 1);
    uint32_t pieces = cpu_pieces(pool, units, grain);
    cpu_parallel(pool, units, grain, weight_range, a);
    uint64_t at = d->thread_bytes - floats_bytes(n);
    for (uint32_t p = 0; p < pieces; p++)
        gather(d, a->y, (const float *)(const void *)(a->scratch + p * d->thread_bytes + at),
               p == 0);
    if (d->sums)
        CPU_SYM(cpu_direct_mend)(pool, a);
}
