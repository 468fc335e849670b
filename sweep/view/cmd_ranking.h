/* cmd_ranking.h -- what `top` and `pareto` share: their options, and the points with their standing. */
#ifndef SWP_CMD_RANKING_H
#define SWP_CMD_RANKING_H

#include "analysis/standing.h"
#include "cli/args.h"
#include "view/point_table.h"

typedef struct swp_ranking_options {
    const char *where, *columns, *format; /* NULL = not given */
    bool        as_json, ignore_slo;
} swp_ranking_options;

/* Entries of a table of swp_arg. */
#define SWP_RANKING_ARGS(o)                                                                                  \
    {"--where",  NULL, "EXPR", "only these rows: 'tp_size == 2 and ttft_p99_ms < 500'",                      \
     &(o).where, NULL, NULL},                                                                                \
        {"--ignore-slo", NULL, NULL,           "do not put points that meet the spec's slo first",           \
         NULL,           NULL, &(o).ignore_slo},                                                             \
        {"--columns", NULL, "A,B,..", "show these columns instead", &(o).columns, NULL, NULL},               \
        {"--format", NULL, "FORMAT", "text (default), tsv, csv or json", &(o).format, NULL, NULL},           \
    {                                                                                                        \
        "--json", NULL, NULL, "the same as --format json", NULL, NULL, &(o).as_json                          \
    }

typedef struct swp_ranking {
    swp_selection    selection;
    swp_standing     standing;
    swp_table_format format;
} swp_ranking;

/** Release with swp_ranking_close(), also after an error. */
WS_NODISCARD ws_status swp_ranking_open(const char *path, const swp_ranking_options *options, ws_error *err,
                                        swp_ranking *out);
void                   swp_ranking_close(swp_ranking *ranking);

/** What is asked for where nothing was named: one thing for points whose power was tracked, another without.
 */
WS_NODISCARD ws_status swp_ranking_default(const swp_ranking *ranking, const char *with_power,
                                           const char *without, ws_error *err, const char **out);

/** Points of equal metrics; of each such group only the first stays in `order`.
 * @param[in,out] order  [*n] points, earlier jobs before later ones where they are equally good
 * @param[out] ties_out  release with swp_ties_fini(), also after an error */
WS_NODISCARD ws_status swp_ranking_join_ties(const swp_ranking *ranking, size_t *order, size_t *n,
                                             ws_error *err, swp_ties *ties_out);

#endif /* SWP_CMD_RANKING_H */
