/* text.c: lists of strings, growing text, and the word that was probably meant. */
#include "base/base.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_strv_add(bm_strv *a, const char *s, bm_error *err)
{
    char **v = bm_grow(a->v, &a->cap, a->n + 1, sizeof *v);

    if (!v) return bm_nomem(err);
    a->v = v;
    if (!(v[a->n] = bm_strdup(s))) return bm_nomem(err);
    a->n++;
    return BM_OK;
}

bm_status bm_strv_addf(bm_strv *a, bm_error *err, const char *fmt, ...)
{
    va_list   ap;
    int       len;
    char     *s;
    bm_status st;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0 || !(s = bm_alloc((size_t)len + 1, 1))) return bm_nomem(err);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)len + 1, fmt, ap);
    va_end(ap);
    st = bm_strv_add(a, s, err);
    free(s);
    return st;
}

bool bm_strv_has(const bm_strv *a, const char *s)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i], s) == 0) return true;
    return false;
}

void bm_strv_free(bm_strv *a)
{
    for (size_t i = 0; i < a->n; i++) free(a->v[i]);
    free(a->v);
    *a = (bm_strv){ 0 };
}

void bm_buf_add(bm_buf *b, const char *s, size_t n)
{
    char *t;

    if (b->failed) return;
    if (!(t = bm_grow(b->s, &b->cap, b->n + n + 1, 1))) {
        b->failed = true;
        return;
    }
    b->s = t;
    if (n) memcpy(t + b->n, s, n);
    b->n += n;
    t[b->n] = '\0';
}

void bm_buf_puts(bm_buf *b, const char *s)
{
    bm_buf_add(b, s, strlen(s));
}

void bm_buf_putc(bm_buf *b, char c)
{
    bm_buf_add(b, &c, 1);
}

void bm_buf_printf(bm_buf *b, const char *fmt, ...)
{
    va_list ap;
    int     len;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len < 0) b->failed = true;
    if (b->failed) return;
    bm_buf_add(b, "", 0);
    char *t = bm_grow(b->s, &b->cap, b->n + (size_t)len + 1, 1);
    if (!t) {
        b->failed = true;
        return;
    }
    b->s = t;
    va_start(ap, fmt);
    vsnprintf(t + b->n, (size_t)len + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)len;
}

void bm_buf_num(bm_buf *b, double x)
{
    char   s[BM_NUMBER_MAX];
    size_t n = bm_format_double(s, x);

    bm_buf_add(b, s, n);
}

void bm_buf_row(bm_buf *b, const double *x, size_t n)
{
    char *t;

    if (b->failed) return;
    if (!(t = bm_grow(b->s, &b->cap, b->n + n * BM_NUMBER_MAX + BM_NUMBER_ROOM, 1))) {
        b->failed = true;
        return;
    }
    b->s = t;
    b->n = (size_t)(bm_format_row(t + b->n, x, n) - t);
    t[b->n] = '\0';
}

void bm_buf_free(bm_buf *b)
{
    free(b->s);
    *b = (bm_buf){ 0 };
}

/* Restricted Damerau-Levenshtein distance, case apart, of words up to 63 letters; SIZE_MAX for longer ones. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t na = strlen(a), nb = strlen(b), row[3][MAX], *before = row[0], *last = row[1], *now = row[2];

    if (na >= MAX || nb >= MAX) return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++) last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int    ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t d = last[j - 1] + (ca != cb);

            if (last[j] + 1 < d) d = last[j] + 1;
            if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2])
                && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
        }
        size_t *t = before;
        before = last;
        last = now;
        now = t;
    }
    return last[nb];
}

const char *bm_closest(const char *word, const char *const *candidates, size_t n)
{
    size_t      best = strlen(word) / 3 + 1;         /* a distance below this is a plausible slip */
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(word, candidates[i]);

        if (d < best || (d == best && !found && best <= strlen(word) / 2)) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}
