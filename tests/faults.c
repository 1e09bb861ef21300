/* faults.c: a library to be preloaded (LD_PRELOAD) by the tests of faults. Between the program and the C library it counts what changes files and, told by the
 * environment, ends the process there or lets the call fail:
 *   FAULT_KILL=K    SIGKILL before the K-th such call (1, 2, ...)
 *   FAULT_SIGNAL=N  that signal instead, to itself; the call is made then
 *   FAULT_ERROR=K   the K-th such call, and every later one of its kind, fails with ENOSPC
 *   FAULT_ONLY=NAME counts calls of that name only: open, write, fsync, rename, mkdir, unlink, rmdir
 * Reads, and writes to standard output and error, are left alone. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long number(const char *name)
{
    const char *s = getenv(name);

    return s ? strtol(s, NULL, 10) : 0;
}

/* True: the call is to fail. */
static bool event(const char *name)
{
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
