/* wattsweep info, wattsweep status: what a file holds and how far its sweep is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/state_counts.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "cli/file_command.h"

/* ---- status ---- */

static void print_status_json(const swp_state_counts *counts)
{
    printf("{\"complete\": %s, \"running\": %s, \"jobs\": %lld", counts->is_complete ? "true" : "false",
           counts->is_written_now ? "true" : "false", (long long)counts->n_jobs);
    for (int state = 0; state < SWP_STATE_COUNT; state++) {
        if (state != SWP_STATE_RUNNING) {
            printf(", \"%s\": %lld", swp_job_state_name((swp_job_state)state),
                   (long long)counts->n_state[state]);
        }
    }
    printf(", \"by_constraints\": %lld, \"failures\": %lld}\n", (long long)counts->n_excluded,
           (long long)swp_state_counts_n_failures(counts));
}

typedef struct status_options {
    const char *file;
    bool        as_json, is_quiet, is_quick;

    swp_state_counts counts; /* what was found */
} status_options;

static void print_status(const status_options *options)
{
    if (options->as_json) {
        print_status_json(&options->counts);
    } else if (!options->is_quiet) {
        char *text = swp_state_counts_text(&options->counts);
        printf("%s: %s\n", options->file, text == NULL ? "out of memory" : text);
        free(text);
    }
}

static ws_status take_status(const swp_result_table *results, status_options *options, ws_error *err)
{
    WS_TRY(swp_state_counts_take(results, err, &options->counts));
    const bool reads_all = !options->is_quick && swp_reader_kind(results->reader) == SWP_FILE_PLAIN;
    WS_TRY(swp_reader_check(results->reader, reads_all, err));
    print_status(options);
    return WS_OK;
}

static ws_status read_status(void *of_command, ws_error *err)
{
    status_options  *options = of_command;
    swp_result_table results;
    ws_status        status = swp_result_table_open(options->file, err, &results);
    if (status == WS_OK) {
        status = take_status(&results, options, err);
    }
    swp_result_table_close(&results);
    return status;
}

static const ws_arg status_args[] = {
    {.name   = "json",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(status_options, as_json),
     .help   = "counts by state as one JSON object"},
    {.name       = "quiet",
     .short_name = "q",
     .kind       = WS_ARG_FLAG,
     .offset     = offsetof(status_options, is_quiet),
     .help       = "only the exit code"},
    {.name   = "quick",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(status_options, is_quick),
     .help   = "look at lengths only, do not read every column"},
};

static int status_exit_code(const void *of_command)
{
    const status_options *options = of_command;
    return swp_state_counts_exit_code(&options->counts);
}

int swp_cmd_status(int argc, char **argv)
{
    status_options         options = {.file = NULL};
    const ws_arg_section   section = {NULL, status_args, sizeof(status_args) / sizeof(status_args[0]),
                                      &options};
    const swp_file_command command = {
        .program = "wattsweep status",
        .usage   = "FILE [--json | --quiet] [--quick]",
        .about = "How far a sweep is, for people and scripts. mpirun's own exit code is not reliable after\n"
                 "failures; this one is. A closed file is read to its end: columns that are lost or whose\n"
                 "checksums do not agree are named.\n"
                 "Exit code: 0 complete; 1 complete, but some jobs have no result: failed, timed out, or\n"
                 "infeasible without a constraint that says so; 3 damaged or unreadable; 75 not complete:\n"
                 "resume it (or it is still running).",
        .sections   = &section,
        .n_sections = 1,
        .files      = &options.file,
        .n_files    = 1,
        .file_names = "FILE",
        .run        = read_status,
        .exit_code  = status_exit_code,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}

/* ---- info ---- */

static size_t count_distinct(const swp_cells *cells, size_t limit)
{
    const size_t size = cells->column->row_bytes;
    size_t      *seen = malloc((limit + 1) * sizeof(seen[0])); /* rows of the values found */
    size_t       n    = 0;

    for (size_t row = 0; seen != NULL && row < cells->n && n <= limit; row++) {
        bool known = false;
        for (size_t i = 0; i < n && !known; i++) {
            known = memcmp(cells->data + row * size, cells->data + seen[i] * size, size) == 0;
        }
        if (!known) {
            seen[n++] = row;
        }
    }
    free(seen);
    return n;
}

#define DISTINCT_LIMIT 1000 /* counting values is quadratic; more than this many are "more than" */

static void print_count(size_t n_values)
{
    if (n_values > DISTINCT_LIMIT) {
        printf("more than %d values", DISTINCT_LIMIT);
    } else {
        printf("%zu value%s", n_values, n_values == 1 ? "" : "s");
    }
}

static void print_range(const swp_cells *cells, double least, double most)
{
    swp_print(", %.6g to %.6g", least, most);
    if (strcmp(cells->unit, "1") != 0) {
        swp_print(" %s", cells->unit);
    }
}

static void print_param(const swp_cells *cells)
{
    const size_t n_values = count_distinct(cells, DISTINCT_LIMIT);
    double       least = INFINITY, most = -INFINITY;
    char         first[SWP_CELL_TEXT];

    swp_print("  %-32s ", cells->name);
    print_count(n_values);
    for (size_t row = 0; row < cells->n; row++) {
        const double value = swp_cells_number(cells, row);
        least              = value < least ? value : least;
        most               = value > most ? value : most;
    }
    if (least <= most && n_values > 1) {
        print_range(cells, least, most);
    } else if (cells->n > 0) {
        swp_print(", %s%s", n_values > 1 ? "first " : "", swp_cells_text(cells, 0, 6, first));
    }
    printf("\n");
}

/* The repeats by their seeds; other points have the same ones unless the seed is swept. */
static ws_status print_repeats(const swp_result_table *results, ws_error *err)
{
    swp_cells repeat = {.n = 0}, seed = {.n = 0};
    ws_status status = swp_result_table_read(results, "repeat", err, &repeat);
    if (status == WS_OK) {
        status = swp_result_table_read(results, "seed", err, &seed);
    }
    double last = -1.0;
    for (size_t row = 0; status == WS_OK && row < results->n && swp_cells_number(&repeat, row) > last;
         row++) {
        char text[SWP_CELL_TEXT];
        last = swp_cells_number(&repeat, row);
        printf("%s%s", row == 0 ? "seeds of the first point: " : ", ", swp_cells_text(&seed, row, 0, text));
    }
    printf("%s", last >= 0.0 ? "\n" : "");
    swp_cells_fini(&seed);
    swp_cells_fini(&repeat);
    return status;
}

static ws_status print_params(const swp_result_table *results, ws_error *err)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    const size_t       n       = swp_reader_layout(results->reader)->n_params;

    printf("parameters:\n");
    for (size_t k = 0; k < n; k++) {
        swp_cells cells;
        WS_TRY(
            swp_result_table_read_column(results, swp_columns_find(columns, SWP_ROLE_PARAM, k), err, &cells));
        print_param(&cells);
        swp_cells_fini(&cells);
    }
    return WS_OK;
}

/* Whether "a, b, c" has a name. */
static bool lists_name(const char *list, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ',')) {
            return true;
        }
    }
    return false;
}

/* Where the jobs ran, each host once, in the order of the first job. */
static ws_status print_hosts(const swp_result_table *results, ws_error *err)
{
    swp_cells host;
    ws_strbuf names = WS_STRBUF_INIT;
    char      text[SWP_CELL_TEXT];
    char      last[SWP_CELL_TEXT] = "";
    WS_TRY(swp_result_table_read(results, "host", err, &host));
    for (size_t row = 0; row < host.n; row++) {
        swp_cells_text(&host, row, 0, text);
        if (text[0] != '\0' && strcmp(text, last) != 0 && !lists_name(ws_strbuf_text(&names), text)) {
            ws_strbuf_printf(&names, "%s%s", names.len > 0 ? ", " : "", text);
        }
        memcpy(last, text, sizeof(last));
    }
    swp_print("hosts of the jobs: %s\n", names.len > 0 ? ws_strbuf_text(&names) : "none yet");
    ws_strbuf_fini(&names);
    swp_cells_fini(&host);
    return WS_OK;
}

static void print_axes(const swp_result_table *results)
{
    const swp_layout *layout = swp_reader_layout(results->reader);
    printf("nodes:       up to %zu\n", layout->max_nodes);
    printf("time series: %s\n", layout->has_series ? "yes" : "no");
    printf("requests:    %s\n", layout->has_requests ? "yes" : "no");
}

static ws_status print_info(const swp_result_table *results, bool with_spec, ws_error *err)
{
    const swp_layout *layout = swp_reader_layout(results->reader);
    struct stat       about;
    swp_state_counts  counts;

    if (with_spec) {
        swp_print("%s\n", layout->spec_json);
        return WS_OK;
    }
    WS_TRY(swp_state_counts_take(results, err, &counts));
    char *text = swp_state_counts_text(&counts);
    swp_print("title:       %s\n", layout->title);
    printf("status:      %s\n", text == NULL ? "out of memory" : text);
    free(text);
    swp_print("file:        %s, %s", swp_reader_path(results->reader),
              swp_reader_kind(results->reader) == SWP_FILE_LIVE
                  ? "live (SWMR): other tools open it after `wattsweep recover`, not h5clear"
                  : "closed");
    if (stat(swp_reader_path(results->reader), &about) == 0) {
        printf(", %.1f MB", (double)about.st_size / 1e6);
    }
    swp_print("\nspec sha256: %s\n", layout->spec_sha256);
    if (layout->n_jobs_all != layout->n_jobs) {
        printf("slice:       %lld of the sweep's %lld jobs\n", (long long)layout->n_jobs,
               (long long)layout->n_jobs_all);
    }
    print_axes(results);
    for (size_t i = 0; i < layout->n_attributes; i++) {
        swp_print("%s: %s\n", layout->attributes[i].name, layout->attributes[i].text);
    }
    WS_TRY(print_hosts(results, err));
    WS_TRY(print_repeats(results, err));
    WS_TRY(print_params(results, err));
    swp_print("history:\n%s\n", swp_reader_history(results->reader));
    return WS_OK;
}

typedef struct info_options {
    const char *file;
    bool        only_spec;
} info_options;

static ws_status info(void *of_command, ws_error *err)
{
    const info_options *options = of_command;
    swp_result_table    results;
    ws_status           status = swp_result_table_open(options->file, err, &results);
    if (status == WS_OK) {
        status = print_info(&results, options->only_spec, err);
    }
    swp_result_table_close(&results);
    return status;
}

static const ws_arg info_args[] = {
    {.name   = "spec",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(info_options, only_spec),
     .help   = "print the spec stored in the file (JSON), nothing else"},
};

int swp_cmd_info(int argc, char **argv)
{
    info_options           options = {.file = NULL};
    const ws_arg_section   section = {NULL, info_args, sizeof(info_args) / sizeof(info_args[0]), &options};
    const swp_file_command command = {
        .program    = "wattsweep info",
        .usage      = "FILE [--spec]",
        .about      = "What a result file holds: the sweep, its state, parameters, where it came from.\n"
                      "Exit code: 0; 2 bad option; 3 file cannot be read.",
        .sections   = &section,
        .n_sections = 1,
        .files      = &options.file,
        .n_files    = 1,
        .file_names = "FILE",
        .run        = info,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}
