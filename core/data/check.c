/* Checks of what a data set holds, made once before training. */
#include <math.h>

#include "data/dataset.h"
#include "tensor/convert.h"

/* An element as a batch would have it. Float results are rounded as there, so that 255 * (1 / 255)
 * counts as 1; integer results are not, so that a label of 1.5 or NaN does not pass as a whole one.
 */
static double batched(const struct tn_field *field, size_t i)
{
    union {
        double f64;
        unsigned char bytes[8];
    } out = {0};
    struct tn_transform transform = field->transform;
    tn_dtype stored = tn_tensor_dtype(field->values);
    const char *in = tn_tensor_const_data(field->values);
    if (!tn_dtype_is_float(transform.dtype))
        transform.dtype = TN_F64;
    tn_data_convert(&transform, stored, in + i * tn_dtype_size(stored), 1, &out);
    return tn_element_get(transform.dtype, &out);
}

static tn_status check_field(const tn_dataset *dataset, const struct tn_field *field,
                             int64_t n_classes, double lo, double hi, struct tn_error *err)
{
    for (int64_t s = 0; s < dataset->n; s++) {
        int64_t row = tn_dataset_sample(dataset, s);
        for (size_t e = 0; e < field->n_elements; e++) {
            double value = batched(field, (size_t)row * field->n_elements + e);
            if (n_classes) {
                if (value >= 0 && value < (double)n_classes && value == floor(value))
                    continue;
                return tn_error_set(err, TN_E_INVALID,
                                    "label %.9g of sample %lld (field '%s') is outside the %lld "
                                    "classes 0..%lld",
                                    value, (long long)row, field->name, (long long)n_classes,
                                    (long long)n_classes - 1);
            }
            if (value >= lo && value <= hi)
                continue;
            return tn_error_set(err, TN_E_INVALID,
                                "value %.9g of sample %lld (field '%s', element %zu) is outside "
                                "[%g, %g]",
                                value, (long long)row, field->name, e, lo, hi);
        }
    }
    return TN_OK;
}

tn_status tn_dataset_check_range(const tn_dataset *dataset, const char *field, double lo, double hi,
                                 struct tn_error *err)
{
    size_t at;
    tn_status status = tn_dataset_find_field(dataset, field, &at, err);
    if (status)
        return status;
    return check_field(dataset, &dataset->fields[at], 0, lo, hi, err);
}

tn_status tn_dataset_check_labels(const tn_dataset *dataset, const char *field, int64_t n_classes,
                                  struct tn_error *err)
{
    size_t at;
    tn_status status = tn_dataset_find_field(dataset, field, &at, err);
    if (status)
        return status;
    if (n_classes < 1)
        return tn_error_set(err, TN_E_INVALID, "a number of classes is at least 1, not %lld",
                            (long long)n_classes);
    return check_field(dataset, &dataset->fields[at], n_classes, 0, 0, err);
}
