/* geweke_result.c: verdicts of Geweke's test (geweke.c): means over independent chains of the scores that they averaged, against what the joint distribution gives. */
#include "api/geweke_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef bm_geweke_job job;

/* Mean over the chains of one number, less what the joint distribution gives it, in standard errors; excess: the share of the reference's own error. */
static double deviation(const job *j, size_t k, size_t at, size_t done, double expect, double reference_variance)
{
    double n = 0, mean = 0, m2 = 0;

    for (size_t i = 0; i < done; i++) {
        if (j->outcome[i * j->nkernel + k] != BM_GEWEKE_COUNTED) continue;
        double x = j->score[(i * j->nkernel + k) * j->q.n * 2 + at], d = x - mean;

        n++;
        mean += d / n;
        m2 += d * (x - mean);
    }
    return (mean - expect) / sqrt(m2 / (n - 1) / n + reference_variance / (double)j->nref);
}

static void judge(const job *j, bm_geweke *g, size_t k)
{
    bm_geweke_kernel *kern = &g->kernel[k];
    double            mean[2] = { 0 }, square[2] = { 0 }, cells = (double)(g->nrow * g->nkernel * 2);

    for (size_t r = 0; r <= j->nref; r++) {
        const double z[2] = { j->normal[r], j->distance[r] };

        for (int i = 0; i < 2; i++) {
            mean[i] += z[i] / (double)(j->nref + 1);
            square[i] += z[i] * z[i] / (double)(j->nref + 1);
        }
    }
    for (size_t q = 0; q < g->nrow; q++) {
        bm_geweke_cell *c = &kern->cell[q];

        c->location = deviation(j, k, 2 * q, g->done, mean[0], square[0] - mean[0] * mean[0]);
        c->spread = deviation(j, k, 2 * q + 1, g->done, mean[1], square[1] - mean[1] * mean[1]);
        c->p = fmin(1, 4 * gsl_cdf_tdist_Q(fmax(fabs(c->location), fabs(c->spread)), (double)kern->counted - 1));
        c->level = !(c->p >= 2 * g->alpha / cells) ? BM_NOT_CALIBRATED : c->p < 0.01 ? BM_CALIBRATION_WATCH : BM_CALIBRATED;
        if (c->level > kern->level) kern->level = c->level;
    }
}

static bm_status name_rows(bm_geweke *g, const job *j, bm_error *err)
{
    g->name = bm_alloc(g->nrow, sizeof *g->name);
    g->meaning = bm_alloc(g->nrow, sizeof *g->meaning);
    if (!g->name || !g->meaning) return bm_nomem(err);
    for (size_t q = 0; q < g->nrow; q++) {
        g->meaning[q] = j->q.v[q].meaning;
        if (!(g->name[q] = bm_strdup(j->q.v[q].name))) return bm_nomem(err);
    }
    return BM_OK;
}

/* Chains whose kernels all came to an end, up to the first that did not: the later ones of an interrupted run are the quick ones. */
static size_t chains_done(const job *j)
{
    size_t n = (size_t)j->opt->reps * j->nkernel, i = 0;

    while (i < n && j->outcome[i] != BM_GEWEKE_NOT_RUN) i++;
    return i / j->nkernel;
}

bm_status bm_geweke_result(bm_geweke *g, const job *j, bm_error *err)
{
    const bm_model *m = j->m;
    bm_status       st;

    g->spec = m->spec;
    g->design = m->design;
    g->priors = m->priors;
    g->frame = m->frame;
    g->asked = (size_t)j->opt->reps;
    g->steps = (size_t)j->opt->steps;
    g->moves = BM_GEWEKE_MOVES;
    g->reference = j->nref;
    g->alpha = j->opt->alpha;
    g->seed = j->opt->seed;
    g->refused = j->refused;
    g->nkernel = j->nkernel;
    g->nrow = j->q.n;
    g->done = chains_done(j);
    g->interrupted = g->done < g->asked;
    if ((st = name_rows(g, j, err)) != BM_OK) return st;
    for (size_t k = 0; k < g->nkernel; k++) {
        bm_geweke_kernel *kern = &g->kernel[k];

        kern->name = bm_geweke_moves[j->kernel[k]].name;
        kern->heading = bm_geweke_moves[j->kernel[k]].heading;
        kern->word = bm_geweke_moves[j->kernel[k]].word;
        memcpy(kern->failure, j->message[k], sizeof kern->failure);
        for (size_t i = 0; i < g->done; i++) kern->counted += j->outcome[i * j->nkernel + k] == BM_GEWEKE_COUNTED;
        kern->failed = g->done - kern->counted;
        if (!(kern->cell = bm_alloc(g->nrow, sizeof *kern->cell))) return bm_nomem(err);
        if (kern->counted < BM_GEWEKE_FEWEST && !g->interrupted)
            return bm_fail(err, BM_ENUMERIC, "%zu of %zu chains by %s could not be run: %s", kern->failed, g->done, kern->name, kern->failure);
        if (kern->counted >= BM_GEWEKE_FEWEST) judge(j, g, k);
        else g->done = 0;                            /* interrupted too early */
    }
    return BM_OK;
}

void bm_geweke_free(bm_geweke *g)
{
    if (!g) return;
    for (size_t k = 0; k < BM_GEWEKE_KERNELS; k++) free(g->kernel[k].cell);
    for (size_t q = 0; g->name && q < g->nrow; q++) free(g->name[q]);
    free(g->name);
    free(g->meaning);
    free(g);
}

bool bm_geweke_passed(const bm_geweke *g)
{
    for (size_t k = 0; k < g->nkernel; k++)
        if (g->kernel[k].level == BM_NOT_CALIBRATED) return false;
    return true;
}

bm_status bm_geweke_print(const bm_geweke *g, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_geweke(g, out, opt, err);
}
