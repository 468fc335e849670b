#include "job/setup.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

/* The block: this head, the files, the texts (spec path, bundled folder, data folders; a NUL after each), the
 * spec and a NUL. The files come first because they are read in place and want a place aligned to 16 bytes.
 */
typedef struct head {
    char     mark[8];
    uint64_t max_nodes, memory_bytes;
    double   time_budget_s;
    uint64_t texts_bytes, n_data_dirs, spec_bytes, files_bytes;
} head;
static_assert(sizeof(head) % 16 == 0, "alignment of the files");

static const char mark[8] = {'w', 's', 's', 'e', 't', 'u', 'p', '1'};

static void append_text(ws_strbuf *buf, const char *text)
{
    ws_strbuf_append(buf, text, strlen(text) + 1);
}

static char *put_bytes(char *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

ws_status swp_setup_pack(const swp_setup *setup, char **block_out, size_t *len_out)
{
    ws_strbuf texts = WS_STRBUF_INIT;
    *block_out      = NULL;
    *len_out        = 0;
    append_text(&texts, setup->spec_path);
    append_text(&texts, setup->bundled_dir);
    for (size_t i = 0; i < setup->n_data_dirs; i++) {
        append_text(&texts, setup->data_dirs[i]);
    }
    head h = {.max_nodes     = setup->max_nodes,
              .memory_bytes  = setup->memory_bytes,
              .time_budget_s = setup->time_budget_s,
              .texts_bytes   = texts.len,
              .n_data_dirs   = setup->n_data_dirs,
              .spec_bytes    = setup->spec_len,
              .files_bytes   = setup->files_len};
    memcpy(h.mark, mark, sizeof mark);
    /* at its length at once: the files may be hundreds of megabytes, and growing would take them twice */
    const size_t len   = sizeof h + setup->files_len + texts.len + setup->spec_len + 1;
    char        *block = texts.failed ? NULL : malloc(len);
    if (block != NULL) {
        char *at   = put_bytes(block, &h, sizeof h);
        at         = put_bytes(at, setup->files, setup->files_len);
        at         = put_bytes(at, texts.data, texts.len);
        at         = put_bytes(at, setup->spec_text, setup->spec_len);
        *at        = '\0';
        *block_out = block;
        *len_out   = len;
    }
    ws_strbuf_fini(&texts);
    return block != NULL ? WS_OK : WS_ERR_NOMEM;
}

/* The next text; NULL if none ends before `end`. */
static const char *take_text(const char **at, const char *end)
{
    const char *text = *at;
    const char *nul  = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    *at              = nul == NULL ? end : nul + 1;
    return nul == NULL ? NULL : text;
}

static bool take_texts(const char *at, const char *end, swp_setup *out)
{
    out->spec_path   = take_text(&at, end);
    out->bundled_dir = take_text(&at, end);
    bool is_whole    = out->spec_path != NULL && out->bundled_dir != NULL;
    for (size_t i = 0; i < out->n_data_dirs; i++) {
        out->data_dirs[i] = take_text(&at, end);
        is_whole          = is_whole && out->data_dirs[i] != NULL;
    }
    return is_whole && at == end;
}

/* Sizes as announced add up to the block's; no sum of announced sizes can overflow here. */
static bool has_right_size(const head *h, size_t len)
{
    size_t left = len - sizeof *h;
    if (h->texts_bytes > left || h->spec_bytes >= left - h->texts_bytes) {
        return false;
    }
    left -= h->texts_bytes + h->spec_bytes + 1;
    return h->files_bytes == left;
}

ws_status swp_setup_unpack(const char *block, size_t len, swp_setup *setup_out)
{
    head h;
    if (len < sizeof h) {
        return WS_ERR_INPUT;
    }
    memcpy(&h, block, sizeof h);
    if (memcmp(h.mark, mark, sizeof mark) != 0 || h.n_data_dirs > SWP_MAX_DATA_DIRS ||
        !has_right_size(&h, len)) {
        return WS_ERR_INPUT;
    }
    const char *files = block + sizeof h;
    const char *texts = files + h.files_bytes;
    const char *spec  = texts + h.texts_bytes;
    swp_setup   setup = {.max_nodes     = h.max_nodes,
                         .memory_bytes  = h.memory_bytes,
                         .time_budget_s = h.time_budget_s,
                         .n_data_dirs   = h.n_data_dirs,
                         .spec_text     = spec,
                         .spec_len      = h.spec_bytes,
                         .files         = files,
                         .files_len     = h.files_bytes};
    if (!take_texts(texts, spec, &setup) || spec[h.spec_bytes] != '\0') {
        return WS_ERR_INPUT;
    }
    *setup_out = setup;
    return WS_OK;
}
