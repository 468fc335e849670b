#include "hardware/profile_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest_name.h"
#include "hardware/profile_bundle.h"
#include "hardware/profile_compact.h"
#include "hardware/profile_fuse.h"
#include "hardware/profile_roofline.h"
#include "hardware/profile_table.h"

enum { VARIANT_MAX = 32, TAGS_MAX = 64, TAG_TEXT_MAX = 64 };

/* One search: the request, what was looked at, and what was there for other tp degrees. */
typedef struct search {
    const ws_data_dirs       *data;
    const ws_profile_request *request;
    ws_strbuf                *notes;
    ws_error                 *err;
    ws_strbuf                 looked_at; /* paths, comma-separated */
    ws_strbuf                 other_tps; /* "PATH has tp 1, 2", comma-separated */
    ws_profile               *found;     /* NULL while there is none */
} search;

static bool may_use(const search *s, ws_profile_choice source)
{
    return s->request->choice == WS_PROFILE_CHOICE_AUTO || s->request->choice == source;
}

static void append_item(ws_strbuf *list, const char *text)
{
    ws_strbuf_printf(list, "%s%s", list->len > 0 ? ", " : "", text);
}

static bool has_degree(const int64_t *degrees, size_t n, int64_t tp)
{
    for (size_t i = 0; i < n; i++) {
        if (degrees[i] == tp) {
            return true;
        }
    }
    return false;
}

static void remember_degrees(search *s, const char *path, const int64_t *degrees, size_t n)
{
    append_item(&s->other_tps, path);
    ws_strbuf_puts(&s->other_tps, " has tp");
    for (size_t i = 0; i < n; i++) {
        ws_strbuf_printf(&s->other_tps, "%s %" PRId64, i > 0 ? "," : "", degrees[i]);
    }
}

/* ---- sources ---- */

/* Of a measured draft, or one fitted to a measurement. */
static ws_status build_measured(search *s, ws__profile_draft *draft)
{
    const ws_profile_request *q = s->request;
    if (q->fuse) {
        const ws__fuse_subject subject = {q->model, q->tp_size, ws_dtype_bytes(q->dtype), q->hardware};
        ws__fuse_elementwise(draft, &subject, s->notes);
    }
    return ws__profile_build(draft, &s->found);
}

static ws_status try_bundle(search *s, const char *dir, const char *variant)
{
    const ws_profile_request *q = s->request;
    char *path = ws_asprintf("%s/profiles/%s/%s/%s", dir, q->hardware, q->model->name, variant);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    append_item(&s->looked_at, path);
    int64_t           degrees[WS__TP_DEGREES_MAX];
    const size_t      n      = ws__bundle_tp_degrees(s->data->files, path, degrees);
    ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
    ws_status         status = WS_OK;
    if (has_degree(degrees, n, q->tp_size)) {
        status = ws__bundle_read(&(const ws__bundle){s->data->files, path, q->tp_size}, s->notes, s->err,
                                 &draft, NULL);
        if (status == WS_OK) {
            status = build_measured(s, &draft);
        }
    } else if (n > 0) {
        remember_degrees(s, path, degrees, n);
    }
    ws__profile_draft_fini(&draft);
    free(path);
    return status;
}

static ws_status use_compact(search *s, const char *path, const ws__compact *compact)
{
    const int64_t tp = s->request->tp_size;
    int64_t       degrees[WS__TP_DEGREES_MAX];
    for (size_t t = 0; t < compact->n_tps; t++) {
        degrees[t] = compact->tps[t].degree;
    }
    if (!has_degree(degrees, compact->n_tps, tp)) {
        remember_degrees(s, path, degrees, compact->n_tps);
        return WS_OK;
    }
    ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
    ws_status         status = ws__compact_expand(compact, tp, &draft);
    if (status == WS_OK) {
        status = build_measured(s, &draft);
    }
    ws__profile_draft_fini(&draft);
    return status;
}

static ws_status try_compact(search *s, const char *dir, const char *variant)
{
    const ws_profile_request *q = s->request;
    char *path = ws_asprintf("%s/hardware/%s/%s/%s.json", dir, q->hardware, q->model->name, variant);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    append_item(&s->looked_at, path);
    ws_status status = WS_OK;
    if (ws_files_has(s->data->files, path)) {
        ws__compact *compact = calloc(1, sizeof(*compact));
        status = compact != NULL ? ws__compact_read(s->data->files, path, s->err, compact) : WS_ERR_NOMEM;
        if (status == WS_OK) {
            status = use_compact(s, path, compact);
        }
        if (compact != NULL) {
            ws__compact_fini(compact);
        }
        free(compact);
    }
    free(path);
    return status;
}

/* Look for one variant in every data folder; stops at the first profile. */
static ws_status try_variant(search *s, const char *variant)
{
    for (size_t i = 0; i < s->data->n_dirs && s->found == NULL; i++) {
        if (may_use(s, WS_PROFILE_CHOICE_BUNDLE)) {
            WS_TRY(try_bundle(s, s->data->dirs[i], variant));
        }
        if (s->found == NULL && may_use(s, WS_PROFILE_CHOICE_COMPACT)) {
            WS_TRY(try_compact(s, s->data->dirs[i], variant));
        }
    }
    return WS_OK;
}

/* The 16-bit formats move as many bytes and run at the same rate, so each stands in for the other. */
static ws_dtype stand_in(ws_dtype dtype)
{
    if (dtype == WS_DTYPE_FLOAT16) {
        return WS_DTYPE_BFLOAT16;
    }
    return dtype == WS_DTYPE_BFLOAT16 ? WS_DTYPE_FLOAT16 : WS_DTYPE_COUNT;
}

static void variant_name(ws_dtype dtype, bool kv_fp8, char out[VARIANT_MAX])
{
    (void)snprintf(out, VARIANT_MAX, "%s%s", ws_dtype_variant(dtype), kv_fp8 ? "-kvfp8" : "");
}

static ws_status try_measured(search *s)
{
    const ws_profile_request *q = s->request;
    char                      wanted[VARIANT_MAX], instead[VARIANT_MAX];
    variant_name(q->dtype, q->kv_fp8, wanted);
    WS_TRY(try_variant(s, wanted));
    const ws_dtype other = stand_in(q->dtype);
    if (s->found != NULL || other == WS_DTYPE_COUNT) {
        return WS_OK;
    }
    variant_name(other, q->kv_fp8, instead);
    WS_TRY(try_variant(s, instead));
    if (s->found != NULL && s->notes != NULL) {
        ws_strbuf_printf(s->notes, "%s / %s: no %s profile, using %s, which has the same width and rate\n",
                         q->hardware, q->model->name, wanted, instead);
    }
    return WS_OK;
}

/* ---- the roofline ---- */

static void note_roofline(search *s, const char *path, double typical_error)
{
    const ws_profile_request *q = s->request;
    if (s->notes == NULL) {
        return;
    }
    ws_strbuf_printf(s->notes, "%s / %s: ", q->hardware, q->model->name);
    if (q->choice != WS_PROFILE_CHOICE_ROOFLINE) {
        ws_strbuf_puts(s->notes, "no measured profile");
        if (s->other_tps.len > 0) {
            ws_strbuf_printf(s->notes, " for tp %" PRId64 " (%s)", q->tp_size, ws_strbuf_text(&s->other_tps));
        }
        ws_strbuf_puts(s->notes, ", ");
    }
    ws_strbuf_printf(s->notes, "using the roofline of %s (typical error of a step ", path);
    if (typical_error > 0.0) {
        ws_strbuf_printf(s->notes, "%.0f %%)\n", 100.0 * typical_error);
    } else {
        ws_strbuf_puts(s->notes, "unknown)\n");
    }
}

static ws_status use_datasheet(search *s, const char *path)
{
    const ws_profile_request *q = s->request;
    ws__datasheet             sheet;
    WS_TRY(ws__datasheet_load(s->data->files, path, s->err, &sheet));
    sheet.memory_gbps = q->memory_gbps > 0.0 ? q->memory_gbps : sheet.memory_gbps;
    if (sheet.peak_tflops[q->dtype] <= 0.0) {
        return ws_error_add(s->err, WS_ERR_INPUT, "%s: /peak_tflops: expected a rate for %s, found none",
                            path, ws_dtype_name(q->dtype));
    }
    const ws__roofline r = {
        .sheet = &sheet, .model = q->model, .dtype = q->dtype, .kv_fp8 = q->kv_fp8, .tp = q->tp_size};
    ws__profile_draft draft  = WS__PROFILE_DRAFT_INIT;
    ws_status         status = ws__roofline_expand(&r, &draft);
    if (status == WS_OK) {
        status = ws__profile_build(&draft, &s->found);
    }
    if (status == WS_OK) {
        note_roofline(s, path, sheet.typical_error);
    }
    ws__profile_draft_fini(&draft);
    return status;
}

static ws_status try_roofline(search *s)
{
    for (size_t i = 0; i < s->data->n_dirs && s->found == NULL; i++) {
        char *path = ws_asprintf("%s/hardware/%s.json", s->data->dirs[i], s->request->hardware);
        if (path == NULL) {
            return WS_ERR_NOMEM;
        }
        append_item(&s->looked_at, path);
        const ws_status status = ws_files_has(s->data->files, path) ? use_datasheet(s, path) : WS_OK;
        free(path);
        WS_TRY(status);
    }
    return WS_OK;
}

/* ---- telling what there is ---- */

typedef struct tag_list {
    size_t n;
    char   text[TAGS_MAX][TAG_TEXT_MAX];
} tag_list;

static void add_tag(tag_list *tags, const char *name, size_t len)
{
    if (len == 0 || len >= TAG_TEXT_MAX || tags->n == TAGS_MAX) {
        return;
    }
    for (size_t i = 0; i < tags->n; i++) {
        if (strlen(tags->text[i]) == len && memcmp(tags->text[i], name, len) == 0) {
            return;
        }
    }
    memcpy(tags->text[tags->n], name, len);
    tags->text[tags->n++][len] = '\0';
}

/* Names of a folder, with ".json" taken off; other names with a dot are no tags. */
static void add_tags_of(tag_list *tags, const char *listing)
{
    for (const char *name = listing; *name != '\0';) {
        const size_t len  = strcspn(name, "\n");
        const char  *dot  = memchr(name, '.', len);
        const size_t stem = dot != NULL ? (size_t)(dot - name) : len;
        if (dot == NULL || (len - stem == 5 && memcmp(dot, ".json", 5) == 0)) {
            add_tag(tags, name, stem);
        }
        name += len + (name[len] == '\n' ? 1 : 0);
    }
}

static ws_status find_tags(search *s, tag_list *tags)
{
    static const char *const folders[] = {"profiles", "hardware"};
    tags->n                            = 0;
    for (size_t i = 0; i < s->data->n_dirs; i++) {
        for (size_t f = 0; f < sizeof(folders) / sizeof(folders[0]); f++) {
            char *path = ws_asprintf("%s/%s", s->data->dirs[i], folders[f]);
            if (path == NULL) {
                return WS_ERR_NOMEM;
            }
            add_tags_of(tags, ws_files_list(s->data->files, path));
            free(path);
        }
    }
    return WS_OK;
}

static ws_status report_unknown_hardware(search *s, const tag_list *tags)
{
    const char *known[TAGS_MAX];
    ws_strbuf   list = WS_STRBUF_INIT;
    for (size_t i = 0; i < tags->n; i++) {
        known[i] = tags->text[i];
        append_item(&list, tags->text[i]);
    }
    const char     *near = ws_nearest_name(s->request->hardware, known, tags->n);
    const ws_status status =
        ws_error_add(s->err, WS_ERR_INPUT,
                     "hardware \"%s\": expected one of the known tags (%s), found none of them%s%s%s",
                     s->request->hardware, ws_strbuf_text(&list), near != NULL ? "; did you mean \"" : "",
                     near != NULL ? near : "", near != NULL ? "\"?" : "");
    ws_strbuf_fini(&list);
    return status;
}

static ws_status report_nothing_found(search *s)
{
    const ws_profile_request *q    = s->request;
    tag_list                 *tags = malloc(sizeof(*tags));
    if (tags == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = find_tags(s, tags);
    bool      known  = false;
    for (size_t i = 0; i < tags->n; i++) {
        known = known || strcmp(tags->text[i], q->hardware) == 0;
    }
    if (status == WS_OK && s->other_tps.len > 0) {
        status = ws_error_add(s->err, WS_ERR_INPUT,
                              "%s / %s: expected a latency profile for tp %" PRId64 ", found none: %s",
                              q->hardware, q->model->name, q->tp_size, ws_strbuf_text(&s->other_tps));
    } else if (status == WS_OK && !known) {
        status = report_unknown_hardware(s, tags);
    } else if (status == WS_OK) {
        status =
            ws_error_add(s->err, WS_ERR_INPUT, "%s / %s / %s: no latency profile; looked for %s", q->hardware,
                         q->model->name, ws_dtype_name(q->dtype), ws_strbuf_text(&s->looked_at));
    }
    free(tags);
    return status;
}

ws_status ws_profile_load(const ws_data_dirs *data, const ws_profile_request *request, ws_strbuf *notes,
                          ws_error *err, ws_profile **out)
{
    search    s      = {.data = data, .request = request, .notes = notes, .err = err};
    ws_status status = try_measured(&s);
    if (status == WS_OK && s.found == NULL && may_use(&s, WS_PROFILE_CHOICE_ROOFLINE)) {
        status = try_roofline(&s);
    }
    if (status == WS_OK && s.found == NULL) {
        status = report_nothing_found(&s);
    }
    if (status == WS_OK && (s.looked_at.failed || s.other_tps.failed)) {
        status = WS_ERR_NOMEM;
    }
    if (status == WS_OK) {
        *out = s.found;
    } else {
        ws_profile_destroy(&s.found);
    }
    ws_strbuf_fini(&s.looked_at);
    ws_strbuf_fini(&s.other_tps);
    return status;
}
