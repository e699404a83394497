/* Stored elements to batch elements: out = in * scale + offset in double, rounded once, so that
 * each build gives the same bits. Integers round half to even and saturate. */
#include <string.h>

#include "data/dataset.h"
#include "tensor/convert.h"

/* Images: 256 possible values, each computed once. */
static void convert_u8_f32(const struct tn_transform *transform, const uint8_t *in, size_t n,
                           float *out)
{
    float table[256];
    for (int i = 0; i < 256; i++)
        table[i] = (float)(i * transform->scale + transform->offset);
    for (size_t i = 0; i < n; i++)
        out[i] = table[in[i]];
}

void tn_data_convert(const struct tn_transform *transform, tn_dtype stored, const void *in,
                     size_t n, void *out)
{
    if (transform->scale == 1 && transform->offset == 0) {
        tn_convert(stored, in, transform->dtype, out, (int64_t)n);
        return;
    }
    if (stored == TN_U8 && transform->dtype == TN_F32 && n >= 256) {
        convert_u8_f32(transform, in, n, out);
        return;
    }
    size_t in_size = tn_dtype_size(stored), out_size = tn_dtype_size(transform->dtype);
    for (size_t i = 0; i < n; i++) {
        double value = tn_element_get(stored, (const char *)in + i * in_size);
        tn_element_set(transform->dtype, (char *)out + i * out_size,
                       value * transform->scale + transform->offset);
    }
}
