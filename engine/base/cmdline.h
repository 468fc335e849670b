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

#include "base/error.h"
#include "base/status.h"

/** What an option takes, and the type of the member its value goes to. */
typedef enum ws_arg_kind {
    WS_ARG_FLAG,    /**< bool: given or not; no value */
    WS_ARG_SWITCH,  /**< bool: --name, --no-name, --name=true, --name=false */
    WS_ARG_COUNT,   /**< int: how often it was given; no value */
    WS_ARG_TEXT,    /**< const char * */
    WS_ARG_FILE,    /**< const char *, not empty: a file, a folder, or any other text that cannot be "" */
    WS_ARG_INT,     /**< int64_t in [min, max] */
    WS_ARG_NUMBER,  /**< double in [min, max], finite */
    WS_ARG_SECONDS, /**< double in [min, max]: "90s", "5m"; a bare number is seconds */
    WS_ARG_CHOICE,  /**< int: the index in choices, letter case ignored */
    WS_ARG_LIST     /**< ws_arg_list: every value given, none empty */
} ws_arg_kind;

/** Values of an option that may be repeated. */
typedef struct ws_arg_list {
    const char **items; /**< [capacity], the caller's */
    size_t       n, capacity;
} ws_arg_list;

typedef struct ws_arg ws_arg;

/** Reads the text of an option in the caller's way.
 * @param[in,out] into  the section's struct
 * @return WS_OK; WS_ERR_INPUT with a problem, ws_arg_refuse() says it as all others are said; WS_ERR_NOMEM */
typedef ws_status ws_arg_set(void *into, const ws_arg *arg, const char *text, ws_error *err);

/** One option. */
struct ws_arg {
    const char        *name;       /**< without dashes: "data-dir"; _ is the same as - */
    const char        *short_name; /**< one letter, "o", or NULL */
    ws_arg_kind        kind;
    size_t             offset;       /**< of its member in the section's struct */
    const char        *value;        /**< what help calls the value; NULL: N, X, TIME or the choices */
    const char        *help;         /**< one sentence; help breaks it into lines */
    const char        *default_text; /**< shown behind the help in brackets, or NULL */
    const char        *mark;         /**< shown behind the value, " *", or NULL */
    double             min, max;     /**< of INT, NUMBER and SECONDS; max INFINITY = no bound */
    const char *const *choices;      /**< of CHOICE, NULL-terminated */
    const char        *expected; /**< in messages instead of what kind and range say: "K/N with 0 <= K < N" */
    ws_arg_set        *set;     /**< reads the value instead of storing it at offset; NULL = by kind. A switch
                               is given "true" and "false" */
    const void        *context; /**< for set */
    bool               is_required;
};

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

/** Read a line as a command does that has nothing to clean up: print the help it asks for to stdout, or its
 * problems to stderr.
 * @param[out] n_operands_out  as in ws_cmdline_seen, or NULL
 * @param[out] exit_code_out   set if false: 0 after help, 2 after problems
 * @return whether to go on */
WS_NODISCARD bool ws_cmdline_start(const ws_cmdline *line, int argc, char **argv, size_t *n_operands_out,
                                   int *exit_code_out);

/** Say on stderr that a program has no such command, with the nearest of those it has. @return exit code 2 */
int ws_cmdline_refuse_command(const char *program, const char *name, const char *const *known,
                              size_t n_known);

/** Add the problem `--name: expected ..., found 'text'`. @return WS_ERR_INPUT */
ws_status ws_arg_refuse(const ws_arg *arg, const char *text, ws_error *err);

/** The name with dashes, without the two in front, cut to what fits. @return buf */
char *ws_arg_dashed(const char *name, char buf[64]);

#endif /* WS_CMDLINE_H */
