/* spec_parse.h -- reading and checking a sweep spec.
 *
 * The JSON is described in docs/sweep-spec.md. All problems of a spec are reported, not just the first. */
#ifndef SWP_SPEC_PARSE_H
#define SWP_SPEC_PARSE_H

#include "spec/spec.h"

/** Read a spec.
 * @param[in]  name      what messages call it (its path)
 * @param[out] spec_out  owned by the caller, release with swp_spec_destroy()
 * @return WS_OK; WS_ERR_INPUT with every problem found; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_spec_parse(const char *name, const char *text, size_t len, ws_error *err,
                                      swp_spec **spec_out);

#endif /* SWP_SPEC_PARSE_H */
