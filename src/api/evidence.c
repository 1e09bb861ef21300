/* evidence.c: the model evidence of a posterior, to a stated Monte Carlo error. */
#include "api/compare_priv.h"

#include <math.h>

static const double MOST = 2e6;          /* proposals */
static const double AFFORDABLE = 2e-3;   /* seconds of an evaluation */

static void ignore(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    (void)self;
    (void)chain;
    (void)iter;
    (void)lp;
    (void)b;
    (void)natural;
    (void)u;
}

bm_status bm_estimate_evidence(bm_evidence *out, const char **none, const bm_post *post, const bm_fit_options *opt, double target, bm_error *err)
{
    bm_fit_options o = *opt;
    bm_sink        sink = { .draw = ignore };
    bm_mcmc       *mc = NULL;
    bm_mcmc_info   info;
    double         want, k = NAN;
    size_t         done = 0;
    bm_status      st;

    *out = (bm_evidence){ NAN, NAN, NAN, NAN, false };
    *none = NULL;
    o.thin = 1;
    if (o.sampler == BM_SAMPLER_AUTO && bm_packed_seconds(post->pk) < AFFORDABLE) o.sampler = BM_SAMPLER_COLLAPSED;      /* the one that knows it */
    want = o.draws;
    if ((st = bm_mcmc_new(&mc, post, &o, err)) != BM_OK) goto done;
    if ((st = bm_mcmc_warmup(mc, err)) != BM_OK) goto done;
    for (;;) {
        if ((st = bm_mcmc_run(mc, (size_t)want, &sink, &done, err)) != BM_OK) goto done;
        if ((st = bm_mcmc_report(mc, &info, err)) != BM_OK) goto done;
        if (!isfinite(info.log_evidence)) {
            *none = post->cp->any_t ? "a Student-t prior on coefficients is a mixture that the proposals do not integrate over"
                                    : "the kernel makes no independent proposals to average over";
            goto done;
        }
        if (info.log_evidence_se <= target || want * (double)o.chains >= MOST) break;
        want *= fmin(fmax(1.2 * pow(info.log_evidence_se / target, 2), 1.5), 8);
        want = fmin(want, MOST / (double)o.chains + 1);
    }
    if (info.nratio && (st = bm_pareto_k(&k, info.log_ratio, info.nratio, err)) != BM_OK) goto done;
    *out = (bm_evidence){ info.log_evidence, info.log_evidence_se, k, info.top_ratio, true };
done:
    bm_mcmc_free(mc);
    return st;
}
