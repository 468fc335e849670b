/* no_locks.c -- preloaded by test_storage.sh: a file system whose lock daemon does not answer. */
#include <errno.h>

int flock(int fd, int operation);

int flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = ENOLCK;
    return -1;
}
