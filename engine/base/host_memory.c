#include "base/host_memory.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

enum { TEXT_CAP = 16384, PATH_CAP = 4096, BYTES_PER_KIB = 1024, SHARE = 3 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/** The number behind a name at the beginning of a line; SIZE_MAX if there is none. */
static size_t number_behind(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && (line[len] == ':' || line[len] == ' ')) {
            return (size_t)strtoull(line + len + 1, NULL, 10);
        }
    }
    return SIZE_MAX;
}

size_t ws__meminfo_available_bytes(const char *meminfo)
{
    const size_t kib = number_behind(meminfo, "MemAvailable");
    return kib <= SIZE_MAX / BYTES_PER_KIB ? kib * BYTES_PER_KIB : SIZE_MAX;
}

size_t ws__cgroup_left_bytes(const char *max, const char *current, const char *stat)
{
    if (!isdigit((unsigned char)max[0]) || !isdigit((unsigned char)current[0])) {
        return SIZE_MAX;
    }
    const size_t limit = (size_t)strtoull(max, NULL, 10), cached = number_behind(stat, "inactive_file");
    size_t       used = (size_t)strtoull(current, NULL, 10);
    used              = cached == SIZE_MAX ? used : used - smaller(used, cached);
    return limit - smaller(limit, used);
}

/** The beginning of a small file; "" if it cannot be read. */
static const char *read_text(const char *path, char text[TEXT_CAP])
{
    FILE        *file = fopen(path, "re");
    const size_t len  = file != NULL ? fread(text, 1, TEXT_CAP - 1, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    text[len] = '\0';
    return text;
}

static const char *read_of_group(const char *group, const char *name, char text[TEXT_CAP])
{
    char path[PATH_CAP + 64];
    (void)snprintf(path, sizeof(path), CGROUP_ROOT "%s/%s", group, name);
    return read_text(path, text);
}

/** The least of what the process's control group and its parents have left. */
static size_t cgroup_left_bytes(void)
{
    char        text[TEXT_CAP], max[TEXT_CAP], current[TEXT_CAP], group[PATH_CAP];
    const char *own = strstr(read_text("/proc/self/cgroup", text), "0::"); /* version 2 has this line */
    if (own == NULL) {
        return SIZE_MAX;
    }
    (void)snprintf(group, sizeof(group), "%.*s", (int)strcspn(own + 3, "\n"), own + 3);
    size_t left = SIZE_MAX;
    for (char *slash = group + strlen(group); slash != NULL; slash = strrchr(group, '/')) {
        *slash = '\0';
        left   = smaller(left, ws__cgroup_left_bytes(read_of_group(group, "memory.max", max),
                                                     read_of_group(group, "memory.current", current),
                                                     read_of_group(group, "memory.stat", text)));
    }
    return left;
}

/** What RLIMIT_AS leaves. */
static size_t address_space_left_bytes(void)
{
    char          text[TEXT_CAP];
    struct rlimit limit;
    const long    page_bytes = sysconf(_SC_PAGESIZE);
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || page_bytes <= 0) {
        return SIZE_MAX;
    }
    const size_t n_pages = (size_t)strtoull(read_text("/proc/self/statm", text), NULL, 10);
    const size_t used    = n_pages * (size_t)page_bytes;
    return (size_t)limit.rlim_cur - smaller((size_t)limit.rlim_cur, used);
}

size_t ws_host_memory_available_bytes(void)
{
    char text[TEXT_CAP];
    return smaller(ws__meminfo_available_bytes(read_text("/proc/meminfo", text)),
                   smaller(cgroup_left_bytes(), address_space_left_bytes()));
}

size_t ws_host_memory_budget_bytes(size_t n_alike)
{
    return ws_host_memory_available_bytes() / SHARE / n_alike;
}
