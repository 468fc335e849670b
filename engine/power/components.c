#include "power/components.h"

#include "base/status.h"

static const char *const component_names[] = {
#define COMPONENT_NAME(id, name) [id] = name,
    WS_COMPONENT_LIST(COMPONENT_NAME)
#undef COMPONENT_NAME
};

static const char *const state_names[] = {
    [WS_STATE_ACTIVE] = "active", [WS_STATE_STANDBY] = "standby", [WS_STATE_IDLE] = "idle"};

static const char *const phase_names[] = {
    [WS_PHASE_PREFILL] = "prefill", [WS_PHASE_DECODE] = "decode", [WS_PHASE_WAIT] = "wait"};

_Static_assert(WS_NPU_STANDBY == WS_NPU_ACTIVE + (int)WS_STATE_STANDBY &&
                   WS_NPU_IDLE == WS_NPU_ACTIVE + (int)WS_STATE_IDLE,
               "states and their components come in the same order");

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

const char *ws_phase_name(ws_phase phase)
{
    WS_ASSERT((unsigned)phase < WS_PHASE_COUNT);
    return phase_names[phase];
}
