#include "programs/model_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmdline_start.h"
#include "base/cmdline_help.h"
#include "base/exit_code.h"
#include "base/json_write.h"
#include "hardware/board_memory.h"
#include "model/model_files.h"
#include "engine.h"

/* Share of a board's memory that weights and KV cache may take: vLLM's default of gpu_memory_utilization. */
#define MEMORY_SHARE 0.9

enum { MAX_DIRS = 16, MAX_BOARDS = 64 };

typedef struct command_line {
    const char *name;
    const char *dirs[MAX_DIRS];
    ws_arg_list data_dirs;
    int64_t     tp, ep, pp, n_tokens;
    int         dtype, kv_dtype; /* in the lists of choices */
    bool        as_json, approximate, wants_list;
} command_line;

static const char *const dtype_names[] = {"auto", "float16", "bfloat16", "float32", NULL};
static const char *const kv_names[]    = {"auto", "bfloat16", "float16", "fp8", NULL};

static const ws_arg args[] = {
    {.name         = "tp",
     .kind         = WS_ARG_INT,
     .offset       = offsetof(command_line, tp),
     .min          = 1,
     .max          = 1024,
     .help         = "ranks that share each matrix",
     .default_text = "1"},
    {.name   = "ep",
     .kind   = WS_ARG_INT,
     .offset = offsetof(command_line, ep),
     .min    = 1,
     .max    = 4096,
     .help   = "ranks that share the experts, whole ones each; 1 = experts are shared as other matrices",
     .default_text = "1"},
    {.name         = "pp",
     .kind         = WS_ARG_INT,
     .offset       = offsetof(command_line, pp),
     .min          = 1,
     .max          = 256,
     .help         = "stages of a pipeline; numbers are of the fullest stage",
     .default_text = "1"},
    {.name         = "tokens",
     .kind         = WS_ARG_INT,
     .offset       = offsetof(command_line, n_tokens),
     .min          = 1,
     .max          = 1 << 30,
     .help         = "length of a request, prompt and output, for its KV cache and for the largest batch",
     .default_text = "4096"},
    {.name         = "dtype",
     .kind         = WS_ARG_CHOICE,
     .offset       = offsetof(command_line, dtype),
     .choices      = dtype_names,
     .help         = "type of what is not quantised; auto = the checkpoint's",
     .default_text = "auto"},
    {.name         = "kv-cache-dtype",
     .kind         = WS_ARG_CHOICE,
     .offset       = offsetof(command_line, kv_dtype),
     .choices      = kv_names,
     .help         = "type of the KV cache; auto = what the checkpoint asks for, else its dtype",
     .default_text = "auto"},
    {.name   = "approximate-model",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(command_line, approximate),
     .help   = "leave out what is not modelled instead of refusing it, and say what"},
    {.name   = "data-dir",
     .kind   = WS_ARG_LIST,
     .offset = offsetof(command_line, data_dirs),
     .value  = "DIR",
     .help   = "a folder with model/ and hardware/, before the bundled ones; may be repeated"},
    {.name   = "list",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(command_line, wants_list),
     .help   = "the names of the bundled models, one per line"},
    {.name   = "json",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(command_line, as_json),
     .help   = "the same as JSON"},
};

/* ---- facts ---- */

typedef struct board {
    char    tag[64];
    double  memory_gib;
    int64_t n_requests; /* that fit; -1 = the weights do not */
} board;

typedef struct facts {
    const command_line *line;
    ws_architecture    *arch; /* owned */
    ws_strbuf           notes;
    ws_parameter_count  n;
    ws_dtype            dtype, kv_dtype;
    ws_rank_share       stage; /* the fullest */
    double              weight_bytes, quantised_bytes;
    int64_t             kv_bytes_per_token, kv_bytes_per_token_beyond_windows, request_bytes;
    size_t              n_boards;
    board               boards[MAX_BOARDS];
} facts;

static ws_dtype chosen_dtype(const command_line *line, const ws_architecture *arch)
{
    const ws_dtype given = line->dtype > 0 ? ws_dtype_from_name(dtype_names[line->dtype]) : arch->dtype;
    return given == WS_DTYPE_COUNT ? WS_DTYPE_BFLOAT16 : given;
}

static ws_dtype chosen_kv_dtype(const command_line *line, const ws_architecture *arch, ws_dtype dtype)
{
    if (line->kv_dtype > 0) {
        return ws_dtype_from_name(kv_names[line->kv_dtype]);
    }
    return arch->kv_cache_dtype != WS_DTYPE_COUNT ? arch->kv_cache_dtype : dtype;
}

/* The stage with the most weights; earlier stages have one layer more where layers do not divide evenly. */
static ws_rank_share fullest_stage(const facts *f)
{
    const int64_t n_layers = f->arch->n_layers, pp = f->line->pp;
    ws_rank_share fullest = {.tp = f->line->tp, .ep = f->line->ep};
    double        most    = -1.0;
    int64_t       first   = 0;
    for (int64_t s = 0; s < pp; s++) {
        const ws_rank_share stage = {.tp            = f->line->tp,
                                     .ep            = f->line->ep,
                                     .first_layer   = first,
                                     .n_layers      = n_layers / pp + (s < n_layers % pp),
                                     .has_embedding = s == 0,
                                     .has_head      = s == pp - 1};
        const double        bytes = ws_arch_weight_bytes(f->arch, &stage, f->dtype);
        if (bytes > most) {
            most    = bytes;
            fullest = stage;
        }
        first += stage.n_layers;
    }
    return fullest;
}

static void compute(facts *f)
{
    const ws_architecture *arch = f->arch;
    const int64_t          far  = INT64_C(1) << 31; /* beyond every window */
    f->n                        = ws_arch_parameters(arch);
    f->dtype                    = chosen_dtype(f->line, arch);
    f->kv_dtype                 = chosen_kv_dtype(f->line, arch, f->dtype);
    f->stage                    = fullest_stage(f);
    f->weight_bytes             = ws_arch_weight_bytes(arch, &f->stage, f->dtype);
    f->quantised_bytes =
        arch->quant != WS_QUANT_NONE ? ws_arch_weight_bytes_of(arch, &f->stage, f->dtype, arch->quant) : 0.0;
    f->kv_bytes_per_token = ws_arch_kv_bytes_per_token(arch, &f->stage, f->kv_dtype);
    f->kv_bytes_per_token_beyond_windows =
        ws_arch_request_bytes(arch, &f->stage, far + 1, f->kv_dtype, f->dtype) -
        ws_arch_request_bytes(arch, &f->stage, far, f->kv_dtype, f->dtype);
    f->request_bytes = ws_arch_request_bytes(arch, &f->stage, f->line->n_tokens, f->kv_dtype, f->dtype);
}

/* ---- boards ---- */

static int64_t requests_that_fit(const facts *f, double memory_gib)
{
    const double room = memory_gib * 1073741824.0 * MEMORY_SHARE - f->weight_bytes;
    if (room < 0.0) {
        return -1;
    }
    return f->request_bytes > 0 ? (int64_t)(room / (double)f->request_bytes) : 0;
}

static ws_status read_board(ws_files *files, const char *folder, const char *entry, size_t len, ws_error *err,
                            facts *f)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%.3900s/%.*s", folder, (int)len, entry);
    ws_bytes        bytes;
    ws_json_doc    *doc    = NULL;
    ws_board_memory memory = {0.0, 0.0};
    WS_TRY(ws_files_read(files, path, err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, &doc));
    const ws_status status = ws_board_memory_read(ws_json_doc_root(doc), err, &memory);
    ws_json_doc_destroy(&doc);
    if (status == WS_OK && memory.size_gib > 0.0) {
        board *b = &f->boards[f->n_boards++];
        (void)snprintf(b->tag, sizeof(b->tag), "%.*s", (int)(len - 5), entry);
        b->memory_gib = memory.size_gib;
        b->n_requests = requests_that_fit(f, memory.size_gib);
    }
    return status;
}

static ws_status read_boards(ws_files *files, const char *dir, ws_error *err, facts *f)
{
    char folder[4096];
    (void)snprintf(folder, sizeof(folder), "%.4000s/hardware", dir);
    for (const char *entry = ws_files_list(files, folder); *entry != '\0';) {
        const size_t len = strcspn(entry, "\n");
        if (len > 5 && strncmp(entry + len - 5, ".json", 5) == 0 && f->n_boards < MAX_BOARDS) {
            WS_TRY(read_board(files, folder, entry, len, err, f));
        }
        entry += len + (entry[len] == '\n');
    }
    return WS_OK;
}

/* ---- layers by kind ---- */

/* "61 x mla, 256 experts": alike layers in the order of their first. */
static void describe(const ws_block *block, char text[160])
{
    const ws_attention *a          = &block->attention;
    const ws_mlp       *m          = &block->mlp;
    char                window[48] = "", mlp[96] = "no MLP";
    if (a->window_tokens > 0 && (a->kind == WS_ATTENTION_SLIDING || a->kind == WS_ATTENTION_CHUNKED)) {
        (void)snprintf(window, sizeof(window), " %" PRId64, a->window_tokens);
    }
    if (m->n_experts > 0) {
        (void)snprintf(mlp, sizeof(mlp), "%" PRId64 " of %" PRId64 " experts%s%s", m->experts_per_token,
                       m->n_experts, m->shared_intermediate_size > 0 ? ", shared" : "",
                       m->intermediate_size > 0 ? ", dense" : "");
    } else if (m->intermediate_size > 0) {
        (void)snprintf(mlp, sizeof(mlp), "dense %" PRId64, m->intermediate_size);
    }
    const bool has_heads = a->n_heads > 0 && a->kind != WS_ATTENTION_MLA && a->kind != WS_ATTENTION_NONE;
    if (has_heads) {
        (void)snprintf(text, 160, "%s%s (%" PRId64 "/%" PRId64 " heads), %s", ws_attention_name(a->kind),
                       window, a->n_heads, a->n_kv_heads, mlp);
    } else {
        (void)snprintf(text, 160, "%s%s, %s", ws_attention_name(a->kind), window, mlp);
    }
}

static int64_t layers_of_kind(const ws_architecture *arch, size_t kind)
{
    int64_t n = 0;
    for (int64_t i = 0; i < arch->n_layers; i++) {
        n += arch->kind_of_layer[i] == kind;
    }
    return n;
}

/* ---- printing ---- */

static void put_text(const facts *f, ws_strbuf *out)
{
    const ws_architecture *arch = f->arch;
    ws_strbuf_printf(out, "%s (%s)\n\n", f->line->name, arch->model_type);
    ws_strbuf_printf(out, "parameters        %.4g billion", (double)f->n.total / 1e9);
    if (f->n.active < f->n.total) {
        ws_strbuf_printf(out, ", %.4g active per token", (double)f->n.active / 1e9);
    }
    ws_strbuf_printf(out, "\nlayers            %" PRId64 "\n", arch->n_layers);
    for (size_t kind = 0; kind < arch->n_kinds; kind++) {
        char text[160];
        describe(&arch->kinds[kind], text);
        ws_strbuf_printf(out, "  %4" PRId64 " x %s\n", layers_of_kind(arch, kind), text);
    }
    ws_strbuf_printf(out, "\nper NPU (tp %" PRId64 ", ep %" PRId64 ", pp %" PRId64 ")\n", f->line->tp,
                     f->line->ep, f->line->pp);
    ws_strbuf_printf(out, "weights           %.4g GB", f->weight_bytes / 1e9);
    if (f->quantised_bytes > 0.0) {
        ws_strbuf_printf(out, ": %.4g %s, %.4g %s", f->quantised_bytes / 1e9, ws_quant_name(arch->quant),
                         (f->weight_bytes - f->quantised_bytes) / 1e9, ws_dtype_name(f->dtype));
    }
    ws_strbuf_printf(out, "\nKV cache          %" PRId64 " bytes per token (%s)", f->kv_bytes_per_token,
                     ws_dtype_name(f->kv_dtype));
    if (f->kv_bytes_per_token_beyond_windows != f->kv_bytes_per_token) {
        ws_strbuf_printf(out, ", %" PRId64 " beyond all windows", f->kv_bytes_per_token_beyond_windows);
    }
    ws_strbuf_printf(out, "\nrequest           %.4g MB at %" PRId64 " tokens\n",
                     (double)f->request_bytes / 1e6, f->line->n_tokens);
    ws_strbuf_printf(out, "\nrequests of %" PRId64 " tokens that fit, in 90 %% of a board's memory\n",
                     f->line->n_tokens);
    for (size_t i = 0; i < f->n_boards; i++) {
        const board *b = &f->boards[i];
        if (b->n_requests < 0) {
            ws_strbuf_printf(out, "  %-12s %4.0f GiB  the weights do not fit\n", b->tag, b->memory_gib);
        } else {
            ws_strbuf_printf(out, "  %-12s %4.0f GiB  %" PRId64 "\n", b->tag, b->memory_gib, b->n_requests);
        }
    }
}

static void put_int(ws_json_writer *w, const char *key, int64_t value)
{
    ws_json_put_key(w, key);
    ws_json_put_int(w, value);
}

static void put_string(ws_json_writer *w, const char *key, const char *value)
{
    ws_json_put_key(w, key);
    ws_json_put_string(w, value);
}

static void put_layers(const ws_architecture *arch, ws_json_writer *w)
{
    ws_json_put_key(w, "layers");
    ws_json_begin_array(w);
    for (size_t kind = 0; kind < arch->n_kinds; kind++) {
        const ws_attention *a = &arch->kinds[kind].attention;
        const ws_mlp       *m = &arch->kinds[kind].mlp;
        ws_json_begin_object(w);
        put_int(w, "n_layers", layers_of_kind(arch, kind));
        put_string(w, "attention", ws_attention_name(a->kind));
        put_int(w, "n_heads", a->n_heads);
        put_int(w, "n_kv_heads", a->n_kv_heads);
        put_int(w, "window_tokens", a->window_tokens);
        put_int(w, "intermediate_size", m->intermediate_size);
        put_int(w, "n_experts", m->n_experts);
        put_int(w, "experts_per_token", m->experts_per_token);
        put_int(w, "expert_intermediate_size", m->expert_intermediate_size);
        put_int(w, "shared_intermediate_size", m->shared_intermediate_size);
        ws_json_end_object(w);
    }
    ws_json_end_array(w);
}

static void put_notes(const ws_strbuf *notes, ws_json_writer *w)
{
    ws_json_put_key(w, "notes");
    ws_json_begin_array(w);
    for (const char *line = ws_strbuf_text(notes); *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        char         text[512];
        (void)snprintf(text, sizeof(text), "%.*s", (int)len, line);
        ws_json_put_string(w, text);
        line += len + (line[len] == '\n');
    }
    ws_json_end_array(w);
}

static void put_json(const facts *f, ws_strbuf *out)
{
    ws_json_writer w;
    ws_json_writer_init(&w, out, 2);
    ws_json_begin_object(&w);
    put_string(&w, "model", f->line->name);
    put_string(&w, "model_type", f->arch->model_type);
    put_int(&w, "n_params", f->n.total);
    put_int(&w, "n_active_params", f->n.active);
    put_int(&w, "n_embedding_params", f->n.embedding);
    put_int(&w, "n_layers", f->arch->n_layers);
    put_layers(f->arch, &w);
    put_int(&w, "tp", f->line->tp);
    put_int(&w, "ep", f->line->ep);
    put_int(&w, "pp", f->line->pp);
    put_string(&w, "dtype", ws_dtype_name(f->dtype));
    put_string(&w, "quantization", ws_quant_name(f->arch->quant));
    put_string(&w, "kv_cache_dtype", ws_dtype_name(f->kv_dtype));
    put_int(&w, "weight_bytes_per_npu", (int64_t)f->weight_bytes);
    put_int(&w, "quantized_weight_bytes_per_npu", (int64_t)f->quantised_bytes);
    put_int(&w, "kv_bytes_per_token", f->kv_bytes_per_token);
    put_int(&w, "kv_bytes_per_token_beyond_windows", f->kv_bytes_per_token_beyond_windows);
    put_int(&w, "request_tokens", f->line->n_tokens);
    put_int(&w, "request_bytes", f->request_bytes);
    ws_json_put_key(&w, "boards");
    ws_json_begin_object(&w);
    for (size_t i = 0; i < f->n_boards; i++) {
        ws_json_put_key(&w, f->boards[i].tag);
        ws_json_begin_object(&w);
        ws_json_put_key(&w, "memory_gib");
        ws_json_put_double(&w, f->boards[i].memory_gib);
        ws_json_put_key(&w, "weights_fit");
        ws_json_put_bool(&w, f->boards[i].n_requests >= 0);
        put_int(&w, "max_requests", f->boards[i].n_requests > 0 ? f->boards[i].n_requests : 0);
        ws_json_end_object(&w);
    }
    ws_json_end_object(&w);
    put_notes(&f->notes, &w);
    ws_json_end_object(&w);
    ws_strbuf_puts(out, "\n");
}

/* ---- the list of bundled models ---- */

static void list_models(ws_files *files, const char *dir, ws_strbuf *out)
{
    char folder[4096];
    (void)snprintf(folder, sizeof(folder), "%.4000s/model", dir);
    char *owners = ws_strdup(ws_files_list(files, folder));
    for (char *owner = owners; owner != NULL && *owner != '\0';) {
        const size_t len = strcspn(owner, "\n");
        char         below[8192];
        (void)snprintf(below, sizeof(below), "%s/%.*s", folder, (int)len, owner);
        const bool is_org = strncmp(owner, "arch", len) != 0;
        for (const char *entry = is_org ? ws_files_list(files, below) : ""; *entry != '\0';) {
            const size_t n = strcspn(entry, "\n");
            if (n > 5 && strncmp(entry + n - 5, ".json", 5) == 0) {
                ws_strbuf_printf(out, "%.*s/%.*s\n", (int)len, owner, (int)(n - 5), entry);
            }
            entry += n + (entry[n] == '\n');
        }
        owner += len + (owner[len] == '\n');
    }
    free(owners);
}

/* ---- the command ---- */

static ws_status show_model(const ws_data_dirs *data, const command_line *line, ws_error *err, facts *f,
                            ws_strbuf *out)
{
    ws_model_files model;
    ws_status      status = ws_model_files_open(data, line->name, err, &model);
    if (status == WS_OK && model.config == NULL) {
        status = ws_error_add(err, WS_ERR_INPUT, "no model \"%s\": " WS_MODEL_FILES_EXPECTED, line->name);
    }
    if (status == WS_OK) {
        status = ws_model_files_read(&model, line->approximate, err, &f->notes, f->arch);
    }
    ws_model_files_fini(&model);
    WS_TRY(status);
    compute(f);
    for (size_t i = 0; i < data->n_dirs; i++) {
        WS_TRY(read_boards(data->files, data->dirs[i], err, f));
    }
    if (line->as_json) {
        put_json(f, out);
    } else {
        put_text(f, out);
    }
    return WS_OK;
}

static ws_status gather(const command_line *line, ws_error *err, facts *f, ws_strbuf *out)
{
    char        bundled[4096];
    const char *dirs[MAX_DIRS + 1];
    size_t      n_dirs = 0;
    ws_files   *files  = NULL;
    for (size_t i = 0; i < line->data_dirs.n; i++) {
        dirs[n_dirs++] = line->data_dirs.items[i];
    }
    if (ws_bundled_dir(bundled, sizeof(bundled))) {
        dirs[n_dirs++] = bundled;
    }
    WS_TRY(ws_check_data_dirs(line->data_dirs.items, line->data_dirs.n, err));
    WS_TRY(ws_files_create(&files));
    ws_status status = WS_OK;
    if (line->wants_list) {
        for (size_t i = 0; i < n_dirs; i++) {
            list_models(files, dirs[i], out);
        }
    } else {
        const ws_data_dirs data = {files, dirs, n_dirs};
        status                  = show_model(&data, line, err, f, out);
    }
    ws_files_destroy(&files);
    return status;
}

static ws_status run(const command_line *line, ws_error *err)
{
    ws_strbuf out    = WS_STRBUF_INIT;
    facts    *f      = calloc(1, sizeof(*f));
    ws_status status = WS_ERR_NOMEM;
    if (f != NULL) {
        f->line = line;
        f->arch = calloc(1, sizeof(*f->arch));
        status  = f->arch != NULL ? gather(line, err, f, &out) : WS_ERR_NOMEM;
        if (!line->as_json && f->notes.len > 0) {
            (void)fprintf(stderr, "%s", ws_strbuf_text(&f->notes));
        }
        ws_strbuf_fini(&f->notes);
        free(f->arch);
    }
    free(f);
    if (status == WS_OK && out.failed) {
        status = WS_ERR_NOMEM;
    }
    if (status == WS_OK && (fputs(ws_strbuf_text(&out), stdout) < 0 || fflush(stdout) != 0)) {
        status = ws_error_add(err, WS_ERR_IO, "standard output: cannot be written");
    }
    ws_strbuf_fini(&out);
    return status;
}

int ws_model_command(int argc, char **argv)
{
    ws_error             err     = WS_ERROR_INIT;
    command_line         words   = {.tp = 1, .ep = 1, .pp = 1, .n_tokens = 4096};
    size_t               n_names = 0;
    int                  code    = 0;
    const ws_arg_section section = {"Options", args, sizeof(args) / sizeof(args[0]), &words};
    const ws_cmdline     line    = {
               .program = "wattsim model",
               .usage   = "NAME|PATH [--tp N] [--ep N] [--json]",
               .about =
                   "Says what a model is made of: parameters, layers by kind, weights per NPU, KV cache per token "
                          "and "
                          "request, and how many requests fit each bundled board. NAME is a bundled model, PATH a Hugging "
                          "Face config.json or a folder that holds one.",
               .sections      = &section,
               .n_sections    = 1,
               .operand_names = "a model",
               .max_operands  = 1,
               .operands      = &words.name};
    words.data_dirs = (ws_arg_list){.items = words.dirs, .capacity = MAX_DIRS};
    if (!ws_cmdline_start(&line, argc, argv, &n_names, &code)) {
        return code;
    }
    ws_status status = WS_OK;
    if (n_names == 0 && !words.wants_list) {
        status = ws_error_add(&err, WS_ERR_INPUT, "expected a model, see wattsim model --help");
    } else {
        status = run(&words, &err);
    }
    if (status != WS_OK) {
        const char *text = ws_error_text(&err);
        (void)fprintf(stderr, "wattsim model: %s\n", text[0] != '\0' ? text : ws_status_text(status));
    }
    ws_error_clear(&err);
    return ws_exit_code(status);
}
