/* store_place.h -- result files in a folder of their own, written from a list of jobs, for tests of what
 * reads them. */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "store_fixture.h"

enum { PLACE_FILES = 3 };

typedef struct place {
    char    *folder;
    char     paths[PLACE_FILES][600];
    ws_error err;
} place;

/* Changes the i-th row before it is written. */
typedef void (*place_edit_fn)(const void *ctx, size_t i, swp_row *row);

static inline int place_set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    for (int i = 0; i < PLACE_FILES; i++) {
        snprintf(p->paths[i], sizeof(p->paths[i]), "%s/%d.h5", p->folder, i);
    }
    *state = p;
    return 0;
}

static inline int place_tear_down(void **state)
{
    place *p = *state;
    ws_error_clear(&p->err);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static inline void place_write_rows(swp_store *store, const int64_t *jobs, size_t n_rows, place_edit_fn edit,
                                    const void *ctx)
{
    fixture_row f;
    for (size_t i = 0; i < n_rows; i++) {
        fixture_make(jobs[i], &f);
        if (edit != NULL) {
            edit(ctx, i, &f.row);
        }
        assert_int_equal(swp_store_write_row(store, &f.row, NULL), WS_OK);
    }
}

static inline swp_store *place_begin(const place *p, int file, const swp_layout *layout)
{
    const swp_store_config config = {.path = p->paths[file], .overwrite = true};
    swp_store             *store  = NULL;
    assert_int_equal(swp_store_create(&config, layout, NULL, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, NULL), WS_OK);
    return store;
}

/* Rows of these jobs, in this order, in a file that is closed as when a sweep stops early. */
static inline void place_write(const place *p, int file, const swp_layout *layout, const int64_t *jobs,
                               size_t n_rows, place_edit_fn edit, const void *ctx)
{
    swp_store *store = place_begin(p, file, layout);
    place_write_rows(store, jobs, n_rows, edit, ctx);
    assert_int_equal(swp_store_finish(store, SWP_FINISH_CLOSE, NULL), WS_OK);
    swp_store_destroy(&store);
}

/* The same by a process that dies before it closes the file. */
static inline void place_write_and_die(const place *p, int file, const swp_layout *layout,
                                       const int64_t *jobs, size_t n_rows)
{
    const pid_t child  = fork();
    int         status = -1;
    if (child == 0) {
        swp_store *store = place_begin(p, file, layout);
        place_write_rows(store, jobs, n_rows, NULL, NULL);
        _exit(swp_store_flush(store, NULL) == WS_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static inline swp_reader *place_open(place *p, int file)
{
    swp_reader *reader = NULL;
    if (swp_reader_open(p->paths[file], &p->err, &reader) != WS_OK) {
        fail_msg("%s", ws_error_text(&p->err));
    }
    return reader;
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, place_set_up, place_tear_down)

#endif /* STORE_PLACE_H */
