/* Suite abi: the table is whole, and what makes no sense gets an error, not a crash. */
#include <string.h>

#include "ops/op.h"
#include "runtime/runtime.h"
#include "suites.h"

static enum cf_verdict table(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_backend *t = dev->device->backend->table;
    cf_expect(&c, t->abi_major == TNB_ABI_MAJOR, "abi_major is another");
    cf_expect(&c, TNB_HAS(t, tnb_backend, flush), "the table ends before a required slot");
    cf_expect(&c,
              t->name && t->name[0] &&
                  strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(t->name),
              "the backend's name is not [a-z0-9_]+");
    cf_expect(&c, t->version && t->version[0], "the backend tells no version");
    return result->verdict;
}

static enum cf_verdict device_info(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_device_info *i = &dev->device->tnb;
    cf_expect(&c, i->name[0] != '\0', "the device has no name");
    cf_expect(&c, i->driver[0] != '\0', "the device names no driver");
    cf_expect(&c, i->uid[0] != '\0', "the device has no uid");
    cf_expect(&c, i->offset_align && (i->offset_align & (i->offset_align - 1)) == 0,
              "offset_align is no power of two");
    cf_expect(&c, i->dtype_mask >> TNB_F32 & 1u, "the device has no f32");
    cf_expect(&c, i->mem_free <= i->mem_total || !i->mem_total, "mem_free is above mem_total");
    return result->verdict;
}

static enum cf_verdict no_such_device(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    tnb_instance *instance = dev->device->backend->instance;
    tnb_device_info info = {.struct_size = sizeof(info)};
    tnb_device *handle = NULL;
    uint32_t n = 0;
    if (!cf_did(&c, "device_count", dev->api->device_count(instance, &n, &c.err)))
        return result->verdict;
    cf_expect(&c, dev->api->device_info(instance, n, &info, &c.err) != TNB_OK,
              "device_info of an index past the last succeeds");
    cf_expect(&c, dev->api->device_open(instance, n + 7, &handle, &c.err) != TNB_OK,
              "device_open of an index past the last succeeds");
    cf_expect(&c, dev->api->device_info(instance, UINT32_MAX, &info, &c.err) != TNB_OK,
              "device_info of index 2^32 - 1 succeeds");
    return result->verdict;
}

static enum cf_verdict unknown_option(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    const tnb_kv option = {"no_such_option", "1"};
    tnb_instance *instance = NULL;
    tnb_status st = dev->api->create(&dev->device->backend->host, &option, 1, &instance, &c.err);
    if (st == TNB_OK)
        dev->api->destroy(instance);
    cf_expect(&c, st == TNB_E_INVALID, "create accepts an option that it does not know");
    cf_expect(&c, c.err.msg[0] != '\0', "create refuses an option without a word");
    return result->verdict;
}

/* One node: y = op(x), two elements. */
struct tiny {
    tnb_tensor values[2];
    uint32_t in, out, prior[2], node, list[2];
    tnb_node n;
    const tnb_node *nodes[1];
    tnb_graph graph;
    tnb_segment segment;
};

static void make_tiny(struct tiny *t, const char *op, uint32_t dtype)
{
    *t = (struct tiny){.in = 0, .out = 1, .list = {0, 1}};
    for (int i = 0; i < 2; i++) {
        t->values[i] = (tnb_tensor){.dtype = dtype, .rank = 1, .dim = {2}, .stride = {1}};
        t->prior[i] = TNB_ABSENT;
    }
    t->n = (tnb_node){.struct_size = sizeof(t->n),
                      .op_version = 1,
                      .op = op,
                      .label = "abi",
                      .n_in = 1,
                      .n_out = 1,
                      .in = &t->in,
                      .out = &t->out};
    t->nodes[0] = &t->n;
    t->graph = (tnb_graph){.struct_size = sizeof(t->graph),
                           .n_nodes = 1,
                           .n_values = 2,
                           .nodes = t->nodes,
                           .values = t->values,
                           .prior = t->prior};
    t->segment = (tnb_segment){.struct_size = sizeof(t->segment),
                               .n_nodes = 1,
                               .n_values = 2,
                               .nodes = &t->node,
                               .values = t->list};
}

static int is_refused(struct cf_calls *c, struct tiny *t, const char *what)
{
    tnb_support s = {.struct_size = sizeof(s)};
    tnb_status st = c->dev->api->supports(c->dev->handle, &t->graph, 0, &s, &c->err);
    return cf_expect(c, st != TNB_OK || s.verdict == TNB_NO, what) &&
           cf_expect(c, st != TNB_OK || s.why[0], "supports refuses without a reason");
}

static enum cf_verdict unknown_operator(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    struct tiny t;
    tnb_plan *plan = NULL;
    uint64_t workspace = 0;
    make_tiny(&t, "nobody.has_this", TNB_F32);
    is_refused(&c, &t, "supports says yes to an operator that nobody has");
    if (!c.failed) {
        tnb_status st =
            dev->api->plan_create(dev->handle, &t.graph, &t.segment, &workspace, &plan, &c.err);
        if (st == TNB_OK)
            dev->api->plan_destroy(plan);
        cf_expect(&c, st != TNB_OK, "plan_create takes an operator that supports refuses");
        cf_expect(&c, c.err.msg[0] != '\0', "plan_create fails without a message");
    }
    return result->verdict;
}

/* Element types of later versions, and a number that is none. */
static enum cf_verdict unknown_dtypes(struct cf_device *dev, struct cf_result *result)
{
    static const uint32_t dtypes[] = {TNB_F8E4M3, TNB_F8E5M2, TNB_I4, 63, 4242, 0};
    struct cf_calls c = cf_calls_begin(dev, result);
    for (size_t op = 0; op < tn_op_count(); op++)
        for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]) && !c.failed; d++) {
            struct tiny t;
            tnb_support s = {.struct_size = sizeof(s)};
            if (tn_op_at(op)->max_in != 1 || tn_op_at(op)->n_out != 1)
                continue;
            make_tiny(&t, tn_op_at(op)->name, dtypes[d]);
            if (dev->api->supports(dev->handle, &t.graph, 0, &s, &c.err) == TNB_OK &&
                s.verdict == TNB_YES && !(dtypes[d] < 64 && (dev->dtype_mask >> dtypes[d] & 1u)))
                cf_fail(result,
                        "supports says yes to '%s' of element type %u, which the device "
                        "does not list",
                        tn_op_at(op)->name, dtypes[d]);
        }
    return result->verdict;
}

static enum cf_verdict no_such_node(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    struct tiny t;
    tnb_support s = {.struct_size = sizeof(s)};
    make_tiny(&t, "exp", TNB_F32);
    tnb_status st = dev->api->supports(dev->handle, &t.graph, 1, &s, &c.err);
    cf_expect(&c, st != TNB_OK || s.verdict == TNB_NO, "supports says yes to a node past the last");
    return result->verdict;
}

/* A host of an older version has a smaller struct: only what fits may be written. */
static enum cf_verdict small_struct(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    struct tiny t;
    tnb_support s;
    make_tiny(&t, "exp", TNB_F32);
    memset(&s, 0x5A, sizeof(s));
    s.struct_size = offsetof(tnb_support, est_ns);
    if (cf_did(&c, "supports", dev->api->supports(dev->handle, &t.graph, 0, &s, &c.err))) {
        const uint8_t *bytes = (const uint8_t *)&s;
        for (size_t i = offsetof(tnb_support, est_ns); i < sizeof(s) && !c.failed; i++)
            cf_expect(&c, bytes[i] == 0x5A,
                      "supports writes past the struct_size that it was given");
    }
    return result->verdict;
}

static enum cf_verdict same_answer(struct cf_device *dev, struct cf_result *result)
{
    struct cf_calls c = cf_calls_begin(dev, result);
    struct tiny t;
    tnb_support s[2] = {{.struct_size = sizeof(s[0])}, {.struct_size = sizeof(s[1])}};
    make_tiny(&t, "exp", TNB_F32);
    for (int i = 0; i < 2; i++)
        cf_did(&c, "supports", dev->api->supports(dev->handle, &t.graph, 0, &s[i], &c.err));
    cf_expect(&c,
              s[0].verdict == s[1].verdict && s[0].precision == s[1].precision &&
                  strncmp(s[0].variant, s[1].variant, sizeof(s[0].variant)) == 0,
              "supports gives two answers to one question");
    return result->verdict;
}

const struct cf_check cf_abi_checks[] = {
    {"table", table},
    {"device_info", device_info},
    {"no_such_device", no_such_device},
    {"unknown_option", unknown_option},
    {"unknown_operator", unknown_operator},
    {"unknown_dtypes", unknown_dtypes},
    {"no_such_node", no_such_node},
    {"small_struct", small_struct},
    {"same_answer", same_answer},
};
const size_t cf_n_abi_checks = sizeof(cf_abi_checks) / sizeof(cf_abi_checks[0]);
