/* file.c: files written in large blocks, every write and the close checked: a full disk is an error, not a short file. */
#include "report/report_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 17, PAGE = 4096 };      /* stays in the cache of one core: larger blocks are slower */

bm_status bm_file_open(bm_file *f, int dirfd, const char *dir, const char *name, bm_error *err)
{
    int    flags = O_WRONLY | O_CREAT | O_CLOEXEC | (dir ? O_EXCL : O_TRUNC);
    bm_buf path = { 0 };

    *f = (bm_file){ .fd = -1 };
    if (dir) bm_buf_printf(&path, "%s/", dir);
    bm_buf_puts(&path, name);
    if (path.failed) {
        bm_buf_free(&path);
        return bm_nomem(err);
    }
    f->path = path.s;
    if ((f->fd = openat(dirfd, name, flags, 0666)) >= 0) return BM_OK;
    bm_fail(err, BM_EIO, "cannot create '%s': %s", f->path, strerror(errno));
    free(f->path);
    f->path = NULL;
    return BM_EIO;
}

/* The first `much` bytes of what is there. */
static bm_status write_out(bm_file *f, size_t much, bm_error *err)
{
    for (size_t done = 0; done < much;) {
        ssize_t n = write(f->fd, f->buf.s + done, much - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return bm_fail(err, BM_EIO, "cannot write '%s': %s", f->path, n == 0 ? "nothing was accepted" : strerror(errno));
        }
    }
    f->buf.n -= much;
    if (f->buf.n) memmove(f->buf.s, f->buf.s + much, f->buf.n);
    return BM_OK;
}

/* Whole pages: half of one would be fetched again. */
bm_status bm_file_spill(bm_file *f, bm_error *err)
{
    if (f->buf.failed) return bm_nomem(err);
    if (f->fd < 0 || f->buf.n < BLOCK) return BM_OK;
    if (f->stop && *f->stop) return BM_INTERRUPTED;
    return write_out(f, f->buf.n & ~(size_t)(PAGE - 1), err);
}

bm_status bm_file_close(bm_file *f, bm_status st, bm_error *err)
{
    if (st == BM_OK && f->buf.failed) st = bm_nomem(err);
    if (st == BM_OK && f->fd >= 0) st = write_out(f, f->buf.n, err);
    if (f->fd >= 0 && close(f->fd) != 0 && st == BM_OK)
        st = bm_fail(err, BM_EIO, "cannot write '%s': %s", f->path, strerror(errno));
    bm_buf_free(&f->buf);
    free(f->path);
    *f = (bm_file){ .fd = -1 };
    return st;
}
