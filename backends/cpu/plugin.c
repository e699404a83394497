/* SPDX-License-Identifier: MIT
 *
 * The plugin's entry: the table, the instance with its options, and the one device. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#if defined(CPU_HAVE_AVX2) || defined(CPU_HAVE_AVX512)
#include <cpuid.h>
#endif

#include "cpu.h"
#include "threads.h"

#define ISA_BASELINE "baseline"

struct isa {
    const char *name;
    const struct cpu_op *const *families;
    const struct cpu_half *half;
};

#if defined(CPU_HAVE_AVX2) || defined(CPU_HAVE_AVX512)
/* __builtin_cpu_supports does not know this feature's name in every compiler that we take. */
static bool has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool has_haswell(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_f16c();
}
#endif

/* Best first; only those this CPU can run. The loops are built for Haswell and for Skylake-X, so
 * all that the compiler may use of those is asked for: a virtual machine can hide any of it. */
static uint32_t isa_list(struct isa out[3])
{
    uint32_t n = 0;
#if defined(CPU_HAVE_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd") && has_haswell())
        out[n++] = (struct isa){"avx512", cpu_families_avx512, &cpu_half_avx512};
#endif
#if defined(CPU_HAVE_AVX2)
    if (has_haswell())
        out[n++] = (struct isa){"avx2", cpu_families_avx2, &cpu_half_avx2};
#endif
    out[n++] = (struct isa){ISA_BASELINE, cpu_families_baseline, &cpu_half_baseline};
    return n;
}

static tnb_status option_provider(tnb_instance *inst, const char *value, tnb_error *err)
{
    static const char *const name[] = {"auto", "onednn", "blas", "loops"};
    for (uint32_t i = 0; i < sizeof name / sizeof *name; i++) {
        if (strcmp(value, name[i]) != 0)
            continue;
        bool there = i == CPU_PROVIDER_ONEDNN ? cpu_onednn_find("conv2d") != NULL
                     : i == CPU_PROVIDER_BLAS ? cpu_blas_find("matmul") != NULL
                                              : true;
        if (!there)
            return cpu_fail(err, TNB_E_UNSUPPORTED, "cpu: built without %s (provider=%s)", value,
                            value);
        inst->provider = (enum cpu_provider)i;
        return TNB_OK;
    }
    return cpu_fail(err, TNB_E_INVALID,
                    "cpu: provider='%s'; it is one of auto, onednn, blas, loops", value);
}

static tnb_status option_isa(tnb_instance *inst, const char *value, tnb_error *err)
{
    struct isa list[3];
    uint32_t n = isa_list(list);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].name, value) == 0) {
            inst->isa = list[i].name;
            inst->families = list[i].families;
            inst->half = list[i].half;
            return TNB_OK;
        }
    return cpu_fail(err, TNB_E_INVALID,
                    "cpu: isa='%s' is unknown, not built in, or not of this CPU; this CPU runs %s, "
                    "the best of avx512, avx2, baseline",
                    value, list[0].name);
}

static tnb_status options(tnb_instance *inst, const tnb_kv *opts, uint32_t n_opts, tnb_error *err)
{
    for (uint32_t i = 0; i < n_opts; i++) {
        tnb_status s;
        if (strcmp(opts[i].key, "provider") == 0)
            s = option_provider(inst, opts[i].value, err);
        else if (strcmp(opts[i].key, "isa") == 0)
            s = option_isa(inst, opts[i].value, err);
        else
            s = cpu_fail(
                err, TNB_E_INVALID,
                "cpu: unknown option '%s'; known: provider (auto, onednn, blas, loops), isa "
                "(avx512, avx2, baseline)",
                opts[i].key);
        if (s != TNB_OK)
            return s;
    }
    return TNB_OK;
}

static tnb_status create(const tnb_host *host, const tnb_kv *opts, uint32_t n_opts,
                         tnb_instance **out_instance, tnb_error *err)
{
    struct isa list[3];
    isa_list(list);
    tnb_instance first = {
        .host = host, .isa = list[0].name, .families = list[0].families, .half = list[0].half};
    first.n_threads = TNB_HAS(host, tnb_host, n_threads) ? host->n_threads : 0;
    if (first.n_threads == 0)
        first.n_threads = cpu_threads_allowed();
    tnb_status s = options(&first, opts, n_opts, err);
    if (s != TNB_OK)
        return s;
    tnb_instance *inst = cpu_alloc(&first, sizeof *inst);
    if (!inst)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for the instance");
    *inst = first;
    inst->pool = cpu_pool_create(host, inst->n_threads);
    if (!inst->pool) {
        cpu_free(&first, inst);
        return cpu_fail(err, TNB_E_OOM, "cpu: the system gives no %u threads; try --threads 1",
                        first.n_threads);
    }
    cpu_quiet_blas();
    *out_instance = inst;
    return TNB_OK;
}

static void destroy(tnb_instance *instance)
{
    if (!instance)
        return;
    cpu_pool_destroy(instance->pool);
    cpu_free(instance, instance);
}

static tnb_status device_count(tnb_instance *instance, uint32_t *out_count, tnb_error *err)
{
    *out_count = 1;
    return TNB_OK;
}

/* "model name : AMD EPYC" of /proc/cpuinfo. */
static void cpu_model(char *out, size_t size)
{
    snprintf(out, size, "CPU");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        colon += strspn(colon, ": \t");
        colon[strcspn(colon, "\n")] = 0;
        snprintf(out, size, "%s", colon);
        break;
    }
    fclose(f);
}

/* "MemAvailable: 123 kB" of /proc/meminfo: counts what the system would give up, such as its file
 * cache, which sysinfo's free memory does not. 0: not known. */
static uint64_t memory_available(void)
{
    unsigned long long kb = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return (uint64_t)kb * 1024;
}

static tnb_status device_info(tnb_instance *instance, uint32_t index, tnb_device_info *out_info,
                              tnb_error *err)
{
    if (index != 0)
        return cpu_fail(err, TNB_E_INVALID, "cpu: device %u; there is one, 0", index);
    tnb_device_info info = {.kind = TNB_DEVICE_CPU,
                            .caps = TNB_CAP_HOST_MEMORY,
                            .offset_align = CPU_ALIGN,
                            .score = 100};
    static const uint8_t dtype[] = {TNB_F32, TNB_F16, TNB_BF16, TNB_F64,
                                    TNB_I32, TNB_I64, TNB_U8,   TNB_BOOL};
    for (uint32_t i = 0; i < sizeof dtype; i++)
        info.dtype_mask |= UINT64_C(1) << dtype[i];
    struct sysinfo si;
    if (sysinfo(&si) == 0)
        info.mem_total = (uint64_t)si.totalram * si.mem_unit;
    info.mem_free = memory_available();
    info.max_alloc = info.mem_total;
    cpu_model(info.name, sizeof info.name);
    snprintf(info.uid, sizeof info.uid, "cpu:0");
    snprintf(info.driver, sizeof info.driver, "Tenon cpu, %s loops, %u thread%s%s%s", instance->isa,
             instance->n_threads, instance->n_threads == 1 ? "" : "s",
             cpu_onednn_find("conv2d") ? ", oneDNN" : "", cpu_blas_find("matmul") ? ", CBLAS" : "");
    uint32_t size = out_info->struct_size < sizeof info ? out_info->struct_size : sizeof info;
    info.struct_size = out_info->struct_size;
    memcpy(out_info, &info, size);
    return TNB_OK;
}

static tnb_status device_open(tnb_instance *instance, uint32_t index, tnb_device **out_device,
                              tnb_error *err)
{
    if (index != 0)
        return cpu_fail(err, TNB_E_INVALID, "cpu: device %u; there is one, 0", index);
    tnb_device *d = cpu_alloc(instance, sizeof *d);
    if (!d)
        return cpu_fail(err, TNB_E_OOM, "cpu: no memory for the device");
    d->inst = instance;
    *out_device = d;
    return TNB_OK;
}

static void device_close(tnb_device *device)
{
    if (device)
        cpu_free(device->inst, device);
}

static const tnb_backend table = {
    .struct_size = sizeof(tnb_backend),
    .abi_major = TNB_ABI_MAJOR,
    .abi_minor = TNB_ABI_MINOR,
    .name = "cpu",
    .version = CPU_VERSION,
    .create = create,
    .destroy = destroy,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .buffer_alloc = cpu_buffer_alloc,
    .buffer_free = cpu_buffer_free,
    .supports = cpu_supports,
    .plan_create = cpu_plan_create,
    .plan_destroy = cpu_plan_destroy,
    .plan_bind = cpu_plan_bind,
    .event_create = cpu_event_create,
    .event_destroy = cpu_event_destroy,
    .event_wait = cpu_event_wait,
    .queue_create = cpu_queue_create,
    .queue_destroy = cpu_queue_destroy,
    .write = cpu_write,
    .read = cpu_read,
    .copy = cpu_copy,
    .fill = cpu_fill,
    .run = cpu_run,
    .signal = cpu_signal,
    .wait = cpu_wait,
    .flush = cpu_flush,
    .buffer_map = cpu_buffer_map,
    .buffer_unmap = cpu_buffer_unmap,
    .plan_times = cpu_plan_times,
};

TNB_EXPORT const tnb_backend *tenon_backend_entry_v0(uint32_t host_abi_minor, tnb_error *err)
{
    return &table;
}
