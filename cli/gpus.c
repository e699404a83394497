#include "gpus.h"

#include <ctype.h>
#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Words in a device's name or driver that give its vendor away. */
static const struct {
    const char *name, *id;
    const char *words[6];
} vendors[GPU_N_VENDORS] = {
    [GPU_NVIDIA] = {"NVIDIA", "10de", {"nvidia", "geforce", "quadro", "tesla"}},
    [GPU_AMD] = {"AMD", "1002", {"amd", "advanced micro devices", "radeon", "gfx"}},
    [GPU_INTEL] = {"Intel", "8086", {"intel"}},
};

const char *gpus_vendor_name(enum gpu_vendor vendor)
{
    return vendors[vendor].name;
}

/* --- what the kernel lists --- */

static void read_line(const char *path, char *buf, size_t size)
{
    FILE *file = fopen(path, "r");
    buf[0] = '\0';
    if (!file)
        return;
    if (fgets(buf, (int)size, file))
        buf[strcspn(buf, "\n")] = '\0';
    fclose(file);
}

static void link_name(const char *path, char *buf, size_t size)
{
    char target[1024];
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    const char *slash;
    buf[0] = '\0';
    if (n <= 0)
        return;
    target[n] = '\0';
    slash = strrchr(target, '/');
    snprintf(buf, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

static int find_vendor(const char *id, enum gpu_vendor *out)
{
    for (int v = 0; v < GPU_N_VENDORS; v++)
        if (strncmp(id, "0x", 2) == 0 && strcmp(id + 2, vendors[v].id) == 0) {
            *out = (enum gpu_vendor)v;
            return 1;
        }
    return 0;
}

static int read_card(const char *drm, const char *entry, struct gpu_card *out)
{
    char path[1024], vendor[16], device[16];
    *out = (struct gpu_card){0};
    if (strncmp(entry, "card", 4) != 0 || strchr(entry, '-')) /* a connector: card0-HDMI-A-1 */
        return 0;
    snprintf(path, sizeof(path), "%s/%s/device/vendor", drm, entry);
    read_line(path, vendor, sizeof(vendor));
    if (!find_vendor(vendor, &out->vendor))
        return 0;
    snprintf(path, sizeof(path), "%s/%s/device/device", drm, entry);
    read_line(path, device, sizeof(device));
    snprintf(out->ids, sizeof(out->ids), "%.4s:%.4s", vendor + 2,
             strncmp(device, "0x", 2) == 0 ? device + 2 : "?");
    snprintf(path, sizeof(path), "%s/%s/device", drm, entry);
    link_name(path, out->pci, sizeof(out->pci));
    snprintf(path, sizeof(path), "%s/%s/device/driver", drm, entry);
    link_name(path, out->kernel, sizeof(out->kernel));
    return 1;
}

static int by_entry(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static size_t list_cards(const char *drm, struct gpu_card *out)
{
    struct dirent **entries = NULL;
    size_t n = 0;
    int n_entries = scandir(drm, &entries, NULL, by_entry);
    for (int i = 0; i < n_entries; i++) {
        n += n < GPUS_MAX && read_card(drm, entries[i]->d_name, &out[n]);
        free(entries[i]);
    }
    free(entries);
    return n;
}

/* A computing card without a screen may be absent from the list of screens. */
static size_t add_nvidia(struct gpu_card *cards, size_t n)
{
    if (n == GPUS_MAX || access("/dev/nvidia0", F_OK) != 0)
        return n;
    for (size_t i = 0; i < n; i++)
        if (cards[i].vendor == GPU_NVIDIA)
            return n;
    cards[n] = (struct gpu_card){.vendor = GPU_NVIDIA, .ids = "10de:?", .kernel = "nvidia"};
    return n + 1;
}

/* --- whether a backend offers it --- */

static int contains(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; text && *text; text++) {
        size_t i = 0;
        while (i < n && tolower((unsigned char)text[i]) == word[i])
            i++;
        if (i == n)
            return 1;
    }
    return 0;
}

static int is_of(const struct gpu_offered *o, enum gpu_vendor vendor)
{
    for (size_t w = 0; w < 6 && vendors[vendor].words[w]; w++)
        if (contains(o->name, vendors[vendor].words[w]) ||
            contains(o->driver, vendors[vendor].words[w]))
            return 1;
    return 0;
}

/* By address where the driver tells it; one of which nobody can tell the vendor counts for all. */
static int is_offered(const struct gpu_card *card, const struct gpu_offered *offered, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int known = 0;
        if (card->pci[0] && strncmp(offered[i].uid, "pci:", 4) == 0) {
            if (strcmp(offered[i].uid + 4, card->pci) == 0)
                return 1;
            continue;
        }
        for (int v = 0; v < GPU_N_VENDORS; v++)
            known |= is_of(&offered[i], (enum gpu_vendor)v);
        if (!known || is_of(&offered[i], card->vendor))
            return 1;
    }
    return 0;
}

/* --- what helps --- */

static void advise(struct gpu_card *card)
{
    const char *reason = "no OpenCL platform offers it", *remedy = "install intel-opencl-icd";
    if (card->vendor == GPU_NVIDIA && access("/dev/nvidiactl", F_OK) == 0) {
        reason = "the driver is loaded, but no OpenCL platform names it";
        remedy = "install nvidia-opencl-icd, or check that /etc/OpenCL/vendors/nvidia.icd names "
                 "libnvidia-opencl.so.1";
    } else if (card->vendor == GPU_NVIDIA) {
        reason = "NVIDIA's kernel driver is not loaded (the free driver nouveau has no OpenCL)";
        remedy = "install nvidia-driver and nvidia-opencl-icd (Debian: component non-free), then "
                 "restart";
    } else if (card->vendor == GPU_AMD) {
        reason = "no OpenCL platform offers it; Debian 12's Mesa 22.3 has no rusticl for radeonsi "
                 "yet";
        remedy = "install mesa-opencl-icd 23.1 or newer (bookworm-backports) and set "
                 "RUSTICL_ENABLE=radeonsi, or install rocm-opencl-icd";
    }
    snprintf(card->reason, sizeof(card->reason), "%s", reason);
    snprintf(card->remedy, sizeof(card->remedy), "%s", remedy);
}

static void append(char *buf, size_t size, const char *text)
{
    size_t at = strlen(buf);
    snprintf(buf + at, size - at, "%s", text);
}

/* The kernel's render nodes may be closed to this user. */
static void advise_group(struct gpu_card *card)
{
    char path[300], text[400];
    DIR *folder = opendir("/dev/dri");
    const struct passwd *me = getpwuid(getuid());
    for (struct dirent *e; folder && (e = readdir(folder));) {
        snprintf(path, sizeof(path), "/dev/dri/%.200s", e->d_name);
        if (strncmp(e->d_name, "renderD", 7) != 0 || access(path, R_OK | W_OK) == 0)
            continue;
        snprintf(text, sizeof(text), "; and %s may not be opened by this user", path);
        append(card->reason, sizeof(card->reason), text);
        snprintf(text, sizeof(text), "; and: sudo usermod -aG render %.64s, then log in again",
                 me ? me->pw_name : "USER");
        append(card->remedy, sizeof(card->remedy), text);
        break;
    }
    if (folder)
        closedir(folder);
}

size_t gpus_find(const char *drm, const struct gpu_offered *offered, size_t n_offered,
                 struct gpu_card out_cards[GPUS_MAX])
{
    size_t n = list_cards(drm ? drm : "/sys/class/drm", out_cards);
    if (!drm)
        n = add_nvidia(out_cards, n);
    for (size_t i = 0; i < n; i++) {
        out_cards[i].is_usable = is_offered(&out_cards[i], offered, n_offered);
        if (out_cards[i].is_usable)
            continue;
        advise(&out_cards[i]);
        advise_group(&out_cards[i]);
    }
    return n;
}
