/* Values with the batch in front, as losses and metrics meet them. */
#ifndef TN_NN_BATCH_SHAPE_H
#define TN_NN_BATCH_SHAPE_H

#include "tenon/graph.h"

/* [batch, ...] to [batch]: the mean over the other dims; [batch] stays as it is. */
tn_value tn_mean_per_sample(tn_graph *graph, tn_value x);
/* The target as float of the output's shape: cast, and reshaped where only dims of 1 differ
 * ([batch] for [batch, 1]). TN_NONE and *err (naming `who` and both ranks) otherwise. */
tn_value tn_match_target(tn_graph *graph, tn_value output, tn_value target, const char *who,
                         struct tn_error *err);

#endif
