/* wattprof: hardware profiles -- show, fit, check, calibrate, import. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "programs/wattprof.h"

static const struct {
    const char *name;
    ws_status (*run)(wp_context *ctx);
    const char *usage, *help;
} commands[] = {
    {"show", wp_show, "PROFILE", "what a bundle, a compact profile or a data sheet holds"},
    {"fit", wp_fit, "BUNDLE --output FILE", "fit a compact profile to a measured bundle"},
    {"check", wp_check, "PROFILE --bundle BUNDLE [--tp N] [--configs DIR] [--json]",
     "relative error of a compact profile or data sheet against a measured bundle"},
    {"calibrate", wp_calibrate, "DATASHEET BUNDLE... [--fixed-attention] [--tp N] [--configs DIR] [--json]",
     "find the efficiencies of a data sheet that fit measured bundles best"},
    {"import", wp_import, "BUNDLE DATA_FOLDER",
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
    (void)fprintf(out, "\n"
                       "  --output FILE   where to write; - is standard output\n"
                       "  --bundle DIR    measured bundle: meta.yaml and tp<N>/*.csv\n"
                       "  --configs DIR   folder with model/ (default: $WATTSWEEP_CONFIGS, else configs)\n"
                       "  --tp N          only this tensor-parallel degree\n"
                       "  --fixed-attention  keep the attention and kv efficiencies of the data sheet\n"
                       "  --json          print JSON instead of a table\n"
                       "  --help, --version\n\n"
                       "Exit codes: 0 done, 2 bad input, 3 output could not be written.\n");
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

static int exit_code(ws_status status)
{
    return status == WS_OK ? WP_EXIT_OK : status == WS_ERR_IO ? WP_EXIT_OUTPUT : WP_EXIT_INPUT;
}

static int run_command(int which, int argc, char **argv)
{
    const char *configs = getenv("WATTSWEEP_CONFIGS");
    wp_context  ctx     = {.args = {.configs = configs != NULL ? configs : "configs"}, .err = WS_ERROR_INIT};
    ws_status   status  = ws_files_create(&ctx.files);
    if (status == WS_OK) {
        status = parse_args(&ctx, argc, argv);
    }
    if (status == WS_OK) {
        status = commands[which].run(&ctx);
    }
    if (status == WS_OK && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        status = ws_error_add(&ctx.err, WS_ERR_IO, "standard output: %s", strerror(errno));
    }
    if (status != WS_OK) {
        const char *text = ws_error_text(&ctx.err);
        (void)fprintf(stderr, "%s\n", *text != '\0' ? text : ws_status_text(status));
    }
    ws_error_clear(&ctx.err);
    ws_files_destroy(&ctx.files);
    return exit_code(status);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout);
            return WP_EXIT_OK;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)printf("wattprof %s\n", ws_version());
            return WP_EXIT_OK;
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
    return WP_EXIT_INPUT;
}
