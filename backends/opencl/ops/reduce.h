/* A reduction as two loop nests over x: the kept dims and the reduced dims. */
#ifndef TENON_OPENCL_REDUCE_H
#define TENON_OPENCL_REDUCE_H

#include "ops.h"

struct ocl_reduction {
    struct ocl_nest kept, reduced;
    int64_t n_out, n_reduced;
    int64_t r_inner, r_step; /* a reduced row: r_inner elements, r_step apart */
};

/* Of the node's input 0 over its attribute `axes`. */
void ocl_reduction_of_node(const struct ocl_build *b, struct ocl_reduction *out_reduction);
/* Whether a work-group per output pays on this device: the reduced side is long, and work-items
 * side by side would not read side by side. */
bool ocl_reduction_by_group(const struct ocl_build *b, const struct ocl_reduction *r);
/* The two tables, r_inner, r_step and R. */
void ocl_reduction_args(struct ocl_build *b, const struct ocl_reduction *r);
/* Ends the launch: n and chunk, and a work-item or a work-group for each output. */
void ocl_reduction_range(struct ocl_build *b, const struct ocl_reduction *r, bool group);

#endif
