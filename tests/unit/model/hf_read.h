/* Reading config.json texts and files in tests. */
#ifndef WS_TEST_HF_READ_H
#define WS_TEST_HF_READ_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/files.h"
#include "model/hf_config.h"

/* What came of reading a config. */
typedef struct hf_outcome {
    ws_status       status;
    ws_error        err;
    ws_strbuf       notes;
    ws_architecture arch;
} hf_outcome;

static inline hf_outcome *hf_read_text(const char *text, bool approximate)
{
    hf_outcome *out = calloc(1, sizeof(*out));
    assert_non_null(out);
    ws_json_doc *doc = NULL;
    out->status      = ws_json_doc_parse("config.json", text, strlen(text), &out->err, &doc);
    if (out->status == WS_OK) {
        out->status = ws_hf_config_read(ws_json_doc_root(doc), WS_JSON_NONE, approximate, &out->err,
                                        &out->notes, &out->arch);
    }
    ws_json_doc_destroy(&doc);
    return out;
}

static inline void hf_free(hf_outcome *out)
{
    ws_error_clear(&out->err);
    ws_strbuf_fini(&out->notes);
    free(out);
}

/* A config that has to be read. */
static inline hf_outcome *hf_read_good(const char *text)
{
    hf_outcome *out = hf_read_text(text, false);
    if (out->status != WS_OK) {
        fail_msg("%s", ws_error_text(&out->err));
    }
    return out;
}

/* A config that has to be refused, with a message that contains `expected`. */
static inline void hf_expect_refusal(const char *text, const char *expected)
{
    hf_outcome *out = hf_read_text(text, false);
    if (out->status != WS_ERR_INPUT || strstr(ws_error_text(&out->err), expected) == NULL) {
        fail_msg("expected \"%s\", found status %d and \"%s\"", expected, (int)out->status,
                 ws_error_text(&out->err));
    }
    hf_free(out);
}

#endif /* WS_TEST_HF_READ_H */
