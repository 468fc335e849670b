/* hardware/step_cost.h -- compute time of a step from its counts, summed ahead: for one (profile, model, tp)
 * everything that depends on tokens or sequences alone is one array lookup, so that the cost of a step does
 * not grow with the layers.
 *
 * Every row is rounded on its own before anything is added (docs/model/serving.md 6.11 "Sum"), so sums are
 * exact. Immutable once built; shared by scenarios. */
#ifndef WS_STEP_COST_H
#define WS_STEP_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"
#include "base/error.h"
#include "hardware/profile.h"
#include "model/model.h"

typedef struct ws_step_cost {
    const ws_profile *profile;     /* borrowed, or own_profile */
    ws_profile       *own_profile; /* owned; NULL = none */
    const ws_model   *model;       /* borrowed */
    ws_profile_limits limits;
    bool              has_layer[WS_LAYER_COUNT]; /* rows that are emitted; layers without data are dropped */
    int64_t           layer_count[WS_LAYER_COUNT]; /* rows per step, blocks counted; 0 if dropped */
    int64_t           attention_rows;              /* attention rows per step */
    size_t            n_token_ns;                  /* table length */
    int64_t          *token_ns;                    /* [tokens] sum of all dense rows of a step; [0] unused */
    size_t            n_sequence_ns;
    int64_t          *sequence_ns; /* [sequences] sum of all per-sequence rows; [0] unused */
} ws_step_cost;

/** What tables are built of. */
typedef struct ws_step_cost_request {
    const ws_profile *profile; /* borrowed */
    const ws_model   *model;   /* borrowed */
    const char       *label;   /* what messages call it */
    int64_t           max_tokens,
        max_sequences; /* largest counts worth a table entry; beyond them rows are summed on demand */
    bool drops_rotary; /* the hardware has no rotary_emb row of its own (TPUs, docs/model/serving.md 6.1) */
} ws_step_cost_request;

/** Build the tables.
 * @param[in,out] notes  one line per block layer (or sampler) without data, which is dropped; NULL allowed
 * @return WS_OK; WS_ERR_INPUT if an embedding, final_layernorm or lm_head, or attention, has no data;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_step_cost_create(const ws_step_cost_request *request, ws_strbuf *notes,
                                           ws_error *err, ws_step_cost **out);
void                   ws_step_cost_destroy(ws_step_cost **cost);

/** The same rows timed by another profile of the same hardware and model (at a lower clock).
 * @param[in] profile  taken over, also after an error
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_step_cost_with_profile(const ws_step_cost *cost, ws_profile *profile,
                                                 ws_step_cost **out);

/** Sum of all dense rows of a step of n tokens >= 1. */
int64_t ws_step_cost_token_ns(const ws_step_cost *cost, int64_t n_tokens);

/** Sum of all per-sequence rows of a step of n sequences >= 1. */
int64_t ws_step_cost_sequence_ns(const ws_step_cost *cost, int64_t n_sequences);

/** True if some lookup of such a step leaves the profile's grid. */
bool ws_step_cost_extrapolates(const ws_step_cost *cost, int64_t n_tokens, int64_t n_sequences,
                               const ws_attention_query *query);

#endif /* WS_STEP_COST_H */
