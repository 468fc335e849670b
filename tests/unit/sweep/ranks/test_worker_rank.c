/* Invariants: a rank that gets a setup it can read runs its jobs with it, tells rows apart by its rank and
 * leaves as it is released; one that cannot read it says why and asks to be left by _exit; one that gets none
 * leaves in peace. */
#include <stdlib.h>

#include "captured.h"
#include "fake_transport.h"
#include "packed_world.h"
#include "ranks/messages.h"
#include "ranks/worker_rank.h"
#include "result/row_wire.h"

#define MEMBERS "\"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": {\"max_num_seqs\": [1, 2]}"

typedef struct stage {
    fake_world *world;
    ws_status   status;
    bool        must_exit;
    swp_rows    rows; /* that rank 0 got */
    size_t      n_rows;
    char       *log;
} stage;

static void listen_only(void *ctx)
{
    stage      *s = ctx;
    swp_message message;
    while (fake_now_s(s->world, 0) < 20.0) {
        while (swp_transport_poll(fake_transport(s->world, 0), &message)) {
            size_t  offset = 0;
            swp_row row;
            while (message.tag == SWP_TAG_RESULTS && offset < message.len &&
                   swp_rows_next(message.data, message.len, &offset, &row) == WS_OK) {
                const ws_status status = swp_rows_add(&s->rows, &row);
                s->n_rows += status == WS_OK;
            }
            free(message.data);
        }
        fake_spend(s->world, 0, 0.01);
    }
}

static void run_rank(void *ctx)
{
    stage *s  = ctx;
    s->status = swp_worker_rank_run(fake_transport(s->world, 1), "here", 30.0, &s->must_exit);
}

static void play(void *ctx)
{
    stage *s = ctx;
    if (!fake_run(s->world, 100.0)) {
        fprintf(stderr, "it never ends\n");
    }
}

/* Rank 0 sends this setup, if there is one, two jobs, and releases. */
static void run_with(stage *s, const char *block, size_t len)
{
    const swp_msg_setup   setup   = {.n_bytes = len, .place = SWP_SETUP_BY_MESSAGES};
    const swp_msg_stop    stop    = {.how = SWP_STOP_DONE};
    const swp_msg_release release = {.finalize = 1};
    union {
        swp_msg_jobs head;
        char         bytes[sizeof(swp_msg_jobs) + 2 * sizeof(swp_msg_ticket)];
    } jobs = {.head = {.n = 2}};
    for (uint64_t i = 0; i < 2; i++) {
        const swp_msg_ticket ticket = {.job = 1 - i, .attempt = 1};
        memcpy(jobs.bytes + sizeof(swp_msg_jobs) + i * sizeof ticket, &ticket, sizeof ticket);
    }
    *s = (stage){.world = fake_world_create(2, 1)};
    if (block != NULL) {
        fake_inject(s->world, 0, 1, SWP_TAG_SETUP, &setup, sizeof setup, 0.1);
        fake_inject(s->world, 0, 1, SWP_TAG_BYTES, block, len, 0.1);
        fake_inject(s->world, 0, 1, SWP_TAG_JOBS, &jobs, sizeof jobs, 0.2);
        fake_inject(s->world, 0, 1, SWP_TAG_STOP, &stop, sizeof stop, 10.0);
    }
    fake_inject(s->world, 0, 1, SWP_TAG_RELEASE, &release, sizeof release, 11.0);
    fake_start(s->world, 0, listen_only, s);
    fake_start(s->world, 1, run_rank, s);
    s->log = captured(stderr, play, s);
    assert_null(strstr(s->log, "it never ends"));
}

static void stage_fini(stage *s)
{
    fake_world_destroy(s->world);
    free(s->rows.data);
    free(s->log);
}

static void test_jobs_are_run_by_the_setup(void **state)
{
    (void)state;
    packed_world p;
    stage        s;
    packed_world_init(&p, MEMBERS, "{\"cluster\": \"c.json\", " MEMBERS "}", NULL);
    run_with(&s, p.block, p.len);
    assert_int_equal(s.status, WS_OK);
    assert_false(s.must_exit);
    assert_int_equal(s.n_rows, 2);
    size_t offset = 0;
    for (int64_t job = 1; job >= 0; job--) {
        swp_row row;
        assert_int_equal(swp_rows_next(s.rows.data, s.rows.len, &offset, &row), WS_OK);
        assert_int_equal(row.job, job);
        assert_int_equal(row.state, SWP_STATE_DONE);
        assert_int_equal(row.rank, 1);
    }
    stage_fini(&s);
    packed_world_fini(&p);
}

static void test_a_setup_that_cannot_be_read(void **state)
{
    (void)state;
    static const char garbage[64] = "this is no setup";
    stage             s;
    run_with(&s, garbage, sizeof garbage);
    assert_int_equal(s.status, WS_ERR_INPUT);
    assert_true(s.must_exit);
    assert_string_equal(s.log, "wattsweep: rank=1 bad input\n");
    stage_fini(&s);
}

static void test_a_spec_that_cannot_be_read(void **state)
{
    (void)state;
    packed_world p;
    stage        s;
    packed_world_init(&p, MEMBERS, "{\"cluster\": \"lost.json\"}", NULL);
    run_with(&s, p.block, p.len);
    assert_int_equal(s.status, WS_ERR_INPUT);
    assert_true(s.must_exit);
    assert_non_null(strstr(s.log, "wattsweep: rank=1 "));
    assert_non_null(strstr(s.log, "lost.json"));
    stage_fini(&s);
    packed_world_fini(&p);
}

static void test_without_a_setup(void **state)
{
    (void)state;
    stage s;
    run_with(&s, NULL, 0);
    assert_int_equal(s.status, WS_OK);
    assert_false(s.must_exit);
    assert_int_equal(s.n_rows, 0);
    assert_string_equal(s.log, "");
    stage_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_are_run_by_the_setup),
        cmocka_unit_test(test_a_setup_that_cannot_be_read),
        cmocka_unit_test(test_a_spec_that_cannot_be_read),
        cmocka_unit_test(test_without_a_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
