/* constraint.h -- which points of a sweep are left out, and why.
 *
 * A constraint may name every parameter, every simulator option (its value at that point), and what follows
 * from the cluster config: num_nodes, num_instances, num_npus (over the cluster), tp_size, pp_size, ep_size
 * (the largest), npu_mem_gb (the smallest) and weights_gb (per NPU). Where such a quantity is unknown, for
 * example because the config is broken, the point is kept, and its run says what is wrong. The same
 * holds for a division by zero. */
#ifndef SWP_CONSTRAINT_H
#define SWP_CONSTRAINT_H

#include <stddef.h>
#include <stdint.h>

#include "job/builder.h"

typedef struct swp_constraints swp_constraints; /* opaque */

/** Compile the constraints of the builder's spec.
 * @param[in] builder  borrowed, also used when checking; outlives the constraints
 * @return WS_OK; WS_ERR_INPUT with constraint, column and what is wrong; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_constraints_create(swp_builder *builder, ws_error *err, swp_constraints **out);
void                   swp_constraints_destroy(swp_constraints **constraints);

/** Check the texts alone, where the sweep's files cannot be read. @return as swp_constraints_create() */
WS_NODISCARD ws_status swp_constraints_check_texts(const swp_spec *spec, ws_error *err);

/** The first constraint a point does not meet, as an index into spec->constraints; SWP_MEETS_ALL if there is
 * none. */
#define SWP_MEETS_ALL SIZE_MAX
size_t swp_constraints_check(swp_constraints *constraints, uint64_t job, const uint32_t *value_index);

/** The first constraint that could not be evaluated for the point checked last; SWP_MEETS_ALL if there was
 * none. */
size_t swp_constraints_unknown(const swp_constraints *constraints);

#endif /* SWP_CONSTRAINT_H */
