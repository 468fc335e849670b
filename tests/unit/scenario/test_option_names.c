/* Invariants: options set by name are those of the option table, each of which can be read back as it was
 * set; what is no option or no value of it is refused and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scenario/options.h"

static ws_options *create(void)
{
    ws_options *options = NULL;
    assert_int_equal(ws_options_create(&options), WS_OK);
    return options;
}

static void names_and_help_are_those_of_the_table(void **state)
{
    (void)state;
    size_t           n;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(ws_options_name(i), table[i].name);
        assert_string_equal(ws_options_help(i), table[i].help);
    }
    assert_null(ws_options_name(n));
    assert_null(ws_options_help(n));
}

static void options_begin_at_their_defaults(void **state)
{
    (void)state;
    ws_options      *options  = create();
    const ws_options defaults = ws_options_default();
    char             is[WS_OPTION_TEXT_BYTES], expected[WS_OPTION_TEXT_BYTES];
    for (size_t i = 0; ws_options_name(i) != NULL; i++) {
        const char *name = ws_options_name(i);
        assert_ptr_equal(ws_options_get(options, name, is), is);
        assert_string_equal(is, ws_option_get_text(&defaults, ws_option_find(name), expected));
    }
    ws_options_destroy(&options);
    assert_null(options);
    ws_options_destroy(&options);
}

static void every_option_takes_what_it_gives(void **state)
{
    (void)state;
    ws_options *options = create();
    char        text[WS_OPTION_TEXT_BYTES];
    for (size_t i = 0; ws_options_name(i) != NULL; i++) {
        const char *name = ws_options_name(i);
        assert_int_equal(ws_options_set(options, name, ws_options_get(options, name, text), NULL), WS_OK);
    }
    assert_int_equal(ws_options_set(options, "max-num-seqs", "7", NULL), WS_OK); /* dashes, too */
    assert_int_equal(options->max_num_seqs, 7);
    assert_string_equal(ws_options_get(options, "max_num_seqs", text), "7");
    assert_int_equal(ws_options_set(options, "enable_chunked_prefill", "false", NULL), WS_OK);
    assert_false(options->enable_chunked_prefill);
    ws_options_destroy(&options);
}

static void a_mistake_is_explained_and_changes_nothing(void **state)
{
    (void)state;
    ws_options *options = create();
    ws_error    err     = WS_ERROR_INIT;
    char        text[WS_OPTION_TEXT_BYTES];
    assert_int_equal(ws_options_set(options, "max_num_seq", "7", &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "\"max_num_seq\", did you mean \"max_num_seqs\"?"));
    ws_error_clear(&err);
    assert_int_equal(ws_options_set(options, "zzzzzzzzzzzzzzzzzz", "7", &err), WS_ERR_INPUT);
    assert_string_equal(ws_error_text(&err), "no option \"zzzzzzzzzzzzzzzzzz\"");
    ws_error_clear(&err);
    assert_int_equal(ws_options_set(options, "max_num_seqs", "0", &err), WS_ERR_INPUT);
    assert_int_equal(err.n_problems, 1);
    ws_error_clear(&err);
    assert_int_equal(options->max_num_seqs, ws_options_default().max_num_seqs);
    assert_null(ws_options_get(options, "max_num_seq", text));
    ws_options_destroy(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_help_are_those_of_the_table),
        cmocka_unit_test(options_begin_at_their_defaults),
        cmocka_unit_test(every_option_takes_what_it_gives),
        cmocka_unit_test(a_mistake_is_explained_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("scenario.option_names", tests, NULL, NULL);
}
