#include "base/json_doc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

const char *ws__json_pointer_token(const char **pointer, size_t *len_out)
{
    if (**pointer != '/') {
        return NULL;
    }
    const char *token = *pointer + 1;
    *len_out          = strcspn(token, "/");
    *pointer          = token + *len_out;
    return token;
}

/* Whether a key reads as the token does once "~1" is '/' and "~0" is '~'. */
static bool token_is_key(const char *token, size_t len, const char *key)
{
    for (size_t i = 0; i < len; i++, key++) {
        char c = token[i];
        if (c == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1')) {
            c = token[++i] == '0' ? '~' : '/';
        }
        if (c != *key) {
            return false;
        }
    }
    return *key == '\0';
}

static bool token_is_index(const char *token, size_t len)
{
    return len >= 1 && len <= 9 && strspn(token, "0123456789") >= len && (len == 1 || token[0] != '0');
}

const cJSON *ws__json_child(const cJSON *parent, const char *token, size_t token_len)
{
    const cJSON *child = parent->child;
    if (cJSON_IsObject(parent)) {
        while (child != NULL && !token_is_key(token, token_len, child->string)) {
            child = child->next;
        }
        return child;
    }
    if (!cJSON_IsArray(parent) || !token_is_index(token, token_len)) {
        return NULL;
    }
    for (long index = strtol(token, NULL, 10); index > 0 && child != NULL; index--) {
        child = child->next;
    }
    return child;
}

cJSON *ws__json_duplicate(const cJSON *item)
{
    cJSON *copy = cJSON_Duplicate(item, true);
    if (copy != NULL && copy->string != NULL) {
        cJSON_free(copy->string);
        copy->string = NULL;
    }
    return copy;
}
