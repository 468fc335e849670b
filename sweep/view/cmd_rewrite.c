/* wattsweep snapshot, recover, merge: plain files from live, killed or several ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/strbuf.h"
#include "cli/args.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "job/input_digest.h"
#include "store/cores.h"
#include "store/lock.h"
#include "store/rewrite.h"

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

/* OUT is locked as a sweep locks it: none that is being written is replaced. */
static ws_status claim(const char *out, bool force, ws_error *err, swp_lock **lock_out)
{
    WS_TRY(swp_check_replaceable(out, err));
    WS_TRY(swp_lock_acquire(out, false, err, lock_out));
    if (force) {
        swp_say_replaced(out);
    }
    return WS_OK;
}

/* ---- snapshot ---- */

int swp_cmd_snapshot(int argc, char **argv)
{
    bool                   force  = false;
    const swp_arg          args[] = {{"--force", "-f", NULL, "replace OUT if it exists", NULL, NULL, &force}};
    const swp_command_line command = {
        "snapshot FILE OUT [--force]",
        "A plain, compressed copy of a file at this moment, also while its sweep is running: OUT opens\n"
        "in every HDF5 and netCDF tool.\n"
        "Exit code: 0; 2 bad option; 3 a file cannot be read or written.",
        args,
        1,
        2,
        2};
    int         n_files = 0;
    const int   go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error    err     = WS_ERROR_INIT;
    swp_reader *reader  = NULL;
    swp_lock   *lock    = NULL;

    if (go_on != SWP_ARGS_GO_ON) {
        return go_on;
    }
    ws_status status =
        ws_is_same_file(argv[1], argv[2])
            ? ws_error_add(&err, WS_ERR_INPUT, "%s: OUT is FILE itself, expected another one", argv[2])
            : claim(argv[2], force, &err, &lock);
    if (status == WS_OK) {
        status = swp_reader_open(argv[1], &err, &reader);
    }
    if (status == WS_OK) {
        const swp_reader         *source  = reader;
        const swp_rewrite_request request = {.sources   = &source,
                                             .n_sources = 1,
                                             .layout    = swp_reader_layout(reader),
                                             .n_threads = 1, /* a sweep may be running on the other cores */
                                             .path      = argv[2],
                                             .what      = "snapshot",
                                             .replace   = force};
        status                            = swp_rewrite(&request, &err);
    }
    swp_reader_close(&reader);
    swp_lock_release(&lock);
    return swp_cmd_exit(status, &err);
}

/* ---- recover ---- */

static ws_status recover(const char *path, ws_error *err)
{
    swp_lock   *lock   = NULL;
    swp_reader *reader = NULL;

    WS_TRY(swp_lock_acquire(path, true, err, &lock));
    swp_say_replaced(path);
    ws_status status = swp_reader_open(path, err, &reader);
    if (status == WS_OK) {
        const swp_reader         *source  = reader;
        const swp_rewrite_request request = {.sources   = &source,
                                             .n_sources = 1,
                                             .layout    = swp_reader_layout(reader),
                                             .n_threads = swp_cores(),
                                             .path      = path,
                                             .what      = "recovered",
                                             .replace   = true};
        status                            = swp_rewrite(&request, err);
    }
    if (status == WS_OK) {
        printf("%s: %zu rows kept\n", path, swp_reader_n_rows(reader));
    }
    swp_reader_close(&reader);
    swp_lock_release(&lock);
    return status;
}

int swp_cmd_recover(int argc, char **argv)
{
    const swp_command_line command = {
        "recover FILE",
        "Make a plain file of what a killed sweep left behind: every row that was complete is kept.\n"
        "FILE is replaced only when its successor is safely on the disk.\n"
        "Exit code: 0; 2 bad option; 3 the file is in use, cannot be read, or cannot be written.",
        NULL,
        0,
        1,
        1};
    int       n_files = 0;
    const int go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error  err     = WS_ERROR_INIT;

    return go_on != SWP_ARGS_GO_ON ? go_on : swp_cmd_exit(recover(argv[1], &err), &err);
}

/* ---- merge ---- */

static ws_status check_same_sweep(const swp_reader *a, const swp_reader *b, ws_error *err)
{
    const swp_layout *x = swp_reader_layout(a), *y = swp_reader_layout(b);
    bool              same = strcmp(x->spec_sha256, y->spec_sha256) == 0 && x->n_params == y->n_params &&
                x->n_jobs_all == y->n_jobs_all;
    for (size_t k = 0; same && k < x->n_params; k++) {
        same = strcmp(x->params[k].long_name, y->params[k].long_name) == 0 &&
               x->params[k].kind == y->params[k].kind;
    }
    return same ? WS_OK
                : ws_error_add(err, WS_ERR_INPUT, "%s: not of the same sweep as %s (spec sha256 %s, %s)",
                               swp_reader_path(b), swp_reader_path(a), y->spec_sha256, x->spec_sha256);
}

/* Rows of other profiles, models or clusters do not belong into one file that names only one of them. */
static ws_status check_same_inputs(const swp_reader *a, const swp_reader *b, ws_error *err)
{
    ws_strbuf changed = WS_STRBUF_INIT;
    ws_status status =
        swp_changed_inputs(swp_reader_layout(a)->spec_json, swp_reader_layout(b)->spec_json, &changed);
    if (status == WS_OK && changed.len > 0) {
        status = ws_error_add(
            err, WS_ERR_INPUT,
            "%s: ran with other contents of %s than %s; expected the same: resume one of them with "
            "--drop-rows, or with --rehash if the change makes no difference",
            swp_reader_path(b), ws_strbuf_text(&changed), swp_reader_path(a));
    }
    ws_strbuf_fini(&changed);
    return status;
}

/* The first file's layout, widened to hold every file's rows, for the whole sweep and without what named the
 * slice. */
static void widen_layout(const swp_reader *const *readers, size_t n, swp_layout *layout, swp_param *params,
                         swp_text_attribute *attributes)
{
    *layout              = *swp_reader_layout(readers[0]);
    layout->n_jobs       = layout->n_jobs_all;
    layout->n_attributes = 0;
    memcpy(params, layout->params, layout->n_params * sizeof(params[0]));
    for (size_t i = 0; i < swp_reader_layout(readers[0])->n_attributes; i++) {
        if (strcmp(layout->attributes[i].name, "slice") != 0) {
            attributes[layout->n_attributes++] = layout->attributes[i];
        }
    }
    for (size_t f = 1; f < n; f++) {
        const swp_layout *other = swp_reader_layout(readers[f]);
        layout->max_nodes       = other->max_nodes > layout->max_nodes ? other->max_nodes : layout->max_nodes;
        layout->has_series      = layout->has_series || other->has_series;
        layout->has_requests    = layout->has_requests || other->has_requests;
        for (size_t k = 0; k < layout->n_params; k++) {
            params[k].text_len = other->params[k].text_len > params[k].text_len ? other->params[k].text_len
                                                                                : params[k].text_len;
        }
    }
    layout->params     = params;
    layout->attributes = attributes;
}

static ws_status merge_open(const swp_reader *const *readers, size_t n, const char *out, bool force,
                            ws_error *err)
{
    const swp_layout   *first      = swp_reader_layout(readers[0]);
    swp_param          *params     = malloc((first->n_params + 1) * sizeof(params[0]));
    swp_text_attribute *attributes = malloc((first->n_attributes + 1) * sizeof(attributes[0]));
    char               *what       = ws_asprintf("merged %zu files", n);
    ws_status status = params == NULL || attributes == NULL || what == NULL ? no_memory(err) : WS_OK;

    for (size_t f = 1; f < n && status == WS_OK; f++) {
        status = check_same_sweep(readers[0], readers[f], err);
        if (status == WS_OK) {
            status = check_same_inputs(readers[0], readers[f], err);
        }
    }
    if (status == WS_OK) {
        swp_layout layout;
        widen_layout(readers, n, &layout, params, attributes);
        const swp_rewrite_request request = {.sources   = readers,
                                             .n_sources = n,
                                             .layout    = &layout,
                                             .n_threads = swp_cores(),
                                             .path      = out,
                                             .what      = what,
                                             .replace   = force};
        status                            = swp_rewrite(&request, err);
    }
    free(what);
    free(attributes);
    free(params);
    return status;
}

static ws_status merge(char **paths, size_t n, const char *out, bool force, ws_error *err)
{
    const swp_reader **readers = calloc(n, sizeof(readers[0]));
    swp_lock          *lock    = NULL;
    ws_status          status  = readers == NULL ? no_memory(err) : claim(out, force, err, &lock);

    for (size_t f = 0; f < n && status == WS_OK; f++) {
        swp_reader *reader = NULL;
        status             = swp_reader_open(paths[f], err, &reader);
        readers[f]         = reader;
    }
    if (status == WS_OK) {
        status = merge_open(readers, n, out, force, err);
    }
    for (size_t f = 0; readers != NULL && f < n; f++) {
        swp_reader *reader = (swp_reader *)readers[f];
        swp_reader_close(&reader);
    }
    free(readers);
    swp_lock_release(&lock);
    return status;
}

int swp_cmd_merge(int argc, char **argv)
{
    const char   *out    = NULL;
    bool          force  = false;
    const swp_arg args[] = {{"--output", "-o", "OUT", "the file to write (required)", &out, NULL, NULL},
                            {"--force", "-f", NULL, "replace OUT if it exists", NULL, NULL, &force}};
    const swp_command_line command = {
        "merge FILE... -o OUT",
        "Join the slices of one sweep (array jobs). A job in several files is taken from the one where it "
        "is\n"
        "done, else from the last.\n"
        "Exit code: 0; 2 bad option, or files of different sweeps or inputs; 3 a file cannot be read or "
        "written.",
        args,
        2,
        1,
        1 << 20};
    int       n_files = 0;
    const int go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error  err     = WS_ERROR_INIT;

    if (go_on != SWP_ARGS_GO_ON) {
        return go_on;
    }
    if (out == NULL) {
        return swp_cmd_exit(ws_error_add(&err, WS_ERR_INPUT, "merge: -o OUT is missing (--help says more)"),
                            &err);
    }
    return swp_cmd_exit(merge(argv + 1, (size_t)n_files, out, force, &err), &err);
}
