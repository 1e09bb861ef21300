/* output.c: standard output that is checked, the terminal's width and colours, and files that appear whole or not at all. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- standard files ------------------------------------------------------------------------------------------------------ */

void cli_secure_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
        /* open() takes the lowest free number: this one. Standard output gets a file that refuses writing, so that we notice. */
        if (open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR) < 0) return;
    }
}

int cli_close_stdout(int code)
{
    bool failed = ferror(stdout) != 0;

    errno = 0;
    if (fclose(stdout) == 0 && !failed) return code;
    cli_error("cannot write to standard output: %s", strerror(errno ? errno : EIO));
    return CLI_FAILED;
}

int cli_terminal_width(int fd)
{
    struct winsize w;
    const char    *env = getenv("COLUMNS");
    char          *end;
    long           n;

    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    n = env ? strtol(env, &end, 10) : 0;
    return n >= 20 && n <= 1000 && *end == '\0' ? (int)n : 0;
}

bm_print_options cli_print_options(const cli_args *a)
{
    bm_print_options opt = BM_PRINT_OPTIONS_INIT;
    const char      *no = getenv("NO_COLOR"), *term = getenv("TERM");

    opt.width = cli_terminal_width(STDOUT_FILENO);
    opt.colour = isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
    opt.json = a->json;
    opt.verbose = a->verbose;
    opt.command = a->line;
    return opt;
}

/* ---- files that appear whole ----------------------------------------------------------------------------------------------- */

static int cannot_write(const char *path, int error)
{
    cli_error("cannot write %s: %s", path, strerror(error));
    return CLI_FAILED;
}

/* A temporary file beside the wanted one, with the permissions that the umask leaves. */
static int open_beside(cli_file *out)
{
    static const char tail[] = ".XXXXXX";
    mode_t mask = umask(0);
    int    fd;

    umask(mask);
    if (!(out->tmp = malloc(strlen(out->path) + sizeof tail))) return cannot_write(out->path, ENOMEM);
    stpcpy(stpcpy(out->tmp, out->path), tail);
    fd = mkstemp(out->tmp);
    cli_unfinished(out->tmp);
    if (fd >= 0 && fchmod(fd, 0666 & ~mask) == 0 && (out->f = fdopen(fd, "w"))) return CLI_DONE;
    cannot_write(out->path, errno);
    if (fd >= 0) {
        close(fd);
        unlink(out->tmp);
    }
    cli_unfinished(NULL);
    free(out->tmp);
    out->tmp = NULL;
    return CLI_FAILED;
}

int cli_file_open(cli_file *out, const char *path, bool force)
{
    struct stat sb;

    *out = (cli_file){ .path = path };
    if (!path || strcmp(path, "-") == 0) {
        out->f = stdout;
        out->path = "standard output";
        return CLI_DONE;
    }
    if (stat(path, &sb) != 0) return open_beside(out);
    if (S_ISDIR(sb.st_mode)) {
        cli_error("%s is a directory; -o takes the name of a file here", path);
        return CLI_INPUT;
    }
    if (!S_ISREG(sb.st_mode)) {                      /* a device or a pipe is written to, not replaced */
        out->f = fopen(path, "w");
        return out->f ? CLI_DONE : cannot_write(path, errno);
    }
    if (!force) {
        cli_error("%s exists; --force replaces it", path);
        return CLI_INPUT;
    }
    return open_beside(out);
}

static int commit(cli_file *out)
{
    bool bad = ferror(out->f) || fflush(out->f) != 0 || (out->tmp && fsync(fileno(out->f)) != 0);
    int  error = errno;

    if (fclose(out->f) != 0 && !bad) {
        bad = true;
        error = errno;
    }
    out->f = NULL;
    if (bad) return cannot_write(out->path, error ? error : EIO);
    if (out->tmp && rename(out->tmp, out->path) != 0) return cannot_write(out->path, errno);
    return CLI_DONE;
}

int cli_file_close(cli_file *out, int code)
{
    if (out->f == stdout) return code;               /* main closes it, and checks */
    if (code == CLI_DONE) code = commit(out);
    if (out->f) fclose(out->f);
    if (out->tmp && code != CLI_DONE) unlink(out->tmp);
    cli_unfinished(NULL);
    free(out->tmp);
    *out = (cli_file){ 0 };
    return code;
}
