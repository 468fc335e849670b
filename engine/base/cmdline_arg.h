/* base/cmdline_arg.h -- one option of a command line: what it is called, what it takes, and what messages say
 * it expects. The tables are constant. */
#ifndef WS_CMDLINE_ARG_H
#define WS_CMDLINE_ARG_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "base/value_text.h"

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

/** Add the problem `--name: expected ..., found 'text'`. @return WS_ERR_INPUT */
ws_status ws_arg_refuse(const ws_arg *arg, const char *text, ws_error *err);

/** The name with dashes, without the two in front, cut to what fits. @return buf */
char *ws_arg_dashed(const char *name, char buf[64]);

/** The values an option of kind SWITCH, INT, NUMBER, SECONDS or CHOICE takes. */
ws_value_domain ws__arg_domain(const ws_arg *arg);

/** Append what messages say an option expects. */
void ws__arg_put_expected(const ws_arg *arg, ws_strbuf *out);

/** Append what help calls an option's value: "FILE", "N", "yes|no|auto"; nothing for flags. */
void ws__arg_put_value(const ws_arg *arg, ws_strbuf *out);

#endif /* WS_CMDLINE_ARG_H */
