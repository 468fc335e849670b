#include "hardware/pim.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Attention latency of one entry on one device, ns per KV token and ns, for a model of 32 heads of 128 over 8
 * KV heads. Source: docs/model/serving.md 6.7. */
typedef struct pim_coefficients {
    const char *stem;
    double      slope_ns, intercept_ns;
} pim_coefficients;

static const pim_coefficients k_coefficients[] = {
    {"DDR4_8GB_3200_pim", 333.2538, 30675.2739},
    {"HBM2_1GB_2000_pim", 242.0548, 14513.5015},
    {"LPDDR4X_2GB_4266_pim", 432.4458, 33918.1734},
    {"LPDDR5_2GB_6400_pim", 282.4338, 15996.7018},
};

/* The model the coefficients were fitted for. */
static const double k_fit_heads = 32.0, k_fit_kv_heads = 8.0, k_fit_head_dim = 128.0;

/* ---- the INI file ---- */

typedef struct pim_file {
    double bankgroups, banks_per_group, rows, columns; /* of one device */
    double device_width, bus_width;                    /* bits */
    double channel_size;                               /* MiB */
    double clock_ns, cas_cycles;                       /* tCK, CL */
    double data_rate;                                  /* MT/s */
    double idle_power, peak_power;                     /* mW per DIMM */
} pim_file;

typedef struct pim_key {
    const char *key;
    size_t      offset;
    bool        may_be_zero;
} pim_key;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const pim_key k_keys[] = {
    {"bankgroups", offsetof(pim_file, bankgroups), false},
    {"banks_per_group", offsetof(pim_file, banks_per_group), false},
    {"rows", offsetof(pim_file, rows), false},
    {"columns", offsetof(pim_file, columns), false},
    {"device_width", offsetof(pim_file, device_width), false},
    {"bus_width", offsetof(pim_file, bus_width), false},
    {"channel_size", offsetof(pim_file, channel_size), false},
    {"tCK", offsetof(pim_file, clock_ns), false},
    {"CL", offsetof(pim_file, cas_cycles), true},
    {"data_rate", offsetof(pim_file, data_rate), false},
    {"idle_power", offsetof(pim_file, idle_power), true},
    {"peak_power", offsetof(pim_file, peak_power), true},
};

/* Bounds of one value: far beyond every real device, and capacities derived from them stay inside int64. */
static const double k_value_min = 1e-3, k_value_max = 1e9;

typedef struct span {
    const char *text;
    size_t      len;
} span;

/* A line of the file, for messages. */
typedef struct place {
    const char *path;
    size_t      line;
} place;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static span trimmed(const char *text, size_t len)
{
    while (len > 0 && is_blank(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    return (span){text, len};
}

static size_t find_key(span key)
{
    size_t i = 0;
    while (i < COUNT_OF(k_keys) &&
           (strlen(k_keys[i].key) != key.len || memcmp(k_keys[i].key, key.text, key.len) != 0)) {
        i++;
    }
    return i;
}

static ws_status read_value(place at, const pim_key *key, span text, ws_error *err, double *out)
{
    char         digits[64] = "";
    char        *end        = digits;
    const size_t len        = text.len < sizeof(digits) ? text.len : 0; /* no number is that long */
    memcpy(digits, text.text, len);
    const double value = strtod(digits, &end);
    const double min   = key->may_be_zero ? 0.0 : k_value_min;
    if (len == 0 || *end != '\0' || !(value >= min && value <= k_value_max)) { /* so that NaN fails */
        return ws_error_add(err, WS_ERR_INPUT, "%s:%zu: %s: expected a number in %g..%g, found \"%.*s\"",
                            at.path, at.line, key->key, min, k_value_max,
                            (int)(text.len < 60 ? text.len : 60), text.text);
    }
    *out = value;
    return WS_OK;
}

/* One line: `key = value # comment`. Sections and keys we do not use are skipped, as device files carry
 * dozens. */
static ws_status read_line(place at, span line, bool *seen, ws_error *err, pim_file *file)
{
    const char *comment = memchr(line.text, '#', line.len);
    const span  content = trimmed(line.text, comment != NULL ? (size_t)(comment - line.text) : line.len);
    if (content.len == 0 || content.text[0] == '[' || content.text[0] == ';') {
        return WS_OK;
    }
    const char *equals = memchr(content.text, '=', content.len);
    if (equals == NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "%s:%zu: expected key = value, found \"%.*s\"", at.path,
                            at.line, (int)(content.len < 60 ? content.len : 60), content.text);
    }
    const size_t key_len = (size_t)(equals - content.text);
    const size_t key     = find_key(trimmed(content.text, key_len));
    if (key == COUNT_OF(k_keys)) {
        return WS_OK;
    }
    seen[key]     = true;
    double *value = (double *)(void *)((char *)file + k_keys[key].offset);
    return read_value(at, &k_keys[key], trimmed(equals + 1, content.len - key_len - 1), err, value);
}

static ws_status read_file(const char *path, ws_bytes bytes, ws_error *err, pim_file *file)
{
    bool        seen[COUNT_OF(k_keys)] = {false};
    const char *end = bytes.data + bytes.len, *next = bytes.data;
    ws_status   status = WS_OK;
    for (size_t line = 1; next < end; line++) {
        const char     *newline     = memchr(next, '\n', (size_t)(end - next));
        const size_t    len         = (size_t)((newline != NULL ? newline : end) - next);
        const ws_status line_status = read_line((place){path, line}, (span){next, len}, seen, err, file);
        status                      = line_status != WS_OK ? line_status : status;
        next += len + 1;
    }
    for (size_t i = 0; i < COUNT_OF(k_keys); i++) {
        if (!seen[i]) {
            status = ws_error_add(err, WS_ERR_INPUT, "%s: missing key \"%s\" (number)", path, k_keys[i].key);
        }
    }
    return status;
}

/* ---- what follows from it ---- */

static double rank_mib(const pim_file *file)
{
    const double device_mib = file->columns * file->device_width / 8.0 * (file->rows / 1024.0) / 1024.0;
    return device_mib * (file->bankgroups * file->banks_per_group) * (file->bus_width / file->device_width);
}

static ws_pim device_of(const pim_file *file, const pim_coefficients *coefficients)
{
    const double one_rank = rank_mib(file), all_ranks = file->channel_size / one_rank * one_rank;
    return (ws_pim){
        .channel_gib  = (one_rank > all_ranks ? one_rank : all_ranks) / 1024.0,
        .channel_gbps = file->bus_width / 8.0 * file->data_rate / 1000.0,
        .latency_ns   = file->cas_cycles * file->clock_ns,
        .idle_w       = file->idle_power / 1000.0,
        .active_w     = file->peak_power / 1000.0,
        .slope_ns     = coefficients->slope_ns,
        .intercept_ns = coefficients->intercept_ns,
    };
}

static const pim_coefficients *find_coefficients(const char *stem)
{
    for (size_t i = 0; i < COUNT_OF(k_coefficients); i++) {
        if (strcmp(k_coefficients[i].stem, stem) == 0) {
            return &k_coefficients[i];
        }
    }
    return NULL;
}

ws_status ws_pim_read(ws_files *files, const char *path, const char *stem, ws_error *err, ws_pim *out)
{
    const pim_coefficients *coefficients = find_coefficients(stem);
    if (coefficients == NULL) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: no attention latency is known for \"%s\"; expected one of %s, %s, %s, %s",
                            path, stem, k_coefficients[0].stem, k_coefficients[1].stem,
                            k_coefficients[2].stem, k_coefficients[3].stem);
    }
    ws_bytes bytes;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    pim_file file = {.rows = 0.0};
    WS_TRY(read_file(path, bytes, err, &file));
    *out = device_of(&file, coefficients);
    return WS_OK;
}

int64_t ws_pim_n_channels(const ws_pim *pim, double cpu_mem_gib)
{
    return (int64_t)round((cpu_mem_gib - fmod(cpu_mem_gib, pim->channel_gib)) / pim->channel_gib);
}

double ws_pim_node_gbps(const ws_pim *pim, double cpu_mem_gib)
{
    return cpu_mem_gib / pim->channel_gib * pim->channel_gbps;
}

int64_t ws_pim_split(const ws_pim *pim, const ws_model *model, double cpu_mem_gib)
{
    const int64_t n_channels = ws_pim_n_channels(pim, cpu_mem_gib);
    return n_channels < model->n_kv_heads ? n_channels : model->n_kv_heads;
}

int64_t ws_pim_entry_ns(const ws_pim *pim, const ws_model *model, int64_t split, int64_t length_tokens)
{
    WS_ASSERT(split >= 1 && length_tokens >= 0);
    const double heads     = (double)model->n_heads;
    const double per_group = heads / (double)model->n_kv_heads / (k_fit_heads / k_fit_kv_heads);
    const double size      = heads * (double)model->head_dim / (k_fit_heads * k_fit_head_dim);
    const double slope_ns = pim->slope_ns * per_group, intercept_ns = pim->intercept_ns * size;
    return (int64_t)((slope_ns * (double)length_tokens + intercept_ns) / (double)split);
}
