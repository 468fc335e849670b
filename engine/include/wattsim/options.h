/* wattsim/options.h -- the options of a simulation, by the names that `wattsim --help` lists.
 *
 * An object with its defaults, and text to set one: the names and the texts are those of the command line, so
 * a new option needs no new program. Switches take "true" and "false". */
#ifndef WATTSIM_OPTIONS_H
#define WATTSIM_OPTIONS_H

#include <stddef.h>

#include "wattsim/error.h"
#include "wattsim/status.h"

typedef struct ws_options ws_options;

#ifdef __cplusplus
extern "C" {
#endif

/** Every option at its default.
 * @param[out] options_out  owned by the caller, release with ws_options_destroy()
 * @return WS_OK; WS_ERR_NOMEM */
WS_API WS_NODISCARD ws_status ws_options_create(ws_options **options_out);

/** NULL is allowed; leaves NULL. */
WS_API void ws_options_destroy(ws_options **options);

/** Set an option: ws_options_set(options, "max_num_seqs", "64", &err).
 * @param[in] name  dashes and underscores alike, without dashes in front
 * @param[in] text  as on the command line: a number, a duration ("100ms"), a choice, "true" or "false"
 * @return WS_OK; WS_ERR_INPUT if there is no such option (the message names the nearest one) or the text is
 * not one of its values, which leaves the option as it was */
WS_API WS_NODISCARD ws_status ws_options_set(ws_options *options, const char *name, const char *text,
                                             ws_error *err);

/** The value of an option, as ws_options_set() would take it.
 * @param[out] buf  at least WS_OPTION_TEXT_BYTES
 * @return buf; NULL if there is no such option */
WS_API const char *ws_options_get(const ws_options *options, const char *name, char *buf);
#define WS_OPTION_TEXT_BYTES 64

/** Names of all options, in the order of `wattsim --help`, for i from 0; NULL past the last. Static storage.
 */
WS_API const char *ws_options_name(size_t i);
/** What an option means, one line; NULL past the last. Static storage. */
WS_API const char *ws_options_help(size_t i);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_OPTIONS_H */
