/* base/json_scan.h -- the strict half of JSON reading: is this text JSON, letter by letter? Private to base.
 *
 * cJSON builds the tree, but it is lenient ("01", raw control bytes, text it cuts at a NUL) and says little
 * about where it stopped. The scanner runs first: what passes is RFC 8259 JSON that cJSON reads as written.
 */
#ifndef WS_JSON_SCAN_H
#define WS_JSON_SCAN_H

#include <stddef.h>

enum { WS_JSON_MAX_DEPTH = 200 }; /* nested arrays and objects; recursion stays shallow */

typedef struct ws_json_scan_error {
    const char *problem;      /**< static text, "expected ',' or '}'" */
    size_t      line, column; /**< of the offending byte, both from 1 */
} ws_json_scan_error;

/** Check a whole text, blanking `//` comments and a byte order mark in place.
 * @param[in,out] text  len bytes with a NUL behind them
 * @return 1 if it is JSON; 0 with *error_out filled */
int ws__json_scan(char *text, size_t len, ws_json_scan_error *error_out);

#endif /* WS_JSON_SCAN_H */
