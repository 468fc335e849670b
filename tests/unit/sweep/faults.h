/* faults.h -- calls that fail on purpose, for tests of error paths: of memory, of HDF5 and of the system.
 *
 * The linker sends calls of the program's own code here (--wrap, sweep/CMakeLists.txt), not those that
 * libraries make among themselves. Each function counts its calls from faults_arm() on; the chosen one fails
 * once. One thread arms and disarms; helpers that pack chunks may call meanwhile. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind { FAULT_MEMORY, FAULT_HDF5, FAULT_SYSTEM, FAULT_KINDS } fault_kind;

/** The functions of a kind: "H5Dwrite"; NULL behind the last. Memory is one function. */
const char *faults_name(fault_kind kind, size_t function);

/** Let a function's call number `call` from now on fail, 0 = the next. */
void faults_arm(fault_kind kind, size_t function, unsigned call);

/** Let nothing fail any more. @return whether the call was made */
bool faults_disarm(void);

/** The call to try after this one: ever larger steps, since what comes late is more of the same. Allocations
 * are one function, so their steps are small. */
static inline unsigned faults_next_call(fault_kind kind, unsigned call)
{
    return kind == FAULT_MEMORY ? call + 1 + call / 3 : 2 * call + 1;
}

#endif /* FAULTS_H */
