#include "model/layer.h"

#include <string.h>

#include "base/status.h"

typedef struct layer_row {
    const char *name;
    ws_category category;
    bool        tp_stable;
} layer_row;

static const layer_row k_layers[WS_LAYER_COUNT] = {
#define LAYER_ROW(id, name, category, tp_stable) [id] = {name, category, tp_stable},
    WS_LAYER_LIST(LAYER_ROW)
#undef LAYER_ROW
};

static const layer_row *row_of(ws_layer layer)
{
    WS_ASSERT(layer < WS_LAYER_COUNT);
    return &k_layers[layer];
}

const char *ws_layer_name(ws_layer layer)
{
    return row_of(layer)->name;
}

WS_HOT ws_category ws_layer_category(ws_layer layer)
{
    return row_of(layer)->category;
}

bool ws_layer_is_tp_stable(ws_layer layer)
{
    return row_of(layer)->tp_stable;
}

ws_layer ws_layer_from_name(const char *name)
{
    int layer = 0;
    while (layer < WS_LAYER_COUNT && strcmp(k_layers[layer].name, name) != 0) {
        layer++;
    }
    return (ws_layer)layer;
}
