/* wattsweep show: everything a file knows about one job. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/file_slo.h"
#include "analysis/result_table.h"
#include "base/json_write.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "cli/file_command.h"
#include "view/job_export.h"
#include "view/sparkline.h"

#define SPARKLINE_WIDTH 72

/* ---- finding and reading ---- */

static ws_status find_job(const swp_result_table *results, int64_t job, ws_error *err, size_t *row_out)
{
    size_t low = 0, high = results->n; /* jobs ascend */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (results->plan.picks[middle].job < job) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == results->n || results->plan.picks[low].job != job) {
        return ws_error_add(
            err, WS_ERR_INPUT,
            "%s: no row of job %lld: it is pending, left out by a constraint, or the sweep has fewer jobs",
            swp_reader_path(results->reader), (long long)job);
    }
    *row_out = low;
    return WS_OK;
}

/* One cell of a job's row, without reading the column. */
static ws_status read_cell(const swp_result_table *results, size_t row, const swp_column *column,
                           ws_error *err, swp_cells *cells_out)
{
    *cells_out      = (swp_cells){.name = column->name, .unit = column->unit, .column = column, .n = 1};
    cells_out->data = malloc(column->row_bytes);
    if (cells_out->data == NULL) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    const ws_status status =
        swp_reader_read(results->reader, column, results->plan.picks[row].row, 1, cells_out->data, err);
    if (status != WS_OK) {
        swp_cells_fini(cells_out);
    }
    return status;
}

/* ---- text ---- */

static bool is_copy_of_job(const swp_column *column)
{
    return column->role == SWP_ROLE_JOB && column->index > 0;
}

/* What is done with a cell of a group; title: the full name of a parameter, else the column's. */
typedef void visit_cell(void *ctx, const char *title, const swp_cells *cell);

static ws_status visit_group(const swp_result_table *results, size_t row, const char *group,
                             visit_cell *visit, void *ctx, ws_error *err)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    const swp_layout  *layout  = swp_reader_layout(results->reader);
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        swp_cells         cell;
        if (strcmp(column->group, group) != 0 || is_copy_of_job(column)) {
            continue;
        }
        WS_TRY(read_cell(results, row, column, err, &cell));
        visit(ctx, column->role == SWP_ROLE_PARAM ? layout->params[column->index].long_name : column->name,
              &cell);
        swp_cells_fini(&cell);
    }
    return WS_OK;
}

static void print_cell(void *ctx, const char *title, const swp_cells *cell)
{
    char text[SWP_CELL_TEXT];
    (void)ctx;
    swp_cells_text(cell, 0, 7, text);
    if (text[0] != '\0') {
        const bool has_unit = cell->unit[0] != '\0' && strcmp(cell->unit, "1") != 0;
        swp_print("  %-28s %s%s%s\n", title, text, has_unit ? " " : "", has_unit ? cell->unit : "");
    }
}

static ws_status print_group(const swp_result_table *results, size_t row, const char *group,
                             const char *title, ws_error *err)
{
    printf("%s\n", title);
    return visit_group(results, row, group, print_cell, NULL, err);
}

/* A component, and what it drew in each phase, where the file says so. */
static void print_component(const char *name, double component_j, double total_j, const double *phase_j)
{
    printf("  %-28s %14.3f J %5.1f%%", name, component_j,
           total_j > 0.0 ? 100.0 * component_j / total_j : 0.0);
    for (int p = 0; !isnan(phase_j[0]) && p < WS_PHASE_COUNT; p++) {
        printf(" %14.3f J", phase_j[p]);
    }
    printf("\n");
}

static void print_node_energy(const double *component_j, const double *phase_j, size_t node, size_t n_nodes)
{
    double total_j = 0.0, phase_total_j[WS_PHASE_COUNT] = {0.0};
    bool   known = false;
    for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
        known = known || !isnan(component_j[c]);
        total_j += isnan(component_j[c]) ? 0.0 : component_j[c];
        for (int p = 0; p < WS_PHASE_COUNT; p++) {
            phase_total_j[p] += phase_j[c * WS_PHASE_COUNT + p];
        }
    }
    if (!known) {
        return;
    }
    if (n_nodes > 1) {
        printf("  node %zu\n", node);
    }
    for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
        if (component_j[c] > 0.0) {
            print_component(ws_component_name((ws_component)c), component_j[c], total_j,
                            phase_j + c * WS_PHASE_COUNT);
        }
    }
    print_component("total", total_j, total_j, phase_total_j);
}

static bool is_any_known(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i])) {
            return true;
        }
    }
    return false;
}

static void print_energy_heading(bool has_phases)
{
    printf("energy");
    for (int p = 0; has_phases && p < WS_PHASE_COUNT; p++) {
        printf("%*s", p == 0 ? 63 : 17, ws_phase_name((ws_phase)p));
    }
    printf("\n");
}

static ws_status print_energy(const swp_result_table *results, size_t row, ws_error *err)
{
    const swp_columns *columns   = swp_reader_columns(results->reader);
    const swp_column  *component = swp_columns_find(columns, SWP_ROLE_COMPONENT_J, 0);
    const swp_column  *phase     = swp_columns_find(columns, SWP_ROLE_PHASE_J, 0);
    const size_t       n_nodes   = swp_reader_layout(results->reader)->max_nodes;
    swp_cells          components, phases;

    WS_TRY(read_cell(results, row, component, err, &components));
    const ws_status status = read_cell(results, row, phase, err, &phases);
    if (status == WS_OK) {
        const double *component_j = (const double *)(const void *)components.data;
        const double *phase_j     = (const double *)(const void *)phases.data;
        if (is_any_known(component_j, n_nodes * WS_COMPONENT_COUNT)) {
            print_energy_heading(swp_reader_has(results->reader, phase));
        }
        for (size_t node = 0; node < n_nodes; node++) {
            print_node_energy(component_j + node * WS_COMPONENT_COUNT,
                              phase_j + node * WS_COMPONENT_COUNT * WS_PHASE_COUNT, node, n_nodes);
        }
        swp_cells_fini(&phases);
    }
    swp_cells_fini(&components);
    return status;
}

static ws_status print_series(const swp_result_table *results, size_t row, ws_series_column which,
                              ws_error *err)
{
    const swp_column *column =
        swp_columns_find(swp_reader_columns(results->reader), SWP_ROLE_SERIES, (size_t)which);
    ws_strbuf line   = WS_STRBUF_INIT;
    double   *values = NULL;
    size_t    n      = 0;

    WS_TRY(swp_result_table_read_ragged(results, row, column, err, &values, &n));
    double most = 0.0;
    for (size_t i = 0; i < n; i++) {
        most = values[i] > most ? values[i] : most;
    }
    if (n > 0 && !is_any_known(values, n)) {
        printf("%s: not tracked\n", column->name);
    } else if (n > 0) {
        swp_sparkline(&line, values, n, SPARKLINE_WIDTH);
        printf("%s, 0 to %.5g %s, %zu samples\n  %s\n", column->name, most, column->unit, n,
               ws_strbuf_text(&line));
    }
    ws_strbuf_fini(&line);
    free(values);
    return WS_OK;
}

/* Whether the job meets the sweep's SLO, or what of it it breaks. */
static ws_status print_slo(const swp_result_table *results, size_t row, ws_error *err)
{
    const ws_slo       slo     = swp_file_slo(swp_reader_layout(results->reader)->spec_json);
    const swp_columns *columns = swp_reader_columns(results->reader);
    double             metrics[WS_METRIC_COUNT];
    for (size_t m = 0; m < WS_METRIC_COUNT; m++) {
        swp_cells cells = {.n = 0};
        WS_TRY(read_cell(results, row, swp_columns_find(columns, SWP_ROLE_METRIC, m), err, &cells));
        metrics[m] = swp_cells_number(&cells, 0);
        swp_cells_fini(&cells);
    }
    if (ws_slo_is_set(&slo) && !isnan(metrics[WS_METRIC_SLO_MET])) {
        ws_strbuf broken = WS_STRBUF_INIT;
        ws_slo_put_broken(&slo, metrics, &broken);
        printf("SLO: %s%s\n", broken.len > 0 ? "missed, " : "met", ws_strbuf_text(&broken));
        ws_strbuf_fini(&broken);
    }
    return WS_OK;
}

static ws_status print_text(const swp_result_table *results, size_t row, ws_series_column which,
                            ws_error *err)
{
    WS_TRY(print_group(results, row, "", "job", err));
    WS_TRY(print_group(results, row, "params", "parameters", err));
    WS_TRY(print_group(results, row, "metrics", "metrics", err));
    WS_TRY(print_slo(results, row, err));
    WS_TRY(print_energy(results, row, err));
    if (swp_reader_layout(results->reader)->has_series) {
        WS_TRY(print_series(results, row, which, err));
    }
    return print_group(results, row, "provenance", "provenance", err);
}

/* ---- JSON ---- */

static void put_cell(ws_json_writer *w, const swp_cells *cells)
{
    const swp_column *column = cells->column;
    char              text[SWP_CELL_TEXT];

    if (column->inner != SWP_INNER_NONE && column->inner != SWP_INNER_TEXT) {
        ws_json_put_doubles(w, (const double *)(const void *)cells->data, column->inner_count, 1);
    } else if (swp_cells_is_text(cells)) {
        ws_json_put_string(w, swp_cells_text(cells, 0, 0, text));
    } else if (column->role == SWP_ROLE_PARAM && column->n_flags > 0) {
        ws_json_put_bool(w, swp_cells_number(cells, 0) != 0.0);
    } else if (column->type == SWP_TYPE_F64 || isnan(swp_cells_number(cells, 0))) {
        ws_json_put_double(w, swp_cells_number(cells, 0));
    } else {
        ws_json_put_int(w, strtoll(swp_cells_text(cells, 0, 0, text), NULL, 10));
    }
}

static void put_member(void *ctx, const char *title, const swp_cells *cell)
{
    ws_json_writer *w = ctx;
    ws_json_put_key(w, title);
    put_cell(w, cell);
}

static ws_status put_group(const swp_result_table *results, size_t row, const char *group, ws_error *err,
                           ws_json_writer *w)
{
    return visit_group(results, row, group, put_member, w, err);
}

static ws_status put_series(const swp_result_table *results, size_t row, ws_error *err, ws_json_writer *w)
{
    for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
        const swp_column *column = swp_columns_find(swp_reader_columns(results->reader), SWP_ROLE_SERIES, s);
        double           *values = NULL;
        size_t            n      = 0;
        WS_TRY(swp_result_table_read_ragged(results, row, column, err, &values, &n));
        ws_json_put_key(w, column->name);
        ws_json_put_doubles(w, values, n, 1);
        free(values);
    }
    return WS_OK;
}

static ws_status put_section(const swp_result_table *results, size_t row, const char *group, ws_error *err,
                             ws_json_writer *w)
{
    ws_json_put_key(w, group);
    ws_json_begin_object(w);
    const ws_status status = strcmp(group, "timeseries") == 0 ? put_series(results, row, err, w)
                                                              : put_group(results, row, group, err, w);
    ws_json_end_object(w);
    return status;
}

static ws_status print_json(const swp_result_table *results, size_t row, ws_error *err)
{
    static const char *const sections[] = {"params", "metrics", "energy", "provenance", "timeseries"};
    const bool               has_series = swp_reader_layout(results->reader)->has_series;
    ws_strbuf                text       = WS_STRBUF_INIT;
    ws_json_writer           w;

    ws_json_writer_init(&w, &text, 2);
    ws_json_begin_object(&w);
    ws_status status = put_group(results, row, "", err, &w);
    for (size_t i = 0; i < 4 + (size_t)has_series && status == WS_OK; i++) {
        status = put_section(results, row, sections[i], err, &w);
    }
    ws_json_end_object(&w);
    if (status == WS_OK && text.failed) {
        status = ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    } else if (status == WS_OK) {
        printf("%s\n", ws_strbuf_text(&text));
    }
    ws_strbuf_fini(&text);
    return status;
}

/* ---- the command ---- */

static ws_status parse_series(const char *name, ws_error *err, ws_series_column *out)
{
    for (int s = 0; s < WS_SERIES_COUNT; s++) {
        if (strcmp(ws_series_name((ws_series_column)s), name) == 0) {
            *out = (ws_series_column)s;
            return WS_OK;
        }
    }
    return ws_error_add(err, WS_ERR_INPUT,
                        "--series: no series \"%s\"; expected power_w, running, npu_mem_gb ...", name);
}

typedef struct show_options {
    const char *file, *series, *export_dir;
    int64_t     job;
    bool        as_json;
} show_options;

static ws_status show_row(const swp_result_table *results, const show_options *options,
                          ws_series_column series, ws_error *err)
{
    size_t row = 0;
    WS_TRY(find_job(results, options->job, err, &row));
    if (options->export_dir != NULL) {
        return swp_job_export(swp_reader_layout(results->reader)->spec_json, options->file, options->job,
                              options->export_dir, err);
    }
    return options->as_json ? print_json(results, row, err) : print_text(results, row, series, err);
}

static ws_status show(void *of_command, ws_error *err)
{
    const show_options *options = of_command;
    swp_result_table    results;
    ws_series_column    series = WS_SERIES_POWER_W;
    WS_TRY(parse_series(options->series, err, &series));
    ws_status status = swp_result_table_open(options->file, err, &results);
    if (status == WS_OK) {
        status = show_row(&results, options, series, err);
    }
    swp_result_table_close(&results);
    return status;
}

static const ws_arg args[] = {
    {.name        = "job",
     .short_name  = "j",
     .kind        = WS_ARG_INT,
     .offset      = offsetof(show_options, job),
     .min         = 0,
     .max         = INFINITY,
     .help        = "which job (required)",
     .is_required = true},
    {.name         = "series",
     .kind         = WS_ARG_TEXT,
     .offset       = offsetof(show_options, series),
     .value        = "NAME",
     .help         = "draw this time series",
     .default_text = "power_w"},
    {.name   = "export",
     .kind   = WS_ARG_FILE,
     .offset = offsetof(show_options, export_dir),
     .value  = "DIR",
     .help   = "write the job's cluster config, workload and wattsim arguments there"},
    {.name   = "json",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(show_options, as_json),
     .help   = "everything as JSON, time series included"},
};

int swp_cmd_show(int argc, char **argv)
{
    show_options           options = {.series = "power_w"};
    const ws_arg_section   section = {NULL, args, sizeof(args) / sizeof(args[0]), &options};
    const swp_file_command command = {
        .program    = "wattsweep show",
        .usage      = "FILE --job N [--json]",
        .about      = "One job: parameters, metrics, energy by node, component and phase, power "
                      "over time; or its inputs\n"
                      "as files.\n"
                      "Exit code: 0; 2 bad option, or no row of that job; 3 file cannot be read.",
        .sections   = &section,
        .n_sections = 1,
        .files      = &options.file,
        .n_files    = 1,
        .file_names = "FILE",
        .run        = show,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}
