/* State: what lives between steps. It lies on the session's device; states of one role, slot, group
 * and dtype lie side by side, each on a 64-byte boundary, with zeros between them. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "graph/init.h"
#include "runtime/session.h"

static uint32_t find_state(const tn_session *session, const char *name)
{
    uint64_t hash = tn_hash_string(name);
    for (size_t i = 0; i < session->states.n; i++)
        if (session->states.items[i].name_hash == hash &&
            strcmp(session->states.items[i].params.name, name) == 0)
            return (uint32_t)i;
    return TN_NONE;
}

static tn_status not_found(const tn_session *session, const char *name, struct tn_error *err)
{
    return tn_error_set(err, TN_E_NOT_FOUND, "no state named '%s' among the session's %zu", name,
                        session->states.n);
}

static tn_status check_same(const struct tn_session_state *have, const struct tn_state_params *want,
                            struct tn_error *err)
{
    char a[96], b[96];
    if (have->params.dtype == want->dtype && tn_shape_equal(&have->params.shape, &want->shape))
        return TN_OK;
    return tn_error_set(err, TN_E_INVALID,
                        "state '%s' is %s %s in this session, but the graph declares it as %s %s",
                        want->name, tn_dtype_name(have->params.dtype),
                        tn_shape_format(&have->params.shape, a, sizeof(a)),
                        tn_dtype_name(want->dtype), tn_shape_format(&want->shape, b, sizeof(b)));
}

static uint64_t state_align(const tn_session *session)
{
    uint64_t align = session->place_devices[0].offset_align;
    return align > 64 ? align : 64;
}

static tn_status state_size(const struct tn_state_params *params, uint64_t *out_bytes,
                            struct tn_error *err)
{
    int64_t count = 0, bytes = 0;
    if (tn_shape_count(&params->shape, &count) != TN_OK ||
        TN_MUL_OVERFLOW(count, (int64_t)tn_dtype_size(params->dtype), &bytes))
        return tn_error_set(err, TN_E_INVALID, "state '%s' is too large", params->name);
    *out_bytes = (uint64_t)bytes;
    return TN_OK;
}

tn_status tn_session_new_state_bytes(const tn_session *session, const tn_graph *graph,
                                     uint64_t *out_bytes, struct tn_error *err)
{
    uint64_t total = 0, align = state_align(session);
    for (size_t i = 0; i < graph->states.n; i++) {
        const struct tn_state_params *p = &graph->states.items[i].params;
        uint32_t have = find_state(session, p->name);
        uint64_t n_bytes = 0;
        tn_status st = have == TN_NONE ? state_size(p, &n_bytes, err)
                                       : check_same(&session->states.items[have], p, err);
        if (st != TN_OK)
            return st;
        if (have == TN_NONE)
            total += tn_align_up(n_bytes ? n_bytes : 1, align);
    }
    *out_bytes = total;
    return TN_OK;
}

static int same_block(const struct tn_state_params *a, const struct tn_state_params *b)
{
    return a->role == b->role && a->group == b->group && a->dtype == b->dtype &&
           strcmp(a->slot ? a->slot : "", b->slot ? b->slot : "") == 0;
}

/* Offsets of states [first, n): one block after the other, blocks in order of first appearance. */
static void lay_states(tn_session *session, size_t first, tnb_buffer *buffer)
{
    uint64_t at = 0, align = state_align(session);
    struct tn_session_state *list = session->states.items;
    for (size_t i = first; i < session->states.n; i++) {
        if (list[i].buffer) /* laid with the block of an earlier one */
            continue;
        for (size_t j = i; j < session->states.n; j++) {
            if (list[j].buffer || !same_block(&list[i].params, &list[j].params))
                continue;
            list[j].buffer = buffer;
            list[j].offset = at;
            at += tn_align_up(list[j].n_bytes ? list[j].n_bytes : 1, align);
        }
    }
}

static tn_status fill_state(const tn_session *session, const struct tn_session_state *state,
                            uint8_t *image, struct tn_error *err)
{
    tn_tensor *tensor = NULL;
    tn_status st = tn_tensor_create(state->params.dtype, &state->params.shape, &tensor, err);
    if (st == TN_OK)
        st = tn_init_fill(&state->params.init, session->seed, state->params.name, tensor, err);
    if (st == TN_OK)
        memcpy(image, tn_tensor_data(tensor), state->n_bytes);
    tn_tensor_unref(&tensor);
    return st;
}

static tn_status write_span(tn_session *session, tnb_span span, const void *data,
                            struct tn_error *err)
{
    struct tn_session_device *dev = &session->devices[0];
    tnb_error e = TN_TNB_ERROR;
    if (!span.size)
        return TN_OK;
    tnb_status st = dev->api->write(dev->queue, span, data, TNB_HOST_NOW, &e);
    return tn_session_failed(dev, "writing state", st, &e, err);
}

/* Initial values of states [first, n), in one write. */
static tn_status fill_chunk(tn_session *session, size_t first, tnb_buffer *buffer, uint64_t n_bytes,
                            struct tn_error *err)
{
    uint8_t *image = calloc(1, n_bytes ? n_bytes : 1);
    tn_status st = image ? TN_OK : tn_error_set(err, TN_E_OOM, "out of host memory for state");
    for (size_t i = first; st == TN_OK && i < session->states.n; i++)
        st = fill_state(session, &session->states.items[i], image + session->states.items[i].offset,
                        err);
    if (st == TN_OK)
        st = write_span(session, (tnb_span){.buffer = buffer, .offset = 0, .size = n_bytes}, image,
                        err);
    free(image);
    return st;
}

static tn_status declare(tn_session *session, const struct tn_state_params *params,
                         struct tn_error *err)
{
    struct tn_session_state state = {.params = *params, .name_hash = tn_hash_string(params->name)};
    tn_status st = state_size(params, &state.n_bytes, err);
    state.params.name = tn_arena_strdup(&session->arena, params->name);
    state.params.slot = params->slot ? tn_arena_strdup(&session->arena, params->slot) : NULL;
    if (st != TN_OK)
        return st;
    if (!state.params.name || (params->slot && !state.params.slot) ||
        !TN_VEC_GROW(&session->states))
        return tn_error_set(err, TN_E_OOM, "out of host memory for state '%s'", params->name);
    session->states.items[session->states.n++] = state;
    return TN_OK;
}

tn_status tn_session_add_states(tn_session *session, const tn_graph *graph, uint32_t *out_state_of,
                                struct tn_error *err)
{
    struct tn_session_device *dev = &session->devices[0];
    size_t first = session->states.n;
    uint64_t n_bytes = 0;
    tnb_buffer *buffer = NULL;
    tnb_error e = TN_TNB_ERROR;
    tn_status st = tn_session_new_state_bytes(session, graph, &n_bytes, err);
    for (size_t i = 0; st == TN_OK && i < graph->states.n; i++) {
        const struct tn_state_params *p = &graph->states.items[i].params;
        if (find_state(session, p->name) == TN_NONE)
            st = declare(session, p, err);
        out_state_of[i] = st == TN_OK ? find_state(session, p->name) : TN_NONE;
    }
    if (st == TN_OK && n_bytes) {
        tnb_status ts =
            dev->api->buffer_alloc(dev->handle, n_bytes, TNB_BUFFER_DEVICE, &buffer, &e);
        st = tn_session_failed(dev, "allocating state", ts, &e, err);
    }
    if (st == TN_OK && n_bytes && !TN_VEC_GROW(&session->chunks))
        st = tn_error_set(err, TN_E_OOM, "out of host memory for state");
    if (st == TN_OK && n_bytes) {
        lay_states(session, first, buffer);
        st = fill_chunk(session, first, buffer, n_bytes, err);
    }
    if (st != TN_OK) {
        if (buffer)
            dev->api->buffer_free(buffer);
        session->states.n = first;
        return st;
    }
    if (buffer)
        session->chunks.items[session->chunks.n++] = buffer;
    session->state_bytes += n_bytes;
    return TN_OK;
}

size_t tn_session_state_count(const tn_session *session)
{
    return session->states.n;
}

void tn_session_state_info(const tn_session *session, size_t index, struct tn_state_info *out_info)
{
    *out_info = (struct tn_state_info){0};
    if (index >= session->states.n)
        return;
    const struct tn_state_params *p = &session->states.items[index].params;
    *out_info = (struct tn_state_info){.name = p->name,
                                       .slot = p->slot,
                                       .dtype = p->dtype,
                                       .shape = p->shape,
                                       .role = p->role,
                                       .group = p->group};
}

static tnb_span state_span(const struct tn_session_state *s)
{
    return (tnb_span){.buffer = s->buffer, .offset = s->offset, .size = s->n_bytes};
}

static tn_status read_state(tn_session *session, const struct tn_session_state *s, void *data,
                            struct tn_error *err)
{
    struct tn_session_device *dev = &session->devices[0];
    tnb_error e = TN_TNB_ERROR;
    tnb_status ts = TNB_OK;
    if (s->n_bytes)
        ts = dev->api->read(dev->queue, state_span(s), data, TNB_HOST_NOW, &e);
    tn_status st = tn_session_failed(dev, "reading state", ts, &e, err);
    if (st != TN_OK)
        tn_error_prefix(err, "state '%s'", s->params.name);
    return st;
}

tn_status tn_session_get_state(tn_session *session, const char *name, tn_tensor **out_tensor,
                               struct tn_error *err)
{
    uint32_t index = find_state(session, name);
    if (index == TN_NONE)
        return not_found(session, name, err);
    const struct tn_session_state *s = &session->states.items[index];
    tn_tensor *tensor = NULL;
    tn_status st = tn_tensor_create(s->params.dtype, &s->params.shape, &tensor, err);
    if (st != TN_OK)
        return tn_error_prefix(err, "state '%s'", name), st;
    if ((st = read_state(session, s, tn_tensor_data(tensor), err)) != TN_OK) {
        tn_tensor_unref(&tensor);
        return st;
    }
    *out_tensor = tensor;
    return TN_OK;
}

tn_status tn_session_get_state_bytes(tn_session *session, const char *name, void *data,
                                     size_t n_bytes, struct tn_error *err)
{
    uint32_t index = find_state(session, name);
    if (index == TN_NONE)
        return not_found(session, name, err);
    const struct tn_session_state *s = &session->states.items[index];
    if (n_bytes != s->n_bytes)
        return tn_error_set(err, TN_E_INVALID, "state '%s' has %llu bytes, not %zu", name,
                            (unsigned long long)s->n_bytes, n_bytes);
    return read_state(session, s, data, err);
}

tn_status tn_session_set_state(tn_session *session, const char *name, const tn_tensor *tensor,
                               struct tn_error *err)
{
    uint32_t index = find_state(session, name);
    if (index == TN_NONE)
        return not_found(session, name, err);
    const struct tn_session_state *s = &session->states.items[index];
    if (!tn_shape_equal(tn_tensor_shape(tensor), &s->params.shape)) {
        char a[96], b[96];
        return tn_error_set(err, TN_E_INVALID, "state '%s' has shape %s, not %s", name,
                            tn_shape_format(&s->params.shape, a, sizeof(a)),
                            tn_shape_format(tn_tensor_shape(tensor), b, sizeof(b)));
    }
    tn_tensor *row_major = NULL;
    tn_status st = tn_tensor_convert(tensor, s->params.dtype, &row_major, err);
    if (st == TN_OK)
        st = write_span(session, state_span(s), tn_tensor_const_data(row_major), err);
    tn_tensor_unref(&row_major);
    return st;
}

tn_status tn_session_reset_state(tn_session *session, const char *prefix, struct tn_error *err)
{
    size_t n_prefix = prefix ? strlen(prefix) : 0;
    for (size_t i = 0; i < session->states.n; i++) {
        const struct tn_session_state *s = &session->states.items[i];
        if (n_prefix && strncmp(s->params.name, prefix, n_prefix) != 0)
            continue;
        uint8_t *image = malloc(s->n_bytes ? s->n_bytes : 1);
        tn_status st = image ? fill_state(session, s, image, err)
                             : tn_error_set(err, TN_E_OOM, "out of host memory for state");
        if (st == TN_OK)
            st = write_span(session, state_span(s), image, err);
        free(image);
        if (st != TN_OK)
            return st;
    }
    return TN_OK;
}
