#include "tenon/tensor.h"

size_t tn_dtype_size(tn_dtype dtype)
{
    switch (dtype) {
    case TN_F32:
    case TN_I32:
        return 4;
    case TN_F16:
    case TN_BF16:
        return 2;
    case TN_F64:
    case TN_I64:
        return 8;
    case TN_U8:
    case TN_BOOL:
        return 1;
    }
    return 0;
}

const char *tn_dtype_name(tn_dtype dtype)
{
    switch (dtype) {
    case TN_F32:
        return "f32";
    case TN_F16:
        return "f16";
    case TN_BF16:
        return "bf16";
    case TN_F64:
        return "f64";
    case TN_I32:
        return "i32";
    case TN_I64:
        return "i64";
    case TN_U8:
        return "u8";
    case TN_BOOL:
        return "bool";
    }
    return "?";
}

int tn_dtype_is_float(tn_dtype dtype)
{
    return dtype == TN_F32 || dtype == TN_F16 || dtype == TN_BF16 || dtype == TN_F64;
}
