/* power/components.h -- the components that energy is charged to, the phases it is charged for, and the power
 * states of an NPU. Names are those of the results. */
#ifndef WS_POWER_COMPONENTS_H
#define WS_POWER_COMPONENTS_H

#define WS_COMPONENT_LIST(X)                                                                                 \
    X(WS_NPU_ACTIVE, "npu_active")                                                                           \
    X(WS_NPU_STANDBY, "npu_standby")                                                                         \
    X(WS_NPU_IDLE, "npu_idle")                                                                               \
    X(WS_CPU, "cpu")                                                                                         \
    X(WS_DRAM, "dram")                                                                                       \
    X(WS_CXL, "cxl")                                                                                         \
    X(WS_PIM, "pim")                                                                                         \
    X(WS_LINK, "link")                                                                                       \
    X(WS_NIC, "nic")                                                                                         \
    X(WS_STORAGE, "storage")                                                                                 \
    X(WS_BASE, "base")

typedef enum ws_component {
#define WS_COMPONENT_ENUM(id, name) id,
    WS_COMPONENT_LIST(WS_COMPONENT_ENUM)
#undef WS_COMPONENT_ENUM
        WS_COMPONENT_COUNT
} ws_component;

typedef enum ws_npu_state { WS_STATE_ACTIVE, WS_STATE_STANDBY, WS_STATE_IDLE, WS_STATE_COUNT } ws_npu_state;

/** What energy is drawn for: a batch's prompt or decode tokens, or nothing at all. */
typedef enum ws_phase { WS_PHASE_PREFILL, WS_PHASE_DECODE, WS_PHASE_WAIT, WS_PHASE_COUNT } ws_phase;

const char *ws_component_name(ws_component component);
const char *ws_npu_state_name(ws_npu_state state); /**< "active", "standby", "idle" */
const char *ws_phase_name(ws_phase phase);         /**< "prefill", "decode", "wait" */

/** The component an NPU state is charged to: they come in the same order. */
static inline ws_component ws_npu_state_component(ws_npu_state state)
{
    return (ws_component)(WS_NPU_ACTIVE + (int)state);
}

#endif /* WS_POWER_COMPONENTS_H */
