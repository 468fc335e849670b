#include "cli/args.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

static void print_help(const swp_command_line *command)
{
    printf("usage: wattsweep %s\n\n%s\n\noptions:\n", command->usage, command->about);
    for (size_t i = 0; i < command->n_args; i++) {
        const swp_arg *arg = &command->args[i];
        char           left[80];
        snprintf(left, sizeof(left), "%s%s%s%s%s", arg->short_name == NULL ? "" : arg->short_name,
                 arg->short_name == NULL ? "" : ", ", arg->name, arg->value == NULL ? "" : " ",
                 arg->value == NULL ? "" : arg->value);
        printf("  %-26s %s\n", left, arg->help);
    }
    printf("  %-26s %s\n\n%s", "-h, --help", "this text", ws_exit_code_help());
}

static int complain(const swp_command_line *command, const char *what, const char *arg)
{
    fprintf(stderr, "%s: %s\nusage: wattsweep %s (--help says more)\n", arg, what, command->usage);
    return WS_EXIT_INPUT;
}

/* The option of an argument like --name, --name=value or -n; *value_out is what follows '=', or NULL. */
static const swp_arg *find(const swp_command_line *command, const char *text, const char **value_out)
{
    const char  *equals = strncmp(text, "--", 2) == 0 ? strchr(text, '=') : NULL;
    const size_t len    = equals == NULL ? strlen(text) : (size_t)(equals - text);

    *value_out = equals == NULL ? NULL : equals + 1;
    for (size_t i = 0; i < command->n_args; i++) {
        const swp_arg *arg = &command->args[i];
        if ((strlen(arg->name) == len && strncmp(arg->name, text, len) == 0) ||
            (arg->short_name != NULL && strcmp(arg->short_name, text) == 0)) {
            return arg;
        }
    }
    return NULL;
}

static bool set_value(const swp_arg *arg, const char *value)
{
    if (arg->text != NULL) {
        *arg->text = value;
        return true;
    }
    char        *end    = NULL;
    const double number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number)) {
        return false;
    }
    *arg->number = number;
    return true;
}

int swp_args_parse(const swp_command_line *command, int argc, char **argv, int *n_files_out)
{
    int  n_files    = 0;
    bool only_files = false;

    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (only_files || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[++n_files] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_files = true;
            continue;
        }
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(command);
            return WS_EXIT_DONE;
        }
        const swp_arg *arg = find(command, argv[i], &value);
        if (arg == NULL) {
            return complain(command, "unknown option", argv[i]);
        }
        if (arg->flag != NULL) {
            if (value != NULL) {
                return complain(command, "takes no value", argv[i]);
            }
            *arg->flag = true;
            continue;
        }
        if (value == NULL && i + 1 >= argc) {
            return complain(command, "needs a value", argv[i]);
        }
        value = value != NULL ? value : argv[++i];
        if (!set_value(arg, value)) {
            return complain(command, "expected a number", value);
        }
    }
    if (n_files < command->min_files || n_files > command->max_files) {
        return complain(command, n_files < command->min_files ? "a file is missing" : "too many files",
                        argv[0]);
    }
    *n_files_out = n_files;
    return SWP_ARGS_GO_ON;
}
