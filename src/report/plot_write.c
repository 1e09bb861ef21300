/* plot_write.c: finished pictures in memory, and their way into a directory: each under a temporary name first, then all of
 * them in place. */
#include "report/plot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void bm_plots_free(bm_plots *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].file);
        free(p->v[i].title);
        free(p->v[i].alt);
        free(p->v[i].bytes);
    }
    free(p->v);
    bm_strv_free(&p->notes);
    free(p);
}

size_t bm_plots_count(const bm_plots *p)
{
    return p->n;
}

const char *bm_plots_file(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].file : NULL;
}

const char *bm_plots_title(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].title : NULL;
}

const char *bm_plots_alt(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].alt : NULL;
}

const char *bm_plots_bytes(const bm_plots *p, size_t i, size_t *n)
{
    *n = i < p->n ? p->v[i].n : 0;
    return i < p->n ? p->v[i].bytes : NULL;
}

const char *bm_plots_note(const bm_plots *p, size_t i)
{
    return i < p->notes.n ? p->notes.v[i] : NULL;
}

static void temporary(char *name, size_t room, const struct bm_plot_file *f)
{
    snprintf(name, room, ".%s.%ld", f->file, (long)getpid());
}

static bm_status write_one(int fd, const char *dir, const struct bm_plot_file *f, bm_error *err)
{
    char      name[80];
    bm_file   out;
    bm_status st;

    temporary(name, sizeof name, f);
    if ((st = bm_file_open(&out, fd, dir, name, err)) != BM_OK) return st;
    bm_buf_add(&out.buf, f->bytes, f->n);
    return bm_file_close(&out, BM_OK, err);
}

static bm_status check_free(int fd, const char *dir, const bm_plots *p, bm_error *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (faccessat(fd, p->v[i].file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return bm_fail(err, BM_EINVAL, "'%s/%s' exists; --force replaces it", dir, p->v[i].file);
    return BM_OK;
}

static bm_status write_all(int fd, const char *dir, const bm_plots *p, bm_error *err)
{
    char      name[80];
    size_t    written = 0, placed = 0;
    bm_status st = BM_OK;

    for (; written < p->n && st == BM_OK; written++) st = write_one(fd, dir, &p->v[written], err);
    for (; placed < p->n && st == BM_OK; placed++) {
        temporary(name, sizeof name, &p->v[placed]);
        if (renameat(fd, name, fd, p->v[placed].file) != 0) st = bm_fail(err, BM_EIO, "cannot write '%s/%s': %s", dir,
                                                                         p->v[placed].file, strerror(errno));
    }
    for (size_t i = 0; st != BM_OK && i < written; i++) {
        temporary(name, sizeof name, &p->v[i]);
        unlinkat(fd, name, 0);
    }
    return st;
}

bm_status bm_plots_write(const bm_plots *p, const char *dir, bool force, bm_error *err)
{
    bool      made = mkdir(dir, 0777) == 0;
    int       fd;
    bm_status st = BM_OK;

    if (!made && errno != EEXIST) return bm_fail(err, BM_EIO, "cannot create the directory '%s': %s", dir, strerror(errno));
    if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return bm_fail(err, BM_EIO, "cannot open the directory '%s': "
                                                                                 "%s", dir, strerror(errno));
    if (!force) st = check_free(fd, dir, p, err);
    if (st == BM_OK) st = write_all(fd, dir, p, err);
    close(fd);
    if (st != BM_OK && made) rmdir(dir);
    return st;
}
