#define _XOPEN_SOURCE 700 /* realpath, S_ISVTX */
#include "runtime/path_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__ELF__)
#include <elf.h>
#endif

/* Judges one folder above the plugin. */
static tn_status check_folder(const char *folder, struct tn_path_verdict *verdict,
                              struct tn_error *err)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return tn_error_set(err, errno == ENOENT ? TN_E_NOT_FOUND : TN_E_IO, "%s: %s", folder,
                            strerror(errno));
    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
        return tn_error_set(err, TN_E_INVALID,
                            "everyone may write the folder %s, so anyone could have put code "
                            "there; mend it with: chmod o-w %s",
                            folder, folder);
    if ((st.st_mode & S_IWGRP) && !(st.st_mode & S_ISVTX) && !verdict->group_writable)
        verdict->group_writable = strdup(folder);
    return TN_OK;
}

/* Every folder above `path` (absolute), from the root down. */
static tn_status check_ancestors(const char *path, struct tn_path_verdict *verdict,
                                 struct tn_error *err)
{
    char *buf = strdup(path);
    if (!buf)
        return tn_error_set(err, TN_E_OOM, "out of memory");
    tn_status status = check_folder("/", verdict, err);
    for (char *slash = strchr(buf + 1, '/'); status == TN_OK && slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = check_folder(buf, verdict, err);
        *slash = '/';
    }
    free(buf);
    return status;
}

static tn_status check_file(const char *path, struct tn_path_verdict *verdict, struct tn_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return tn_error_set(err, errno == ENOENT ? TN_E_NOT_FOUND : TN_E_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return tn_error_set(err, TN_E_INVALID, "not a regular file");
    if (st.st_mode & S_IWOTH)
        return tn_error_set(err, TN_E_INVALID,
                            "everyone may write this file; mend it with: chmod o-w %s", path);
    if ((st.st_mode & S_IWGRP) && !verdict->group_writable)
        verdict->group_writable = strdup(path);
    verdict->dev = st.st_dev;
    verdict->ino = st.st_ino;
    return TN_OK;
}

/* The path as given, made absolute but with its links kept. */
static char *absolute(const char *path)
{
    if (path[0] == '/')
        return strdup(path);
    char cwd[PATH_MAX];
    if (!getcwd(cwd, sizeof cwd))
        return NULL;
    size_t n = strlen(cwd), m = strlen(path);
    char *joined = malloc(n + m + 2);
    if (!joined)
        return NULL;
    memcpy(joined, cwd, n);
    joined[n] = '/';
    memcpy(joined + n + 1, path, m + 1);
    return joined;
}

tn_status tn_path_check(const char *path, struct tn_path_verdict *out_verdict, struct tn_error *err)
{
    struct tn_path_verdict verdict = {0};
    tn_status status = TN_OK;
    char *given = absolute(path);
    verdict.real = realpath(path, NULL);
    if (!verdict.real) {
        status = tn_error_set(err, errno == ENOENT || errno == ENOTDIR ? TN_E_NOT_FOUND : TN_E_IO,
                              "%s", errno == ENOENT ? "no such file" : strerror(errno));
        goto fail;
    }
    if (!given) {
        status =
            tn_error_set(err, TN_E_IO, "the working directory cannot be read: %s", strerror(errno));
        goto fail;
    }
    if ((status = check_file(verdict.real, &verdict, err)) != TN_OK ||
        (status = check_ancestors(verdict.real, &verdict, err)) != TN_OK ||
        (status = check_ancestors(given, &verdict, err)) != TN_OK)
        goto fail;
    free(given);
    *out_verdict = verdict;
    return TN_OK;
fail:
    free(given);
    tn_path_verdict_finish(&verdict);
    return status;
}

void tn_path_verdict_finish(struct tn_path_verdict *verdict)
{
    free(verdict->real);
    free(verdict->group_writable);
    *verdict = (struct tn_path_verdict){0};
}

#if defined(__ELF__) && UINTPTR_MAX > 0xffffffffu
/* Every loadable part must lie inside the file: the loader maps them without looking. */
static tn_status check_elf_whole(int fd, const Elf64_Ehdr *head, uint64_t size,
                                 struct tn_error *err)
{
    for (unsigned i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr ph;
        uint64_t at = head->e_phoff + (uint64_t)i * sizeof ph;
        if (head->e_phoff > size || at > size - sizeof ph ||
            pread(fd, &ph, sizeof ph, (off_t)at) != (ssize_t)sizeof ph)
            return tn_error_set(err, TN_E_INVALID,
                                "not a whole shared object: it ends inside its headers (was it "
                                "copied in part?)");
        if (ph.p_type == PT_LOAD && (ph.p_filesz > size || ph.p_offset > size - ph.p_filesz))
            return tn_error_set(err, TN_E_INVALID,
                                "not a whole shared object: it ends after %llu of %llu bytes (was "
                                "it copied in part?)",
                                (unsigned long long)size,
                                (unsigned long long)ph.p_offset + (unsigned long long)ph.p_filesz);
    }
    return TN_OK;
}

static tn_status check_elf(int fd, uint64_t size, struct tn_error *err)
{
    Elf64_Ehdr head;
    ssize_t got = size < sizeof head ? -1 : pread(fd, &head, sizeof head, 0);
    if (got != (ssize_t)sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
        return tn_error_set(err, TN_E_INVALID, "not a shared object");
    if (head.e_ident[EI_CLASS] != ELFCLASS64)
        return tn_error_set(err, TN_E_INVALID, "not a 64-bit shared object");
    if (head.e_type != ET_DYN || head.e_phentsize != sizeof(Elf64_Phdr))
        return tn_error_set(err, TN_E_INVALID,
                            "not a shared object, but another kind of object file");
    return check_elf_whole(fd, &head, size, err);
}
#else
static tn_status check_elf(int fd, uint64_t size, struct tn_error *err)
{
    return TN_OK; /* the system's loader judges */
}
#endif

tn_status tn_path_check_shared_object(const char *path, struct tn_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        tn_status status = tn_error_set(err, TN_E_IO, "cannot be read: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return status;
    }
    tn_status status = check_elf(fd, (uint64_t)st.st_size, err);
    close(fd);
    return status;
}
