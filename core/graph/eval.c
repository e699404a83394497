#include "graph/eval.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "tensor/convert.h"
#include "tensor/view.h"

/* Packs and widens one input to what references compute in. */
static int widen_input(struct tn_arena *arena, const tn_tensor *tensor, struct tn_ref_tensor *out)
{
    if (!tensor)
        return 1;
    out->type.dtype = tn_tensor_dtype(tensor);
    out->type.shape = *tn_tensor_shape(tensor);
    out->count = tn_tensor_count(tensor);
    void *packed = tn_arena_alloc(arena, tn_tensor_bytes(tensor));
    out->data.any = tn_arena_alloc(arena, (size_t)out->count * sizeof(double));
    if (!packed || !out->data.any)
        return 0;
    tn_tensor_pack(tensor, packed);
    tn_widen(out->type.dtype, packed, out->count, out->data.any);
    return 1;
}

static tn_status prepare_output(struct tn_arena *arena, const struct tn_type *type,
                                struct tn_ref_tensor *out, tn_tensor **out_tensor,
                                struct tn_error *err)
{
    tn_status status = tn_tensor_create(type->dtype, &type->shape, out_tensor, err);
    if (status != TN_OK)
        return status;
    out->type = *type;
    out->count = tn_tensor_count(*out_tensor);
    out->data.any = tn_arena_alloc(arena, (size_t)out->count * sizeof(double));
    return out->data.any ? TN_OK : tn_error_set(err, TN_E_OOM, "no memory to evaluate an operator");
}

/* Output 0 is input 0's bytes under another shape. */
static tn_status evaluate_alias(const tn_tensor *in, const struct tn_type *type, tn_tensor **out,
                                struct tn_error *err)
{
    tn_tensor *made = NULL;
    tn_status status = tn_tensor_create(type->dtype, &type->shape, &made, err);
    if (status != TN_OK)
        return status;
    tn_tensor_pack(in, tn_tensor_data(made));
    *out = made;
    return TN_OK;
}

tn_status tn_op_evaluate(const struct tn_op *op, const struct tn_attrs *attrs, uint32_t n_in,
                         const tn_tensor *const *in, const struct tn_type *out_types,
                         tn_tensor **out, struct tn_error *err)
{
    if ((op->flags & TN_OP_ALIAS) && n_in > 0 && in[0])
        return evaluate_alias(in[0], &out_types[0], &out[0], err);
    if (!op->reference)
        return tn_error_set(err, TN_E_UNSUPPORTED, "op '%s' has no reference", op->name);
    struct tn_arena arena;
    tn_arena_init(&arena);
    tn_tensor *made[TN_OP_MAX_OUT] = {NULL};
    struct tn_ref_tensor ref_out[TN_OP_MAX_OUT] = {{{0}, 0, {NULL}}};
    struct tn_ref_tensor *ref_in = TN_ARENA_NEW(&arena, struct tn_ref_tensor, n_in);
    struct tn_ref ref = {.self = op,
                         .attrs = attrs,
                         .n_in = n_in,
                         .n_out = op->n_out,
                         .in = ref_in,
                         .out = ref_out};
    tn_status status = TN_OK;
    int has_room = ref_in != NULL;
    for (uint32_t i = 0; has_room && i < n_in; i++)
        has_room = widen_input(&arena, in[i], &ref_in[i]);
    for (uint32_t i = 0; has_room && status == TN_OK && i < op->n_out; i++)
        status = prepare_output(&arena, &out_types[i], &ref_out[i], &made[i], err);
    if (has_room && status == TN_OK && op->scratch) {
        ref.scratch = TN_ARENA_NEW(&arena, double, op->scratch(&ref));
        has_room = ref.scratch != NULL;
    }
    if (!has_room)
        status = tn_error_set(err, TN_E_OOM, "no memory to evaluate op '%s'", op->name);
    if (status == TN_OK)
        op->reference(&ref);
    for (uint32_t i = 0; i < op->n_out; i++) {
        if (status != TN_OK) {
            tn_tensor_unref(&made[i]);
            continue;
        }
        tn_narrow(out_types[i].dtype, ref_out[i].data.any, ref_out[i].count,
                  tn_tensor_data(made[i]));
        out[i] = made[i];
    }
    tn_arena_finish(&arena);
    return status;
}
