/* error.c: the one message of a failure, and memory that cannot overflow its size. */
#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *bm_version(void)
{
    return BM_VERSION;
}

/* Bytes of the character at s if it is UTF-8 (RFC 3629) and may be shown; 0 for anything else: control characters of either set, stray bytes. */
static size_t shown_length(const unsigned char *s)
{
    size_t   n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned least[] = { 0x20, 0xa0, 0x800, 0x10000 }, c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

    if (s[0] >= 0x80 && (s[0] < 0xc2 || s[0] > 0xf4)) return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;         /* the NUL that ends the text, too */
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < least[n - 1] || c == 0x7f || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

void bm_visible(char *dst, size_t room, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t               n = 0;

    while (*s) {
        size_t k = *s == '\n' ? 1 : shown_length(s), need = k ? k : 4;

        if (n + need >= room) break;                 /* whole characters only */
        if (k) memcpy(dst + n, s, k);
        else snprintf(dst + n, 5, "\\x%02x", *s);
        n += need;
        s += k ? k : 1;
    }
    dst[n] = '\0';
}

/* A message may quote names and cells of the data, which must not move a cursor or retitle a terminal wherever it is shown. */
bm_status bm_fail(bm_error *err, bm_status code, const char *fmt, ...)
{
    char    text[sizeof err->msg];
    va_list ap;

    if (!err || err->code < 0) return code;          /* the deepest place that knows has spoken */
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bm_visible(err->msg, sizeof err->msg, text);
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
