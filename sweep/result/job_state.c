#include "result/job_state.h"

static const char *const state_names[] = {
#define STATE_NAME(id, name) name,
    SWP_STATE_LIST(STATE_NAME)
#undef STATE_NAME
};

const char *swp_job_state_name(swp_job_state state)
{
    return state < SWP_STATE_COUNT ? state_names[state] : "unknown";
}

bool swp_job_state_is_final(swp_job_state state)
{
    return state == SWP_STATE_DONE || state == SWP_STATE_FAILED || state == SWP_STATE_INFEASIBLE ||
           state == SWP_STATE_TIMED_OUT;
}
