#include "hardware/profile_bundle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/csv.h"

/* Keys and times beyond these are typing errors, and products of them stay exact in binary64. */
static const int64_t KEY_MAX     = INT64_C(1) << 31;
static const double  TIME_US_MAX = 1e9;

static int compare_degrees(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The N of a folder name tp<N>, or 0. */
static int64_t degree_of_name(const char *name, size_t len)
{
    if (len < 3 || len > 8 || memcmp(name, "tp", 2) != 0 || name[2] == '0') {
        return 0;
    }
    int64_t degree = 0;
    for (size_t i = 2; i < len; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return 0;
        }
        degree = degree * 10 + (name[i] - '0');
    }
    return degree;
}

size_t ws__bundle_tp_degrees(ws_files *files, const char *dir, int64_t degrees_out[WS__TP_DEGREES_MAX])
{
    size_t n = 0;
    for (const char *name = ws_files_list(files, dir); *name != '\0' && n < WS__TP_DEGREES_MAX;) {
        const size_t  len    = strcspn(name, "\n");
        const int64_t degree = degree_of_name(name, len);
        if (degree > 0) {
            degrees_out[n++] = degree;
        }
        name += len + (name[len] == '\n' ? 1 : 0);
    }
    qsort(degrees_out, n, sizeof(degrees_out[0]), compare_degrees);
    return n;
}

/* ---- one table ---- */

/* What to take from a table of layers: those that shrink with tp, those that do not, or both. */
typedef enum layer_pick { PICK_SHARDED = 1, PICK_STABLE = 2, PICK_ALL = 3 } layer_pick;

typedef struct table_reader {
    ws__csv            csv;
    ws__profile_draft *draft;
    ws__bundle_meta   *meta;
    layer_pick         pick;
    int                columns[6];
} table_reader;

typedef struct table_format {
    const char *columns[6]; /* the columns a row needs, NULL-terminated */
    ws_status (*add_row)(table_reader *t);
} table_format;

static ws_status read_key(const table_reader *t, int i, int64_t min, int64_t *out)
{
    return ws__csv_int(&t->csv, t->columns[i], min, KEY_MAX, out);
}

static ws_status read_time(const table_reader *t, int i, double *ns_out)
{
    double time_us;
    WS_TRY(ws__csv_double(&t->csv, t->columns[i], 0.0, TIME_US_MAX, &time_us));
    *ns_out = ws__table_ns(time_us);
    return WS_OK;
}

static ws_status add_layer_row(table_reader *t)
{
    const ws__csv_field name = t->csv.row[t->columns[0]];
    char                text[64];
    int64_t             count;
    double              ns;
    WS_TRY(read_key(t, 1, 1, &count));
    WS_TRY(read_time(t, 2, &ns));
    if (name.len >= sizeof(text)) {
        return ws__csv_expected(&t->csv, t->columns[0], "a layer name");
    }
    memcpy(text, name.text, name.len);
    text[name.len]       = '\0';
    const ws_layer layer = ws_layer_from_name(text);
    if (layer == WS_LAYER_COUNT) {
        return WS_OK; /* a layer no architecture of ours has */
    }
    const layer_pick kind = ws_layer_is_tp_stable(layer) ? PICK_STABLE : PICK_SHARDED;
    return (t->pick & kind) != 0 ? ws__draft_add_layer(t->draft, layer, count, ns) : WS_OK;
}

static ws_status add_attention_row(table_reader *t)
{
    int64_t key[4];
    double  ns;
    for (int i = 0; i < 4; i++) {
        WS_TRY(read_key(t, i, 0, &key[i]));
    }
    WS_TRY(read_time(t, 4, &ns));
    return ws__draft_add_attention(t->draft, key[0], key[1], key[2], key[3], ns);
}

static ws_status add_moe_row(table_reader *t)
{
    int64_t tokens, n_experts;
    double  ns;
    WS_TRY(read_key(t, 0, 1, &tokens));
    WS_TRY(read_key(t, 1, 1, &n_experts));
    WS_TRY(read_time(t, 2, &ns));
    return ws__draft_add_moe(t->draft, tokens, n_experts, ns);
}

/* A row with an unknown label or a broken raw key can never be found by a lookup, so it is left out. */
static ws_status add_alpha_row(table_reader *t)
{
    ws__alpha entry = {.alpha = 0.0};
    WS_TRY(ws__csv_double(&t->csv, t->columns[5], -1e6, 1e6, &entry.alpha));
    const int raw = ws__csv_column(&t->csv, "raw_key");
    if (raw >= 0 && t->csv.row[raw].len > 0) {
        return ws__bundle_bucket_key(t->meta, t->csv.row[raw].text, t->csv.row[raw].len, &entry)
                   ? ws__draft_add_alpha(t->draft, &entry)
                   : WS_OK;
    }
    WS_TRY(read_key(t, 0, 0, &entry.prefill_tokens));
    for (int axis = 0; axis < WS__SKEW_AXES; axis++) {
        const ws__csv_field field = t->csv.row[t->columns[axis + 1]];
        if (!ws__bundle_label(t->meta, (ws__skew_axis)axis, field.text, field.len, &entry.label[axis])) {
            return WS_OK;
        }
    }
    return ws__draft_add_alpha(t->draft, &entry);
}

static const table_format dense_format        = {{"layer", "tokens", "time_us"}, add_layer_row};
static const table_format per_sequence_format = {{"layer", "sequences", "time_us"}, add_layer_row};
static const table_format moe_format          = {{"tokens", "activated_experts", "time_us"}, add_moe_row};
static const table_format attention_format    = {
       {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"}, add_attention_row};
static const table_format alpha_format = {
    {"pc", "n_label", "skew_rate_label", "kv_big_label", "kp_label", "alpha"}, add_alpha_row};

static ws_status read_rows(table_reader *t, const table_format *format)
{
    ws_status status = WS_OK;
    for (int i = 0; i < 6 && format->columns[i] != NULL; i++) {
        status = ws_status_worse(status, ws__csv_require(&t->csv, format->columns[i], &t->columns[i]));
    }
    WS_TRY(status);
    for (bool has_row = true;;) {
        ws_status row = ws__csv_next(&t->csv, &has_row);
        if (row == WS_OK && !has_row) {
            return status;
        }
        if (row == WS_OK) {
            row = format->add_row(t);
        }
        if (row == WS_ERR_NOMEM) {
            return row;
        }
        status = ws_status_worse(status, row); /* go on: report every bad row */
    }
}

/* What is read, and into what. */
typedef struct reading {
    ws_files          *files;
    const char        *dir; /* the bundle */
    ws_error          *err;
    ws__profile_draft *draft;
    ws__bundle_meta   *meta;
} reading;

/* Read path if it is there. */
static ws_status read_table(const reading *r, const char *path, const table_format *format, layer_pick pick)
{
    if (!ws_files_has(r->files, path)) {
        return WS_OK;
    }
    ws_bytes     bytes;
    table_reader t = {.draft = r->draft, .meta = r->meta, .pick = pick};
    WS_TRY(ws_files_read(r->files, path, r->err, &bytes));
    WS_TRY(ws__csv_open(&t.csv, path, bytes, r->err));
    return read_rows(&t, format);
}

static ws_status read_tp_table(const reading *r, int64_t tp, const char *name, const table_format *format,
                               layer_pick pick)
{
    char *path = ws_asprintf("%s/tp%" PRId64 "/%s", r->dir, tp, name);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = read_table(r, path, format, pick);
    free(path);
    return status;
}

/* The lookup keeps a table of all (chunk, decodes) pairs and looks for the nearest measured one where there
 * is none: the number of different values is bounded, far above any measurement (20 and 10), so that no file
 * takes forever. */
enum { DISTINCT_MAX = 128 };

static size_t count_distinct(const ws__points *points, int part)
{
    int64_t seen[DISTINCT_MAX];
    size_t  n = 0;
    for (size_t i = 0; i < points->n; i++) {
        size_t at = 0;
        while (at < n && seen[at] != points->data[i].key[part]) {
            at++;
        }
        if (at == n && n == DISTINCT_MAX) {
            return DISTINCT_MAX + 1;
        }
        if (at == n) {
            seen[n++] = points->data[i].key[part];
        }
    }
    return n;
}

static ws_status check_pairs(const char *dir, int64_t tp, const ws__points *attention, ws_error *err)
{
    static const char *const names[] = {"prefill_chunk", "n_decode"};
    for (int part = 0; part < 2; part++) {
        if (count_distinct(attention, part) > DISTINCT_MAX) {
            return ws_error_add(err, WS_ERR_INPUT,
                                "%s/tp%" PRId64
                                "/attention.csv: %s: expected at most %d different values, found more",
                                dir, tp, names[part], DISTINCT_MAX);
        }
    }
    return WS_OK;
}

/* ---- the bundle ---- */

static ws_status read_alphas(const reading *r, ws_strbuf *notes)
{
    const ws__bundle_meta *meta = r->meta;
    if (!meta->has_skew || meta->has_inline_alphas || meta->bucket_table[0] == '\0') {
        return WS_OK;
    }
    char *path = ws_asprintf("%s/%s", r->dir, meta->bucket_table);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    if (!ws_files_has(r->files, path) && notes != NULL) {
        ws_strbuf_printf(notes, "%s: not there, using the default skew alpha %g throughout\n", path,
                         meta->alpha_default);
    }
    const ws_status status = read_table(r, path, &alpha_format, PICK_ALL);
    free(path);
    return status;
}

ws_status ws__bundle_read(const ws__bundle *bundle, ws_strbuf *notes, ws_error *err, ws__profile_draft *draft,
                          ws__bundle_meta *meta)
{
    ws_files     *files = bundle->files;
    const char   *dir   = bundle->dir;
    const int64_t tp    = bundle->tp;
    int64_t       degrees[WS__TP_DEGREES_MAX];
    const size_t  n_degrees = ws__bundle_tp_degrees(files, dir, degrees);
    const int64_t smallest  = n_degrees > 0 ? degrees[0] : tp;
    /* tp1 is the home of what does not shrink, if it was measured at all (docs/model/serving.md 6.1). */
    const bool    has_tp1 = smallest == 1;
    const int64_t stable  = has_tp1 ? 1 : tp;

    ws__bundle_meta  own;
    ws__bundle_meta *m = meta != NULL ? meta : &own;
    const reading    r = {files, dir, err, draft, m};
    WS_TRY(ws__bundle_meta_read(files, dir, tp, err, draft, m));
    draft->kind                   = WS_PROFILE_BUNDLE;
    draft->max_num_seqs           = m->max_num_seqs;
    draft->max_num_batched_tokens = m->max_num_batched_tokens;
    draft->has_skew               = m->has_skew;
    draft->alpha_default          = m->alpha_default;
    memcpy(draft->skew, m->bins, sizeof(draft->skew));

    const layer_pick pick = stable == tp ? PICK_ALL : PICK_SHARDED;
    WS_TRY(read_tp_table(&r, tp, "dense.csv", &dense_format, pick));
    WS_TRY(read_tp_table(&r, tp, "per_sequence.csv", &per_sequence_format, pick));
    WS_TRY(read_tp_table(&r, tp, "attention.csv", &attention_format, PICK_ALL));
    WS_TRY(check_pairs(dir, tp, &draft->attention, err));
    if (stable != tp) {
        WS_TRY(read_tp_table(&r, stable, "dense.csv", &dense_format, PICK_STABLE));
        WS_TRY(read_tp_table(&r, stable, "per_sequence.csv", &per_sequence_format, PICK_STABLE));
    }
    if (draft->layers.n == 0 && draft->attention.n == 0) {
        return ws_error_add(
            err, WS_ERR_INPUT,
            "%s/tp%" PRId64 ": expected measurements in dense.csv and attention.csv, found none", dir, tp);
    }
    WS_TRY(read_tp_table(&r, smallest, "moe.csv", &moe_format, PICK_ALL));
    return read_alphas(&r, notes);
}
