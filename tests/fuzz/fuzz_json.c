/* Any bytes are either refused with a message or parsed; what was parsed prints and parses to the same text
 * again, and every place is found by its own JSON Pointer. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_print(const ws_json_doc *doc, bool pretty)
{
    char        *text  = ws_json_print(ws_json_doc_root(doc), false);
    char        *print = ws_json_print(ws_json_doc_root(doc), pretty);
    ws_json_doc *again = NULL;
    WS_ASSERT(text != NULL && print != NULL);
    WS_ASSERT(ws_json_doc_parse("print", print, strlen(print), NULL, &again) == WS_OK);
    free(print);
    print = ws_json_print(ws_json_doc_root(again), false);
    WS_ASSERT(print != NULL && strcmp(print, text) == 0);
    ws_json_doc_destroy(&again);
    free(print);
    free(text);
}

static void check_pointers(ws_json root, ws_json value, int levels)
{
    for (ws_json child = ws_json_first(value); levels > 0 && child.item != NULL;
         child         = ws_json_next(child)) {
        char pointer[1024];
        ws_json_pointer(child, pointer, sizeof(pointer));
        if (strlen(pointer) + 1 < sizeof(pointer)) { /* longer ones are cut */
            WS_ASSERT(ws_json_resolve(root, pointer).item == child.item);
        }
        check_pointers(root, child, levels - 1);
    }
}

/* Whatever the document, merging it and putting it somewhere leaves a document that prints. */
static void check_patch(const ws_json_doc *doc)
{
    ws_json_doc *target = NULL;
    WS_ASSERT(ws_json_doc_parse("target", "{\"a\":{\"b\":1}}", 13, NULL, &target) == WS_OK);
    WS_ASSERT(ws_json_merge_patch(target, ws_json_doc_root(doc), NULL) == WS_OK);
    ws_json_remove(target, "/a");
    (void)!ws_json_set(target, "/a/-", ws_json_doc_root(doc), NULL);
    (void)!ws_json_set(target, "/a", ws_json_doc_root(doc), NULL);
    check_print(target, true);
    ws_json_doc_destroy(&target);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ws_json_doc    *doc    = NULL;
    ws_error        err    = WS_ERROR_INIT;
    const ws_status status = ws_json_doc_parse("input", (const char *)data, size, &err, &doc);
    WS_ASSERT(status == WS_OK || (status == WS_ERR_INPUT && err.n_problems > 0));
    WS_ASSERT((status == WS_OK) == (doc != NULL));
    if (doc != NULL) {
        check_print(doc, false);
        check_print(doc, true);
        check_pointers(ws_json_doc_root(doc), ws_json_doc_root(doc), 3);
        check_patch(doc);
    }
    ws_json_doc_destroy(&doc);
    ws_error_clear(&err);
    return 0;
}
