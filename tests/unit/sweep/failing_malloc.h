/* failing_malloc.h -- memory that runs out at a chosen allocation, for tests linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc (CMakeLists.txt). Per thread, so that a test and what it
 * watches do not disturb each other. */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <stddef.h>

/** Of this thread's allocations the n-th from now on fails, and none after it; 0 = none at all. */
void failing_malloc_at(int n);

/** True if one has failed since. */
int failing_malloc_has_failed(void);

#endif /* FAILING_MALLOC_H */
