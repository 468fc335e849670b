#include "base/version.h"

const char *ws_version(void)
{
    return WATTSWEEP_VERSION;
}

const char *ws_git_commit(void)
{
    return WATTSWEEP_GIT_COMMIT;
}
