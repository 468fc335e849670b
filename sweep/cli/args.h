/* args.h -- command lines of the commands that look at files: one table drives parsing and --help. */
#ifndef SWP_ARGS_H
#define SWP_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/** One option. Exactly one of text, number and flag says where its value goes. */
typedef struct swp_arg {
    const char  *name;       /**< "--by" */
    const char  *short_name; /**< "-n", or NULL */
    const char  *value;      /**< what --help calls the value; NULL for flags */
    const char  *help;
    const char **text;   /**< borrowed from argv */
    double      *number; /**< finite */
    bool        *flag;
} swp_arg;

typedef struct swp_command_line {
    const char    *usage; /**< "top FILE [options]" */
    const char    *about; /**< what it does, and its exit codes */
    const swp_arg *args;
    size_t         n_args;
    int            min_files, max_files; /**< arguments that are no options */
} swp_command_line;

#define SWP_ARGS_GO_ON (-1)

/** Read a command line; "--" ends the options.
 * @param[in,out] argv       arguments that are no options are moved to argv[1 ...], in their order
 * @param[out]    n_files_out  how many there are
 * @return SWP_ARGS_GO_ON; else the exit code: 0 after --help, 2 after a message to stderr */
int swp_args_parse(const swp_command_line *command, int argc, char **argv, int *n_files_out);

#endif /* SWP_ARGS_H */
