/* data_files.h: for tests of what reads files: a file with given bytes that is gone after the test, perhaps as gzip or as
 * standard input. */
#ifndef BM_DATA_FILES_H
#define BM_DATA_FILES_H

#include "testing.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

typedef struct { char path[64]; } scratch_file;

static inline scratch_file scratch_new(const void *bytes, size_t n)
{
    scratch_file f = { "/tmp/bmixed-test-XXXXXX" };
    int          fd = mkstemp(f.path);

    assert_true(fd >= 0);
    for (const char *s = bytes; n > 0;) {
        ssize_t k = write(fd, s, n);

        assert_true(k > 0);
        s += k;
        n -= (size_t)k;
    }
    assert_int_equal(close(fd), 0);
    return f;
}

static inline void scratch_remove(scratch_file *f)
{
    unlink(f->path);
}

/* The bytes as one gzip member (zlib), malloc'd. */
static inline unsigned char *gzip_bytes(const void *bytes, size_t n, size_t *out_n)
{
    z_stream       z = { 0 };
    size_t         room = n + n / 100 + 1000;
    unsigned char *out = malloc(room);

    assert_non_null(out);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)bytes;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_n = room - z.avail_out;
    deflateEnd(&z);
    return out;
}

/* Standard input reads from path until stdin_restore is called with what this returns. */
static inline int stdin_from(const char *path)
{
    int old = dup(STDIN_FILENO), fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    return old;
}

static inline void stdin_restore(int old)
{
    if (old < 0) return;
    dup2(old, STDIN_FILENO);
    close(old);
}

#endif
