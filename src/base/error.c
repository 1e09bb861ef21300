/* error.c: the one message of a failure, and memory that cannot overflow its size. */
#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *bm_version(void)
{
    return BM_VERSION;
}

bm_status bm_fail(bm_error *err, bm_status code, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->code < 0) return code;          /* the deepest place that knows has spoken */
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

bm_status bm_nomem(bm_error *err)
{
    return bm_fail(err, BM_ENOMEM, "out of memory");
}

void *bm_alloc(size_t n, size_t size)
{
    return calloc(n ? n : 1, size ? size : 1);       /* calloc checks the product */
}

void *bm_grow(void *p, size_t *cap, size_t need, size_t size)
{
    size_t want = *cap ? *cap : 16;
    void  *q;

    if (need <= *cap && p) return p;
    while (want < need) {
        if (want > SIZE_MAX / 2) return NULL;
        want *= 2;
    }
    if (want > SIZE_MAX / size) return NULL;
    if (!(q = realloc(p, want * size))) return NULL;
    *cap = want;
    return q;
}

char *bm_strndup(const char *s, size_t n)
{
    char *t = s ? bm_alloc(n + 1, 1) : NULL;

    if (t) memcpy(t, s, n);
    return t;
}

char *bm_strdup(const char *s)
{
    return s ? bm_strndup(s, strlen(s)) : NULL;
}
