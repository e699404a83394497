/* What the plugin makes of GPUs and of a driver that lost its device: with the made-up driver. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support.h"

static int failures;

#define EXPECT(condition, ...)            \
    do {                                  \
        if (!(condition)) {               \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr);          \
            failures++;                   \
        }                                 \
    } while (0)

struct expected {
    const char *name, *uid;
    uint32_t kind;
    uint64_t caps;
};

/* GPUs come first, in the order of their platform. */
static const struct expected expected[] = {
    {"Made-up NVIDIA", "pci:0002:41:03.1", TNB_DEVICE_GPU, 0},
    {"Made-up AMD", "pci:0000:0c:1f.2", TNB_DEVICE_GPU, 0},
    {"Made-up Intel", "pci:0001:00:02.0", TNB_DEVICE_GPU, 0},
    {"Made-up FPGA Emulation Device", NULL, TNB_DEVICE_CPU, TNB_CAP_EMULATED},
    {"Made-up CPU 1", NULL, TNB_DEVICE_CPU, TNB_CAP_EMULATED | TNB_CAP_HOST_MEMORY},
    {"Made-up CPU 2", NULL, TNB_DEVICE_CPU, TNB_CAP_EMULATED | TNB_CAP_HOST_MEMORY},
};
#define N_EXPECTED (sizeof(expected) / sizeof(expected[0]))

static void check_devices(struct ocl_test *t)
{
    uint32_t n = 0;
    int32_t score[N_EXPECTED] = {0};
    t->table->device_count(t->instance, &n, &t->err);
    EXPECT(n == N_EXPECTED, "%u devices instead of %zu", n, N_EXPECTED);
    for (uint32_t i = 0; i < n && i < N_EXPECTED; i++) {
        tnb_device_info info = {.struct_size = sizeof(info)};
        const struct expected *e = &expected[i];
        t->table->device_info(t->instance, i, &info, &t->err);
        EXPECT(strcmp(info.name, e->name) == 0, "%u: %s, not %s", i, info.name, e->name);
        EXPECT(!e->uid || strcmp(info.uid, e->uid) == 0, "%s: uid %s, not %s", e->name, info.uid,
               e->uid);
        EXPECT(info.kind == e->kind, "%s: kind %u", e->name, info.kind);
        EXPECT(info.caps == e->caps, "%s: caps %llx", e->name, (unsigned long long)info.caps);
        EXPECT(info.max_alloc == 2ull << 30, "%s: max_alloc %llu", e->name,
               (unsigned long long)info.max_alloc);
        score[i] = info.score;
    }
    EXPECT(score[0] > score[1] && score[1] > score[2], "scores %d %d %d: by units and clock",
           score[0], score[1], score[2]);
    EXPECT(score[2] > 200, "a GPU with shared memory scores %d, not above the cpu", score[2]);
    EXPECT(score[3] < 100, "an emulator scores %d, not below the cpu", score[3]);
}

/* The wait must end, with an error, and later ones at once. */
static void check_lost_device(struct ocl_test *t)
{
    tnb_event *event = NULL;
    tnb_status status = t->table->event_create(t->device, &event, &t->err);
    EXPECT(status == TNB_OK, "event_create: %s", t->err.msg);
    for (uint64_t value = 1; value <= 256; value++)
        status = t->table->signal(t->queue, event, value, &t->err);
    EXPECT(status == TNB_OK, "signal: %s", t->err.msg);
    status = t->table->signal(t->queue, event, 257, &t->err);
    EXPECT(status != TNB_OK && strstr(t->err.msg, "CL_OUT_OF_RESOURCES"), "signal 257: %d %s",
           status, t->err.msg);
    status = t->table->event_wait(event, 1, 1000000, &t->err);
    EXPECT(status == TNB_E_TIMEOUT, "a wait of a millisecond: %d", status);
    for (int i = 0; i < 2; i++) {
        t->err.msg[0] = '\0';
        status = t->table->event_wait(event, 1, UINT64_MAX, &t->err);
        EXPECT(status != TNB_OK && status != TNB_E_TIMEOUT, "a refused wait: %d", status);
        EXPECT(strstr(t->err.msg, "Made-up NVIDIA") && strstr(t->err.msg, "CL_OUT_OF_RESOURCES"),
               "message: %s", t->err.msg);
    }
    t->table->event_destroy(event);
}

static void check_large_buffer(struct ocl_test *t)
{
    tnb_buffer *buffer = NULL;
    tnb_status status =
        t->table->buffer_alloc(t->device, (2ull << 30) + 1, TNB_BUFFER_DEVICE, &buffer, &t->err);
    EXPECT(status == TNB_E_OOM && strstr(t->err.msg, "2147483648"), "beyond max_alloc: %d %s",
           status, t->err.msg);
}

/* Which kernels a device gets: `want` is in the reason of a verdict. */
static void check_class(const char *device, const char *want)
{
    struct ocl_test t;
    const int64_t dim[] = {4};
    const tnb_tensor values[] = {ocl_test_type(TNB_F32, 1, dim), ocl_test_type(TNB_F32, 1, dim)};
    const uint32_t in = 0, out = 1, prior[] = {TNB_ABSENT, TNB_ABSENT};
    const tnb_node node = {.struct_size = sizeof(node),
                           .op = "relu",
                           .label = "",
                           .n_in = 1,
                           .n_out = 1,
                           .in = &in,
                           .out = &out};
    const tnb_node *nodes[] = {&node};
    const tnb_graph graph = {.struct_size = sizeof(graph),
                             .n_nodes = 1,
                             .n_values = 2,
                             .nodes = nodes,
                             .values = values,
                             .prior = prior};
    tnb_support support = {.struct_size = sizeof(support)};
    int rc = ocl_test_open(&t, device, NULL, NULL);
    EXPECT(rc == 0, "%s does not open", device);
    if (rc)
        return;
    t.table->supports(t.device, &graph, 0, &support, &t.err);
    EXPECT(strstr(support.why, want), "%s: %s, not %s", device, support.why, want);
    ocl_test_close(&t);
}

int main(void)
{
    struct ocl_test t;
    alarm(60); /* a wait that never ends fails the test */
    int rc = ocl_test_open(&t, "Made-up NVIDIA", NULL, NULL);
    if (rc) {
        fprintf(stderr, "the loader does not show the made-up driver\n");
        return 1;
    }
    check_devices(&t);
    check_lost_device(&t);
    check_large_buffer(&t);
    ocl_test_close(&t);
    check_class("Made-up AMD", "GPU-class");
    check_class("Made-up CPU 1", "GPU-class"); /* PoCL before 3.1 */
    check_class("Made-up CPU 2", "CPU-class");
    printf("made-up devices: %d failures\n", failures);
    return failures != 0;
}
