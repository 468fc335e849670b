/* base/unread.h -- whether anybody still reads what a program prints. */
#ifndef WS_UNREAD_H
#define WS_UNREAD_H

#include <stdbool.h>

/** True if fd is a pipe or socket whose reader has gone (`| head`). May be called by a signal handler. */
bool ws_is_unread(int fd);

#endif /* WS_UNREAD_H */
