/* Invariant: the closed form of a batch gives, to the nanosecond, what a walk gives that takes every NPU
 * through every layer of every block, runs each all-reduce by itself and queues every transfer, whatever the
 * batch, the degree and the queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "timing/step.h"
#include "world.h"

enum { TP_MAX = 4, N_BATCHES = 400 };

static world the_world;

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- the walk (docs/model/timing.md 5.4) ---- */

typedef struct walk {
    const ws_instance_config *c;
    const ws_batch           *batch;
    int64_t                   t_ns[TP_MAX], scratch[TP_MAX];
    int64_t                   compute_ns, n_collectives, first_load_ns, first_kernel_ns;
} walk;

static int64_t row_ns(const walk *w, ws_layer layer)
{
    const ws_attention_query query = ws_batch_attention(w->batch);
    switch (ws_layer_category(layer)) {
    case WS_CATEGORY_DENSE:
        return ws_profile_layer_ns(w->c->profile, layer, w->batch->n_tokens);
    case WS_CATEGORY_PER_SEQUENCE:
        return ws_profile_layer_ns(w->c->profile, layer, ws_batch_n_sequences(w->batch));
    case WS_CATEGORY_ATTENTION:
        return ws_profile_attention_ns(w->c->profile, &query);
    case WS_CATEGORY_MOE:
        break;
    }
    fail_msg("no experts here");
    return 0;
}

static void walk_section(walk *w, const ws_layer_sequence *section)
{
    for (size_t i = 0; i < section->n_layers; i++) {
        const ws_layer layer = section->layers[i];
        const int64_t  ns    = row_ns(w, layer);
        w->compute_ns += ns;
        for (int64_t npu = 0; npu < w->c->tp_size; npu++) {
            w->t_ns[npu] += ns;
        }
        if (w->c->tp_size > 1 && (layer == WS_LAYER_O_PROJ || layer == WS_LAYER_DOWN_PROJ)) {
            ws_collective_run(&w->c->network, WS_ALL_REDUCE, w->batch->n_tokens * 64 * 2, 1U, w->t_ns,
                              w->scratch);
            w->n_collectives++;
        }
    }
}

/* Loads queue up: first those of the NPUs between start and end, then the start NPU's, then the end NPU's;
 * each NPU's recalled KV before its token ids. Then the chain, and the stores as they come. */
static int64_t walk_batch(walk *w, int64_t now_ns, int64_t tail_ns)
{
    const ws_model *model = w->c->model;
    const int64_t   n     = w->c->tp_size;
    tail_ns               = max_i64(tail_ns, now_ns);
    for (int64_t turn = 0; turn < n; turn++) {
        const int64_t npu = turn < n - 2 ? turn + 1 : turn == n - 2 || n == 1 ? 0 : n - 1;
        tail_ns += w->batch->load_bytes > 0 ? ws_memory_ns(&w->c->remote, w->batch->load_bytes) : 0;
        tail_ns += ws_memory_ns(&w->c->remote, 2 * 2 * w->batch->n_tokens);
        w->t_ns[npu]     = tail_ns;
        w->first_load_ns = turn == 0 ? tail_ns : w->first_load_ns;
    }
    w->first_kernel_ns = w->t_ns[0];
    walk_section(w, &model->sections[WS_SECTION_PROLOGUE]);
    for (int64_t block = 0; block < model->n_layers; block++) {
        walk_section(w, &model->sections[WS_SECTION_PRE_ATTN]);
        walk_section(w, &model->sections[WS_SECTION_POST_ATTN]);
        walk_section(w, ws_model_mlp(model));
    }
    walk_section(w, &model->sections[WS_SECTION_HEAD]);
    bool is_stored[TP_MAX] = {false};
    for (int64_t turn = 0; turn < n; turn++) {
        int64_t next = -1;
        for (int64_t npu = 0; npu < n; npu++) {
            next = !is_stored[npu] && (next < 0 || w->t_ns[npu] < w->t_ns[next]) ? npu : next;
        }
        tail_ns       = max_i64(tail_ns, w->t_ns[next]) + ws_memory_ns(&w->c->remote, 4 * w->batch->n_tokens);
        w->t_ns[next] = tail_ns;
        is_stored[next] = true;
    }
    return tail_ns;
}

static ws_batch random_batch(ws_rng *rng)
{
    ws_batch      batch     = {.n_prefills = ws_rng_below(rng, 3),
                               .load_bytes = ws_rng_below(rng, 2) * ws_rng_below(rng, 90000)};
    const int64_t n_decodes = (int64_t)ws_rng_below(rng, 20) + (batch.n_prefills == 0);
    batch.prefill_tokens    = batch.n_prefills * (2 + ws_rng_below(rng, 300));
    batch.prefill_kv        = batch.n_prefills * ws_rng_below(rng, 700);
    batch.n_decodes = batch.n_kv_entries = n_decodes;
    batch.n_entries                      = (size_t)(batch.n_prefills + n_decodes);
    batch.n_tokens                       = batch.prefill_tokens + n_decodes;
    for (int64_t i = 0; i < n_decodes; i++) {
        const int64_t kv = 1 + ws_rng_below(rng, 1500);
        batch.kv_sum += kv;
        batch.kv_max = max_i64(batch.kv_max, kv);
        batch.kv_min = i == 0 || kv < batch.kv_min ? kv : batch.kv_min;
    }
    return batch;
}

static void check_batch(const ws_instance_config *c, const ws_batch *batch, int64_t now_ns, int64_t tail_ns)
{
    int64_t       scratch[2 * TP_MAX];
    ws_step       step;
    walk          w           = {.c = c, .batch = batch};
    const int64_t end_tail_ns = walk_batch(&w, now_ns, tail_ns);
    ws_step_time(c, batch, now_ns, tail_ns, scratch, &step);
    assert_int_equal(step.compute_ns, w.compute_ns);
    assert_int_equal(step.n_collectives, w.n_collectives);
    assert_int_equal(step.start_end_ns, w.t_ns[0]);
    assert_int_equal(step.end_end_ns, w.t_ns[c->tp_size - 1]);
    assert_int_equal(step.tail_ns, end_tail_ns);
    assert_int_equal(step.input_bytes, 4 * batch->n_tokens);
    assert_int_equal(step.output_bytes, 4 * batch->n_tokens);
    assert_int_equal(step.extrapolates, batch->n_tokens > 2048 || batch->n_decodes > 16 ||
                                            batch->prefill_tokens > 256 || batch->prefill_kv > 512 ||
                                            batch->kv_max > 1024);
    assert_int_equal(step.first_load_ns, w.first_load_ns);
    assert_int_equal(step.first_kernel_ns, w.first_kernel_ns);
}

static void closed_form_equals_the_walk(void **state)
{
    (void)state;
    static const char *const instances[] = {"", ", \"tp_size\": 2", ", \"tp_size\": 4"};
    static const char        dataset[] = "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n";
    ws_rng                   rng;
    ws_rng_seed(&rng, 5);
    for (size_t k = 0; k < 3; k++) {
        const ws_options options = ws_options_default();
        ws_scenario *s = world_need_scenario(&the_world, world_cluster(1.0, instances[k]), dataset, &options);
        assert_int_equal(s->step_model, WS_STEP_CLOSED);
        for (int i = 0; i < N_BATCHES; i++) {
            const ws_batch batch  = random_batch(&rng);
            const int64_t  now_ns = ws_rng_below(&rng, 100000);
            check_batch(&s->instances[0], &batch, now_ns,
                        ws_rng_below(&rng, 200000)); /* the queue may be behind or ahead */
        }
        ws_scenario_destroy(&s);
    }
}

/* ---- the queue alone ---- */

/* Issued at 30, 10, 10 and 100, 20 ns each, queue free at 25: the two of 10 in order of index, 25 to 45 and
 * 45 to 65; then that of 30 until 85; the last finds the queue free. */
static void transfers_pass_in_order_of_issue(void **state)
{
    (void)state;
    int64_t at_ns[] = {30, 10, 10, 100}, order[4];
    assert_int_equal(ws_queue_transfers(4, 20, 25, at_ns, order), 120);
    assert_int_equal(at_ns[0], 85);
    assert_int_equal(at_ns[1], 45);
    assert_int_equal(at_ns[2], 65);
    assert_int_equal(at_ns[3], 120);
}

/* A mean of 7 / 2 is cut to 3; entries that pad a group have no KV length and do not count in the mean. */
static void attention_sees_entries_with_kv(void **state)
{
    (void)state;
    const ws_batch           batch = {.prefill_tokens = 9,
                                      .prefill_kv     = 4,
                                      .n_decodes      = 5,
                                      .n_kv_entries   = 2,
                                      .kv_sum         = 7,
                                      .kv_max         = 6,
                                      .kv_min         = 1};
    const ws_attention_query query = ws_batch_attention(&batch);
    assert_true(query.prefill_tokens == 9 && query.prefill_kv == 4 && query.n_decodes == 2);
    assert_true(query.kv_mean == 3 && query.kv_max == 6 && query.kv_min == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_form_equals_the_walk),
        cmocka_unit_test(transfers_pass_in_order_of_issue),
        cmocka_unit_test(attention_sees_entries_with_kv),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("timing.step", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
