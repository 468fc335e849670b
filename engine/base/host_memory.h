/* base/host_memory.h -- how much memory a process may still take before its host, its control group or its
 * own limit runs out. Linux grants what it does not have and then ends whole processes: a run that is told
 * its limit fails alone. */
#ifndef WS_HOST_MEMORY_H
#define WS_HOST_MEMORY_H

#include <stddef.h>

/** Bytes that may still be taken: the least of MemAvailable, what is left in the control group (version 2,
 * its parents too) and what is left of RLIMIT_AS. SIZE_MAX where nothing is known. */
size_t ws_host_memory_available_bytes(void);

/** The memory budget of a simulation that was given none: a third of what is left, shared by n_alike
 * processes of the host, since its results are copied once to be sent or turned into text, and once more to
 * be written.
 * @param[in] n_alike  >= 1 */
size_t ws_host_memory_budget_bytes(size_t n_alike);

/** "MemAvailable:   1024 kB" of a text like /proc/meminfo, in bytes; SIZE_MAX if there is none. */
size_t ws__meminfo_available_bytes(const char *meminfo);

/** What a control group has left: its limit less its use, of which file caches can be given back.
 * @param[in] max      contents of memory.max: bytes or "max"
 * @param[in] current  contents of memory.current
 * @param[in] stat     contents of memory.stat: lines like "inactive_file 4096"
 * @return bytes; SIZE_MAX without a limit */
size_t ws__cgroup_left_bytes(const char *max, const char *current, const char *stat);

#endif /* WS_HOST_MEMORY_H */
