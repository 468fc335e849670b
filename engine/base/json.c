#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json_doc.h"
#include "base/json_scan.h"
#include "base/strbuf.h"

/* Up to here duplicate keys are found by comparing all pairs, above by sorting. */
enum { MAX_PAIRWISE_MEMBERS = 16 };
enum { POINTER_TEXT_BYTES = 512 }; /* of a pointer in a message; longer ones are cut */
enum { MAX_QUOTED_BYTES = 60 };    /* of a found string in a message */

/* ---- documents ---- */

/* A document around a tree, which it owns from now on, also after an error. */
static ws_status wrap_tree(const char *name, cJSON *root, ws_json_doc **out)
{
    *out              = NULL;
    ws_json_doc *doc  = root != NULL ? malloc(sizeof(*doc)) : NULL;
    char        *copy = ws_strdup(name);
    if (doc == NULL || copy == NULL) {
        free(copy);
        free(doc);
        cJSON_Delete(root);
        return WS_ERR_NOMEM;
    }
    *doc = (ws_json_doc){.name = copy, .root = root};
    *out = doc;
    return WS_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const cJSON *const *left  = a;
    const cJSON *const *right = b;
    return strcmp((*left)->string, (*right)->string);
}

/* A walk over a document that reports every key some object holds twice. */
typedef struct duplicate_search {
    const ws_json_doc *doc;
    ws_error          *err;
    size_t             n_found;
} duplicate_search;

static void report_duplicate(duplicate_search *search, const cJSON *member)
{
    (void)ws_json_problem((ws_json){search->doc, member}, search->err, "duplicate key");
    search->n_found++;
}

static void check_members_pairwise(duplicate_search *search, const cJSON *object)
{
    for (const cJSON *a = object->child; a != NULL; a = a->next) {
        for (const cJSON *b = a->next; b != NULL; b = b->next) {
            if (strcmp(a->string, b->string) == 0) {
                report_duplicate(search, a);
                break;
            }
        }
    }
}

static ws_status check_members_sorted(duplicate_search *search, const cJSON *object, size_t n_members)
{
    const cJSON **members = malloc(n_members * sizeof(*members));
    if (members == NULL) {
        return WS_ERR_NOMEM;
    }
    size_t n = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        members[n++] = member;
    }
    qsort(members, n, sizeof(*members), compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(members[i - 1]->string, members[i]->string) == 0) {
            report_duplicate(search, members[i]);
        }
    }
    free(members);
    return WS_OK;
}

/* Only running out of memory is a failure of the search itself. */
static ws_status check_duplicates(duplicate_search *search, const cJSON *item)
{
    if (cJSON_IsObject(item)) {
        const size_t n_members = (size_t)cJSON_GetArraySize(item);
        if (n_members <= MAX_PAIRWISE_MEMBERS) {
            check_members_pairwise(search, item);
        } else {
            WS_TRY(check_members_sorted(search, item, n_members));
        }
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (child->child != NULL) {
            WS_TRY(check_duplicates(search, child));
        }
    }
    return WS_OK;
}

/* Scan and parse; *root_out is owned by the caller. `text` is overwritten where comments are. */
static ws_status parse_tree(const char *name, char *text, size_t len, ws_error *err, cJSON **root_out)
{
    ws_json_scan_error error;
    if (!ws__json_scan(text, len, &error)) {
        return ws_error_add(err, WS_ERR_INPUT, "%s:%zu:%zu: %s", name, error.line, error.column,
                            error.problem);
    }
    *root_out = cJSON_ParseWithLength(text, len + 1);
    /* what the scanner passes cJSON parses, so this is memory */
    return *root_out != NULL ? WS_OK : WS_ERR_NOMEM;
}

ws_status ws_json_doc_parse(const char *name, const char *text, size_t len, ws_error *err, ws_json_doc **out)
{
    *out       = NULL;
    char *copy = len < PTRDIFF_MAX ? malloc(len + 1) : NULL;
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len]              = '\0';
    cJSON          *root   = NULL;
    const ws_status parsed = parse_tree(name, copy, len, err, &root);
    free(copy);
    WS_TRY(parsed);
    ws_json_doc *doc;
    WS_TRY(wrap_tree(name, root, &doc));

    duplicate_search search = {.doc = doc, .err = err};
    ws_status        status = check_duplicates(&search, doc->root);
    if (status == WS_OK && search.n_found > 0) {
        status = WS_ERR_INPUT;
    }
    if (status != WS_OK) {
        ws_json_doc_destroy(&doc);
        return status;
    }
    *out = doc;
    return WS_OK;
}

ws_status ws_json_doc_copy(ws_json value, const char *name, ws_json_doc **out)
{
    *out = NULL;
    if (value.item == NULL) {
        return WS_ERR_ARG;
    }
    return wrap_tree(name, ws__json_duplicate(value.item), out);
}

void ws_json_doc_destroy(ws_json_doc **doc)
{
    if (*doc != NULL) {
        cJSON_Delete((*doc)->root);
        free((*doc)->name);
        free(*doc);
        *doc = NULL;
    }
}

ws_json ws_json_doc_root(const ws_json_doc *doc)
{
    return (ws_json){doc, doc->root};
}

const char *ws_json_doc_name(const ws_json_doc *doc)
{
    return doc->name;
}

/* ---- looking ---- */

ws_json_kind ws_json_kind_of(ws_json value)
{
    if (value.item == NULL) {
        return WS_JSON_ABSENT;
    }
    switch (value.item->type & 0xff) { /* cJSON keeps ownership flags above the type */
    case cJSON_NULL:
        return WS_JSON_NULL;
    case cJSON_True:
    case cJSON_False:
        return WS_JSON_BOOL;
    case cJSON_Number:
        return WS_JSON_NUMBER;
    case cJSON_String:
        return WS_JSON_STRING;
    case cJSON_Array:
        return WS_JSON_ARRAY;
    case cJSON_Object:
        return WS_JSON_OBJECT;
    default:
        return WS_JSON_ABSENT;
    }
}

const char *ws_json_kind_name(ws_json_kind kind)
{
    static const char *const names[] = {
        [WS_JSON_ABSENT] = "nothing", [WS_JSON_NULL] = "null",     [WS_JSON_BOOL] = "boolean",
        [WS_JSON_NUMBER] = "number",  [WS_JSON_STRING] = "string", [WS_JSON_ARRAY] = "array",
        [WS_JSON_OBJECT] = "object",
    };
    return names[kind];
}

static bool is_container(ws_json value)
{
    return value.item != NULL && (cJSON_IsArray(value.item) || cJSON_IsObject(value.item));
}

size_t ws_json_size(ws_json value)
{
    return is_container(value) ? (size_t)cJSON_GetArraySize(value.item) : 0;
}

ws_json ws_json_at(ws_json value, size_t index)
{
    ws_json child = ws_json_first(value);
    for (; index > 0 && child.item != NULL; index--) {
        child = ws_json_next(child);
    }
    return child;
}

ws_json ws_json_first(ws_json value)
{
    return (ws_json){value.doc, is_container(value) ? value.item->child : NULL};
}

ws_json ws_json_next(ws_json value)
{
    return (ws_json){value.doc, value.item != NULL ? value.item->next : NULL};
}

const char *ws_json_key(ws_json value)
{
    return value.item != NULL ? value.item->string : NULL;
}

ws_json ws_json_member(ws_json object, const char *key)
{
    if (ws_json_kind_of(object) != WS_JSON_OBJECT) {
        return (ws_json){object.doc, NULL};
    }
    return (ws_json){object.doc, cJSON_GetObjectItemCaseSensitive(object.item, key)};
}

const char *ws_json_string(ws_json value)
{
    return ws_json_kind_of(value) == WS_JSON_STRING ? value.item->valuestring : NULL;
}

double ws_json_number(ws_json value)
{
    return ws_json_kind_of(value) == WS_JSON_NUMBER ? value.item->valuedouble : NAN;
}

bool ws_json_bool(ws_json value)
{
    return value.item != NULL && cJSON_IsTrue(value.item);
}

/* ---- pointers ---- */

ws_json ws_json_resolve(ws_json root, const char *pointer)
{
    const cJSON *item = root.item;
    while (item != NULL && *pointer != '\0') {
        size_t      len;
        const char *token = ws__json_pointer_token(&pointer, &len);
        item              = token != NULL ? ws__json_child(item, token, len) : NULL;
    }
    return (ws_json){root.doc, item};
}

/* One step of the way from the root to a place, kept on the stack of the search. */
typedef struct path_step {
    const struct path_step *up;
    const cJSON            *parent, *item;
} path_step;

static void print_path(const path_step *step, ws_strbuf *out)
{
    if (step == NULL) {
        return;
    }
    print_path(step->up, out);
    ws_strbuf_puts(out, "/");
    if (!cJSON_IsObject(step->parent)) {
        size_t index = 0;
        for (const cJSON *at = step->parent->child; at != step->item; at = at->next) {
            index++;
        }
        ws_strbuf_printf(out, "%zu", index);
        return;
    }
    for (const char *c = step->item->string; *c != '\0'; c++) {
        if (*c == '~' || *c == '/') {
            ws_strbuf_puts(out, *c == '~' ? "~0" : "~1");
        } else {
            ws_strbuf_append(out, c, 1);
        }
    }
}

/* Look for `target` below `parent` and print its path; cJSON items do not know their parents. */
static bool find_path(const cJSON *parent, const cJSON *target, const path_step *up, ws_strbuf *out)
{
    for (const cJSON *item = parent->child; item != NULL; item = item->next) {
        const path_step step = {.up = up, .parent = parent, .item = item};
        if (item == target) {
            print_path(&step, out);
            return true;
        }
        if (item->child != NULL && find_path(item, target, &step, out)) {
            return true;
        }
    }
    return false;
}

char *ws_json_pointer(ws_json value, char *buf, size_t cap)
{
    WS_ASSERT(cap >= 1);
    ws_strbuf path = WS_STRBUF_INIT;
    if (value.doc != NULL && value.item != NULL) {
        (void)find_path(value.doc->root, value.item, NULL, &path);
    }
    const size_t len = path.len < cap ? path.len : cap - 1;
    memcpy(buf, ws_strbuf_text(&path), len);
    buf[len] = '\0';
    ws_strbuf_fini(&path);
    return buf;
}

/* ---- messages ---- */

static ws_status add_problem(ws_json value, ws_error *err, const char *message)
{
    char        pointer[POINTER_TEXT_BYTES];
    const char *name = value.doc != NULL ? value.doc->name : "input";
    ws_json_pointer(value, pointer, sizeof(pointer));
    return ws_error_add(err, WS_ERR_INPUT, "%s: %s%s%s", name, pointer, pointer[0] != '\0' ? ": " : "",
                        message);
}

ws_status ws_json_problem(ws_json value, ws_error *err, const char *fmt, ...)
{
    char    message[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    return add_problem(value, err, message);
}

static void describe(ws_json value, char *buf, size_t cap)
{
    const ws_json_kind kind = ws_json_kind_of(value);
    if (kind == WS_JSON_BOOL) {
        snprintf(buf, cap, "%s", ws_json_bool(value) ? "true" : "false");
    } else if (kind == WS_JSON_NUMBER) {
        snprintf(buf, cap, "%.15g", ws_json_number(value));
    } else if (kind == WS_JSON_STRING) {
        const char *text   = ws_json_string(value);
        const bool  is_cut = strlen(text) > MAX_QUOTED_BYTES;
        snprintf(buf, cap, "\"%.*s%s\"", MAX_QUOTED_BYTES, text, is_cut ? "..." : "");
    } else if (kind == WS_JSON_ARRAY || kind == WS_JSON_OBJECT) {
        const char *unit = kind == WS_JSON_ARRAY ? "elements" : "members";
        snprintf(buf, cap, "%s of %zu %s", ws_json_kind_name(kind), ws_json_size(value), unit);
    } else {
        snprintf(buf, cap, "%s", ws_json_kind_name(kind));
    }
}

ws_status ws_json_expected(ws_json value, ws_error *err, const char *expected)
{
    char found[MAX_QUOTED_BYTES + 32];
    describe(value, found, sizeof(found));
    return ws_json_problem(value, err, "expected %s, found %s", expected, found);
}

char *ws_json_library(char buf[32])
{
    (void)snprintf(buf, 32, "cJSON %s", cJSON_Version());
    return buf;
}
