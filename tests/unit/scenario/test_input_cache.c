/* Invariants: what is kept is found by kind and key; what is held stays, however much comes after it; of what
 * nobody holds, only the 16 used last stay; a workload takes its prefix indexes along; what lies in the file
 * cache is not released with the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/input_cache.h"
#include "serving/prefix_index.h"
#include "workload/workload.h"

enum { N_SPARE = 16 };

static const char *key_of(size_t i)
{
    static char text[32];
    (void)snprintf(text, sizeof(text), "workload %zu", i);
    return text;
}

static ws_workload *keep_workload(ws_input_cache *cache, size_t i)
{
    ws_workload *workload = calloc(1, sizeof(*workload));
    assert_non_null(workload);
    assert_int_equal(ws_input_cache_keep_held(cache, WS_INPUT_WORKLOAD, key_of(i), workload), WS_OK);
    return workload;
}

static void what_is_held_stays(void **state)
{
    (void)state;
    ws_input_cache     cache = {.entries = NULL};
    const ws_workload *held  = keep_workload(&cache, 0);
    for (size_t i = 1; i <= 3 * N_SPARE; i++) {
        ws_input_cache_release(&cache, keep_workload(&cache, i));
    }
    assert_ptr_equal(ws_input_cache_find(&cache, WS_INPUT_WORKLOAD, key_of(0))->object, held);
    assert_null(ws_input_cache_find(&cache, WS_INPUT_MODEL, key_of(0)));
    ws_input_cache_fini(&cache);
    assert_null(cache.entries);
}

/* The one that is asked for again every time outlives those that came after it. */
static void the_spare_used_last_stay(void **state)
{
    (void)state;
    ws_input_cache cache  = {.entries = NULL};
    size_t         n_left = 0;
    ws_input_cache_release(&cache, keep_workload(&cache, 0));
    for (size_t i = 1; i <= 2 * N_SPARE; i++) {
        ws_input *first = ws_input_cache_find(&cache, WS_INPUT_WORKLOAD, key_of(0));
        assert_non_null(first);
        ws_input_cache_release(&cache, keep_workload(&cache, i));
        ws_input_cache_release(&cache, ws_input_cache_hold(&cache, first));
    }
    (void)keep_workload(&cache, 2 * N_SPARE + 1); /* makes room first */
    for (size_t i = 0; i <= 2 * N_SPARE; i++) {
        const bool is_there = ws_input_cache_find(&cache, WS_INPUT_WORKLOAD, key_of(i)) != NULL;
        assert_int_equal(is_there, i == 0 || i > N_SPARE + 1);
        n_left += is_there;
    }
    assert_int_equal(n_left, N_SPARE);
    ws_input_cache_fini(&cache);
}

static void prefix_indexes_go_with_their_workload(void **state)
{
    (void)state;
    ws_input_cache cache = {.entries = NULL};
    char           keys[2][64];
    for (size_t i = 0; i < 2; i++) {
        ws_workload     *workload = keep_workload(&cache, i);
        ws_prefix_index *index    = calloc(1, sizeof(*index));
        assert_non_null(index);
        (void)snprintf(keys[i], sizeof(keys[i]), "%p|16", (void *)workload);
        assert_int_equal(ws_input_cache_keep(&cache, WS_INPUT_PREFIXES, keys[i], index, NULL), WS_OK);
        if (i == 0) {
            ws_input_cache_release(&cache, workload);
        }
    }
    for (size_t i = 2; i <= N_SPARE + 2; i++) { /* the first one is dropped, the second one is held */
        ws_input_cache_release(&cache, keep_workload(&cache, i));
    }
    assert_null(ws_input_cache_find(&cache, WS_INPUT_PREFIXES, keys[0]));
    assert_non_null(ws_input_cache_find(&cache, WS_INPUT_PREFIXES, keys[1]));
    ws_input_cache_fini(&cache);
}

static void borrowed_objects_are_left_alone(void **state)
{
    (void)state;
    static const int in_place = 7; /* would not survive free() */
    ws_input_cache   cache    = {.entries = NULL};
    ws_strbuf        notes    = WS_STRBUF_INIT;
    ws_strbuf_puts(&notes, "a note\n");
    assert_int_equal(ws_input_cache_keep_borrowed(&cache, WS_INPUT_MODEL, "model", &in_place, &notes), WS_OK);
    ws_strbuf_fini(&notes);
    const ws_input *known = ws_input_cache_find(&cache, WS_INPUT_MODEL, "model");
    assert_ptr_equal(known->object, &in_place);
    assert_string_equal(known->notes, "a note\n");
    ws_input_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(the_spare_used_last_stay),
        cmocka_unit_test(prefix_indexes_go_with_their_workload),
        cmocka_unit_test(borrowed_objects_are_left_alone),
    };
    return cmocka_run_group_tests_name("scenario.input_cache", tests, NULL, NULL);
}
