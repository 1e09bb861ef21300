/* checkpoint.c: the file that a long run leaves its state in: what was asked for, then the state, then a hash of all before it. It is written beside its place,
 * synced and renamed, so that at any moment the file there is a whole one. Numbers are in the machine's own form: the draws that follow are only the same
 * on a machine that computes the same digits, which bm_mcmc_state looks at. */
#include "api/fit_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char     MAGIC[] = "bmixed checkpoint\n";
static const uint64_t MARK = 0x0102030405060708;         /* byte order, and the size of a number */
enum { BLOCK = 1 << 18, TEXT_MAX = 64 << 20 };

struct bm_checkpoint {
    char    *path, *tmp;
    double   every;
    bool     resumes, written;
    FILE    *f;                                          /* open: being read, or being written as tmp */
    bm_hash  hash;                                       /* of what was written */
    uint64_t left;                                       /* bytes to be read */
    char    *command, *json;                             /* of the run; the model and its options */
    size_t   format;
    bm_spec *spec;                                       /* json, when opened */
    char     data[17];                                   /* the hash of the data */
    size_t   held;                                       /* the model's: sums of rows that are not kept differ from others in their last digits */
};

/* ---- bytes ---- */

static bool put(void *self, void *bytes, size_t n)
{
    bm_checkpoint *c = self;

    bm_hash_add(&c->hash, bytes, n);
    return fwrite(bytes, 1, n, c->f) == n;
}

static bool take(void *self, void *bytes, size_t n)
{
    bm_checkpoint *c = self;

    if (n > c->left || fread(bytes, 1, n, c->f) != n) return false;
    c->left -= n;
    return true;
}

static void text_state(bm_state *io, char **s)
{
    size_t n = *s ? strlen(*s) : 0;

    bm_state_count(io, &n, TEXT_MAX);
    if (io->reading && !io->failed) {
        free(*s);
        if (!(*s = bm_alloc(n + 1, 1))) io->failed = io->no_memory = true;
    }
    if (!io->failed && n) bm_state_bytes(io, *s, n);
}

/* What is known before the model is. */
static void head_state(bm_checkpoint *c, bm_state *io)
{
    BM_STATE(io, c->every);
    bm_state_count(io, &c->format, BM_FORMAT_NONE);
    text_state(io, &c->command);
    text_state(io, &c->json);
    bm_state_bytes(io, c->data, sizeof c->data);
    c->data[sizeof c->data - 1] = '\0';
    bm_state_count(io, &c->held, SIZE_MAX);
}

static bm_status cannot(const char *what, const char *path, bm_error *err)
{
    return bm_fail(err, BM_EIO, "cannot %s the checkpoint '%s': %s", what, path, strerror(errno));
}

/* ---- making ---- */

static bm_status new_at(bm_checkpoint **out, const char *dir, bm_error *err)
{
    bm_checkpoint *c = bm_alloc(1, sizeof *c);
    bm_status      st;

    *out = NULL;
    if (!c) return bm_nomem(err);
    st = bm_report_beside(&c->path, dir, ".checkpoint", err);
    if (st == BM_OK) st = bm_report_beside(&c->tmp, dir, ".checkpoint.tmp", err);
    if (st == BM_OK) *out = c;
    else bm_checkpoint_free(c);
    return st;
}

bm_status bm_checkpoint_new(bm_checkpoint **out, const char *dir, double seconds, bool force, const bm_write_options *opt, bm_error *err)
{
    static const bm_write_options defaults = BM_WRITE_OPTIONS_INIT;
    struct stat                   sb;
    bm_status                     st = new_at(out, dir, err);
    bm_checkpoint                *c = *out;

    if (st != BM_OK) return st;
    if (!opt) opt = &defaults;
    c->every = seconds;
    c->format = opt->format;
    if (opt->command && !(c->command = bm_strdup(opt->command))) st = bm_nomem(err);
    if (st == BM_OK && !force && lstat(c->path, &sb) == 0)
        st = bm_fail(err, BM_EINVAL, "an earlier run left the checkpoint '%s': go on with it by --resume '%s', or give it up by --force", c->path, dir);
    if (st == BM_OK) return BM_OK;
    bm_checkpoint_free(c);
    *out = NULL;
    return st;
}

void bm_checkpoint_free(bm_checkpoint *c)
{
    if (!c) return;
    if (c->f) fclose(c->f);
    bm_spec_free(c->spec);
    free(c->path);
    free(c->tmp);
    free(c->command);
    free(c->json);
    free(c);
}

void bm_checkpoint_remove(bm_checkpoint *c)
{
    unlink(c->tmp);
    unlink(c->path);
}

void bm_checkpoint_every(bm_checkpoint *c, double seconds)
{
    c->every = seconds;
}

bm_status bm_checkpoint_spec(bm_spec **out, const bm_checkpoint *c, bm_error *err)
{
    return bm_spec_copy(out, c->spec, err);
}

void bm_checkpoint_write_options(const bm_checkpoint *c, bm_write_options *opt)
{
    opt->format = (bm_format)c->format;
    opt->command = c->command;
}

size_t bm_checkpoint_hold_rows(const bm_checkpoint *c)
{
    return c->held;
}

bool bm_checkpoint_resumes(const bm_checkpoint *c)
{
    return c->resumes;
}

bool bm_checkpoint_written(const bm_checkpoint *c)
{
    return c->written;
}

double bm_checkpoint_seconds(const bm_checkpoint *c)
{
    return c->every;
}

/* ---- writing ---- */

static bm_status write_all(bm_checkpoint *c, bm_run *r, bm_error *err)
{
    bm_state  io = { .self = c, .move = put };
    uint64_t  mark = MARK, hash;
    char     *version = bm_strdup(BM_VERSION);
    bm_status st;

    if (!version) return bm_nomem(err);
    bm_hash_start(&c->hash);
    bm_state_bytes(&io, (char[]){ "bmixed checkpoint\n" }, sizeof MAGIC - 1);
    BM_STATE(&io, mark);
    text_state(&io, &version);
    free(version);
    head_state(c, &io);
    errno = 0;
    if (io.failed) return cannot("write", c->tmp, err);
    if ((st = bm_run_state(r, &io, io.failed ? NULL : err)) != BM_OK && !ferror(c->f)) return st;
    hash = bm_hash_value(&c->hash);
    if (io.failed || fwrite(&hash, sizeof hash, 1, c->f) != 1 || fflush(c->f) != 0 || (fsync(fileno(c->f)) != 0 && errno != EINVAL && errno != EROFS))
        return cannot("write", c->tmp, err);
    return BM_OK;
}

static void sync_directory(const char *path)
{
    char *slash = strrchr(path, '/'), *dir = slash ? bm_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : bm_strdup(".");
    int   fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        (void)fsync(fd);                                 /* in place already; not every file system can */
        close(fd);
    }
    free(dir);
}

bm_status bm_checkpoint_write(bm_checkpoint *c, bm_run *r, bm_error *err)
{
    const bm_frame *frame = r->f->model->frame;
    bm_buf          json = { 0 };
    bm_status       st;
    int             fd;

    if (!c->json) {
        if ((st = bm_report_model_json(r->f->model->spec, &r->f->opt, &json, err)) != BM_OK) {
            bm_buf_free(&json);
            return st;
        }
        c->json = json.s;
        snprintf(c->data, sizeof c->data, "%s", frame->hash);
        c->held = r->f->model->held;
    }
    if ((fd = open(c->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666)) < 0) return cannot("write", c->tmp, err);
    if (!(c->f = fdopen(fd, "wb"))) {
        st = cannot("write", c->tmp, err);
        close(fd);
        unlink(c->tmp);
        return st;
    }
    (void)setvbuf(c->f, NULL, _IOFBF, BLOCK);
    st = write_all(c, r, err);
    if (fclose(c->f) != 0 && st == BM_OK) st = cannot("write", c->tmp, err);
    c->f = NULL;
    if (st == BM_OK && rename(c->tmp, c->path) != 0) st = cannot("put in place", c->path, err);
    if (st != BM_OK) {
        unlink(c->tmp);
        return st;
    }
    c->written = true;
    sync_directory(c->path);
    return BM_OK;
}

/* ---- reading ---- */

static bm_status damaged(const bm_checkpoint *c, bm_error *err)
{
    return bm_fail(err, BM_EPARSE, "the checkpoint '%s' is damaged or cut short (its checksum is wrong): nothing can be continued from it", c->path);
}

/* The whole file must have the hash it ends with. */
static bm_status check_hash(bm_checkpoint *c, bm_error *err)
{
    char      magic[sizeof MAGIC - 1], *block;
    uint64_t  there, left;
    off_t     size;
    size_t    n = fread(magic, 1, sizeof magic, c->f);
    bm_status st = BM_OK;

    if (ferror(c->f)) return cannot("read", c->path, err);
    if (n < sizeof magic || memcmp(magic, MAGIC, sizeof magic) != 0) return bm_fail(err, BM_EPARSE, "'%s' is not a checkpoint of bmixed", c->path);
    if (fseeko(c->f, 0, SEEK_END) != 0 || (size = ftello(c->f)) < 0 || fseeko(c->f, 0, SEEK_SET) != 0) return cannot("read", c->path, err);
    if ((size_t)size < sizeof magic + sizeof there) return damaged(c, err);
    if (!(block = bm_alloc(BLOCK, 1))) return bm_nomem(err);
    bm_hash_start(&c->hash);
    c->left = left = (uint64_t)size - sizeof there;
    for (; left > 0 && (n = fread(block, 1, left < BLOCK ? left : BLOCK, c->f)) > 0; left -= n) bm_hash_add(&c->hash, block, n);
    free(block);
    if (left || fread(&there, sizeof there, 1, c->f) != 1) st = ferror(c->f) ? cannot("read", c->path, err) : damaged(c, err);
    else if (there != bm_hash_value(&c->hash)) st = damaged(c, err);
    rewind(c->f);
    return st;
}

static bm_status read_head(bm_checkpoint *c, bm_error *err)
{
    bm_state  io = { .reading = true, .self = c, .move = take };
    char      magic[sizeof MAGIC - 1], *version = NULL;
    uint64_t  mark = 0;
    bm_status st = BM_OK;

    bm_state_bytes(&io, magic, sizeof magic);
    BM_STATE(&io, mark);
    if (!io.failed && mark != MARK)
        return bm_fail(err, BM_EINVAL, "the checkpoint '%s' was written on a machine of another kind (its numbers have another byte order)", c->path);
    text_state(&io, &version);
    if (io.no_memory) return bm_nomem(err);
    if (!io.failed && strcmp(version, BM_VERSION) != 0)
        st = bm_fail(err, BM_EINVAL, "the checkpoint '%s' was written by bmixed %.40s, and this is %s: only the same version draws the same draws", c->path, version, BM_VERSION);
    free(version);
    if (st != BM_OK) return st;
    head_state(c, &io);
    if (io.no_memory) return bm_nomem(err);
    return io.failed ? damaged(c, err) : bm_spec_parse(&c->spec, c->json, strlen(c->json), c->path, err);
}

bm_status bm_checkpoint_open(bm_checkpoint **out, const char *dir, bm_error *err)
{
    struct stat    sb;
    bm_status      st = new_at(out, dir, err);
    bm_checkpoint *c = *out;

    if (st != BM_OK) return st;
    if (!(c->f = fopen(c->path, "rb"))) {
        st = errno != ENOENT ? cannot("read", c->path, err)
                             : bm_fail(err, BM_EIO, "there is no checkpoint '%s': a run makes one with --checkpoint, and removes it once its results are written%s", c->path,
                                       lstat(dir, &sb) == 0 ? ", as those in this directory are" : "");
    } else if (fstat(fileno(c->f), &sb) == 0 && !S_ISREG(sb.st_mode)) {
        st = bm_fail(err, BM_EPARSE, "'%s' is not a checkpoint of bmixed", c->path);
    } else if ((st = check_hash(c, err)) == BM_OK) {
        st = read_head(c, err);
    }
    c->resumes = c->written = true;
    if (st == BM_OK) return BM_OK;
    bm_checkpoint_free(c);
    *out = NULL;
    return st;
}

static bm_status held_otherwise(const bm_checkpoint *c, size_t held, bm_error *err)
{
    char was[32], is[32];

    snprintf(was, sizeof was, c->held ? "%zu" : "all", c->held);
    snprintf(is, sizeof is, held ? "%zu" : "all", held);
    return bm_fail(err, BM_EINVAL, "the checkpoint '%s' is of a run that held %s rows of its data, not %s: its draws are continued with --hold-rows %s, or without the option",
                   c->path, was, is, was);
}

bm_status bm_checkpoint_match(const bm_checkpoint *c, const bm_fit *f, bm_error *err)
{
    const bm_model *m = f->model;
    bm_spec         now = *m->spec;                      /* shallow */
    bm_buf          a = { 0 }, b = { 0 };
    const char     *key;
    bm_status       st = BM_OK;

    now.fit = f->opt;
    if ((key = bm_spec_difference(c->spec, &now, &a, &b)))
        st = a.failed || b.failed ? bm_nomem(err)
                                  : bm_fail(err, BM_EINVAL, "the checkpoint '%s' is of another run: its %s is '%.200s', not '%.200s'", c->path, key, a.s, b.s);
    else if (c->data[0] && m->frame->hash[0] && strcmp(c->data, m->frame->hash) != 0)
        st = bm_fail(err, BM_EINVAL, "%s has changed since the run began (hash %s, was %s): its draws cannot be continued", m->spec->data, m->frame->hash, c->data);
    else if (c->held != m->held) st = held_otherwise(c, m->held, err);
    bm_buf_free(&a);
    bm_buf_free(&b);
    return st;
}

bm_status bm_checkpoint_read(bm_checkpoint *c, bm_run *r, bm_error *err)
{
    bm_state  io = { .reading = true, .self = c, .move = take };
    bm_status st = bm_run_state(r, &io, err);

    if (st == BM_OK && c->left) st = damaged(c, err);
    fclose(c->f);
    c->f = NULL;
    return st;
}
