/* Editing documents: merge patches and single places. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json_doc.h"
#include "base/json_scan.h"

/* ---- merge patch ---- */

/* Put `value` under a key, in the place of what is there. Takes value, also after an error. */
static ws_status put_member(cJSON *object, const char *key, cJSON *value)
{
    if (value == NULL) {
        return WS_ERR_NOMEM;
    }
    cJSON     *old  = cJSON_GetObjectItemCaseSensitive(object, key);
    const bool done = old != NULL ? cJSON_ReplaceItemInObjectCaseSensitive(object, key, value)
                                  : cJSON_AddItemToObject(object, key, value);
    if (!done) {
        cJSON_Delete(value);
        return WS_ERR_NOMEM;
    }
    return WS_OK;
}

/* RFC 7396, section 2. */
static ws_status merge_members(cJSON *target, const cJSON *patch)
{
    for (const cJSON *change = patch->child; change != NULL; change = change->next) {
        if (cJSON_IsNull(change)) {
            cJSON_DeleteItemFromObjectCaseSensitive(target, change->string);
            continue;
        }
        if (!cJSON_IsObject(change)) {
            WS_TRY(put_member(target, change->string, ws__json_duplicate(change)));
            continue;
        }
        cJSON *member = cJSON_GetObjectItemCaseSensitive(target, change->string);
        if (!cJSON_IsObject(member)) {
            WS_TRY(put_member(target, change->string, cJSON_CreateObject()));
            member = cJSON_GetObjectItemCaseSensitive(target, change->string);
        }
        WS_TRY(merge_members(member, change));
    }
    return WS_OK;
}

static ws_status replace_root(ws_json_doc *target, cJSON *root)
{
    if (root == NULL) {
        return WS_ERR_NOMEM;
    }
    cJSON_Delete(target->root);
    target->root = root;
    return WS_OK;
}

ws_status ws_json_merge_patch(ws_json_doc *target, ws_json patch, ws_error *err)
{
    if (patch.item == NULL) {
        return ws_json_expected(patch, err, "a merge patch");
    }
    if (!cJSON_IsObject(patch.item)) {
        return replace_root(target, ws__json_duplicate(patch.item));
    }
    if (!cJSON_IsObject(target->root)) {
        WS_TRY(replace_root(target, cJSON_CreateObject()));
    }
    return merge_members(target->root, patch.item);
}

/* ---- single places ---- */

/* Where a pointer's last token hangs. */
typedef struct place {
    cJSON      *parent; /* NULL: the pointer is "", the place is the root */
    cJSON      *item;   /* NULL: nothing there yet */
    const char *token;  /* last token, still escaped */
    size_t      token_len;
    size_t      depth; /* tokens of the pointer */
} place;

/* Follow all tokens; false if one but the last leads nowhere or the pointer has no '/' at its front. */
static bool find_place(ws_json_doc *doc, const char *pointer, place *out)
{
    *out = (place){.item = doc->root};
    while (*pointer != '\0') {
        if (out->item == NULL) {
            return false;
        }
        out->parent = out->item;
        out->token  = ws__json_pointer_token(&pointer, &out->token_len);
        if (out->token == NULL) {
            return false;
        }
        /* the tree is the caller's own to change, only the lookup is const */
        out->item = (cJSON *)ws__json_child(out->parent, out->token, out->token_len);
        out->depth++;
    }
    return true;
}

static size_t tree_depth(const cJSON *item)
{
    size_t deepest = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        const size_t depth = tree_depth(child);
        deepest            = depth > deepest ? depth : deepest;
    }
    return deepest + (cJSON_IsArray(item) || cJSON_IsObject(item) ? 1 : 0);
}

/* The token with "~1" and "~0" resolved; the caller frees it. */
static char *unescaped(const char *token, size_t len)
{
    char  *key   = malloc(len + 1);
    size_t n_out = 0;
    for (size_t i = 0; key != NULL && i < len; i++) {
        char c = token[i];
        if (c == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1')) {
            c = token[++i] == '0' ? '~' : '/';
        }
        key[n_out++] = c;
    }
    if (key != NULL) {
        key[n_out] = '\0';
    }
    return key;
}

static ws_status put_object_member(const place *at, cJSON *value)
{
    char *key = unescaped(at->token, at->token_len);
    if (key == NULL) {
        cJSON_Delete(value);
        return WS_ERR_NOMEM;
    }
    const ws_status status = put_member(at->parent, key, value);
    free(key);
    return status;
}

static ws_status bad_pointer(const ws_json_doc *doc, const char *pointer, ws_error *err, const char *why)
{
    return ws_error_add(err, WS_ERR_INPUT, "%s: %s: %s", doc->name, pointer, why);
}

/* Put a tree at a pointer. Takes value, also after an error; NULL means there was no memory for it. */
static ws_status put_at(ws_json_doc *target, const char *pointer, cJSON *value, ws_error *err)
{
    if (value == NULL) {
        return WS_ERR_NOMEM;
    }
    const char *problem = NULL;
    place       at;
    if (pointer[0] != '\0' && pointer[0] != '/') {
        problem = "a JSON Pointer must begin with '/'";
    } else if (!find_place(target, pointer, &at)) {
        problem = "the place it would be put in does not exist";
    } else if (at.depth + tree_depth(value) > WS_JSON_MAX_DEPTH) {
        problem = "nested more than 200 levels deep";
    } else if (at.parent == NULL) {
        return replace_root(target, value);
    } else if (cJSON_IsObject(at.parent)) {
        return put_object_member(&at, value);
    } else if (at.item != NULL) {
        cJSON_ReplaceItemViaPointer(at.parent, at.item, value);
        return WS_OK;
    } else if (cJSON_IsArray(at.parent) && at.token_len == 1 && at.token[0] == '-') {
        cJSON_AddItemToArray(at.parent, value);
        return WS_OK;
    } else {
        problem = cJSON_IsArray(at.parent) ? "no such array index (\"-\" appends)"
                                           : "the place it would be put in is no object or array";
    }
    cJSON_Delete(value);
    return bad_pointer(target, pointer, err, problem);
}

ws_status ws_json_set(ws_json_doc *target, const char *pointer, ws_json value, ws_error *err)
{
    if (value.item == NULL) {
        return bad_pointer(target, pointer, err, "expected a value, found nothing");
    }
    return put_at(target, pointer, ws__json_duplicate(value.item), err);
}

ws_status ws_json_set_number(ws_json_doc *target, const char *pointer, double number, ws_error *err)
{
    if (!isfinite(number)) { /* JSON cannot hold it */
        return bad_pointer(target, pointer, err, "expected a finite number");
    }
    return put_at(target, pointer, cJSON_CreateNumber(number), err);
}

ws_status ws_json_set_string(ws_json_doc *target, const char *pointer, const char *text, ws_error *err)
{
    return put_at(target, pointer, cJSON_CreateString(text), err);
}

void ws_json_remove(ws_json_doc *target, const char *pointer)
{
    place at;
    if (find_place(target, pointer, &at) && at.parent != NULL && at.item != NULL) {
        cJSON_Delete(cJSON_DetachItemViaPointer(at.parent, at.item));
    }
}
