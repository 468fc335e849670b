/* wattsweep snapshot, recover, merge: plain files from live, killed or several ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmdline_start.h"
#include "base/files.h"
#include "base/strbuf.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "cli/file_command.h"
#include "job/input_digest.h"
#include "store/cores.h"
#include "store/lock.h"
#include "store/rewrite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

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

typedef struct snapshot_options {
    const char *files[2]; /* FILE and OUT */
    bool        force;
} snapshot_options;

static ws_status copy_now(const snapshot_options *options, ws_error *err)
{
    swp_reader *reader = NULL;
    WS_TRY(swp_reader_open(options->files[0], err, &reader));
    const swp_reader         *source  = reader;
    const swp_rewrite_request request = {.sources   = &source,
                                         .n_sources = 1,
                                         .layout    = swp_reader_layout(reader),
                                         .n_threads = 1, /* a sweep may be running on the other cores */
                                         .path      = options->files[1],
                                         .what      = "snapshot",
                                         .replace   = options->force};
    const ws_status           status  = swp_rewrite(&request, err);
    swp_reader_close(&reader);
    return status;
}

static ws_status snapshot(void *of_command, ws_error *err)
{
    const snapshot_options *options = of_command;
    swp_lock               *lock    = NULL;
    if (ws_is_same_file(options->files[0], options->files[1])) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: OUT is FILE itself, expected another one",
                            options->files[1]);
    }
    WS_TRY(claim(options->files[1], options->force, err, &lock));
    const ws_status status = copy_now(options, err);
    swp_lock_release(&lock);
    return status;
}

static const ws_arg snapshot_args[] = {
    {.name       = "force",
     .short_name = "f",
     .kind       = WS_ARG_FLAG,
     .offset     = offsetof(snapshot_options, force),
     .help       = "replace OUT if it exists"},
};

int swp_cmd_snapshot(int argc, char **argv)
{
    snapshot_options       options = {.force = false};
    const ws_arg_section   section = {NULL, snapshot_args, COUNT_OF(snapshot_args), &options};
    const swp_file_command command = {
        .program = "wattsweep snapshot",
        .usage   = "FILE OUT [--force]",
        .about =
            "A plain, compressed copy of a file at this moment, also while its sweep is running: OUT opens\n"
            "in every HDF5 and netCDF tool.\n"
            "Exit code: 0; 2 bad option; 3 a file cannot be read or written.",
        .sections   = &section,
        .n_sections = 1,
        .files      = options.files,
        .n_files    = 2,
        .file_names = "FILE and OUT",
        .run        = snapshot,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}

/* ---- recover ---- */

static ws_status rewrite_in_place(const char *path, ws_error *err)
{
    swp_reader *reader = NULL;
    WS_TRY(swp_reader_open(path, err, &reader));
    const swp_reader         *source  = reader;
    const swp_rewrite_request request = {.sources   = &source,
                                         .n_sources = 1,
                                         .layout    = swp_reader_layout(reader),
                                         .n_threads = swp_cores(),
                                         .path      = path,
                                         .what      = "recovered",
                                         .replace   = true};
    const ws_status           status  = swp_rewrite(&request, err);
    if (status == WS_OK) {
        printf("%s: %zu rows kept\n", path, swp_reader_n_rows(reader));
    }
    swp_reader_close(&reader);
    return status;
}

static ws_status recover(void *of_command, ws_error *err)
{
    const char *path = *(const char **)of_command;
    swp_lock   *lock = NULL;
    WS_TRY(swp_lock_acquire(path, true, err, &lock));
    swp_say_replaced(path);
    const ws_status status = rewrite_in_place(path, err);
    swp_lock_release(&lock);
    return status;
}

int swp_cmd_recover(int argc, char **argv)
{
    const char            *file    = NULL;
    const swp_file_command command = {
        .program = "wattsweep recover",
        .usage   = "FILE",
        .about =
            "Make a plain file of what a killed sweep left behind: every row that was complete is kept.\n"
            "FILE is replaced only when its successor is safely on the disk.\n"
            "Exit code: 0; 2 bad option; 3 the file is in use, cannot be read, or cannot be written.",
        .files      = &file,
        .n_files    = 1,
        .file_names = "FILE",
        .run        = recover,
        .options    = &file};
    return swp_file_command_run(&command, argc, argv);
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

typedef struct merge_options {
    const char **files; /* [n_files], owned */
    size_t       n_files;
    const char  *out;
    bool         force;
} merge_options;

static ws_status check_mergeable(const swp_reader *const *readers, size_t n, ws_error *err)
{
    for (size_t f = 1; f < n; f++) {
        WS_TRY(check_same_sweep(readers[0], readers[f], err));
        WS_TRY(check_same_inputs(readers[0], readers[f], err));
    }
    return WS_OK;
}

static ws_status merge_open(const swp_reader *const *readers, const merge_options *options, ws_error *err)
{
    WS_TRY(check_mergeable(readers, options->n_files, err));
    const swp_layout   *first      = swp_reader_layout(readers[0]);
    swp_param          *params     = malloc((first->n_params + 1) * sizeof(params[0]));
    swp_text_attribute *attributes = malloc((first->n_attributes + 1) * sizeof(attributes[0]));
    char               *what       = ws_asprintf("merged %zu files", options->n_files);
    ws_status           status     = WS_ERR_NOMEM;
    if (params != NULL && attributes != NULL && what != NULL) {
        swp_layout layout;
        widen_layout(readers, options->n_files, &layout, params, attributes);
        const swp_rewrite_request request = {.sources   = readers,
                                             .n_sources = options->n_files,
                                             .layout    = &layout,
                                             .n_threads = swp_cores(),
                                             .path      = options->out,
                                             .what      = what,
                                             .replace   = options->force};
        status                            = swp_rewrite(&request, err);
    }
    free(what);
    free(attributes);
    free(params);
    return status;
}

static ws_status open_and_merge(const swp_reader **readers, const merge_options *options, ws_error *err)
{
    for (size_t f = 0; f < options->n_files; f++) {
        swp_reader *reader = NULL;
        WS_TRY(swp_reader_open(options->files[f], err, &reader));
        readers[f] = reader;
    }
    return merge_open(readers, options, err);
}

static ws_status merge(const merge_options *options, ws_error *err)
{
    swp_lock *lock = NULL;
    WS_TRY(claim(options->out, options->force, err, &lock));
    const swp_reader **readers = calloc(options->n_files, sizeof(readers[0]));
    const ws_status    status  = readers == NULL ? WS_ERR_NOMEM : open_and_merge(readers, options, err);
    for (size_t f = 0; readers != NULL && f < options->n_files; f++) {
        swp_reader *reader = (swp_reader *)readers[f];
        swp_reader_close(&reader);
    }
    free(readers);
    swp_lock_release(&lock);
    return status;
}

static const ws_arg merge_args[] = {
    {.name        = "output",
     .short_name  = "o",
     .kind        = WS_ARG_FILE,
     .offset      = offsetof(merge_options, out),
     .value       = "OUT",
     .help        = "the file to write (required)",
     .is_required = true},
    {.name       = "force",
     .short_name = "f",
     .kind       = WS_ARG_FLAG,
     .offset     = offsetof(merge_options, force),
     .help       = "replace OUT if it exists"},
};

static int merge_command(merge_options *options, int argc, char **argv)
{
    const ws_arg_section section = {NULL, merge_args, COUNT_OF(merge_args), options};
    const ws_cmdline     line    = {
               .program = "wattsweep merge",
               .usage   = "FILE... -o OUT",
               .about =
                   "Join the slices of one sweep (array jobs). A job in several files is taken from the one where "
                          "it is\n"
                          "done, else from the last.\n"
                          "Exit code: 0; 2 bad option, or files of different sweeps or inputs; 3 a file cannot be read or "
                          "written.",
               .sections      = &section,
               .n_sections    = 1,
               .operand_names = "FILE",
               .min_operands  = 1,
               .max_operands  = (size_t)argc,
               .operands      = options->files};
    ws_error err  = WS_ERROR_INIT;
    int      code = 0;
    if (!ws_cmdline_start(&line, argc, argv, &options->n_files, &code)) {
        return code;
    }
    return swp_cmd_exit(merge(options, &err), &err);
}

int swp_cmd_merge(int argc, char **argv)
{
    merge_options options = {.files = calloc((size_t)argc, sizeof(options.files[0]))};
    if (options.files == NULL) {
        return swp_cmd_exit(WS_ERR_NOMEM, NULL);
    }
    const int code = merge_command(&options, argc, argv);
    free(options.files);
    return code;
}
