/* Options as programs outside of this build set them: an object, and text by name (wattsim/options.h). */
#include <stdlib.h>
#include <string.h>

#include "base/nearest_name.h"
#include "scenario/options.h"

ws_status ws_options_create(ws_options **options_out)
{
    *options_out = malloc(sizeof(**options_out));
    if (*options_out == NULL) {
        return WS_ERR_NOMEM;
    }
    **options_out = ws_options_default();
    return WS_OK;
}

void ws_options_destroy(ws_options **options)
{
    free(*options);
    *options = NULL;
}

static ws_status refuse_name(const char *name, ws_error *err)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX];
    size_t      n = 0;
    for (const char *known; n < NAMES_MAX && (known = ws_options_name(n)) != NULL; n++) {
        names[n] = known;
    }
    const char *nearest = ws_nearest_name(name, names, n);
    if (nearest == NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "no option \"%s\"", name);
    }
    return ws_error_add(err, WS_ERR_INPUT, "no option \"%s\", did you mean \"%s\"?", name, nearest);
}

ws_status ws_options_set(ws_options *options, const char *name, const char *text, ws_error *err)
{
    const ws_option *option = ws_option_find(name);
    return option != NULL ? ws_option_set_text(options, option, text, err) : refuse_name(name, err);
}

const char *ws_options_get(const ws_options *options, const char *name, char *buf)
{
    const ws_option *option = ws_option_find(name);
    return option != NULL ? ws_option_get_text(options, option, buf) : NULL;
}

static const ws_option *option_at(size_t i)
{
    size_t           n;
    const ws_option *table = ws_option_table(&n);
    return i < n ? &table[i] : NULL;
}

const char *ws_options_name(size_t i)
{
    const ws_option *option = option_at(i);
    return option != NULL ? option->name : NULL;
}

const char *ws_options_help(size_t i)
{
    const ws_option *option = option_at(i);
    return option != NULL ? option->help : NULL;
}
