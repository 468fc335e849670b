/* One file of a measured bundle replaced by any bytes: the bundle is refused with a message, or every lookup
 * gives at least a nanosecond. The first byte says which file. */
#include <stdio.h>

#include "hardware/profile_bundle.h"
#include "toy.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_lookups(const ws_profile *profile)
{
    static const int64_t counts[] = {1, 7, 300, 100000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int layer = 0; layer < WS_LAYER_ATTENTION; layer++) {
            if (ws_profile_has(profile, (ws_layer)layer)) {
                WS_ASSERT(ws_profile_layer_ns(profile, (ws_layer)layer, counts[i]) >= 1);
            }
        }
        const ws_attention_query query = {.prefill_tokens = counts[i],
                                          .prefill_kv     = 2 * counts[i],
                                          .n_decodes      = 3,
                                          .kv_mean        = counts[i],
                                          .kv_max         = 2 * counts[i],
                                          .kv_min         = 1};
        if (ws_profile_has(profile, WS_LAYER_ATTENTION)) {
            WS_ASSERT(ws_profile_attention_ns(profile, &query) >= 1);
        }
        if (ws_profile_has(profile, WS_LAYER_MOE)) {
            WS_ASSERT(ws_profile_moe_ns(profile, counts[i], 2) >= 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const names[] = {"meta.yaml",         "tp1/dense.csv", "tp1/per_sequence.csv",
                                        "tp1/attention.csv", "tp1/moe.csv",   "tp1/skew_fit.csv"};
    if (size == 0) {
        return 0;
    }
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", toy_bundle_dir(),
             names[data[0] % (sizeof(names) / sizeof(names[0]))]);
    ws_files         *files   = toy_files();
    ws_error          err     = WS_ERROR_INIT;
    ws_strbuf         notes   = WS_STRBUF_INIT;
    ws_profile       *profile = NULL;
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws__bundle_meta   meta;
    WS_ASSERT(ws_files_put(files, path, (const char *)data + 1, size - 1) == WS_OK);
    const ws_status status =
        ws__bundle_read(&(const ws__bundle){files, toy_bundle_dir(), 1}, &notes, &err, &draft, &meta);
    WS_ASSERT(status == WS_OK || (status == WS_ERR_INPUT && err.n_problems > 0));
    if (status == WS_OK && ws__profile_build(&draft, &profile) == WS_OK) {
        check_lookups(profile);
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    ws_strbuf_fini(&notes);
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return 0;
}
