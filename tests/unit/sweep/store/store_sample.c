/* store_sample -- write a result file of synthetic rows, for tests of other readers.
 *
 *   store_sample FILE N [live]
 *
 * With "live" it prints "live" once N rows are flushed, and finishes the file when its input ends. */
#include "store_fixture.h"

static int complain(const ws_error *err)
{
    fprintf(stderr, "%s\n", ws_error_text(err));
    return 3;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    const int64_t          n      = atoll(argv[2]);
    const swp_layout       layout = fixture_layout(n);
    const swp_store_config config = {.path = argv[1], .overwrite = true};
    ws_error               err    = WS_ERROR_INIT;
    swp_store             *store  = NULL;
    fixture_row            f;

    if (swp_store_create(&config, &layout, &err, &store) != WS_OK || swp_store_begin(store, &err) != WS_OK) {
        return complain(&err);
    }
    for (int64_t job = n - 1; job >= 0; job--) {
        if (swp_store_write_row(store, fixture_make(job, &f), &err) != WS_OK) {
            return complain(&err);
        }
    }
    if (argc > 3) {
        if (swp_store_flush(store, &err) != WS_OK) {
            return complain(&err);
        }
        printf("live\n");
        fflush(stdout);
        while (getchar() != EOF) {
        }
    }
    if (swp_store_finish(store, SWP_FINISH_REPACK, &err) != WS_OK) {
        return complain(&err);
    }
    swp_store_destroy(&store);
    return 0;
}
