#include "timing/step.h"

#include "base/minmax.h"

enum { BYTES_PER_TOKEN_ID = 4 }; /* the sampler's output */

WS_HOT ws_attention_query ws_batch_attention(const ws_batch *batch)
{
    return (ws_attention_query){
        .prefill_tokens = batch->prefill_tokens,
        .prefill_kv     = batch->prefill_kv,
        .n_decodes      = batch->n_kv_entries,
        .kv_mean        = batch->n_kv_entries > 0 ? batch->kv_sum / batch->n_kv_entries : 0,
        .kv_max         = batch->kv_max,
        .kv_min         = batch->kv_min,
    };
}

/* Time of all ops of one NPU. */
static void compute_time(const ws_step_cost *cost, const ws_batch *batch, ws_step *out)
{
    const ws_attention_query query  = ws_batch_attention(batch);
    const int64_t            tokens = ws_max_i64(batch->n_tokens, 1);
    const int64_t            seqs   = ws_max_i64(ws_batch_n_sequences(batch), 1);
    out->compute_ns = ws_step_cost_token_ns(cost, tokens) + ws_step_cost_sequence_ns(cost, seqs);
    if (query.prefill_tokens > 0 || query.n_decodes > 0) {
        out->compute_ns += cost->attention_rows * ws_profile_attention_ns(cost->profile, &query);
    }
    out->extrapolates = ws_step_cost_extrapolates(cost, tokens, seqs, &query);
}

/* Entry loads queue up: middle NPUs, start NPU, end NPU (docs/model/timing.md 4.2). Returns the new tail. */
static int64_t queue_loads(int64_t n, int64_t load_ns, int64_t now_ns, int64_t tail_ns, int64_t *ready_ns,
                           ws_step *out)
{
    int64_t tail       = ws_max_i64(tail_ns, now_ns) + load_ns;
    out->first_load_ns = tail;
    for (int64_t i = 1; i < n - 1; i++, tail += load_ns) {
        ready_ns[i] = tail;
    }
    ready_ns[0] = tail;
    if (n > 1) {
        tail += load_ns;
        ready_ns[n - 1] = tail;
    }
    return tail;
}

WS_HOT int64_t ws_queue_transfers(int64_t n, int64_t transfer_ns, int64_t tail_ns, int64_t *at_ns,
                                  int64_t *order)
{
    for (int64_t i = 0; i < n; i++) { /* insertion sort of few, nearly sorted values */
        int64_t k = i;
        while (k > 0 && at_ns[order[k - 1]] > at_ns[i]) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = i;
    }
    int64_t tail = tail_ns;
    for (int64_t i = 0; i < n; i++) {
        tail            = ws_max_i64(tail, at_ns[order[i]]) + transfer_ns;
        at_ns[order[i]] = tail;
    }
    return tail;
}

WS_HOT void ws_step_time(const ws_instance_config *c, const ws_batch *batch, int64_t now_ns, int64_t tail_ns,
                         int64_t *scratch, ws_step *out)
{
    const int64_t n = c->tp_size;
    compute_time(c->cost, batch, out);
    out->input_bytes       = 2 * batch->n_tokens * c->element_bytes;
    out->output_bytes      = BYTES_PER_TOKEN_ID * batch->n_tokens;
    const int64_t kv_ns    = batch->load_bytes > 0 ? ws_memory_ns(&c->remote, batch->load_bytes) : 0;
    const int64_t load_ns  = kv_ns + ws_memory_ns(&c->remote, out->input_bytes);
    const int64_t store_ns = ws_memory_ns(&c->remote, out->output_bytes);
    int64_t      *t        = scratch;
    int64_t       tail     = queue_loads(n, load_ns, now_ns, tail_ns, t, out);
    out->first_kernel_ns   = t[0];
    out->n_collectives = out->collective_ns = out->collective_bytes = 0;
    if (n > 1) {
        out->n_collectives = c->cost->layer_count[WS_LAYER_O_PROJ] + c->cost->layer_count[WS_LAYER_DOWN_PROJ];
        out->collective_bytes = batch->n_tokens * c->model->hidden_size * c->element_bytes;
        out->collective_ns    = ws_collective_ns(&c->network, WS_ALL_REDUCE, out->collective_bytes, 1U);
        ws_all_reduce_repeat(&c->network, 0, out->collective_bytes, out->n_collectives, t, scratch + n);
    }
    out->last_kernel_ns = out->first_kernel_ns + out->compute_ns + out->n_collectives * out->collective_ns;
    for (int64_t i = 0; i < n; i++) {
        t[i] += out->compute_ns;
    }
    out->tail_ns      = ws_queue_transfers(n, store_ns, tail, t, scratch + n);
    out->start_end_ns = t[0];
    out->end_end_ns   = t[n - 1];
}
