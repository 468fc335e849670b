/* A typing mistake finds the name it was meant to be; a name unlike all others finds none. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/nearest_name.h"

static const char *const known[] = {"tp_size",    "pp_size",  "num_npus", "max_num_seqs",
                                    "block_size", "hardware", "tp"};

static void check(const char *name, const char *expected)
{
    const char *got = ws_nearest_name(name, known, sizeof(known) / sizeof(known[0]));
    if (expected == NULL) {
        if (got != NULL) {
            fail_msg("\"%s\" found \"%s\"", name, got);
        }
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, expected);
}

static void test_mistakes(void **state)
{
    (void)state;
    check("tp_sise", "tp_size");
    check("tpsize", "tp_size");
    check("TP_SIZE", "tp_size");
    check("num_npsu", "num_npus"); /* swapped neighbours */
    check("n_npus", "num_npus");
    check("max_seqs", "max_num_seqs"); /* four letters missing are at the limit of twelve */
    check("hardwares", "hardware");
    check("tp_size", "tp_size");
}

static void test_strangers(void **state)
{
    (void)state;
    char long_name[200];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    check("colour", NULL);
    check("x", NULL);
    check("", NULL);
    check(long_name, NULL);
    assert_null(ws_nearest_name("a", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
