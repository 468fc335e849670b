#include "ranks/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json_write.h"
#include "base/output_file.h"
#include "base/strbuf.h"
#include "ranks/terminal.h"
#include "result/point_order.h"

#define LIVE_INTERVAL_S 0.25
#define LOG_INTERVAL_S 60.0
#define JSON_INTERVAL_S 1.0
enum { LINE_CAP = 320 };

struct swp_progress {
    swp_progress_config config;
    swp_terminal        terminal;
    int                 n_live_lines; /* on the screen now, the last without an end; 0 = none */
    bool                has_json_failed;
    double              begin_s, shown_s, json_s;
    uint64_t            n[SWP_STATE_COUNT];
    uint64_t            n_counted;
    swp_ranked          best; /* index: the job */
    double              best_value, best_slo_met;
};

static double clock_s(const swp_progress *p)
{
    return swp_now_s(p->config.machine);
}

ws_status swp_progress_create(const swp_progress_config *config, swp_progress **progress_out)
{
    swp_progress *p = calloc(1, sizeof(*p));
    *progress_out   = p;
    if (p == NULL) {
        return WS_ERR_NOMEM;
    }
    p->config = *config;
    if (p->config.machine == NULL) {
        p->config.machine = swp_machine_real();
    }
    p->terminal   = swp_terminal_find(config->is_launched);
    p->begin_s    = clock_s(p);
    p->shown_s    = p->begin_s;
    p->best_value = NAN;
    return WS_OK;
}

void swp_progress_destroy(swp_progress **progress)
{
    free(*progress);
    *progress = NULL;
}

void swp_progress_count(swp_progress *p, const swp_row *row)
{
    p->n[row->state]++;
    p->n_counted++;
    if (row->state == SWP_STATE_DONE && row->metrics != NULL) {
        swp_progress_consider(p, row->job, row->metrics);
    }
}

void swp_progress_consider(swp_progress *p, int64_t job, const double *metrics)
{
    if (p->config.best_metric == WS_METRIC_COUNT || isnan(metrics[p->config.best_metric])) {
        return;
    }
    const double     value = metrics[p->config.best_metric];
    const swp_ranked next  = {.tier  = swp_point_tier_of_run(metrics, p->config.ignores_slo),
                              .cost  = p->config.lower_is_better ? value : -value,
                              .index = (size_t)job};
    if (isnan(p->best_value) || swp_point_compare(&next, &p->best) < 0) {
        p->best         = next;
        p->best_value   = value;
        p->best_slo_met = metrics[WS_METRIC_SLO_MET];
    }
}

uint64_t swp_progress_n(const swp_progress *p, swp_job_state state)
{
    return p->n[state];
}

uint64_t swp_progress_n_counted(const swp_progress *p)
{
    return p->n_counted;
}

/* Rows of a state in the file: of this run and kept from an earlier one. */
static uint64_t n_rows(const swp_progress *p, swp_job_state state)
{
    return p->config.n_before[state] + p->n[state];
}

static uint64_t n_failed(const swp_progress *p)
{
    return n_rows(p, SWP_STATE_FAILED) + n_rows(p, SWP_STATE_TIMED_OUT) + n_rows(p, SWP_STATE_INFEASIBLE);
}

static double jobs_per_s(const swp_progress *p)
{
    const double elapsed_s = clock_s(p) - p->begin_s;
    return elapsed_s > 0.0 ? (double)p->n_counted / elapsed_s : 0.0;
}

/* Until the last job ends, at the rate so far; NAN if there is none. */
static double eta_s(const swp_progress *p)
{
    uint64_t finished = p->n_counted;
    for (int state = 0; state < SWP_STATE_COUNT; state++) {
        finished += p->config.n_before[state];
    }
    const double rate = jobs_per_s(p);
    return rate > 0.0 && finished <= p->config.n_total ? (double)(p->config.n_total - finished) / rate : NAN;
}

static void format_eta(const swp_progress *p, char *out, size_t cap)
{
    if (isnan(eta_s(p))) {
        snprintf(out, cap, "-");
        return;
    }
    const long left_s = lround(eta_s(p));
    snprintf(out, cap, "%ld:%02ld:%02ld", left_s / 3600, left_s / 60 % 60, left_s % 60);
}

static void format_line(const swp_progress *p, char *out, size_t cap)
{
    char eta[32], best[128] = "";
    format_eta(p, eta, sizeof eta);
    if (!isnan(p->best_value)) {
        snprintf(best, sizeof best, " best_%s=%.4g (job %zu%s%s)", ws_metric_name(p->config.best_metric),
                 p->best_value, p->best.index,
                 p->best_slo_met < 1.0    ? ", misses slo"
                 : p->best_slo_met >= 1.0 ? ", meets slo"
                                          : "",
                 (p->best.tier & SWP_TIER_OVERSIZE) != 0 ? ", oversize" : "");
    }
    snprintf(out, cap,
             "done=%" PRIu64 " failed=%" PRIu64 " pruned=%" PRIu64 " total=%" PRIu64 " rate=%.4g/s eta=%s%s",
             n_rows(p, SWP_STATE_DONE), n_failed(p), p->config.n_pruned, p->config.n_total, jobs_per_s(p),
             eta, best);
}

static void put_best(ws_json_writer *w, const swp_progress *p)
{
    if (isnan(p->best_value)) {
        return;
    }
    ws_json_put_key(w, "best");
    ws_json_begin_object(w);
    ws_json_put_key(w, "metric");
    ws_json_put_string(w, ws_metric_name(p->config.best_metric));
    ws_json_put_key(w, "value");
    ws_json_put_double(w, p->best_value);
    ws_json_put_key(w, "job");
    ws_json_put_int(w, (int64_t)p->best.index);
    ws_json_put_key(w, "slo_met");
    ws_json_put_double(w, p->best_slo_met); /* null without an SLO */
    ws_json_put_key(w, "oversize");
    ws_json_put_bool(w, (p->best.tier & SWP_TIER_OVERSIZE) != 0);
    ws_json_end_object(w);
}

/* Whole at any moment; the next one comes soon, so nobody waits for the disk, nor for the reader of a pipe.
 */
static ws_status replace_json(const char *path, const char *text, ws_error *err)
{
    struct stat     info;
    ws_output_file *file = NULL;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return ws_error_add(err, WS_ERR_IO, "%s: cannot write: not a regular file", path);
    }
    WS_TRY(ws_output_file_open_in_folder(path, err, &file));
    ws_output_file_puts(file, text);
    const ws_status status = ws_output_file_replace(file, false, err);
    ws_output_file_destroy(&file);
    return status;
}

static void write_json(swp_progress *p, const char *ending)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 0);
    ws_json_begin_object(&w);
    ws_json_put_key(&w, "name");
    ws_json_put_string(&w, p->config.name);
    ws_json_put_key(&w, "ending");
    ws_json_put_string(&w, ending);
    const struct {
        const char *key;
        uint64_t    n;
    } counts[] = {{"n_total", p->config.n_total},
                  {"n_done", n_rows(p, SWP_STATE_DONE)},
                  {"n_failed", n_failed(p)},
                  {"n_pruned", p->config.n_pruned}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        ws_json_put_key(&w, counts[i].key);
        ws_json_put_int(&w, (int64_t)counts[i].n);
    }
    ws_json_put_key(&w, "jobs_per_s");
    ws_json_put_double(&w, jobs_per_s(p));
    ws_json_put_key(&w, "wall_s");
    ws_json_put_double(&w, clock_s(p) - p->begin_s);
    ws_json_put_key(&w, "eta_s");
    ws_json_put_double(&w, eta_s(p));
    put_best(&w, p);
    ws_json_end_object(&w);
    ws_strbuf_puts(&text, "\n");
    ws_error  err = WS_ERROR_INIT;
    ws_status status =
        text.failed ? WS_ERR_NOMEM : replace_json(p->config.json_path, ws_strbuf_text(&text), &err);
    if (status != WS_OK && !p->has_json_failed) { /* no reason to stop a sweep */
        p->has_json_failed = true;
        swp_progress_say(p, "--progress-json: %s",
                         err.n_problems > 0 ? ws_error_text(&err) : ws_status_text(status));
    }
    ws_error_clear(&err);
    ws_strbuf_fini(&text);
}

/* ---- on a terminal ---- */

/* Clear what is shown live, from its first line on. */
static void clear_live_lines(swp_progress *p)
{
    if (p->n_live_lines > 1) {
        fprintf(stderr, "\r\033[%dA\033[J", p->n_live_lines - 1);
    } else if (p->n_live_lines == 1) {
        fputs("\r\033[K", stderr);
    }
    p->n_live_lines = 0;
}

/* A line cut to the width of the terminal: one that wraps could not be cleared. */
static void put_live(swp_progress *p, const char *line)
{
    fprintf(stderr, "%s%.*s", p->n_live_lines > 0 ? "\n" : "", p->terminal.n_columns - 1, line);
    p->n_live_lines++;
}

static void format_rank(const swp_progress *p, const swp_rank_progress *ranks, int r, char *out, size_t cap)
{
    const double elapsed_s = clock_s(p) - p->begin_s;
    snprintf(out, cap, "rank=%d done=%" PRIu64 " in_hand=%zu busy_share=%.2f%s", r, ranks[r].n_done,
             ranks[r].n_outstanding, elapsed_s > 0.0 ? ranks[r].busy_s / elapsed_s : 0.0,
             ranks[r].is_dead ? " dead" : "");
}

static int n_shown_ranks(const swp_progress *p, const swp_rank_progress *ranks)
{
    return p->config.verbosity > 0 && ranks != NULL ? p->config.n_ranks : 0;
}

/* As many ranks as fit above the line about all. */
static void show_live(swp_progress *p, const swp_rank_progress *ranks)
{
    char      line[LINE_CAP];
    const int n = n_shown_ranks(p, ranks), room = p->terminal.n_lines - 1;
    const int n_fit = n <= room ? n : room - 1;
    clear_live_lines(p);
    for (int r = 0; r < n_fit; r++) {
        format_rank(p, ranks, r, line, sizeof line);
        put_live(p, line);
    }
    if (n_fit < n) {
        snprintf(line, sizeof line, "... and %d more ranks", n - n_fit);
        put_live(p, line);
    }
    format_line(p, line, sizeof line);
    put_live(p, line);
    fflush(stderr);
}

static void show_lines(swp_progress *p, const swp_rank_progress *ranks)
{
    char line[LINE_CAP];
    clear_live_lines(p);
    for (int r = 0; r < n_shown_ranks(p, ranks); r++) {
        format_rank(p, ranks, r, line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    format_line(p, line, sizeof line);
    fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

void swp_progress_tick(swp_progress *p, const swp_rank_progress *ranks)
{
    const double now_s   = clock_s(p);
    const bool   is_live = p->terminal.is_live;
    if (!p->config.is_quiet && now_s - p->shown_s >= (is_live ? LIVE_INTERVAL_S : LOG_INTERVAL_S)) {
        p->shown_s = now_s;
        if (is_live) {
            show_live(p, ranks);
        } else {
            show_lines(p, ranks);
        }
    }
    if (p->config.json_path != NULL && now_s - p->json_s >= JSON_INTERVAL_S) {
        p->json_s = now_s;
        write_json(p, NULL);
    }
}

void swp_progress_finish(swp_progress *p, const swp_rank_progress *ranks, const char *ending)
{
    if (!p->config.is_quiet) {
        show_lines(p, ranks);
    }
    if (p->config.json_path != NULL) {
        write_json(p, ending);
    }
}

void swp_progress_say(swp_progress *p, const char *fmt, ...)
{
    va_list args;
    clear_live_lines(p);
    fputs("wattsweep: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}
