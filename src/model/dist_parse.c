/* dist_parse.c: distributions as text, NAME(number, ...), and the bounds of their arguments. */
#include "model/prior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What an argument is: m location, s scale, d degrees of freedom, r rate, h shape, 0 the location of a half distribution, which may be left
 * out, a and b of inv_gamma, l lower and u upper limit, x any number, e eta, w a scale matrix. */
typedef struct {
    const char  *name;
    bm_dist_kind kind;
    const char  *roles, *usage;
} form;

static const form FORMS[] = {
    { "flat", BM_DIST_FLAT, "", "flat()" },
    { "normal", BM_DIST_NORMAL, "ms", "normal(mean, sd)" },
    { "student_t", BM_DIST_STUDENT_T, "dms", "student_t(df, location, scale)" },
    { "cauchy", BM_DIST_STUDENT_T, "ms", "cauchy(location, scale)" },
    { "half_cauchy", BM_DIST_HALF_CAUCHY, "0s", "half_cauchy(0, scale)" },
    { "half_normal", BM_DIST_HALF_NORMAL, "0s", "half_normal(0, scale)" },
    { "half_t", BM_DIST_HALF_T, "d0s", "half_t(df, 0, scale)" },
    { "exponential", BM_DIST_EXPONENTIAL, "r", "exponential(rate)" },
    { "gamma", BM_DIST_GAMMA, "hr", "gamma(shape, rate)" },
    { "lognormal", BM_DIST_LOGNORMAL, "ms", "lognormal(mean, sd), both of the logarithm" },
    { "uniform", BM_DIST_UNIFORM, "lu", "uniform(lower, upper)" },
    { "inv_gamma", BM_DIST_INV_GAMMA, "ab", "inv_gamma(a, b), stated on the variance" },
    { "constant", BM_DIST_CONSTANT, "x", "constant(value)" },
    { "lkj", BM_DIST_LKJ, "e", "lkj(eta)" },
    { "inv_wishart", BM_DIST_INV_WISHART, "dw", "inv_wishart(df, scale), scale a number or c(number, ...)" },
};
enum { NFORMS = sizeof FORMS / sizeof *FORMS };
static const double SMALLEST = 1e-100, LARGEST = 1e100;      /* squares, and squares of squares, are numbers still */

typedef struct {
    const char *text;
    size_t      at;
    const form *form;
    bm_dist    *d;
    bm_error   *err;
} parser;

static void skip_blanks(parser *p)
{
    while (p->text[p->at] == ' ' || p->text[p->at] == '\t') p->at++;
}

static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (p->text[p->at] != c) return false;
    p->at++;
    return true;
}

/* ---- bounds ---- */

static bm_status check_argument(const parser *p, size_t at, char role, double x)
{
    static const char roles[] = "sdrhe";
    static const char *const words[] = { "the scale", "the degrees of freedom", "the rate", "the shape", "eta" };
    const char *r = strchr(roles, role);
    char        num[BM_NUMBER_MAX];

    bm_format_double(num, x);
    if (role == '0' && x != 0)
        return bm_prior_fail(p->err, p->text, at, "%s is cut off at its centre, which must be 0, not %s; on a standard deviation %s allows any", p->form->name, num,
                             p->form->kind == BM_DIST_HALF_NORMAL ? "normal(m, s)" : "student_t(df, m, s)");
    if ((role == 'a' || role == 'b') && !(x > 0))
        return bm_prior_fail(p->err, p->text, at,
                             "%s must be positive, not %s: with a or b = 0 the posterior is improper, as the data cannot exclude a variance of 0; half_cauchy(0, s) is "
                             "weak and proper (inv_gamma(0.001, 0.001) is proper, but has strong opinions about small variances)", role == 'a' ? "a" : "b", num);
    if (role == 'd' && x > 0 && x < 0.1)
        return bm_prior_fail(p->err, p->text, at, "the degrees of freedom must be at least 0.1, not %s: draws from such a tail are no numbers", num);
    if (r && !(x > 0)) return bm_prior_fail(p->err, p->text, at, "%s must be positive, not %s", words[r - roles], num);
    if ((r || role == 'a' || role == 'b' || role == 'w') && (x < SMALLEST || x > LARGEST))
        return bm_prior_fail(p->err, p->text, at, "%s is out of range: from 1e-100 to 1e100", num);
    if (fabs(x) > LARGEST) return bm_prior_fail(p->err, p->text, at, "%s is out of range: up to 1e100 in size", num);
    return BM_OK;
}

/* ---- arguments ---- */

static bm_status take_number(parser *p, size_t *at, double *x)
{
    skip_blanks(p);
    const char *s = p->text + p->at;
    size_t      n = strcspn(s, ",()"), end = n;

    *at = p->at;
    while (end && (s[end - 1] == ' ' || s[end - 1] == '\t')) end--;
    if (!end) return bm_prior_fail(p->err, p->text, *at, "a number is missing; it is %s", p->form->usage);
    if (!bm_parse_double(s, end, x)) return bm_prior_fail(p->err, p->text, *at, "'%.*s' is not a number", (int)(end > 60 ? 60 : end), s);
    p->at += n;
    return BM_OK;
}

static bm_status fill_scale(parser *p, const double *x, size_t n)
{
    bm_dist *d = p->d;

    if (!(d->scale = bm_alloc(n * n, sizeof *d->scale))) return bm_nomem(p->err);
    d->nscale = n;
    for (size_t i = 0; i < n; i++) d->scale[i + i * n] = x[i];
    return BM_OK;
}

/* A number, or c(number, ...): the diagonal of the scale matrix. */
static bm_status take_scale(parser *p)
{
    double   *x = NULL;
    size_t    n = 0, cap = 0, at;
    bool      list = false;
    bm_status st = BM_OK;

    skip_blanks(p);
    if (p->text[p->at] == 'c') {
        p->at++;
        list = take(p, '(');
        if (!list) return bm_prior_fail(p->err, p->text, p->at, "c needs a list, such as c(1, 2)");
    }
    do {
        double *more = bm_grow(x, &cap, n + 1, sizeof *x);

        if (!more) {
            st = bm_nomem(p->err);
            goto done;
        }
        x = more;
        if ((st = take_number(p, &at, &x[n])) != BM_OK) goto done;
        if (!(x[n] > 0)) {
            st = bm_prior_fail(p->err, p->text, at, "the scale of inv_wishart must be positive");
            goto done;
        }
        if ((st = check_argument(p, at, 'w', x[n])) != BM_OK) goto done;
        n++;
    } while (list && take(p, ','));
    if (list && !take(p, ')')) {
        st = bm_prior_fail(p->err, p->text, p->at, "the list c( is not closed: ')' is missing");
        goto done;
    }
    st = fill_scale(p, x, n);
done:
    free(x);
    return st;
}

/* Whether the location of a half distribution is left out: one argument less than there are roles. */
static bool leaves_out_0(const parser *p)
{
    const char *s = p->text + p->at;
    size_t      commas = 0;

    for (; *s && *s != ')'; s++) commas += *s == ',';
    return strchr(p->form->roles, '0') && commas + 2 == strlen(p->form->roles);
}

static bm_status take_arguments(parser *p)
{
    const char *roles = p->form->roles;
    size_t      at, k = p->form->kind == BM_DIST_STUDENT_T && roles[0] == 'm';    /* cauchy: a[0] = df = 1 */
    bool        short_form = leaves_out_0(p);
    bm_status   st = BM_OK;

    if (k) p->d->a[0] = 1;
    for (const char *r = roles; *r; r++, k++) {
        if (*r == '0' && short_form) continue;
        if (r > roles && !(short_form && r == roles + 1 && *roles == '0') && !take(p, ','))
            return bm_prior_fail(p->err, p->text, p->at, "%s takes more: it is %s", p->form->name, p->form->usage);
        if (*r == 'w') {
            if ((st = take_scale(p)) != BM_OK) return st;
            continue;
        }
        if ((st = take_number(p, &at, &p->d->a[k])) != BM_OK) return st;
        if ((st = check_argument(p, at, *r, p->d->a[k])) != BM_OK) return st;
        if (*r == 'u' && !(p->d->a[0] < p->d->a[1])) return bm_prior_fail(p->err, p->text, at, "uniform needs lower < upper");
    }
    skip_blanks(p);
    if (p->text[p->at] == '\0') return bm_prior_fail(p->err, p->text, p->at, "the closing ')' is missing");
    if (!take(p, ')')) return bm_prior_fail(p->err, p->text, p->at, "too many arguments: it is %s", p->form->usage);
    return BM_OK;
}

static bm_status unknown_form(const parser *p, size_t n)
{
    const char *names[NFORMS], *near;
    char        word[32];
    bm_buf      all = { 0 };
    bm_status   st;

    for (size_t i = 0; i < NFORMS; i++) {
        names[i] = FORMS[i].name;
        bm_buf_printf(&all, "%s%s", i ? ", " : "", FORMS[i].name);
    }
    snprintf(word, sizeof word, "%.*s", (int)n, p->text + p->at);
    near = n < sizeof word ? bm_closest(word, names, NFORMS) : NULL;
    st = bm_prior_fail(p->err, p->text, p->at, "there is no distribution '%s'%s%s%s are %s", word, near ? "; did you mean '" : "", near ? near : "",
                       near ? "'? There" : "; there", all.s ? all.s : "");
    bm_buf_free(&all);
    return st;
}

bm_status bm_dist_parse(bm_dist *d, const char *text, size_t at, bm_error *err)
{
    parser    p = { .text = text, .at = at, .d = d, .err = err };
    size_t    n;
    bm_status st;

    *d = (bm_dist){ 0 };
    skip_blanks(&p);
    n = strcspn(text + p.at, "( \t");
    if (!n) return bm_prior_fail(err, text, p.at, "a distribution is missing, such as normal(0, 1)");
    for (size_t i = 0; i < NFORMS; i++)
        if (strlen(FORMS[i].name) == n && strncmp(FORMS[i].name, text + p.at, n) == 0) p.form = &FORMS[i];
    if (!p.form) return unknown_form(&p, n);
    d->kind = p.form->kind;
    p.at += n;
    if (!take(&p, '(')) return bm_prior_fail(err, text, p.at, "'(' is missing: it is %s", p.form->usage);
    if ((st = take_arguments(&p)) != BM_OK) goto fail;
    skip_blanks(&p);
    if (text[p.at]) {
        st = bm_prior_fail(err, text, p.at, "nothing can follow the distribution");
        goto fail;
    }
    return BM_OK;
fail:
    free(d->scale);
    *d = (bm_dist){ 0 };
    return st;
}

/* ---- printing ---- */

static void print_scale(bm_buf *b, const bm_dist *d)
{
    bm_buf_puts(b, d->nscale > 1 ? "c(" : "");
    for (size_t i = 0; i < d->nscale; i++) {
        bm_buf_puts(b, i ? ", " : "");
        bm_buf_num(b, d->scale[i + i * d->nscale]);
    }
    bm_buf_puts(b, d->nscale > 1 ? ")" : "");
}

void bm_dist_print(bm_buf *b, const bm_dist *d)
{
    const form *f = FORMS;
    size_t      k = 0;

    while (f->kind != d->kind) f++;
    if (d->kind == BM_DIST_STUDENT_T && d->a[0] == 1) {
        f++;                                         /* cauchy */
        k = 1;
    }
    bm_buf_printf(b, "%s(", f->name);
    for (const char *r = f->roles; *r; r++, k++) {
        if (r > f->roles) bm_buf_puts(b, ", ");
        if (*r == 'w') print_scale(b, d);
        else bm_buf_num(b, d->a[k]);
    }
    bm_buf_putc(b, ')');
}
