#include "view/cmd_ranking.h"

#include <math.h>
#include <stdlib.h>

ws_status swp_ranking_open(const char *path, const swp_ranking_options *options, ws_error *err,
                           swp_ranking *out)
{
    *out = (swp_ranking){.format = SWP_TABLE_TEXT};
    if (options->as_json) {
        out->format = SWP_TABLE_JSON;
    }
    if (options->format != NULL) {
        WS_TRY(swp_table_format_parse(options->format, err, &out->format));
    }
    WS_TRY(swp_selection_open(path, options->where, err, &out->selection));
    return swp_standing_take(&out->selection, options->ignore_slo, err, &out->standing);
}

void swp_ranking_close(swp_ranking *ranking)
{
    swp_standing_fini(&ranking->standing);
    swp_selection_close(&ranking->selection);
}

ws_status swp_ranking_default(const swp_ranking *ranking, const char *with_power, const char *without,
                              ws_error *err, const char **out)
{
    swp_estimate *power_w = NULL;
    bool          has     = false;
    WS_TRY(swp_selection_estimates(&ranking->selection, "power_mean_w", err, &power_w));
    for (size_t i = 0; i < ranking->selection.points.n; i++) {
        has = has || !isnan(power_w[i].mean);
    }
    free(power_w);
    *out = has ? with_power : without;
    return WS_OK;
}

ws_status swp_ranking_join_ties(const swp_ranking *ranking, size_t *order, size_t *n, ws_error *err,
                                swp_ties *ties_out)
{
    size_t kept = 0;
    WS_TRY(swp_selection_ties(&ranking->selection, err, ties_out));
    for (size_t i = 0; i < *n; i++) {
        if (ties_out->leader[order[i]] == order[i]) {
            order[kept++] = order[i];
        }
    }
    *n = kept;
    return WS_OK;
}
