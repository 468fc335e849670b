#include "ranks/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USUAL_COLUMNS = 80, USUAL_LINES = 24, MIN_COLUMNS = 20, MIN_LINES = 2 };

static swp_terminal look_at(int fd)
{
    swp_terminal terminal = {.is_live = isatty(fd) == 1, .n_columns = USUAL_COLUMNS, .n_lines = USUAL_LINES};
    struct winsize size;
    if (terminal.is_live && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal.n_columns = size.ws_col > MIN_COLUMNS ? size.ws_col : MIN_COLUMNS;
        terminal.n_lines   = size.ws_row > MIN_LINES ? size.ws_row : MIN_LINES;
    }
    return terminal;
}

/* Stderr of the process that started this one; -1 if it cannot be looked at. */
static int open_parents_stderr(void)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getppid(), STDERR_FILENO);
    return open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

swp_terminal swp_terminal_find(bool is_launched)
{
    struct stat  own;
    swp_terminal terminal = look_at(STDERR_FILENO);
    if (terminal.is_live || !is_launched || fstat(STDERR_FILENO, &own) != 0 || S_ISREG(own.st_mode)) {
        return terminal;
    }
    const int fd = open_parents_stderr();
    if (fd >= 0) {
        terminal = look_at(fd);
        close(fd);
    }
    return terminal;
}
