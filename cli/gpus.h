/* GPUs of this machine, as the kernel lists them, beside those that a backend offers. */
#ifndef TN_CLI_GPUS_H
#define TN_CLI_GPUS_H

#include <stddef.h>

#define GPUS_MAX 16

enum gpu_vendor { GPU_NVIDIA = 0, GPU_AMD, GPU_INTEL, GPU_N_VENDORS };

/* A device of kind GPU that the runtime lists. */
struct gpu_offered {
    const char *uid, *name, *driver;
};
struct gpu_card {
    enum gpu_vendor vendor;
    char pci[32];     /* "0000:01:00.0"; "" where the kernel does not say */
    char ids[16];     /* "10de:2335" */
    char kernel[32];  /* its kernel driver, "" for none */
    int is_usable;    /* offered, or one of its vendor is that nobody can tell apart */
    char reason[256]; /* of a card that is not */
    char remedy[512];
};

/* Cards below `drm` (NULL: /sys/class/drm) and, where that is NULL, what /dev/nvidia0 tells. */
size_t gpus_find(const char *drm, const struct gpu_offered *offered, size_t n_offered,
                 struct gpu_card out_cards[GPUS_MAX]);
const char *gpus_vendor_name(enum gpu_vendor vendor);

#endif
