/* Invariants: a copy says what the original says and shares no memory with it; texts that are missing become
 * empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "result/layout.h"
#include "store_fixture.h"

static void expect_same_text(const char *copy, const char *original)
{
    assert_string_equal(copy, original);
    assert_ptr_not_equal(copy, original);
}

static void test_a_copy_is_the_same_and_its_own(void **state)
{
    (void)state;
    swp_layout  layout = fixture_layout(12);
    swp_layout *copy   = NULL;
    layout.n_jobs_all  = 36;
    layout.has_series  = false;
    assert_int_equal(swp_layout_copy(&layout, &copy), WS_OK);
    expect_same_text(copy->title, layout.title);
    expect_same_text(copy->spec_json, layout.spec_json);
    expect_same_text(copy->spec_sha256, layout.spec_sha256);
    assert_true(copy->n_jobs == 12 && copy->n_jobs_all == 36 && copy->max_nodes == FIXTURE_NODES);
    assert_true(!copy->has_series && copy->has_requests);
    assert_int_equal(copy->n_params, layout.n_params);
    for (size_t k = 0; k < layout.n_params; k++) {
        expect_same_text(copy->params[k].name, layout.params[k].name);
        expect_same_text(copy->params[k].long_name, layout.params[k].long_name);
        expect_same_text(copy->params[k].unit, layout.params[k].unit);
        assert_int_equal(copy->params[k].kind, layout.params[k].kind);
        assert_int_equal(copy->params[k].text_len, layout.params[k].text_len);
    }
    assert_int_equal(copy->n_attributes, layout.n_attributes);
    for (size_t i = 0; i < layout.n_attributes; i++) {
        expect_same_text(copy->attributes[i].name, layout.attributes[i].name);
        expect_same_text(copy->attributes[i].text, layout.attributes[i].text);
    }
    swp_layout_free(&copy);
    assert_null(copy);
    swp_layout_free(&copy);
}

static void test_a_copy_outlives_the_original(void **state)
{
    (void)state;
    char        title[] = "before", name[] = "a", unit[] = "s";
    swp_param   param  = {.name = name, .long_name = name, .unit = unit, .kind = SWP_PARAM_INT};
    swp_layout  layout = {.title = title, .n_params = 1, .params = &param};
    swp_layout *copy = NULL, *second = NULL;
    assert_int_equal(swp_layout_copy(&layout, &copy), WS_OK);
    memset(title, 'x', sizeof title - 1);
    name[0] = unit[0] = 'x';
    assert_string_equal(copy->title, "before");
    assert_string_equal(copy->params[0].name, "a");
    assert_string_equal(copy->params[0].unit, "s");
    assert_int_equal(swp_layout_copy(copy, &second), WS_OK);
    swp_layout_free(&copy);
    assert_string_equal(second->params[0].long_name, "a");
    swp_layout_free(&second);
}

static void test_missing_texts_become_empty(void **state)
{
    (void)state;
    const swp_param          param     = {.kind = SWP_PARAM_TEXT, .text_len = 3};
    const swp_text_attribute attribute = {.name = "slice"};
    const swp_layout layout = {.n_params = 1, .params = &param, .n_attributes = 1, .attributes = &attribute};
    swp_layout      *copy   = NULL;
    assert_int_equal(swp_layout_copy(&layout, &copy), WS_OK);
    assert_string_equal(copy->title, "");
    assert_string_equal(copy->spec_json, "");
    assert_string_equal(copy->spec_sha256, "");
    assert_string_equal(copy->params[0].name, "");
    assert_string_equal(copy->params[0].long_name, "");
    assert_string_equal(copy->params[0].unit, "");
    assert_int_equal(copy->params[0].text_len, 3);
    assert_string_equal(copy->attributes[0].text, "");
    swp_layout_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_copy_is_the_same_and_its_own),
                                       cmocka_unit_test(test_a_copy_outlives_the_original),
                                       cmocka_unit_test(test_missing_texts_become_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
