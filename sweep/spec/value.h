/* value.h -- the values a parameter runs through, as a sweep spec writes them.
 *
 *   [16, 32, 64]  ["18ns", "1s"]  [true, false]          a list of scalars
 *   {"linspace": [a, b, n]}  {"logspace": [a, b, n]}     n values from a to b, both included
 *   {"range": [start, stop, step]}                       start, start + step, ... up to stop, stop included
 *
 * This module knows forms, not meanings: spec/param.h decides what a value may be. Generated values are
 * rounded to 12 significant digits, so that they read as people write them. */
#ifndef SWP_VALUE_H
#define SWP_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#define SWP_MAX_VALUES 1000000 /* of one parameter: 40 bytes each are held in memory */

typedef struct swp_choice {
    double      number; /**< in the parameter's unit; NaN for text */
    const char *label;  /**< as people read it: "16", "18s", "pro6000x2"; arena */
    ws_json     json;   /**< what the spec says: scalar or patch; absent for generated numbers */
} swp_choice;

typedef struct swp_choice_list {
    swp_choice *values; /**< arena */
    size_t      n;
    bool        has_units; /**< generated from texts with units: numbers are seconds */
} swp_choice_list;

/** True if the place has the form of a list of values (an array, or an object with a generator's key). */
bool swp_values_is_list(ws_json place);

/** Read a list of values. Scalars get number or NaN and a label; nothing is checked against a meaning.
 * @param[in] may_repeat  false: the same value twice is an error
 * @return WS_OK; WS_ERR_INPUT (empty list, nested values, broken generator, repeated value); WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_values_read(ws_json place, bool may_repeat, ws_arena *arena, ws_error *err,
                                       swp_choice_list *out);

/** A copy of a text in the arena; NULL if out of memory. */
char *swp_arena_strdup(ws_arena *arena, const char *text);

/** The number as people write it: "16", "0.75", "1e-09"; buf at least 32 bytes. */
char *swp_number_label(double number, char buf[32]);

#endif /* SWP_VALUE_H */
