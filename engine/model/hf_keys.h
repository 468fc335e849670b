/* hf_keys.h -- reading a config.json so that no key is ignored unseen: a key is read, or known not to matter,
 * or a problem that names it. */
#ifndef WS_HF_KEYS_H
#define WS_HF_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

enum { WS_HF_MEMBERS_MAX = 512 };

/** An object being read; plain, starts as {object, err}. */
typedef struct ws_hf_keys {
    ws_json   object;
    ws_error *err;
    bool      is_read[WS_HF_MEMBERS_MAX]; /**< by position */
} ws_hf_keys;

/** A member that is there and not null (null means "take the default"); it counts as read. */
ws_json ws_hf_get(ws_hf_keys *keys, const char *key);

/** The first of several names that is there; names end with NULL. */
ws_json ws_hf_get_any(ws_hf_keys *keys, const char *const *names);

/** An integer, `fallback` where the key is absent. @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_int(ws_hf_keys *keys, const char *key, int64_t min, int64_t max,
                                 int64_t fallback, int64_t *out);

/** The same under any of several names, which end with NULL. */
WS_NODISCARD ws_status ws_hf_int_any(ws_hf_keys *keys, const char *const *names, int64_t min, int64_t max,
                                     int64_t fallback, int64_t *out);

/** As above, but a problem where the key is absent and the fallback is 0. */
WS_NODISCARD ws_status ws_hf_size(ws_hf_keys *keys, const char *key, int64_t max, int64_t fallback,
                                  int64_t *out);

/** A truth value, `fallback` where the key is absent. */
WS_NODISCARD ws_status ws_hf_bool(ws_hf_keys *keys, const char *key, bool fallback, bool *out);

/** Check that a value is a list of at least n items, one per layer. @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_check_list(const ws_hf_keys *keys, ws_json list, size_t n);

/** What was not read and is not known to be without effect: a problem each, or, if `approximate`, a line of
 * notes each. Keys that are null, false, 0 or empty say nothing.
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_hf_check_unread(const ws_hf_keys *keys, bool approximate, ws_strbuf *notes);

#endif /* WS_HF_KEYS_H */
