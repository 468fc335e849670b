#include "ranks/exit_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One write, so that lines of two processes do not mix: without PMI each rank takes itself for rank 0. */
static void append(const char *line)
{
    const char *path = getenv("WATTSWEEP_EXIT_FILE");
    const int   fd   = path != NULL ? open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)!write(fd, line, strlen(line));
        close(fd);
    }
}

bool swp_exit_file_is_rank0(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rank = getenv(names[i]);
        if (rank != NULL) {
            return strcmp(rank, "0") == 0;
        }
    }
    return true;
}

void swp_exit_file_begin(const char *host)
{
    char line[512];
    snprintf(line, sizeof line, "begin %.256s %ld\n", host, (long)getpid());
    append(line);
}

void swp_exit_file_end(int code)
{
    char line[32];
    snprintf(line, sizeof line, "code %d\n", code);
    append(line);
}

int swp_exit_file_process_code(int code)
{
    const char *recovery =
        getenv("OMPI_MCA_orte_enable_recovery"); /* what --enable-recovery sets in the ranks */
    return recovery != NULL && strcmp(recovery, "1") == 0 ? 0 : code;
}
