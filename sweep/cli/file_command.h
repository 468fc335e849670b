/* file_command.h -- a command that looks at result files: its line is read, it runs, it ends. */
#ifndef SWP_FILE_COMMAND_H
#define SWP_FILE_COMMAND_H

#include "base/cmdline.h"

/** Everything borrowed. */
typedef struct swp_file_command {
    const char           *program, *usage, *about; /**< as in ws_cmdline */
    const ws_arg_section *sections;                /**< its options */
    size_t                n_sections;
    const char          **files;      /**< [n_files], set from the line */
    size_t                n_files;    /**< exactly as many are wanted */
    const char           *file_names; /**< in messages: "FILE and OUT" */
    ws_status (*run)(void *options, ws_error *err);
    int (*exit_code)(const void *options); /**< after a run that went well; NULL = 0 */
    void *options;                         /**< for the two above */
} swp_file_command;

/** Run a command.
 * @return the exit code: 0 after --help, that of a bad line or of run()'s status, or what exit_code() says */
int swp_file_command_run(const swp_file_command *command, int argc, char **argv);

#endif /* SWP_FILE_COMMAND_H */
