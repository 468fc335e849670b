/* The version is the one CMake states, three numbers; the commit is hexadecimal or empty. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/version.h"

static void test_version_has_three_numbers(void **state)
{
    (void)state;
    int  major, minor, patch;
    char rest;
    assert_int_equal(sscanf(ws_version(), "%d.%d.%d%c", &major, &minor, &patch, &rest), 3);
}

static void test_commit_is_hexadecimal(void **state)
{
    (void)state;
    const char *commit = ws_git_commit();
    assert_int_equal(strspn(commit, "0123456789abcdef"), strlen(commit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_has_three_numbers),
        cmocka_unit_test(test_commit_is_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
