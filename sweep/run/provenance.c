#include "run/provenance.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "job/job_hash.h"
#include "ranks/mpi_transport.h"
#include "store/live_writer.h"

static void put_text(ws_json_writer *w, const char *key, const char *text)
{
    ws_json_put_key(w, key);
    ws_json_put_string(w, text);
}

static void put_place(ws_json_writer *w, const char *key, ws_json place)
{
    ws_json_put_key(w, key);
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        ws_json_put_null(w);
    } else {
        ws_json_put_json(w, place);
    }
}

/* The path below a folder; NULL if it does not lie in it. */
static const char *below(const char *path, const char *dir)
{
    const size_t len = strlen(dir);
    return len > 0 && strncmp(path, dir, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* What an input is called wherever it lies: its role in the sweep, else its path below the data folders. */
static const char *name_of_input(const swp_sweep_inputs *inputs, const swp_run_options *options,
                                 const char *path)
{
    const char *dataset = swp_builder_dataset_path(inputs->builder), *slash = strrchr(path, '/');
    if (strcmp(path, inputs->spec_path) == 0) {
        return "spec";
    }
    if (strcmp(path, swp_builder_cluster_path(inputs->builder)) == 0) {
        return "cluster";
    }
    if (dataset != NULL && strcmp(path, dataset) == 0) {
        return "dataset";
    }
    for (size_t i = 0; i < options->n_data_dirs; i++) {
        const char *name = below(path, options->data_dirs[i]);
        if (name != NULL) {
            return name;
        }
    }
    const char *bundled = below(path, inputs->bundled_dir);
    return bundled != NULL ? bundled : slash != NULL ? slash + 1 : path;
}

static void put_inputs(ws_json_writer *w, const swp_sweep_inputs *inputs, const swp_run_options *options)
{
    const ws_files *files = inputs->files;
    const char     *path  = NULL;
    ws_bytes        bytes;
    ws_json_put_key(w, "inputs");
    ws_json_begin_array(w);
    for (size_t i = 0; ws_files_at(files, i, &path, &bytes); i++) {
        char sha256[65];
        ws_sha256_hex(bytes.data, bytes.len, sha256);
        ws_json_begin_object(w);
        put_text(w, "name", name_of_input(inputs, options, path));
        put_text(w, "path", path);
        put_text(w, "sha256", sha256);
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

static void write_spec_json(const swp_sweep_inputs *inputs, const swp_run_options *options, ws_strbuf *out)
{
    ws_json_writer w;
    ws_json_writer_init(&w, out, 1);
    ws_json_begin_object(&w);
    char cwd[PATH_MAX];
    put_text(&w, "spec_path", inputs->spec_path);
    put_text(&w, "cwd", getcwd(cwd, sizeof cwd) != NULL ? cwd : NULL); /* relative paths begin there */
    put_place(&w, "spec", ws_json_doc_root(inputs->spec->doc));
    put_text(&w, "cluster_path", swp_builder_cluster_path(inputs->builder));
    put_place(&w, "cluster", swp_builder_cluster(inputs->builder));
    put_place(&w, "workload", swp_builder_workload(inputs->builder));
    put_text(&w, "dataset_path", swp_builder_dataset_path(inputs->builder));
    ws_json_put_key(&w, "data_dirs");
    ws_json_begin_array(&w);
    for (size_t i = 0; i < options->n_data_dirs; i++) {
        ws_json_put_string(&w, options->data_dirs[i]);
    }
    ws_json_end_array(&w);
    put_inputs(&w, inputs, options);
    ws_json_end_object(&w);
    ws_strbuf_puts(out, "\n");
}

static ws_status list_params(const swp_spec *spec, swp_file_layout *out)
{
    out->params = calloc(spec->n_params + 1, sizeof(*out->params));
    if (out->params == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < spec->n_params; i++) {
        const swp_parameter *param = &spec->params[i];
        size_t               len   = 1;
        for (size_t v = 0; v < param->n_values; v++) {
            const size_t n = strlen(param->values[v].label);
            len            = n > len ? n : len;
        }
        out->params[i] = (swp_param){.name      = param->short_name,
                                     .long_name = param->name,
                                     .unit      = param->unit,
                                     .kind      = param->kind,
                                     .text_len  = param->kind == SWP_PARAM_TEXT ? len : 0};
    }
    return WS_OK;
}

static void add_attribute(swp_file_layout *out, const char *name, const char *fmt, ...) WS_PRINTF(3, 4);

static void add_attribute(swp_file_layout *out, const char *name, const char *fmt, ...)
{
    const size_t k = out->layout.n_attributes++;
    va_list      args;
    va_start(args, fmt);
    vsnprintf(out->texts[k], sizeof out->texts[k], fmt, args);
    va_end(args);
    out->attributes[k] = (swp_text_attribute){.name = name, .text = out->texts[k]};
}

/* Who wrote the file, with what; the hosts of the ranks are in /provenance/host. */
static void add_provenance(int n_ranks, swp_file_layout *out)
{
    char store[32], engine[64], host[SWP_HOST_LEN + 1] = "";
    (void)gethostname(host, SWP_HOST_LEN); /* too long or unknown: what there is of it */
    add_attribute(out, "library_versions", "%s, %s, %s", swp_store_library(store), swp_mpi_library(),
                  ws_libraries(engine));
    add_attribute(out, "host", "%s", host);
    add_attribute(out, "n_ranks", "%d", n_ranks);
    add_attribute(out, "job_hash_kind", "%s", SWP_HASH_KIND);
}

ws_status swp_file_layout_init(const swp_run_scope *scope, swp_file_layout *out)
{
    const swp_spec        *spec    = scope->inputs->spec;
    const swp_run_options *options = scope->options;
    *out                           = (swp_file_layout){.spec_json = WS_STRBUF_INIT};
    write_spec_json(scope->inputs, options, &out->spec_json);
    if (out->spec_json.failed) {
        return WS_ERR_NOMEM;
    }
    WS_TRY(list_params(spec, out));
    const uint64_t pruned     = options->keep_infeasible ? scope->census->n_pruned : 0;
    const uint64_t pruned_all = options->keep_infeasible ? scope->census_all->n_pruned : 0;
    out->layout               = (swp_layout){.title        = spec->name,
                                             .spec_json    = ws_strbuf_text(&out->spec_json),
                                             .spec_sha256  = spec->sha256,
                                             .n_jobs       = (int64_t)(scope->census->n_jobs + pruned),
                                             .n_jobs_all   = (int64_t)(scope->census_all->n_jobs + pruned_all),
                                             .n_params     = spec->n_params,
                                             .params       = out->params,
                                             .max_nodes    = scope->prefetch->max_nodes,
                                             .has_series   = spec->wants_timeseries,
                                             .has_requests = spec->wants_requests,
                                             .attributes   = out->attributes};
    add_provenance(scope->n_ranks, out);
    /* a point is left out with all its repeats; slices may cut between them, so the whole space is counted */
    add_attribute(out, "n_points_pruned", "%" PRIu64, scope->census_all->n_pruned / (uint64_t)spec->repeats);
    add_attribute(out, "slice", "%" PRIu64 "/%" PRIu64, options->slice_index, options->n_slices);
    add_attribute(out, "sampling", "%s", swp_sampling_name(spec->sampling));
    return WS_OK;
}

void swp_file_layout_continue(const swp_reader *earlier, swp_file_layout *out)
{
    const char *before = swp_reader_attribute(earlier, "n_ranks");
    for (size_t k = 0; k < out->layout.n_attributes && before != NULL; k++) {
        if (strcmp(out->attributes[k].name, "n_ranks") == 0) {
            char         now[32];
            const size_t cap = sizeof out->texts[k];
            snprintf(now, sizeof now, "%.31s", out->texts[k]);
            while (strlen(before) + strlen(now) + 3 > cap && strchr(before, ',') != NULL) {
                before = strchr(before, ',') + 2; /* of very many runs, the last ones */
            }
            snprintf(out->texts[k], cap, "%.90s, %s", before, now);
        }
    }
    /* what rows have is not lost because new ones are to have less */
    const swp_layout *layout = swp_reader_layout(earlier);
    out->layout.has_series   = out->layout.has_series || layout->has_series;
    out->layout.has_requests = out->layout.has_requests || layout->has_requests;
}

void swp_file_layout_fini(swp_file_layout *layout)
{
    ws_strbuf_fini(&layout->spec_json);
    free(layout->params);
    *layout = (swp_file_layout){.spec_json = WS_STRBUF_INIT};
}
