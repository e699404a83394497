/* What the writer and the reader of safetensors share. */
#ifndef TN_IO_SAFETENSORS_FORMAT_H
#define TN_IO_SAFETENSORS_FORMAT_H

#include "tenon/tensor.h"

#define TN_SAFETENSORS_META "__metadata__"
/* The format's own limit, which other readers enforce. */
enum { TN_SAFETENSORS_MAX_HEADER = 100000000 };

/* "F32", ...; NULL for a dtype that the format cannot hold. */
const char *tn_safetensors_dtype_name(tn_dtype dtype);
/* 0 for a name that we cannot hold. */
tn_dtype tn_safetensors_dtype_of(const char *name);

#endif
