/* packed_world.h -- a sweep_world and its setup, packed as rank 0 does and read again. */
#ifndef PACKED_WORLD_H
#define PACKED_WORLD_H

#include "job/setup.h"
#include "sweep_world.h"

typedef struct packed_world {
    sweep_world s;
    char        spec_path[128], configs[512];
    char       *block; /* [len] */
    size_t      len;
    swp_setup   setup;
} packed_world;

/* The members of rank 0's own spec, the text that is packed, and the dataset, NULL = sweep_world's. */
static inline void packed_world_init(packed_world *p, const char *members, const char *spec_text,
                                     const char *dataset)
{
    char  *files     = NULL;
    size_t files_len = 0;
    sweep_world_init(&p->s, members, dataset);
    assert_int_equal(ws_files_pack(p->s.w.files, &files, &files_len), WS_OK);
    snprintf(p->spec_path, sizeof p->spec_path, "%s/spec.json", p->s.w.dir);
    snprintf(p->configs, sizeof p->configs, "%s/configs", getenv("WS_SOURCE_DIR"));
    const swp_setup setup = {.max_nodes   = 1,
                             .spec_path   = p->spec_path,
                             .bundled_dir = p->configs,
                             .data_dirs   = {p->s.w.dir},
                             .n_data_dirs = 1,
                             .spec_text   = spec_text,
                             .spec_len    = strlen(spec_text),
                             .files       = files,
                             .files_len   = files_len};
    assert_int_equal(swp_setup_pack(&setup, &p->block, &p->len), WS_OK);
    assert_int_equal(swp_setup_unpack(p->block, p->len, &p->setup), WS_OK);
    free(files);
}

static inline void packed_world_fini(packed_world *p)
{
    free(p->block);
    sweep_world_fini(&p->s);
}

#endif /* PACKED_WORLD_H */
