#include "cli/file_command.h"

#include "base/cmdline_start.h"
#include "base/exit_code.h"
#include "cli/command_end.h"

int swp_file_command_run(const swp_file_command *command, int argc, char **argv)
{
    const ws_cmdline line = {.program       = command->program,
                             .usage         = command->usage,
                             .about         = command->about,
                             .sections      = command->sections,
                             .n_sections    = command->n_sections,
                             .operand_names = command->file_names,
                             .min_operands  = command->n_files,
                             .max_operands  = command->n_files,
                             .operands      = command->files};
    ws_error         err  = WS_ERROR_INIT;
    int              code = WS_EXIT_DONE;
    if (!ws_cmdline_start(&line, argc, argv, NULL, &code)) {
        return code;
    }
    const ws_status status = command->run(command->options, &err);
    code                   = swp_cmd_exit(status, &err);
    if (status == WS_OK && command->exit_code != NULL) {
        return command->exit_code(command->options);
    }
    return code;
}
