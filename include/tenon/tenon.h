/* Tenon: everything that a program which trains needs. Backend authors include tenon/backend.h. */
#ifndef TENON_TENON_H
#define TENON_TENON_H

#include "tenon/custom_op.h"
#include "tenon/data.h"
#include "tenon/graph.h"
#include "tenon/model.h"
#include "tenon/recipe.h"
#include "tenon/runtime.h"
#include "tenon/status.h"
#include "tenon/tensor.h"
#include "tenon/train.h"

#endif
