#include "base/cmdline_arg.h"

#include <string.h>

enum { NAME_CAP = 64 };

char *ws_arg_dashed(const char *name, char buf[64])
{
    size_t i = 0;
    for (; name[i] != '\0' && i < NAME_CAP - 1; i++) {
        buf[i] = (char)(name[i] == '_' ? '-' : name[i]);
    }
    buf[i] = '\0';
    return buf;
}

ws_value_domain ws__arg_domain(const ws_arg *arg)
{
    static const ws_value_kind kinds[] = {[WS_ARG_SWITCH]  = WS_VALUE_BOOL,
                                          [WS_ARG_INT]     = WS_VALUE_INT,
                                          [WS_ARG_NUMBER]  = WS_VALUE_NUMBER,
                                          [WS_ARG_SECONDS] = WS_VALUE_SECONDS,
                                          [WS_ARG_CHOICE]  = WS_VALUE_CHOICE};
    return (ws_value_domain){
        .kind = kinds[arg->kind], .min = arg->min, .max = arg->max, .choices = arg->choices};
}

void ws__arg_put_expected(const ws_arg *arg, ws_strbuf *out)
{
    if (arg->expected != NULL) {
        ws_strbuf_puts(out, arg->expected);
    } else if (arg->kind == WS_ARG_TEXT || arg->kind == WS_ARG_FILE || arg->kind == WS_ARG_LIST) {
        ws__arg_put_value(arg, out);
    } else {
        const ws_value_domain domain = ws__arg_domain(arg);
        ws_value_put_expected(&domain, out);
    }
}

void ws__arg_put_value(const ws_arg *arg, ws_strbuf *out)
{
    static const char *const values[] = {
        [WS_ARG_FLAG] = "",     [WS_ARG_SWITCH] = "",  [WS_ARG_COUNT] = "",   [WS_ARG_TEXT] = "TEXT",
        [WS_ARG_FILE] = "FILE", [WS_ARG_INT] = "N",    [WS_ARG_NUMBER] = "X", [WS_ARG_SECONDS] = "TIME",
        [WS_ARG_CHOICE] = "",   [WS_ARG_LIST] = "TEXT"};
    if (arg->value != NULL || arg->kind != WS_ARG_CHOICE) {
        ws_strbuf_puts(out, arg->value != NULL ? arg->value : values[arg->kind]);
        return;
    }
    for (size_t i = 0; arg->choices[i] != NULL; i++) {
        ws_strbuf_printf(out, "%s%s", i == 0 ? "" : "|", arg->choices[i]);
    }
}

ws_status ws_arg_refuse(const ws_arg *arg, const char *text, ws_error *err)
{
    char      name[NAME_CAP];
    ws_strbuf expected = WS_STRBUF_INIT;
    ws__arg_put_expected(arg, &expected);
    const ws_status status = ws_error_add(err, WS_ERR_INPUT, "--%s: expected %s, found '%s'",
                                          ws_arg_dashed(arg->name, name), ws_strbuf_text(&expected), text);
    ws_strbuf_fini(&expected);
    return status;
}
