/* captured.h -- what a call prints on one of the standard streams, as a text. */
#ifndef CAPTURED_H
#define CAPTURED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Call fn(ctx) with a stream (stdout, stderr) led into a file; the caller frees the text. */
static inline char *captured(FILE *stream, void (*fn)(void *ctx), void *ctx)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stream);
    const int fd = fileno(stream), kept = dup(fd);
    assert_true(kept >= 0 && dup2(fileno(file), fd) >= 0);
    fn(ctx);
    fflush(stream);
    assert_true(dup2(kept, fd) >= 0 && close(kept) == 0);
    const long len  = (fseek(file, 0, SEEK_END), ftell(file));
    char      *text = calloc((size_t)len + 1, 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)len, file), len);
    fclose(file);
    return text;
}

#endif /* CAPTURED_H */
