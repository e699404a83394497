/* SPDX-License-Identifier: MIT
 *
 * The families of own loops, as built for one instruction set. */
#include "ops.h"

const struct cpu_op *const CPU_SYM(cpu_families)[] = {
    /* clang-format off: a line for each */
    CPU_SYM(cpu_binary),
    CPU_SYM(cpu_unary),
    CPU_SYM(cpu_activation),
    CPU_SYM(cpu_shape),
    CPU_SYM(cpu_slice),
    CPU_SYM(cpu_reduce),
    CPU_SYM(cpu_matmul),
    CPU_SYM(cpu_lookup),
    CPU_SYM(cpu_moves),
    CPU_SYM(cpu_constant),
    CPU_SYM(cpu_gather),
    CPU_SYM(cpu_resize),
    CPU_SYM(cpu_conv),
    CPU_SYM(cpu_pool),
    CPU_SYM(cpu_norm),
    CPU_SYM(cpu_softmax),
    CPU_SYM(cpu_dropout),
    CPU_SYM(cpu_loss),
    CPU_SYM(cpu_class_loss),
    CPU_SYM(cpu_update),
    CPU_SYM(cpu_optim),
    CPU_SYM(cpu_row_norm),
    CPU_SYM(cpu_attention),
    CPU_SYM(cpu_recurrent),
    CPU_SYM(cpu_cast),
    CPU_SYM(cpu_moments),
    CPU_SYM(cpu_search),
    CPU_SYM(cpu_random),
    NULL,
    /* clang-format on */
};
