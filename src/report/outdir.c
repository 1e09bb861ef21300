/* outdir.c: an output directory that appears whole or not at all. Everything is written to a fresh directory beside the final one
 * and synced; one rename puts it in place. With force the old directory and the new one change places in one step (renameat2), and only
 * then is the old one removed: file by file, by names that bmixed writes, so that nothing of the user's is ever removed. What a killed run has
 * left half-written goes when the next one writes to the same place. */
#include "report/calibration.h"
#include "report/report_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every file that bmixed may put into an output directory. */
static const char *const our_files[] = { "draws.csv", "draws-[0-9]*.csv", "draws-labels.json", "draws.json", "summary.csv", "summary.json",
    "ranef.csv", "model.json", "reml.json", "compare.csv", "compare.json", "pooling.csv", "report.html",
    "ranks.csv", "sbc.json", "sbc.[sp][vnd][gf]", "sbc-[0-9]*.[sp][vnd][gf]" };
static const char our_plots[] = "plots";             /* a directory of pictures inside it (plot.c) */

static bool is_our_file(const char *name)
{
    size_t n = strlen(name);
    char   part[64];

    if (name[0] == '.' && n > 5 && n < sizeof part && strcmp(name + n - 4, ".tmp") == 0) {   /* as place.c names it, in a run that was killed */
        snprintf(part, sizeof part, "%.*s", (int)n - 5, name + 1);
        name = part;
    }
    for (size_t i = 0; i < sizeof our_files / sizeof *our_files; i++)
        if (fnmatch(our_files[i], name, FNM_PERIOD) == 0) return true;
    return false;
}

/* Is there a directory of pictures, and nothing else in it? With remove, its pictures and then itself go. */
static bool only_pictures(int dir, bool remove)
{
    int            fd = openat(dir, our_plots, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR           *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    bool           only = d != NULL;

    if (fd >= 0 && !d) close(fd);
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (!bm_plot_is_picture(e->d_name)) only = false;
        else if (remove) unlinkat(fd, e->d_name, 0);
    }
    if (d) closedir(d);
    if (remove && only) unlinkat(dir, our_plots, AT_REMOVEDIR);
    return only;
}

/* The first key of the JSON file is "bmixed". */
static bool is_our_json(int dir, const char *name)
{
    char    text[64];
    ssize_t n;
    int     fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char   *s = text;

    if (fd < 0) return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = '\0';
    s += strspn(s, " \t\r\n");
    if (*s++ != '{') return false;
    s += strspn(s, " \t\r\n");
    return strncmp(s, "\"bmixed\"", 8) == 0;
}

static bool has_our_summary(int dir)
{
    return is_our_json(dir, "summary.json") || is_our_json(dir, "sbc.json");
}

bm_status bm_report_sbc_check(const char *dir, bool force, bm_error *err)
{
    bm_status st = bm_report_check_dir(dir, force, err);
    int       fd = st == BM_OK ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool      fit = fd >= 0 && is_our_json(fd, "summary.json");

    if (fd >= 0) close(fd);
    return fit ? bm_fail(err, BM_EINVAL, "'%s' holds a fit, which a check of the sampler does not replace: choose another output directory", dir) : st;
}

/* May this directory be replaced? Empty, or written by bmixed and nothing else in it. */
static bm_status check_ours(const char *path, bm_error *err)
{
    DIR           *d = opendir(path);
    struct dirent *e;
    bool           empty = true;
    bm_status      st = BM_OK;

    if (!d) return bm_fail(err, BM_EIO, "cannot read the directory '%s': %s", path, strerror(errno));
    bool ours = has_our_summary(dirfd(d));
    while (st == BM_OK && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        empty = false;
        if (!ours) break;
        if (!is_our_file(e->d_name) && !(strcmp(e->d_name, our_plots) == 0 && only_pictures(dirfd(d), false)))
            st = bm_fail(err, BM_EINVAL, "'%s' holds '%s', which bmixed did not write, so it is not replaced: move that away, or choose "
                         "another output directory", path, e->d_name);
    }
    if (st == BM_OK && !empty && !ours)
        st = bm_fail(err, BM_EINVAL, "'%s' was not written by bmixed (it holds other files and no summary.json of ours), so it is not "
                     "replaced, even with --force: choose another output directory", path);
    closedir(d);
    return st;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return bm_strdup(".");
    return bm_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static bm_status check_parent(const char *path, bm_error *err)
{
    struct stat s;
    char       *parent = parent_of(path);
    bm_status   st = BM_OK;

    if (!parent) {
        bm_nomem(err);
        return BM_ENOMEM;
    }
    if (stat(parent, &s) != 0 && (errno == ENOENT || errno == ENOTDIR))
        st = bm_fail(err, BM_EINVAL, "cannot create '%s': there is no directory '%s'; create it first", path, parent);
    else if (stat(parent, &s) == 0 && !S_ISDIR(s.st_mode))
        st = bm_fail(err, BM_EINVAL, "cannot create '%s': '%s' is not a directory", path, parent);
    else if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) != 0)
        st = bm_fail(err, BM_EIO, "cannot create '%s': the directory '%s' is not writable: %s", path, parent, strerror(errno));
    free(parent);
    return st;
}

/* The directory meant: without slashes at the end, a symbolic link followed (its target is replaced, not the link). */
static bm_status resolve(char **out, const char *dir, bm_error *err)
{
    struct stat s;
    size_t      n = dir ? strlen(dir) : 0;
    const char *base;
    char       *path;

    *out = NULL;
    while (n > 1 && dir[n - 1] == '/') n--;
    if (!n) return bm_fail(err, BM_EINVAL, "the output directory has no name");
    if (!(path = bm_strndup(dir, n))) {
        bm_nomem(err);
        return BM_ENOMEM;
    }
    base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0) {
        free(path);
        return bm_fail(err, BM_EINVAL, "'%s' cannot be an output directory: name one that bmixed is to create", dir);
    }
    if (lstat(path, &s) == 0 && S_ISLNK(s.st_mode)) {
        char *target = realpath(path, NULL);

        free(path);
        if (!target) return bm_fail(err, BM_EINVAL, "'%s' is a symbolic link that leads nowhere: %s", dir, strerror(errno));
        path = target;
    }
    *out = path;
    return BM_OK;
}

bm_status bm_report_beside(char **out, const char *dir, const char *tail, bm_error *err)
{
    char     *path;
    bm_buf    b = { 0 };
    bm_status st = resolve(&path, dir, err);

    *out = NULL;
    if (st != BM_OK) return st;
    bm_buf_puts(&b, path);
    bm_buf_puts(&b, tail);
    free(path);
    if (b.failed) {
        bm_buf_free(&b);
        return bm_nomem(err);
    }
    *out = b.s;
    return BM_OK;
}

static bm_status check_target(const char *path, bool force, bm_error *err)
{
    struct stat s;
    bm_status   st = check_parent(path, err);

    if (st != BM_OK) return st;
    if (lstat(path, &s) != 0) {
        if (errno == ENOENT) return BM_OK;
        return bm_fail(err, BM_EIO, "cannot create '%s': %s", path, strerror(errno));
    }
    if (!S_ISDIR(s.st_mode))
        return bm_fail(err, BM_EINVAL, "'%s' is a file, not a directory: choose another output directory", path);
    if (!force)
        return bm_fail(err, BM_EINVAL, "the output directory '%s' exists: choose another one, or replace it with --force", path);
    return check_ours(path, err);
}

bm_status bm_report_check_dir(const char *dir, bool force, bm_error *err)
{
    char     *path;
    bm_status st = resolve(&path, dir, err);

    if (path) st = check_target(path, force, err);
    free(path);
    return st;
}

/* A fresh name beside path, by mkdir: as mkdtemp does it, but with the permissions that the umask grants, since it is here to stay. */
static bm_status make_sibling(char **out, const char *path, const char *kind, bm_error *err)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
    size_t            n = strlen(path) + strlen(kind) + 9;
    char             *name = bm_alloc(n, 1);

    *out = NULL;
    if (!name) {
        bm_nomem(err);
        return BM_ENOMEM;
    }
    for (int tries = 0; tries < 100; tries++) {
        unsigned char r[6];

        if (getentropy(r, sizeof r) != 0) break;
        int len = snprintf(name, n, "%s.%s-", path, kind);
        for (size_t i = 0; i < sizeof r; i++) name[(size_t)len + i] = letters[r[i] & 31];
        if (mkdir(name, 0777) == 0) {
            *out = name;
            return BM_OK;
        }
        if (errno != EEXIST) break;
    }
    bm_fail(err, BM_EIO, "cannot create the directory '%s': %s", name, strerror(errno));
    free(name);
    return BM_EIO;
}

/* Removes a directory of ours and what we may have put into it; whatever else is in there stays, and so does the directory. */
static bool remove_ours(const char *path)
{
    DIR           *d = opendir(path);
    struct dirent *e;

    if (!d) return false;
    while ((e = readdir(d)))
        if (is_our_file(e->d_name)) unlinkat(dirfd(d), e->d_name, 0);
    only_pictures(dirfd(d), true);
    closedir(d);
    return rmdir(path) == 0;
}

/* Removes what runs that were killed while they wrote have left beside path: directories by names that make_sibling makes, which nobody holds locked. */
static bm_status sweep(const char *path, bm_error *err)
{
    const char    *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t         n = strlen(base), at = (size_t)(base - path);
    char          *parent = parent_of(path), *name = bm_alloc(strlen(path) + 12, 1);
    DIR           *d = parent && name ? opendir(parent) : NULL;
    bool           failed = !parent || !name || (!d && errno == ENOMEM);     /* a parent that cannot be read keeps what it has */
    struct dirent *e;

    while (d && (e = readdir(d))) {
        int fd;

        if (strncmp(e->d_name, base, n) != 0 || fnmatch(".tmp-[0-9a-v][0-9a-v][0-9a-v][0-9a-v][0-9a-v][0-9a-v]", e->d_name + n, 0) != 0) continue;
        memcpy(name, path, at);
        strcpy(name + at, e->d_name);
        if ((fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) remove_ours(name);
        close(fd);
    }
    if (d) closedir(d);
    free(parent);
    free(name);
    return failed ? bm_nomem(err) : BM_OK;
}

bm_status bm_outdir_open(bm_outdir *o, const char *dir, const bm_write_options *opt, bm_error *err)
{
    bm_status st;

    *o = (bm_outdir){ .fd = -1, .force = opt->force, .stop = opt->stop };
    st = resolve(&o->final, dir, err);
    if (!o->final) return st;
    if ((st = check_target(o->final, opt->force, err)) != BM_OK) return st;
    if ((st = sweep(o->final, err)) != BM_OK) return st;
    if ((st = make_sibling(&o->tmp, o->final, "tmp", err)) != BM_OK) return st;
    if ((o->fd = open(o->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return bm_fail(err, BM_EIO, "cannot open the directory '%s': %s", o->tmp, strerror(errno));
    (void)flock(o->fd, LOCK_EX | LOCK_NB);           /* in use, for as long as this process lives */
    return BM_OK;
}

bm_status bm_outdir_file(bm_outdir *o, bm_file *f, const char *name, bm_error *err)
{
    bm_status st;

    *f = (bm_file){ .fd = -1 };
    if ((st = bm_strv_add(&o->files, name, err)) != BM_OK) return st;   /* first, so that it is removed whatever happens */
    if (o->stop && *o->stop) return BM_INTERRUPTED;
    st = bm_file_open(f, o->fd, o->tmp, name, err);
    f->stop = o->stop;
    return st;
}

bm_status bm_sync_path(int dirfd, const char *name, const char *shown, bm_error *err)
{
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC), e = 0;

    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)) e = errno;   /* not every file system can sync a directory */
    if (fd >= 0) close(fd);
    return e ? bm_fail(err, BM_EIO, "cannot bring '%s/%s' to the disk: %s", shown, name, strerror(e)) : BM_OK;
}

/* All files are written, and on their way to the disk, before the first is waited for: the journal then commits once, not once per file. */
static bm_status sync_all(const bm_outdir *o, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < o->files.n; i++) {
        int fd = openat(o->fd, o->files.v[i], O_RDONLY | O_CLOEXEC);

        if (fd < 0) continue;                        /* bm_sync_path will say so */
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);        /* a hint: fsync reports what goes wrong */
        close(fd);
    }
    for (size_t i = 0; i < o->files.n && st == BM_OK; i++) st = bm_sync_path(o->fd, o->files.v[i], o->tmp, err);
    if (st == BM_OK && o->stop && *o->stop) return BM_INTERRUPTED;
    if (st == BM_OK) st = bm_sync_path(o->fd, ".", o->tmp, err);
    return st;
}

/* Where two names cannot be exchanged in one step: the old one aside, the new one in place, and back if that fails. */
static bm_status exchange_slowly(bm_outdir *o, bm_error *err)
{
    char     *aside = NULL;
    bm_status st = make_sibling(&aside, o->final, "old", err);

    if (st != BM_OK) return st;
    if (rename(o->final, aside) != 0) {
        st = bm_fail(err, BM_EIO, "cannot replace '%s': %s", o->final, strerror(errno));
        rmdir(aside);
    } else if (rename(o->tmp, o->final) != 0) {
        int e = errno;

        if (rename(aside, o->final) == 0) st = bm_fail(err, BM_EIO, "cannot replace '%s': %s", o->final, strerror(e));
        else st = bm_fail(err, BM_EIO, "cannot replace '%s' (%s); what was there is now '%s'", o->final, strerror(e), aside);
    } else {
        free(o->tmp);
        o->tmp = aside;
        aside = NULL;
    }
    free(aside);
    return st;
}

static bm_status replace(bm_outdir *o, bm_error *err)
{
    bm_status st = check_ours(o->final, err);            /* again: a fit may have run for hours */

    if (st != BM_OK) return st;
    if (o->by_steps || renameat2(AT_FDCWD, o->tmp, AT_FDCWD, o->final, RENAME_EXCHANGE) != 0) {
        if (!o->by_steps && errno != EINVAL && errno != ENOSYS)
            return bm_fail(err, BM_EIO, "cannot replace '%s': %s", o->final, strerror(errno));
        if ((st = exchange_slowly(o, err)) != BM_OK) return st;
    }
    if (!remove_ours(o->tmp))
        st = bm_fail(err, BM_EIO, "the results are in '%s', but what was there before could not be removed: it is now '%s'", o->final, o->tmp);
    free(o->tmp);
    o->tmp = NULL;
    return st;
}

static bm_status put_in_place(bm_outdir *o, bm_error *err)
{
    int failed = renameat2(AT_FDCWD, o->tmp, AT_FDCWD, o->final, RENAME_NOREPLACE);

    if (failed && (errno == EINVAL || errno == ENOSYS)) failed = rename(o->tmp, o->final);   /* fails on a directory that is not empty */
    if (failed) return bm_fail(err, BM_EIO, "cannot create '%s': %s", o->final, strerror(errno));
    free(o->tmp);
    o->tmp = NULL;
    return BM_OK;
}

bm_status bm_outdir_commit(bm_outdir *o, bm_error *err)
{
    struct stat s;
    char       *parent = parent_of(o->final);
    bm_status   st;

    if (!parent) {
        bm_nomem(err);
        return BM_ENOMEM;
    }
    if ((st = sync_all(o, err)) == BM_OK) st = o->force && lstat(o->final, &s) == 0 ? replace(o, err) : put_in_place(o, err);
    if (st == BM_OK) (void)bm_sync_path(AT_FDCWD, parent, ".", NULL);   /* in place already; the parent may be writable but not readable */
    free(parent);
    return st;
}

void bm_outdir_close(bm_outdir *o)
{
    if (o->tmp && o->fd >= 0)
        for (size_t i = 0; i < o->files.n; i++) unlinkat(o->fd, o->files.v[i], 0);   /* needs no memory, which may be what failed */
    if (o->fd >= 0) close(o->fd);
    if (o->tmp) rmdir(o->tmp);
    bm_strv_free(&o->files);
    free(o->final);
    free(o->tmp);
    *o = (bm_outdir){ .fd = -1 };
}
