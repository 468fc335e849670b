/* wattprof: hardware profiles -- show, fit, check, calibrate, import. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/strbuf.h"
#include "base/unread.h"
#include "base/version.h"
#include "programs/wattprof.h"
#include "wattsim.h"

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

static void print_help(FILE *out)
{
    (void)fprintf(out, "wattprof: hardware latency profiles for wattsim\n\n");
    for (int i = 0; i < N_COMMANDS; i++) {
        (void)fprintf(out, "  wattprof %s %s\n      %s\n", commands[i].name, commands[i].usage,
                      commands[i].help);
    }
    (void)fprintf(out,
                  "\n"
                  "  --output FILE   where to write; - is standard output\n"
                  "  --bundle DIR    measured bundle: meta.yaml and tp<N>/*.csv\n"
                  "  --configs DIR   folder with model/ (default: $WATTSWEEP_CONFIGS, else the bundled one)\n"
                  "  --tp N          only this tensor-parallel degree\n"
                  "  --fixed-attention  keep the attention and kv efficiencies of the data sheet\n"
                  "  --json          print JSON instead of a table\n"
                  "  --help, --version\n\n"
                  "Profiles and bundles are looked up as given, then beside the bundled configs folder.\n\n");
    (void)fputs(ws_exit_code_help(), out);
}

/* The value behind an option, as --name VALUE or --name=VALUE; NULL if argv[*i] is another option. */
static const char *option_value(int argc, char **argv, int *i, const char *name)
{
    const size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0) {
        return NULL;
    }
    if (argv[*i][len] == '=') {
        return argv[*i] + len + 1;
    }
    if (argv[*i][len] != '\0' || *i + 1 >= argc) {
        return NULL;
    }
    return argv[++*i];
}

static ws_status parse_tp(wp_context *ctx, const char *text)
{
    char      *stop  = NULL;
    const long value = strtol(text, &stop, 10);
    if (*text == '\0' || *stop != '\0' || value < 1 || value > 1000000) {
        return ws_error_add(&ctx->err, WS_ERR_INPUT, "--tp: expected an integer >= 1, found \"%s\"", text);
    }
    ctx->args.tp = value;
    return WS_OK;
}

static ws_status parse_args(wp_context *ctx, int argc, char **argv)
{
    wp_args *args = &ctx->args;
    for (int i = 0; i < argc; i++) {
        const char *value;
        if ((value = option_value(argc, argv, &i, "--output")) != NULL) {
            args->output = value;
        } else if ((value = option_value(argc, argv, &i, "--bundle")) != NULL) {
            args->bundle = value;
        } else if ((value = option_value(argc, argv, &i, "--configs")) != NULL) {
            args->configs = value;
        } else if ((value = option_value(argc, argv, &i, "--tp")) != NULL) {
            WS_TRY(parse_tp(ctx, value));
        } else if (strcmp(argv[i], "--json") == 0) {
            args->json = true;
        } else if (strcmp(argv[i], "--fixed-attention") == 0) {
            args->fixed_attention = true;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            return ws_error_add(&ctx->err, WS_ERR_INPUT,
                                "%s: unknown option, or its value is missing; see wattprof --help", argv[i]);
        } else if (args->n_positional == WP_POSITIONAL_MAX) {
            return ws_error_add(&ctx->err, WS_ERR_INPUT, "%s: expected at most %d arguments", argv[i],
                                WP_POSITIONAL_MAX);
        } else {
            args->positional[args->n_positional++] = argv[i];
        }
    }
    return WS_OK;
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

static int run_command(int which, int argc, char **argv)
{
    wp_context ctx    = {.err = WS_ERROR_INIT, .bundled = "configs"};
    ws_status  status = ws_files_create(&ctx.files);
    ctx.args.configs  = ctx.bundled;
    if (!ws_bundled_dir(ctx.bundled, sizeof(ctx.bundled))) {
        (void)snprintf(ctx.bundled, sizeof(ctx.bundled), "configs");
    }
    if (status == WS_OK) {
        status = parse_args(&ctx, argc, argv);
    }
    if (status == WS_OK) {
        status = find_inputs(&ctx, commands[which].n_inputs);
    }
    if (status == WS_OK) {
        status = commands[which].run(&ctx);
    }
    if (status == WS_OK && (fflush(stdout) != 0 || ferror(stdout) != 0) && !ws_is_unread(fileno(stdout))) {
        status = ws_error_add(&ctx.err, WS_ERR_IO, "standard output: %s", strerror(errno));
    }
    if (status != WS_OK) {
        const char *text = ws_error_text(&ctx.err);
        (void)fprintf(stderr, "%s\n", *text != '\0' ? text : ws_status_text(status));
    }
    for (size_t i = 0; i < sizeof(ctx.found) / sizeof(ctx.found[0]); i++) {
        free(ctx.found[i]);
    }
    ws_error_clear(&ctx.err);
    ws_files_destroy(&ctx.files);
    return ws_exit_code(status);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the output may leave: files are still written */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over the size limit is a failed write, which has a message */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return WS_EXIT_DONE;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)printf("wattprof %s\n", ws_version());
            return WS_EXIT_DONE;
        }
    }
    for (int c = 0; argc > 1 && c < N_COMMANDS; c++) {
        if (strcmp(argv[1], commands[c].name) == 0) {
            return run_command(c, argc - 2, argv + 2);
        }
    }
    if (argc > 1) {
        (void)fprintf(stderr, "%s: unknown command\n", argv[1]);
    }
    print_help(stderr);
    return WS_EXIT_INPUT;
}
