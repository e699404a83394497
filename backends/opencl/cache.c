/* The program cache, a SQLite file that several processes may share, on NFS too: no WAL, short
 * waits, and every error is the same as "not there". A damaged file is removed and begun anew. */
#include "opencl.h"

#ifdef OCL_HAVE_SQLITE
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define BUSY_MS 200

struct ocl_store {
    const tnb_instance *instance;
    sqlite3 *db;
    char path[1024];
};

static void make_folders(const char *path)
{
    char part[1024];
    snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(part, 0700);
            *p = '/';
        }
    (void)mkdir(part, 0700);
}

static int schema_version(sqlite3 *db)
{
    sqlite3_stmt *query = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        version = sqlite3_column_int(query, 0);
    sqlite3_finalize(query);
    return version;
}

static int prepare_schema(sqlite3 *db)
{
    char text[512];
    snprintf(text, sizeof(text),
             "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=NORMAL;"
             "CREATE TABLE IF NOT EXISTS program (k0 INTEGER, k1 INTEGER, sum INTEGER, data BLOB,"
             " PRIMARY KEY (k0, k1)); PRAGMA user_version=%d;",
             SCHEMA_VERSION);
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

/* SQLITE_OK with a usable `store->db`, or why not. */
static int try_open(struct ocl_store *store)
{
    int code =
        sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, BUSY_MS);
        int version = schema_version(store->db);
        if (version < 0)
            code = sqlite3_errcode(store->db);
        else if (version == 0)
            code = prepare_schema(store->db);
        else if (version > SCHEMA_VERSION)
            code = SQLITE_MISMATCH; /* a newer program's file: leave it alone */
    }
    if (code != SQLITE_OK) {
        sqlite3_close(store->db);
        store->db = NULL;
    }
    return code;
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT;
}

static int begin_anew(struct ocl_store *store)
{
    ocl_log(store->instance, TNB_LOG_WARN,
            "opencl: the program cache %s is damaged; making a new one", store->path);
    sqlite3_close(store->db);
    store->db = NULL;
    (void)unlink(store->path);
    return try_open(store);
}

struct ocl_store *ocl_store_open(const tnb_instance *instance)
{
    const char *folder = instance->host.cache_dir;
    if (!folder)
        return NULL;
    struct ocl_store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    store->instance = instance;
    int length = snprintf(store->path, sizeof(store->path), "%s/programs.sqlite", folder);
    int code = SQLITE_CANTOPEN;
    if (length > 0 && (size_t)length < sizeof(store->path)) {
        make_folders(folder);
        code = try_open(store);
    }
    if (is_damage(code))
        code = begin_anew(store);
    if (code != SQLITE_OK) {
        ocl_log(instance, TNB_LOG_INFO, "opencl: no program cache in %s (%s)", folder,
                sqlite3_errstr(code));
        free(store);
        return NULL;
    }
    return store;
}

void ocl_store_close(struct ocl_store **store)
{
    if (!*store)
        return;
    sqlite3_close((*store)->db);
    free(*store);
    *store = NULL;
}

static sqlite3_stmt *keyed(struct ocl_store *store, const char *sql, const uint64_t key[2])
{
    sqlite3_stmt *query = NULL;
    if (!store->db || sqlite3_prepare_v2(store->db, sql, -1, &query, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_int64(query, 1, (sqlite3_int64)key[0]);
    sqlite3_bind_int64(query, 2, (sqlite3_int64)key[1]);
    return query;
}

/* FNV-1a: a driver may crash on a binary with a flipped bit, so it never sees one. */
static sqlite3_int64 checksum(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return (sqlite3_int64)(hash >> 1);
}

void *ocl_store_get(struct ocl_store *store, const uint64_t key[2], size_t *out_bytes)
{
    if (!store)
        return NULL;
    sqlite3_stmt *query =
        keyed(store, "SELECT sum, data FROM program WHERE k0 = ?1 AND k1 = ?2", key);
    void *copy = NULL;
    if (query && sqlite3_step(query) == SQLITE_ROW) {
        sqlite3_int64 sum = sqlite3_column_int64(query, 0);
        const void *data = sqlite3_column_blob(query, 1);
        size_t n = (size_t)sqlite3_column_bytes(query, 1);
        if (data && n > 0 && sum == checksum(data, n))
            copy = malloc(n);
        if (copy) {
            memcpy(copy, data, n);
            *out_bytes = n;
        }
    }
    sqlite3_finalize(query);
    return copy;
}

static int put(struct ocl_store *store, const uint64_t key[2], const void *data, size_t n_bytes)
{
    sqlite3_stmt *query = keyed(
        store, "INSERT OR REPLACE INTO program (k0, k1, sum, data) VALUES (?1, ?2, ?3, ?4)", key);
    if (!query)
        return store->db ? sqlite3_errcode(store->db) : SQLITE_CANTOPEN;
    sqlite3_bind_int64(query, 3, checksum(data, n_bytes));
    sqlite3_bind_blob(query, 4, data, (int)n_bytes, SQLITE_STATIC);
    int code = sqlite3_step(query);
    sqlite3_finalize(query);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Damage inside the file shows only here, where a row that cannot be read is to be replaced: left
 * as it is, every later start would build its programs again. */
void ocl_store_put(struct ocl_store *store, const uint64_t key[2], const void *data, size_t n_bytes)
{
    if (!store || n_bytes > 512u * 1024 * 1024)
        return;
    int code = put(store, key, data, n_bytes);
    if (is_damage(code) && begin_anew(store) == SQLITE_OK)
        code = put(store, key, data, n_bytes);
    if (code != SQLITE_OK)
        ocl_log(store->instance, TNB_LOG_INFO, "opencl: cannot write the program cache: %s",
                sqlite3_errstr(code));
}

void ocl_store_drop(struct ocl_store *store, const uint64_t key[2])
{
    if (!store)
        return;
    sqlite3_stmt *query = keyed(store, "DELETE FROM program WHERE k0 = ?1 AND k1 = ?2", key);
    if (query)
        (void)sqlite3_step(query);
    sqlite3_finalize(query);
}

int64_t ocl_store_count(struct ocl_store *store)
{
    sqlite3_stmt *query = NULL;
    int64_t n = -1;
    if (store && store->db &&
        sqlite3_prepare_v2(store->db, "SELECT count(*) FROM program", -1, &query, NULL) ==
            SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        n = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return n;
}

#else /* built without SQLite: never a cache */

struct ocl_store *ocl_store_open(const tnb_instance *instance)
{
    (void)instance;
    return NULL;
}
void ocl_store_close(struct ocl_store **store)
{
    *store = NULL;
}
void *ocl_store_get(struct ocl_store *store, const uint64_t key[2], size_t *out_bytes)
{
    (void)store;
    (void)key;
    (void)out_bytes;
    return NULL;
}
void ocl_store_put(struct ocl_store *store, const uint64_t key[2], const void *data, size_t n_bytes)
{
    (void)store;
    (void)key;
    (void)data;
    (void)n_bytes;
}
void ocl_store_drop(struct ocl_store *store, const uint64_t key[2])
{
    (void)store;
    (void)key;
}
#endif
