#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/strbuf.h"

#define MAX_FILE_BYTES ((size_t)4 << 30)
#define READ_STEP_BYTES ((size_t)64 * 1024)

/* A packed block is this mark, the number of entries, and per entry its kind, path length, data length
 * (numbers as 8 bytes, machine order: packing and unpacking run in one MPI job), path and data. */
static const char pack_mark[8] = {'w', 's', 'f', 'i', 'l', 'e', 's', '1'};
enum { NUMBER_BYTES = 8, ENTRY_HEAD_BYTES = 3 * NUMBER_BYTES };

typedef enum entry_kind {
    ENTRY_FILE,    /* data = contents */
    ENTRY_MISSING, /* data = why it cannot be read */
    ENTRY_LISTING  /* data = names of a directory */
} entry_kind;

typedef struct file_entry {
    entry_kind kind;
    uint64_t   path_hash; /* compared first: a lookup touches few strings */
    char      *path;      /* owned */
    char      *data;      /* owned, NUL behind it */
    size_t     len;
} file_entry;

struct ws_files {
    file_entry *entries; /* owned, in the order of first reading */
    size_t      n_entries, capacity;
    bool        is_sealed; /* never touches the file system */
};

/* ---- the cache ---- */

/* FNV-1a, 64 bits. Source: Fowler, Noll and Vo, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_path(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *path != '\0'; path++) {
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3U;
    }
    return hash;
}

/* A directory's listing and the file of the same name are different entries. */
static file_entry *find_entry(const ws_files *files, const char *path, bool is_listing)
{
    const uint64_t hash = hash_path(path);
    for (size_t i = 0; i < files->n_entries; i++) {
        file_entry *entry = &files->entries[i];
        if (entry->path_hash == hash && (entry->kind == ENTRY_LISTING) == is_listing &&
            strcmp(entry->path, path) == 0) {
            return entry;
        }
    }
    return NULL;
}

/* Remember an entry. Takes `data` (malloc'd, NUL behind len), also after an error. */
static ws_status add_entry(ws_files *files, entry_kind kind, const char *path, char *data, size_t len)
{
    if (files->n_entries == files->capacity) {
        const size_t capacity = files->capacity > 0 ? 2 * files->capacity : 16;
        file_entry  *entries  = realloc(files->entries, capacity * sizeof(*entries));
        if (entries == NULL) {
            free(data);
            return WS_ERR_NOMEM;
        }
        files->entries  = entries;
        files->capacity = capacity;
    }
    char *copy = ws_strdup(path);
    if (copy == NULL) {
        free(data);
        return WS_ERR_NOMEM;
    }
    files->entries[files->n_entries++] =
        (file_entry){.kind = kind, .path_hash = hash_path(path), .path = copy, .data = data, .len = len};
    return WS_OK;
}

ws_status ws_files_create(ws_files **files_out)
{
    *files_out = calloc(1, sizeof(**files_out));
    return *files_out != NULL ? WS_OK : WS_ERR_NOMEM;
}

void ws_files_destroy(ws_files **files)
{
    if (*files == NULL) {
        return;
    }
    for (size_t i = 0; i < (*files)->n_entries; i++) {
        free((*files)->entries[i].path);
        free((*files)->entries[i].data);
    }
    free((*files)->entries);
    free(*files);
    *files = NULL;
}

/* ---- reading ---- */

/* Read to the end of an open file; sizes are not trusted (they lie in /proc, and files grow). Returns 0 or
 * an errno value. */
static int read_to_end(int fd, size_t expected_bytes, char **data_out, size_t *len_out)
{
    size_t capacity = expected_bytes + 1, len = 0;
    char  *data  = malloc(capacity + 1);
    int    error = data != NULL ? 0 : ENOMEM;
    while (error == 0) {
        if (len == capacity) {
            capacity += capacity > READ_STEP_BYTES ? capacity : READ_STEP_BYTES;
            char *grown = realloc(data, capacity + 1);
            if (grown == NULL) {
                error = ENOMEM;
                break;
            }
            data = grown;
        }
        const ssize_t n_read = read(fd, data + len, capacity - len);
        if (n_read == 0) {
            break;
        }
        if (n_read > 0) {
            len += (size_t)n_read;
            error = len > MAX_FILE_BYTES ? EFBIG : 0;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    if (error != 0) {
        free(data);
        return error;
    }
    data[len] = '\0';
    *data_out = data;
    *len_out  = len;
    return 0;
}

/* Read a whole regular file. Returns 0 or an errno value. */
static int read_regular_file(const char *path, char **data_out, size_t *len_out)
{
    /* without O_NONBLOCK, opening a pipe would wait for its other end */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    struct stat info;
    int         error = fstat(fd, &info) == 0 ? 0 : errno;
    if (error == 0 && !S_ISREG(info.st_mode)) {
        error = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    }
    if (error == 0 && (info.st_size < 0 || (size_t)info.st_size > MAX_FILE_BYTES)) {
        error = EFBIG;
    }
    if (error == 0) {
        error = read_to_end(fd, (size_t)info.st_size, data_out, len_out);
    }
    close(fd);
    return error;
}

static ws_status remember_missing(ws_files *files, const char *path, const char *reason)
{
    char *text = ws_strdup(reason);
    return text != NULL ? add_entry(files, ENTRY_MISSING, path, text, strlen(text)) : WS_ERR_NOMEM;
}

/* Read into the cache what is not there yet, be it contents or absence. */
static ws_status load(ws_files *files, const char *path)
{
    if (files->is_sealed) {
        return remember_missing(files, path, "not among the packed inputs");
    }
    char     *data  = NULL;
    size_t    len   = 0;
    const int error = read_regular_file(path, &data, &len);
    if (error == ENOMEM) {
        return WS_ERR_NOMEM;
    }
    if (error != 0) {
        return remember_missing(files, path, error == EINVAL ? "not a regular file" : strerror(error));
    }
    return add_entry(files, ENTRY_FILE, path, data, len);
}

ws_status ws_files_read(ws_files *files, const char *path, ws_error *err, ws_bytes *out)
{
    const file_entry *entry = find_entry(files, path, false);
    if (entry == NULL) {
        WS_TRY(load(files, path));
        entry = find_entry(files, path, false);
    }
    if (entry->kind == ENTRY_MISSING) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: cannot be read: %s", path, entry->data);
    }
    *out = (ws_bytes){.data = entry->data, .len = entry->len};
    return WS_OK;
}

bool ws_files_has(ws_files *files, const char *path)
{
    /* the contents come along, so that a packed cache answers as this one does */
    ws_bytes contents;
    return ws_files_read(files, path, NULL, &contents) == WS_OK;
}

ws_status ws_files_put(ws_files *files, const char *path, const char *data, size_t len)
{
    char *copy = len < PTRDIFF_MAX ? malloc(len + 1) : NULL;
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    copy[len]         = '\0';
    file_entry *entry = find_entry(files, path, false);
    if (entry == NULL) {
        return add_entry(files, ENTRY_FILE, path, copy, len);
    }
    free(entry->data);
    entry->kind = ENTRY_FILE;
    entry->data = copy;
    entry->len  = len;
    return WS_OK;
}

bool ws_files_at(const ws_files *files, size_t i, const char **path_out, ws_bytes *bytes_out)
{
    for (size_t k = 0; k < files->n_entries; k++) {
        const file_entry *entry = &files->entries[k];
        if (entry->kind == ENTRY_FILE && i-- == 0) {
            *path_out  = entry->path;
            *bytes_out = (ws_bytes){.data = entry->data, .len = entry->len};
            return true;
        }
    }
    return false;
}

/* ---- directories ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct name_list {
    char **names; /* owned, and each name */
    size_t n, capacity;
} name_list;

static void name_list_fini(name_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->names[i]);
    }
    free(list->names);
}

static ws_status name_list_add(name_list *list, const char *name)
{
    if (list->n == list->capacity) {
        const size_t capacity = list->capacity > 0 ? 2 * list->capacity : 32;
        char       **names    = realloc(list->names, capacity * sizeof(*names));
        if (names == NULL) {
            return WS_ERR_NOMEM;
        }
        list->names    = names;
        list->capacity = capacity;
    }
    char *copy = ws_strdup(name);
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    list->names[list->n++] = copy;
    return WS_OK;
}

static ws_status collect_names(const char *dir, name_list *list)
{
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        return WS_OK; /* no directory: no names */
    }
    ws_status status = WS_OK;
    for (struct dirent *item = readdir(stream); item != NULL && status == WS_OK; item = readdir(stream)) {
        const bool is_self = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
        status             = is_self ? WS_OK : name_list_add(list, item->d_name);
    }
    closedir(stream);
    return status;
}

static ws_status load_listing(ws_files *files, const char *dir)
{
    name_list list   = {0};
    ws_strbuf text   = WS_STRBUF_INIT;
    ws_status status = files->is_sealed ? WS_OK : collect_names(dir, &list);
    if (list.n > 0) { /* the directory's own order is not the same everywhere */
        qsort(list.names, list.n, sizeof(*list.names), compare_names);
    }
    ws_strbuf_puts(&text, "");
    for (size_t i = 0; i < list.n; i++) {
        ws_strbuf_printf(&text, "%s%s", i > 0 ? "\n" : "", list.names[i]);
    }
    name_list_fini(&list);
    if (status != WS_OK || text.failed) {
        ws_strbuf_fini(&text);
        return WS_ERR_NOMEM;
    }
    return add_entry(files, ENTRY_LISTING, dir, text.data, text.len);
}

const char *ws_files_list(ws_files *files, const char *dir)
{
    const file_entry *entry = find_entry(files, dir, true);
    if (entry == NULL && load_listing(files, dir) == WS_OK) {
        entry = find_entry(files, dir, true);
    }
    return entry != NULL ? entry->data : "";
}

/* ---- packing ---- */

static void put_bytes(char **at, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(*at, data, len);
        *at += len;
    }
}

static void put_number(char **at, uint64_t number)
{
    put_bytes(at, &number, sizeof(number));
}

ws_status ws_files_pack(const ws_files *files, char **block_out, size_t *len_out)
{
    *block_out = NULL;
    size_t len = sizeof(pack_mark) + NUMBER_BYTES;
    for (size_t i = 0; i < files->n_entries; i++) {
        len += ENTRY_HEAD_BYTES + strlen(files->entries[i].path) + files->entries[i].len;
    }
    char *block = malloc(len);
    if (block == NULL) {
        return WS_ERR_NOMEM;
    }
    char *at = block;
    put_bytes(&at, pack_mark, sizeof(pack_mark));
    put_number(&at, files->n_entries);
    for (size_t i = 0; i < files->n_entries; i++) {
        const file_entry *entry    = &files->entries[i];
        const size_t      path_len = strlen(entry->path);
        put_number(&at, entry->kind);
        put_number(&at, path_len);
        put_number(&at, entry->len);
        put_bytes(&at, entry->path, path_len);
        put_bytes(&at, entry->data, entry->len);
    }
    WS_ASSERT(at == block + len);
    *block_out = block;
    *len_out   = len;
    return WS_OK;
}

/* What is left of a block being unpacked. */
typedef struct unpacker {
    const char *at;
    size_t      left;
} unpacker;

static bool take_number(unpacker *u, uint64_t *out)
{
    if (u->left < NUMBER_BYTES) {
        return false;
    }
    memcpy(out, u->at, NUMBER_BYTES);
    u->at += NUMBER_BYTES;
    u->left -= NUMBER_BYTES;
    return true;
}

/* A fresh copy of the next len bytes with a NUL behind; WS_ERR_INPUT if there are fewer. */
static ws_status take_copy(unpacker *u, uint64_t len, char **out)
{
    if (len > u->left) {
        return WS_ERR_INPUT;
    }
    *out = malloc((size_t)len + 1);
    if (*out == NULL) {
        return WS_ERR_NOMEM;
    }
    if (len > 0) {
        memcpy(*out, u->at, (size_t)len);
    }
    (*out)[len] = '\0';
    u->at += len;
    u->left -= (size_t)len;
    return WS_OK;
}

static ws_status unpack_entry(unpacker *u, ws_files *files)
{
    uint64_t kind, path_len, data_len;
    if (!take_number(u, &kind) || !take_number(u, &path_len) || !take_number(u, &data_len) ||
        kind > ENTRY_LISTING) {
        return WS_ERR_INPUT;
    }
    char *path, *data;
    WS_TRY(take_copy(u, path_len, &path));
    ws_status status = take_copy(u, data_len, &data);
    if (status == WS_OK) {
        status = add_entry(files, (entry_kind)kind, path, data, (size_t)data_len);
    }
    free(path);
    return status;
}

ws_status ws_files_unpack(const char *block, size_t len, ws_files **files_out)
{
    *files_out = NULL;
    if (len < sizeof(pack_mark) || memcmp(block, pack_mark, sizeof(pack_mark)) != 0) {
        return WS_ERR_INPUT;
    }
    unpacker  u = {.at = block + sizeof(pack_mark), .left = len - sizeof(pack_mark)};
    uint64_t  n_entries;
    ws_files *files = NULL;
    if (!take_number(&u, &n_entries)) {
        return WS_ERR_INPUT;
    }
    WS_TRY(ws_files_create(&files));
    files->is_sealed = true;
    ws_status status = WS_OK;
    for (uint64_t i = 0; i < n_entries && status == WS_OK; i++) {
        status = unpack_entry(&u, files);
    }
    if (status == WS_OK && u.left > 0) {
        status = WS_ERR_INPUT;
    }
    if (status != WS_OK) {
        ws_files_destroy(&files);
        return status;
    }
    *files_out = files;
    return WS_OK;
}

/* ---- hashing ---- */

void ws_sha256_hex(const void *data, size_t len, char hex_out[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char     digest[32];
    unsigned          digest_len = 0;
    WS_ASSERT(EVP_Digest(data, len, digest, &digest_len, EVP_sha256(), NULL) == 1 &&
              digest_len == sizeof(digest));
    for (size_t i = 0; i < sizeof(digest); i++) {
        hex_out[2 * i]     = digits[digest[i] >> 4];
        hex_out[2 * i + 1] = digits[digest[i] & 0xf];
    }
    hex_out[64] = '\0';
}
