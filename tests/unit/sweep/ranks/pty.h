/* pty.h -- a terminal of a test's own. */
#ifndef TEST_PTY_H
#define TEST_PTY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int   posix_openpt(int flags);
int   grantpt(int fd);
int   unlockpt(int fd);
char *ptsname(int fd);

typedef struct pty {
    int master, slave; /* what is written to the slave is read from the master */
} pty;

static inline pty pty_open(unsigned short n_columns, unsigned short n_lines)
{
    const struct winsize size = {.ws_row = n_lines, .ws_col = n_columns};
    pty                  t    = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
    assert_true(t.master >= 0 && grantpt(t.master) == 0 && unlockpt(t.master) == 0);
    t.slave = open(ptsname(t.master), O_RDWR | O_NOCTTY);
    assert_true(t.slave >= 0);
    assert_int_equal(ioctl(t.slave, TIOCSWINSZ, &size), 0);
    return t;
}

static inline void pty_close(const pty *t)
{
    close(t->slave);
    close(t->master);
}

#endif /* TEST_PTY_H */
