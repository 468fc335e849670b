#include "analysis/standing.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/file_slo.h"

/* A metric of each point; NaN where the program, or the file, does not know it. */
static ws_status read_metric(const swp_selection *selection, const char *name, ws_error *err,
                             swp_estimate **out)
{
    ws_component component;
    if (swp_result_table_find(&selection->results, name, &component) != NULL) {
        return swp_selection_estimates(selection, name, err, out);
    }
    *out = malloc((selection->points.n + 1) * sizeof((*out)[0]));
    for (size_t i = 0; *out != NULL && i < selection->points.n; i++) {
        (*out)[i] = (swp_estimate){NAN, NAN};
    }
    return *out == NULL ? ws_error_add(err, WS_ERR_NOMEM, "out of memory") : WS_OK;
}

ws_status swp_standing_take(const swp_selection *selection, bool ignore_slo, ws_error *err, swp_standing *out)
{
    const size_t  n   = selection->points.n;
    swp_estimate *met = NULL, *oversize = NULL;

    *out             = (swp_standing){.n = n, .ignores_slo = ignore_slo};
    out->tier        = malloc((n + 1) * sizeof(out->tier[0]));
    ws_status status = out->tier == NULL ? ws_error_add(err, WS_ERR_NOMEM, "out of memory")
                                         : read_metric(selection, "slo_met", err, &met);
    if (status == WS_OK) {
        status = read_metric(selection, "oversize", err, &oversize);
    }
    for (size_t i = 0; status == WS_OK && i < n; i++) {
        out->tier[i] = swp_point_tier(met[i].mean, oversize[i].mean, ignore_slo);
        out->has_slo = out->has_slo || !isnan(met[i].mean);
        out->n_met += met[i].mean >= 1.0;
        out->n_oversize += oversize[i].mean > 0.0;
    }
    free(met);
    free(oversize);
    return status;
}

void swp_standing_fini(swp_standing *standing)
{
    free(standing->tier);
    *standing = (swp_standing){.tier = NULL};
}

int swp_standing_best_tier(const swp_standing *standing, const bool *is_known)
{
    int best = SWP_TIER_COUNT;
    for (size_t i = 0; i < standing->n; i++) {
        best = is_known[i] && standing->tier[i] < best ? standing->tier[i] : best;
    }
    return best;
}

static const char *consequence(const swp_standing *standing, bool is_front)
{
    if (standing->ignores_slo) {
        return "; --ignore-slo: that does not count here";
    }
    if (standing->n_met == 0) {
        return is_front ? "; the front is that of all" : "; the order is by the metric alone";
    }
    if (standing->n_met == standing->n) {
        return "";
    }
    return is_front ? "; the front is theirs (--ignore-slo: of all)"
                    : " and come first (--ignore-slo: they do not)";
}

static void say_slo(const swp_standing *standing, const swp_selection *selection, bool is_front, FILE *out)
{
    const ws_slo slo    = swp_file_slo(swp_reader_layout(selection->results.reader)->spec_json);
    ws_strbuf    bounds = WS_STRBUF_INIT;
    ws_slo_put_text(&slo, &bounds);
    if (standing->n_met == 0) {
        fprintf(out, "no point of %zu meets the SLO", standing->n);
    } else {
        fprintf(out, "%zu of %zu points meet the SLO", standing->n_met, standing->n);
    }
    if (bounds.len > 0) {
        fprintf(out, " (%s)", ws_strbuf_text(&bounds));
    }
    fprintf(out, "%s\n", consequence(standing, is_front));
    ws_strbuf_fini(&bounds);
}

static const char *consequence_of_size(const swp_standing *standing, bool is_front)
{
    if (standing->n_oversize == standing->n) {
        return "";
    }
    return is_front ? "; the front leaves them out" : " and come last";
}

void swp_standing_say(const swp_standing *standing, const swp_selection *selection, bool is_front, FILE *out)
{
    if (standing->has_slo) {
        say_slo(standing, selection, is_front, out);
    }
    if (standing->n_oversize > 0) {
        fprintf(out, "%zu of %zu points assume more memory than their board has (oversize)%s\n",
                standing->n_oversize, standing->n, consequence_of_size(standing, is_front));
    }
}
