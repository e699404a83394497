#include "build.h"

void ocl_nest_init(struct ocl_nest *nest, const tnb_tensor *shape, uint32_t n_operands)
{
    *nest = (struct ocl_nest){.rank = shape->rank, .n_operands = n_operands};
    for (uint32_t i = 0; i < shape->rank; i++)
        nest->dim[i] = shape->dim[i];
}

void ocl_nest_broadcast(struct ocl_nest *nest, uint32_t operand, const tnb_tensor *from)
{
    int64_t stride[TNB_MAX_RANK];
    shape_strides(from, stride);
    uint32_t pad = nest->rank - from->rank;
    for (uint32_t i = 0; i < nest->rank; i++)
        nest->stride[operand][i] = i < pad || from->dim[i - pad] == 1 ? 0 : stride[i - pad];
}

static bool mergeable(const struct ocl_nest *nest, uint32_t outer, uint32_t inner)
{
    for (uint32_t k = 0; k < nest->n_operands; k++)
        if (nest->stride[k][outer] != nest->stride[k][inner] * nest->dim[inner])
            return false;
    return true;
}

void ocl_nest_merge(struct ocl_nest *nest)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < nest->rank; i++) {
        if (nest->dim[i] == 1)
            continue;
        nest->dim[kept] = nest->dim[i];
        for (uint32_t k = 0; k < nest->n_operands; k++)
            nest->stride[k][kept] = nest->stride[k][i];
        if (kept > 0 && mergeable(nest, kept - 1, kept)) {
            nest->dim[kept - 1] *= nest->dim[kept];
            for (uint32_t k = 0; k < nest->n_operands; k++)
                nest->stride[k][kept - 1] = nest->stride[k][kept];
        } else {
            kept++;
        }
    }
    nest->rank = kept;
}

int64_t ocl_nest_count(const struct ocl_nest *nest)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < nest->rank; i++)
        n *= nest->dim[i];
    return n;
}

void ocl_arg_nest(struct ocl_build *b, const struct ocl_nest *nest, uint32_t rank)
{
    int32_t table[1 + TNB_MAX_RANK * (1 + OCL_MAX_OPERANDS)];
    uint32_t n = 0;
    table[n++] = (int32_t)rank;
    for (uint32_t i = 0; i < rank; i++)
        table[n++] = (int32_t)nest->dim[i];
    for (uint32_t k = 0; k < nest->n_operands; k++)
        for (uint32_t i = 0; i < rank; i++)
            table[n++] = (int32_t)nest->stride[k][i];
    ocl_arg_table(b, table, n);
}

const char *ocl_label_option(uint32_t dtype)
{
    return dtype == TNB_I64 ? "-DL=long" : "-DL=int";
}

const char *ocl_element_option(uint32_t dtype)
{
    switch (dtype) {
    case TNB_I32:
        return "-DT=int";
    case TNB_I64:
        return "-DT=long";
    case TNB_U8:
    case TNB_BOOL:
        return "-DT=uchar";
    default:
        return "-DT=float";
    }
}

const char *ocl_bits_option(uint32_t size)
{
    return size == 8   ? "-DT=ulong"
           : size == 4 ? "-DT=uint"
           : size == 2 ? "-DT=ushort"
                       : "-DT=uchar";
}
