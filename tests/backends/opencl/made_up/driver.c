/* An OpenCL driver of made-up devices, for the loader: what enumeration makes of GPUs can be tested
 * where there is none. Devices answer questions and take markers; they run nothing, and a wait
 * fails as it does when a driver has lost its device. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>
#include <string.h>

#define API __attribute__((visibility("default")))
#define PCI_BUS_INFO 0x410F
#define PCI_BUS_NV 0x4008
#define PCI_SLOT_NV 0x4009
#define PCI_DOMAIN_NV 0x400A
#define TOPOLOGY_AMD 0x4037

static const struct _cl_icd_dispatch dispatch;

/* Every object of a driver begins with the loader's table. */
struct _cl_platform_id {
    const struct _cl_icd_dispatch *dispatch;
    const char *name, *version;
    cl_uint first, n;
};
struct _cl_device_id {
    const struct _cl_icd_dispatch *dispatch;
    const char *name, *extensions;
    cl_device_type type;
    cl_uint units, mhz;
    cl_bool shared_memory;
    size_t max_group;
    cl_uint pci[4]; /* domain, bus, device, function */
};
struct _cl_context {
    const struct _cl_icd_dispatch *dispatch;
};
struct _cl_command_queue {
    const struct _cl_icd_dispatch *dispatch;
};
struct _cl_event {
    const struct _cl_icd_dispatch *dispatch;
};

static struct _cl_device_id devices[] = {
    {&dispatch,
     "Made-up NVIDIA",
     "cl_khr_icd cl_nv_device_attribute_query",
     CL_DEVICE_TYPE_GPU,
     132,
     1980,
     CL_FALSE,
     1024,
     {2, 0x41, 3, 1}},
    {&dispatch,
     "Made-up AMD",
     "cl_amd_device_attribute_query",
     CL_DEVICE_TYPE_GPU,
     60,
     2500,
     CL_FALSE,
     256,
     {0, 0x0c, 0x1f, 2}},
    {&dispatch,
     "Made-up Intel",
     "cl_khr_pci_bus_info",
     CL_DEVICE_TYPE_GPU,
     32,
     1300,
     CL_TRUE,
     512,
     {1, 0, 2, 0}},
    {&dispatch,
     "Made-up FPGA Emulation Device",
     "",
     CL_DEVICE_TYPE_ACCELERATOR,
     2,
     2000,
     CL_TRUE,
     67108864,
     {0}},
    {&dispatch, "Made-up CPU 1", "", CL_DEVICE_TYPE_CPU, 2, 2000, CL_TRUE, 4096, {0}},
    {&dispatch, "Made-up CPU 2", "", CL_DEVICE_TYPE_CPU, 2, 2000, CL_TRUE, 4096, {0}},
};
#define N_PLATFORMS 4
static struct _cl_platform_id platforms[N_PLATFORMS] = {
    {&dispatch, "Made-up FPGA Emulation Platform for OpenCL(TM)", "OpenCL 1.2 made up", 3, 1},
    {&dispatch, "Made-up GPUs", "OpenCL 3.0 made up", 0, 3},
    {&dispatch, "Portable Computing Language", "OpenCL 3.0 PoCL 3.0-rc2  Linux", 4, 1},
    {&dispatch, "Portable Computing Language", "OpenCL 3.0 PoCL 3.1+debian  Linux", 5, 1},
};
static struct _cl_context the_context = {&dispatch};
static struct _cl_command_queue the_queue = {&dispatch};
static struct _cl_event the_event = {&dispatch};

static cl_int answer(const void *data, size_t n, size_t size, void *out, size_t *out_size)
{
    if (out_size)
        *out_size = n;
    if (out && size < n)
        return CL_INVALID_VALUE;
    if (out)
        memcpy(out, data, n);
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t size, void *out, size_t *out_size)
{
    return answer(text, strlen(text) + 1, size, out, out_size);
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id platform, cl_platform_info what,
                                            size_t size, void *out, size_t *out_size)
{
    switch (what) {
    case CL_PLATFORM_PROFILE:
        return answer_text("FULL_PROFILE", size, out, out_size);
    case CL_PLATFORM_VERSION:
        return answer_text(platform->version, size, out, out_size);
    case CL_PLATFORM_NAME:
        return answer_text(platform->name, size, out, out_size);
    case CL_PLATFORM_VENDOR:
        return answer_text("nobody", size, out, out_size);
    case CL_PLATFORM_EXTENSIONS:
        return answer_text("cl_khr_icd", size, out, out_size);
    case CL_PLATFORM_ICD_SUFFIX_KHR:
        return answer_text("MADEUP", size, out, out_size);
    default:
        return CL_INVALID_VALUE;
    }
}

static cl_int CL_API_CALL get_device_ids(cl_platform_id platform, cl_device_type type,
                                         cl_uint n_room, cl_device_id *out, cl_uint *out_n)
{
    (void)type;
    for (cl_uint i = 0; out && i < platform->n && i < n_room; i++)
        out[i] = &devices[platform->first + i];
    if (out_n)
        *out_n = platform->n;
    return CL_SUCCESS;
}

static int has(cl_device_id device, const char *extension)
{
    return strstr(device->extensions, extension) != NULL;
}

/* A driver knows only its own vendor's questions. */
static cl_int pci_info(cl_device_id device, cl_device_info what, size_t size, void *out,
                       size_t *out_size)
{
    const cl_uint *pci = device->pci;
    if (what == PCI_BUS_INFO && has(device, "cl_khr_pci_bus_info"))
        return answer(pci, 16, size, out, out_size);
    if (has(device, "cl_nv_device_attribute_query")) {
        const cl_uint slot = pci[2] << 3 | pci[3];
        if (what == PCI_DOMAIN_NV)
            return answer(&pci[0], 4, size, out, out_size);
        if (what == PCI_BUS_NV)
            return answer(&pci[1], 4, size, out, out_size);
        if (what == PCI_SLOT_NV)
            return answer(&slot, 4, size, out, out_size);
    }
    if (what == TOPOLOGY_AMD && has(device, "cl_amd_device_attribute_query")) {
        struct {
            cl_uint type;
            cl_uchar unused[17], bus, device, function;
        } topology = {1, {0}, (cl_uchar)pci[1], (cl_uchar)pci[2], (cl_uchar)pci[3]};
        return answer(&topology, 24, size, out, out_size);
    }
    return CL_INVALID_VALUE;
}

static cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, size_t size,
                                          void *out, size_t *out_size)
{
    const cl_bool yes = CL_TRUE;
    const cl_ulong memory = 8ull << 30, quarter = 2ull << 30, local = 48 << 10;
    const cl_uint width = 1;
    const cl_device_fp_config fp = CL_FP_FMA;
    switch (what) {
    case CL_DEVICE_TYPE:
        return answer(&device->type, sizeof(device->type), size, out, out_size);
    case CL_DEVICE_NAME:
        return answer_text(device->name, size, out, out_size);
    case CL_DEVICE_EXTENSIONS:
        return answer_text(device->extensions, size, out, out_size);
    case CL_DEVICE_VERSION:
        return answer_text("OpenCL 1.2 made up", size, out, out_size);
    case CL_DEVICE_OPENCL_C_VERSION:
        return answer_text("OpenCL C 1.2 made up", size, out, out_size);
    case CL_DRIVER_VERSION:
        return answer_text("0.1", size, out, out_size);
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
        return answer(&yes, sizeof(yes), size, out, out_size);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
        return answer(&device->shared_memory, sizeof(cl_bool), size, out, out_size);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return answer(&device->units, sizeof(cl_uint), size, out, out_size);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
        return answer(&device->mhz, sizeof(cl_uint), size, out, out_size);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return answer(&device->max_group, sizeof(size_t), size, out, out_size);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
        return answer(&width, sizeof(width), size, out, out_size);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return answer(&local, sizeof(local), size, out, out_size);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return answer(&memory, sizeof(memory), size, out, out_size);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return answer(&quarter, sizeof(quarter), size, out, out_size);
    case CL_DEVICE_SINGLE_FP_CONFIG:
        return answer(&fp, sizeof(fp), size, out, out_size);
    default:
        return pci_info(device, what, size, out, out_size);
    }
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint n,
                                             const cl_device_id *list,
                                             void(CL_CALLBACK *notify)(const char *, const void *,
                                                                       size_t, void *),
                                             void *user, cl_int *out_code)
{
    (void)properties, (void)n, (void)list, (void)notify, (void)user;
    *out_code = CL_SUCCESS;
    return &the_context;
}

static cl_command_queue CL_API_CALL create_queue(cl_context context, cl_device_id device,
                                                 cl_command_queue_properties properties,
                                                 cl_int *out_code)
{
    (void)context, (void)device, (void)properties;
    *out_code = CL_SUCCESS;
    return &the_queue;
}

static cl_int CL_API_CALL done_context(cl_context context)
{
    (void)context;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL done_queue(cl_command_queue queue)
{
    (void)queue;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL done_event(cl_event event)
{
    (void)event;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL enqueue_marker(cl_command_queue queue, cl_uint n, const cl_event *list,
                                         cl_event *out_event)
{
    (void)queue, (void)n, (void)list;
    *out_event = &the_event;
    return CL_SUCCESS;
}

static cl_int CL_API_CALL get_event_info(cl_event event, cl_event_info what, size_t size, void *out,
                                         size_t *out_size)
{
    const cl_int status = CL_SUBMITTED; /* for ever */
    (void)event;
    return what == CL_EVENT_COMMAND_EXECUTION_STATUS
               ? answer(&status, sizeof(status), size, out, out_size)
               : CL_INVALID_VALUE;
}

static cl_int CL_API_CALL wait_for_events(cl_uint n, const cl_event *list)
{
    (void)n, (void)list;
    return CL_OUT_OF_RESOURCES;
}

static const struct _cl_icd_dispatch dispatch = {
    .clGetPlatformInfo = get_platform_info,
    .clGetDeviceIDs = get_device_ids,
    .clGetDeviceInfo = get_device_info,
    .clCreateContext = create_context,
    .clReleaseContext = done_context,
    .clCreateCommandQueue = create_queue,
    .clReleaseCommandQueue = done_queue,
    .clFinish = done_queue,
    .clFlush = done_queue,
    .clEnqueueMarkerWithWaitList = enqueue_marker,
    .clGetEventInfo = get_event_info,
    .clWaitForEvents = wait_for_events,
    .clRetainEvent = done_event,
    .clReleaseEvent = done_event,
};

API cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint n_room, cl_platform_id *out, cl_uint *out_n);
API void *CL_API_CALL clGetExtensionFunctionAddress(const char *name);
API cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what,
                                         size_t size, void *out, size_t *out_size);

cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint n_room, cl_platform_id *out, cl_uint *out_n)
{
    for (cl_uint i = 0; out && i < N_PLATFORMS && i < n_room; i++)
        out[i] = &platforms[i];
    if (out_n)
        *out_n = N_PLATFORMS;
    return CL_SUCCESS;
}

cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t size,
                                     void *out, size_t *out_size)
{
    return get_platform_info(platform, what, size, out, out_size);
}

void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    void *address = NULL;
    if (strcmp(name, "clIcdGetPlatformIDsKHR") == 0) {
        cl_int(CL_API_CALL * function)(cl_uint, cl_platform_id *, cl_uint *) =
            clIcdGetPlatformIDsKHR;
        memcpy(&address, &function, sizeof(address));
    }
    return address;
}
