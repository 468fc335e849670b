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
 * (numbers as 8 bytes, machine order: packing and mapping run in one MPI job), path and data, each with a NUL
 * behind and filled up to PACK_ALIGN bytes: whoever maps the block reads it in place. */
static const char pack_mark[8] = {'w', 's', 'f', 'i', 'l', 'e', 's', '2'};
enum { PACK_ALIGN = 16, HEAD_NUMBERS = 1, ENTRY_NUMBERS = 3 };

typedef enum entry_kind {
    ENTRY_FILE,    /* data = contents */
    ENTRY_MISSING, /* data = why it cannot be read */
    ENTRY_LISTING, /* data = names of a directory */
    ENTRY_OBJECT   /* data = what was made from files */
} entry_kind;

typedef struct file_entry {
    entry_kind kind;
    uint64_t   path_hash; /* compared first: a lookup touches few strings */
    char      *path;      /* owned */
    char      *data;      /* owned, NUL behind it */
    size_t     len;
    bool       is_mapped; /* path and data lie in a block of somebody else's */
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

/* Contents and absence of a file are in one entry; listings and objects have names of their own. */
static bool is_of_kind(const file_entry *entry, entry_kind kind)
{
    return entry->kind == kind || (entry->kind == ENTRY_MISSING && kind == ENTRY_FILE);
}

static file_entry *find_entry(const ws_files *files, entry_kind kind, const char *path)
{
    const uint64_t hash = hash_path(path);
    for (size_t i = 0; i < files->n_entries; i++) {
        file_entry *entry = &files->entries[i];
        if (entry->path_hash == hash && is_of_kind(entry, kind) && strcmp(entry->path, path) == 0) {
            return entry;
        }
    }
    return NULL;
}

static ws_status reserve_entry(ws_files *files)
{
    if (files->n_entries < files->capacity) {
        return WS_OK;
    }
    const size_t capacity = files->capacity > 0 ? 2 * files->capacity : 16;
    file_entry  *entries  = realloc(files->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return WS_ERR_NOMEM;
    }
    files->entries  = entries;
    files->capacity = capacity;
    return WS_OK;
}

/* Remember an entry. Takes `data` (malloc'd, NUL behind len), also after an error. */
static ws_status add_entry(ws_files *files, entry_kind kind, const char *path, char *data, size_t len)
{
    char *copy = reserve_entry(files) == WS_OK ? ws_strdup(path) : NULL;
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
        if (!(*files)->entries[i].is_mapped) {
            free((*files)->entries[i].path);
            free((*files)->entries[i].data);
        }
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
    const file_entry *entry = find_entry(files, ENTRY_FILE, path);
    if (entry == NULL) {
        WS_TRY(load(files, path));
        entry = find_entry(files, ENTRY_FILE, path);
    }
    if (entry->kind == ENTRY_MISSING) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: cannot be read: %s", path, entry->data);
    }
    *out = (ws_bytes){.data = entry->data, .len = entry->len};
    return WS_OK;
}

bool ws_files_has(ws_files *files, const char *path)
{
    /* the contents come along, so that a packed cache answers as this one does; what does not fit into memory
     * is there all the same */
    ws_bytes contents;
    return ws_files_read(files, path, NULL, &contents) != WS_ERR_INPUT;
}

const char *ws_files_obstacle(ws_files *files, const char *path)
{
    if (ws_files_has(files, path)) {
        return NULL;
    }
    const file_entry *entry = find_entry(files, ENTRY_FILE, path);
    return entry == NULL || strcmp(entry->data, strerror(ENOENT)) == 0 ? NULL : entry->data;
}

bool ws_is_same_file(const char *path, const char *other)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool ws_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

ws_status ws_check_folder(const char *what, const char *path, ws_error *err)
{
    return ws_is_folder(path) ? WS_OK : ws_error_add(err, WS_ERR_INPUT, "%s: %s: no such folder", what, path);
}

/** Join a folder and a path; false if buf is too short. */
static bool join(const char *dir, const char *path, char *buf, size_t cap)
{
    const bool is_here = strcmp(dir, ".") == 0;
    const int  len     = is_here ? snprintf(buf, cap, "%s", path) : snprintf(buf, cap, "%s/%s", dir, path);
    return len > 0 && (size_t)len < cap;
}

bool ws_files_find(const ws_data_dirs *data, const char *path, char *buf, size_t cap)
{
    if (path[0] == '/') {
        return join(".", path, buf, cap) && ws_files_has(data->files, buf);
    }
    for (size_t i = 0; i < data->n_dirs; i++) {
        if (join(data->dirs[i], path, buf, cap) && ws_files_has(data->files, buf)) {
            return true;
        }
    }
    return false;
}

ws_status ws_check_data_dirs(const char *const *dirs, size_t n, ws_error *err)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < n; i++) {
        status = ws_status_worse(status, ws_check_folder("--data-dir", dirs[i], err));
    }
    return status;
}

ws_status ws_files_check_output(const ws_files *files, const char *what, const char *path, ws_error *err)
{
    const char *input;
    ws_bytes    bytes;
    for (size_t i = 0; ws_files_at(files, i, &input, &bytes); i++) {
        if (ws_is_same_file(path, input)) {
            return ws_error_add(err, WS_ERR_INPUT, "%s: %s is an input, expected another file to write to",
                                what, path);
        }
    }
    return WS_OK;
}

static ws_status put(ws_files *files, entry_kind kind, const char *path, const char *data, size_t len)
{
    char *copy = len < PTRDIFF_MAX ? malloc(len + 1) : NULL;
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    copy[len]         = '\0';
    file_entry *entry = find_entry(files, kind, path);
    if (entry == NULL) {
        return add_entry(files, kind, path, copy, len);
    }
    if (entry->is_mapped) {
        char *own_path = ws_strdup(path);
        if (own_path == NULL) {
            free(copy);
            return WS_ERR_NOMEM;
        }
        entry->path      = own_path;
        entry->is_mapped = false;
    } else {
        free(entry->data);
    }
    entry->kind = kind;
    entry->data = copy;
    entry->len  = len;
    return WS_OK;
}

ws_status ws_files_put(ws_files *files, const char *path, const char *data, size_t len)
{
    return put(files, ENTRY_FILE, path, data, len);
}

ws_status ws_files_put_object(ws_files *files, const char *key, const char *data, size_t len)
{
    return put(files, ENTRY_OBJECT, key, data, len);
}

bool ws_files_object(const ws_files *files, const char *key, ws_bytes *out)
{
    const file_entry *entry = find_entry(files, ENTRY_OBJECT, key);
    if (entry != NULL) {
        *out = (ws_bytes){.data = entry->data, .len = entry->len};
    }
    return entry != NULL;
}

void ws_files_drop_objects(ws_files *files)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < files->n_entries; i++) {
        file_entry *entry = &files->entries[i];
        if (entry->kind != ENTRY_OBJECT) {
            files->entries[n_kept++] = *entry;
        } else if (!entry->is_mapped) {
            free(entry->path);
            free(entry->data);
        }
    }
    files->n_entries = n_kept;
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
    const file_entry *entry = find_entry(files, ENTRY_LISTING, dir);
    if (entry == NULL && load_listing(files, dir) == WS_OK) {
        entry = find_entry(files, ENTRY_LISTING, dir);
    }
    return entry != NULL ? entry->data : "";
}

/* ---- packing ---- */

/* Bytes that `len` bytes take with what lies behind them. */
static size_t padded(size_t len)
{
    return (len + PACK_ALIGN) / PACK_ALIGN * PACK_ALIGN; /* at least one more, for the NUL */
}

static size_t head_bytes(size_t n_numbers)
{
    return padded(n_numbers * sizeof(uint64_t) - 1);
}

static void put_padded(char **at, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(*at, data, len);
    }
    memset(*at + len, 0, padded(len) - len);
    *at += padded(len);
}

static void put_head(char **at, const uint64_t *numbers, size_t n)
{
    memset(*at, 0, head_bytes(n));
    memcpy(*at, numbers, n * sizeof(*numbers));
    *at += head_bytes(n);
}

static size_t packed_bytes(const ws_files *files)
{
    size_t len = padded(sizeof(pack_mark)) + head_bytes(HEAD_NUMBERS);
    for (size_t i = 0; i < files->n_entries; i++) {
        const file_entry *entry = &files->entries[i];
        len += head_bytes(ENTRY_NUMBERS) + padded(strlen(entry->path)) + padded(entry->len);
    }
    return len;
}

ws_status ws_files_pack(const ws_files *files, char **block_out, size_t *len_out)
{
    const uint64_t numbers[HEAD_NUMBERS] = {files->n_entries};
    const size_t   len                   = packed_bytes(files);
    char          *block                 = malloc(len);
    char          *at                    = block;
    *block_out                           = block;
    if (block == NULL) {
        return WS_ERR_NOMEM;
    }
    put_padded(&at, pack_mark, sizeof(pack_mark));
    put_head(&at, numbers, HEAD_NUMBERS);
    for (size_t i = 0; i < files->n_entries; i++) {
        const file_entry *entry               = &files->entries[i];
        const size_t      path_len            = strlen(entry->path);
        const uint64_t    head[ENTRY_NUMBERS] = {entry->kind, path_len, entry->len};
        put_head(&at, head, ENTRY_NUMBERS);
        put_padded(&at, entry->path, path_len);
        put_padded(&at, entry->data, entry->len);
    }
    WS_ASSERT(at == block + len);
    *len_out = len;
    return WS_OK;
}

/* What is left of a block being mapped. */
typedef struct mapper {
    char  *at;
    size_t left;
} mapper;

/* The next len bytes in place, NULL if there are fewer or no NUL ends them. */
static char *take(mapper *m, uint64_t len)
{
    if (len >= m->left || padded((size_t)len) > m->left || m->at[len] != '\0') {
        return NULL;
    }
    char *data = m->at;
    m->at += padded((size_t)len);
    m->left -= padded((size_t)len);
    return data;
}

static bool take_head(mapper *m, size_t n, uint64_t *numbers_out)
{
    if (m->left < head_bytes(n)) {
        return false;
    }
    memcpy(numbers_out, m->at, n * sizeof(*numbers_out));
    m->at += head_bytes(n);
    m->left -= head_bytes(n);
    return true;
}

static ws_status map_entry(mapper *m, ws_files *files)
{
    uint64_t head[ENTRY_NUMBERS];
    if (!take_head(m, ENTRY_NUMBERS, head) || head[0] > ENTRY_OBJECT) {
        return WS_ERR_INPUT;
    }
    char *path = take(m, head[1]);
    char *data = path != NULL ? take(m, head[2]) : NULL;
    if (data == NULL || strlen(path) != head[1]) {
        return WS_ERR_INPUT;
    }
    WS_TRY(reserve_entry(files));
    files->entries[files->n_entries++] = (file_entry){.kind      = (entry_kind)head[0],
                                                      .path_hash = hash_path(path),
                                                      .path      = path,
                                                      .data      = data,
                                                      .len       = (size_t)head[2],
                                                      .is_mapped = true};
    return WS_OK;
}

ws_status ws_files_map(const char *block, size_t len, bool is_sealed, ws_files **files_out)
{
    WS_ASSERT((uintptr_t)block % PACK_ALIGN == 0);
    *files_out    = NULL;
    mapper      m = {.at = (char *)(uintptr_t)block, .left = len}; /* entries that are mapped are only read */
    const char *mark = take(&m, sizeof(pack_mark));
    uint64_t    head[HEAD_NUMBERS];
    ws_files   *files = NULL;
    if (mark == NULL || memcmp(mark, pack_mark, sizeof(pack_mark)) != 0 ||
        !take_head(&m, HEAD_NUMBERS, head)) {
        return WS_ERR_INPUT;
    }
    WS_TRY(ws_files_create(&files));
    files->is_sealed = is_sealed;
    ws_status status = WS_OK;
    for (uint64_t i = 0; i < head[0] && status == WS_OK; i++) {
        status = map_entry(&m, files);
    }
    if (status == WS_OK && m.left > 0) {
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
