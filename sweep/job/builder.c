#include "job/builder.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "job/dataset_workload.h"
#include "job/input_digest.h"

enum { MAX_DIRS = 32, CACHE_SIZE = 1024, MAX_HARDWARE = 64 };

/* What a cluster config amounts to, remembered by the parameters that change it. */
typedef struct cluster_entry {
    uint64_t          key_plus_1; /* 0 = empty */
    swp_cluster_facts facts;
    char              sha256[65];
} cluster_entry;

typedef struct workload_entry {
    uint64_t key_plus_1;
    char     sha256[65];
} workload_entry;

/* The datasheet of a hardware tag, for its power numbers. */
typedef struct datasheet {
    char         hardware[96];
    ws_json_doc *doc; /* NULL = there is none */
} datasheet;

struct swp_builder {
    const swp_spec *spec;
    ws_files       *files;
    ws_inputs      *inputs;
    swp_digests    *digests;
    swp_space       space;
    char           *dirs[MAX_DIRS]; /* where files are looked up: beside the spec, "", data folders */
    size_t          n_dirs;
    char           *cluster_path, *dataset_path;
    ws_json_doc    *cluster;     /* before any parameter */
    ws_json_doc    *workload;    /* NULL = the simulator's default requests */
    bool            has_dataset; /* the workload is a dataset (job/dataset_workload.h) */
    char            dataset_sha256[65];
    size_t          n_datasheets;
    datasheet       datasheets[MAX_HARDWARE];
    cluster_entry   clusters[CACHE_SIZE];
    workload_entry  workloads[CACHE_SIZE];
};

/* ---- finding files ---- */

static ws_status add_dir(swp_builder *b, const char *dir, size_t len)
{
    if (b->n_dirs == MAX_DIRS) {
        return WS_ERR_ARG;
    }
    b->dirs[b->n_dirs] = ws_asprintf("%.*s", (int)len, dir);
    return b->dirs[b->n_dirs++] == NULL ? WS_ERR_NOMEM : WS_OK;
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

/* Beside the spec, the current folder, the data folders, the bundled configs and the folder they lie in. */
static ws_status list_dirs(swp_builder *b, const swp_builder_config *config)
{
    if (strchr(config->spec_path, '/') != NULL) {
        WS_TRY(add_dir(b, config->spec_path, parent_len(config->spec_path)));
    }
    WS_TRY(add_dir(b, ".", 1));
    for (size_t i = 0; i < config->n_data_dirs; i++) {
        WS_TRY(add_dir(b, config->data_dirs[i], strlen(config->data_dirs[i])));
    }
    if (config->bundled_dir != NULL) {
        WS_TRY(add_dir(b, config->bundled_dir, strlen(config->bundled_dir)));
        WS_TRY(add_dir(b, config->bundled_dir, parent_len(config->bundled_dir)));
    }
    return WS_OK;
}

static bool find_file(swp_builder *b, const char *path, char *found, size_t cap)
{
    if (path[0] == '/') {
        snprintf(found, cap, "%s", path);
        return ws_files_has(b->files, found);
    }
    for (size_t i = 0; i < b->n_dirs; i++) {
        const bool is_here = strcmp(b->dirs[i], ".") == 0;
        const int  n =
            is_here ? snprintf(found, cap, "%s", path) : snprintf(found, cap, "%s/%s", b->dirs[i], path);
        if (n > 0 && (size_t)n < cap && ws_files_has(b->files, found)) {
            return true;
        }
    }
    return false;
}

static ws_status find_or_complain(swp_builder *b, ws_json place, const char *what, char *found, size_t cap,
                                  ws_error *err)
{
    const char *path = ws_json_string(place);
    if (path == NULL) {
        return ws_json_expected(place, err, what);
    }
    if (!find_file(b, path, found, cap)) {
        const char *obstacle = ws_files_obstacle(b->files, path);
        if (obstacle != NULL) {
            return ws_json_problem(place, err, "%s %s cannot be read: %s", what, path, obstacle);
        }
        return ws_json_problem(
            place, err,
            "%s not found: %s (looked beside the spec, in the current folder and in the data "
            "folders)",
            what, path);
    }
    return WS_OK;
}

/* Without the schema's path: a job is the same with and without it. */
static ws_status read_doc(swp_builder *b, const char *path, ws_error *err, ws_json_doc **out)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(b->files, path, err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, out));
    ws_json_remove(*out, "/$schema");
    return WS_OK;
}

/* ---- what the spec names ---- */

static ws_status load_cluster(swp_builder *b, ws_error *err)
{
    const ws_json place = b->spec->cluster;
    if (ws_json_kind_of(place) == WS_JSON_OBJECT) {
        char *name      = ws_asprintf("%s (cluster)", ws_json_doc_name(b->spec->doc));
        b->cluster_path = name;
        return name == NULL ? WS_ERR_NOMEM : ws_json_doc_copy(place, name, &b->cluster);
    }
    char found[PATH_MAX];
    WS_TRY(find_or_complain(b, place, "cluster config", found, sizeof found, err));
    b->cluster_path = ws_strdup(found);
    return b->cluster_path == NULL ? WS_ERR_NOMEM : read_doc(b, found, err, &b->cluster);
}

static ws_status load_dataset(swp_builder *b, ws_json dataset, ws_error *err)
{
    char found[PATH_MAX];
    WS_TRY(find_or_complain(b, dataset, "dataset", found, sizeof found, err));
    ws_bytes bytes;
    WS_TRY(ws_files_read(b->files, found, err, &bytes));
    ws_sha256_hex(bytes.data, bytes.len, b->dataset_sha256);
    b->dataset_path = ws_strdup(found);
    return b->dataset_path == NULL ? WS_ERR_NOMEM : WS_OK;
}

static ws_status load_workload(swp_builder *b, ws_error *err)
{
    const ws_json place = b->spec->workload;
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    const ws_json dataset = ws_json_member(place, "dataset");
    const ws_json path    = ws_json_member(place, "path");
    if (ws_json_kind_of(path) != WS_JSON_ABSENT && ws_json_size(place) == 1) {
        char found[PATH_MAX];
        WS_TRY(find_or_complain(b, path, "workload generator spec", found, sizeof found, err));
        return read_doc(b, found, err, &b->workload);
    }
    if (ws_json_kind_of(dataset) != WS_JSON_ABSENT) {
        b->has_dataset          = true;
        ws_options      unused  = ws_options_default();
        const ws_status options = swp_dataset_options(place, &unused, err);
        const ws_status loaded  = load_dataset(b, dataset, err); /* both say what is wrong */
        WS_TRY(options);
        WS_TRY(loaded);
    }
    char *name = ws_asprintf("%s (workload)", ws_json_doc_name(b->spec->doc));
    if (name == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = ws_json_doc_copy(place, name, &b->workload);
    free(name);
    return status;
}

/* A parameter must have something to change. */
static ws_status check_targets(const swp_builder *b, ws_error *err)
{
    ws_status status      = WS_OK;
    bool      has_patches = false;
    if (b->has_dataset && b->workload != NULL) {
        status = swp_dataset_check(ws_json_doc_root(b->workload),
                                   ws_json_member(ws_json_doc_root(b->spec->doc), "options"), b->spec->params,
                                   b->spec->n_params, ws_json_doc_name(b->spec->doc), err);
    }
    for (size_t i = 0; i < b->spec->n_params; i++) {
        has_patches = has_patches || b->spec->params[i].target == SWP_TARGET_PATCH;
    }
    for (size_t i = 0; i < b->spec->n_params; i++) {
        const swp_parameter *param = &b->spec->params[i];
        if (param->target == SWP_TARGET_WORKLOAD && b->workload == NULL) {
            status = ws_error_add(err, WS_ERR_INPUT, "%s: /parameters: %s needs a workload in the spec",
                                  ws_json_doc_name(b->spec->doc), param->name);
        }
        if (param->target == SWP_TARGET_POINTER && !has_patches && b->cluster != NULL) {
            char parent[512];
            snprintf(parent, sizeof parent, "%.*s", (int)parent_len(param->name), param->name);
            if (ws_json_kind_of(ws_json_resolve(ws_json_doc_root(b->cluster), parent)) == WS_JSON_ABSENT) {
                status = ws_error_add(err, WS_ERR_INPUT, "%s: /parameters: %s leads nowhere in %s",
                                      ws_json_doc_name(b->spec->doc), param->name, b->cluster_path);
            }
        }
    }
    return status;
}

static ws_status load(swp_builder *b, const swp_builder_config *config, ws_error *err)
{
    WS_TRY(list_dirs(b, config));
    WS_TRY(
        ws_inputs_create(b->files, config->data_dirs, config->n_data_dirs, config->bundled_dir, &b->inputs));
    WS_TRY(swp_digests_create(b->files, config->data_dirs, config->n_data_dirs, config->bundled_dir,
                              &b->digests));
    const ws_status parts[] = {swp_space_init(&b->space, b->spec, err), load_cluster(b, err),
                               load_workload(b, err), check_targets(b, err)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        WS_TRY(parts[i]);
    }
    return WS_OK;
}

ws_status swp_builder_create(const swp_spec *spec, const swp_builder_config *config, ws_files *files,
                             ws_error *err, swp_builder **builder_out)
{
    *builder_out   = NULL;
    swp_builder *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return WS_ERR_NOMEM;
    }
    b->spec                = spec;
    b->files               = files;
    const ws_status status = load(b, config, err);
    if (status != WS_OK) {
        swp_builder_destroy(&b);
        return status;
    }
    *builder_out = b;
    return WS_OK;
}

ws_status swp_builder_check_files(ws_json_doc *spec_doc, const swp_builder_config *config, ws_files *files,
                                  ws_error *err)
{
    const ws_json  root = ws_json_doc_root(spec_doc);
    const swp_spec spec = {.doc      = spec_doc,
                           .cluster  = ws_json_member(root, "cluster"),
                           .workload = ws_json_member(root, "workload")};
    swp_builder   *b    = calloc(1, sizeof(*b));
    if (b == NULL) {
        return WS_ERR_NOMEM;
    }
    b->spec          = &spec;
    b->files         = files;
    ws_status status = list_dirs(b, config);
    if (status == WS_OK && ws_json_kind_of(spec.cluster) == WS_JSON_STRING) {
        status = load_cluster(b, err);
    }
    if (status != WS_ERR_NOMEM && ws_json_kind_of(spec.workload) == WS_JSON_OBJECT) {
        const ws_status workload = load_workload(b, err);
        status                   = status == WS_OK ? workload : status;
    }
    swp_builder_destroy(&b);
    return status;
}

void swp_builder_destroy(swp_builder **builder)
{
    swp_builder *b = *builder;
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->n_datasheets; i++) {
        ws_json_doc_destroy(&b->datasheets[i].doc);
    }
    ws_json_doc_destroy(&b->workload);
    ws_json_doc_destroy(&b->cluster);
    swp_digests_destroy(&b->digests);
    ws_inputs_destroy(&b->inputs);
    for (size_t i = 0; i < b->n_dirs; i++) {
        free(b->dirs[i]);
    }
    free(b->cluster_path);
    free(b->dataset_path);
    free(b);
    *builder = NULL;
}

ws_status swp_builder_share(const swp_builder *b)
{
    return ws_inputs_share(b->inputs);
}

const swp_spec *swp_builder_spec(const swp_builder *builder)
{
    return builder->spec;
}

const swp_space *swp_builder_space(const swp_builder *builder)
{
    return &builder->space;
}

const char *swp_builder_cluster_path(const swp_builder *builder)
{
    return builder->cluster_path;
}

const char *swp_builder_dataset_path(const swp_builder *builder)
{
    return builder->dataset_path;
}

ws_json swp_builder_cluster(const swp_builder *builder)
{
    return ws_json_doc_root(builder->cluster);
}

ws_json swp_builder_workload(const swp_builder *builder)
{
    return builder->workload == NULL ? WS_JSON_NONE : ws_json_doc_root(builder->workload);
}

/* ---- datasheets ---- */

static ws_json_doc *load_datasheet(swp_builder *b, const char *hardware)
{
    char relative[128], found[PATH_MAX];
    if (strchr(hardware, '/') != NULL) {
        return NULL;
    }
    snprintf(relative, sizeof relative, "hardware/%s.json", hardware);
    ws_json_doc *doc = NULL;
    if (!find_file(b, relative, found, sizeof found) || read_doc(b, found, NULL, &doc) != WS_OK) {
        return NULL; /* the simulator reports what is wrong with it */
    }
    return doc;
}

static ws_json datasheet_of(void *ctx, const char *hardware)
{
    swp_builder *b = ctx;
    size_t       i = 0;
    while (i < b->n_datasheets && strcmp(b->datasheets[i].hardware, hardware) != 0) {
        i++;
    }
    if (i == b->n_datasheets) {
        if (i == MAX_HARDWARE || strlen(hardware) >= sizeof b->datasheets[i].hardware) {
            return WS_JSON_NONE;
        }
        snprintf(b->datasheets[i].hardware, sizeof b->datasheets[i].hardware, "%s", hardware);
        b->datasheets[i].doc = load_datasheet(b, hardware);
        b->n_datasheets++;
    }
    const ws_json_doc *doc = b->datasheets[i].doc;
    return doc == NULL ? WS_JSON_NONE : ws_json_doc_root(doc);
}

/* ---- parts of a job ---- */

ws_status swp_build_cluster(swp_builder *b, const uint32_t *value_index, ws_error *err,
                            ws_json_doc **cluster_out)
{
    WS_TRY(ws_json_doc_copy(ws_json_doc_root(b->cluster), b->cluster_path, cluster_out));
    const ws_status status = swp_assign_cluster(b->spec, value_index, datasheet_of, b, *cluster_out, err);
    if (status != WS_OK) {
        ws_json_doc_destroy(cluster_out);
    }
    return status;
}

ws_status swp_build_workload(swp_builder *b, const uint32_t *value_index, ws_error *err,
                             ws_json_doc **workload_out)
{
    *workload_out = NULL;
    if (b->workload == NULL) {
        return WS_OK;
    }
    WS_TRY(ws_json_doc_copy(ws_json_doc_root(b->workload), ws_json_doc_name(b->workload), workload_out));
    const ws_status status = swp_assign_workload(b->spec, value_index, *workload_out, err);
    if (status != WS_OK) {
        ws_json_doc_destroy(workload_out);
    }
    return status;
}

ws_status swp_build_options(const swp_builder *b, uint64_t job, const uint32_t *value_index, ws_error *err,
                            ws_options *options_out)
{
    ws_options options = b->spec->options;
    options.seed       = b->spec->seed;
    WS_TRY(swp_assign_options(b->spec, value_index, &options, err));
    options.seed = swp_repeat_seed(options.seed, swp_space_repeat(&b->space, job));
    *options_out = options;
    return WS_OK;
}

/* Everything a dataset's workload says may be swept, so the point's decides. */
static ws_status resolve_dataset(swp_builder *b, ws_json workload, ws_options *options, char *found,
                                 size_t cap, ws_error *err)
{
    WS_TRY(swp_dataset_options(workload, options, err));
    return find_or_complain(b, ws_json_member(workload, "dataset"), "dataset", found, cap, err);
}

/* npu_mem may be left out: the data sheet says it then. */
static ws_status need_npu_mem(ws_json_doc *cluster, const char *instance)
{
    char         pointer[96];
    ws_json_doc *empty = NULL;
    snprintf(pointer, sizeof pointer, "%s/npu_mem", instance);
    if (ws_json_kind_of(ws_json_resolve(ws_json_doc_root(cluster), pointer)) == WS_JSON_OBJECT) {
        return WS_OK;
    }
    WS_TRY(ws_json_doc_parse("npu_mem", "{}", 2, NULL, &empty));
    const ws_status status = ws_json_set(cluster, pointer, ws_json_doc_root(empty), NULL);
    ws_json_doc_destroy(&empty);
    return status;
}

/* Memory that holds any model, for asking what its weights need. */
static ws_status widen_memory(ws_json_doc *cluster)
{
    const ws_json nodes    = ws_json_member(ws_json_doc_root(cluster), "nodes");
    const double  size_gib = 1e6;
    char          instance[64], pointer[96];
    for (size_t n = 0; n < ws_json_size(nodes); n++) {
        const size_t n_instances = ws_json_size(ws_json_member(ws_json_at(nodes, n), "instances"));
        for (size_t i = 0; i < n_instances; i++) {
            snprintf(instance, sizeof instance, "/nodes/%zu/instances/%zu", n, i);
            WS_TRY(need_npu_mem(cluster, instance));
            snprintf(pointer, sizeof pointer, "%s/npu_mem/mem_size", instance);
            WS_TRY(ws_json_set_number(cluster, pointer, size_gib, NULL));
        }
    }
    return WS_OK;
}

static ws_status build_scenario(swp_builder *b, uint64_t job, const uint32_t *value_index, bool is_roomy,
                                ws_error *err, ws_scenario **scenario_out)
{
    *scenario_out               = NULL;
    ws_json_doc        *cluster = NULL, *workload = NULL;
    char                dataset[PATH_MAX];
    ws_scenario_request request = {.slo = b->spec->slo};
    ws_status           status  = swp_build_options(b, job, value_index, err, &request.options);
    if (status == WS_OK) {
        status = swp_build_cluster(b, value_index, err, &cluster);
    }
    if (status == WS_OK && is_roomy) {
        status = widen_memory(cluster);
    }
    if (status == WS_OK) {
        status = swp_build_workload(b, value_index, err, &workload);
    }
    if (status == WS_OK && b->has_dataset) {
        status =
            resolve_dataset(b, ws_json_doc_root(workload), &request.options, dataset, sizeof dataset, err);
        request.dataset = dataset;
    } else if (status == WS_OK && workload != NULL) {
        request.workload = ws_json_doc_root(workload);
    }
    if (status == WS_OK) {
        request.cluster = ws_json_doc_root(cluster);
        status          = ws_scenario_create(b->inputs, &request, err, scenario_out);
    }
    ws_json_doc_destroy(&workload);
    ws_json_doc_destroy(&cluster);
    return status;
}

ws_status swp_build_scenario(swp_builder *b, uint64_t job, const uint32_t *value_index, ws_error *err,
                             ws_scenario **scenario_out)
{
    return build_scenario(b, job, value_index, false, err, scenario_out);
}

ws_status swp_build_weights_gb(swp_builder *b, uint64_t job, const uint32_t *value_index,
                               double *weights_gb_out)
{
    ws_scenario    *scenario = NULL;
    const ws_status status   = build_scenario(b, job, value_index, true, NULL, &scenario);
    if (status == WS_OK) {
        *weights_gb_out = ws_scenario_weights_gb(scenario);
    }
    ws_scenario_destroy(&scenario);
    return status;
}

void swp_build_params(const swp_builder *b, const uint32_t *value_index, swp_value *params_out)
{
    for (size_t i = 0; i < b->spec->n_params; i++) {
        const swp_choice *choice = &b->spec->params[i].values[value_index[i]];
        params_out[i]            = (swp_value){.number = choice->number, .text = choice->label};
        if (b->spec->params[i].kind == SWP_PARAM_INT || b->spec->params[i].kind == SWP_PARAM_BOOL) {
            params_out[i].integer = (int64_t)choice->number;
        }
    }
}

/* ---- facts and hashes ---- */

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
    ws_strbuf text   = WS_STRBUF_INIT;
    ws_status status = hash_json(place, hex_out);
    ws_strbuf_puts(&text, hex_out);
    ws_strbuf_puts(&text, "\n");
    if (status == WS_OK) {
        status = digest(b->digests, place, &text);
    }
    if (status == WS_OK && text.failed) {
        status = WS_ERR_NOMEM;
    }
    if (status == WS_OK) {
        ws_sha256_hex(ws_strbuf_text(&text), text.len, hex_out);
    }
    ws_strbuf_fini(&text);
    return status;
}

static ws_status cluster_entry_of(swp_builder *b, const uint32_t *value_index, ws_error *err,
                                  const cluster_entry **out)
{
    const uint64_t key   = swp_space_key(&b->space, value_index, swp_assign_touches_cluster);
    cluster_entry *entry = &b->clusters[key % CACHE_SIZE];
    if (entry->key_plus_1 != key + 1) {
        ws_json_doc *cluster = NULL;
        WS_TRY(swp_build_cluster(b, value_index, err, &cluster));
        entry->facts = swp_cluster_facts_of(ws_json_doc_root(cluster), datasheet_of, b);
        const ws_status status =
            hash_with_files(b, ws_json_doc_root(cluster), swp_digest_cluster, entry->sha256);
        ws_json_doc_destroy(&cluster);
        entry->key_plus_1 = status == WS_OK ? key + 1 : 0;
        WS_TRY(status);
    }
    *out = entry;
    return WS_OK;
}

ws_status swp_build_facts(swp_builder *b, const uint32_t *value_index, ws_error *err,
                          swp_cluster_facts *facts_out)
{
    const cluster_entry *entry = NULL;
    WS_TRY(cluster_entry_of(b, value_index, err, &entry));
    *facts_out = entry->facts;
    return WS_OK;
}

static bool is_of_workload(const swp_parameter *param)
{
    return param->target == SWP_TARGET_WORKLOAD;
}

/* Identity of a point's workload: generator spec as text, or the dataset's bytes and the lines taken. */
static ws_status workload_sha256(swp_builder *b, const uint32_t *value_index, ws_error *err, char hex_out[65])
{
    ws_json_doc *workload = NULL;
    WS_TRY(swp_build_workload(b, value_index, err, &workload));
    ws_status status = WS_OK;
    if (b->has_dataset) {
        char       found[PATH_MAX];
        char       bytes_sha256[65] = "";
        ws_bytes   bytes            = {0};
        ws_options options          = b->spec->options;
        status = resolve_dataset(b, ws_json_doc_root(workload), &options, found, sizeof found, err);
        if (status == WS_OK && b->dataset_path != NULL && strcmp(found, b->dataset_path) == 0) {
            memcpy(bytes_sha256, b->dataset_sha256, sizeof bytes_sha256);
        } else if (status == WS_OK && (status = ws_files_read(b->files, found, err, &bytes)) == WS_OK) {
            ws_sha256_hex(bytes.data, bytes.len, bytes_sha256);
        }
        ws_strbuf text = WS_STRBUF_INIT;
        ws_strbuf_printf(&text, "dataset %s", bytes_sha256);
        swp_dataset_describe(&options, &text);
        ws_sha256_hex(ws_strbuf_text(&text), text.len, hex_out);
        status = status == WS_OK && text.failed ? WS_ERR_NOMEM : status;
        ws_strbuf_fini(&text);
    } else {
        status = hash_with_files(b, workload == NULL ? WS_JSON_NONE : ws_json_doc_root(workload),
                                 swp_digest_workload, hex_out);
    }
    ws_json_doc_destroy(&workload);
    return status;
}

static ws_status workload_entry_of(swp_builder *b, const uint32_t *value_index, ws_error *err,
                                   const workload_entry **out)
{
    const uint64_t  key   = swp_space_key(&b->space, value_index, is_of_workload);
    workload_entry *entry = &b->workloads[key % CACHE_SIZE];
    if (entry->key_plus_1 != key + 1) {
        entry->key_plus_1 = 0;
        WS_TRY(workload_sha256(b, value_index, err, entry->sha256));
        entry->key_plus_1 = key + 1;
    }
    *out = entry;
    return WS_OK;
}

ws_status swp_build_hash(swp_builder *b, uint64_t job, const uint32_t *value_index, ws_error *err,
                         char hash_out[SWP_HASH_LEN + 1])
{
    const cluster_entry  *cluster  = NULL;
    const workload_entry *workload = NULL;
    ws_options            options;
    WS_TRY(cluster_entry_of(b, value_index, err, &cluster));
    WS_TRY(workload_entry_of(b, value_index, err, &workload));
    WS_TRY(swp_build_options(b, job, value_index, err, &options));
    char             text[8192];
    size_t           n_options = 0;
    const ws_option *table     = ws_option_table(&n_options);
    int n = snprintf(text, sizeof text, SWP_HASH_KIND " %s %s %s\n", cluster->sha256, workload->sha256,
                     b->spec->slo_sha256);
    for (size_t i = 0; i < n_options && (size_t)n < sizeof text - 128; i++) {
        char value[64];
        n += snprintf(text + n, sizeof text - (size_t)n, "%s=%s\n", table[i].name,
                      ws_option_get_text(&options, &table[i], value));
    }
    char hex[65];
    ws_sha256_hex(text, (size_t)n, hex);
    memcpy(hash_out, hex, SWP_HASH_LEN);
    hash_out[SWP_HASH_LEN] = '\0';
    return WS_OK;
}
