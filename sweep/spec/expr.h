/* expr.h -- small expressions over named quantities, compiled once and evaluated for every point of a sweep.
 *
 *   or   := and { ("||" | "or") and }          sum  := term { ("+" | "-") term }
 *   and  := not { ("&&" | "and") not }         term := unary { ("*" | "/" | "%") unary }
 *   not  := ("!" | "not") not | comparison     unary := "-" unary | atom
 *   comparison := sum [ ("<" "<=" ">" ">=" "==" "!=") sum ]
 *   atom := number | "text" | 'text' | name | `any name` | "(" or ")" | function "(" or {"," or} ")"
 *
 * Names are letters, digits, '_' and '.'; a JSON Pointer is written between backquotes. Functions: min, max,
 * abs, ceil, floor, log2. Types are checked when compiling: numbers (true is 1, false 0) and texts; texts are
 * only compared by == and !=. What is evaluated with an unknown quantity (NaN), a division by zero or the
 * logarithm of what has none is unknown too; but false and unknown is false, true or unknown is true: guards
 * work. */
#ifndef SWP_EXPR_H
#define SWP_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/status.h"

typedef struct swp_expr swp_expr; /* opaque */

typedef struct swp_quantity {
    double      number; /**< NaN = unknown, or a text */
    const char *text;   /**< NULL for numbers; borrowed */
} swp_quantity;

typedef struct swp_expr_name {
    int         slot; /**< index into the values given to swp_expr_eval(); -1 = no such name */
    bool        is_text;
    const char *nearest; /**< of a name that there is not: the most similar one, NULL if none is; borrowed
                            until the next name is asked for */
} swp_expr_name;

/** Say what a name is; `name` is not NUL-terminated. */
typedef swp_expr_name (*swp_expr_resolve_fn)(void *ctx, const char *name, size_t len);

/** Compile an expression.
 * @param[out] message  at least 200 bytes; after WS_ERR_INPUT what is wrong, with the column (from 1)
 * @param[out] expr_out owned by the caller, release with swp_expr_destroy()
 * @return WS_OK; WS_ERR_INPUT; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_expr_compile(const char *text, swp_expr_resolve_fn resolve, void *ctx,
                                        char message[200], swp_expr **expr_out);
void                   swp_expr_destroy(swp_expr **expr);

/** True if the expression reads that slot. */
bool swp_expr_uses(const swp_expr *expr, int slot);

/** Evaluate: 1 or 0 for truth, any number for sums, NaN if a quantity it needs is unknown. */
double swp_expr_eval(const swp_expr *expr, const swp_quantity *values);

#endif /* SWP_EXPR_H */
