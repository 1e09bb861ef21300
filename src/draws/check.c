/* check.c: what the draws tell about themselves, each check with a verdict in words and what to do.
 * Limits: Vehtari et al. (2021), Bayesian Analysis 16:667 (R-hat 1.01, effective sample size 100 per chain). */
#include "draws/draws_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ESS_DRAWS = 6 };                                           /* per chain: three in each half */
static const double RHAT_LIMIT = 1.01, ESS_PER_CHAIN = 100;
static const double ERROR_WATCH = 0.05, ERROR_BAD = 0.1;         /* Monte Carlo error of a mean, in posterior sds */
static const double SHIFT = 0.2;                                 /* of a chain from the others, in sds: less is not worth a word */
static const double NEAR_ZERO = 0.1, NEAR_ONE = 0.95;            /* of the upper 97.5 % limit of an sd; of a correlation's size */
static const double ZERO_MASS = 0.02, ONE_MASS = 0.05;           /* posterior probability there that is worth a word */

/* ---- lists of checks ---- */

bm_check *bm_checks_add(bm_checks *c, const char *id, const char *title)
{
    bm_check *k = &c->v[c->n < BM_CHECKS_MAX ? c->n++ : BM_CHECKS_MAX - 1];

    *k = (bm_check){ .id = id, .title = title, .level = BM_CHECK_GOOD, .value = NAN };
    return k;
}

bm_check_level bm_checks_worst(const bm_checks *c)
{
    bm_check_level worst = BM_CHECK_GOOD;

    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].level != BM_CHECK_SKIPPED && c->v[i].level > worst) worst = c->v[i].level;
    return worst;
}

bool bm_checks_complete(const bm_checks *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].verdict.failed || c->v[i].advice.failed) return false;
    return true;
}

void bm_checks_free(bm_checks *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].parameter);
        bm_buf_free(&c->v[i].verdict);
        bm_buf_free(&c->v[i].advice);
    }
    c->n = 0;
}

bool bm_draws_is_effect(const char *name)
{
    size_t n = strlen(name);

    return n > 3 && strncmp(name, "r_", 2) == 0 && name[n - 1] == ']';
}

/* "b_x, b_z and 3 more" */
typedef struct { bm_buf text; size_t n; } listing;

static void list_add(listing *l, const char *name)
{
    if (l->n < 5) bm_buf_printf(&l->text, "%s%s", l->n ? ", " : "", name);
    l->n++;
}

static void list_end(listing *l, bm_buf *out)
{
    bm_buf_puts(out, l->text.s ? l->text.s : "");
    if (l->n > 5) bm_buf_printf(out, " and %zu more", l->n - 5);
    if (l->text.failed) out->failed = true;
    bm_buf_free(&l->text);
}

/* ---- numbers at all ---- */

static void check_finite(bm_checks *c, const bm_draws *d)
{
    bm_check *k = bm_checks_add(c, "finite", "Draws as numbers");
    listing   bad = { 0 };
    size_t    n = d->nchain * d->niter, fixed = 0;

    for (size_t v = 0; v < d->nvar; v++) {
        const double *x = d->x + v * n;
        bool          ok = true, moves = false;

        for (size_t i = 0; i < n && ok; i++) {
            ok = isfinite(x[i]);
            moves = moves || x[i] != x[0];
        }
        if (!ok) list_add(&bad, d->names[v]);
        fixed += ok && !moves;
    }
    k->value = (double)bad.n;
    if (bad.n) {
        k->level = BM_CHECK_BAD;
        bm_buf_puts(&k->verdict, "Draws that are missing, infinite or not a number: ");
        bm_buf_puts(&k->advice, "Nothing computed from these variables means anything: look for overflow in the program that drew them.");
    } else {
        bm_buf_printf(&k->verdict, "All %zu draws of %zu variables are finite", n, d->nvar);
        if (fixed) bm_buf_printf(&k->verdict, "; %zu of them %s constant and not judged", fixed, fixed == 1 ? "is" : "are");
        bm_buf_putc(&k->verdict, '.');
    }
    list_end(&bad, &k->verdict);
}

/* ---- R-hat, effective sample sizes, Monte Carlo errors ---- */

static double of_rhat(const bm_summary_row *s) { return s->rhat; }
static double of_few(const bm_summary_row *s) { return -fmin(s->ess_bulk, s->ess_tail); }
static double of_error(const bm_summary_row *s) { return s->mcse_mean / s->sd; }

/* The worst variable and all those beyond the limit; effects: those of group effects only, or all others. Returns its value, NaN for none. */
static double worst_of(const bm_draws *d, const bm_summary_row *s, double (*measure)(const bm_summary_row *), double limit, bool effects,
                       const char **name, listing *beyond)
{
    double worst = NAN;

    for (size_t v = 0; v < d->nvar; v++) {
        double x = measure(&s[v]);

        if (isnan(x) || bm_draws_is_effect(d->names[v]) != effects) continue;
        if (!(x <= worst)) {
            worst = x;
            *name = d->names[v];
        }
        if (x > limit) list_add(beyond, d->names[v]);
    }
    return worst;
}

static void keep_worst(bm_check *k, double value, const char *name)
{
    k->value = value;
    if (name && !(k->parameter = bm_strdup(name))) k->verdict.failed = true;
}

/* Adds what holds for the group effects; their verdict is WATCH at most. */
static void effects_too(bm_check *k, const bm_draws *d, const bm_summary_row *s, double (*measure)(const bm_summary_row *), double limit,
                        const char *what)
{
    listing     beyond = { 0 };
    const char *name = NULL;
    double      worst = worst_of(d, s, measure, limit, true, &name, &beyond);

    if (beyond.n) {
        if (k->level == BM_CHECK_GOOD) k->level = BM_CHECK_WATCH;
        bm_buf_printf(&k->verdict, " %zu group effect%s %s, %s most of all (%.*f).", beyond.n, beyond.n == 1 ? " has" : "s have", what, name,
                      fabs(worst) > 10 ? 0 : 3, fabs(worst));
    }
    bm_buf_free(&beyond.text);
}

bool bm_summary_doubtful(const bm_summary_row *s, size_t nchain)
{
    double need = ESS_PER_CHAIN * (double)nchain;            /* NaN compares false */

    return s->rhat > RHAT_LIMIT || s->ess_bulk < need || s->ess_tail < need || (isnan(s->ess_bulk) && s->sd != 0);
}

static void check_rhat(bm_checks *c, const bm_draws *d, const bm_summary_row *s)
{
    bm_check   *k = bm_checks_add(c, "rhat", "Agreement of the chains (R-hat)");
    listing     beyond = { 0 };
    const char *name = NULL;
    double      worst = worst_of(d, s, of_rhat, RHAT_LIMIT, false, &name, &beyond);

    keep_worst(k, worst, name);
    if (isnan(worst)) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "R-hat needs at least 4 draws per chain of a variable that varies.");
    } else if (beyond.n) {
        k->level = BM_CHECK_BAD;
        bm_buf_printf(&k->verdict, "R-hat is up to %.3f (%s); it must not exceed %.2f. Beyond that: ", worst, name, RHAT_LIMIT);
        bm_buf_puts(&k->advice, "The chains have not found the same distribution: run longer (--warmup, --draws). If that does not help, two of the "
                                "parameters may explain the same thing, or a prior is too wide; simplify the model or tighten the prior.");
    } else {
        bm_buf_printf(&k->verdict, "R-hat is at most %.3f (%s); the limit is %.2f.", worst, name, RHAT_LIMIT);
        if (d->nchain == 1) {
            k->level = BM_CHECK_WATCH;
            bm_buf_puts(&k->verdict, " But there is one chain only, compared with itself.");
            bm_buf_puts(&k->advice, "Run at least four chains: one alone cannot show that it missed something.");
        }
    }
    bool more = beyond.n > 0;
    list_end(&beyond, &k->verdict);
    if (more) bm_buf_putc(&k->verdict, '.');
    effects_too(k, d, s, of_rhat, RHAT_LIMIT, "an R-hat above 1.01");
}

static void check_ess(bm_checks *c, const bm_draws *d, const bm_summary_row *s)
{
    bm_check   *k = bm_checks_add(c, "ess", "Effective sample size (ESS)");
    listing     beyond = { 0 };
    const char *name = NULL;
    double      need = ESS_PER_CHAIN * (double)d->nchain, worst = -worst_of(d, s, of_few, -need, false, &name, &beyond);

    keep_worst(k, worst, name);
    if (isnan(worst) && d->niter < ESS_DRAWS) {
        k->level = BM_CHECK_BAD;
        bm_buf_printf(&k->verdict, "%zu draw%s per chain cannot be judged: effective sample sizes need at least %d.", d->niter, d->niter == 1 ? "" : "s", ESS_DRAWS);
    } else if (isnan(worst)) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "No variable varies, so none has an effective sample size.");
    } else if (beyond.n) {
        k->level = BM_CHECK_BAD;
        bm_buf_printf(&k->verdict, "The %zu draws are worth as few as %.0f independent ones (%s); %.0f are needed (100 per chain). Too few for: ",
                      d->nchain * d->niter, worst, name, need);
    } else {
        bm_buf_printf(&k->verdict, "The %zu draws are worth at least %.0f independent ones (%s); %.0f are needed (100 per chain).", d->nchain * d->niter,
                      worst, name, need);
    }
    if (k->level == BM_CHECK_BAD) bm_buf_printf(&k->advice, "Draw more: --target-ess %.0f goes on until every parameter has enough.", need);
    bool more = beyond.n > 0;
    list_end(&beyond, &k->verdict);
    if (more) bm_buf_putc(&k->verdict, '.');
    effects_too(k, d, s, of_few, -need, "fewer");
}

static void check_error(bm_checks *c, const bm_draws *d, const bm_summary_row *s)
{
    bm_check   *k = bm_checks_add(c, "mcse", "Monte Carlo error");
    listing     beyond = { 0 };
    const char *name = NULL;
    double      worst = worst_of(d, s, of_error, ERROR_BAD, false, &name, &beyond);

    keep_worst(k, worst, name);
    bm_buf_free(&beyond.text);
    if (isnan(worst)) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "The Monte Carlo error needs at least 6 draws per chain of a variable that varies.");
        return;
    }
    bm_buf_printf(&k->verdict, "Another run would move posterior means by about %.2g %% of a posterior sd, or less (%s moves most).", 100 * worst, name);
    k->level = worst > ERROR_BAD ? BM_CHECK_BAD : worst > ERROR_WATCH ? BM_CHECK_WATCH : BM_CHECK_GOOD;
    if (k->level != BM_CHECK_GOOD)
        bm_buf_puts(&k->advice, "Report fewer digits, or draw more: four times the draws halve this error.");
}

/* ---- which chain differs ---- */

typedef struct { size_t var, chain; double shift, z, ratio; bool stuck; } outlier;   /* shift: in sds of the draws within chains */

typedef struct { double mean, se, sd; } chain_moments;

static chain_moments moments_of(const double *x, size_t n)
{
    double mean = bm_mean(x, n), ss = 0;

    for (size_t i = 0; i < n; i++) ss += (x[i] - mean) * (x[i] - mean);
    return (chain_moments){ mean, bm_mcse_mean(x, 1, n), sqrt(ss / (double)(n - 1)) };
}

/* The chain of one variable that lies farthest from the mean of the others. m: nchain. */
static outlier farthest(const bm_draws *d, size_t var, const chain_moments *m)
{
    size_t  K = d->nchain;
    outlier out = { .var = var, .ratio = 1 };
    double  within = 0;

    for (size_t c = 0; c < K; c++) within += m[c].sd * m[c].sd / (double)K;
    within = sqrt(within);
    for (size_t c = 0; c < K && within > 0; c++) {
        double mean = 0, se = m[c].se * m[c].se, sd = 0, shift;

        for (size_t o = 0; o < K; o++) {
            if (o == c) continue;
            mean += m[o].mean / (double)(K - 1);
            sd += m[o].sd / (double)(K - 1);
            se += m[o].se * m[o].se / (double)((K - 1) * (K - 1));
        }
        shift = (m[c].mean - mean) / within;
        if (m[c].sd == 0 && sd > 0) return (outlier){ var, c, shift, INFINITY, 0, true };
        if (fabs(shift) > fabs(out.shift)) out = (outlier){ var, c, shift, (m[c].mean - mean) / sqrt(se), m[c].sd / sd, false };
    }
    return out;
}

static void say_outlier(bm_check *k, const bm_draws *d, const outlier *o, size_t nvars)
{
    bm_buf *b = &k->verdict;

    if (o->stuck) {
        bm_buf_printf(b, "Chain %zu did not move: its draws of %s are all the same.", o->chain + 1, d->names[o->var]);
    } else if (d->nchain == 2) {
        bm_buf_printf(b, "The two chains differ by %.2g sds in %s.", fabs(o->shift), d->names[o->var]);
    } else {
        bm_buf_printf(b, "Chain %zu lies %.2g sds %s the other%s in %s", o->chain + 1, fabs(o->shift), o->shift > 0 ? "above" : "below",
                      d->nchain > 2 ? "s" : "", d->names[o->var]);
        if (o->ratio > 1.5 || o->ratio < 1 / 1.5) bm_buf_printf(b, ", and its spread is %.2g times theirs", o->ratio);
        bm_buf_putc(b, '.');
    }
    if (nvars > 1) bm_buf_printf(b, " Chains differ in %zu variables in all.", nvars);
    bm_buf_puts(&k->advice, "Look at the trace of that chain: if it is stuck in a place of its own, the posterior may have several modes; if it is "
                            "still on its way, give it more --warmup. Do not just leave the chain out.");
}

/* A chain is named where its distance is beyond chance (all comparisons counted) or R-hat sees it too. */
static bm_status check_chains(bm_checks *c, const bm_draws *d, const bm_summary_row *s, bm_error *err)
{
    bm_check      *k = bm_checks_add(c, "chains", "Chains that stand apart");
    chain_moments *m = bm_alloc(d->nchain, sizeof *m);
    outlier        worst = { 0 };
    size_t         nvars = 0, judged = 0;
    double         limit;

    if (!m) return bm_nomem(err);
    if (d->nchain < 2 || d->niter < 6) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, d->nchain < 2 ? "There is one chain only." : "The chains are too short to be compared.");
        free(m);
        return BM_OK;
    }
    for (size_t v = 0; v < d->nvar; v++) judged += !bm_draws_is_effect(d->names[v]);
    limit = gsl_cdf_ugaussian_Qinv(5e-4 / (double)(judged * d->nchain + 1));
    for (size_t v = 0; v < d->nvar; v++) {
        if (bm_draws_is_effect(d->names[v]) || !isfinite(s[v].mean) || !(s[v].sd > 0)) continue;
        for (size_t i = 0; i < d->nchain; i++) m[i] = moments_of(d->x + (v * d->nchain + i) * d->niter, d->niter);
        outlier o = farthest(d, v, m);
        if (!o.stuck && !(fabs(o.shift) >= SHIFT && (fabs(o.z) > limit || s[v].rhat > RHAT_LIMIT))) continue;
        nvars++;
        if (!worst.stuck && (o.stuck || fabs(o.shift) > fabs(worst.shift))) worst = o;
    }
    free(m);
    if (!nvars) {
        bm_buf_printf(&k->verdict, "No chain of %zu lies apart from the others by more than chance allows.", d->nchain);
        return BM_OK;
    }
    k->level = BM_CHECK_BAD;
    keep_worst(k, worst.shift, d->names[worst.var]);
    say_outlier(k, d, &worst, nvars);
    return BM_OK;
}

/* ---- mass at a boundary ---- */

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static double share_between(const double *x, size_t n, double lo, double hi)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) k += x[i] > lo && x[i] < hi;
    return (double)k / (double)n;
}

static bool all_within(const double *x, size_t n, double lo, double hi)
{
    for (size_t i = 0; i < n; i++)
        if (!(x[i] >= lo && x[i] <= hi)) return false;
    return true;
}

static void check_boundary(bm_checks *c, const bm_draws *d, const bm_summary_row *s)
{
    bm_check   *k = bm_checks_add(c, "boundary", "Mass at boundaries");
    size_t      n = d->nchain * d->niter, seen = 0, found = 0;
    double      most = 0;
    const char *worst = NULL;

    for (size_t v = 0; v < d->nvar; v++) {
        const char   *name = d->names[v];
        const double *x = d->x + v * n;
        bool          sd = (starts(name, "sd_") || starts(name, "sigma") || starts(name, "tau") || starts(name, "sd[")) && all_within(x, n, 0, INFINITY);
        bool          cor = (starts(name, "cor_") || starts(name, "rho") || starts(name, "cor[")) && all_within(x, n, -1, 1);
        double        at = 0, far = 0;

        if (!(sd || cor) || !(s[v].sd > 0)) continue;
        seen++;
        if (sd) at = share_between(x, n, -1, NEAR_ZERO * s[v].q97_5);
        else far = share_between(x, n, NEAR_ONE, 2) + share_between(x, n, -2, -NEAR_ONE);
        if (!(at > ZERO_MASS || far > ONE_MASS)) continue;
        if (found++) bm_buf_putc(&k->verdict, ' ');
        if (sd) bm_buf_printf(&k->verdict, "%s may be 0: %.2g %% of its posterior lie below a tenth of its upper limit of %.3g.", name, 100 * at, s[v].q97_5);
        else bm_buf_printf(&k->verdict, "%s is near %s1: beyond %.2f with probability %.2g.", name, s[v].mean < 0 ? "-" : "+", NEAR_ONE, far);
        if (at + far > most) {
            most = at + far;
            worst = name;
        }
    }
    keep_worst(k, most, worst);
    if (!seen) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "No standard deviations or correlations to judge (sd_..., sigma, tau, cor_..., rho).");
    } else if (!found) {
        bm_buf_puts(&k->verdict, "No standard deviation has posterior mass at 0, and no correlation at -1 or 1.");
    } else {
        k->level = BM_CHECK_WATCH;
        bm_buf_puts(&k->advice, "The data do not clearly ask for this term. That is no defect of the computation, but the interval then depends on the "
                                "prior: state it, try another, or leave the term out.");
    }
}

bm_status bm_checks_draws(bm_checks *c, const bm_draws *d, const bm_summary_row *s, bm_error *err)
{
    bm_status st;

    check_finite(c, d);
    check_rhat(c, d, s);
    check_ess(c, d, s);
    check_error(c, d, s);
    if ((st = check_chains(c, d, s, err)) != BM_OK) return st;
    check_boundary(c, d, s);
    return bm_checks_complete(c) ? BM_OK : bm_nomem(err);
}
