/* faults.c: a library to be preloaded (LD_PRELOAD) by the tests of faults. Between the program and the C library it counts what changes files and, told by the
 * environment, ends the process there or lets the call fail:
 *   FAULT_KILL=K    SIGKILL before the K-th such call (1, 2, ...)
 *   FAULT_SIGNAL=N  that signal instead, to itself; the call is made then
 *   FAULT_ERROR=K   the K-th such call, and every later one of its kind, fails with ENOSPC
 *   FAULT_ONLY=NAME counts calls of that name only: open, write, fsync, rename, mkdir, unlink, rmdir
 * Reads, and writes to standard output and error, are left alone.
 *
 * From the beginning of main it counts allocations, those of other libraries, too:
 *   FAULT_ALLOC=K     the K-th fails (0: none); the last line of FAULT_LOG is how many there were
 *   FAULT_ALLOC=each  every one in turn, each in a child of its own, forked there; ends with the first call that changes files, since the children share them.
 *                     A child must exit with 1 after a message about memory, or do without and exit with 0 or 3; where it does not, or where the shell command
 *                     in FAULT_CHECK then fails ($1: the child's status), a line goes to the file FAULT_LOG; the last line is their number.
 *   FAULT_OUT=FILE    a child's standard output goes there
 *   FAULT_STEP=N      from the 2,000th on, of every N one (1)
 *   FAULT_MORE=1      every later one fails, too */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long number(const char *name)
{
    const char *s = getenv(name);

    return s ? strtol(s, NULL, 10) : 0;
}

/* ---- allocations ---- */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static bool counting, each, out_of_memory;           /* out_of_memory: from now on */
static long allocations, fails_at, step;
static int  log_fd = -1;

static void say(const char *fmt, ...)
{
    char    line[700];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n > 0 && log_fd >= 0) (void)!syscall(SYS_write, log_fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* The child's last words. */
static void words(int fd, char text[400])
{
    ssize_t n = pread(fd, text, 399, 0);

    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static void check(long k, int status, const char *text)
{
    const char *command = getenv("FAULT_CHECK");
    char        code[12];
    int         how;
    pid_t       pid;

    if (WIFSIGNALED(status)) say("allocation %ld: killed by signal %d: %s\n", k, WTERMSIG(status), text);
    else if (WEXITSTATUS(status) == 2 || WEXITSTATUS(status) > 3) say("allocation %ld: exit status %d: %s\n", k, WEXITSTATUS(status), text);
    else if (WEXITSTATUS(status) == 1 && (strncmp(text, "bmixed: ", 8) != 0 || !strstr(text, "memory"))) say("allocation %ld: no message about memory: %s\n", k, text);
    if (!command) return;
    snprintf(code, sizeof code, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    if ((pid = fork()) == 0) {
        execle("/bin/sh", "sh", "-c", command, "sh", code, (char *)NULL, (char *[]){ "PATH=/usr/bin:/bin", NULL });   /* no locks: setenv may hold one */
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &how, 0) < 0 || how != 0) say("allocation %ld: status %s, and what is left is wrong: %s\n", k, code, text);
}

/* In the child: the allocation fails. In the parent, once the child is gone: it succeeds. Both read the same files, so offsets are put back. */
static bool fork_and_fail(void)
{
    enum { FILES = 64 };
    off_t at[FILES];
    char  text[400];
    int   status = 0, fd = memfd_create("stderr", 0), null;
    pid_t pid;

    for (int i = 0; i < FILES; i++) at[i] = i == fd ? -1 : lseek(i, 0, SEEK_CUR);
    if ((pid = fork()) == 0) {
        counting = false;
        null = open(getenv("FAULT_OUT") ? getenv("FAULT_OUT") : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(null, 1);
        dup2(fd, 2);
        close(null);
        alarm(60);
        return true;
    }
    waitpid(pid, &status, 0);
    for (int i = 3; i < FILES; i++)
        if (at[i] >= 0) lseek(i, at[i], SEEK_SET);
    words(fd, text);
    close(fd);
    check(allocations, status, text);
    return false;
}

static bool fails(void)
{
    bool fail;

    if (out_of_memory) return true;
    if (!counting) return false;
    allocations++;
    if (each && allocations > 2000 && allocations % step) return false;
    counting = false;                                /* not those made here */
    fail = each ? fork_and_fail() : allocations == fails_at;
    counting = !(each && fail);
    if (fail && getenv("FAULT_MORE")) out_of_memory = true;
    if (fail) errno = ENOMEM;
    return fail;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *memalign(size_t align, size_t n) { return fails() ? NULL : __libc_memalign(align, n); }
void *aligned_alloc(size_t align, size_t n) { return fails() ? NULL : __libc_memalign(align, n); }

int posix_memalign(void **p, size_t align, size_t n)
{
    if (fails()) return ENOMEM;
    *p = __libc_memalign(align, n);
    return *p ? 0 : ENOMEM;
}

static int (*real_main)(int, char **, char **);

static void end_of_each(void)
{
    if (!each || !counting) return;
    counting = false;
    say("%ld\n", allocations);
}

static int counted_main(int argc, char **argv, char **env)
{
    const char *how = getenv("FAULT_ALLOC"), *log = getenv("FAULT_LOG");
    int         code;

    if (how) {
        each = strcmp(how, "each") == 0;
        fails_at = number("FAULT_ALLOC");
        step = number("FAULT_STEP") > 1 ? number("FAULT_STEP") : 1;
        if (log) log_fd = fcntl(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666), F_DUPFD_CLOEXEC, 100);
        unsetenv("LD_PRELOAD");                      /* gnuplot, which is started, has its memory */
        counting = true;
    }
    code = real_main(argc, argv, env);
    end_of_each();
    if (counting && !each) say("%ld\n", allocations);
    counting = false;
    return code;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void), void (*rtld)(void), void *stack)
{
    int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

    *(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    return real(counted_main, argc, argv, init, fini, rtld, stack);
}

/* ---- files ---- */

/* True: the call is to fail. */
static bool event(const char *name)
{
    end_of_each();
    static long        count;
    static const char *failing;
    const char        *only = getenv("FAULT_ONLY");

    if (failing && strcmp(name, failing) == 0) return true;
    if (only && strcmp(name, only) != 0) return false;
    count++;
    if (count == number("FAULT_KILL")) raise(number("FAULT_SIGNAL") ? (int)number("FAULT_SIGNAL") : SIGKILL);
    if (count == number("FAULT_ERROR")) failing = name;
    return failing == name;
}

static int refuse(void)
{
    errno = ENOSPC;
    return -1;
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

int open(const char *path, int flags, ...)
{
    REAL(int, "open", const char *, int, ...);
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return flags & O_CREAT && event("open") ? refuse() : real(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    REAL(int, "openat", int, const char *, int, ...);
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return flags & O_CREAT && event("open") ? refuse() : real(dir, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return fd > 2 && event("write") ? refuse() : real(fd, bytes, n);
}

/* FAULT_READ=K: the K-th read of a file fails with EIO. */
ssize_t read(int fd, void *bytes, size_t n)
{
    REAL(ssize_t, "read", int, void *, size_t);
    static long count;

    if (fd > 2 && getenv("FAULT_READ") && ++count == number("FAULT_READ")) {
        errno = EIO;
        return -1;
    }
    return real(fd, bytes, n);
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    return event("fsync") ? refuse() : real(fd);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return event("rename") ? refuse() : real(from, to);
}

int renameat(int d, const char *from, int e, const char *to)
{
    REAL(int, "renameat", int, const char *, int, const char *);
    return event("rename") ? refuse() : real(d, from, e, to);
}

int renameat2(int d, const char *from, int e, const char *to, unsigned flags)
{
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    return event("rename") ? refuse() : real(d, from, e, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    return event("mkdir") ? refuse() : real(path, mode);
}

/* Removing is never made to fail: a full disk does not refuse it. */
int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    event("unlink");
    return real(path);
}

int unlinkat(int dir, const char *path, int flags)
{
    REAL(int, "unlinkat", int, const char *, int);
    event("unlink");
    return real(dir, path, flags);
}

int rmdir(const char *path)
{
    REAL(int, "rmdir", const char *);
    event("rmdir");
    return real(path);
}
