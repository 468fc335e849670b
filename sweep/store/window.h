/* window.h -- how many rows are picked, copied and chunked at a time. Internal to the store. */
#ifndef SWP_WINDOW_H
#define SWP_WINDOW_H

#include <stddef.h>

#define SWP_WINDOW_ROWS ((size_t)1 << 17) /* a few dozen MB of row picks and copied cells */

#endif /* SWP_WINDOW_H */
