/* scenario_gen.h -- random scenarios in the toy world: every parallelism, both fidelities, tiers, offloads,
 * placements, sessions, shared prefixes and tight memory. The same seed makes the same scenario; changes do
 * not consume random numbers, so that two variants of a seed differ in nothing else. */
#ifndef WS_TEST_SCENARIO_GEN_H
#define WS_TEST_SCENARIO_GEN_H

#include "base/rng.h"
#include "world.h"

typedef enum gen_kind {
    GEN_PLAIN, /* instances that know nothing of each other, all alike */
    GEN_MIXED, /* the same with different degrees of parallelism */
    GEN_PD,    /* prefill and decode */
    GEN_DP,    /* one data-parallel group */
    GEN_KINDS
} gen_kind;

/** What to change in what the seed would make. */
typedef struct gen_change {
    bool   no_power;            /* leave the power blocks out */
    bool   physical, reference; /* this fidelity, whatever the seed says */
    bool   tp_only;             /* dense models on TP groups, nothing off the NPU: what has a closed form */
    bool   instant_host; /* loads from the host take no time, so that the ranks of a group start together */
    bool   no_tier;      /* no second KV tier */
    bool   one_node;     /* all instances on one node */
    bool   one_request;  /* the first line of the workload alone, one output token */
    bool   plenty;       /* memory for everything */
    bool   placeholders; /* answers of 0, 1 or 2 tokens */
    bool   small;        /* three lines of the workload at most, with short prompts and answers */
    int    dark_node_plus_1; /* a node without power block; 0 = none */
    double interval_s;       /* of the power and the log series; 0 = the seed's */
    double bandwidth_factor; /* on every bandwidth; 0 = 1 */
    double power_cap_w;      /* of every NPU that is tracked; 0 = none */
    int    kind_plus_1;      /* gen_kind + 1; 0 = the seed's */
} gen_change;

typedef struct gen_scenario {
    gen_kind   kind;
    bool       is_moe, has_pim, has_tier;
    size_t     n_instances;
    ws_strbuf  cluster, dataset;
    ws_options options;
} gen_scenario;

/** Release with gen_fini(). */
void gen_init(gen_scenario *out, uint64_t seed, const gen_change *change);
void gen_fini(gen_scenario *scenario);

#endif /* WS_TEST_SCENARIO_GEN_H */
