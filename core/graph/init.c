#include "graph/init.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tensor/convert.h"

/* Standard deviation of the normal distribution cut off at two: what Keras divides by, so that the
 * truncated values have the deviation that was asked for. */
#define TRUNCATED_STDDEV 0.87962566103423978
#define TWO_PI 6.283185307179586

/* A distribution with its numbers worked out. */
struct distribution {
    enum { CONSTANT, UNIFORM, NORMAL, TRUNCATED } kind;
    double a, b; /* value; [a, b); mean and standard deviation */
};

static tn_status need_fan(const char *name, int64_t fan, const char *which, struct tn_error *err)
{
    if (fan > 0)
        return TN_OK;
    return tn_error_set(err, TN_E_INVALID,
                        "state '%s': its initialiser needs a positive %s, got %lld", name, which,
                        (long long)fan);
}

static tn_status resolve(const struct tn_init *init, const char *name, struct distribution *out,
                         struct tn_error *err)
{
    int is_glorot = init->kind == TN_INIT_GLOROT_UNIFORM || init->kind == TN_INIT_GLOROT_NORMAL;
    int is_he = init->kind == TN_INIT_HE_UNIFORM || init->kind == TN_INIT_HE_NORMAL;
    if ((is_glorot || is_he) && need_fan(name, init->fan_in, "fan_in", err) != TN_OK)
        return TN_E_INVALID;
    if (is_glorot && need_fan(name, init->fan_out, "fan_out", err) != TN_OK)
        return TN_E_INVALID;
    double fan = (double)init->fan_in + (is_glorot ? (double)init->fan_out : 0.0);
    switch (init->kind) {
    case TN_INIT_ZEROS:
        *out = (struct distribution){.kind = CONSTANT, .a = 0.0};
        return TN_OK;
    case TN_INIT_CONSTANT:
        *out = (struct distribution){.kind = CONSTANT, .a = init->a};
        return TN_OK;
    case TN_INIT_UNIFORM:
        if (!(init->a <= init->b))
            return tn_error_set(
                err, TN_E_INVALID,
                "state '%s': uniform from %g to %g: the limits are the wrong way round", name,
                init->a, init->b);
        *out = (struct distribution){.kind = UNIFORM, .a = init->a, .b = init->b};
        return TN_OK;
    case TN_INIT_NORMAL:
        if (!(init->b >= 0))
            return tn_error_set(err, TN_E_INVALID,
                                "state '%s': a standard deviation of %g is not possible", name,
                                init->b);
        *out = (struct distribution){.kind = NORMAL, .a = init->a, .b = init->b};
        return TN_OK;
    case TN_INIT_GLOROT_UNIFORM:
    case TN_INIT_HE_UNIFORM:
        *out = (struct distribution){.kind = UNIFORM, .a = -sqrt(6 / fan), .b = sqrt(6 / fan)};
        return TN_OK;
    case TN_INIT_GLOROT_NORMAL:
    case TN_INIT_HE_NORMAL:
        *out = (struct distribution){.kind = TRUNCATED, .b = sqrt(2 / fan) / TRUNCATED_STDDEV};
        return TN_OK;
    }
    return tn_error_set(err, TN_E_INVALID, "state '%s': %d is no initialiser", name,
                        (int)init->kind);
}

/* Box and Muller 1958: two uniforms of 53 bits make a standard normal. A block of Philox each;
 * `attempt` counts the draws for one element. */
static double standard_normal(uint64_t key, uint64_t element, uint64_t attempt)
{
    struct tn_philox r = tn_philox(key, element, attempt);
    uint64_t w0 = (uint64_t)r.v[0] << 32 | r.v[1], w1 = (uint64_t)r.v[2] << 32 | r.v[3];
    double u0 = ((double)(w0 >> 11) + 1.0) * 0x1p-53; /* (0, 1]: its logarithm is finite */
    double u1 = (double)(w1 >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u0)) * cos(TWO_PI * u1);
}

static double truncated_normal(uint64_t key, uint64_t element)
{
    for (uint64_t attempt = 0;; attempt++) {
        double z = standard_normal(key, element, attempt);
        if (fabs(z) < 2.0)
            return z;
    }
}

static double draw(const struct distribution *d, uint64_t key, uint64_t element)
{
    switch (d->kind) {
    case CONSTANT:
        return d->a;
    case UNIFORM:
        return d->a +
               (d->b - d->a) * (double)tn_rng_unit(tn_philox(key, element / 4, 0).v[element % 4]);
    case NORMAL:
        return d->a + d->b * standard_normal(key, element, 0);
    case TRUNCATED:
        return d->b * truncated_normal(key, element);
    }
    return 0.0;
}

tn_status tn_init_fill(const struct tn_init *init, uint64_t seed, const char *name, tn_tensor *out,
                       struct tn_error *err)
{
    struct distribution d = {.kind = CONSTANT};
    tn_status status = resolve(init, name, &d, err);
    if (status != TN_OK)
        return status;
    if (!tn_tensor_is_contiguous(out))
        return tn_error_set(err, TN_E_INTERNAL, "state '%s': its tensor is not contiguous", name);
    uint64_t key = tn_mix64(tn_mix64(seed) ^ tn_hash_string(name));
    tn_dtype dtype = tn_tensor_dtype(out);
    size_t size = tn_dtype_size(dtype);
    char *at = tn_tensor_data(out);
    int64_t count = tn_tensor_count(out);
    for (int64_t i = 0; i < count; i++, at += size) {
        tn_element_set(dtype, at, draw(&d, key, (uint64_t)i));
        /* Rounding to the dtype may reach the end that the interval leaves out. */
        if (d.kind == UNIFORM && d.a < d.b && tn_element_get(dtype, at) >= d.b)
            tn_element_set(dtype, at, d.a);
    }
    return TN_OK;
}
