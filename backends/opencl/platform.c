/* Finds the usable devices: real GPUs first, then the rest in the order of the platforms. */
#include <stdio.h>
#include <stdlib.h>

#include "opencl.h"

#define MAX_PLATFORMS 32
#define MAX_DEVICES 64

/* Numbers of extensions that not every CL/cl_ext.h has. */
#define DEVICE_PCI_BUS_INFO_KHR 0x410F
#define DEVICE_UUID_KHR 0x106A
#define DEVICE_PCI_BUS_ID_NV 0x4008
#define DEVICE_PCI_SLOT_ID_NV 0x4009
#define DEVICE_PCI_DOMAIN_ID_NV 0x400A
#define DEVICE_TOPOLOGY_AMD 0x4037

void ocl_device_text(cl_device_id id, cl_device_info what, char *buf, size_t size)
{
    char text[8192] = "";
    if (clGetDeviceInfo(id, what, sizeof(text) - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    snprintf(buf, size, "%.*s", (int)size - 1, text);
}

void ocl_platform_text(cl_platform_id id, cl_platform_info what, char *buf, size_t size)
{
    char text[8192] = "";
    if (clGetPlatformInfo(id, what, sizeof(text) - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    snprintf(buf, size, "%.*s", (int)size - 1, text);
}

uint64_t ocl_device_number(cl_device_id id, cl_device_info what, size_t size)
{
    uint64_t value = 0; /* little-endian hosts only, see ocl_device_fault */
    if (clGetDeviceInfo(id, what, size, &value, NULL) != CL_SUCCESS)
        return 0;
    return value;
}

static int version_of(const char *text, const char *prefix)
{
    int major = 0, minor = 0;
    if (strncmp(text, prefix, strlen(prefix)) != 0 ||
        sscanf(text + strlen(prefix), "%d.%d", &major, &minor) != 2)
        return 0;
    return major * 10 + minor;
}

const char *ocl_device_fault(cl_device_id id)
{
    char version[128], c_version[128];
    ocl_device_text(id, CL_DEVICE_VERSION, version, sizeof(version));
    ocl_device_text(id, CL_DEVICE_OPENCL_C_VERSION, c_version, sizeof(c_version));
    if (version_of(version, "OpenCL ") < 12)
        return "it offers less than OpenCL 1.2";
    if (version_of(c_version, "OpenCL C ") < 12)
        return "it compiles less than OpenCL C 1.2";
    if (!ocl_device_number(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool)))
        return "it has no kernel compiler";
    if (!ocl_device_number(id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
        return "its driver says that it is not available";
    if (!ocl_device_number(id, CL_DEVICE_ENDIAN_LITTLE, sizeof(cl_bool)))
        return "it is not little-endian";
    return NULL;
}

const char *ocl_platform_fault(cl_platform_id platform)
{
    char version[128];
    ocl_platform_text(platform, CL_PLATFORM_VERSION, version, sizeof(version));
    return version_of(version, "OpenCL ") < 12 ? "it offers less than OpenCL 1.2" : NULL;
}

static uint64_t text_hash(const char *text, uint64_t hash)
{
    for (; *text; text++) /* FNV-1a: names need no better one */
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

/* The PCI address where a driver tells it, so that one GPU has one uid under two drivers. */
static void device_uid(cl_device_id id, const char *platform, const char *name, uint32_t index,
                       char *buf, size_t size)
{
    char ext[8192];
    ocl_device_text(id, CL_DEVICE_EXTENSIONS, ext, sizeof(ext));
    cl_uint pci[4] = {0};
    unsigned char topology[24] = {0}, uuid[16] = {0};
    if (strstr(ext, "cl_khr_pci_bus_info") &&
        clGetDeviceInfo(id, DEVICE_PCI_BUS_INFO_KHR, sizeof(pci), pci, NULL) == CL_SUCCESS) {
        snprintf(buf, size, "pci:%04x:%02x:%02x.%x", pci[0], pci[1], pci[2], pci[3]);
    } else if (strstr(ext, "cl_nv_device_attribute_query") &&
               clGetDeviceInfo(id, DEVICE_PCI_BUS_ID_NV, 4, &pci[1], NULL) == CL_SUCCESS &&
               clGetDeviceInfo(id, DEVICE_PCI_SLOT_ID_NV, 4, &pci[2], NULL) == CL_SUCCESS) {
        if (clGetDeviceInfo(id, DEVICE_PCI_DOMAIN_ID_NV, 4, &pci[0], NULL) != CL_SUCCESS)
            pci[0] = 0;
        snprintf(buf, size, "pci:%04x:%02x:%02x.%x", pci[0], pci[1], pci[2] >> 3, pci[2] & 7);
    } else if (strstr(ext, "cl_amd_device_attribute_query") &&
               clGetDeviceInfo(id, DEVICE_TOPOLOGY_AMD, sizeof(topology), topology, NULL) ==
                   CL_SUCCESS &&
               topology[0] == 1) {
        snprintf(buf, size, "pci:0000:%02x:%02x.%x", topology[21], topology[22], topology[23]);
    } else if (strstr(ext, "cl_khr_device_uuid") &&
               clGetDeviceInfo(id, DEVICE_UUID_KHR, sizeof(uuid), uuid, NULL) == CL_SUCCESS) {
        int at = snprintf(buf, size, "uuid:");
        for (int i = 0; i < 16; i++)
            at += snprintf(buf + at, size - (size_t)at, "%02x", uuid[i]);
    } else {
        uint64_t hash = text_hash(name, text_hash(platform, 0xcbf29ce484222325u)) + index;
        snprintf(buf, size, "opencl:%016llx", (unsigned long long)hash);
    }
}

static int32_t device_score(const struct ocl_desc *desc, cl_device_id id, bool llvmpipe)
{
    if (desc->info.caps & TNB_CAP_CHECKER)
        return 0;
    if (desc->info.caps & TNB_CAP_EMULATED)
        return llvmpipe ? 40 : 50;
    if (desc->info.kind == TNB_DEVICE_ACCELERATOR)
        return 150;
    uint64_t speed = (uint64_t)desc->n_units *
                     ocl_device_number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(cl_uint)) / 100;
    if (speed > 1000000)
        speed = 1000000;
    bool shared = ocl_device_number(id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(cl_bool)) != 0;
    return (int32_t)(shared ? 201 + speed / 10 : 300 + speed);
}

/* PoCL 3.0 sums the lanes of wide vectors wrongly, or never ends compiling them; its work-groups
 * are right. 3.1 is right in both. */
static bool is_old_pocl(const char *platform_version)
{
    const char *at = strstr(platform_version, "ocl "); /* "OpenCL 3.0 PoCL 3.0-rc2 ..." */
    if (!at)
        at = strstr(platform_version, "oCL ");
    int version = at ? version_of(at + 4, "") : 0;
    return version != 0 && version < 31;
}

static void describe_kind(struct ocl_desc *desc, cl_device_type type, const char *platform,
                          bool llvmpipe)
{
    bool checker = strstr(platform, "Oclgrind") != NULL;
    bool gpu = (type & CL_DEVICE_TYPE_GPU) && !llvmpipe && !checker && !(type & CL_DEVICE_TYPE_CPU);
    desc->info.kind = TNB_DEVICE_CPU;
    if (gpu)
        desc->info.kind = TNB_DEVICE_GPU;
    else if ((type & CL_DEVICE_TYPE_ACCELERATOR) && !(type & CL_DEVICE_TYPE_CPU) &&
             !strstr(platform, "Emulation")) /* Intel's FPGA emulator runs on the CPU */
        desc->info.kind = TNB_DEVICE_ACCELERATOR;
    if (desc->info.kind == TNB_DEVICE_CPU)
        desc->info.caps |= TNB_CAP_EMULATED;
    if (checker)
        desc->info.caps |= TNB_CAP_CHECKER | TNB_CAP_EMULATED;
    desc->is_pocl = strstr(platform, "Portable Computing Language") != NULL;
    if (desc->is_pocl && desc->info.kind == TNB_DEVICE_CPU)
        desc->info.caps |= TNB_CAP_HOST_MEMORY;
    /* llvmpipe runs work-items in the lanes of a vector: its fast form is the GPU's. */
    desc->natural_class =
        desc->info.kind == TNB_DEVICE_CPU && !llvmpipe ? OCL_CLASS_CPU : OCL_CLASS_GPU;
    if (desc->is_pocl && is_old_pocl(desc->platform_version))
        desc->natural_class = OCL_CLASS_GPU;
    if (desc->max_group < 256 || desc->local_bytes < 16384)
        desc->natural_class = OCL_CLASS_CPU;
}

static void describe(struct ocl_desc *desc, cl_platform_id platform, cl_device_id id,
                     uint32_t index)
{
    char platform_name[128];
    *desc = (struct ocl_desc){.platform = platform, .id = id};
    desc->info.struct_size = sizeof(desc->info);
    ocl_platform_text(platform, CL_PLATFORM_NAME, platform_name, sizeof(platform_name));
    ocl_platform_text(platform, CL_PLATFORM_VERSION, desc->platform_version,
                      sizeof(desc->platform_version));
    ocl_device_text(id, CL_DRIVER_VERSION, desc->driver_version, sizeof(desc->driver_version));
    ocl_device_text(id, CL_DEVICE_NAME, desc->info.name, sizeof(desc->info.name));
    snprintf(desc->info.driver, sizeof(desc->info.driver), "%.90s, driver %.90s", platform_name,
             desc->driver_version);
    desc->n_units = (uint32_t)ocl_device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    desc->native_width =
        (uint32_t)ocl_device_number(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(cl_uint));
    desc->max_group = ocl_device_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    desc->local_bytes = ocl_device_number(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    uint64_t fp = ocl_device_number(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(cl_device_fp_config));
    desc->exact_divide = (fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    desc->info.dtype_mask = 1u << TNB_F32 | 1u << TNB_F16 | 1u << TNB_BF16 | 1u << TNB_I32 |
                            1u << TNB_I64 | 1u << TNB_U8 | 1u << TNB_BOOL;
    desc->info.mem_total = ocl_device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    desc->info.max_alloc = ocl_device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    desc->info.offset_align = 256;
    bool llvmpipe = strstr(desc->info.name, "llvmpipe") != NULL;
    describe_kind(desc, ocl_device_number(id, CL_DEVICE_TYPE, sizeof(cl_device_type)),
                  platform_name, llvmpipe);
    desc->info.score = device_score(desc, id, llvmpipe);
    device_uid(id, platform_name, desc->info.name, index, desc->info.uid, sizeof(desc->info.uid));
}

static void add_platform(tnb_instance *instance, cl_platform_id platform)
{
    char name[128];
    ocl_platform_text(platform, CL_PLATFORM_NAME, name, sizeof(name));
    const char *fault = ocl_platform_fault(platform);
    if (fault) {
        ocl_log(instance, TNB_LOG_INFO, "opencl: skipping platform %s: %s", name, fault);
        return;
    }
    cl_device_id ids[MAX_DEVICES];
    cl_uint n = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n);
    if (code != CL_SUCCESS || n == 0) {
        ocl_log(instance, TNB_LOG_INFO, "opencl: platform %s offers no device (%s)", name,
                ocl_error_name(code ? code : CL_DEVICE_NOT_FOUND));
        return;
    }
    for (cl_uint i = 0; i < n && i < MAX_DEVICES && instance->n_desc < MAX_DEVICES; i++) {
        char device_name[128];
        ocl_device_text(ids[i], CL_DEVICE_NAME, device_name, sizeof(device_name));
        if ((fault = ocl_device_fault(ids[i])))
            ocl_log(instance, TNB_LOG_INFO, "opencl: skipping %s: %s", device_name, fault);
        else
            describe(&instance->desc[instance->n_desc++], platform, ids[i], i);
    }
}

tnb_status ocl_enumerate(tnb_instance *instance, tnb_error *err)
{
    instance->desc = calloc(MAX_DEVICES, sizeof(*instance->desc));
    if (!instance->desc)
        return ocl_fail(err, TNB_E_OOM, 0, "backend opencl: no host memory for the device list");
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n = 0;
    cl_int code = clGetPlatformIDs(MAX_PLATFORMS, platforms, &n);
    if (code != CL_SUCCESS || n == 0) {
        ocl_log(instance, TNB_LOG_INFO,
                "opencl: no OpenCL platform (code %d); install a driver's ICD, or "
                "pocl-opencl-icd to run on the CPU",
                (int)code);
        return TNB_OK;
    }
    for (cl_uint i = 0; i < n && i < MAX_PLATFORMS; i++)
        add_platform(instance, platforms[i]);
    /* Stable: a GPU moves before the CPU devices that precede it. */
    for (uint32_t i = 1; i < instance->n_desc; i++) {
        struct ocl_desc desc = instance->desc[i];
        uint32_t at = i;
        for (; at > 0 && desc.info.kind == TNB_DEVICE_GPU &&
               instance->desc[at - 1].info.kind != TNB_DEVICE_GPU;
             at--)
            instance->desc[at] = instance->desc[at - 1];
        instance->desc[at] = desc;
    }
    return TNB_OK;
}
