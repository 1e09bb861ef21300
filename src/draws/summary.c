/* summary.c: one row of numbers per variable, as posterior::summarise_draws gives them. Variables are shared out to
 * threads; each is computed by one of them from start to end, so the numbers do not depend on how many there are. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS_PER_THREAD = 20000 };                       /* below this a thread takes longer to start than to work */

static void summarise(bm_summary_row *r, const char *name, bm_diag *d, const double *x)
{
    *r = (bm_summary_row){ .name = name, .rb_mean = NAN, .rb_sd = NAN };
    bm_diag_load(d, x);
    r->mean = d->n ? d->mean : NAN;
    r->median = d->median;
    r->sd = bm_diag_sd(d);
    r->mad = bm_diag_mad(d);
    r->q5 = bm_diag_quantile(d, 0.05);
    r->q95 = bm_diag_quantile(d, 0.95);
    r->q2_5 = bm_diag_quantile(d, 0.025);
    r->q97_5 = bm_diag_quantile(d, 0.975);
    bm_diag_rank(d, &r->rhat, &r->ess_bulk);
    r->ess_tail = bm_diag_ess_tail(d);
    r->mcse_mean = r->sd / sqrt(bm_diag_ess_mean(d));
    r->mcse_sd = bm_diag_mcse_sd(d);
}

typedef struct { const bm_draws *d; bm_summary_row *row; bm_diag *diag; } job;

static void one_variable(void *self, size_t i, size_t worker)
{
    const job *j = self;

    summarise(j->row + i, j->d->names[i], j->diag + worker, bm_draws_values(j->d, i));
}

static size_t choose_threads(const bm_draws *d, int threads)
{
    size_t n = threads > 0 ? (size_t)threads : (size_t)bm_cores();
    size_t worth = d->nvar * d->nchain * d->niter / DRAWS_PER_THREAD + 1;

    if (n > worth) n = worth;
    if (n > d->nvar) n = d->nvar;
    return n ? n : 1;
}

bm_status bm_summarise(bm_summary_row **out, const bm_draws *d, int threads, bm_error *err)
{
    bm_status       st = BM_ENOMEM;
    size_t          n = choose_threads(d, threads), ready = 0;
    bm_summary_row *row = bm_alloc(d->nvar, sizeof *row);
    bm_diag        *diag = bm_alloc(n, sizeof *diag);    /* one workspace per thread; the first one's normal scores serve all */

    *out = NULL;
    if (!row || !diag) goto done;
    for (; ready < n; ready++)
        if (bm_diag_init(diag + ready, d->nchain, d->niter, ready ? diag[0].score : NULL) != BM_OK) goto done;
    bm_parallel(d->nvar, (int)n, one_variable, &(job){ d, row, diag });
    *out = row;
    row = NULL;
    st = BM_OK;
done:
    if (st != BM_OK) bm_fail(err, st, "out of memory for the summary of %zu variables with %zu draws each", d->nvar,
                             d->nchain * d->niter);
    while (ready > 0) bm_diag_clear(diag + --ready);
    free(diag);
    free(row);
    return st;
}
