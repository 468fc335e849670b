/* param.h -- what a parameter of a sweep is: its name says where its values go.
 *
 *   max_num_seqs, dtype, ...      any simulator option (ws_option_table)
 *   tp_size pp_size ep_size       every instance; num_npus is derived again
 *   num_instances                 instances per node: the node's list, repeated in order
 *   hardware                      every instance, and the node's power.npu entry
 *   standby_duration              every power.npu entry of every node
 *   power_cap_w                   every instance
 *   workload.<field>              a member of the workload generator's spec (dots lead deeper), or of
 *                                 a dataset (job/dataset_workload.h)
 *   /nodes/0/...                  a JSON Pointer (RFC 6901) into the cluster config
 *   any other name                named merge patches (RFC 7396) on the cluster config: {"label": {...}, ...}
 *
 * Assignment order is the order of swp_target: patches, known names, pointers. */
#ifndef SWP_PARAM_H
#define SWP_PARAM_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "result/layout.h"
#include "spec/value.h"
#include "engine.h"

typedef enum swp_target {
    SWP_TARGET_PATCH,
    SWP_TARGET_HARDWARE,
    SWP_TARGET_NUM_INSTANCES,
    SWP_TARGET_TP_SIZE,
    SWP_TARGET_PP_SIZE,
    SWP_TARGET_EP_SIZE,
    SWP_TARGET_STANDBY_DURATION,
    SWP_TARGET_POWER_CAP,
    SWP_TARGET_OPTION,
    SWP_TARGET_WORKLOAD,
    SWP_TARGET_POINTER,
    SWP_TARGET_COUNT
} swp_target;

typedef struct swp_parameter {
    const char      *name;           /**< as in the spec; arena */
    char             short_name[32]; /**< letters, digits and '_', for dataset names */
    swp_target       target;
    const ws_option *option; /**< of SWP_TARGET_OPTION, else NULL */
    const char      *unit;   /**< of the numbers: "s", "W" or "1" */
    swp_param_kind   kind;   /**< SWP_PARAM_TEXT: values are labels, not numbers */
    size_t           n_values;
    swp_choice      *values; /**< arena */
} swp_parameter;

/** Read a parameter: its meaning from its name, its values from the spec; every value is checked.
 * @param[in] place       the member of `parameters`
 * @param[in] may_repeat  values may repeat (parameters that run together)
 * @param[in] standby_bare_unit_s  seconds per unit of a bare standby_duration
 * @return WS_OK; WS_ERR_INPUT, an unknown name with the nearest known one; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_param_read(ws_json place, bool may_repeat, double standby_bare_unit_s,
                                      ws_arena *arena, ws_error *err, swp_parameter *out);

/** The value of that label; n_values if there is none. */
size_t swp_param_find_value(const swp_parameter *param, const char *label);

/** True if the parameter can change which files a job reads, or its cluster config's shape. */
bool swp_param_is_structural(const swp_parameter *param);

#endif /* SWP_PARAM_H */
