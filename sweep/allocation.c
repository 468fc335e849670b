#include "allocation.h"

#include <stdlib.h>
#include <time.h>

bool swp_allocation_left_s(double *left_s_out)
{
    const char *text = getenv("SLURM_JOB_END_TIME"); /* seconds since 1970, by Slurm 22.05 and later */
    if (text == NULL) {
        return false;
    }
    char           *end   = NULL;
    const long long end_s = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || end_s <= 0) {
        return false;
    }
    *left_s_out = (double)(end_s - (long long)time(NULL));
    return true;
}
