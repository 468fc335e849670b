/* base/json_doc.h -- the inside of a JSON document, and ways into its tree, shared by the json_*.c files.
 * Private to base. */
#ifndef WS_JSON_DOC_H
#define WS_JSON_DOC_H

#include <stddef.h>

struct cJSON;

struct ws_json_doc {
    char         *name; /* owned */
    struct cJSON *root; /* owned, never NULL */
};

/** Take the next token of a JSON Pointer.
 * @param[in,out] pointer  at a '/', moved behind the token
 * @param[out] len_out     bytes of the token, still escaped
 * @return the token; NULL at the end, or if the pointer is not at a '/' */
const char *ws__json_pointer_token(const char **pointer, size_t *len_out);

/** The child of an object or array that an escaped token names, NULL if there is none. */
const struct cJSON *ws__json_child(const struct cJSON *parent, const char *token, size_t token_len);

/** A deep copy without its key, NULL if out of memory; the caller owns it. */
struct cJSON *ws__json_duplicate(const struct cJSON *item);

#endif /* WS_JSON_DOC_H */
