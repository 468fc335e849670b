/* bench_profile -- nanoseconds per attention lookup and per load of a profile.
 *
 *   build/release/tests/bench_profile DATA_FOLDER CONFIGS_FOLDER
 *
 * Reads the RTXPRO6000 bundle of Llama-3.1-8B from DATA_FOLDER and its compact fit from CONFIGS_FOLDER.
 * Prints key=value pairs; never fails on time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/units.h"
#include "hardware/profile.h"
#include "hardware/profile_bundle.h"
#include "hardware/profile_compact.h"

enum { N_QUERIES = 4096, N_ROUNDS = 500 };

/* What consecutive steps of a run ask: decodes whose KV grows slowly, with a prefill chunk in some steps. */
static void fill_queries(ws_attention_query queries[N_QUERIES], bool mixed)
{
    for (int i = 0; i < N_QUERIES; i++) {
        const int64_t mean = 200 + i % 900;
        queries[i]         = (ws_attention_query){.prefill_tokens = mixed ? 100 + i * 37 % 1900 : 0,
                                                  .prefill_kv     = mixed ? i * 13 % 512 : 0,
                                                  .n_decodes      = 1 + i / 40,
                                                  .kv_mean        = mean,
                                                  .kv_max         = mean + 700 + i % 300,
                                                  .kv_min         = mean / 4};
    }
}

static void time_lookups(const ws_profile *profile, const char *name, bool mixed)
{
    static ws_attention_query queries[N_QUERIES];
    int64_t                   sum_ns = 0;
    fill_queries(queries, mixed);
    const double begin_s = ws_wall_s();
    for (int round = 0; round < N_ROUNDS; round++) {
        for (int i = 0; i < N_QUERIES; i++) {
            sum_ns += ws_profile_attention_ns(profile, &queries[i]);
        }
    }
    const double each_ns = (ws_wall_s() - begin_s) / WS_S_PER_NS / ((double)N_ROUNDS * N_QUERIES);
    printf("profile=%s batches=%s lookup_ns=%.1f checksum=%lld\n", name, mixed ? "mixed" : "decode", each_ns,
           (long long)sum_ns);
}

static ws_status load_bundle(ws_files *files, const char *path, ws_error *err, ws__profile_draft *draft)
{
    return ws__bundle_read(&(const ws__bundle){files, path, 1}, NULL, err, draft, NULL);
}

static ws_status load_compact(ws_files *files, const char *path, ws_error *err, ws__profile_draft *draft)
{
    ws__compact *compact = calloc(1, sizeof(*compact));
    if (compact == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = ws__compact_read(files, path, err, compact);
    if (status == WS_OK) {
        status = ws__compact_expand(compact, 1, draft);
    }
    ws__compact_fini(compact);
    free(compact);
    return status;
}

static int run(const char *folder, const char *below, const char *name,
               ws_status (*load)(ws_files *, const char *, ws_error *, ws__profile_draft *))
{
    char              path[1024];
    ws_files         *files   = NULL;
    ws_error          err     = WS_ERROR_INIT;
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, below);
    const double begin_s = ws_wall_s();
    ws_status    status  = ws_files_create(&files);
    if (status == WS_OK) {
        status = load(files, path, &err, &draft);
    }
    if (status == WS_OK) {
        status = ws__profile_build(&draft, &profile);
    }
    if (status == WS_OK) {
        printf("profile=%s load_ms=%.2f block_kb=%.0f\n", name, (ws_wall_s() - begin_s) * 1e3,
               (double)profile->block_bytes / 1e3);
        time_lookups(profile, name, false);
        time_lookups(profile, name, true);
    } else {
        fprintf(stderr, "%s\n", ws_error_text(&err));
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return status == WS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_profile DATA_FOLDER CONFIGS_FOLDER\n");
        return 2;
    }
    const int bundle =
        run(argv[1], "profiles/RTXPRO6000/meta-llama/Llama-3.1-8B/bf16", "bundle", load_bundle);
    const int compact =
        run(argv[2], "hardware/RTXPRO6000/meta-llama/Llama-3.1-8B/bf16.json", "compact", load_compact);
    return bundle != 0 ? bundle : compact;
}
