#include "workload/workload.h"

#include <stdlib.h>

void ws_workload_destroy(ws_workload **workload)
{
    ws_workload *w = *workload;
    if (w != NULL && !w->is_view) {
        free(w->requests);
        free(w->sessions);
        free(w->initial);
        free(w->token_ids);
    }
    free(w);
    *workload = NULL;
}
