#include "scenario/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "base/value_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Upper bounds that keep products of options inside int64; far beyond any machine. */
#define MAX_COUNT 1e9
#define MAX_SECONDS 1e9

/* Indices are the values of the enums named next to them. */
static const char *const dtype_choices[] = {/* ws_dtype, then "the model's" */
#define DTYPE_CHOICE(id, name, variant, bytes) [id] = name,
                                            WS_DTYPE_LIST(DTYPE_CHOICE)
#undef DTYPE_CHOICE
                                                [WS_DTYPE_COUNT] = "auto",
                                            NULL};
static const char *const kv_dtype_choices[] = {"auto", "fp8", NULL};
static const char *const routing_choices[]  = {[WS_ROUTING_LOAD] = "LOAD",
                                               [WS_ROUTING_RR]   = "RR",
                                               [WS_ROUTING_RAND] = "RAND",
                                               [WS_ROUTING_KV]   = "KV",
                                               NULL};
static const char *const expert_choices[]   = {
      [WS_EXPERT_BALANCED] = "BALANCED", [WS_EXPERT_RR] = "RR", [WS_EXPERT_RAND] = "RAND", NULL};
static const char *const storage_choices[]  = {[WS_PREFIX_STORAGE_NONE] = "None",
                                               [WS_PREFIX_STORAGE_CPU]  = "CPU",
                                               [WS_PREFIX_STORAGE_CXL]  = "CXL",
                                               NULL};
static const char *const fidelity_choices[] = {
    [WS_FIDELITY_PHYSICAL] = "physical", [WS_FIDELITY_REFERENCE] = "reference", NULL};
static const char *const standby_choices[] = {
    [WS_STANDBY_UNIT_AUTO] = "auto", [WS_STANDBY_UNIT_NS] = "ns", [WS_STANDBY_UNIT_S] = "s", NULL};
static const char *const profile_choices[] = {[WS_PROFILE_CHOICE_AUTO]     = "auto",
                                              [WS_PROFILE_CHOICE_BUNDLE]   = "bundle",
                                              [WS_PROFILE_CHOICE_COMPACT]  = "compact",
                                              [WS_PROFILE_CHOICE_ROOFLINE] = "roofline",
                                              NULL};

#define PER_INSTANCE true
#define GLOBAL false
/* clang-format off */
#define INT_OPTION(name, min, max, inst, group, help) \
    {#name, WS_OPTION_INT, offsetof(ws_options, name), min, max, NULL, inst, group, help}
#define BOOL_OPTION(name, inst, group, help) \
    {#name, WS_OPTION_BOOL, offsetof(ws_options, name), 0, 1, NULL, inst, group, help}
#define CHOICE_OPTION(name, choices, inst, group, help) \
    {#name, WS_OPTION_CHOICE, offsetof(ws_options, name), 0, 0, choices, inst, group, help}
/* clang-format on */

static const char SCHEDULER[]  = "Scheduler";
static const char NUMBERS[]    = "Number formats and memory";
static const char OFFLOADING[] = "Offloading";
static const char ROUTING[]    = "Routing";
static const char PREFIX[]     = "Prefix caching";
static const char WORKLOAD[]   = "Workload";
static const char MODEL[]      = "Timing and power model";

static const ws_option options_table[] = {
    INT_OPTION(
        max_num_seqs, 1, MAX_COUNT, PER_INSTANCE, SCHEDULER,
        "most requests running at once on an instance. More means larger batches: higher throughput, longer "
        "time per token"),
    INT_OPTION(max_num_batched_tokens, 0, MAX_COUNT, PER_INSTANCE, SCHEDULER,
               "token budget of one step, prompt and decode tokens together; 0 = unlimited. The model's "
               "max_position_embeddings is a further cap"),
    INT_OPTION(
        max_model_len, 0, MAX_COUNT, PER_INSTANCE, SCHEDULER,
        "longest prompt and output together, tokens; longer requests are rejected, as a server would. At "
        "most the model's max_position_embeddings; 0 = that, with fidelity reference no limit"),
    INT_OPTION(long_prefill_token_threshold, 0, MAX_COUNT, PER_INSTANCE, SCHEDULER,
               "most tokens of one request in one step, so that long prompts leave room for others; 0 = off"),
    BOOL_OPTION(enable_chunked_prefill, PER_INSTANCE, SCHEDULER,
                "split prompts over steps when the token budget is used up"),
    BOOL_OPTION(reserve_full_isl, PER_INSTANCE, SCHEDULER,
                "admit a request only if its whole prompt fits in free KV blocks"),
    INT_OPTION(block_size, 1, 1 << 20, PER_INSTANCE, NUMBERS, "tokens per KV block"),
    CHOICE_OPTION(
        dtype, dtype_choices, PER_INSTANCE, NUMBERS,
        "element type of weights and activations; auto = the model's torch_dtype, bfloat16 where that is "
        "float32 or unknown"),
    CHOICE_OPTION(kv_cache_dtype, kv_dtype_choices, PER_INSTANCE, NUMBERS,
                  "element type of the KV cache; auto = as dtype, fp8 = half the bytes of bfloat16"),
    {"npu_memory_utilization", WS_OPTION_DOUBLE, offsetof(ws_options, npu_memory_utilization), 1e-6, 1, NULL,
     GLOBAL, NUMBERS,
     "share of NPU memory for weights and KV blocks, above 0, at most 1; npu_mem.mem_util of an instance "
     "wins"},
    BOOL_OPTION(enable_local_offloading, PER_INSTANCE, OFFLOADING,
                "load the weights of every layer from the local memory of the NPU at each step"),
    BOOL_OPTION(enable_attn_offloading, PER_INSTANCE, OFFLOADING,
                "compute decode attention in PIM memory; every node needs cpu_mem.pim_config"),
    BOOL_OPTION(
        enable_sub_batch_interleaving, PER_INSTANCE, OFFLOADING,
        "split batches in two so that NPU and PIM work at the same time; needs enable_attn_offloading and "
        "pp_size 1"),
    BOOL_OPTION(
        enable_block_copy, PER_INSTANCE, OFFLOADING,
        "treat all transformer blocks as equal to the first; off: with placement rules, block by block"),
    CHOICE_OPTION(
        request_routing_policy, routing_choices, GLOBAL, ROUTING,
        "which instance gets a request: LOAD = fewest waiting (weighted 4) and running requests per seat, RR "
        "= in turn, RAND = at random, KV = most free KV blocks"),
    CHOICE_OPTION(
        expert_routing_policy, expert_choices, GLOBAL, ROUTING,
        "how tokens spread over experts of MoE models: BALANCED = evenly, RR = always the first ones, RAND "
        "= at random"),
    BOOL_OPTION(enable_prefix_caching, PER_INSTANCE, PREFIX,
                "reuse KV blocks of prompts that begin alike; needs token ids in the workload"),
    BOOL_OPTION(enable_prefix_sharing, GLOBAL, PREFIX,
                "share the second tier of the prefix cache between instances; needs prefix_storage"),
    CHOICE_OPTION(prefix_storage, storage_choices, GLOBAL, PREFIX,
                  "second tier that keeps KV blocks pushed out of the NPU: none, host memory or CXL memory"),
    INT_OPTION(
        num_reqs, 0, MAX_COUNT, GLOBAL, WORKLOAD,
        "take the first N requests in the order of the workload (lines of a dataset), a session counting as "
        "one; 0 = all"),
    {"from_s", WS_OPTION_SECONDS, offsetof(ws_options, from_s), 0, MAX_SECONDS, NULL, GLOBAL, WORKLOAD,
     "leave out what arrives before this time of the workload; the clock starts there"},
    {"to_s", WS_OPTION_SECONDS, offsetof(ws_options, to_s), 0, MAX_SECONDS, NULL, GLOBAL, WORKLOAD,
     "leave out what arrives at this time of the workload or later; 0 = keep all"},
    {"sample", WS_OPTION_DOUBLE, offsetof(ws_options, sample), 1e-9, 1, NULL, GLOBAL, WORKLOAD,
     "keep this share of the requests, chosen at random by the seed; sessions stay whole"},
    {"time_scale", WS_OPTION_DOUBLE, offsetof(ws_options, time_scale), 1e-9, 1e9, NULL, GLOBAL, WORKLOAD,
     "multiply arrival times: 2 = half as many requests per second. Waits inside sessions stay"},
    {"rate", WS_OPTION_DOUBLE, offsetof(ws_options, rate), 0, 1e9, NULL, GLOBAL, WORKLOAD,
     "stretch arrivals to this mean rate, requests (or sessions) per second, after all the above; 0 = as "
     "they are"},
    BOOL_OPTION(skip_prefill, GLOBAL, WORKLOAD,
                "clear the mark of new requests, so that no time to first token is recorded"),
    INT_OPTION(seed, 0, 9.2e18, GLOBAL, WORKLOAD,
               "seed of random routing, of generated workloads and of sample"),
    {"log_interval", WS_OPTION_SECONDS, offsetof(ws_options, log_interval_s), 1e-9, MAX_SECONDS, NULL, GLOBAL,
     MODEL, "simulated time between log lines, in s or with a unit (\"100ms\")"},
    {"power_interval", WS_OPTION_SECONDS, offsetof(ws_options, power_interval_s), 0, MAX_SECONDS, NULL,
     GLOBAL, MODEL, "simulated time between samples of the power and throughput series; 0 = log_interval"},
    CHOICE_OPTION(
        fidelity, fidelity_choices, GLOBAL, MODEL,
        "physical = the better model of the machine; reference = the numbers of LLMServingSim 2.0, artefacts "
        "included"),
    CHOICE_OPTION(
        standby_unit, standby_choices, GLOBAL, MODEL,
        "unit of a bare standby_duration in the cluster config; auto = ns as documented for the format, s "
        "with fidelity reference"),
    CHOICE_OPTION(
        profile, profile_choices, GLOBAL, MODEL,
        "where latencies come from: a measured bundle, a compact fit of one, or the data-sheet roofline; "
        "auto = the first that exists, in this order"),
    BOOL_OPTION(
        enable_fused_elementwise, GLOBAL, MODEL,
        "take norms and rotary embeddings that a profile holds as several kernels each as one, as serving "
        "engines run them; physical fidelity only"),
    BOOL_OPTION(
        approximate_model, PER_INSTANCE, MODEL,
        "leave out what a model has and the simulation has not (windows of attention, number formats of "
        "weights, unknown keys of its config), with a note each, instead of refusing it"),
};

const ws_option *ws_option_table(size_t *n_out)
{
    *n_out = COUNT_OF(options_table);
    return options_table;
}

static bool same_name(const char *a, const char *b)
{
    while (*a != '\0' && (*a == *b || (*a == '-' && *b == '_') || (*a == '_' && *b == '-'))) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

const ws_option *ws_option_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(options_table); i++) {
        if (same_name(name, options_table[i].name)) {
            return &options_table[i];
        }
    }
    return NULL;
}

/* Source: docs/model/serving.md 1.8 for those of the reference. */
ws_options ws_options_default(void)
{
    return (ws_options){
        .max_num_seqs             = 128,
        .max_num_batched_tokens   = 2048,
        .block_size               = 16,
        .dtype                    = WS_DTYPE_COUNT,
        .enable_chunked_prefill   = true,
        .enable_fused_elementwise = true,
        .enable_prefix_caching    = true,
        .npu_memory_utilization   = 0.9,
        .reserve_full_isl         = true,
        .enable_block_copy        = true,
        .request_routing_policy   = WS_ROUTING_LOAD,
        .expert_routing_policy    = WS_EXPERT_BALANCED,
        .prefix_storage           = WS_PREFIX_STORAGE_NONE,
        .log_interval_s           = 1.0,
        .fidelity                 = WS_FIDELITY_PHYSICAL,
        .standby_unit             = WS_STANDBY_UNIT_AUTO,
        .profile                  = WS_PROFILE_CHOICE_AUTO,
        .seed                     = 42,
        .sample                   = 1.0,
        .time_scale               = 1.0,
    };
}

/* ---- setting ---- */

static ws_value_domain domain_of(const ws_option *option)
{
    static const ws_value_kind kinds[] = {[WS_OPTION_INT]     = WS_VALUE_INT,
                                          [WS_OPTION_DOUBLE]  = WS_VALUE_NUMBER,
                                          [WS_OPTION_BOOL]    = WS_VALUE_BOOL,
                                          [WS_OPTION_CHOICE]  = WS_VALUE_CHOICE,
                                          [WS_OPTION_SECONDS] = WS_VALUE_SECONDS};
    return (ws_value_domain){
        .kind = kinds[option->type], .min = option->min, .max = option->max, .choices = option->choices};
}

static void describe_expected(const ws_option *option, ws_strbuf *out)
{
    const ws_value_domain domain = domain_of(option);
    ws_value_put_expected(&domain, out);
}

static bool parse_text(const ws_option *option, const char *text, ws_value *out)
{
    const ws_value_domain domain = domain_of(option);
    return ws_value_parse(&domain, text, out);
}

static void store(ws_options *options, const ws_option *option, ws_value value)
{
    char *place = (char *)options + option->offset;
    switch (option->type) {
    case WS_OPTION_INT:
    case WS_OPTION_CHOICE:
        memcpy(place, &value.integer, sizeof(value.integer));
        break;
    case WS_OPTION_DOUBLE:
    case WS_OPTION_SECONDS:
        memcpy(place, &value.number, sizeof(value.number));
        break;
    case WS_OPTION_BOOL:
        memcpy(place, &value.truth, sizeof(value.truth));
        break;
    }
}

static bool parse_number(const ws_option *option, double number, ws_value *out)
{
    if (!(number >= option->min && number <= option->max)) {
        return false;
    }
    if (option->type == WS_OPTION_INT) {
        out->integer = (int64_t)number;
        return (double)out->integer == number && fabs(number) <= 0x1p53;
    }
    out->number = number;
    return option->type == WS_OPTION_DOUBLE || option->type == WS_OPTION_SECONDS;
}

ws_status ws_option_set_text(ws_options *options, const ws_option *option, const char *text, ws_error *err)
{
    ws_value value = {.integer = 0};
    if (parse_text(option, text, &value)) {
        store(options, option, value);
        return WS_OK;
    }
    ws_strbuf expected = WS_STRBUF_INIT;
    char      flag[64];
    describe_expected(option, &expected);
    const ws_status status = ws_error_add(err, WS_ERR_INPUT, "--%s: expected %s, found '%s'",
                                          ws_option_flag(option, flag), ws_strbuf_text(&expected), text);
    ws_strbuf_fini(&expected);
    return status;
}

ws_status ws_option_set_json(ws_options *options, const ws_option *option, ws_json value, ws_error *err)
{
    ws_value           read  = {.integer = 0};
    const ws_json_kind kind  = ws_json_kind_of(value);
    bool               is_ok = false;
    if (kind == WS_JSON_STRING) {
        is_ok = parse_text(option, ws_json_string(value), &read);
    } else if (kind == WS_JSON_NUMBER) {
        is_ok = parse_number(option, ws_json_number(value), &read);
    } else if (kind == WS_JSON_BOOL && option->type == WS_OPTION_BOOL) {
        read.truth = ws_json_bool(value);
        is_ok      = true;
    }
    if (is_ok) {
        store(options, option, read);
        return WS_OK;
    }
    ws_strbuf expected = WS_STRBUF_INIT;
    describe_expected(option, &expected);
    const ws_status status = ws_json_expected(value, err, ws_strbuf_text(&expected));
    ws_strbuf_fini(&expected);
    return status;
}

/* ---- checking ---- */

static size_t n_choices(const ws_option *option)
{
    size_t n = 0;
    while (option->choices[n] != NULL) {
        n++;
    }
    return n;
}

/** Whether a member is in range; its value as text goes to found[64]. */
static bool is_in_range(const ws_options *options, const ws_option *option, char found[64])
{
    const char *place   = (const char *)options + option->offset;
    int64_t     integer = 0;
    double      number  = 0.0;
    switch (option->type) {
    case WS_OPTION_INT:
    case WS_OPTION_CHOICE:
        memcpy(&integer, place, sizeof(integer));
        (void)snprintf(found, 64, "%lld", (long long)integer);
        return option->type == WS_OPTION_CHOICE
                   ? integer >= 0 && (size_t)integer < n_choices(option)
                   : (double)integer >= option->min && (double)integer <= option->max;
    case WS_OPTION_DOUBLE:
    case WS_OPTION_SECONDS:
        memcpy(&number, place, sizeof(number));
        (void)snprintf(found, 64, "%g", number);
        return number >= option->min && number <= option->max; /* false for NaN */
    case WS_OPTION_BOOL:
        break;
    }
    return true;
}

ws_status ws_options_check(const ws_options *options, ws_error *err)
{
    ws_status status = WS_OK;
    char      found[64];
    for (size_t i = 0; i < COUNT_OF(options_table); i++) {
        const ws_option *option = &options_table[i];
        if (!is_in_range(options, option, found)) {
            ws_strbuf expected = WS_STRBUF_INIT;
            describe_expected(option, &expected);
            status = ws_error_add(err, WS_ERR_ARG, "options.%s: expected %s, found %s", option->name,
                                  ws_strbuf_text(&expected), found);
            ws_strbuf_fini(&expected);
        }
    }
    return status;
}

/* ---- getting ---- */

char *ws_option_get_text(const ws_options *options, const ws_option *option, char buf[64])
{
    const char *place = (const char *)options + option->offset;
    int64_t     integer;
    double      number;
    bool        truth;
    switch (option->type) {
    case WS_OPTION_INT:
        memcpy(&integer, place, sizeof(integer));
        (void)snprintf(buf, 64, "%lld", (long long)integer);
        break;
    case WS_OPTION_CHOICE:
        memcpy(&integer, place, sizeof(integer));
        (void)snprintf(buf, 64, "%s", option->choices[integer]);
        break;
    case WS_OPTION_DOUBLE:
    case WS_OPTION_SECONDS:
        memcpy(&number, place, sizeof(number));
        (void)ws_double_repr(number, buf);
        break;
    case WS_OPTION_BOOL:
        memcpy(&truth, place, sizeof(truth));
        (void)snprintf(buf, 64, "%s", truth ? "true" : "false");
        break;
    }
    return buf;
}

char *ws_option_flag(const ws_option *option, char buf[64])
{
    size_t i = 0;
    for (; option->name[i] != '\0' && i < 63; i++) {
        buf[i] = (char)(option->name[i] == '_' ? '-' : option->name[i]);
    }
    buf[i] = '\0';
    return buf;
}
