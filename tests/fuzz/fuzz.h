/* fuzz.h: what the fuzz targets share. A target is LLVMFuzzerTestOneInput in fuzz_NAME.c: any bytes must give a result or one message, never a crash,
 * and what can be written must read back. `make fuzz` builds them with libFuzzer; replay.c runs the seeds and every input that once failed. */
#ifndef BM_FUZZ_H
#define BM_FUZZ_H

#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the fuzzer with the reason; the input is kept by libFuzzer or named by replay.c. */
#define fuzz_must(condition, ...) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr); \
            abort(); \
        } \
    } while (0)

/* A message is there, whole, and safe to show: valid or not, no control characters but the line ends of a caret. */
static inline void fuzz_refused(bm_status st, const bm_error *err)
{
    fuzz_must(st < 0, "status %d", (int)st);
    fuzz_must(err->code == st, "status %d, but the message has %d", (int)st, (int)err->code);
    fuzz_must(err->msg[0], "no message");
    for (const unsigned char *s = (const unsigned char *)err->msg; *s; s++)
        fuzz_must(*s == '\n' || (*s >= ' ' && *s != 0x7f), "byte %d in the message '%s'", *s, err->msg);
}

/* Bytes as a file in memory that can be opened by its path. */
typedef struct { int fd; char path[40]; } fuzz_file;

static inline fuzz_file fuzz_file_new(const void *bytes, size_t n)
{
    fuzz_file f = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

    fuzz_must(f.fd >= 0, "no file in memory");
    for (size_t done = 0; done < n;) {
        ssize_t k = write(f.fd, (const char *)bytes + done, n - done);

        fuzz_must(k > 0, "cannot write");
        done += (size_t)k;
    }
    snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

static inline void fuzz_file_remove(fuzz_file *f)
{
    close(f->fd);
}

/* The bytes as a string: at most the bytes before a NUL. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *s = malloc(size + 1);

    fuzz_must(s, "out of memory");
    if (size) memcpy(s, data, size);
    s[size] = '\0';
    return s;
}

#endif
