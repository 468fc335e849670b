/* base/cmdline.h -- the command line of a program or of one of its commands, as tables of options.
 *
 * Each option is a row; the tables drive the reading and --help (base/cmdline_help.h). Understood are `--name
 * value`,
 * `--name=value`, `-n value`, `--no-name` for switches, and `--`, which ends the options; in names - and _
 * are the same. A value that itself begins with -- is written behind =. Later options win over earlier ones.
 * -h and --help are understood everywhere and win over every mistake. All mistakes of a line are reported, an
 * unknown option with the nearest known one.
 *
 * The tables are constant; values go into a struct of the caller's, which holds the defaults. Texts are
 * borrowed from argv. */
#ifndef WS_CMDLINE_H
#define WS_CMDLINE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cmdline_arg.h"

/** Options that stand together. */
typedef struct ws_arg_section {
    const char   *heading; /**< in help; NULL: under the heading of the section before */
    const ws_arg *args;
    size_t        n_args;
    void         *into; /**< the struct whose members they set */
} ws_arg_section;

enum { WS_CMDLINE_MAX_ARGS = 128 }; /**< options of all sections of a line together */

typedef struct ws_cmdline {
    const char           *program; /**< "wattsweep top": whose --help messages name */
    const char           *usage;   /**< behind the program in "usage:"; NULL = about says it */
    const char           *about;   /**< what it does: paragraphs between usage and options */
    const char           *closing; /**< between options and exit codes, or NULL */
    const ws_arg_section *sections;
    size_t                n_sections;
    const char  *operand_names; /**< in messages: "a sweep spec", "FILE and OUT"; unused if there are none */
    size_t       min_operands, max_operands;
    const char **operands; /**< [max_operands], the caller's: arguments that are no options */
} ws_cmdline;

typedef struct ws_cmdline_seen {
    size_t n_operands; /**< min_operands to max_operands, unless help is wanted */
    bool   wants_help; /**< nothing else was read then */
} ws_cmdline_seen;

/** Read a line; argv[0] is the program or the command.
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_cmdline_read(const ws_cmdline *line, int argc, const char *const *argv,
                                       ws_error *err, ws_cmdline_seen *seen_out);

#endif /* WS_CMDLINE_H */
