/* programs/wattsim_cli.h -- the command line of wattsim as a struct.
 *
 * Simulator options come from the table of scenario/options.h; files and switches from the list below. `--opt
 * value` and
 * `--opt=value` are the same; a boolean option is `--opt` or `--no-opt`. Later options win over earlier ones.
 */
#ifndef WS_WATTSIM_CLI_H
#define WS_WATTSIM_CLI_H

#include "wattsim.h"

/* X(ID, flag, value or NULL, help) */
#define WS_WATTSIM_FLAG_LIST(X)                                                                              \
    X(CLUSTER_CONFIG, "cluster-config", "FILE",                                                              \
      "nodes, instances, memories, links and power coefficients (docs/cluster-config.md)")                   \
    X(DATASET, "dataset", "FILE",                                                                            \
      "requests, JSON Lines; without it, 16 requests of 64 prompt and 64 output tokens at time 0")           \
    X(WORKLOAD, "workload", "FILE",                                                                          \
      "generate the requests from this spec (docs/workloads.md) with --seed; of --dataset and this, the "    \
      "last one wins")                                                                                       \
    X(FROM, "from", "DIR",                                                                                   \
      "run what `wattsweep show FILE --job N --export DIR` wrote; further options override it")              \
    X(OUTPUT, "output", "FILE", "write one CSV row per request; - = standard output")                        \
    X(REQUEST_ENERGY, "request-energy", NULL,                                                                \
      "two more columns in --output: active_j and energy_j, the request's share of energy")                  \
    X(SUMMARY_JSON, "summary-json", "FILE",                                                                  \
      "write metrics, energy and time series as JSON; - = standard output, the log then goes to standard "   \
      "error")                                                                                               \
    X(DATA_DIR, "data-dir", "DIR",                                                                           \
      "look for model/, profiles/, hardware/ and pim/ here before the bundled configs; may be repeated")     \
    X(SLO, "slo", "LIST",                                                                                    \
      "bounds on latencies, ms: ttft_ms=500,tpot_ms=50 of each request (also itl_ms, latency_ms, "           \
      "queue_ms), "                                                                                          \
      "which 99 % must meet (attainment=0.95: 95 %); ttft_p99_ms=2000 and the like of the whole run")        \
    X(DRY_RUN, "dry-run", NULL, "check everything, print the resolved inputs as JSON, simulate nothing")     \
    X(QUIET, "quiet", NULL, "print neither log nor summary")                                                 \
    X(VERSION, "version", NULL, "print the version")                                                         \
    X(HELP, "help", NULL, "print this help")

typedef enum ws_wattsim_flag {
#define WS_WATTSIM_FLAG_ENUM(id, flag, value, help) WS_WATTSIM_##id,
    WS_WATTSIM_FLAG_LIST(WS_WATTSIM_FLAG_ENUM)
#undef WS_WATTSIM_FLAG_ENUM
        WS_WATTSIM_FLAG_COUNT
} ws_wattsim_flag;

typedef struct ws_wattsim_args {
    ws_options   options;
    ws_slo       slo;
    const char  *cluster_config, *dataset, *workload; /* borrowed from argv; NULL = not given */
    const char  *output, *summary_json;               /* the same */
    const char **data_dirs;                           /* [n_data_dirs], owned */
    size_t       n_data_dirs;
    bool         wants_request_energy; /* columns of `output` */
    bool         is_dry_run, is_quiet, wants_version, wants_help;
} ws_wattsim_args;

/** Read a command line, argv[0] being the program.
 * @param[out] args_out  release with ws_wattsim_args_fini(); untouched after an error
 * @return WS_OK; WS_ERR_INPUT with every problem; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_wattsim_args_parse(int argc, const char *const *argv, ws_error *err,
                                             ws_wattsim_args *args_out);
void                   ws_wattsim_args_fini(ws_wattsim_args *args);

/** Read "ttft_ms=500,tpot_ms=50" into bounds; those not named stay as they are. */
WS_NODISCARD ws_status ws_slo_parse(const char *text, ws_error *err, ws_slo *slo);

#endif /* WS_WATTSIM_CLI_H */
