/* Invariants: the layout read from a file is the one the file was made with, whatever the names and kinds of
 * its parameters; a file that lacks a part of its description, or is of another program or schema, is refused
 * by its path. */
#include "result/layout.h"
#include "store/h5_layout.h"
#include "store/h5_util.h"
#include "store_place.h"

static ws_status read_layout(place *p, swp_layout **out)
{
    swp_h5_init();
    const hid_t     access = swp_h5_file_access(0);
    const hid_t     file   = H5Fopen(p->paths[0], H5F_ACC_RDONLY, access);
    const ws_status status = swp_h5_layout_read(file, p->paths[0], &p->err, out);
    assert_true(H5Fclose(file) >= 0 && H5Pclose(access) >= 0);
    return status;
}

static void expect_same(const swp_layout *found, const swp_layout *expected)
{
    assert_string_equal(found->title, expected->title);
    assert_string_equal(found->spec_json, expected->spec_json);
    assert_string_equal(found->spec_sha256, expected->spec_sha256);
    assert_int_equal(found->n_jobs, expected->n_jobs);
    assert_int_equal(found->n_jobs_all, expected->n_jobs_all);
    assert_int_equal(found->max_nodes, expected->max_nodes);
    assert_int_equal(found->has_series, expected->has_series);
    assert_int_equal(found->has_requests, expected->has_requests);
    assert_int_equal(found->n_params, expected->n_params);
    for (size_t k = 0; k < expected->n_params; k++) {
        assert_string_equal(found->params[k].name, expected->params[k].name);
        assert_string_equal(found->params[k].long_name, expected->params[k].long_name);
        assert_string_equal(found->params[k].unit, expected->params[k].unit);
        assert_int_equal(found->params[k].kind, expected->params[k].kind);
        assert_int_equal(found->params[k].text_len, expected->params[k].text_len);
    }
    assert_int_equal(found->n_attributes, expected->n_attributes);
    for (size_t i = 0; i < expected->n_attributes; i++) {
        assert_string_equal(found->attributes[i].name, expected->attributes[i].name);
        assert_string_equal(found->attributes[i].text, expected->attributes[i].text);
    }
}

/* Written without rows, closed or repacked, and read again. */
static void round_trip(place *p, const swp_layout *layout)
{
    for (int how = SWP_FINISH_REPACK; how <= SWP_FINISH_CLOSE; how++) {
        swp_store  *store = place_begin(p, 0, layout);
        swp_layout *found = NULL;
        assert_int_equal(swp_store_finish(store, (swp_finish)how, NULL), WS_OK);
        swp_store_destroy(&store);
        if (read_layout(p, &found) != WS_OK) {
            fail_msg("%s", ws_error_text(&p->err));
        }
        expect_same(found, layout);
        swp_layout_free(&found);
    }
}

static void test_groups_and_sizes(void **state)
{
    place *p = *state;
    for (int bits = 0; bits < 8; bits++) {
        swp_layout layout   = fixture_layout(7);
        layout.has_series   = (bits & 1) != 0;
        layout.has_requests = (bits & 2) != 0;
        layout.max_nodes    = (bits & 4) != 0 ? 5 : 1;
        layout.n_jobs_all   = 21;
        round_trip(p, &layout);
    }
}

/* A text parameter has a second dataset, p<k>_<name>_len, and a name may end so by itself. */
static void test_names_of_parameters(void **state)
{
    place                 *p        = *state;
    static const swp_param params[] = {
        {"x_len", "/x/len", "1", SWP_PARAM_INT, 0},
        {"x", "/x", "1", SWP_PARAM_TEXT, 7},
        {"x_len", "/x_len", "1", SWP_PARAM_TEXT, 1},
        {"_len", "/_len", "1", SWP_PARAM_BOOL, 0},
        {"standby", "standby_duration", "s", SWP_PARAM_DOUBLE, 0},
        {"p5_x", "größer", "1", SWP_PARAM_TEXT, 300},
        {"a", "a", "W", SWP_PARAM_DOUBLE, 0},
        {"a", "b", "1", SWP_PARAM_INT, 0},
        {"a", "c", "1", SWP_PARAM_INT, 0},
        {"a", "d", "1", SWP_PARAM_INT, 0},
        {"p1_x", "e", "1", SWP_PARAM_TEXT, 2},
        {"len", "f", "1", SWP_PARAM_TEXT, 2},
    };
    swp_layout layout = fixture_layout(7);
    layout.params     = params;
    layout.n_params   = sizeof params / sizeof params[0];
    round_trip(p, &layout);
    layout.n_params = 0;
    round_trip(p, &layout);
}

static void test_texts(void **state)
{
    place                   *p            = *state;
    const swp_text_attribute attributes[] = {{"z", ""}, {"a", "größer \"x\"\n"}, {"n_points_pruned", "12"}};
    char                     big[200000];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    swp_layout layout   = fixture_layout(1);
    layout.title        = "größer: \"a\"\tb";
    layout.spec_json    = big;
    layout.attributes   = attributes;
    layout.n_attributes = 3;
    round_trip(p, &layout);
    layout.n_attributes = 0;
    layout.title        = "";
    round_trip(p, &layout);
}

/* ---- damage ---- */

typedef void (*damage_fn)(hid_t file, const char *name);

static void delete_attribute(hid_t file, const char *name)
{
    assert_true(H5Adelete(file, name) >= 0);
}

static void delete_object(hid_t file, const char *name)
{
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
}

static void delete_long_name(hid_t file, const char *name)
{
    assert_true(H5Adelete_by_name(file, name, "long_name", H5P_DEFAULT) >= 0);
}

static void other_schema(hid_t file, const char *name)
{
    delete_attribute(file, name);
    assert_true(swp_h5_put_int(file, name, SWP_SCHEMA_VERSION + 1) >= 0);
}

static void other_program(hid_t file, const char *name)
{
    delete_attribute(file, name);
    assert_true(swp_h5_put_text(file, name, "othertool") >= 0);
}

static void number_for_text(hid_t file, const char *name)
{
    delete_attribute(file, name);
    assert_true(swp_h5_put_int(file, name, 1) >= 0);
}

static void test_what_is_missing_is_told(void **state)
{
    static const struct {
        damage_fn   damage;
        const char *name, *expected;
    } rows[]                = {{delete_attribute, "title", "damaged: the sweep's description"},
                               {number_for_text, "title", "damaged: the sweep's description"},
                               {delete_attribute, "spec_sha256", "damaged: the sweep's description"},
                               {delete_attribute, "n_jobs", "damaged: the sweep's description"},
                               {delete_attribute, "n_jobs_all", "damaged: the sweep's description"},
                               {delete_object, "spec_json", "damaged: the sweep's description"},
                               {delete_object, "energy/component_j", "damaged: the sweep's description"},
                               {delete_long_name, "params/p1_standby_duration", "damaged: /params"},
                               {delete_attribute, "program", "not a result file of wattsweep"},
                               {other_program, "program", "not a result file of wattsweep"},
                               {delete_attribute, "schema_version", "not a result file of wattsweep"},
                               {other_schema, "schema_version", "schema version 3, this program knows 1 to 2"}};
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        swp_layout *found = (swp_layout *)p;
        place_write(p, 0, &layout, NULL, 0, NULL, NULL);
        const hid_t file = H5Fopen(p->paths[0], H5F_ACC_RDWR, H5P_DEFAULT);
        rows[i].damage(file, rows[i].name);
        assert_true(H5Fclose(file) >= 0);
        assert_int_equal(read_layout(p, &found), WS_ERR_IO);
        assert_null(found);
        if (strstr(ws_error_text(&p->err), rows[i].expected) == NULL ||
            strstr(ws_error_text(&p->err), p->paths[0]) == NULL) {
            fail_msg("without %s: expected \"%s\", found %s", rows[i].name, rows[i].expected,
                     ws_error_text(&p->err));
        }
        ws_error_clear(&p->err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_groups_and_sizes),
                                       PLACE_TEST(test_names_of_parameters), PLACE_TEST(test_texts),
                                       PLACE_TEST(test_what_is_missing_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
