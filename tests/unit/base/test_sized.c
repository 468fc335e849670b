/* Invariants: what a program compiled for an earlier header leaves out of a struct is zero to the library,
 * and what the library adds to one does not reach beyond what the program has; a struct larger than the
 * library knows is refused, and so is one without a size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/sized.h"

/* A struct as it grew: what the program has, what the library has, and one of a library to come. */
typedef struct earlier {
    size_t  struct_size;
    int64_t a;
} earlier;

typedef struct present {
    size_t  struct_size;
    int64_t a, b;
} present;

typedef struct later {
    size_t  struct_size;
    int64_t a, b, c;
} later;

static void an_earlier_struct_is_read_with_zeros(void **state)
{
    (void)state;
    const earlier given = {sizeof(given), 7};
    present       own   = {0, 1, 2};
    assert_int_equal(ws_sized_read("t", &given, sizeof(own), &own, NULL), WS_OK);
    assert_int_equal(own.struct_size, sizeof(own));
    assert_int_equal(own.a, 7);
    assert_int_equal(own.b, 0);
}

static void the_same_struct_is_read_whole_and_none_is_zero(void **state)
{
    (void)state;
    const present given = {sizeof(given), 7, 8};
    present       own   = {0, 1, 2};
    assert_int_equal(ws_sized_read("t", &given, sizeof(own), &own, NULL), WS_OK);
    assert_memory_equal(&own, &given, sizeof(own));
    assert_int_equal(ws_sized_read("t", NULL, sizeof(own), &own, NULL), WS_OK);
    assert_int_equal(own.struct_size, sizeof(own));
    assert_int_equal(own.a, 0);
    assert_int_equal(own.b, 0);
}

static void a_later_struct_is_refused_by_name_and_sizes(void **state)
{
    (void)state;
    ws_error    err   = WS_ERROR_INIT;
    const later given = {sizeof(given), 7, 8, 9};
    present     own   = {0, 1, 2};
    assert_int_equal(ws_sized_read("ws_thing", &given, sizeof(own), &own, &err), WS_ERR_ARG);
    assert_non_null(strstr(ws_error_text(&err), "ws_thing: struct_size is 32, libwattsim "));
    assert_non_null(strstr(ws_error_text(&err), "knows 24"));
    assert_int_equal(own.b, 2); /* untouched */
    ws_error_clear(&err);
}

static void a_struct_without_a_size_is_refused(void **state)
{
    (void)state;
    ws_error      err   = WS_ERROR_INIT;
    const present given = {0, 7, 8};
    present       own = {0, 1, 2}, view = {sizeof(size_t) - 1, 1, 2};
    assert_int_equal(ws_sized_read("ws_thing", &given, sizeof(own), &own, &err), WS_ERR_ARG);
    assert_non_null(strstr(ws_error_text(&err), "ws_thing: struct_size is 0: begin it with its _INIT macro"));
    assert_int_equal(ws_sized_write("ws_thing", &own, sizeof(own), &view, NULL), WS_ERR_ARG);
    assert_int_equal(view.a, 1);
    ws_error_clear(&err);
}

static void a_struct_is_written_as_far_as_the_program_knows_it(void **state)
{
    (void)state;
    const present own  = {sizeof(own), 7, 8};
    present       seen = {sizeof(earlier), 1, 2}; /* a program that knows no b; what lies behind is its own */
    assert_int_equal(ws_sized_write("t", &own, sizeof(own), &seen, NULL), WS_OK);
    assert_int_equal(seen.struct_size, sizeof(earlier));
    assert_int_equal(seen.a, 7);
    assert_int_equal(seen.b, 2);
    later unknown = {sizeof(unknown), 1, 2, 3};
    assert_int_equal(ws_sized_write("t", &own, sizeof(own), &unknown, NULL), WS_ERR_ARG);
    assert_int_equal(unknown.a, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_earlier_struct_is_read_with_zeros),
        cmocka_unit_test(the_same_struct_is_read_whole_and_none_is_zero),
        cmocka_unit_test(a_later_struct_is_refused_by_name_and_sizes),
        cmocka_unit_test(a_struct_without_a_size_is_refused),
        cmocka_unit_test(a_struct_is_written_as_far_as_the_program_knows_it),
    };
    return cmocka_run_group_tests_name("base.sized", tests, NULL, NULL);
}
