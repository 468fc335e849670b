#include "job/prefetch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/effects.h"
#include "job/job_hash.h"

enum { MAX_COMBINATIONS = 1000 };

/* Can it change which files are read? Numbers of options, pointers and generators cannot. */
static bool changes_files(const swp_parameter *param)
{
    if (param->target == SWP_TARGET_POINTER) {
        return param->kind == SWP_PARAM_TEXT;
    }
    return param->target != SWP_TARGET_NUM_INSTANCES && swp_param_is_structural(param);
}

static bool axis_changes_files(const swp_spec *spec, const swp_spec_axis *axis)
{
    for (size_t k = 0; k < axis->n_params; k++) {
        if (changes_files(&spec->params[axis->first_param + k])) {
            return true;
        }
    }
    return false;
}

/* Step the odometer over the axes that matter; false after the last combination. */
static bool next_combination(const swp_spec *spec, uint32_t *value_index)
{
    for (size_t i = spec->n_axes; i-- > 0;) {
        const swp_spec_axis *axis = &spec->axes[i];
        if (!axis_changes_files(spec, axis)) {
            continue;
        }
        const uint32_t next  = value_index[axis->first_param] + 1;
        const bool     carry = next == axis->n_values;
        for (size_t k = 0; k < axis->n_params; k++) {
            value_index[axis->first_param + k] = carry ? 0 : next;
        }
        if (!carry) {
            return true;
        }
    }
    return false;
}

/* ---- notes ---- */

static bool has_line(const char *lines, const char *line, size_t len)
{
    for (; lines[0] != '\0'; lines += strcspn(lines, "\n") + 1) { /* every line ends in one */
        if (strcspn(lines, "\n") == len && memcmp(lines, line, len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_notes(const char *notes, ws_strbuf *out)
{
    for (size_t len = strcspn(notes, "\n"); len > 0; len = strcspn(notes, "\n")) {
        if (!has_line(ws_strbuf_text(out), notes, len)) {
            ws_strbuf_append(out, notes, len);
            ws_strbuf_puts(out, "\n");
        }
        notes += len + (notes[len] == '\n');
    }
}

static void say_lines(const char *note, size_t n_most)
{
    for (size_t n = 0; note[0] != '\0'; n++) {
        const int len = (int)strcspn(note, "\n");
        if (n == n_most) {
            fprintf(stderr, "wattsweep: note: ... and more; `wattsweep plan` lists all\n");
            return;
        }
        fprintf(stderr, "wattsweep: note: %.*s\n", len, note);
        note += len + 1;
    }
}

void swp_prefetch_say(const swp_prefetch *prefetch, size_t n_most)
{
    say_lines(ws_strbuf_text(&prefetch->effects), n_most);
    say_lines(ws_strbuf_text(&prefetch->notes), n_most);
}

void swp_prefetch_fini(swp_prefetch *prefetch)
{
    ws_strbuf_fini(&prefetch->notes);
    ws_strbuf_fini(&prefetch->effects);
}

/* ---- the combinations ---- */

/* Once more, for its problems: only the first one that fails tells them. */
static void tell_problems(swp_job *job, ws_error *err)
{
    ws_scenario *scenario = NULL;
    if (swp_job_scenario(job, err, &scenario) == WS_OK) {
        ws_scenario_destroy(&scenario);
    }
}

static ws_status look_at(swp_job *job, ws_error *err, swp_prefetch *out)
{
    ws_scenario      *scenario = NULL;
    swp_cluster_facts facts;
    const ws_status   status = swp_job_scenario(job, NULL, &scenario);
    out->n_tried++;
    if (status == WS_OK) {
        out->cost_mean += ws_scenario_cost_estimate(scenario);
        add_notes(ws_scenario_notes(scenario), &out->notes);
    } else if (status == WS_ERR_INPUT && out->n_failed++ == 0) {
        tell_problems(job, err);
    }
    ws_scenario_destroy(&scenario);
    if (swp_job_facts(job, NULL, &facts) == WS_OK && facts.num_nodes > (double)out->max_nodes) {
        out->max_nodes = (size_t)facts.num_nodes;
    }
    return status;
}

/* Options come from the point, seeds from the job: the first point's repeat 0 does for all. */
static ws_status visit(swp_builder *builder, const uint32_t *value_index, ws_error *err, swp_prefetch *out)
{
    swp_job         job    = swp_job_of(builder, 0, value_index);
    const ws_status status = look_at(&job, err, out);
    swp_job_fini(&job);
    return status;
}

ws_status swp_prefetch_inputs(swp_builder *builder, ws_error *err, swp_prefetch *out)
{
    const swp_spec *spec        = swp_builder_spec(builder);
    uint32_t       *value_index = calloc(spec->n_params + 1, sizeof(*value_index));
    ws_status       status      = value_index == NULL ? WS_ERR_NOMEM : WS_OK;
    size_t          n_works     = 0;
    *out                        = (swp_prefetch){.max_nodes = 1};
    bool has_more               = status == WS_OK;
    while (has_more && out->n_tried < MAX_COMBINATIONS) {
        const ws_status one = visit(builder, value_index, err, out);
        if (one == WS_ERR_NOMEM) {
            status = one;
            break;
        }
        n_works += one == WS_OK;
        has_more = next_combination(spec, value_index);
    }
    free(value_index);
    if (status == WS_OK && n_works > 0) {
        status = swp_effects_find(builder, &out->effects);
    }
    out->cost_mean = n_works > 0 ? out->cost_mean / (double)n_works : NAN;
    WS_TRY(status);
    if (out->notes.failed) {
        return WS_ERR_NOMEM;
    }
    return out->n_tried == out->n_failed ? WS_ERR_INPUT : WS_OK;
}
