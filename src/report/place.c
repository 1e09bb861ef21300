/* place.c: files that go into a directory which may hold others. Each is written under a temporary name; all are synced, then renamed one by one, so that whatever
 * ends the process, every file there is a whole one. The temporary names are fixed: what a killed run has left goes with the next one. A run that is asked to stop leaves nothing. */
#include "report/report_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_ROOM = 80 };

static void temporary(char name[NAME_ROOM], const char *final)
{
    snprintf(name, NAME_ROOM, ".%s.tmp", final);
}

bm_status bm_place_open(bm_place *p, const char *dir, bm_error *err)
{
    *p = (bm_place){ .fd = -1 };
    if (!(p->dir = bm_strdup(dir))) return bm_nomem(err);
    p->made = mkdir(dir, 0777) == 0;
    if (!p->made && errno != EEXIST) return bm_fail(err, BM_EIO, "cannot create the directory '%s': %s", dir, strerror(errno));
    if ((p->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return bm_fail(err, BM_EIO, "cannot open the directory '%s': %s", dir, strerror(errno));
    return BM_OK;
}

bm_status bm_place_free(const bm_place *p, const char *name, bm_error *err)
{
    if (faccessat(p->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) return BM_OK;
    return bm_fail(err, BM_EINVAL, "'%s/%s' exists; --force replaces it", p->dir, name);
}

bm_status bm_place_file(bm_place *p, bm_file *f, const char *name, bm_error *err)
{
    char      tmp[NAME_ROOM];
    bm_status st;

    *f = (bm_file){ .fd = -1 };
    if (p->stop && *p->stop) return BM_INTERRUPTED;
    if ((st = bm_strv_add(&p->files, name, err)) != BM_OK) return st;
    temporary(tmp, name);
    unlinkat(p->fd, tmp, 0);
    return bm_file_open(f, p->fd, p->dir, tmp, err);
}

bm_status bm_place_commit(bm_place *p, bm_error *err)
{
    char      tmp[NAME_ROOM];
    bm_status st = BM_OK;

    for (size_t i = 0; i < p->files.n && st == BM_OK; i++) {
        temporary(tmp, p->files.v[i]);
        st = bm_sync_path(p->fd, tmp, p->dir, err);
    }
    if (st == BM_OK && p->stop && *p->stop) return BM_INTERRUPTED;       /* from the first rename on, all come into place */
    while (st == BM_OK && p->placed < p->files.n) {
        const char *name = p->files.v[p->placed];

        temporary(tmp, name);
        if (renameat(p->fd, tmp, p->fd, name) != 0) st = bm_fail(err, BM_EIO, "cannot write '%s/%s': %s", p->dir, name, strerror(errno));
        else p->placed++;
    }
    if (st == BM_OK) (void)bm_sync_path(p->fd, ".", p->dir, NULL);
    return st;
}

void bm_place_close(bm_place *p)
{
    char tmp[NAME_ROOM];

    for (size_t i = p->placed; i < p->files.n; i++) {
        temporary(tmp, p->files.v[i]);
        unlinkat(p->fd, tmp, 0);
    }
    if (p->made && p->placed < p->files.n)
        for (size_t i = 0; i < p->placed; i++) unlinkat(p->fd, p->files.v[i], 0);
    if (p->fd >= 0) close(p->fd);
    if (p->made) rmdir(p->dir);                          /* refused where there is something in it */
    bm_strv_free(&p->files);
    free(p->dir);
    *p = (bm_place){ .fd = -1 };
}
