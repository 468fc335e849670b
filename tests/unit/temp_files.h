/* Files in a fresh folder, for tests of what is told apart by folders. After cmocka.h. */
#ifndef TEMP_FILES_H
#define TEMP_FILES_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp_folder.h"

/* dir/name, which has to fit. */
static inline void temp_join(char path[TEMP_PATH_MAX], const char *dir, const char *name)
{
    assert_true(strlen(dir) + 1 + strlen(name) < TEMP_PATH_MAX);
    strcpy(path, dir);
    strcat(path, "/");
    strcat(path, name);
}

/* Write dir/name, making the folders in name. */
static inline void temp_write(const char *dir, const char *name, const char *text)
{
    char path[TEMP_PATH_MAX];
    temp_join(path, dir, name);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Remove dir/name, the folders in name, and dir. */
static inline void temp_remove(const char *dir, const char *name)
{
    char path[TEMP_PATH_MAX];
    temp_join(path, dir, name);
    assert_int_equal(unlink(path), 0);
    while (strlen(path) > strlen(dir)) {
        *strrchr(path, '/') = '\0';
        assert_int_equal(rmdir(path), 0);
    }
}

#endif /* TEMP_FILES_H */
