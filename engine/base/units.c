#include "base/units.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAST_OF_16_DIGITS = 16 }; /* its place in "d.ddddddddddddddde+dd" */

typedef struct duration_unit {
    const char *name;
    double      ns;
} duration_unit;

static const duration_unit duration_units[] = {
    {"ns", 1.0}, {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
    {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9},
};

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Length of the decimal number at the front, 0 if there is none. strtod alone would also take hexadecimal
 * numbers, "inf" and "nan". */
static size_t number_length(const char *text)
{
    static const char digits[] = "0123456789";
    size_t            len      = strspn(text, digits);
    size_t            n_digits = len;
    if (text[len] == '.') {
        const size_t fraction = strspn(text + len + 1, digits);
        n_digits += fraction;
        len += 1 + fraction;
    }
    if (n_digits == 0) {
        return 0;
    }
    if (text[len] == 'e' || text[len] == 'E') {
        const size_t sign     = text[len + 1] == '+' || text[len + 1] == '-' ? 1 : 0;
        const size_t exponent = strspn(text + len + 1 + sign, digits);
        len += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return len;
}

/* The unit of `len` letters, in ns; 0 if unknown. */
static double unit_ns(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
        if (strlen(duration_units[i].name) == len && strncmp(duration_units[i].name, name, len) == 0) {
            return duration_units[i].ns;
        }
    }
    return 0.0;
}

/* "18", "18s", "1.5 ms", "1h30m": numbers with units, each unit smaller than the one before it; a number
 * alone may have none. Negative if it is none of these. */
static double parse_with_units(const char *at, double bare_unit_s)
{
    double sum_ns = 0.0, last_unit_ns = INFINITY;
    for (bool is_first = true; is_first || *at != '\0'; is_first = false) {
        const size_t n_digits = number_length(at);
        const char  *unit     = skip_blanks(at + n_digits);
        const size_t len      = strcspn(unit, " \t0123456789.");
        const char  *end      = skip_blanks(unit + len);
        const bool   is_bare  = is_first && len == 0 && *end == '\0';
        const double scale    = is_bare ? bare_unit_s * (double)WS_NS_PER_S : unit_ns(unit, len);
        if (n_digits == 0 || scale <= 0.0 || scale >= last_unit_ns) {
            return -1.0;
        }
        sum_ns += strtod(at, NULL) * scale;
        last_unit_ns = scale;
        at           = end;
    }
    return sum_ns;
}

/* Two digits, below 60 if they are minutes or seconds; negative if they are not there. */
static int two_digits(const char *at, bool is_sixtieth)
{
    if (strspn(at, "0123456789") != 2) {
        return -1;
    }
    const int value = 10 * (at[0] - '0') + (at[1] - '0');
    return is_sixtieth && value >= 60 ? -1 : value;
}

/* "00:10:00" and "1-12:00:00", as batch systems write times: [days-]hours:minutes:seconds. Negative if it is
 * neither. */
static double parse_clock(const char *at)
{
    const size_t day_digits = strspn(at, "0123456789");
    const bool   has_days   = day_digits > 0 && day_digits < 6 && at[day_digits] == '-';
    const double days       = has_days ? strtod(at, NULL) : 0.0;
    at += has_days ? day_digits + 1 : 0;
    const size_t hour_digits = strspn(at, "0123456789");
    const char  *rest        = at + hour_digits;
    if (hour_digits == 0 || hour_digits > 6 || rest[0] != ':' || strlen(rest) < strlen(":00:00") ||
        rest[3] != ':' || *skip_blanks(rest + strlen(":00:00")) != '\0') {
        return -1.0;
    }
    const int minutes = two_digits(rest + 1, true), seconds = two_digits(rest + 4, true);
    if (minutes < 0 || seconds < 0) {
        return -1.0;
    }
    return (((days * 24.0 + strtod(at, NULL)) * 60.0 + minutes) * 60.0 + seconds) * (double)WS_NS_PER_S;
}

ws_status ws_duration_parse(const char *text, double bare_unit_s, int64_t *ns_out)
{
    const char  *start = skip_blanks(text);
    const double ns =
        round(strchr(start, ':') != NULL ? parse_clock(start) : parse_with_units(start, bare_unit_s));
    if (!(ns >= 0.0 && ns < 0x1p63)) {
        return WS_ERR_INPUT;
    }
    *ns_out = (int64_t)ns;
    return WS_OK;
}

int ws_duration_has_unit(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    const char last = len > 0 ? text[len - 1] : '0';
    return strchr(text, ':') != NULL || (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z');
}

/* Print with the fewest significant digits that read back exactly. Any decimal of up to 15 digits survives
 * the way through a double, so 15 (with zeros cut by the caller) is already the shortest; only numbers under
 * DBL_MIN carry fewer bits and must be searched from one digit on. */
static void print_shortest(double value, char text[32])
{
    for (int n_digits = value < DBL_MIN ? 1 : 15; n_digits <= 16; n_digits++) {
        snprintf(text, 32, "%.*e", n_digits - 1, value);
        if (strtod(text, NULL) == value) {
            return;
        }
    }
    /* Doubles lie twice as dense below a power of two as above it: there the nearest 16 digits may read back
     * as the neighbour below while the next ones up, a little farther off, are right. */
    text[LAST_OF_16_DIGITS] = (char)(text[LAST_OF_16_DIGITS] + 1);
    if (text[LAST_OF_16_DIGITS] > '9' || strtod(text, NULL) != value) {
        snprintf(text, 32, "%.16e", value);
    }
}

/* The digits of the shortest form, without zeros at their end, and the power of ten of the first one. */
static int shortest_digits(double value, char digits[20])
{
    char text[32];
    print_shortest(value, text);
    size_t n_digits    = 0;
    digits[n_digits++] = text[0];
    const char *at     = text[1] == '.' ? text + 2 : text + 1;
    for (; *at >= '0' && *at <= '9'; at++) {
        digits[n_digits++] = *at;
    }
    while (n_digits > 1 && digits[n_digits - 1] == '0') {
        n_digits--;
    }
    digits[n_digits] = '\0';
    return (int)strtol(at + 1, NULL, 10); /* behind the 'e' */
}

/* Digits laid out with the point after `n_before` of them; zeros fill what is missing on either side. */
static void print_positional(const char *digits, int n_before, char *out)
{
    const int n_digits = (int)strlen(digits);
    int       len      = 0;
    if (n_before <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        for (int i = n_before; i < 0; i++) {
            out[len++] = '0';
        }
        memcpy(out + len, digits, (size_t)n_digits + 1);
        return;
    }
    for (int i = 0; i < n_before; i++) {
        out[len++] = i < n_digits ? digits[i] : '0';
    }
    out[len++]           = '.';
    const char *fraction = n_digits > n_before ? digits + n_before : "0";
    memcpy(out + len, fraction, strlen(fraction) + 1);
}

char *ws_double_repr(double value, char buf[32])
{
    if (!isfinite(value)) {
        snprintf(buf, 32, "%s", isnan(value) ? "nan" : value > 0.0 ? "inf" : "-inf");
        return buf;
    }
    char      digits[20] = {0};
    const int exponent   = shortest_digits(fabs(value), digits);
    char     *out        = buf;
    if (signbit(value)) {
        *out++ = '-';
    }
    if (exponent >= -4 && exponent < 16) { /* where Python's repr changes to an exponent */
        print_positional(digits, exponent + 1, out);
    } else {
        snprintf(out, 31, "%c%s%se%+03d", digits[0], digits[1] != '\0' ? "." : "", digits + 1, exponent);
    }
    return buf;
}

char *ws_human_count(double value, char buf[32])
{
    if (!(fabs(value) < 1e21)) { /* no suffix reaches that far; also infinity and NaN */
        snprintf(buf, 32, "%.3g", value);
        return buf;
    }
    static const char suffixes[] = " kMGTPE";
    double            scaled     = fabs(value);
    size_t            step       = 0;
    while (scaled >= 999.5 && step + 2 < sizeof(suffixes)) { /* 999.5 would print as 1000 */
        scaled /= 1000.0;
        step++;
    }
    char number[16];
    if (step == 0 && scaled < 1.0) {
        snprintf(number, sizeof(number), "%.2g", scaled);
    } else {
        snprintf(number, sizeof(number), "%.*f", scaled < 99.95 ? 1 : 0, scaled);
    }
    char *zero_decimal = strstr(number, ".0");
    if (zero_decimal != NULL && zero_decimal[2] == '\0') {
        *zero_decimal = '\0';
    }
    snprintf(buf, 32, "%s%s%.*s", value < 0.0 ? "-" : "", number, step > 0 ? 1 : 0, &suffixes[step]);
    return buf;
}
