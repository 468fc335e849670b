/* A digest changes exactly if a file behind a config has other contents, wherever the config names it and
 * whichever folder holds the file; comparing two sweeps' inputs names those that changed, and no others. */
#include <stdlib.h>

#include "toy_builder.h"

#include "base/strbuf.h"
#include "job/input_digest.h"

static const char k_cluster[] = "{\"nodes\": [{\"instances\": [{\"model_name\": \"toy/dense\", \"hardware\": "
                                "\"TOY\", \"pim_config\": \"p\"}, "
                                "{\"hardware\": \"TOY\"}, 3, \"text\"]}]}";
static const char k_workload[] = "{\"input\": {\"distribution\": \"empirical\", \"file\": \"lengths.csv\"}, "
                                 "\"phases\": [{\"file\": \"b.csv\"}]}";

typedef struct file {
    const char *path, *text;
} file;

/* The digest of a cluster config or a workload over these files. */
static char *digest_of(const char *config, bool is_workload, const file *files, size_t n)
{
    static const char *const dirs[]  = {"first", "second"};
    ws_files                *cache   = NULL;
    swp_digests             *digests = NULL;
    ws_json_doc             *doc     = NULL;
    ws_strbuf                text = WS_STRBUF_INIT, again = WS_STRBUF_INIT;
    assert_int_equal(ws_files_create(&cache), WS_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ws_files_put(cache, files[i].path, files[i].text, strlen(files[i].text)), WS_OK);
    }
    assert_int_equal(swp_digests_create(cache, dirs, 2, "bundled", &digests), WS_OK);
    assert_int_equal(ws_json_doc_parse("config", config, strlen(config), NULL, &doc), WS_OK);
    ws_status (*digest)(swp_digests *, ws_json, ws_strbuf *) =
        is_workload ? swp_digest_workload : swp_digest_cluster;
    assert_int_equal(digest(digests, ws_json_doc_root(doc), &text), WS_OK);
    assert_int_equal(digest(digests, ws_json_doc_root(doc), &again), WS_OK); /* now from its memory */
    assert_string_equal(ws_strbuf_text(&text), ws_strbuf_text(&again));
    char *copy = strdup(ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
    ws_strbuf_fini(&again);
    ws_json_doc_destroy(&doc);
    swp_digests_destroy(&digests);
    ws_files_destroy(&cache);
    return copy;
}

static void expect_change(const char *config, bool is_workload, const file *a, const file *b, size_t n,
                          bool is_changed)
{
    char *before = digest_of(config, is_workload, a, n);
    char *after  = digest_of(config, is_workload, b, n);
    if ((strcmp(before, after) != 0) != is_changed) {
        fail_msg("%s with %s \"%s\" and %s \"%s\": expected %s digests", config, a[0].path, a[0].text,
                 b[0].path, b[0].text, is_changed ? "different" : "equal");
    }
    free(before);
    free(after);
}

static void test_contents_count(void **state)
{
    (void)state;
    static const char *const paths[] = {"first/pim/p.ini", "first/hardware/TOY.json",
                                        "first/model/toy/dense.json"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const file a = {paths[i], "{}"}, b = {paths[i], "{ }"};
        expect_change(k_cluster, false, &a, &b, 1, true);
        expect_change(k_cluster, false, &a, &a, 1, false);
    }
    static const char *const lengths[] = {"lengths.csv", "b.csv"};
    for (size_t i = 0; i < 2; i++) {
        const file a = {lengths[i], "1\n"}, b = {lengths[i], "2\n"};
        expect_change(k_workload, true, &a, &b, 1, true);
    }
}

static void test_folders_do_not_count(void **state)
{
    (void)state;
    const file first = {"first/pim/p.ini", "x"}, second = {"second/pim/p.ini", "x"};
    const file bundled = {"bundled/pim/p.ini", "x"}, other = {"elsewhere/pim/p.ini", "x"};
    expect_change(k_cluster, false, &first, &second, 1, false);
    expect_change(k_cluster, false, &first, &bundled, 1, false);
    expect_change(k_cluster, false, &first, &other, 1, true); /* not found there */
    /* of a file that several folders have, the first counts */
    const file both[]  = {first, {"second/pim/p.ini", "y"}};
    const file same[]  = {first, {"second/pim/p.ini", "z"}};
    const file worse[] = {{"first/pim/p.ini", "w"}, {"second/pim/p.ini", "y"}};
    expect_change(k_cluster, false, both, same, 2, false);
    expect_change(k_cluster, false, both, worse, 2, true);
}

static void expect_changed(const char *before, const char *after, const char *expected)
{
    ws_strbuf text = WS_STRBUF_INIT;
    assert_int_equal(swp_changed_inputs(before, after, &text), WS_OK);
    assert_string_equal(ws_strbuf_text(&text), expected);
    ws_strbuf_fini(&text);
}

static void test_changed_inputs(void **state)
{
    (void)state;
    static const char before[] =
        "{\"inputs\": [{\"name\": \"a\", \"path\": \"/x/a\", \"sha256\": \"1\"}, {\"path\": \"b\", "
        "\"sha256\": \"2\"},"
        "{\"name\": \"spec\", \"path\": \"s\", \"sha256\": \"3\"}, {\"name\": \"lost\", \"sha256\": \"4\"}]}";
    expect_changed(before, before, "");
    expect_changed(before, "{\"inputs\": [{\"name\": \"a\", \"path\": \"/y/a\", \"sha256\": \"9\"}]}",
                   "/y/a");
    expect_changed(before,
                   "{\"inputs\": [{\"name\": \"a\", \"sha256\": \"9\"}, {\"name\": \"B\", \"path\": \"b\", "
                   "\"sha256\": \"8\"}]}",
                   "a, b");
    /* the spec itself, what has no name or no hash, and what only one sweep has */
    expect_changed(before,
                   "{\"inputs\": [{\"name\": \"spec\", \"sha256\": \"9\"}, {\"sha256\": \"9\"}, "
                   "{\"name\": \"a\"}, {\"name\": \"new\", \"sha256\": \"1\"}]}",
                   "");
    expect_changed("{}", before, "");
    expect_changed("{\"inputs\": [{}, {\"name\": \"a\"}]}", before, "");
    ws_strbuf text = WS_STRBUF_INIT;
    assert_int_equal(swp_changed_inputs("{", before, &text), WS_ERR_INPUT);
    assert_int_equal(swp_changed_inputs(before, "{", &text), WS_ERR_INPUT);
    ws_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_count),
        cmocka_unit_test(test_folders_do_not_count),
        cmocka_unit_test(test_changed_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
