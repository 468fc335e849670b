#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/strbuf.h"
#include "job_run.h"

#define LIVE_INTERVAL_S 0.25
#define LOG_INTERVAL_S 60.0
#define JSON_INTERVAL_S 1.0

struct swp_progress {
    swp_progress_config config;
    bool                is_terminal, has_live_line;
    double              begin_s, shown_s, json_s;
    uint64_t            n[SWP_STATE_COUNT];
    uint64_t            n_counted;
    double              best;
    int64_t             best_job;
};

ws_status swp_progress_create(const swp_progress_config *config, swp_progress **progress_out)
{
    swp_progress *p = calloc(1, sizeof(*p));
    *progress_out   = p;
    if (p == NULL) {
        return WS_ERR_NOMEM;
    }
    p->config      = *config;
    p->is_terminal = isatty(STDERR_FILENO) == 1;
    p->begin_s     = swp_wall_s();
    p->shown_s     = p->begin_s;
    p->best        = NAN;
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
    if (row->state != SWP_STATE_DONE || row->metrics == NULL || p->config.best_metric == WS_METRIC_COUNT) {
        return;
    }
    const double value = row->metrics[p->config.best_metric];
    if (!isnan(value) &&
        (isnan(p->best) || (p->config.lower_is_better ? value < p->best : value > p->best))) {
        p->best     = value;
        p->best_job = row->job;
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

static uint64_t n_failed(const swp_progress *p)
{
    return p->n[SWP_STATE_FAILED] + p->n[SWP_STATE_TIMED_OUT] + p->n[SWP_STATE_INFEASIBLE];
}

static double jobs_per_s(const swp_progress *p)
{
    const double elapsed_s = swp_wall_s() - p->begin_s;
    return elapsed_s > 0.0 ? (double)p->n_counted / elapsed_s : 0.0;
}

static void format_eta(const swp_progress *p, char *out, size_t cap)
{
    const uint64_t finished = p->config.n_before + p->n_counted;
    const double   rate     = jobs_per_s(p);
    if (rate <= 0.0 || finished > p->config.n_total) {
        snprintf(out, cap, "-");
        return;
    }
    const long left_s = lround((double)(p->config.n_total - finished) / rate);
    snprintf(out, cap, "%ld:%02ld:%02ld", left_s / 3600, left_s / 60 % 60, left_s % 60);
}

static void format_line(const swp_progress *p, char *out, size_t cap)
{
    char eta[32], best[96] = "";
    format_eta(p, eta, sizeof eta);
    if (!isnan(p->best)) {
        snprintf(best, sizeof best, " best_%s=%.4g (job %" PRId64 ")", ws_metric_name(p->config.best_metric),
                 p->best, p->best_job);
    }
    snprintf(out, cap,
             "done=%" PRIu64 " failed=%" PRIu64 " pruned=%" PRIu64 " total=%" PRIu64 " rate=%.4g/s eta=%s%s",
             p->config.n_before + p->n[SWP_STATE_DONE], n_failed(p), p->config.n_pruned, p->config.n_total,
             jobs_per_s(p), eta, best);
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
                  {"n_done", p->config.n_before + p->n[SWP_STATE_DONE]},
                  {"n_failed", n_failed(p)},
                  {"n_pruned", p->config.n_pruned}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        ws_json_put_key(&w, counts[i].key);
        ws_json_put_int(&w, (int64_t)counts[i].n);
    }
    ws_json_put_key(&w, "jobs_per_s");
    ws_json_put_double(&w, jobs_per_s(p));
    ws_json_put_key(&w, "wall_s");
    ws_json_put_double(&w, swp_wall_s() - p->begin_s);
    ws_json_end_object(&w);
    char *temporary = ws_asprintf("%s.tmp", p->config.json_path);
    FILE *file      = temporary == NULL || text.failed ? NULL : fopen(temporary, "w");
    if (file != NULL) { /* a progress file that cannot be written does not stop a sweep */
        const bool is_written = fprintf(file, "%s\n", ws_strbuf_text(&text)) > 0;
        if (fclose(file) != 0 || !is_written || rename(temporary, p->config.json_path) != 0) {
            remove(temporary);
        }
    }
    free(temporary);
    ws_strbuf_fini(&text);
}

static void clear_live_line(swp_progress *p)
{
    if (p->has_live_line) {
        fputs("\r\033[K", stderr);
        p->has_live_line = false;
    }
}

static void show_ranks(const swp_progress *p, const swp_rank_progress *ranks)
{
    const double elapsed_s = swp_wall_s() - p->begin_s;
    for (int r = 0; ranks != NULL && r < p->config.n_ranks; r++) {
        fprintf(stderr, "rank=%d done=%" PRIu64 " in_hand=%zu busy_share=%.2f%s\n", r, ranks[r].n_done,
                ranks[r].n_in_hand, elapsed_s > 0.0 ? ranks[r].busy_s / elapsed_s : 0.0,
                ranks[r].is_dead ? " dead" : "");
    }
}

static void show(swp_progress *p, const swp_rank_progress *ranks, bool is_last)
{
    char line[320];
    format_line(p, line, sizeof line);
    clear_live_line(p);
    if (p->config.verbosity > 0 && (!p->is_terminal || is_last)) {
        show_ranks(p, ranks);
    }
    fprintf(stderr, "%s%s", line, p->is_terminal && !is_last ? "" : "\n");
    fflush(stderr);
    p->has_live_line = p->is_terminal && !is_last;
}

void swp_progress_tick(swp_progress *p, const swp_rank_progress *ranks)
{
    const double now_s = swp_wall_s();
    if (!p->config.is_quiet && now_s - p->shown_s >= (p->is_terminal ? LIVE_INTERVAL_S : LOG_INTERVAL_S)) {
        p->shown_s = now_s;
        show(p, ranks, false);
    }
    if (p->config.json_path != NULL && now_s - p->json_s >= JSON_INTERVAL_S) {
        p->json_s = now_s;
        write_json(p, NULL);
    }
}

void swp_progress_finish(swp_progress *p, const swp_rank_progress *ranks, const char *ending)
{
    if (!p->config.is_quiet) {
        show(p, ranks, true);
    }
    if (p->config.json_path != NULL) {
        write_json(p, ending);
    }
}

void swp_progress_say(swp_progress *p, const char *fmt, ...)
{
    va_list args;
    clear_live_line(p);
    fputs("wattsweep: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}
