/* A fresh folder of a test's own: tests name no other path of the machine. */
#ifndef TEMP_FOLDER_H
#define TEMP_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMP_PATH_MAX = 512 };

/* Make a folder under $TMPDIR, or /tmp where it is not set. False if that fails, or its path does not fit. */
static inline bool temp_folder_make(char *path_out, size_t size)
{
    const char *base = getenv("TMPDIR");
    const int   len  = snprintf(path_out, size, "%s/ws-test-XXXXXX", base != NULL ? base : "/tmp");
    return len > 0 && (size_t)len < size && mkdtemp(path_out) != NULL;
}

#endif /* TEMP_FOLDER_H */
