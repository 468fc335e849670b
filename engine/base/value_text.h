/* base/value_text.h -- values as people write them on a command line or as text in JSON: kinds, ranges, and
 * what a message says was expected. */
#ifndef WS_VALUE_TEXT_H
#define WS_VALUE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

typedef enum ws_value_kind {
    WS_VALUE_INT,
    WS_VALUE_NUMBER,  /**< finite */
    WS_VALUE_BOOL,    /**< true, yes, on, 1 and their opposites, in any case */
    WS_VALUE_CHOICE,  /**< one of choices[], in any case */
    WS_VALUE_SECONDS, /**< a bare number is seconds, "100ms" is accepted */
} ws_value_kind;

typedef struct ws_value_domain {
    ws_value_kind      kind;
    double             min, max; /**< of INT, NUMBER and SECONDS, both included; max INFINITY = no bound */
    const char *const *choices;  /**< of CHOICE, NULL-terminated */
} ws_value_domain;

typedef union ws_value {
    int64_t integer; /**< INT; CHOICE: the index */
    double  number;  /**< NUMBER, SECONDS */
    bool    truth;   /**< BOOL */
} ws_value;

/** Read a value. False, with *out undefined, if the text is none of the domain. */
bool ws_value_parse(const ws_value_domain *domain, const char *text, ws_value *out);

/** Append "integer from 1 to 8", "one of LOAD, RR": what a message says was expected. */
void ws_value_put_expected(const ws_value_domain *domain, ws_strbuf *out);

#endif /* WS_VALUE_TEXT_H */
