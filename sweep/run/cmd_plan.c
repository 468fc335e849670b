#include "run/cmd_plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/units.h"
#include "cli/commands.h"
#include "job/prefetch.h"
#include "result/statistics.h"
#include "run/job_check.h"
#include "run/probe.h"

/* How long all jobs are looked at, s: some thousands. */
#define CHECK_LIMIT_S 5.0

/* ---- as a table ---- */

/* The first and last few values, so that an axis of a thousand fits a line. */
static void print_values(const swp_parameter *param)
{
    for (size_t i = 0; i < param->n_values; i++) {
        if (param->n_values > 8 && i == 5) {
            printf(" ...");
            i = param->n_values - 2;
        }
        printf("%s%s", i == 0 ? "" : ", ", param->values[i].label);
    }
    printf("\n");
}

static void print_axes(const swp_spec *spec)
{
    printf("%-4s %-36s %8s  %s\n", "axis", "parameter", "values", "");
    for (size_t i = 0; i < spec->n_axes; i++) {
        const swp_spec_axis *axis = &spec->axes[i];
        for (size_t k = 0; k < axis->n_params; k++) {
            const swp_parameter *param = &spec->params[axis->first_param + k];
            if (k == 0) {
                printf("%-4zu %-36s %8zu  ", i, param->name, param->n_values);
            } else {
                printf("%-4s %-36s %8s  ", " +", param->name, "");
            }
            print_values(param);
        }
    }
}

static void print_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t                   k       = 0;
    while (bytes >= 1000.0 && k < 4) {
        bytes /= 1000.0;
        k++;
    }
    printf("%.3g %s", bytes, units[k]);
}

/* With which seeds, and how wide the intervals of their means will be. */
static void print_repeats(const swp_spec *spec)
{
    if (spec->repeats == 1) {
        return;
    }
    printf("seeds     ");
    for (uint32_t r = 0; r < (uint32_t)spec->repeats && r < 4; r++) {
        printf("%s%" PRId64, r > 0 ? ", " : "", swp_repeat_seed(spec->seed, r));
    }
    printf("%s; a mean's 95%% interval is +-%.3g standard deviations of the repeats\n",
           spec->repeats > 4 ? ", ..." : "",
           swp_student_t95((size_t)spec->repeats - 1) / sqrt((double)spec->repeats));
}

/* Every reason why jobs cannot run, with the number of jobs and one of them. */
static void print_problems(const swp_job_check *check)
{
    if (check->n_failed > 0) {
        printf("fail      %" PRIu64 " of %" PRIu64 " jobs cannot run\n", check->n_failed, check->n_checked);
    }
    for (size_t i = 0; i < check->n_problems; i++) {
        const swp_job_problem *problem = &check->problems[i];
        printf("          %" PRIu64 " such as job %" PRIu64 ":\n", problem->n_jobs, problem->first_job);
        for (const char *line = problem->text; *line != '\0';) {
            const size_t len = strcspn(line, "\n");
            printf("            %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
    }
    if (check->n_other > 0) {
        printf("          %" PRIu64 " for other reasons\n", check->n_other);
    }
    if (check->is_cut) {
        printf("note      only the first %" PRIu64 " jobs were looked at: the time of a plan was up\n",
               check->n_checked);
    }
}

static double file_bytes(const swp_probe *probe, const swp_census *census)
{
    return SWP_EMPTY_FILE_BYTES + probe->row_bytes * (double)census->n_jobs;
}

static void print_table(const swp_sweep_inputs *in, const swp_census *census, const swp_probe *probe,
                        const swp_job_check *check)
{
    const swp_spec  *spec  = in->spec;
    const swp_space *space = swp_builder_space(in->builder);
    printf("sweep     %s\n", spec->name);
    printf("cluster   %s\n", swp_builder_cluster_path(in->builder));
    if (swp_builder_dataset_path(in->builder) != NULL) {
        printf("dataset   %s\n", swp_builder_dataset_path(in->builder));
    }
    printf("\n");
    print_axes(spec);
    printf("\nsampling  %s: %" PRIu64 " of %" PRIu64 " grid points, %" PRId64 " repeat%s\n",
           swp_sampling_name(spec->sampling), space->n_points, space->n_grid, spec->repeats,
           spec->repeats == 1 ? "" : "s");
    print_repeats(spec);
    printf("jobs      %" PRIu64 "\n", census->n_jobs);
    printf("pruned    %" PRIu64 "\n", census->n_pruned);
    for (size_t i = 0; i < spec->n_constraints; i++) {
        printf("          %" PRIu64 " do not meet %s\n", census->pruned_by[i], spec->constraints[i].text);
        if (census->unknown_by[i] > 0) {
            printf("          %" PRIu64 " are kept since it cannot be evaluated there\n",
                   census->unknown_by[i]);
        }
    }
    if (probe != NULL && probe->n_worked > 0) {
        printf("estimate  %.3g core-seconds (%.3g ms a job, from %zu tried), ",
               probe->job_wall_s * (double)census->n_jobs, probe->job_wall_s * 1e3, probe->n_worked);
        print_bytes(file_bytes(probe, census));
        printf(" uncompressed\n");
    }
    if (check != NULL) {
        print_problems(check);
    }
    if (probe != NULL && probe->problem[0] != '\0' && (check == NULL || check->n_failed == 0)) {
        printf("note      %zu of %zu tried did not work: %s\n", probe->n_tried - probe->n_worked,
               probe->n_tried, probe->problem);
    }
}

/* ---- as JSON ---- */

static void put_count(ws_json_writer *w, const char *key, uint64_t n)
{
    ws_json_put_key(w, key);
    ws_json_put_int(w, (int64_t)n);
}

static void put_axes(ws_json_writer *w, const swp_spec *spec)
{
    ws_json_put_key(w, "axes");
    ws_json_begin_array(w);
    for (size_t i = 0; i < spec->n_axes; i++) {
        ws_json_begin_object(w);
        for (size_t k = 0; k < spec->axes[i].n_params; k++) {
            const swp_parameter *param = &spec->params[spec->axes[i].first_param + k];
            ws_json_put_key(w, param->name);
            ws_json_begin_array(w);
            for (size_t v = 0; v < param->n_values; v++) {
                if (param->kind == SWP_PARAM_TEXT) {
                    ws_json_put_string(w, param->values[v].label);
                } else {
                    ws_json_put_double(w, param->values[v].number);
                }
            }
            ws_json_end_array(w);
        }
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

static void put_pruned(ws_json_writer *w, const swp_spec *spec, const swp_census *census)
{
    ws_json_put_key(w, "pruned_by");
    ws_json_begin_array(w);
    for (size_t i = 0; i < spec->n_constraints; i++) {
        ws_json_begin_object(w);
        ws_json_put_key(w, "constraint");
        ws_json_put_string(w, spec->constraints[i].text);
        put_count(w, "n_jobs", census->pruned_by[i]);
        put_count(w, "n_unknown", census->unknown_by[i]);
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

static void put_problems(ws_json_writer *w, const swp_job_check *check)
{
    put_count(w, "n_checked", check->n_checked);
    put_count(w, "n_cannot_run", check->n_failed);
    ws_json_put_key(w, "problems");
    ws_json_begin_array(w);
    for (size_t i = 0; i < check->n_problems; i++) {
        ws_json_begin_object(w);
        ws_json_put_key(w, "problem");
        ws_json_put_string(w, check->problems[i].text);
        put_count(w, "n_jobs", check->problems[i].n_jobs);
        put_count(w, "first_job", check->problems[i].first_job);
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

static ws_status print_json(const swp_sweep_inputs *in, const swp_census *census, const swp_probe *probe,
                            const swp_job_check *check)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 2);
    ws_json_begin_object(&w);
    ws_json_put_key(&w, "name");
    ws_json_put_string(&w, in->spec->name);
    ws_json_put_key(&w, "sampling");
    ws_json_put_string(&w, swp_sampling_name(in->spec->sampling));
    put_count(&w, "n_grid", swp_builder_space(in->builder)->n_grid);
    put_count(&w, "n_points", swp_builder_space(in->builder)->n_points);
    put_count(&w, "repeats", (uint64_t)in->spec->repeats);
    put_count(&w, "n_jobs", census->n_jobs);
    put_count(&w, "n_pruned", census->n_pruned);
    put_pruned(&w, in->spec, census);
    put_axes(&w, in->spec);
    if (probe != NULL) {
        ws_json_put_key(&w, "estimated_core_s");
        ws_json_put_double(&w, probe->job_wall_s * (double)census->n_jobs);
        ws_json_put_key(&w, "estimated_file_bytes");
        ws_json_put_double(&w, file_bytes(probe, census));
    }
    if (check != NULL) {
        put_problems(&w, check);
    }
    ws_json_end_object(&w);
    const ws_status status = text.failed ? WS_ERR_NOMEM : WS_OK;
    if (status == WS_OK) {
        puts(ws_strbuf_text(&text));
    }
    ws_strbuf_fini(&text);
    return status;
}

/* ---- every job ---- */

static ws_status print_list(swp_sweep_inputs *in)
{
    const swp_spec *spec        = in->spec;
    uint32_t       *value_index = calloc(spec->n_params + 1, sizeof(*value_index));
    if (value_index == NULL) {
        return WS_ERR_NOMEM;
    }
    printf("job\trepeat");
    for (size_t i = 0; i < spec->n_params; i++) {
        printf("\t%s", spec->params[i].name);
    }
    printf("\tpruned_by\n");
    for (uint64_t job = in->slice.begin; job < in->slice.end && ferror(stdout) == 0; job++) {
        swp_space_point(swp_builder_space(in->builder), job, value_index);
        const size_t unmet = swp_constraints_check(in->constraints, job, value_index);
        printf("%" PRIu64 "\t%" PRIu32, job, swp_space_repeat(swp_builder_space(in->builder), job));
        for (size_t i = 0; i < spec->n_params; i++) {
            printf("\t%s", spec->params[i].values[value_index[i]].label);
        }
        printf("\t%s\n", unmet == SWP_MEETS_ALL ? "" : spec->constraints[unmet].text);
    }
    free(value_index);
    return WS_OK;
}

/* ---- the command ---- */

static ws_status read_files(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    swp_prefetch found;
    WS_TRY(swp_sweep_inputs_read(options, err, in));
    const ws_status status = swp_prefetch_inputs(in->builder, err, &found);
    if (status == WS_OK) {
        swp_prefetch_say(&found, SIZE_MAX);
    }
    swp_prefetch_fini(&found);
    return status;
}

static ws_status plan(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    swp_census    census = {0};
    swp_probe     probe  = {0};
    swp_job_check check  = {.n_problems = 0};
    WS_TRY(read_files(options, err, in));
    if (options->as_list) {
        return print_list(in);
    }
    ws_status status = swp_census_take(in->builder, in->constraints, in->slice, &census);
    if (status == WS_OK && !options->no_probe) {
        status = swp_job_check_take(in, CHECK_LIMIT_S, &check);
    }
    if (status == WS_OK && !options->no_probe) {
        status = swp_probe_points(in, options->memory_bytes, &probe);
    }
    if (status == WS_OK && options->as_json) {
        status =
            print_json(in, &census, options->no_probe ? NULL : &probe, options->no_probe ? NULL : &check);
    } else if (status == WS_OK) {
        print_table(in, &census, options->no_probe ? NULL : &probe, options->no_probe ? NULL : &check);
    }
    swp_job_check_fini(&check);
    swp_census_fini(&census);
    return status;
}

int swp_cmd_plan(int argc, char **argv)
{
    swp_run_options  options;
    swp_sweep_inputs in     = {0};
    ws_error         err    = WS_ERROR_INIT;
    ws_status        status = swp_run_options_parse(SWP_COMMAND_PLAN, argc, argv, &err, &options);
    if (status == WS_OK && options.wants_help) {
        swp_run_options_help(SWP_COMMAND_PLAN);
    } else if (status == WS_OK) {
        status = plan(&options, &err, &in);
    }
    if (status != WS_OK) {
        fprintf(stderr, "%s\n", err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    swp_sweep_inputs_fini(&in);
    ws_error_clear(&err);
    return ws_exit_code(status);
}
