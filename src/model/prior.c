/* prior.c: "TARGET ~ DIST(args)" taken apart, and messages that point into it. */
#include "model/prior_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Text that a caret line can point into: one short line. */
static bool can_point(const char *text)
{
    size_t n = strlen(text);

    if (n > 160) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20) return false;
    return true;
}

bm_status bm_prior_fail(bm_error *err, const char *text, size_t at, const char *fmt, ...)
{
    char    what[640];
    va_list ap;
    int     column = 0;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (!can_point(text)) return bm_fail(err, BM_EINVAL, "prior '%.160s%s': %s", text, strlen(text) > 160 ? "..." : "", what);
    for (size_t i = 0; i < at; i++) column += ((unsigned char)text[i] & 0xc0) != 0x80;     /* characters, not bytes of UTF-8 */
    return bm_fail(err, BM_EINVAL, "prior: %s\n  %s\n  %*s^", what, text, column, "");
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

bm_status bm_prior_parse(bm_prior *p, const char *text, bm_error *err)
{
    const char *tilde = strrchr(text, '~');          /* the last: names may contain one, distributions do not */
    size_t      from = 0, to = tilde ? (size_t)(tilde - text) : 0;

    *p = (bm_prior){ .text = text };
    while (blank(text[from])) from++;
    if (!tilde) return bm_prior_fail(err, text, strlen(text), "'~' is missing; it is TARGET ~ DISTRIBUTION, such as sd ~ half_cauchy(0, 5)");
    while (to > from && blank(text[to - 1])) to--;
    if (to == from) return bm_prior_fail(err, text, from, "there is no target before '~'; it is TARGET ~ DISTRIBUTION, such as sd ~ half_cauchy(0, 5)");
    p->target_at = from;
    p->dist_at = (size_t)(tilde - text) + 1;
    while (blank(text[p->dist_at])) p->dist_at++;
    if (!(p->target = bm_strndup(text + from, to - from))) return bm_nomem(err);
    return bm_dist_parse(&p->dist, text, p->dist_at, err);
}

void bm_prior_clear(bm_prior *p)
{
    free(p->target);
    free(p->dist.scale);
    *p = (bm_prior){ 0 };
}
