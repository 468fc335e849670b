/* spec_axes.h -- the part of a spec that says what varies: parameters, zip groups, listed points.
 * Used by spec/spec_parse.c alone. */
#ifndef SWP_SPEC_AXES_H
#define SWP_SPEC_AXES_H

#include "spec/spec.h"

/** Fill params and axes of a spec whose sampling is known.
 * @param[in] parameters  the spec's `parameters`
 * @param[in] points      the spec's `sampling.points`; absent unless the method is list */
WS_NODISCARD ws_status swp_axes_read(swp_spec *spec, ws_json parameters, ws_json points,
                                     double standby_bare_unit_s, ws_error *err);

/** Report an unknown simulator option at a place, with the nearest known name. */
ws_status swp_unknown_option(ws_json place, ws_error *err);

#endif /* SWP_SPEC_AXES_H */
