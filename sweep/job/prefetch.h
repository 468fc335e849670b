/* prefetch.h -- reading every file the jobs of a sweep may need, once, on rank 0.
 *
 * One scenario is made for each combination of the parameters that can change which files are read (hardware,
 * patches, tensor parallelism, texts); numbers such as max_num_seqs cannot. What is read stays in the file
 * cache, which is then packed and broadcast. On the way it learns how many nodes the largest job has, whether
 * any point works at all, and what the scenarios' notes say. */
#ifndef SWP_PREFETCH_H
#define SWP_PREFETCH_H

#include "base/strbuf.h"
#include "job/builder.h"

typedef struct swp_prefetch {
    size_t    n_tried, n_failed; /**< combinations; failed as in WS_ERR_INPUT */
    size_t    max_nodes;         /**< of all combinations, >= 1 */
    double    cost_mean;         /**< of ws_scenario_cost_estimate() over those that work */
    ws_strbuf notes;             /**< of the scenarios that work, a line each, equal ones once */
    ws_strbuf effects;           /**< parameters that change nothing, a line each (job/effects.h) */
} swp_prefetch;

/** Visit the combinations (at most a thousand).
 * @param[out] out  released with swp_prefetch_fini() also after an error
 * @param[out] err  the problems of the first combination that fails; WS_OK is returned as long as one works
 * @return WS_OK; WS_ERR_INPUT if no combination works for a reason in the inputs; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_prefetch_inputs(swp_builder *builder, ws_error *err, swp_prefetch *out);

/** Print the notes on standard error, so that a note about every job is there once; of very many, the first.
 * @param[in] n_most  SIZE_MAX = all of them */
void swp_prefetch_say(const swp_prefetch *prefetch, size_t n_most);

void swp_prefetch_fini(swp_prefetch *prefetch);

#endif /* SWP_PREFETCH_H */
