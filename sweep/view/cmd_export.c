/* wattsweep export: the table of a file, for spreadsheets and scripts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/filter.h"
#include "base/files.h"
#include "base/output_file.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "cli/file_command.h"
#include "view/point_table.h"

typedef struct export_columns {
    size_t     n;
    swp_cells *cells; /* [n] */
} export_columns;

static bool is_exported(const swp_column *column)
{
    return column->axis == SWP_AXIS_JOB && strcmp(column->group, "energy") != 0 &&
           strcmp(column->group, "timeseries") != 0 && strcmp(column->group, "requests") != 0;
}

static ws_status read_all(const swp_result_table *results, ws_error *err, export_columns *c)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    for (size_t i = 0; i < columns->n; i++) {
        if (is_exported(&columns->list[i])) {
            WS_TRY(swp_result_table_read_column(results, &columns->list[i], err, &c->cells[c->n]));
            c->n++;
        }
    }
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        char name[64];
        snprintf(name, sizeof(name), "%s_j", ws_component_name((ws_component)component));
        WS_TRY(swp_result_table_read(results, name, err, &c->cells[c->n]));
        c->n++;
    }
    return WS_OK;
}

static ws_status read_listed(const swp_result_table *results, const char *list, size_t capacity,
                             ws_error *err, export_columns *c)
{
    while (*list != '\0') {
        char         name[128];
        const size_t len = strcspn(list, ",");
        if (len == 0 || len >= sizeof(name) || c->n == capacity) {
            return ws_error_add(err, WS_ERR_INPUT, "--columns: expected names separated by commas");
        }
        memcpy(name, list, len);
        name[len] = '\0';
        WS_TRY(swp_result_table_read(results, name, err, &c->cells[c->n]));
        c->n++;
        list += len + (list[len] == ',');
    }
    return WS_OK;
}

static ws_status write_table(const export_columns *c, const bool *keep, size_t n_rows,
                             swp_table_format format, FILE *out, ws_error *err)
{
    swp_table table;
    char      text[SWP_CELL_TEXT];

    swp_table_begin(&table, out, format, c->n);
    for (size_t i = 0; i < c->n; i++) {
        swp_table_heading(&table, c->cells[i].name, c->cells[i].unit, !swp_cells_is_text(&c->cells[i]));
    }
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; keep[row] && i < c->n; i++) {
            swp_table_cell(&table, swp_cells_text(&c->cells[i], row, 0, text));
        }
    }
    return swp_table_end(&table, err);
}

typedef struct export_request {
    const char *file;
    const char *columns, *where, *path; /* path: NULL = stdout */
    int         format;                 /* swp_table_format */
    bool        as_points;
} export_request;

static bool is_stdout(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

/* Where the table goes: a file is either the whole table or what it was before. */
typedef struct export_output {
    ws_output_file *file; /* NULL: stdout */
    FILE           *stream;
} export_output;

static ws_status open_output(const char *path, ws_error *err, export_output *out)
{
    *out = (export_output){.stream = stdout};
    if (is_stdout(path)) {
        return WS_OK;
    }
    WS_TRY(ws_output_file_open_in_folder(path, err, &out->file));
    out->stream = ws_output_file_stream(out->file);
    if (out->stream == NULL) {
        ws_output_file_destroy(&out->file);
        return ws_error_add(err, WS_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    return WS_OK;
}

static ws_status close_output(const char *path, export_output *out, ws_status status, ws_error *err)
{
    if (out->file == NULL) {
        return status;
    }
    if (status == WS_OK) {
        status = ws_output_file_commit(out->file, err);
    } else if (status == WS_ERR_IO) {
        ws_error_add(err, WS_ERR_IO, "%s: is as it was before", path);
    }
    ws_output_file_destroy(&out->file);
    return status;
}

/* ---- one row per job ---- */

static ws_status write_jobs(const swp_result_table *results, const export_columns *c, const export_request *r,
                            ws_error *err)
{
    bool         *keep = NULL;
    export_output out;
    WS_TRY(swp_filter(results, r->where, err, &keep));
    ws_status status = open_output(r->path, err, &out);
    if (status == WS_OK) {
        status =
            close_output(r->path, &out, write_table(c, keep, results->n, r->format, out.stream, err), err);
    }
    free(keep);
    return status;
}

static ws_status read_and_write_jobs(const swp_result_table *results, const export_request *r,
                                     export_columns *c, ws_error *err)
{
    const size_t capacity = swp_reader_columns(results->reader)->n + WS_COMPONENT_COUNT;
    c->cells              = calloc(capacity, sizeof(c->cells[0]));
    if (c->cells == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    if (r->columns == NULL) {
        WS_TRY(read_all(results, err, c));
    } else {
        WS_TRY(read_listed(results, r->columns, capacity, err, c));
    }
    return write_jobs(results, c, r, err);
}

static ws_status export_jobs(const export_request *r, ws_error *err)
{
    swp_result_table results;
    export_columns   c      = {.n = 0};
    ws_status        status = swp_result_table_open(r->file, err, &results);
    if (status == WS_OK) {
        status = read_and_write_jobs(&results, r, &c, err);
    }
    for (size_t i = 0; i < c.n; i++) {
        swp_cells_fini(&c.cells[i]);
    }
    free(c.cells);
    swp_result_table_close(&results);
    return status;
}

/* ---- one row per point ---- */

/* The first job, every parameter, every metric, every energy component. */
static void list_point_columns(const swp_result_table *results, ws_strbuf *list)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    ws_strbuf_puts(list, "job");
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        if (column->role == SWP_ROLE_PARAM || column->role == SWP_ROLE_METRIC) {
            ws_strbuf_printf(list, ",%s", column->name);
        }
    }
    for (int component = 0; component < WS_COMPONENT_COUNT; component++) {
        ws_strbuf_printf(list, ",%s_j", ws_component_name((ws_component)component));
    }
}

static ws_status write_points(const swp_selection *selection, const char *columns, const export_request *r,
                              ws_error *err)
{
    static const char *const none[] = {NULL};
    export_output            out;
    size_t                  *order = malloc((selection->points.n + 1) * sizeof(order[0]));
    ws_status                status =
        order == NULL ? ws_error_add(err, WS_ERR_NOMEM, "out of memory") : open_output(r->path, err, &out);
    if (status == WS_OK) {
        for (size_t i = 0; i < selection->points.n; i++) {
            order[i] = i;
        }
        const swp_point_table table = {.selection = selection,
                                       .order     = order,
                                       .n         = selection->points.n,
                                       .first     = none,
                                       .columns   = columns,
                                       .format    = r->format};
        status                      = swp_point_table_print(&table, out.stream, err);
        status                      = close_output(r->path, &out, status, err);
    }
    free(order);
    return status;
}

static ws_status write_all_points(const swp_selection *selection, const export_request *r, ws_error *err)
{
    ws_strbuf list = WS_STRBUF_INIT;
    list_point_columns(&selection->results, &list);
    const ws_status status = list.failed ? ws_error_add(err, WS_ERR_NOMEM, "out of memory")
                                         : write_points(selection, ws_strbuf_text(&list), r, err);
    ws_strbuf_fini(&list);
    return status;
}

static ws_status export_points(const export_request *r, ws_error *err)
{
    swp_selection selection;
    ws_status     status = swp_selection_open(r->file, r->where, err, &selection);
    if (status == WS_OK && r->columns != NULL) {
        status = write_points(&selection, r->columns, r, err);
    } else if (status == WS_OK) {
        status = write_all_points(&selection, r, err);
    }
    swp_selection_close(&selection);
    return status;
}

/* ---- the command ---- */

static ws_status export_file(void *of_command, ws_error *err)
{
    const export_request *r = of_command;
    if (!is_stdout(r->path) && ws_is_same_file(r->path, r->file)) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "--output: %s is FILE itself, expected another file to write to", r->path);
    }
    return r->as_points ? export_points(r, err) : export_jobs(r, err);
}

#define AT(member) .offset = offsetof(export_request, member)

static const ws_arg args[] = {
    {.name = "format",
     .kind = WS_ARG_CHOICE,
     AT(format),
     .choices      = swp_table_formats,
     .help         = "how the table is written",
     .default_text = "csv"},
    {.name = "columns",
     .kind = WS_ARG_TEXT,
     AT(columns),
     .value = "A,B,..",
     .help  = "only these: job, state, parameters, metrics, <component>_j, rank, host ..."},
    {.name = "where",
     .kind = WS_ARG_TEXT,
     AT(where),
     .value = "EXPR",
     .help  = "only these rows: 'state == \"done\" and tp_size == 2'"},
    {.name       = "output",
     .short_name = "o",
     .kind       = WS_ARG_FILE,
     AT(path),
     .value        = "PATH",
     .help         = "write there; - = standard output",
     .default_text = "-"},
    {.name = "points",
     .kind = WS_ARG_FLAG,
     AT(as_points),
     .help =
         "one row per point: done repeats averaged, <metric>_ci95 the half width of the mean's 95% interval"},
};

int swp_cmd_export(int argc, char **argv)
{
    export_request         options = {.format = SWP_TABLE_CSV};
    const ws_arg_section   section = {NULL, args, sizeof(args) / sizeof(args[0]), &options};
    const swp_file_command command = {
        .program = "wattsweep export",
        .usage   = "FILE [--points] [--format csv|tsv|json] [--columns A,B,..] [--where EXPR]",
        .about =
            "One row per job, one column per parameter, metric and energy component; numbers read back\n"
            "exactly, a missing value is empty (null in JSON). Time series stay in the file.\n"
            "A text that a spreadsheet would run in CSV or TSV (=, +, -, @, tab or CR first) gets a ' in "
            "front.\n"
            "Exit code: 0; 2 bad option or expression; 3 a file cannot be read or written.",
        .sections   = &section,
        .n_sections = 1,
        .files      = &options.file,
        .n_files    = 1,
        .file_names = "FILE",
        .run        = export_file,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}
