/* wattprof: hardware profiles -- show, fit, check, calibrate, import. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmdline_start.h"
#include "base/cmdline_help.h"
#include "base/exit_code.h"
#include "base/strbuf.h"
#include "base/unread.h"
#include "base/version.h"
#include "programs/wattprof.h"
#include "engine.h"

static const struct {
    const char *name;
    ws_status (*run)(wp_context *ctx);
    size_t      n_inputs; /* how many of the arguments are read; the others are written to */
    const char *usage, *help;
} commands[] = {
    {"show", wp_show, WP_POSITIONAL_MAX, "PROFILE", "what a bundle, a compact profile or a data sheet holds"},
    {"fit", wp_fit, WP_POSITIONAL_MAX, "BUNDLE --output FILE", "fit a compact profile to a measured bundle"},
    {"check", wp_check, WP_POSITIONAL_MAX, "PROFILE --bundle BUNDLE [--tp N] [--configs DIR] [--json]",
     "relative error of a compact profile or data sheet against a measured bundle"},
    {"calibrate", wp_calibrate, WP_POSITIONAL_MAX,
     "DATASHEET BUNDLE... [--fixed-attention] [--tp N] [--configs DIR] [--json]",
     "find the efficiencies of a data sheet that fit measured bundles best"},
    {"import", wp_import, 1, "BUNDLE DATA_FOLDER",
     "check a measured bundle and copy it below a data folder, where wattsim finds it"},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

#define AT(member) .offset = offsetof(wp_args, member)

static const ws_arg options[] = {
    {.name = "output", .kind = WS_ARG_FILE, AT(output), .help = "where to write; - is standard output"},
    {.name = "bundle",
     .kind = WS_ARG_FILE,
     AT(bundle),
     .value = "DIR",
     .help  = "measured bundle: meta.yaml and tp<N>/*.csv"},
    {.name = "configs",
     .kind = WS_ARG_FILE,
     AT(configs),
     .value        = "DIR",
     .help         = "folder with model/",
     .default_text = "$WATTSWEEP_CONFIGS, else the bundled one"},
    {.name = "tp",
     .kind = WS_ARG_INT,
     AT(tp),
     .min      = 1,
     .max      = 1000000,
     .expected = "an integer >= 1",
     .help     = "only this tensor-parallel degree"},
    {.name = "fixed-attention",
     .kind = WS_ARG_FLAG,
     AT(fixed_attention),
     .help = "keep the attention and kv efficiencies of the data sheet"},
    {.name = "json", .kind = WS_ARG_FLAG, AT(json), .help = "print JSON instead of a table"},
    {.name = "version", .kind = WS_ARG_FLAG, AT(wants_version), .help = "print the version"},
};

/* One line for all commands: an option that a command has no use for is let pass. */
static ws_cmdline make_line(const ws_arg_section *section, wp_args *into)
{
    return (ws_cmdline){
        .program    = "wattprof",
        .closing    = "Profiles and bundles are looked up as given, then next to the bundled configs folder.",
        .sections   = section,
        .n_sections = 1,
        .operand_names = "a command and up to 16 arguments",
        .max_operands  = 1 + WP_POSITIONAL_MAX,
        .operands      = into->words};
}

static int print_help(const ws_cmdline *line, FILE *out)
{
    ws_cmdline shown = *line;
    ws_strbuf  about = WS_STRBUF_INIT;
    ws_strbuf_puts(&about, "wattprof: hardware latency profiles for wattsim\n");
    for (int i = 0; i < N_COMMANDS; i++) {
        ws_strbuf_printf(&about, "\n  wattprof %s %s\n      %s", commands[i].name, commands[i].usage,
                         commands[i].help);
    }
    shown.about = ws_strbuf_text(&about);
    ws_cmdline_print_help(&shown, out);
    ws_strbuf_fini(&about);
    return out == stdout ? WS_EXIT_DONE : WS_EXIT_INPUT;
}

static ws_status find_input(wp_context *ctx, const char *what, const char **path, char **found)
{
    char where[WP_PATH_CAP];
    WS_TRY(ws_find_input(ctx->files, what, *path, &ctx->err, where, sizeof(where)));
    *found = ws_strdup(where);
    *path  = *found;
    return *found != NULL ? WS_OK : WS_ERR_NOMEM;
}

/* Replace the names of inputs by where they were found. */
static ws_status find_inputs(wp_context *ctx, size_t n_inputs)
{
    wp_args *args = &ctx->args;
    for (size_t i = 0; i < args->n_positional && i < n_inputs; i++) {
        WS_TRY(find_input(ctx, "argument", &args->positional[i], &ctx->found[i]));
    }
    if (args->configs != ctx->bundled) {
        WS_TRY(ws_check_folder("--configs", args->configs, &ctx->err));
    }
    return args->bundle != NULL ? find_input(ctx, "--bundle", &args->bundle, &ctx->found[WP_POSITIONAL_MAX])
                                : WS_OK;
}

/* What was printed has to have arrived, unless nobody wants it. */
static ws_status check_stdout(ws_error *err)
{
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && !ws_is_unread(fileno(stdout))) {
        return ws_error_add(err, WS_ERR_IO, "standard output: %s", strerror(errno));
    }
    return WS_OK;
}

static ws_status work(wp_context *ctx, int which)
{
    WS_TRY(ws_files_create(&ctx->files));
    WS_TRY(find_inputs(ctx, commands[which].n_inputs));
    WS_TRY(commands[which].run(ctx));
    return check_stdout(&ctx->err);
}

static int report(ws_status status, ws_error *err)
{
    if (status != WS_OK) {
        const char *text = ws_error_text(err);
        (void)fprintf(stderr, "%s\n", *text != '\0' ? text : ws_status_text(status));
    }
    ws_error_clear(err);
    return ws_exit_code(status);
}

static int run_command(wp_context *ctx, int which)
{
    const ws_status status = work(ctx, which);
    for (size_t i = 0; i < sizeof(ctx->found) / sizeof(ctx->found[0]); i++) {
        free(ctx->found[i]);
    }
    ws_files_destroy(&ctx->files);
    return report(status, &ctx->err);
}

/* The command the line names, N_COMMANDS if there is none of that name. */
static int find_command(const char *name)
{
    int which = 0;
    while (which < N_COMMANDS && strcmp(name, commands[which].name) != 0) {
        which++;
    }
    return which;
}

static int report_unknown(const char *name)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    return ws_cmdline_refuse_command("wattprof", name, names, N_COMMANDS);
}

static void set_defaults(wp_context *ctx)
{
    *ctx = (wp_context){.err = WS_ERROR_INIT};
    if (!ws_bundled_dir(ctx->bundled, sizeof(ctx->bundled))) {
        (void)snprintf(ctx->bundled, sizeof(ctx->bundled), "configs");
    }
    ctx->args.configs = ctx->bundled;
}

static int run_line(wp_context *ctx, const ws_cmdline *line, const ws_cmdline_seen *seen)
{
    wp_args *args = &ctx->args;
    if (seen->wants_help) {
        return print_help(line, stdout);
    }
    if (args->wants_version) {
        (void)printf("wattprof %s\n", ws_version());
        return WS_EXIT_DONE;
    }
    if (seen->n_operands == 0) {
        return print_help(line, stderr);
    }
    const int which    = find_command(args->words[0]);
    args->positional   = args->words + 1;
    args->n_positional = seen->n_operands - 1;
    return which < N_COMMANDS ? run_command(ctx, which) : report_unknown(args->words[0]);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the output may leave: files are still written */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over the size limit is a failed write, which has a message */
    wp_context           ctx;
    const ws_arg_section section = {"Options", options, sizeof(options) / sizeof(options[0]), &ctx.args};
    const ws_cmdline     line    = make_line(&section, &ctx.args);
    ws_cmdline_seen      seen    = {.n_operands = 0};
    set_defaults(&ctx);
    const ws_status status = ws_cmdline_read(&line, argc, (const char *const *)argv, &ctx.err, &seen);
    return status == WS_OK ? run_line(&ctx, &line, &seen) : report(status, &ctx.err);
}
