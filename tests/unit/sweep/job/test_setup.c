/* What rank 0 packs a worker reads back, byte for byte; every cut or padded block is refused, none is read
 * beyond its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "job/setup.h"

static const char files[] = "packed\0files";
static const char spec[]  = "{\"name\": \"x\"}";

static swp_setup sample(size_t n_data_dirs)
{
    swp_setup setup = {.max_nodes     = 3,
                       .time_budget_s = 1.5,
                       .memory_bytes  = (size_t)5 << 40,
                       .spec_path     = "a/spec.json",
                       .bundled_dir   = "",
                       .n_data_dirs   = n_data_dirs,
                       .spec_text     = spec,
                       .spec_len      = sizeof spec - 1,
                       .files         = files,
                       .files_len     = sizeof files};
    for (size_t i = 0; i < n_data_dirs; i++) {
        setup.data_dirs[i] = i % 2 == 0 ? "data" : "more/data";
    }
    return setup;
}

static void block_reads_back(void **state)
{
    (void)state;
    for (size_t n = 0; n <= SWP_MAX_DATA_DIRS; n += SWP_MAX_DATA_DIRS / 2) {
        const swp_setup in    = sample(n);
        char           *block = NULL;
        size_t          len   = 0;
        swp_setup       out;
        assert_int_equal(swp_setup_pack(&in, &block, &len), WS_OK);
        assert_int_equal(swp_setup_unpack(block, len, &out), WS_OK);
        assert_int_equal(out.max_nodes, in.max_nodes);
        assert_true(out.time_budget_s == in.time_budget_s);
        assert_int_equal(out.memory_bytes, in.memory_bytes);
        assert_string_equal(out.spec_path, in.spec_path);
        assert_string_equal(out.bundled_dir, in.bundled_dir);
        assert_int_equal(out.n_data_dirs, n);
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(out.data_dirs[i], in.data_dirs[i]);
        }
        assert_int_equal(out.spec_len, in.spec_len);
        assert_string_equal(out.spec_text, in.spec_text);
        assert_int_equal(out.files_len, in.files_len);
        assert_memory_equal(out.files, in.files, in.files_len);
        free(block);
    }
}

static void broken_block_is_refused(void **state)
{
    const swp_setup in    = sample(2);
    char           *block = NULL;
    size_t          len   = 0;
    swp_setup       out;
    (void)state;
    assert_int_equal(swp_setup_pack(&in, &block, &len), WS_OK);
    for (size_t cut = 0; cut < len;
         cut++) { /* exactly as long as announced, so that sanitizers see a read beyond */
        char *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, block, cut);
        assert_int_equal(swp_setup_unpack(part, cut, &out), WS_ERR_INPUT);
        free(part);
    }
    char *padded = calloc(len + 1, 1);
    assert_non_null(padded);
    memcpy(padded, block, len);
    assert_int_equal(swp_setup_unpack(padded, len + 1, &out), WS_ERR_INPUT);
    padded[0] ^= 1; /* the mark */
    assert_int_equal(swp_setup_unpack(padded, len, &out), WS_ERR_INPUT);
    free(padded);
    memset(block + 32, 0xff, len - 32); /* sizes beyond all bounds: behind mark, nodes, memory and time */
    assert_int_equal(swp_setup_unpack(block, len, &out), WS_ERR_INPUT);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(block_reads_back),
                                       cmocka_unit_test(broken_block_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
