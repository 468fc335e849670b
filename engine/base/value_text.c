#include "base/value_text.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include "base/units.h"

static bool is_in_range(const ws_value_domain *domain, double number)
{
    return isfinite(number) && number >= domain->min && number <= domain->max;
}

static bool parse_int(const ws_value_domain *domain, const char *text, int64_t *out)
{
    char        *end;
    const size_t sign = *text == '-' || *text == '+' ? 1 : 0;
    errno             = 0;
    *out              = strtoll(text, &end, 10);
    if (text[sign] < '0' || text[sign] > '9' || *end != '\0' || errno != 0) {
        return false;
    }
    return is_in_range(domain, (double)*out);
}

static bool parse_number(const ws_value_domain *domain, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && is_in_range(domain, *out);
}

static bool parse_seconds(const ws_value_domain *domain, const char *text, double *out)
{
    int64_t ns;
    if (ws_duration_parse(text, 1.0, &ns) != WS_OK) {
        return false;
    }
    *out = ws_seconds(ns);
    return is_in_range(domain, *out);
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const ws_value_domain *domain, const char *text, int64_t *out)
{
    for (size_t i = 0; domain->choices[i] != NULL; i++) {
        if (strcasecmp(text, domain->choices[i]) == 0) {
            *out = (int64_t)i;
            return true;
        }
    }
    return false;
}

bool ws_value_parse(const ws_value_domain *domain, const char *text, ws_value *out)
{
    switch (domain->kind) {
    case WS_VALUE_INT:
        return parse_int(domain, text, &out->integer);
    case WS_VALUE_NUMBER:
        return parse_number(domain, text, &out->number);
    case WS_VALUE_BOOL:
        return parse_bool(text, &out->truth);
    case WS_VALUE_CHOICE:
        return parse_choice(domain, text, &out->integer);
    case WS_VALUE_SECONDS:
        return parse_seconds(domain, text, &out->number);
    }
    return false;
}

void ws_value_put_expected(const ws_value_domain *domain, ws_strbuf *out)
{
    static const char *const kinds[] = {[WS_VALUE_INT]     = "integer",
                                        [WS_VALUE_NUMBER]  = "number",
                                        [WS_VALUE_BOOL]    = "true or false",
                                        [WS_VALUE_CHOICE]  = "one of",
                                        [WS_VALUE_SECONDS] = "duration in s, or with a unit (\"100ms\"),"};
    ws_strbuf_puts(out, kinds[domain->kind]);
    if (domain->kind == WS_VALUE_CHOICE) {
        for (size_t i = 0; domain->choices[i] != NULL; i++) {
            ws_strbuf_printf(out, "%s %s", i == 0 ? "" : ",", domain->choices[i]);
        }
        return;
    }
    if (domain->kind == WS_VALUE_BOOL) {
        return;
    }
    if (isinf(domain->max)) {
        ws_strbuf_printf(out, " >= %.7g", domain->min);
    } else {
        ws_strbuf_printf(out, " from %.7g to %.7g", domain->min, domain->max);
    }
}
