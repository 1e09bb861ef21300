/* failing_malloc.h: the C library's allocator with the k-th allocation failing, and a count of blocks in use. Included by one file of a test program. glibc's
 * own allocator is called below; BM_CAN_FAIL is undefined where a sanitizer or another C library has its own. */
#ifndef BM_FAILING_MALLOC_H
#define BM_FAILING_MALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BM_MALLOC_REPLACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BM_MALLOC_REPLACED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(BM_MALLOC_REPLACED)
#define BM_CAN_FAIL 1

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void  __libc_free(void *);

static long left = -1;                               /* allocations until one fails; negative: none does */
static long held;                                    /* blocks in use */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

static void *counted(void *p, bool fresh)
{
    if (!p) errno = ENOMEM;
    held += p && fresh;
    return p;
}

void *malloc(size_t n)
{
    return counted(fails() ? NULL : __libc_malloc(n), true);
}

void *calloc(size_t n, size_t size)
{
    return counted(fails() ? NULL : __libc_calloc(n, size), true);
}

void *realloc(void *old, size_t n)
{
    return counted(fails() ? NULL : __libc_realloc(old, n), old == NULL);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    *p = counted(fails() ? NULL : __libc_memalign(align, n), true);
    return *p ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t n)
{
    return counted(fails() ? NULL : __libc_memalign(align, n), true);
}

void free(void *p)
{
    held -= p != NULL;
    __libc_free(p);
}

#else
#include <stdio.h>

/* What such a program says instead of running. */
static inline int bm_cannot_fail(void)
{
    printf("1..1\nok 1 - every failing allocation # SKIP a sanitizer or another C library owns malloc here\n");
    return 0;
}

#endif
#endif
