/* cmd_ranking.h -- what `top` and `pareto` share: their options, and the points with their standing. */
#ifndef SWP_CMD_RANKING_H
#define SWP_CMD_RANKING_H

#include "analysis/standing.h"
#include "base/cmdline.h"
#include "view/point_table.h"

typedef struct swp_ranking_options {
    const char *file;
    const char *where, *columns; /* NULL = not given */
    int         format;          /* swp_table_format */
    bool        ignore_slo;
} swp_ranking_options;

typedef struct swp_ranking {
    swp_selection    selection;
    swp_standing     standing;
    swp_table_format format;
} swp_ranking;

/** What one of the two commands has of its own. */
typedef struct swp_ranking_command {
    const char    *program, *usage, *about; /* as in ws_cmdline */
    ws_arg_section section;                 /* its options */
    ws_status (*print)(const swp_ranking *ranking, void *options, ws_error *err);
    void *options; /* for print */
} swp_ranking_command;

/** Run a command: read its line, open the file, print.
 * @param[in,out] shared  holds the defaults
 * @return the exit code */
int swp_ranking_run(const swp_ranking_command *command, swp_ranking_options *shared, int argc, char **argv);

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
