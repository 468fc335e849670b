#include "spec/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 512, MAX_DEPTH = 100, MAX_ARGS = 16 };

typedef enum op {
    OP_NUMBER,
    OP_TEXT,
    OP_SLOT,
    OP_OR,
    OP_AND,
    OP_NOT,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_EQ,
    OP_NE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_NEG,
    OP_MIN,
    OP_MAX,
    OP_ABS,
    OP_CEIL,
    OP_FLOOR,
    OP_LOG2
} op;

typedef struct node {
    op     kind;
    bool   is_text;
    double number;      /* OP_NUMBER */
    size_t text_offset; /* OP_TEXT: into swp_expr.texts */
    int    slot;        /* OP_SLOT */
    int    left, right; /* operands; right < 0: one operand */
} node;

struct swp_expr {
    char *texts; /* literals, each NUL-terminated */
    int   root;
    int   n_nodes;
    node  nodes[MAX_NODES];
};

typedef struct parser {
    const char         *text, *at;
    swp_expr_resolve_fn resolve;
    void               *ctx;
    swp_expr           *expr;
    size_t              texts_used;
    int                 depth;
    char               *message; /* empty while all is well */
} parser;

/* ---- reading characters ---- */

static int fail(parser *p, const char *fmt, ...) WS_PRINTF(2, 3);

static int fail(parser *p, const char *fmt, ...)
{
    if (p->message[0] == '\0') { /* the first problem is the cause of the others */
        const int n = snprintf(p->message, 200, "column %d: ", (int)(p->at - p->text) + 1);
        va_list   args;
        va_start(args, fmt);
        vsnprintf(p->message + n, 200 - (size_t)n, fmt, args);
        va_end(args);
    }
    return -1;
}

static void skip_blanks(parser *p)
{
    while (isspace((unsigned char)*p->at)) {
        p->at++;
    }
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Bytes of the UTF-8 character at a place. */
static int character_len(const char *at)
{
    int len = 1;
    while (((unsigned char)at[len] & 0xc0u) == 0x80u) {
        len++;
    }
    return len;
}

/* Take a symbol or a word, if it comes next. */
static bool take(parser *p, const char *token)
{
    skip_blanks(p);
    const size_t len = strlen(token);
    if (strncmp(p->at, token, len) != 0 || (isalpha((unsigned char)token[0]) && is_name_char(p->at[len]))) {
        return false;
    }
    p->at += len;
    return true;
}

/* ---- building nodes ---- */

static int add_node(parser *p, node n)
{
    if (p->expr->n_nodes == MAX_NODES) {
        return fail(p, "the expression is too long");
    }
    p->expr->nodes[p->expr->n_nodes] = n;
    return p->expr->n_nodes++;
}

static bool is_text_node(const parser *p, int index)
{
    return p->expr->nodes[index].is_text;
}

static int add_binary(parser *p, op kind, int left, int right)
{
    if (left < 0 || right < 0) {
        return -1;
    }
    const bool compares = kind == OP_EQ || kind == OP_NE;
    if (is_text_node(p, left) != is_text_node(p, right)) {
        return fail(p, "a text and a number cannot be combined");
    }
    if (is_text_node(p, left) && !compares) {
        return fail(p, "texts can only be compared with == and !=");
    }
    return add_node(p, (node){.kind = kind, .left = left, .right = right});
}

static int add_unary(parser *p, op kind, int operand)
{
    if (operand < 0) {
        return -1;
    }
    if (is_text_node(p, operand)) {
        return fail(p, "expected a number, found a text");
    }
    return add_node(p, (node){.kind = kind, .left = operand, .right = -1});
}

/* ---- grammar, lowest precedence last ---- */

static int parse_or(parser *p);

static int parse_literal(parser *p)
{
    char        *end    = NULL;
    const double number = strtod(p->at, &end);
    if (end == p->at || !isfinite(number) || is_name_char(*end)) {
        return fail(p, "expected a number");
    }
    p->at = end;
    return add_node(p, (node){.kind = OP_NUMBER, .number = number});
}

static int parse_text(parser *p)
{
    const char *begin = p->at + 1;
    const char *end   = strchr(begin, *p->at);
    if (end == NULL) {
        return fail(p, "the text that begins here has no end");
    }
    const size_t offset = p->texts_used;
    memcpy(p->expr->texts + offset, begin, (size_t)(end - begin));
    p->expr->texts[offset + (size_t)(end - begin)] = '\0';
    p->texts_used += (size_t)(end - begin) + 1;
    p->at = end + 1;
    return add_node(p, (node){.kind = OP_TEXT, .is_text = true, .text_offset = offset});
}

static int parse_call(parser *p, op kind)
{
    const bool takes_many = kind == OP_MIN || kind == OP_MAX;
    int        result     = parse_or(p);
    if (!takes_many) {
        result = add_unary(p, kind, result);
    }
    for (int n = 1; result >= 0 && takes_many && take(p, ","); n++) {
        if (n == MAX_ARGS) {
            return fail(p, "too many arguments");
        }
        result = add_binary(p, kind, result, parse_or(p));
    }
    if (result >= 0 && !take(p, ")")) {
        return fail(p, "expected \")\"");
    }
    return result;
}

static bool find_function(const char *name, size_t len, op *kind_out)
{
    static const struct {
        const char *name;
        op          kind;
    } functions[] = {{"min", OP_MIN},   {"max", OP_MAX},     {"abs", OP_ABS},
                     {"ceil", OP_CEIL}, {"floor", OP_FLOOR}, {"log2", OP_LOG2}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strlen(functions[i].name) == len && strncmp(functions[i].name, name, len) == 0) {
            *kind_out = functions[i].kind;
            return true;
        }
    }
    return false;
}

static int parse_quantity(parser *p, const char *name, size_t len, const char *after)
{
    if (len == 4 && strncmp(name, "true", 4) == 0) {
        p->at = after;
        return add_node(p, (node){.kind = OP_NUMBER, .number = 1.0});
    }
    if (len == 5 && strncmp(name, "false", 5) == 0) {
        p->at = after;
        return add_node(p, (node){.kind = OP_NUMBER, .number = 0.0});
    }
    const swp_expr_name meaning = p->resolve(p->ctx, name, len);
    if (meaning.slot < 0) {
        const int shown = (int)(len < 60 ? len : 60);
        if (meaning.nearest != NULL) {
            return fail(p, "unknown name %.*s, did you mean %.60s?", shown, name, meaning.nearest);
        }
        return fail(p, "unknown name %.*s; texts stand in quotes", shown, name);
    }
    p->at = after;
    return add_node(p, (node){.kind = OP_SLOT, .slot = meaning.slot, .is_text = meaning.is_text});
}

static int parse_name(parser *p)
{
    const char *begin = p->at;
    if (*begin == '`') {
        const char *end = strchr(begin + 1, '`');
        return end == NULL ? fail(p, "the name that begins here has no end")
                           : parse_quantity(p, begin + 1, (size_t)(end - begin - 1), end + 1);
    }
    const char *end = begin;
    while (is_name_char(*end)) {
        end++;
    }
    const char *next = end;
    while (isspace((unsigned char)*next)) {
        next++;
    }
    op kind = OP_MIN;
    if (*next == '(') {
        if (!find_function(begin, (size_t)(end - begin), &kind)) {
            return fail(p, "unknown function; there are min, max, abs, ceil, floor, log2");
        }
        p->at = next + 1;
        return parse_call(p, kind);
    }
    return parse_quantity(p, begin, (size_t)(end - begin), end);
}

static int parse_atom(parser *p)
{
    skip_blanks(p);
    if (take(p, "(")) {
        const int inner = parse_or(p);
        return inner < 0 || take(p, ")") ? inner : fail(p, "expected \")\"");
    }
    if (*p->at == '"' || *p->at == '\'') {
        return parse_text(p);
    }
    if (isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]))) {
        return parse_literal(p);
    }
    if (isalpha((unsigned char)*p->at) || *p->at == '_' || *p->at == '`') {
        return parse_name(p);
    }
    return *p->at == '\0' ? fail(p, "expected a value, found the end")
                          : fail(p, "expected a value, found '%.*s'", character_len(p->at), p->at);
}

static int parse_unary(parser *p)
{
    if (++p->depth > MAX_DEPTH) {
        return fail(p, "nested too deeply");
    }
    const int result = take(p, "-") ? add_unary(p, OP_NEG, parse_unary(p)) : parse_atom(p);
    p->depth--;
    return result;
}

static bool is_constant(const swp_expr *expr, int index)
{
    const node *n = &expr->nodes[index];
    if (n->kind == OP_NUMBER || n->kind == OP_TEXT) {
        return true;
    }
    return n->kind != OP_SLOT && is_constant(expr, n->left) && (n->right < 0 || is_constant(expr, n->right));
}

static double eval_node(const swp_expr *expr, int index, const swp_quantity *values);

/* A division that is by zero at every point is a slip. */
static int add_division(parser *p, op kind, int left, int right)
{
    const int result = add_binary(p, kind, left, right);
    return result >= 0 && is_constant(p->expr, right) && eval_node(p->expr, right, NULL) == 0.0
               ? fail(p, "division by zero")
               : result;
}

static int parse_term(parser *p)
{
    int left = parse_unary(p);
    while (left >= 0) {
        if (take(p, "*")) {
            left = add_binary(p, OP_MUL, left, parse_unary(p));
        } else if (take(p, "/")) {
            left = add_division(p, OP_DIV, left, parse_unary(p));
        } else if (take(p, "%")) {
            left = add_division(p, OP_MOD, left, parse_unary(p));
        } else {
            break;
        }
    }
    return left;
}

static int parse_sum(parser *p)
{
    int left = parse_term(p);
    while (left >= 0) {
        if (take(p, "+")) {
            left = add_binary(p, OP_ADD, left, parse_term(p));
        } else if (take(p, "-")) {
            left = add_binary(p, OP_SUB, left, parse_term(p));
        } else {
            break;
        }
    }
    return left;
}

static int parse_comparison(parser *p)
{
    static const struct {
        const char *token;
        op          kind;
    } comparisons[] = {{"<=", OP_LE}, {">=", OP_GE}, {"==", OP_EQ},
                       {"!=", OP_NE}, {"<", OP_LT},  {">", OP_GT}};
    const int left  = parse_sum(p);
    for (size_t i = 0; left >= 0 && i < sizeof comparisons / sizeof comparisons[0]; i++) {
        if (take(p, comparisons[i].token)) {
            return add_binary(p, comparisons[i].kind, left, parse_sum(p));
        }
    }
    if (left >= 0 && *p->at == '=') {
        return fail(p, "expected \"==\"");
    }
    return left;
}

static int parse_not(parser *p)
{
    skip_blanks(p);
    if (++p->depth > MAX_DEPTH) {
        return fail(p, "nested too deeply");
    }
    const bool negates = (p->at[0] == '!' && p->at[1] != '=' && take(p, "!")) || take(p, "not");
    const int  result  = negates ? add_unary(p, OP_NOT, parse_not(p)) : parse_comparison(p);
    p->depth--;
    return result;
}

static int parse_and(parser *p)
{
    int left = parse_not(p);
    while (left >= 0 && (take(p, "&&") || take(p, "and"))) {
        left = add_binary(p, OP_AND, left, parse_not(p));
    }
    return left;
}

static int parse_or(parser *p)
{
    int left = parse_and(p);
    while (left >= 0 && (take(p, "||") || take(p, "or"))) {
        left = add_binary(p, OP_OR, left, parse_and(p));
    }
    return left;
}

/* ---- public ---- */

ws_status swp_expr_compile(const char *text, swp_expr_resolve_fn resolve, void *ctx, char message[200],
                           swp_expr **expr_out)
{
    *expr_out      = NULL;
    message[0]     = '\0';
    swp_expr *expr = calloc(1, sizeof(*expr));
    if (expr == NULL) {
        return WS_ERR_NOMEM;
    }
    expr->texts = malloc(strlen(text) + 1); /* literals lose their quotes and gain a NUL: they always fit */
    if (expr->texts == NULL) {
        swp_expr_destroy(&expr);
        return WS_ERR_NOMEM;
    }
    parser p   = {.text = text, .at = text, .resolve = resolve, .ctx = ctx, .expr = expr, .message = message};
    expr->root = parse_or(&p);
    skip_blanks(&p);
    if (expr->root >= 0 && *p.at != '\0') {
        fail(&p, "expected an operator, found '%.*s'", character_len(p.at), p.at);
    } else if (expr->root >= 0 && is_text_node(&p, expr->root)) {
        fail(&p, "the expression is a text, expected a condition");
    }
    if (message[0] != '\0') {
        swp_expr_destroy(&expr);
        return WS_ERR_INPUT;
    }
    *expr_out = expr;
    return WS_OK;
}

void swp_expr_destroy(swp_expr **expr)
{
    if (*expr != NULL) {
        free((*expr)->texts);
        free(*expr);
        *expr = NULL;
    }
}

bool swp_expr_uses(const swp_expr *expr, int slot)
{
    for (int i = 0; i < expr->n_nodes; i++) {
        if (expr->nodes[i].kind == OP_SLOT && expr->nodes[i].slot == slot) {
            return true;
        }
    }
    return false;
}

static const char *text_of(const swp_expr *expr, int index, const swp_quantity *values)
{
    const node *n    = &expr->nodes[index];
    const char *text = n->kind == OP_TEXT ? expr->texts + n->text_offset : values[n->slot].text;
    return text != NULL ? text : "";
}

/* Three-valued logic: what settles the matter does so whatever the other side is. */
static double apply_logic(op kind, double a, double b)
{
    const double settling = kind == OP_OR ? 1.0 : 0.0;
    const double left = isnan(a) ? NAN : a != 0.0, right = isnan(b) ? NAN : b != 0.0;
    if (left == settling || right == settling) {
        return settling;
    }
    return isnan(left) || isnan(right) ? NAN : 1.0 - settling;
}

static double apply(op kind, double a, double b)
{
    switch (kind) {
    case OP_NOT:
        return a == 0.0;
    case OP_LT:
        return a < b;
    case OP_LE:
        return a <= b;
    case OP_GT:
        return a > b;
    case OP_GE:
        return a >= b;
    case OP_EQ:
        return a == b;
    case OP_NE:
        return a != b;
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return b != 0.0 ? a / b : NAN;
    case OP_MOD:
        return fmod(a, b); /* NaN by zero */
    case OP_NEG:
        return -a;
    case OP_MIN:
        return fmin(a, b);
    case OP_MAX:
        return fmax(a, b);
    case OP_ABS:
        return fabs(a);
    case OP_CEIL:
        return ceil(a);
    case OP_FLOOR:
        return floor(a);
    case OP_LOG2:
        return a > 0.0 ? log2(a) : NAN;
    case OP_OR:
    case OP_AND:
    case OP_NUMBER:
    case OP_TEXT:
    case OP_SLOT:
        break;
    }
    return NAN;
}

static double eval_node(const swp_expr *expr, int index, const swp_quantity *values)
{
    const node *n = &expr->nodes[index];
    if (n->kind == OP_NUMBER) {
        return n->number;
    }
    if (n->kind == OP_SLOT) {
        return values[n->slot].number;
    }
    if ((n->kind == OP_EQ || n->kind == OP_NE) && expr->nodes[n->left].is_text) {
        const bool same = strcmp(text_of(expr, n->left, values), text_of(expr, n->right, values)) == 0;
        return same == (n->kind == OP_EQ);
    }
    const double a = eval_node(expr, n->left, values);
    const double b = n->right < 0 ? 0.0 : eval_node(expr, n->right, values);
    if (n->kind == OP_OR || n->kind == OP_AND) {
        return apply_logic(n->kind, a, b);
    }
    return isnan(a) || isnan(b) ? NAN : apply(n->kind, a, b);
}

double swp_expr_eval(const swp_expr *expr, const swp_quantity *values)
{
    return eval_node(expr, expr->root, values);
}
