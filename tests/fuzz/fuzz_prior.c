/* fuzz_prior.c: any text as a prior. What parses prints as a prior that parses to the same numbers; the density of an sd is no NaN, and draws from a
 * proper one are sds. */
#include "fuzz.h"

#include "model/prior_priv.h"

#include <math.h>

static void check_density(const bm_dist *d)
{
    static const double at[] = { 0, 1e-300, 1e-8, 0.3, 1, 7.5, 1e8, 1e300 };
    bm_rng              rng;
    double              x;

    if (d->kind == BM_DIST_LKJ || d->kind == BM_DIST_INV_WISHART || d->kind == BM_DIST_CONSTANT) return;
    if (!isfinite(bm_dist_sd_norm(d))) return;       /* refused for an sd: next to nothing of it is above 0 */
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double dx = 0, lp = bm_dist_sd_logpdf(d, at[i], &dx);

        fuzz_must(!isnan(lp), "log density at %g", at[i]);
        fuzz_must(!isnan(dx) || isinf(lp) || at[i] == 0, "derivative at %g is %g, density %g", at[i], dx, lp);
    }
    bm_rng_key(&rng, 1, 2, 3);
    for (int i = 0; i < 5 && bm_dist_sd_draw(d, &rng, &x) == BM_OK; i++) fuzz_must(x >= 0 && !isinf(x), "a draw of %g", x);
}

static void check_round_trip(const bm_prior *p)
{
    bm_buf   a = { 0 }, b = { 0 };
    bm_prior q;
    bm_error err = { 0 };

    bm_buf_printf(&a, "%s ~ ", p->target);
    bm_dist_print(&a, &p->dist);
    fuzz_must(!a.failed, "out of memory");
    fuzz_must(bm_prior_parse(&q, a.s, &err) == BM_OK, "'%s' does not parse: %s", a.s, err.msg);
    bm_buf_printf(&b, "%s ~ ", q.target);
    bm_dist_print(&b, &q.dist);
    fuzz_must(!b.failed && strcmp(a.s, b.s) == 0, "'%s' prints as '%s'", a.s, b.s);
    fuzz_must(p->dist.kind == q.dist.kind && memcmp(p->dist.a, q.dist.a, sizeof q.dist.a) == 0, "'%s' changes", a.s);
    bm_prior_clear(&q);
    bm_buf_free(&a);
    bm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char     *text = fuzz_text(data, size);
    bm_prior  p = { 0 };
    bm_error  err = { 0 };
    bm_status st = bm_prior_parse(&p, text, &err);

    if (st != BM_OK) fuzz_refused(st, &err);
    else {
        check_round_trip(&p);
        check_density(&p.dist);
    }
    bm_prior_clear(&p);
    free(text);
    return 0;
}
