#include "programs/workload_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmdline_help.h"
#include "base/error.h"
#include "base/exit_code.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/output_file.h"
#include "workload/workload_generator.h"
#include "workload/workload_spec.h"

typedef struct command_line {
    const char *spec_path;   /* borrowed from argv */
    const char *output_path; /* "-" = standard output */
    uint64_t    seed;
} command_line;

/* All of uint64_t, as specs have it; digits alone. */
static ws_status set_seed(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    command_line *line             = into;
    char         *end              = NULL;
    errno                          = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        return ws_arg_refuse(arg, text, err);
    }
    line->seed = value;
    return WS_OK;
}

static const ws_arg args[] = {
    {.name         = "seed",
     .kind         = WS_ARG_INT,
     .set          = set_seed,
     .expected     = "an integer >= 0",
     .help         = "seed where the spec has none of its own",
     .default_text = "0"},
    {.name         = "output",
     .kind         = WS_ARG_FILE,
     .offset       = offsetof(command_line, output_path),
     .help         = "where the trace goes; - = standard output",
     .default_text = "-"},
};

static int print_help(const ws_cmdline *line)
{
    ws_strbuf spec = WS_STRBUF_INIT;
    ws_workload_spec_help(&spec);
    if (!spec.failed && spec.len > 0) {
        spec.data[spec.len - 1] = '\0'; /* the line end is the help's */
    }
    ws_cmdline shown = *line;
    shown.closing    = ws_strbuf_text(&spec);
    ws_cmdline_print_help(&shown, stdout);
    const bool is_written = !spec.failed && fflush(stdout) == 0 && ferror(stdout) == 0;
    ws_strbuf_fini(&spec);
    return is_written ? WS_EXIT_DONE : WS_EXIT_OUTPUT;
}

/* What a spec becomes a trace by; everything owned. */
typedef struct generation {
    ws_files    *files;
    ws_json_doc *spec;
    ws_workload *workload;
} generation;

static ws_status generate(generation *g, const command_line *line, ws_error *err, ws_strbuf *text)
{
    ws_bytes bytes;
    WS_TRY(ws_files_create(&g->files));
    WS_TRY(ws_files_read(g->files, line->spec_path, err, &bytes));
    WS_TRY(ws_json_doc_parse(line->spec_path, bytes.data, bytes.len, err, &g->spec));
    WS_TRY(ws_workload_generate(g->files, ws_json_doc_root(g->spec), line->seed, err, &g->workload));
    WS_TRY(ws_files_check_output(g->files, "--output", line->output_path, err));
    ws_workload_write_jsonl(g->workload, text);
    return text->failed ? WS_ERR_NOMEM : WS_OK;
}

static ws_status generate_text(const command_line *line, ws_error *err, ws_strbuf *text)
{
    generation      g      = {.files = NULL};
    const ws_status status = generate(&g, line, err, text);
    ws_workload_destroy(&g.workload);
    ws_json_doc_destroy(&g.spec);
    ws_files_destroy(&g.files);
    return status;
}

static ws_status run(const command_line *line, ws_error *err)
{
    ws_strbuf text   = WS_STRBUF_INIT;
    ws_status status = generate_text(line, err, &text);
    if (status == WS_OK) {
        status = ws_output_write(line->output_path, text.data, text.len, err);
    }
    ws_strbuf_fini(&text);
    return status;
}

/* Problems, one per line; a status without text of its own is named. */
static int report(ws_status status, const ws_error *err)
{
    if (status != WS_OK) {
        const char *text = ws_error_text(err);
        fprintf(stderr, "wattsim workload: %s\n", text[0] != '\0' ? text : ws_status_text(status));
    }
    return ws_exit_code(status);
}

int ws_workload_command(int argc, char **argv)
{
    ws_error             err     = WS_ERROR_INIT;
    command_line         words   = {.output_path = "-"};
    const ws_arg_section section = {"Options", args, sizeof(args) / sizeof(args[0]), &words};
    const ws_cmdline     line    = {.program = "wattsim workload",
                                    .usage   = "SPEC [--seed N] [--output FILE]",
                                    .about = "Generates the requests a spec describes and writes them as a JSONL "
                                                    "trace. SPEC is a JSON file, see below.",
                                    .sections      = &section,
                                    .n_sections    = 1,
                                    .operand_names = "a generator spec (JSON file)",
                                    .min_operands  = 1,
                                    .max_operands  = 1,
                                    .operands      = &words.spec_path};
    ws_cmdline_seen      seen    = {.n_operands = 0};
    ws_status            status  = ws_cmdline_read(&line, argc, (const char *const *)argv, &err, &seen);
    if (status == WS_OK && seen.wants_help) {
        return print_help(&line);
    }
    if (status == WS_OK) {
        status = run(&words, &err);
    }
    const int code = report(status, &err);
    ws_error_clear(&err);
    return code;
}
