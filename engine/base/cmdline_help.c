#include "base/cmdline_help.h"

#include <string.h>

#include "base/exit_code.h"

enum { LINE_COLUMNS = 110, MOST_LEFT_COLUMNS = 36 };

/** "-o, --output FILE"; without -o, its place stays empty where other options have one. */
static void put_usage(const ws_arg *arg, bool has_short, ws_strbuf *out)
{
    char name[64];
    if (has_short) {
        ws_strbuf_printf(out, arg->short_name != NULL ? "-%s, " : "    ", arg->short_name);
    }
    ws_strbuf_printf(out, "--%s%s", arg->kind == WS_ARG_SWITCH ? "[no-]" : "",
                     ws_arg_dashed(arg->name, name));
    const size_t len = out->len;
    ws_strbuf_puts(out, " ");
    ws__arg_put_value(arg, out);
    if (!out->failed && out->len == len + 1) { /* no value: no blank before it */
        out->len       = len;
        out->data[len] = '\0';
    }
    ws_strbuf_puts(out, arg->mark != NULL ? arg->mark : "");
}

/* ---- printing ---- */

static const ws_arg help_arg = {
    .name = "help", .short_name = "h", .kind = WS_ARG_FLAG, .help = "print this help"};

/** How the options of a line are laid out. */
typedef struct layout {
    FILE *stream;
    int   column; /* where the help begins */
    bool  has_short;
} layout;

/** Print text from the help column on, broken between words. */
static void print_wrapped(const layout *l, const char *text)
{
    int column = l->column;
    while (*text != '\0') {
        const int  len      = (int)strcspn(text, " ");
        const bool is_first = column == l->column;
        if (!is_first && column + 1 + len > LINE_COLUMNS) {
            (void)fprintf(l->stream, "\n%*s", l->column, "");
            column = l->column + len;
        } else {
            (void)fputs(is_first ? "" : " ", l->stream);
            column += len + (is_first ? 0 : 1);
        }
        (void)fprintf(l->stream, "%.*s", len, text);
        text += len + strspn(text + len, " ");
    }
    (void)fputc('\n', l->stream);
}

static void print_arg(const layout *l, const ws_arg *arg)
{
    ws_strbuf usage = WS_STRBUF_INIT, help = WS_STRBUF_INIT;
    put_usage(arg, l->has_short, &usage);
    ws_strbuf_puts(&help, arg->help);
    if (arg->default_text != NULL) {
        ws_strbuf_printf(&help, " [%s]", arg->default_text);
    }
    (void)fprintf(l->stream, "  %-*s", l->column - 2, ws_strbuf_text(&usage));
    if (usage.len + 3 > (size_t)l->column) { /* no blank left before the help */
        (void)fprintf(l->stream, "\n%*s", l->column, "");
    }
    print_wrapped(l, ws_strbuf_text(&help));
    ws_strbuf_fini(&help);
    ws_strbuf_fini(&usage);
}

/** Widen the left column to this option, as far as it goes. */
static void make_room(layout *l, const ws_arg *arg)
{
    ws_strbuf usage = WS_STRBUF_INIT;
    put_usage(arg, l->has_short, &usage);
    const int wanted = (int)usage.len + 4; /* two blanks on each side */
    if (wanted > l->column) {
        l->column = wanted < MOST_LEFT_COLUMNS ? wanted : MOST_LEFT_COLUMNS;
    }
    ws_strbuf_fini(&usage);
}

static layout lay_out(const ws_cmdline *line, FILE *stream)
{
    layout l = {.stream = stream};
    for (size_t s = 0; s < line->n_sections; s++) {
        for (size_t i = 0; i < line->sections[s].n_args; i++) {
            l.has_short = l.has_short || line->sections[s].args[i].short_name != NULL;
        }
    }
    make_room(&l, &help_arg);
    for (size_t s = 0; s < line->n_sections; s++) {
        for (size_t i = 0; i < line->sections[s].n_args; i++) {
            make_room(&l, &line->sections[s].args[i]);
        }
    }
    return l;
}

/** Every section under its heading; --help ends what stands under the first one. */
static void print_options(const ws_cmdline *line, FILE *stream)
{
    const layout l        = lay_out(line, stream);
    bool         has_help = false;
    const char  *first_head =
        line->n_sections > 0 && line->sections[0].heading != NULL ? line->sections[0].heading : "options:";
    (void)fprintf(stream, "%s\n", first_head);
    for (size_t s = 0; s < line->n_sections; s++) {
        const ws_arg_section *section = &line->sections[s];
        if (s > 0 && section->heading != NULL) {
            if (!has_help) {
                print_arg(&l, &help_arg);
                has_help = true;
            }
            (void)fprintf(stream, "\n%s\n", section->heading);
        }
        for (size_t i = 0; i < section->n_args; i++) {
            print_arg(&l, &section->args[i]);
        }
    }
    if (!has_help) {
        print_arg(&l, &help_arg);
    }
}

void ws_cmdline_print_help(const ws_cmdline *line, FILE *stream)
{
    if (line->usage != NULL) {
        (void)fprintf(stream, "usage: %s %s\n\n", line->program, line->usage);
    }
    (void)fprintf(stream, "%s\n\n", line->about);
    print_options(line, stream);
    if (line->closing != NULL) {
        (void)fprintf(stream, "\n%s\n", line->closing);
    }
    (void)fprintf(stream, "\n%s", ws_exit_code_help());
}
