/* mode.c: the mode of the posterior of theta and the curvature there. Both only shape the first proposals: the sampler is right without. */
#include "fit/mode.h"

#include "fit/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bm_status negative_lp(void *self, const double *x, double *f, double *g)
{
    bm_point *pt = self;
    size_t    d = pt->post->th.d;
    bm_status st;

    memcpy(pt->x, x, d * sizeof *x);
    st = g ? bm_point_gradient(pt, g) : bm_point_eval(pt);
    *f = -pt->lp;
    for (size_t i = 0; g && i < d; i++) g[i] = -g[i];
    return st;
}

/* A value at which the prior has density: s itself, or the middle of a support that leaves it out. */
static double within(const bm_dist *prior, double s)
{
    if (!prior || prior->kind != BM_DIST_UNIFORM || (s > prior->a[0] && s < prior->a[1])) return s;
    return (prior->a[0] + prior->a[1]) / 2;
}

/* Where every sd is of the size that the data can just resolve times `size`, nothing is correlated, and sigma takes what is left. */
static void start_at(const bm_post *post, double size, double *x)
{
    const bm_theta *th = &post->th;
    const bm_stats *st = post->st;
    double          sigma = sqrt(st->yy / (double)(st->n > st->rank ? st->n - st->rank : 1)) * exp(-0.1 * size);

    memset(x, 0, th->d * sizeof *x);
    for (size_t i = 0; i < th->nsd; i++)
        if (th->sd_x[i] >= 0) x[th->sd_x[i]] = asinh(within(th->sd_prior[i], th->sd_c[i] * size) / th->sd_c[i]);
    if (th->sigma_x >= 0) x[th->sigma_x] = log(within(th->sigma_prior, sigma));
}

/* Minus the Hessian by central differences of the exact gradient. */
static bm_status curvature(bm_point *pt, const double *mode, double *H)
{
    size_t       d = pt->post->th.d;
    const double h = 1e-4;
    double      *up = bm_alloc(2 * d, sizeof *up), *down;
    bm_status    st = BM_OK;

    if (!up) return BM_ENOMEM;
    down = up + d;
    for (size_t j = 0; j < d && st == BM_OK; j++) {
        memcpy(pt->x, mode, d * sizeof *mode);
        pt->x[j] = mode[j] + h;
        if ((st = bm_point_gradient(pt, up)) != BM_OK) break;
        pt->x[j] = mode[j] - h;
        if ((st = bm_point_gradient(pt, down)) != BM_OK) break;
        for (size_t i = 0; i < d; i++) H[i + j * d] = (down[i] - up[i]) / (2 * h);
    }
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < j; i++) H[i + j * d] = H[j + i * d] = (H[i + j * d] + H[j + i * d]) / 2;
    free(up);
    return st;
}

/* cov = H^-1 with its eigenvalues kept within (floor^2, ceiling^2): x is on a logarithmic scale, where sds beyond a few units mean nothing. */
static bm_status covariance(double *H, size_t d, double *cov)
{
    const double floor2 = 1e-8, ceiling2 = 4;
    double      *values = bm_alloc(d, sizeof *values);
    bm_status    st = values ? bm_eigen(d, H, values) : BM_ENOMEM;

    memset(cov, 0, d * d * sizeof *cov);
    for (size_t k = 0; k < d && st == BM_OK; k++) {
        double v = values[k] > 1 / ceiling2 ? 1 / values[k] : ceiling2;

        if (!isfinite(values[k])) st = BM_NOT_PD;
        v = v < floor2 ? floor2 : v;
        for (size_t j = 0; j < d; j++)
            for (size_t i = 0; i < d; i++) cov[i + j * d] += v * H[i + k * d] * H[j + k * d];
    }
    free(values);
    return st;
}

bm_status bm_find_mode(const bm_post *post, double *mode, double *cov, bool *found, uint64_t *evaluations, bm_error *err)
{
    static const double sizes[] = { 1, 4, 0.2, 30 };
    const bm_minimise_options opt = { .max_evaluations = 200, .gtol = 1e-4, .ftol = 1e-10, .max_step = 3 };
    size_t     d = post->th.d;
    bm_point  *pt = NULL;
    bm_optimum best = { .f = INFINITY }, o;
    double    *x = bm_alloc(d, sizeof *x), *H = bm_alloc(d * d, sizeof *H);
    bm_status  st = BM_ENOMEM;

    *found = false;
    if (!x || !H) {
        bm_nomem(err);
        goto done;
    }
    if ((st = bm_point_new(&pt, post, err)) != BM_OK) goto done;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes && !(k > 1 && best.converged); k++) {
        start_at(post, sizes[k], x);
        if ((st = bm_minimise(negative_lp, pt, x, d, &opt, &o, err)) < 0) goto done;
        if (st == BM_NOT_PD) continue;
        *evaluations += (uint64_t)o.evaluations;
        if (!(o.f < best.f)) continue;
        best = o;
        memcpy(mode, x, d * sizeof *x);
    }
    if (!isfinite(best.f)) {
        st = bm_fail(err, BM_ENUMERIC, "no values of the sds could be found at which the posterior density is positive; check the priors' supports against the data");
        goto done;
    }
    if ((st = curvature(pt, mode, H)) == BM_OK) st = covariance(H, d, cov);
    if (st < 0) {                                    /* no memory; a curvature that is no number is no failure */
        bm_nomem(err);
        goto done;
    }
    *found = st == BM_OK;
    *evaluations += 2 * d;
    for (size_t i = 0; !*found && i < d * d; i++) cov[i] = i % (d + 1) == 0 ? 0.25 : 0;
    st = BM_OK;
done:
    free(x);
    free(H);
    bm_point_free(pt);
    return st;
}
