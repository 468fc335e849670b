/* sweep_threads.c -- a sweep in one process: threads that share one cache of inputs, each with a run of its
 * own.
 *
 *   sweep_threads CLUSTER.json [DATASET.jsonl [THREADS]]
 *
 * Simulates the cluster at several max_num_seqs and prints joules per token and latency of each. The numbers
 * do not depend on the number of threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <wattsim/wattsim.h>

enum { N_POINTS = 8, MAX_THREADS = 64 };

typedef struct point {
    ws_status status;
    ws_error  err;
    double    j_per_token, ttft_p99_ms;
} point;

typedef struct sweep {
    const char     *cluster, *dataset;
    ws_inputs      *inputs; /* shared: it locks itself */
    pthread_mutex_t lock;   /* of next */
    int             next;   /* the point that nobody has taken yet */
    point           points[N_POINTS];
} sweep;

static int max_num_seqs_of(int i)
{
    return 1 << i;
}

/* Load one point: what it shares with the others was read once. */
static ws_status load(sweep *s, int i, ws_scenario **scenario_out)
{
    ws_load_options options   = WS_LOAD_OPTIONS_INIT;
    ws_options     *simulator = NULL;
    point          *p         = &s->points[i];
    char            number[16];
    ws_status       status = ws_options_create(&simulator);
    if (status == WS_OK) {
        snprintf(number, sizeof(number), "%d", max_num_seqs_of(i));
        status = ws_options_set(simulator, "max_num_seqs", number, &p->err);
    }
    if (status == WS_OK) {
        options.inputs  = s->inputs;
        options.dataset = s->dataset;
        options.options = simulator;
        status          = ws_scenario_load(s->cluster, &options, &p->err, scenario_out);
    }
    ws_options_destroy(&simulator);
    return status;
}

static void simulate(sweep *s, int i, ws_run *run)
{
    ws_scenario     *scenario = NULL;
    const ws_result *result   = NULL;
    point           *p        = &s->points[i];
    p->status                 = load(s, i, &scenario);
    if (p->status == WS_OK) {
        p->status = ws_simulate(scenario, run, NULL, &p->err, &result);
    }
    if (p->status == WS_OK) { /* the result is the run's: take what is wanted before the next one */
        p->j_per_token = ws_result_metric(result, "j_per_token");
        p->ttft_p99_ms = ws_result_metric(result, "ttft_p99_ms");
    }
    ws_scenario_destroy(&scenario);
}

static int take_next(sweep *s)
{
    pthread_mutex_lock(&s->lock);
    const int i = s->next++;
    pthread_mutex_unlock(&s->lock);
    return i;
}

static void *work(void *arg)
{
    sweep          *s       = (sweep *)arg;
    ws_run         *run     = NULL;
    const ws_status created = ws_run_create(&run);
    for (int i = take_next(s); i < N_POINTS; i = take_next(s)) {
        if (created == WS_OK) {
            simulate(s, i, run);
        } else {
            s->points[i].status = created;
        }
    }
    ws_run_destroy(&run);
    return NULL;
}

/* Let threads take points until none is left; the main thread is one of them. */
static void run_threads(sweep *s, int n_threads)
{
    pthread_t threads[MAX_THREADS];
    int       n_started = 0;
    while (n_started < n_threads - 1 && pthread_create(&threads[n_started], NULL, work, s) == 0) {
        n_started++;
    }
    work(s);
    for (int i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
    }
}

static int print_points(sweep *s)
{
    int n_failed = 0;
    printf("%12s %12s %12s\n", "max_num_seqs", "j_per_token", "ttft_p99_ms");
    for (int i = 0; i < N_POINTS; i++) {
        point *p = &s->points[i];
        if (p->status == WS_OK) {
            printf("%12d %12.6g %12.6g\n", max_num_seqs_of(i), p->j_per_token, p->ttft_p99_ms);
        } else {
            printf("%12d %s\n", max_num_seqs_of(i),
                   p->err.n_problems > 0 ? ws_error_text(&p->err) : ws_status_text(p->status));
            n_failed++;
        }
        ws_error_clear(&p->err);
    }
    return n_failed;
}

int main(int argc, char **argv)
{
    static sweep s; /* zero: ws_error begins so, too */
    ws_error     err       = WS_ERROR_INIT;
    const int    wanted    = argc > 3 ? atoi(argv[3]) : 4;
    const int    n_threads = wanted < 1 ? 1 : wanted > MAX_THREADS ? MAX_THREADS : wanted;
    s.cluster              = argc > 1 ? argv[1] : "configs/cluster/single_node_power_instance.json";
    s.dataset              = argc > 2 ? argv[2] : NULL;
    if (ws_inputs_open(NULL, 0, NULL, &err, &s.inputs) != WS_OK) {
        fprintf(stderr, "sweep_threads: %s\n", ws_error_text(&err));
        ws_error_clear(&err);
        return 1;
    }
    pthread_mutex_init(&s.lock, NULL);
    run_threads(&s, n_threads);
    const int n_failed = print_points(&s);
    pthread_mutex_destroy(&s.lock);
    ws_inputs_destroy(&s.inputs);
    return n_failed == 0 ? 0 : 1;
}
