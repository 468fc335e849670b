/* random_words.h -- command lines nobody would type: names, values and signs put together in every wrong way.
 */
#ifndef RANDOM_WORDS_H
#define RANDOM_WORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "base/rng.h"

enum { RANDOM_LINE_WORDS = 12, RANDOM_WORD_BYTES = 160, RANDOM_LINES = 20000 };

typedef struct random_line {
    char  words[RANDOM_LINE_WORDS][RANDOM_WORD_BYTES];
    char *argv[RANDOM_LINE_WORDS]; /* [argc] */
    int   argc;                    /* >= 1 */
} random_line;

/* The seed of this run: WS_TEST_SEED, else of the clock; it is printed, so that a failure can be seen again.
 */
static inline void random_words_seed(ws_rng *rng)
{
    const char    *text = getenv("WS_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    print_message("random command lines: WS_TEST_SEED=%llu\n", (unsigned long long)seed);
    ws_rng_seed(rng, seed);
}

static inline const char *random_piece(ws_rng *rng, const char *const *names, size_t n_names)
{
    static const char *const pieces[] = {
        "-",
        "--",
        "-",
        "--",
        "=",
        "=",
        "no-",
        "1",
        "0.5",
        "9",
        "1e9",
        "-3",
        "2m",
        "nan",
        "inf",
        "1x",
        "yes",
        "2/3",
        "a=1",
        "help",
        "h",
        "",
        " ",
        "\n",
        "%s%n",
        "\"",
        "\\",
        ",",
        "/",
        "\x1b[2J",
        "\xff\xfe",
        "größe",
        ("a very long name that no option has and that does not fit into what names are copied to at all, "
         "really")};
    const size_t n_pieces = sizeof(pieces) / sizeof(pieces[0]);
    if (ws_rng_below(rng, 2) == 0) {
        return names[ws_rng_below(rng, (uint32_t)n_names)];
    }
    return pieces[ws_rng_below(rng, (uint32_t)n_pieces)];
}

/* Make the next line. @param[in] names  [n_names] of options and values of the command under test */
static inline void random_line_make(ws_rng *rng, const char *const *names, size_t n_names, random_line *out)
{
    out->argc = 1 + (int)ws_rng_below(rng, RANDOM_LINE_WORDS);
    for (int k = 0; k < out->argc; k++) {
        const uint32_t n_pieces = 1 + ws_rng_below(rng, 4);
        size_t         len      = 0;
        out->argv[k]            = out->words[k];
        out->words[k][0]        = '\0';
        for (uint32_t i = 0; i < n_pieces && len + 1 < RANDOM_WORD_BYTES; i++) {
            const size_t cap = RANDOM_WORD_BYTES - len;
            const int    n   = snprintf(out->words[k] + len, cap, "%s", random_piece(rng, names, n_names));
            len += (size_t)n < cap ? (size_t)n : cap - 1;
        }
    }
}

#endif /* RANDOM_WORDS_H */
