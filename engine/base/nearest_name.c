#include "base/nearest_name.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_NAME_BYTES = 64 }; /* longer names are no typing mistakes */

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b, letter case ignored.
 * Source: Damerau, CACM 7(3), 1964, in the restricted form (no substring is edited twice). */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][MAX_NAME_BYTES + 1]; /* the two rows before and the current one, in turn */
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t       *row      = rows[i % 3];
        const size_t *previous = rows[(i + 2) % 3];
        const size_t *before   = rows[(i + 1) % 3];
        row[0]                 = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t replace = folded(a[i - 1]) != folded(b[j - 1]) ? 1 : 0;
            row[j]               = min2(min2(previous[j], row[j - 1]) + 1, previous[j - 1] + replace);
            const bool is_swap   = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                                 folded(a[i - 2]) == folded(b[j - 1]);
            if (is_swap) {
                row[j] = min2(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *ws_nearest_name(const char *name, const char *const *known, size_t n_known)
{
    const size_t len = strlen(name);
    if (len > MAX_NAME_BYTES) {
        return NULL;
    }
    size_t      least   = len; /* nothing in common is no neighbour */
    const char *nearest = NULL;
    for (size_t i = 0; i < n_known; i++) {
        const size_t known_len = strlen(known[i]);
        if (known_len > MAX_NAME_BYTES) {
            continue;
        }
        /* one mistake, and one more for every three letters: above that everything resembles everything */
        const size_t n_tolerated = 1 + (len > known_len ? len : known_len) / 3;
        const size_t distance    = edit_distance(name, len, known[i], known_len);
        if (distance <= n_tolerated && distance < least) {
            least   = distance;
            nearest = known[i];
        }
    }
    return nearest;
}
