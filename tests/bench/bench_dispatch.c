/* How many empty jobs a second go through rank 0 into the file: handed out, run by a thread that only fills
 * in a metrics row, gathered, written and repacked.
 *
 *   bench_dispatch [N_JOBS] [FILE]
 *
 * Prints jobs/s with and without the final repack, on an idle machine; the processor time a job costs, which other load
 * disturbs less: of all threads until the repack, and of the repack; and the peak memory before and after it. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "coordinator.h"
#include "file_layout.h"

static const char cluster_text[] = "{\"num_nodes\": 1, \"nodes\": []}";

typedef struct empty_job {
    swp_row row;
    char    hash[SWP_HASH_LEN + 1];
    double  metrics[WS_METRIC_COUNT];
    double  component_j[WS_COMPONENT_COUNT], npu_state_s[WS_STATE_COUNT];
    double  phase_j[WS_COMPONENT_COUNT * WS_PHASE_COUNT];
} empty_job;

static const swp_row *run_empty(void *ctx, uint64_t job, int32_t attempt)
{
    empty_job *e = ctx;
    snprintf(e->hash, sizeof e->hash, "%032llx", (unsigned long long)job);
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        e->metrics[m] = (double)job + m;
    }
    e->row = (swp_row){.job          = (int64_t)job,
                       .state        = SWP_STATE_DONE,
                       .attempt      = attempt,
                       .hash         = e->hash,
                       .metrics      = e->metrics,
                       .n_nodes      = 1,
                       .component_j  = e->component_j,
                       .phase_j      = e->phase_j,
                       .npu_state_s  = e->npu_state_s,
                       .wall_s       = 1e-6,
                       .profile_kind = 0};
    return &e->row;
}

static double cpu_s(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

static void must(ws_status status, const ws_error *err, const char *what)
{
    if (status != WS_OK) {
        fprintf(stderr, "%s: %s %s\n", what, ws_status_text(status), ws_error_text(err));
        exit(1);
    }
}

typedef struct bench {
    ws_error         err;
    swp_sweep_inputs in;
    swp_file_layout  layout;
    swp_census       census;
    swp_store       *store;
    swp_writer      *writer;
    swp_progress    *progress;
    swp_job_source  *source;
    swp_local       *local;
    swp_crew        *crew;
} bench;

static void read_inputs(bench *b, uint64_t n_jobs)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"cluster\": \"c.json\", \"parameters\": {\"max_num_seqs\": {\"range\": [1, 1000, 1]},"
             "\"/num_nodes\": {\"range\": [1, %llu, 1]}}, \"outputs\": {\"timeseries\": false}}",
             (unsigned long long)(n_jobs / 1000));
    must(ws_files_create(&b->in.files), &b->err, "files");
    must(ws_files_put(b->in.files, "c.json", cluster_text, strlen(cluster_text)), &b->err, "files");
    must(swp_spec_parse("bench", text, strlen(text), &b->err, &b->in.spec), &b->err, "spec");
    const swp_builder_config config = {.spec_path = "bench"};
    must(swp_builder_create(b->in.spec, &config, b->in.files, &b->err, &b->in.builder), &b->err, "builder");
    must(swp_constraints_create(b->in.builder, &b->err, &b->in.constraints), &b->err, "constraints");
    b->in.slice = swp_slice_of(swp_builder_space(b->in.builder), 0, 1);
    must(swp_census_take(b->in.builder, b->in.constraints, b->in.slice, &b->census), &b->err, "census");
}

static void open_file(bench *b, const char *path)
{
    const swp_run_options  options  = {.spec_path = "bench", .n_slices = 1};
    const swp_prefetch     prefetch = {.max_nodes = 1};
    const swp_store_config config   = {.path = path, .overwrite = true};
    must(swp_file_layout_init(&b->in, &options, &prefetch, &b->census, &b->census, 1, &b->layout), &b->err,
         "layout");
    must(swp_store_create(&config, &b->layout.layout, &b->err, &b->store), &b->err, "store");
    must(swp_store_begin(b->store, &b->err), &b->err, "store");
}

int main(int argc, char **argv)
{
    const uint64_t   n_jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    const char      *path   = argc > 2 ? argv[2] : "bench_dispatch.h5";
    static bench     b;
    static empty_job job;
    atomic_bool      abandon = false;
    swp_outcome      outcome;
    read_inputs(&b, n_jobs);
    open_file(&b, path);
    const swp_progress_config   progress = {.name        = "bench",
                                            .is_quiet    = true,
                                            .n_total     = b.census.n_jobs,
                                            .n_ranks     = 1,
                                            .best_metric = WS_METRIC_COUNT};
    const swp_job_source_config source   = {.builder     = b.in.builder,
                                            .constraints = b.in.constraints,
                                            .slice       = b.in.slice,
                                            .n_to_run    = b.census.n_jobs};
    must(swp_progress_create(&progress, &b.progress), &b.err, "progress");
    must(swp_job_source_create(&source, &b.source), &b.err, "source");
    must(swp_writer_start(b.store, b.in.builder, 1, &b.writer), &b.err, "writer");
    must(swp_local_start(run_empty, &job, &b.local), &b.err, "local");
    must(swp_crew_create(NULL, "bench", 30.0, &b.crew), &b.err, "crew");
    const swp_coordinator_config config  = {.crew      = b.crew,
                                            .local     = b.local,
                                            .source    = b.source,
                                            .builder   = b.in.builder,
                                            .writer    = b.writer,
                                            .progress  = b.progress,
                                            .host      = "bench",
                                            .abandon   = &abandon,
                                            .stop_at_s = INFINITY,
                                            .end_s     = INFINITY};
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double begin_cpu_s = cpu_s(&usage);
    const double begin_s     = swp_wall_s();
    must(swp_coordinate(&config, &outcome), &b.err, "coordinate");
    must(swp_writer_stop(&b.writer, &b.err), &b.err, "writer");
    const double written_s = swp_wall_s() - begin_s;
    getrusage(RUSAGE_SELF, &usage);
    const double running_mb    = (double)usage.ru_maxrss / 1e3;
    const double written_cpu_s = cpu_s(&usage) - begin_cpu_s;
    must(swp_store_finish(b.store, SWP_FINISH_REPACK, &b.err), &b.err, "finish");
    const double repacked_s = swp_wall_s() - begin_s;
    getrusage(RUSAGE_SELF, &usage);
    const double us_per_job = 1e6 / (double)b.census.n_jobs;
    printf("n_jobs=%llu jobs_per_s=%.0f with_repack_jobs_per_s=%.0f cpu_us_per_job=%.2f repack_cpu_us_per_job=%.2f "
           "running_mb=%.1f peak_mb=%.1f\n",
           (unsigned long long)b.census.n_jobs, (double)b.census.n_jobs / written_s, (double)b.census.n_jobs / repacked_s,
           written_cpu_s * us_per_job, (cpu_s(&usage) - begin_cpu_s - written_cpu_s) * us_per_job, running_mb,
           (double)usage.ru_maxrss / 1e3);
    swp_local_stop(&b.local);
    swp_crew_destroy(&b.crew);
    swp_job_source_destroy(&b.source);
    swp_progress_destroy(&b.progress);
    swp_store_destroy(&b.store);
    swp_file_layout_fini(&b.layout);
    swp_census_fini(&b.census);
    swp_sweep_inputs_fini(&b.in);
    return outcome.is_complete ? 0 : 1;
}
