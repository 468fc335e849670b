/* bench_store -- rows per second through the store: gather, live columns, repack.
 *
 *   build/release/tests/bench_store [n_rows [samples_per_row [file]]]
 *
 * Default: 1000000 rows without samples, in $TMPDIR or /tmp. Prints key=value pairs; never fails on time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "store/live_writer.h"

static double file_mb(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (double)about.st_size / 1e6 : 0.0;
}

static int fail(const ws_error *err)
{
    fprintf(stderr, "%s\n", ws_error_text(err));
    return 1;
}

typedef struct bench_row {
    swp_row   row;
    swp_value params[2];
    double    metrics[WS_METRIC_COUNT], component_j[WS_COMPONENT_COUNT], npu_state_s[WS_STATE_COUNT];
    double    phase_j[WS_COMPONENT_COUNT][WS_PHASE_COUNT];
    double   *samples; /* one column, used for all */
    double   *wide;    /* [n_samples][WS_COMPONENT_COUNT] */
    char      hash[SWP_HASH_LEN + 1];
} bench_row;

static int bench_row_init(bench_row *b, size_t n_samples)
{
    memset(b, 0, sizeof(*b));
    b->samples = calloc(n_samples + 1, sizeof(b->samples[0]));
    b->wide    = calloc((n_samples + 1) * WS_COMPONENT_COUNT, sizeof(b->wide[0]));
    if (b->samples == NULL || b->wide == NULL) {
        return 1;
    }
    for (size_t i = 0; i < n_samples; i++) {
        b->samples[i] = 600.0 + (double)(rand() % 100000) * 1e-3;
        for (size_t c = 0; c < WS_COMPONENT_COUNT; c++) {
            b->wide[i * WS_COMPONENT_COUNT + c] = c % 2 == 0 ? 60.0 : b->samples[i] * 0.1;
        }
    }
    b->row = (swp_row){.state             = SWP_STATE_DONE,
                       .attempt           = 1,
                       .hash              = b->hash,
                       .params            = b->params,
                       .metrics           = b->metrics,
                       .n_nodes           = 1,
                       .component_j       = b->component_j,
                       .phase_j           = b->phase_j[0],
                       .npu_state_s       = b->npu_state_s,
                       .n_samples         = n_samples,
                       .node_power_w      = b->samples,
                       .component_power_w = b->wide,
                       .host              = "node01",
                       .wall_s            = 0.005};
    for (size_t s = 0; s < WS_SERIES_COUNT; s++) {
        b->row.series[s] = b->samples;
    }
    return 0;
}

static void bench_row_set(bench_row *b, int64_t job)
{
    b->row.job = job;
    snprintf(b->hash, sizeof(b->hash), "%016llx%016llx", (unsigned long long)job * 0x9e3779b97f4a7c15ull,
             (unsigned long long)job);
    b->params[0].integer = job % 256;
    b->params[1].number  = (double)job * 1e-3;
    for (size_t m = 0; m < WS_METRIC_COUNT; m++) {
        b->metrics[m] = (double)(job % 1000) * 0.37 + (double)m;
    }
    for (size_t c = 0; c < WS_COMPONENT_COUNT; c++) {
        b->component_j[c] = (double)job * 0.1 + (double)c;
        for (size_t p = 0; p < WS_PHASE_COUNT; p++) {
            b->phase_j[c][p] = b->component_j[c] * 0.25 * (double)(p + 1);
        }
    }
}

int main(int argc, char **argv)
{
    const int64_t          n_rows    = argc > 1 ? atoll(argv[1]) : 1000000;
    const size_t           n_samples = argc > 2 ? (size_t)atoll(argv[2]) : 0;
    const char            *folder    = getenv("TMPDIR");
    char                   path[512];
    static const swp_param params[] = {{"max_num_seqs", "max_num_seqs", "1", SWP_PARAM_INT, 0},
                                       {"rate", "workload.rate", "1/s", SWP_PARAM_DOUBLE, 0}};
    const swp_layout       layout   = {.title       = "bench",
                                       .spec_json   = "{}",
                                       .spec_sha256 = "",
                                       .n_jobs      = n_rows,
                                       .n_jobs_all  = n_rows,
                                       .n_params    = 2,
                                       .params      = params,
                                       .max_nodes   = 1,
                                       .has_series  = true};
    ws_error               err      = WS_ERROR_INIT;
    swp_store             *store    = NULL;
    bench_row              row;

    snprintf(path, sizeof(path), "%s/bench_store.%ld.h5", folder != NULL ? folder : "/tmp", (long)getpid());
    const swp_store_config config = {.path = argc > 3 ? argv[3] : path, .overwrite = true};
    if (bench_row_init(&row, n_samples) != 0) {
        return 1;
    }
    const double began_s = ws_wall_s();
    if (swp_store_create(&config, &layout, &err, &store) != WS_OK || swp_store_begin(store, &err) != WS_OK) {
        return fail(&err);
    }
    const double created_s = ws_wall_s();
    for (int64_t i = 0; i < n_rows; i++) {
        bench_row_set(&row, (i * 7919) % n_rows); /* an order as mixed as completion's */
        if (swp_store_write_row(store, &row.row, &err) != WS_OK) {
            return fail(&err);
        }
    }
    if (swp_store_flush(store, &err) != WS_OK) {
        return fail(&err);
    }
    const double written_s = ws_wall_s();
    const double live_mb   = file_mb(config.path);
    if (swp_store_finish(store, SWP_FINISH_REPACK, &err) != WS_OK) {
        return fail(&err);
    }
    const double  finished_s = ws_wall_s();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "rows=%lld samples_per_row=%zu create_s=%.3f write_s=%.3f rows_per_s=%.0f live_mb=%.1f repack_s=%.3f "
        "final_mb=%.1f max_rss_mb=%.1f\n",
        (long long)n_rows, n_samples, created_s - began_s, written_s - created_s,
        (double)n_rows / (written_s - created_s), live_mb, finished_s - written_s, file_mb(config.path),
        (double)usage.ru_maxrss / 1024.0);
    swp_store_destroy(&store);
    unlink(config.path);
    free(row.samples);
    free(row.wide);
    return 0;
}
