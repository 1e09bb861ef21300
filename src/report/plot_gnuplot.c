/* plot_gnuplot.c: has gnuplot draw a picture: script and data in a fresh temporary directory, gnuplot started there without a
 * shell, its status checked, its messages passed on, and everything removed again. The user's gnuplot settings are not read. */
#include "report/plot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

typedef struct { char path[PATH_MAX]; int fd; } workdir;

static bm_status workdir_open(workdir *w, bm_error *err)
{
    const char *base = getenv("TMPDIR");

    w->fd = -1;
    if (!base || *base != '/' || strlen(base) > PATH_MAX - 40) base = "/tmp";
    snprintf(w->path, sizeof w->path, "%s/bmixed-plot-XXXXXX", base);
    if (!mkdtemp(w->path)) {
        int e = errno;

        w->path[0] = '\0';
        return bm_fail(err, BM_EIO, "cannot create a temporary directory in '%s': %s", base, strerror(e));
    }
    if ((w->fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) return BM_OK;
    return bm_fail(err, BM_EIO, "cannot open the directory '%s': %s", w->path, strerror(errno));
}

static void data_name(char name[32], size_t i)
{
    snprintf(name, 32, "d%zu", i);
}

static void workdir_close(workdir *w, size_t ndata)
{
    static const char *const files[] = { "script", "messages", "picture" };
    char                     name[32];

    if (w->fd >= 0) {
        for (size_t i = 0; i < 3; i++) unlinkat(w->fd, files[i], 0);
        for (size_t i = 0; i < ndata; i++) {
            data_name(name, i);
            unlinkat(w->fd, name, 0);
        }
        close(w->fd);
    }
    if (w->path[0]) rmdir(w->path);
}

static bm_status put(const workdir *w, const char *name, const bm_buf *text, bm_error *err)
{
    bm_file   f;
    bm_status st = bm_file_open(&f, w->fd, w->path, name, err);

    if (st != BM_OK) return st;
    bm_buf_add(&f.buf, text->s ? text->s : "", text->n);
    return bm_file_close(&f, BM_OK, err);
}

static bm_status put_all(const workdir *w, const bm_picture *p, bm_plot_format format, bool *boxed, bm_error *err)
{
    bm_buf    script = { 0 };
    bm_status st = BM_OK;
    char      name[32];

    bm_picture_script(p, format, &script);
    *boxed = format != BM_PLOT_SVG && bm_box_unknown(&script);
    if (script.failed || bm_picture_failed(p)) st = bm_nomem(err);
    if (st == BM_OK) st = put(w, "script", &script, err);
    for (size_t i = 0; i < p->ndata && st == BM_OK; i++) {
        data_name(name, i);
        st = put(w, name, &p->data[i], err);
    }
    bm_buf_free(&script);
    return st;
}

static bm_status get(const workdir *w, const char *name, bm_buf *out, bm_error *err)
{
    char    block[16384];
    ssize_t n = 0;
    int     fd = openat(w->fd, name, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
            if (n > 0) bm_buf_add(out, block, (size_t)n);
    if (fd < 0 || n < 0) n = -1;
    if (fd >= 0) close(fd);
    if (out->failed) return bm_nomem(err);
    return n < 0 ? bm_fail(err, BM_EIO, "cannot read '%s/%s': %s", w->path, name, strerror(errno)) : BM_OK;
}

/* ---- the process ---- */

/* The environment with a UTF-8 locale in place of the user's, so that labels are read as what they are. Borrows the strings. */
static char **utf8_environment(void)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t      n = 0, k = 0;
    char      **env;

    while (environ && environ[n]) n++;
    if (!(env = bm_alloc(n + 2, sizeof *env))) return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) != 0 && strncmp(environ[i], "GNUTERM=", 8) != 0) env[k++] = environ[i];
    env[k] = locale;
    return env;
}

/* In the temporary directory, signals as a fresh program has them, nothing on standard input, messages into a file. */
static int spawn(pid_t *pid, const workdir *w, char **env)
{
    static char name[] = "gnuplot", defaults[] = "--default-settings", script[] = "script";
    char *const argv[] = { name, defaults, script, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t          attr;
    sigset_t                   all;
    int                        e;

    if ((e = posix_spawn_file_actions_init(&files)) != 0) return e;
    if ((e = posix_spawnattr_init(&attr)) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return e;
    }
    sigemptyset(&all);
    sigaddset(&all, SIGPIPE);
    if (!(e = posix_spawnattr_setsigdefault(&attr, &all)) && !(e = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF))
        && !(e = posix_spawn_file_actions_addchdir_np(&files, w->path))
        && !(e = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0))
        && !(e = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0))
        && !(e = posix_spawn_file_actions_addopen(&files, 2, "messages", O_WRONLY | O_CREAT | O_TRUNC, 0600)))
        e = posix_spawnp(pid, "gnuplot", &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

/* What gnuplot said, on one line and not too long. */
static bm_status say_failed(const workdir *w, int status, bm_error *err)
{
    bm_buf    text = { 0 };
    bm_status st;

    (void)get(w, "messages", &text, NULL);
    for (size_t i = 0; i < text.n; i++)
        if (text.s[i] == '\n' || text.s[i] == '\t') text.s[i] = ' ';
    if (WIFSIGNALED(status)) st = bm_fail(err, BM_EIO, "gnuplot was stopped by signal %d", WTERMSIG(status));
    else st = bm_fail(err, BM_EIO, "gnuplot failed with status %d: %.600s", WEXITSTATUS(status),
                      text.s ? text.s + strspn(text.s, " ") : "");
    bm_buf_free(&text);
    return st;
}

/* Until gnuplot ends; asked to stop, it is told to. A wait may be taken up again after a signal, so with `stop` we look now
 * and then. */
static int wait_for(pid_t pid, int *status, const volatile sig_atomic_t *stop)
{
    const struct timespec pause = { 0, 3000000 };
    bool                  told = false;
    pid_t                 got;

    while ((got = waitpid(pid, status, stop ? WNOHANG : 0)) != pid) {
        if (got < 0 && errno != EINTR) return errno;
        if (stop && *stop && !told) told = kill(pid, SIGTERM) == 0;
        if (got == 0) nanosleep(&pause, NULL);
    }
    return 0;
}

static bm_status run(const workdir *w, const volatile sig_atomic_t *stop, bm_error *err)
{
    char **env = utf8_environment();
    pid_t  pid;
    int    status = 0, e;

    if (!env) return bm_nomem(err);
    e = spawn(&pid, w, env);
    free(env);
    if (e == ENOENT || e == EACCES || e == ENOTDIR)
        return bm_fail(err, BM_EIO, "gnuplot, which draws the pictures, was not found: install it (Debian, Ubuntu: apt-get "
                       "install gnuplot-nox)");
    if (e) return bm_fail(err, BM_EIO, "cannot start gnuplot: %s", strerror(e));
    if ((e = wait_for(pid, &status, stop)) != 0) return bm_fail(err, BM_EIO, "cannot wait for gnuplot: %s", strerror(e));
    return status == 0 ? BM_OK : say_failed(w, status, err);
}

/* ---- SVG: what gnuplot does not write ---- */

static void add_xml(bm_buf *b, const char *text)
{
    bm_buf safe = { 0 };

    bm_safe_text(&safe, text);
    b->failed |= safe.failed;
    for (const char *s = safe.s; s && *s; s++) {
        if (*s == '&') bm_buf_puts(b, "&amp;");
        else if (*s == '<') bm_buf_puts(b, "&lt;");
        else if (*s == '>') bm_buf_puts(b, "&gt;");
        else bm_buf_putc(b, *s);
    }
    bm_buf_free(&safe);
}

/* Its title is "Gnuplot" whatever it draws, each curve is titled by its command (a browser shows that under the mouse), and
 * it takes "sans-serif:Bold" for the name of a font. */
static void finish_svg(bm_buf *svg, const bm_picture *p)
{
    static const char title[] = "<title>Gnuplot</title>", bold[] = "font-family=\"sans-serif:Bold\"";
    bm_buf            b = { 0 };
    bool              titled = false;

    for (const char *s = svg->s; s && *s;) {
        if (!titled && strncmp(s, title, sizeof title - 1) == 0) {
            bm_buf_puts(&b, "<title>");
            add_xml(&b, p->title.s);
            if (p->alt.s) bm_buf_puts(&b, ": "), add_xml(&b, p->alt.s);
            bm_buf_puts(&b, "</title>");
            s += sizeof title - 1;
            titled = true;
        } else if (titled && strncmp(s, "<title>", 7) == 0 && strstr(s, "</title>")) {
            s = strstr(s, "</title>") + 8;
        } else if (strncmp(s, bold, sizeof bold - 1) == 0) {
            bm_buf_puts(&b, "font-family=\"sans-serif\" font-weight=\"bold\"");
            s += sizeof bold - 1;
        } else {
            size_t n = 1 + strcspn(s + 1, "<f");

            bm_buf_add(&b, s, n);
            s += n;
        }
    }
    bm_buf_free(svg);
    *svg = b;
}

bm_status bm_gnuplot(const bm_picture *p, const bm_plot_options *opt, char **bytes, size_t *n, bool *boxed, bm_error *err)
{
    workdir   w;
    bm_buf    picture = { 0 };
    bm_status st;

    *bytes = NULL;
    *n = 0;
    if ((st = workdir_open(&w, err)) != BM_OK) goto done;
    if ((st = put_all(&w, p, opt->format, boxed, err)) != BM_OK) goto done;
    if ((st = run(&w, opt->stop, err)) != BM_OK) goto done;
    if (faccessat(w.fd, "picture", F_OK, 0) == 0 && (st = get(&w, "picture", &picture, err)) != BM_OK) goto done;
    if (picture.n == 0) {
        st = bm_fail(err, BM_EIO, "gnuplot ended well but drew nothing; does its terminal for this format work? Try --format "
                     "svg");
        goto done;
    }
    if (opt->format == BM_PLOT_SVG) finish_svg(&picture, p);
    if (picture.failed) {
        st = bm_nomem(err);
        goto done;
    }
    *bytes = picture.s;
    *n = picture.n;
    picture = (bm_buf){ 0 };
done:
    workdir_close(&w, p->ndata);
    bm_buf_free(&picture);
    return st;
}
