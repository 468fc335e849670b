#include "programs/workload_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    bool        is_help;
} command_line;

static ws_status parse_seed(const char *text, ws_error *err, uint64_t *out)
{
    char *end                      = NULL;
    errno                          = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        return ws_error_add(err, WS_ERR_INPUT, "--seed: expected an integer >= 0, found \"%s\"", text);
    }
    *out = value;
    return WS_OK;
}

/* An option and its value, in one word (--seed=1) or two. False if argv[*i] is not this option; *i moves to
 * the last word used, value_out is NULL if there is none. */
static bool take_option(const char *name, int argc, char **argv, int *i, const char **value_out)
{
    const size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0 || (argv[*i][len] != '\0' && argv[*i][len] != '=')) {
        return false;
    }
    if (argv[*i][len] == '=') {
        *value_out = argv[*i] + len + 1;
    } else {
        *value_out = *i + 1 < argc ? argv[++*i] : NULL;
    }
    return true;
}

static ws_status parse_word(int argc, char **argv, int *i, ws_error *err, command_line *line)
{
    const char *word = argv[*i], *value = NULL;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        line->is_help = true;
        return WS_OK;
    }
    if (take_option("--seed", argc, argv, i, &value)) {
        return value != NULL
                   ? parse_seed(value, err, &line->seed)
                   : ws_error_add(err, WS_ERR_INPUT, "--seed: expected an integer >= 0, found nothing");
    }
    if (take_option("--output", argc, argv, i, &value)) {
        line->output_path = value;
        return value != NULL
                   ? WS_OK
                   : ws_error_add(err, WS_ERR_INPUT, "--output: expected a file name, found nothing");
    }
    if (word[0] == '-') {
        return ws_error_add(err, WS_ERR_INPUT, "%s: unknown option; see wattsim workload --help", word);
    }
    if (line->spec_path != NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: expected one spec, found a second one", word);
    }
    line->spec_path = word;
    return WS_OK;
}

static ws_status parse(int argc, char **argv, ws_error *err, command_line *line)
{
    *line = (command_line){.output_path = "-"};
    for (int i = 1; i < argc; i++) {
        WS_TRY(parse_word(argc, argv, &i, err, line));
    }
    if (line->spec_path == NULL && !line->is_help) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "expected a generator spec (JSON file); see wattsim workload --help");
    }
    return WS_OK;
}

static int print_help(void)
{
    ws_strbuf text = WS_STRBUF_INIT;
    ws_strbuf_puts(&text, "usage: wattsim workload SPEC [--seed N] [--output FILE]\n\n"
                          "Generates the requests a spec describes and writes them as a JSONL trace.\n\n"
                          "  SPEC           JSON file, see below\n"
                          "  --seed N       seed where the spec has none of its own; default 0\n"
                          "  --output FILE  default -, standard output\n\n");
    ws_workload_spec_help(&text);
    ws_strbuf_printf(&text, "\n%s", ws_exit_code_help());
    const bool is_written = !text.failed && fputs(ws_strbuf_text(&text), stdout) >= 0 && fflush(stdout) == 0;
    ws_strbuf_fini(&text);
    return is_written ? WS_EXIT_DONE : WS_EXIT_OUTPUT;
}

static ws_status generate_text(const command_line *line, ws_error *err, ws_strbuf *text)
{
    ws_files    *files    = NULL;
    ws_json_doc *spec     = NULL;
    ws_workload *workload = NULL;
    ws_bytes     bytes;
    ws_status    status = ws_files_create(&files);
    if (status == WS_OK) {
        status = ws_files_read(files, line->spec_path, err, &bytes);
    }
    if (status == WS_OK) {
        status = ws_json_doc_parse(line->spec_path, bytes.data, bytes.len, err, &spec);
    }
    if (status == WS_OK) {
        status = ws_workload_generate(files, ws_json_doc_root(spec), line->seed, err, &workload);
    }
    if (status == WS_OK) {
        status = ws_files_check_output(files, "--output", line->output_path, err);
    }
    if (status == WS_OK) {
        ws_workload_write_jsonl(workload, text);
        status = text->failed ? WS_ERR_NOMEM : WS_OK;
    }
    ws_workload_destroy(&workload);
    ws_json_doc_destroy(&spec);
    ws_files_destroy(&files);
    return status;
}

static ws_status write_text(const command_line *line, const ws_strbuf *text, ws_error *err)
{
    ws_output_file *file = NULL;
    WS_TRY(ws_output_file_open(line->output_path, err, &file));
    ws_output_file_write(file, text->data, text->len);
    const ws_status status = ws_output_file_commit(file, err);
    ws_output_file_destroy(&file);
    return status;
}

static ws_status run(const command_line *line, ws_error *err)
{
    ws_strbuf text   = WS_STRBUF_INIT;
    ws_status status = generate_text(line, err, &text);
    if (status == WS_OK) {
        status = write_text(line, &text, err);
    }
    ws_strbuf_fini(&text);
    return status;
}

/* Problems, one a line; a status without text of its own is named. */
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
    ws_error     err = WS_ERROR_INIT;
    command_line line;
    ws_status    status = parse(argc, argv, &err, &line);
    if (status == WS_OK && line.is_help) {
        return print_help();
    }
    if (status == WS_OK) {
        status = run(&line, &err);
    }
    const int code = report(status, &err);
    ws_error_clear(&err);
    return code;
}
