/* scenario/inputs.h -- the inside of ws_inputs: loaded models, profiles, cost tables, workloads, each read
 * once and kept. For this folder only. Everything returned is borrowed and lives as long as the inputs,
 * workloads until they are released. */
#ifndef WS_SIM_INPUTS_H
#define WS_SIM_INPUTS_H

#include "hardware/profile_source.h"
#include "serving/prefix_index.h"
#include "workload/workload.h"
#include "workload/workload_shape.h"
#include "hardware/step_cost.h"
#include "scenario/inputs_create.h"
#include "scenario/model_input.h"

ws_files *ws_inputs_files(ws_inputs *inputs);

/** Let the file cache go when the inputs do. */
void ws_inputs_own_files(ws_inputs *inputs);

/** Everything here but ws_inputs_create() and ws_inputs_destroy() is done between these two: programs load
 * scenarios of the same inputs on several threads. */
void ws_inputs_lock(ws_inputs *inputs);
void ws_inputs_unlock(ws_inputs *inputs);

/** The bundled configs; NULL if there are none. */
const char *ws_inputs_bundled_dir(const ws_inputs *inputs);

/** The first data folder that holds `relative`; false if none does. */
bool ws_inputs_find(ws_inputs *inputs, const char *relative, char *buf, size_t cap);

/** A model. notes get what is left out of it, each time. */
WS_NODISCARD ws_status ws_inputs_model(ws_inputs *inputs, const ws_model_choice *choice, ws_json where,
                                       ws_strbuf *notes, ws_error *err, const ws_model **out);

/** A model as `tp` ranks hold it (ws_model_on_ranks): the same one where nothing is repeated or padded. */
WS_NODISCARD ws_status ws_inputs_model_on_ranks(ws_inputs *inputs, const ws_model *model, int64_t tp,
                                                const ws_model **out);

/** A profile and its summed tables. notes get the loader's notes each time, also when it was loaded before.
 */
WS_NODISCARD ws_status ws_inputs_cost(ws_inputs *inputs, const ws_profile_request *request, ws_strbuf *notes,
                                      ws_error *err, const ws_step_cost **out);

/* Workloads and costs at a clock are held until released, as often as they were asked for; only a few that
 * nobody holds are kept. */

/** The same at a share of the full core clock, below 1: tables scaled by the hardware's data sheet
 * (profile_clock.h).
 * @param[in] cost  what ws_inputs_cost() gave for the request
 * @return WS_OK; WS_ERR_INPUT if the data sheet cannot tell; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_inputs_cost_at_clock(ws_inputs *inputs, const ws_profile_request *request,
                                               const ws_step_cost *cost, double clock, ws_error *err,
                                               const ws_step_cost **out);

WS_NODISCARD ws_status ws_inputs_dataset(ws_inputs *inputs, const char *path, int64_t max_lines,
                                         ws_error *err, const ws_workload **out);

/** A generated workload, known by its spec text and seed. */
WS_NODISCARD ws_status ws_inputs_generated(ws_inputs *inputs, ws_json spec, uint64_t seed, ws_error *err,
                                           const ws_workload **out);

/** Another shape of a workload.
 * @param[in]  source  held by the caller, who gives it up: it is released, also after an error
 * @param[in]  name    what messages call it
 * @param[out] out     held; the source itself if the shape changes nothing */
WS_NODISCARD ws_status ws_inputs_reshaped(ws_inputs *inputs, const ws_workload *source,
                                          const ws_workload_shape *shape, const char *name, ws_error *err,
                                          const ws_workload **out);

/** Give a workload or a cost at a clock back; NULL is allowed. A workload's prefix indexes go with it. */
void ws_inputs_release(ws_inputs *inputs, const void *held);

WS_NODISCARD ws_status ws_inputs_prefixes(ws_inputs *inputs, const ws_workload *workload, int64_t block_size,
                                          const ws_prefix_index **out);

/** A hardware data sheet, `hardware/<tag>.json`; absent json if there is none. */
WS_NODISCARD ws_status ws_inputs_hardware(ws_inputs *inputs, const char *tag, ws_error *err, ws_json *out);

#endif /* WS_SIM_INPUTS_H */
