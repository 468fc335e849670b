#include "job/job_hash.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "job/builder_internal.h"
#include "job/dataset_workload.h"

static ws_status hash_json(ws_json place, char hex_out[65])
{
    char *text = ws_json_kind_of(place) == WS_JSON_ABSENT ? ws_strdup("") : ws_json_print(place, false);
    if (text == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_sha256_hex(text, strlen(text), hex_out);
    free(text);
    return WS_OK;
}

typedef ws_status (*digest_fn)(swp_digests *digests, ws_json place, ws_strbuf *out);

/* Identity of a config: its text and the contents of the files it names. */
static ws_status hash_with_files(swp_builder *b, ws_json place, digest_fn digest, char hex_out[65])
{
    ws_strbuf text = WS_STRBUF_INIT;
    WS_TRY(hash_json(place, hex_out));
    ws_strbuf_puts(&text, hex_out);
    ws_strbuf_puts(&text, "\n");
    ws_status status = digest(b->digests, place, &text);
    if (status == WS_OK && text.failed) {
        status = WS_ERR_NOMEM;
    }
    if (status == WS_OK) {
        ws_sha256_hex(ws_strbuf_text(&text), text.len, hex_out);
    }
    ws_strbuf_fini(&text);
    return status;
}

/* ---- the cluster's part ---- */

static ws_status fill_cluster_entry(swp_job *job, ws_error *err, swp_cluster_entry *entry)
{
    swp_builder *b = job->builder;
    ws_json      cluster;
    WS_TRY(swp_job_cluster(job, err, &cluster));
    entry->facts = swp_cluster_facts_of(cluster, swp__builder_datasheet, b);
    return hash_with_files(b, cluster, swp_digest_cluster, entry->sha256);
}

static ws_status cluster_entry_of(swp_job *job, ws_error *err, const swp_cluster_entry **out)
{
    swp_builder       *b     = job->builder;
    const uint64_t     key   = swp_space_key(&b->space, job->value_index, swp_assign_touches_cluster);
    swp_cluster_entry *entry = &b->clusters[key % SWP_BUILDER_CACHE];
    if (entry->key_plus_1 != key + 1) {
        entry->key_plus_1 = 0;
        WS_TRY(fill_cluster_entry(job, err, entry));
        entry->key_plus_1 = key + 1;
    }
    *out = entry;
    return WS_OK;
}

ws_status swp_job_facts(swp_job *job, ws_error *err, swp_cluster_facts *facts_out)
{
    const swp_cluster_entry *entry = NULL;
    WS_TRY(cluster_entry_of(job, err, &entry));
    *facts_out = entry->facts;
    return WS_OK;
}

/* ---- the workload's part ---- */

static bool is_of_workload(const swp_parameter *param)
{
    return param->target == SWP_TARGET_WORKLOAD;
}

/* Of the bytes of the dataset that lies there; the spec's own was hashed when it was loaded. */
static ws_status dataset_bytes_sha256(swp_builder *b, const char *path, ws_error *err, char hex_out[65])
{
    ws_bytes bytes;
    if (b->dataset_path != NULL && strcmp(path, b->dataset_path) == 0) {
        memcpy(hex_out, b->dataset_sha256, sizeof b->dataset_sha256);
        return WS_OK;
    }
    WS_TRY(ws_files_read(b->files, path, err, &bytes));
    ws_sha256_hex(bytes.data, bytes.len, hex_out);
    return WS_OK;
}

/* Identity of a dataset: its bytes and the lines taken. */
static ws_status dataset_sha256(const swp_job *job, ws_json workload, ws_error *err, char hex_out[65])
{
    swp_builder *b       = job->builder;
    ws_options   options = b->spec->options;
    ws_strbuf    text    = WS_STRBUF_INIT;
    char         found[PATH_MAX], bytes_sha256[65];
    WS_TRY(swp_job_resolve_dataset(job, workload, &options, found, sizeof found, err));
    WS_TRY(dataset_bytes_sha256(b, found, err, bytes_sha256));
    ws_strbuf_printf(&text, "dataset %s", bytes_sha256);
    swp_dataset_describe(&options, &text);
    ws_sha256_hex(ws_strbuf_text(&text), text.len, hex_out);
    const ws_status status = text.failed ? WS_ERR_NOMEM : WS_OK;
    ws_strbuf_fini(&text);
    return status;
}

static ws_status workload_sha256(swp_job *job, ws_error *err, char hex_out[65])
{
    ws_json workload;
    WS_TRY(swp_job_workload(job, err, &workload));
    if (job->builder->has_dataset) {
        return dataset_sha256(job, workload, err, hex_out);
    }
    return hash_with_files(job->builder, workload, swp_digest_workload, hex_out);
}

static ws_status workload_entry_of(swp_job *job, ws_error *err, const swp_workload_entry **out)
{
    swp_builder        *b     = job->builder;
    const uint64_t      key   = swp_space_key(&b->space, job->value_index, is_of_workload);
    swp_workload_entry *entry = &b->workloads[key % SWP_BUILDER_CACHE];
    if (entry->key_plus_1 != key + 1) {
        entry->key_plus_1 = 0;
        WS_TRY(workload_sha256(job, err, entry->sha256));
        entry->key_plus_1 = key + 1;
    }
    *out = entry;
    return WS_OK;
}

/* ---- the whole ---- */

static void cut_hash(const char *text, size_t len, char hash_out[SWP_HASH_LEN + 1])
{
    char hex[65];
    ws_sha256_hex(text, len, hex);
    memcpy(hash_out, hex, SWP_HASH_LEN);
    hash_out[SWP_HASH_LEN] = '\0';
}

/* Options that came later than the files whose jobs are to be recognised: at their default they are not said.
 */
static bool is_later_and_unset(const ws_option *option, const char *value)
{
    static const char *const later[] = {"approximate_model"};
    char                     unset[64];
    const ws_options         defaults = ws_options_default();
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (strcmp(option->name, later[i]) == 0) {
            return strcmp(ws_option_get_text(&defaults, option, unset), value) == 0;
        }
    }
    return false;
}

ws_status swp_job_hash(swp_job *job, ws_error *err, char hash_out[SWP_HASH_LEN + 1])
{
    const swp_cluster_entry  *cluster  = NULL;
    const swp_workload_entry *workload = NULL;
    const ws_options         *options  = NULL;
    WS_TRY(cluster_entry_of(job, err, &cluster));
    WS_TRY(workload_entry_of(job, err, &workload));
    WS_TRY(swp_job_options(job, err, &options));
    char             text[8192];
    size_t           n_options = 0;
    const ws_option *table     = ws_option_table(&n_options);
    int n = snprintf(text, sizeof text, SWP_HASH_KIND " %s %s %s\n", cluster->sha256, workload->sha256,
                     job->builder->spec->slo_sha256);
    for (size_t i = 0; i < n_options && (size_t)n < sizeof text - 128; i++) {
        char value[64];
        ws_option_get_text(options, &table[i], value);
        if (!is_later_and_unset(&table[i], value)) {
            n += snprintf(text + n, sizeof text - (size_t)n, "%s=%s\n", table[i].name, value);
        }
    }
    cut_hash(text, (size_t)n, hash_out);
    return WS_OK;
}

void swp_job_row_hash(swp_job *job, char hash_out[SWP_HASH_LEN + 1])
{
    if (swp_job_hash(job, NULL, hash_out) != WS_OK) {
        char      text[128];
        const int n = snprintf(text, sizeof text, "%s %" PRIu64, job->builder->spec->sha256, job->number);
        cut_hash(text, (size_t)n, hash_out);
    }
}
