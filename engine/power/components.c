#include "power/components.h"

#include "base/status.h"

static const char *const component_names[] = {
#define COMPONENT_NAME(id, name) [id] = name,
    WS_COMPONENT_LIST(COMPONENT_NAME)
#undef COMPONENT_NAME
};

static const char *const state_names[] = {
    [WS_STATE_ACTIVE] = "active", [WS_STATE_STANDBY] = "standby", [WS_STATE_IDLE] = "idle"};

const char *ws_component_name(ws_component component)
{
    WS_ASSERT((unsigned)component < WS_COMPONENT_COUNT);
    return component_names[component];
}

const char *ws_npu_state_name(ws_npu_state state)
{
    WS_ASSERT((unsigned)state < WS_STATE_COUNT);
    return state_names[state];
}
