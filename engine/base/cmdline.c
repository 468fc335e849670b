#include "base/cmdline.h"

#include <stdio.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/nearest_name.h"
#include "base/strbuf.h"
#include "base/value_text.h"

enum { NAME_CAP = 64 };

/** A row of the tables: its place among all, and the struct it sets. */
typedef struct row {
    const ws_arg *arg; /* NULL = none */
    size_t        index;
    void         *into;
} row;

/** A line while it is read. */
typedef struct reader {
    const ws_cmdline  *line;
    int                argc, next;
    const char *const *argv;
    ws_error          *err;
    ws_cmdline_seen    seen;
    bool               is_given[WS_CMDLINE_MAX_ARGS];
} reader;

/** An argument taken apart. */
typedef struct word {
    const char *text;           /* as it stands on the line */
    char        name[NAME_CAP]; /* without dashes */
    const char *value;          /* behind '=', NULL if there is none */
    bool        is_short;
    bool        is_negated; /* --no-name of a switch called name */
} word;

/* ---- names ---- */

static bool is_name(const char *name, const char *text)
{
    char a[NAME_CAP], b[NAME_CAP];
    return strcmp(ws_arg_dashed(name, a), ws_arg_dashed(text, b)) == 0;
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/** The row of a given place; its arg is NULL behind the last one. */
static row row_at(const ws_cmdline *line, size_t index)
{
    size_t before = 0;
    for (size_t s = 0; s < line->n_sections; s++) {
        const ws_arg_section *section = &line->sections[s];
        if (index < before + section->n_args) {
            return (row){&section->args[index - before], index, section->into};
        }
        before += section->n_args;
    }
    return (row){.arg = NULL};
}

static row find_row(const ws_cmdline *line, const char *name, bool is_short)
{
    row r;
    for (size_t i = 0; (r = row_at(line, i)).arg != NULL; i++) {
        if (is_short ? r.arg->short_name != NULL && strcmp(r.arg->short_name, name) == 0
                     : is_name(r.arg->name, name)) {
            break;
        }
    }
    return r;
}

/** Split "--name=value", "--name" or "-n"; false if no option has so long a name. */
static bool split(const char *text, word *out)
{
    *out               = (word){.text = text, .is_short = text[1] != '-'};
    const char  *name  = text + (out->is_short ? 1 : 2);
    const char  *equal = out->is_short ? NULL : strchr(name, '=');
    const size_t len   = equal != NULL ? (size_t)(equal - name) : strlen(name);
    if (len >= sizeof(out->name)) {
        return false;
    }
    memcpy(out->name, name, len);
    out->value = equal != NULL ? equal + 1 : NULL;
    return true;
}

/** The row of --no-name, if name is a switch. */
static row find_negated(const ws_cmdline *line, const word *w)
{
    if (!w->is_short && w->value == NULL && strncmp(w->name, "no-", 3) == 0) {
        const row r = find_row(line, w->name + 3, false);
        if (r.arg != NULL && r.arg->kind == WS_ARG_SWITCH) {
            return r;
        }
    }
    return (row){.arg = NULL};
}

/* ---- mistakes ---- */

/** The known option nearest to a name, dashed; "" if none is near. */
static void find_nearest(const ws_cmdline *line, const char *name, char nearest[NAME_CAP])
{
    char        dashed[WS_CMDLINE_MAX_ARGS + 1][NAME_CAP];
    const char *known[WS_CMDLINE_MAX_ARGS + 1] = {"help"};
    size_t      n                              = 1;
    for (row r = row_at(line, 0); r.arg != NULL; r = row_at(line, r.index + 1)) {
        known[n] = ws_arg_dashed(r.arg->name, dashed[n]);
        n++;
    }
    const char *found = ws_nearest_name(name, known, n);
    nearest[0]        = '\0';
    if (found != NULL) {
        (void)snprintf(nearest, NAME_CAP, "%s", found);
    }
}

static ws_status unknown_option(const reader *r, const char *text, const char *name)
{
    char nearest[NAME_CAP];
    find_nearest(r->line, name, nearest);
    if (nearest[0] != '\0') {
        return ws_error_add(r->err, WS_ERR_INPUT, "%s: unknown option; did you mean --%s?", text, nearest);
    }
    return ws_error_add(r->err, WS_ERR_INPUT, "%s: unknown option; see %s --help", text, r->line->program);
}

/* ---- one option ---- */

static ws_status add_to_list(ws_arg_list *list, const ws_arg *arg, const char *text, ws_error *err)
{
    char name[NAME_CAP];
    if (list->n == list->capacity) {
        return ws_error_add(err, WS_ERR_INPUT, "--%s: at most %zu", ws_arg_dashed(arg->name, name),
                            list->capacity);
    }
    list->items[list->n++] = text;
    return WS_OK;
}

static ws_status store_value(void *at, const ws_arg *arg, const char *text, ws_error *err)
{
    const ws_value_domain domain = ws__arg_domain(arg);
    ws_value              value  = {.integer = 0};
    if (!ws_value_parse(&domain, text, &value)) {
        return ws_arg_refuse(arg, text, err);
    }
    if (arg->kind == WS_ARG_INT) {
        memcpy(at, &value.integer, sizeof(value.integer));
    } else if (arg->kind == WS_ARG_CHOICE) {
        const int index = (int)value.integer;
        memcpy(at, &index, sizeof(index));
    } else if (arg->kind == WS_ARG_SWITCH) {
        memcpy(at, &value.truth, sizeof(value.truth));
    } else {
        memcpy(at, &value.number, sizeof(value.number));
    }
    return WS_OK;
}

/** Give an option its text; flags and counts have none. */
static ws_status store(const row *r, const char *text, ws_error *err)
{
    const ws_arg *arg  = r->arg;
    char         *at   = (char *)r->into + arg->offset;
    const bool    flag = true;
    if (arg->set != NULL) {
        return arg->set(r->into, arg, text, err);
    }
    switch (arg->kind) {
    case WS_ARG_FLAG:
        memcpy(at, &flag, sizeof(flag));
        return WS_OK;
    case WS_ARG_COUNT:
        ++*(int *)(void *)at;
        return WS_OK;
    case WS_ARG_TEXT:
    case WS_ARG_FILE:
        memcpy(at, &text, sizeof(text));
        return WS_OK;
    case WS_ARG_LIST:
        return add_to_list((ws_arg_list *)(void *)at, arg, text, err);
    case WS_ARG_SWITCH:
    case WS_ARG_INT:
    case WS_ARG_NUMBER:
    case WS_ARG_SECONDS:
    case WS_ARG_CHOICE:
        break;
    }
    return store_value(at, arg, text, err);
}

static const char *next_value(reader *r)
{
    const bool has_next =
        r->next < r->argc && strncmp(r->argv[r->next], "--", 2) != 0; /* else it was forgotten */
    return has_next ? r->argv[r->next++] : NULL;
}

/** No value, or an empty one where that cannot be meant. */
static ws_status missing_value(const ws_arg *arg, const char *found, ws_error *err)
{
    char      name[NAME_CAP];
    ws_strbuf value = WS_STRBUF_INIT;
    ws__arg_put_value(arg, &value);
    const ws_status status = ws_error_add(err, WS_ERR_INPUT, "--%s: expected a value behind it: %s%s",
                                          ws_arg_dashed(arg->name, name), ws_strbuf_text(&value), found);
    ws_strbuf_fini(&value);
    return status;
}

static ws_status read_value(reader *r, const word *w, const row *found)
{
    const bool  is_path = found->arg->kind == WS_ARG_FILE || found->arg->kind == WS_ARG_LIST;
    const char *text    = w->value != NULL ? w->value : next_value(r);
    if (text == NULL) {
        return missing_value(found->arg, "", r->err);
    }
    if (is_path && *text == '\0') {
        return missing_value(found->arg, ", found \"\"", r->err);
    }
    return store(found, text, r->err);
}

static const char *switch_text(const word *w)
{
    if (w->is_negated) {
        return "false";
    }
    return w->value != NULL ? w->value : "true";
}

static ws_status read_option(reader *r, const char *text)
{
    word w;
    if (!split(text, &w)) {
        return unknown_option(r, text, "");
    }
    row found = find_row(r->line, w.name, w.is_short);
    if (found.arg == NULL) {
        found        = find_negated(r->line, &w);
        w.is_negated = found.arg != NULL;
    }
    if (found.arg == NULL) {
        if (r->line->max_operands == 0 && w.value == NULL) {
            (void)next_value(r); /* likely its value: no second problem */
        }
        char dashed[NAME_CAP + 2];
        (void)snprintf(dashed, sizeof(dashed), "%s%s", w.is_short ? "-" : "--", w.name);
        return unknown_option(r, dashed, w.name);
    }
    r->is_given[found.index] = true;
    if (found.arg->kind == WS_ARG_SWITCH) {
        return store(&found, switch_text(&w), r->err);
    }
    if (found.arg->kind != WS_ARG_FLAG && found.arg->kind != WS_ARG_COUNT) {
        return read_value(r, &w, &found);
    }
    if (w.value != NULL) {
        char name[NAME_CAP];
        return ws_error_add(r->err, WS_ERR_INPUT, "--%s: expected no value, found '%s'",
                            ws_arg_dashed(found.arg->name, name), w.value);
    }
    return store(&found, NULL, r->err);
}

/* ---- the line ---- */

static ws_status take_operand(reader *r, const char *text)
{
    const ws_cmdline *line = r->line;
    if (line->max_operands == 0) {
        return ws_error_add(r->err, WS_ERR_INPUT, "%s: expected an option beginning with --; see %s --help",
                            text, line->program);
    }
    if (r->seen.n_operands == line->max_operands) {
        return ws_error_add(r->err, WS_ERR_INPUT, "%s: an argument too many, expected %s; see %s --help",
                            text, line->operand_names, line->program);
    }
    line->operands[r->seen.n_operands++] = text;
    return WS_OK;
}

/** Remember the worst: out of memory, else the first mistake. */
static void keep_worse(ws_status *status, ws_status other)
{
    if (*status == WS_OK || other == WS_ERR_NOMEM) {
        *status = other;
    }
}

static ws_status read_words(reader *r)
{
    ws_status status     = WS_OK;
    bool      is_operand = false; /* "--" has come */
    while (status != WS_ERR_NOMEM && r->next < r->argc) {
        const char *text = r->argv[r->next++];
        if (!is_operand && strcmp(text, "--") == 0) {
            is_operand = true;
        } else if (is_operand || text[0] != '-' || text[1] == '\0') {
            keep_worse(&status, take_operand(r, text));
        } else {
            keep_worse(&status, read_option(r, text));
        }
    }
    return status;
}

/** What has to be on the line and is not. */
static ws_status check_missing(const reader *r)
{
    ws_status status = WS_OK;
    if (r->seen.n_operands < r->line->min_operands) {
        status = ws_error_add(r->err, WS_ERR_INPUT, "expected %s; see %s --help", r->line->operand_names,
                              r->line->program);
    }
    for (row found = row_at(r->line, 0); found.arg != NULL; found = row_at(r->line, found.index + 1)) {
        if (found.arg->is_required && !r->is_given[found.index]) {
            char      name[NAME_CAP];
            ws_strbuf value = WS_STRBUF_INIT;
            ws__arg_put_value(found.arg, &value);
            status =
                ws_error_add(r->err, WS_ERR_INPUT, "expected --%s %s; see %s --help",
                             ws_arg_dashed(found.arg->name, name), ws_strbuf_text(&value), r->line->program);
            ws_strbuf_fini(&value);
        }
    }
    return status;
}

static bool asks_for_help(int argc, const char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            return true;
        }
    }
    return false;
}

static size_t count_args(const ws_cmdline *line)
{
    size_t n = 0;
    for (size_t s = 0; s < line->n_sections; s++) {
        n += line->sections[s].n_args;
    }
    return n;
}

ws_status ws_cmdline_read(const ws_cmdline *line, int argc, const char *const *argv, ws_error *err,
                          ws_cmdline_seen *seen_out)
{
    WS_ASSERT(count_args(line) <= WS_CMDLINE_MAX_ARGS);
    reader r = {.line = line, .argc = argc, .next = 1, .argv = argv, .err = err};
    if (asks_for_help(argc, argv)) {
        *seen_out = (ws_cmdline_seen){.wants_help = true};
        return WS_OK;
    }
    ws_status status = read_words(&r);
    keep_worse(&status, check_missing(&r));
    if (status == WS_OK) {
        *seen_out = r.seen;
    }
    return status;
}
