/* scenario/options.h -- every option that changes a simulation, in one table: CLI name, type, default, range,
 * help, and whether an instance of the cluster config may override it. The table drives the CLI, `--help`,
 * sweep options and instance keys. Names and defaults are those of the reference's CLI
 * (docs/model/serving.md 1.8) plus our own. */
#ifndef WS_OPTIONS_H
#define WS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "hardware/profile_source.h"
#include "model/dtype.h"
#include "wattsim/options.h"

typedef enum ws_fidelity { WS_FIDELITY_PHYSICAL, WS_FIDELITY_REFERENCE } ws_fidelity;
typedef enum ws_routing { WS_ROUTING_LOAD, WS_ROUTING_RR, WS_ROUTING_RAND, WS_ROUTING_KV } ws_routing;
typedef enum ws_expert_routing { WS_EXPERT_BALANCED, WS_EXPERT_RR, WS_EXPERT_RAND } ws_expert_routing;
typedef enum ws_prefix_storage {
    WS_PREFIX_STORAGE_NONE,
    WS_PREFIX_STORAGE_CPU,
    WS_PREFIX_STORAGE_CXL
} ws_prefix_storage;
typedef enum ws_standby_unit { WS_STANDBY_UNIT_AUTO, WS_STANDBY_UNIT_NS, WS_STANDBY_UNIT_S } ws_standby_unit;

/** Options of one simulation (wattsim/options.h sets them by name). Plain data. Members marked [inst] may be
 * overridden per instance. */
struct ws_options {
    int64_t max_num_seqs;                  /* [inst] cap on the running set, >= 1 */
    int64_t max_num_batched_tokens;        /* [inst] token budget; 0 = unlimited */
    int64_t max_model_len;                 /* [inst] longest prompt + output served; 0 = the model's */
    int64_t long_prefill_token_threshold;  /* [inst] cap per request and step; 0 = off */
    int64_t block_size;                    /* [inst] tokens per KV block */
    int64_t dtype;                         /* [inst] ws_dtype; WS_DTYPE_COUNT = the model's */
    int64_t kv_cache_dtype;                /* [inst] 0 = auto, 1 = fp8 */
    bool    enable_chunked_prefill;        /* [inst] */
    bool    enable_prefix_caching;         /* [inst] */
    double  npu_memory_utilization;        /* (npu_mem.mem_util) share of NPU memory, (0, 1] */
    bool    reserve_full_isl;              /* [inst] admit only if the whole sequence fits */
    bool    enable_local_offloading;       /* [inst] */
    bool    enable_attn_offloading;        /* [inst] */
    bool    enable_sub_batch_interleaving; /* [inst] */
    bool    enable_block_copy;             /* [inst] */
    int64_t request_routing_policy;        /* ws_routing */
    int64_t expert_routing_policy;         /* ws_expert_routing */
    bool    enable_prefix_sharing;
    int64_t prefix_storage; /* ws_prefix_storage */
    int64_t num_reqs;       /* first arrivals (lines of a dataset) to take; 0 = all */
    double  from_s, to_s;   /* arrivals of this part only, counted from from_s; to_s 0 = to the end */
    double  sample;         /* share of arrivals kept, (0, 1] */
    double  time_scale;     /* arrivals times this */
    double  rate;           /* mean arrivals per second; 0 = as they are */
    bool    skip_prefill;
    double  log_interval_s;           /* > 0 */
    double  power_interval_s;         /* 0 = log_interval_s */
    int64_t fidelity;                 /* ws_fidelity */
    int64_t standby_unit;             /* ws_standby_unit; auto = ns, or s under reference fidelity */
    int64_t profile;                  /* ws_profile_choice */
    bool    enable_fused_elementwise; /* physical fidelity only */
    bool    approximate_model;        /* [inst] leave out what is not simulated of a model */
    int64_t seed;                     /* of RAND routing and generated workloads */
};

typedef enum ws_option_type {
    WS_OPTION_INT,
    WS_OPTION_DOUBLE,
    WS_OPTION_BOOL,
    WS_OPTION_CHOICE, /* int64_t, one of choices[] */
    WS_OPTION_SECONDS /* double seconds; bare numbers are seconds, "100ms" is accepted */
} ws_option_type;

typedef struct ws_option {
    const char        *name; /* underscores; the CLI form has dashes */
    ws_option_type     type;
    size_t             offset;   /* in ws_options */
    double             min, max; /* of numbers and durations */
    const char *const *choices;  /* NULL-terminated, for WS_OPTION_CHOICE */
    bool               per_instance;
    const char        *group; /* heading in --help */
    const char        *help;
} ws_option;

const ws_option *ws_option_table(size_t *n_out);

/** The option of a name, dashes and underscores alike; NULL if unknown. */
const ws_option *ws_option_find(const char *name);

/** Every option at its default. */
ws_options ws_options_default(void);

/** Set an option from text, as on a command line ("--no-enable-x" is the CLI parser's job: pass "false"). */
WS_NODISCARD ws_status ws_option_set_text(ws_options *options, const ws_option *option, const char *text,
                                          ws_error *err);
/** Set an option from JSON: a number, a boolean, or text in the CLI's form. */
WS_NODISCARD ws_status ws_option_set_json(ws_options *options, const ws_option *option, ws_json value,
                                          ws_error *err);
/** Check options that were set in the struct, without the functions above.
 * @return WS_OK; WS_ERR_ARG with every member outside its range, NaN included */
WS_NODISCARD ws_status ws_options_check(const ws_options *options, ws_error *err);

/** The option's value as text, as the CLI would take it. buf at least 64 bytes. */
char *ws_option_get_text(const ws_options *options, const ws_option *option, char buf[64]);

/** The option's name with dashes, without the two in front. Returns buf. */
char *ws_option_flag(const ws_option *option, char buf[64]);

#endif /* WS_OPTIONS_H */
