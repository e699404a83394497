/* Between element types. Rounding is to nearest, ties to even; float overflow gives infinity; NaN
 * stays NaN (its payload does not). Any thread. */
#ifndef TN_TENSOR_CONVERT_H
#define TN_TENSOR_CONVERT_H

#include "base/compiler.h"
#include "tenon/tensor.h"

TN_TOOL uint16_t tn_f16_from_double(double value);
TN_TOOL double tn_f16_to_double(uint16_t bits);
TN_TOOL uint16_t tn_bf16_from_double(double value);
TN_TOOL double tn_bf16_to_double(uint16_t bits);

/* n elements of `dtype` to double (float types) or int64_t (integers and bool). */
TN_TOOL void tn_widen(tn_dtype dtype, const void *src, int64_t n, void *dst);
/* The inverse: from double or int64_t, rounded or saturated to `dtype`; bool is "not zero". */
TN_TOOL void tn_narrow(tn_dtype dtype, const void *src, int64_t n, void *dst);

/* Rounded to even and saturated to int64_t; NaN gives 0. */
int64_t tn_int_from_double(double value);
/* One element as double, and back (integers rounded to even and saturated). */
double tn_element_get(tn_dtype dtype, const void *element);
void tn_element_set(tn_dtype dtype, void *element, double value);
/* n contiguous elements from one dtype to another. src and dst do not overlap. */
void tn_convert(tn_dtype from, const void *src, tn_dtype to, void *dst, int64_t n);

#endif
