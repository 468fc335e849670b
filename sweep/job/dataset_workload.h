/* dataset_workload.h -- what a spec's workload may say besides {"dataset": PATH}: which part of the requests
 * is served, and how fast they arrive.
 *
 * Its keys are the simulator's options of the same names (num_reqs, from_s, to_s, sample, time_scale, rate),
 * with their ranges; a generator's fields are none of them. */
#ifndef SWP_DATASET_WORKLOAD_H
#define SWP_DATASET_WORKLOAD_H

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "spec/param.h"

/** Whether a workload is one, not a generator's spec. */
bool swp_is_dataset(ws_json workload);

/** Put what the workload says into the options of a job.
 * @return WS_OK; WS_ERR_INPUT with every unknown key and every value out of range */
WS_NODISCARD ws_status swp_dataset_options(ws_json workload, ws_options *options, ws_error *err);

/** Check that a parameter "workload.<key>" has a key of a dataset and values in its range, and that no option
 * says the same as the workload: one of the two would be without effect.
 * @param[in] spec_options  the spec's `options`, absent if it has none
 * @return WS_OK; WS_ERR_INPUT with every problem */
WS_NODISCARD ws_status swp_dataset_check(ws_json workload, ws_json spec_options, const swp_parameter *params,
                                         size_t n_params, const char *spec_name, ws_error *err);

/** Append " key=value" for every key that changes something, for hashes. */
void swp_dataset_describe(const ws_options *options, ws_strbuf *out);

#endif /* SWP_DATASET_WORKLOAD_H */
