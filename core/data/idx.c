#include "data/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/compiler.h"
#include "base/path.h"

struct idx_file {
    gzFile gz;
    char *path;
    tn_idx_kind kind;
    tn_dtype dtype;
    struct tn_shape shape;
    uint64_t n_bytes; /* of the data */
    uint64_t n_header;
};

static tn_status open_failed(const char *path, struct tn_error *err)
{
    int code = errno;
    char why[128] = "";
    if (strerror_r(code, why, sizeof(why)) != 0)
        why[0] = '\0';
    return tn_error_set(err, code == ENOENT ? TN_E_NOT_FOUND : TN_E_IO, "cannot read '%s': %s",
                        path, why);
}

/* The name as given, or its twin with or without ".gz". */
static tn_status find_path(const char *path, char **out_path, struct tn_error *err)
{
    size_t n = strlen(path);
    int is_gz = n > 3 && strcmp(path + n - 3, ".gz") == 0;
    char *twin = malloc(n + 4);
    char *found = malloc(n + 4);
    if (!twin || !found) {
        free(twin);
        free(found);
        return tn_error_set(err, TN_E_OOM, "no memory left to read '%s'", path);
    }
    memcpy(twin, path, n + 1);
    memcpy(found, path, n + 1);
    if (is_gz)
        twin[n - 3] = '\0';
    else
        memcpy(twin + n, ".gz", 4);
    if (!tn_path_exists(path) && !tn_path_exists(twin)) {
        tn_status status =
            tn_error_set(err, TN_E_NOT_FOUND, "there is no file '%s', nor '%s'", path, twin);
        free(twin);
        free(found);
        return status;
    }
    int use_twin = !tn_path_exists(path);
    *out_path = use_twin ? twin : found;
    free(use_twin ? found : twin);
    return TN_OK;
}

/* Exactly n bytes. `done` is the number that came before, for the message. */
static tn_status read_bytes(struct idx_file *file, void *out, uint64_t n, uint64_t done,
                            struct tn_error *err)
{
    uint64_t got = 0;
    while (got < n) {
        unsigned chunk = (unsigned)TN_MIN(n - got, (uint64_t)1 << 30);
        int count = gzread(file->gz, (char *)out + got, chunk);
        if (count > 0) {
            got += (uint64_t)count;
            continue;
        }
        int code = Z_OK;
        const char *why = gzerror(file->gz, &code);
        if (code == Z_ERRNO)
            return open_failed(file->path, err);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return tn_error_set(err, TN_E_INVALID, "'%s' is damaged: %s", file->path, why);
        return tn_error_set(
            err, TN_E_INVALID, "'%s' is cut short: expected %llu bytes%s, found %llu", file->path,
            (unsigned long long)(file->n_bytes ? file->n_header + file->n_bytes : done + n),
            gzdirect(file->gz) ? "" : " when unpacked", (unsigned long long)(done + got));
    }
    return TN_OK;
}

static uint32_t big_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static tn_status check_magic(struct idx_file *file, const uint8_t magic[4], struct tn_error *err)
{
    const char *want = file->kind == TN_IDX_LABELS ? "labels (0x00000801)" : "images (0x00000803)";
    uint32_t found = big_u32(magic);
    if (magic[0] || magic[1])
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is no IDX file: expected the magic number of %s, found 0x%08x",
                            file->path, want, found);
    static const tn_dtype dtypes[] = {
        [0x08] = TN_U8, [0x0c] = TN_I32, [0x0d] = TN_F32, [0x0e] = TN_F64};
    file->dtype = magic[2] < TN_LEN(dtypes) ? dtypes[magic[2]] : 0;
    if (!file->dtype || (file->kind == TN_IDX_LABELS && tn_dtype_is_float(file->dtype)))
        return tn_error_set(
            err, TN_E_INVALID, "'%s' has element type 0x%02x: expected 0x08 (u8)%s; magic 0x%08x",
            file->path, magic[2],
            file->kind == TN_IDX_LABELS ? " or 0x0c (i32)" : ", 0x0c (i32), 0x0d (f32), 0x0e (f64)",
            found);
    uint32_t lo = file->kind == TN_IDX_LABELS ? 1 : 2, hi = file->kind == TN_IDX_LABELS ? 1 : 4;
    if (magic[3] < lo || magic[3] > hi)
        return tn_error_set(err, TN_E_INVALID, "'%s' has rank %u (magic 0x%08x): expected %s%s",
                            file->path, magic[3], found, want,
                            file->kind == TN_IDX_IMAGES && magic[3] == 1 ? "; are these the labels?"
                                                                         : "");
    file->shape.rank = magic[3];
    return TN_OK;
}

static tn_status read_header(struct idx_file *file, struct tn_error *err)
{
    uint8_t magic[4], dims[4 * 4];
    tn_status status = read_bytes(file, magic, 4, 0, err);
    if (!status)
        status = check_magic(file, magic, err);
    if (!status)
        status = read_bytes(file, dims, file->shape.rank * 4u, 4, err);
    if (status)
        return status;
    file->n_header = 4 + file->shape.rank * 4u;
    uint64_t n_bytes = tn_dtype_size(file->dtype);
    int overflow = 0;
    for (uint32_t i = 0; i < file->shape.rank; i++) {
        file->shape.dim[i] = big_u32(dims + (size_t)i * 4);
        overflow |= TN_MUL_OVERFLOW(n_bytes, (uint64_t)file->shape.dim[i], &n_bytes);
    }
    char text[128];
    tn_shape_format(&file->shape, text, sizeof(text));
    if (overflow || n_bytes > (uint64_t)INT64_MAX / 2)
        return tn_error_set(err, TN_E_INVALID, "'%s' claims the shape %s: no file is that large",
                            file->path, text);
    if (n_bytes == 0)
        return tn_error_set(err, TN_E_INVALID, "'%s' is empty: shape %s", file->path, text);
    file->n_bytes = n_bytes;
    return TN_OK;
}

/* Before memory is taken: can a file of this size hold what its header claims? gzip packs at most
 * 1032 to 1 (zlib's technical notes), a plain file not at all. */
static tn_status check_size(const struct idx_file *file, struct tn_error *err)
{
    struct stat info;
    if (stat(file->path, &info) != 0)
        return open_failed(file->path, err);
    uint64_t size = (uint64_t)info.st_size, want = file->n_header + file->n_bytes;
    char text[128];
    tn_shape_format(&file->shape, text, sizeof(text));
    if (gzdirect(file->gz) && size != want)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is %s: its header's shape %s needs %llu bytes, found %llu",
                            file->path, size < want ? "cut short" : "too long", text,
                            (unsigned long long)want, (unsigned long long)size);
    if (!gzdirect(file->gz) && want / 1032 > size)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is cut short: its header's shape %s needs %llu bytes, which %llu "
                            "packed bytes cannot hold",
                            file->path, text, (unsigned long long)want, (unsigned long long)size);
    return TN_OK;
}

/* Files are big-endian; done in place, by bytes, so that the host's order does not matter. */
static void to_host_order(void *data, uint64_t n, size_t width)
{
    uint8_t *p = data;
    for (uint64_t i = 0; i < n && width > 1; i++, p += width) {
        if (width == 4) {
            uint32_t bits = big_u32(p);
            memcpy(p, &bits, 4);
        } else {
            uint64_t bits = (uint64_t)big_u32(p) << 32 | big_u32(p + 4);
            memcpy(p, &bits, 8);
        }
    }
}

static tn_status check_end(struct idx_file *file, struct tn_error *err)
{
    uint8_t extra;
    int count = gzread(file->gz, &extra, 1);
    uint64_t want = file->n_header + file->n_bytes;
    if (count > 0)
        return tn_error_set(err, TN_E_INVALID,
                            "'%s' is too long: expected %llu bytes when unpacked, found more",
                            file->path, (unsigned long long)want);
    /* The checksum behind the data is missing or wrong. */
    int code = Z_OK;
    const char *why = gzerror(file->gz, &code);
    if (count < 0 || code == Z_BUF_ERROR)
        return tn_error_set(err, TN_E_INVALID, "'%s' is damaged or cut short at its end: %s",
                            file->path, why);
    return TN_OK;
}

static tn_status read_open_file(struct idx_file *file, tn_tensor **out_tensor, struct tn_error *err)
{
    tn_tensor *tensor = NULL;
    tn_status status = read_header(file, err);
    if (!status)
        status = check_size(file, err);
    if (!status)
        status = tn_tensor_create(file->dtype, &file->shape, &tensor, err);
    if (!status)
        status = read_bytes(file, tn_tensor_data(tensor), file->n_bytes, file->n_header, err);
    if (!status)
        status = check_end(file, err);
    if (status) {
        tn_tensor_unref(&tensor);
        return status;
    }
    size_t width = tn_dtype_size(file->dtype);
    to_host_order(tn_tensor_data(tensor), file->n_bytes / width, width);
    *out_tensor = tensor;
    return TN_OK;
}

tn_status tn_idx_read(const char *path, tn_idx_kind kind, tn_tensor **out_tensor,
                      struct tn_error *err)
{
    struct idx_file file = {.kind = kind};
    tn_status status = find_path(path, &file.path, err);
    if (status)
        return status;
    if (tn_path_is_dir(file.path)) {
        status = tn_error_set(err, TN_E_INVALID, "'%s' is a folder, not an IDX file", file.path);
        goto done;
    }
    errno = ENOMEM; /* gzopen leaves it when memory is out */
    file.gz = gzopen(file.path, "rb");
    if (!file.gz) {
        status = open_failed(file.path, err);
        goto done;
    }
    gzbuffer(file.gz, 1 << 17);
    status = read_open_file(&file, out_tensor, err);
    gzclose(file.gz);
done:
    free(file.path);
    return status;
}
