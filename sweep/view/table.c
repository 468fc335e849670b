#include "view/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"

const char *const swp_table_formats[] = {[SWP_TABLE_TEXT] = "text",
                                         [SWP_TABLE_TSV]  = "tsv",
                                         [SWP_TABLE_CSV]  = "csv",
                                         [SWP_TABLE_JSON] = "json",
                                         NULL};

void swp_table_begin(swp_table *table, FILE *out, swp_table_format format, size_t n_columns)
{
    *table         = (swp_table){.out = out, .format = format, .n_columns = n_columns};
    table->names   = calloc(n_columns + 1, sizeof(table->names[0]));
    table->numeric = calloc(n_columns + 1, sizeof(table->numeric[0]));
    table->failed  = table->names == NULL || table->numeric == NULL;
    if (format == SWP_TABLE_JSON) {
        fputs("[", out);
    }
}

/* Characters, not bytes, of UTF-8 text: what a terminal column is made of. */
static size_t text_width(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

/* A copy of a text with what would steer a terminal spelled; NULL if out of memory. */
static char *printable_copy(const char *text)
{
    ws_strbuf shown = WS_STRBUF_INIT;
    ws_printable_append(&shown, text, "");
    if (shown.failed) {
        ws_strbuf_fini(&shown);
        return NULL;
    }
    return shown.data != NULL ? shown.data : ws_strdup("");
}

static void keep_cell(swp_table *table, const char *text)
{
    if (table->n_cells == table->capacity) {
        const size_t capacity = table->capacity > 0 ? 2 * table->capacity : 64;
        char       **grown    = realloc(table->cells, capacity * sizeof(grown[0]));
        if (grown == NULL) {
            table->failed = true;
            return;
        }
        table->cells    = grown;
        table->capacity = capacity;
    }
    char *copy    = printable_copy(text);
    table->failed = table->failed || copy == NULL;
    if (copy != NULL) {
        table->cells[table->n_cells++] = copy;
    }
}

static bool is_json_number(const char *text)
{
    char *end = NULL;
    strtod(text, &end);
    return *end == '\0' && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

/* Would a spreadsheet take the text of a cell for a formula? Source: OWASP, "CSV Injection". */
static bool is_formula(const char *text)
{
    return text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL && !is_json_number(text);
}

/* CSV quoting of RFC 4180; TSV has no quoting, its separators become blanks. Nothing that steers a terminal,
 * and nothing that a spreadsheet would run: the apostrophe is what it takes for "this is text". */
/* What stands between two cells of CSV and TSV. */
static void put_separator(swp_table *table)
{
    if (table->at > 0) {
        ws_strbuf_puts(&table->line, table->format == SWP_TABLE_CSV ? "," : "\t");
    }
}

static void put_separated(swp_table *table, const char *text, bool is_number)
{
    ws_strbuf  *line   = &table->line;
    const bool  is_csv = table->format == SWP_TABLE_CSV;
    const char *guard  = !is_number && is_formula(text) ? "'" : "";
    const bool  quotes = is_csv && strpbrk(text, ",\"\t\r\n") != NULL;
    ws_strbuf_printf(line, "%s%s", quotes ? "\"" : "", guard);
    for (size_t len = 0; *text != '\0'; text += len) {
        char       character[5] = "";
        bool       is_fine      = false;
        const bool breaks       = *text == '\t' || *text == '\n' || *text == '\r';
        len                     = ws_printable_next(text, &is_fine);
        memcpy(character, text, len);
        if (breaks) {
            ws_strbuf_append(line, is_csv ? text : " ", 1);
        } else if (is_csv && *text == '"') {
            ws_strbuf_puts(line, "\"\"");
        } else {
            ws_printable_append(line, character, "");
        }
    }
    ws_strbuf_puts(line, quotes ? "\"" : "");
}

static void put_json_text(ws_strbuf *line, const char *text)
{
    ws_strbuf_puts(line, "\"");
    for (size_t len = 0; *text != '\0'; text += len) {
        bool is_fine = false;
        len          = ws_printable_next(text, &is_fine);
        if (*text == '"' || *text == '\\') {
            ws_strbuf_puts(line, "\\");
            ws_strbuf_append(line, text, 1);
        } else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            ws_strbuf_printf(line, "\\u%04x", (unsigned)(unsigned char)*text);
        } else if (is_fine || len > 1) {
            ws_strbuf_append(line, text, len);
        } else {
            ws_strbuf_puts(line, "\\ufffd"); /* no UTF-8: no JSON either */
        }
    }
    ws_strbuf_puts(line, "\"");
}

static void put_json(swp_table *table, const char *text)
{
    put_json_text(&table->line, table->names[table->at]);
    ws_strbuf_puts(&table->line, ": ");
    if (text[0] == '\0') {
        ws_strbuf_puts(&table->line, "null");
    } else if (table->numeric[table->at] && is_json_number(text)) {
        ws_strbuf_puts(&table->line, text);
    } else {
        put_json_text(&table->line, text);
    }
}

static void end_line(swp_table *table, const char *before)
{
    table->failed = table->failed || table->line.failed ||
                    fprintf(table->out, "%s%s", before, ws_strbuf_text(&table->line)) < 0;
    ws_strbuf_clear(&table->line);
}

void swp_table_heading(swp_table *table, const char *name, const char *unit, bool is_number)
{
    const bool has_unit = unit[0] != '\0' && strcmp(unit, "1") != 0 && table->format == SWP_TABLE_TEXT;
    char      *heading  = has_unit ? ws_asprintf("%s [%s]", name, unit) : ws_strdup(name);

    if (heading == NULL || table->failed) {
        free(heading);
        table->failed = true;
        return;
    }
    table->names[table->at]   = heading;
    table->numeric[table->at] = is_number;
    if (table->format == SWP_TABLE_TEXT) {
        keep_cell(table, heading);
    } else if (table->format != SWP_TABLE_JSON) {
        put_separator(table);
        put_separated(table, heading, false);
    }
    table->at++;
    if (table->at == table->n_columns) {
        table->at = 0;
        if (table->format == SWP_TABLE_CSV || table->format == SWP_TABLE_TSV) {
            ws_strbuf_puts(&table->line, "\n");
            end_line(table, "");
        }
    }
}

/* Text for all formats but JSON, for which it is a value already written as such. */
static void put_cell(swp_table *table, const char *text, bool is_json_value)
{
    if (table->failed) {
        return;
    }
    switch (table->format) {
    case SWP_TABLE_TEXT:
        keep_cell(table, text);
        break;
    case SWP_TABLE_JSON:
        ws_strbuf_puts(&table->line, table->at == 0 ? "{" : ", ");
        if (is_json_value) {
            put_json_text(&table->line, table->names[table->at]);
            ws_strbuf_printf(&table->line, ": %s", text);
        } else {
            put_json(table, text);
        }
        break;
    case SWP_TABLE_TSV:
    case SWP_TABLE_CSV:
        put_separator(table);
        put_separated(table, text, table->numeric[table->at]);
        break;
    }
    table->at++;
    if (table->at < table->n_columns) {
        return;
    }
    table->at = 0;
    table->n_rows++;
    if (table->format == SWP_TABLE_JSON) {
        ws_strbuf_puts(&table->line, "}");
        end_line(table, table->n_rows == 1 ? "\n  " : ",\n  ");
    } else if (table->format != SWP_TABLE_TEXT) {
        ws_strbuf_puts(&table->line, "\n");
        end_line(table, "");
    }
}

void swp_table_cell(swp_table *table, const char *text)
{
    put_cell(table, text, false);
}

void swp_table_list(swp_table *table, const int64_t *values, size_t n)
{
    const bool        is_json   = table->format == SWP_TABLE_JSON;
    const char *const separator = is_json ? ", " : " ";
    ws_strbuf         text      = WS_STRBUF_INIT;
    ws_strbuf_puts(&text, is_json ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        ws_strbuf_printf(&text, "%s%" PRId64, i == 0 ? "" : separator, values[i]);
    }
    ws_strbuf_puts(&text, is_json ? "]" : "");
    table->failed = table->failed || text.failed;
    put_cell(table, ws_strbuf_text(&text), is_json);
    ws_strbuf_fini(&text);
}

static void print_aligned(swp_table *table)
{
    size_t *widths = calloc(table->n_columns + 1, sizeof(widths[0]));
    if (widths == NULL) {
        table->failed = true;
        return;
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        const size_t width = text_width(table->cells[i]);
        size_t      *most  = &widths[i % table->n_columns];
        *most              = width > *most ? width : *most;
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        const size_t column = i % table->n_columns;
        const int    pad    = (int)(widths[column] - text_width(table->cells[i]));
        const bool   last   = column + 1 == table->n_columns;
        if (table->numeric[column]) {
            fprintf(table->out, "%*s%s%s", pad, "", table->cells[i], last ? "\n" : "  ");
        } else {
            fprintf(table->out, "%s%*s%s", table->cells[i], last ? 0 : pad, "", last ? "\n" : "  ");
        }
    }
    free(widths);
}

ws_status swp_table_end(swp_table *table, ws_error *err)
{
    if (table->format == SWP_TABLE_JSON) {
        fputs(table->n_rows > 0 ? "\n]\n" : "]\n", table->out);
    } else if (table->format == SWP_TABLE_TEXT && !table->failed && table->n_columns > 0) {
        print_aligned(table);
    }
    const bool io_failed = fflush(table->out) != 0 || ferror(table->out);
    const int  reason    = errno;
    const bool failed    = table->failed;
    for (size_t i = 0; i < table->n_cells; i++) {
        free(table->cells[i]);
    }
    for (size_t i = 0; table->names != NULL && i < table->n_columns; i++) {
        free(table->names[i]);
    }
    free(table->cells);
    free(table->names);
    free(table->numeric);
    ws_strbuf_fini(&table->line);
    *table = (swp_table){.n_columns = 0};
    if (io_failed) {
        return ws_error_add(err, WS_ERR_IO, "cannot write the table: %s", strerror(reason));
    }
    return failed ? ws_error_add(err, WS_ERR_NOMEM, "out of memory") : WS_OK;
}
