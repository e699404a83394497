#ifndef TENON_OPENCL_PLAN_H
#define TENON_OPENCL_PLAN_H

#include "build.h"

struct tnb_plan {
    tnb_device *device;
    uint32_t n_nodes, n_values;
    struct ocl_launch *launches;
    uint32_t n_launches, cap_launches;
    struct ocl_arg *args;
    uint32_t n_args, cap_args;
    int32_t *meta; /* index tables of all launches */
    uint32_t n_meta, cap_meta;
    cl_mem meta_mem;
    cl_mem temp_mem; /* CLBlast's scratch, the largest that a launch needs; may be NULL */
    uint64_t workspace;
    bool bound;
};

#endif
