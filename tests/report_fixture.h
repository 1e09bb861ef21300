/* report_fixture.h: a finished fit made by hand, for the tests of what is written and printed. The draws are normal around stated values. */
#ifndef BM_REPORT_FIXTURE_H
#define BM_REPORT_FIXTURE_H

#include "report/report.h"
#include "testing.h"

typedef struct { const char *name; size_t J; const char *const *levels; size_t q; const char *const *terms; bool correlated; } fake_group;

typedef struct {
    const char        *formula, *data;
    size_t             p;
    const char *const *terms;            /* p: names of the columns of X */
    const double      *mean, *sd;        /* p: of the coefficients; NULL: 1, 0.1 */
    size_t             nfac;
    const fake_group  *fac;
    double             scale;            /* of the group-level sds and sigma; 0: 1 */
    size_t             nchain, niter;
    bool               keep, known_se;   /* keep: draws of the group effects */
} fake_shape;

typedef struct {
    bm_spec        spec;
    bm_frame       frame;
    bm_design      design;
    bm_priors      priors;
    bm_fit_options options;
    bm_draws      *draws;
    bm_summary_row *summary;
    bm_ranef_row  *ranef;
    bm_derived_row derived[2];
    bm_run_info    run;
    double         acceptance[64];
    bm_strv        notes, warnings, names, origins;
    bm_result      r;
} fake;

static inline char **fake_strings(const char *const *v, size_t n, const char *prefix)
{
    char **s = bm_alloc(n, sizeof *s);

    for (size_t i = 0; i < n; i++) {
        bool   intercept = *prefix && strcmp(v[i], "(Intercept)") == 0;
        bm_buf b = { 0 };

        bm_buf_printf(&b, "%s%s", prefix, intercept ? "Intercept" : v[i]);
        s[i] = b.s;
    }
    return s;
}

static inline void fake_prior(fake *f, const char *target, const char *dist, const char *origin)
{
    bm_prior_line *line = realloc(f->priors.line, (f->priors.nline + 1) * sizeof *line);

    assert_non_null(line);
    f->priors.line = line;
    line[f->priors.nline++] = (bm_prior_line){ bm_strdup(target), bm_strdup(dist), bm_strdup(origin) };
}

static inline void fake_name(fake *f, bm_buf *b)
{
    assert_int_equal(bm_strv_add(&f->names, b->s, NULL), BM_OK);
    b->n = 0;
}

/* lp__, b_, sd_, cor_, sigma; then r_, level by level. */
static inline void fake_names(fake *f, const fake_shape *s)
{
    bm_design *d = &f->design;
    bm_buf     b = { 0 };

    bm_buf_puts(&b, "lp__");
    fake_name(f, &b);
    for (size_t i = 0; i < d->p; i++) {
        bm_buf_puts(&b, d->bnames[i]);
        fake_name(f, &b);
    }
    for (size_t k = 0; k < d->nfac; k++) {
        bm_group *g = &d->fac[k];

        for (size_t i = 0; i < g->q; i++) {
            bm_sd_name(&b, g, i);
            fake_prior(f, b.s, "half_cauchy(0, 140.81875921834)", "default");
            fake_name(f, &b);
        }
    }
    for (size_t k = 0; k < d->nfac; k++) {
        bm_group *g = &d->fac[k];

        for (size_t i = 0; s->fac[k].correlated && i < g->q; i++) {
            for (size_t j = i + 1; j < g->q; j++) {
                bm_cor_name(&b, g, i, j);
                fake_name(f, &b);
            }
        }
        if (s->fac[k].correlated && g->q > 1) {
            bm_buf_printf(&b, "cor(%s)", g->name);
            fake_prior(f, b.s, "lkj(1)", "cor");
            b.n = 0;
        }
    }
    if (!s->known_se) {
        bm_buf_puts(&b, "sigma");
        fake_name(f, &b);
        fake_prior(f, "sigma", "half_cauchy(0, 140.81875921834)", "default");
    }
    f->r.nmonitored = f->names.n;
    for (size_t k = 0; s->keep && k < d->nfac; k++)
        for (size_t l = 0; l < d->fac[k].J; l++)
            for (size_t t = 0; t < d->fac[k].q; t++) {
                bm_ranef_name(&b, &d->fac[k], l, t);
                fake_name(f, &b);
            }
    bm_buf_free(&b);
}

static inline void fake_design(fake *f, const fake_shape *s)
{
    bm_design *d = &f->design;

    *d = (bm_design){ .n = 180, .n_read = 183, .yname = bm_strdup("Reaction"), .p = s->p, .intercept = s->p ? 0 : -1, .nfac = s->nfac,
                      .ymean = 298.507892, .ysd = 56.328756, .known_se = s->known_se, .ndropped = 2 };
    d->dropped = bm_alloc(2, sizeof *d->dropped);
    d->dropped[0].name = bm_strdup("Reaction");
    d->dropped[0].n = 2;
    d->dropped[1].name = bm_strdup("Days");
    d->dropped[1].n = 1;
    d->X = bm_alloc(d->n * s->p, sizeof(double));
    for (size_t i = 0; i < d->n * s->p; i++) d->X[i] = i < d->n ? 1 : (double)(i % 10);
    d->xnames = fake_strings(s->terms, s->p, "");
    d->bnames = fake_strings(s->terms, s->p, "b_");
    d->fac = bm_alloc(s->nfac, sizeof *d->fac);
    for (size_t k = 0; k < s->nfac; k++) {
        const fake_group *a = &s->fac[k];
        bm_group         *g = &d->fac[k];

        *g = (bm_group){ .name = bm_strdup(a->name), .J = a->J, .q = a->q, .levels = fake_strings(a->levels, a->J, ""),
                         .znames = fake_strings(a->terms, a->q, ""), .nblock = a->correlated ? 1 : a->q };
        g->block = bm_alloc(g->nblock, sizeof *g->block);
        for (size_t i = 0; i < g->nblock; i++) g->block[i] = a->correlated ? (bm_block){ 0, a->q } : (bm_block){ i, 1 };
        g->code = bm_alloc(d->n, sizeof *g->code);
        g->Z = bm_alloc(d->n * g->q, sizeof *g->Z);
        for (size_t i = 0; i < d->n; i++) g->code[i] = (int32_t)(i * g->J / d->n);
        for (size_t i = 0; i < d->n * g->q; i++) g->Z[i] = i < d->n ? 1 : (double)(i % 10);
    }
}

static inline void fake_draws(fake *f, const fake_shape *s)
{
    double   unit = s->scale > 0 ? s->scale : 1;
    bm_rng   rng;
    bm_error err = { 0 };

    bm_assert_ok(bm_draws_new(&f->draws, (const char *const *)f->names.v, f->names.n, s->nchain, s->niter, &err), err);
    bm_rng_key(&rng, 7, 1, 2);
    for (size_t k = 0; k < f->draws->nvar; k++) {
        const char *name = f->draws->names[k];
        bool        b = k >= 1 && k <= s->p, cor = strncmp(name, "cor_", 4) == 0;
        double      mean = b && s->mean ? s->mean[k - 1] : k == 0 ? -876.5 : cor ? 0.09 : unit;
        double      sd = b && s->sd ? s->sd[k - 1] : k == 0 ? 1.7 : cor ? 0.3 : b ? 0.1 * unit : 0.25 * unit;

        for (size_t i = 0; i < s->nchain * s->niter; i++) f->draws->x[k * s->nchain * s->niter + i] = mean + sd * bm_rng_normal(&rng);
    }
    bm_assert_ok(bm_summarise(&f->summary, f->draws, 1, &err), err);
    for (size_t k = 0; k < f->draws->nvar; k++) f->summary[k].rb_mean = f->summary[k].rb_sd = NAN;
    for (size_t k = 1; k <= s->p; k++) {
        f->summary[k].rb_mean = s->mean ? s->mean[k - 1] : 1;
        f->summary[k].rb_sd = s->sd ? s->sd[k - 1] : 0.1;
    }
}

static inline void fake_ranef(fake *f)
{
    size_t n = 0;

    for (size_t k = 0; k < f->design.nfac; k++) n += f->design.fac[k].J * f->design.fac[k].q;
    f->ranef = bm_alloc(n, sizeof *f->ranef);
    f->r.nranef = n;
    n = 0;
    for (size_t k = 0; k < f->design.nfac; k++)
        for (size_t l = 0; l < f->design.fac[k].J; l++)
            for (size_t t = 0; t < f->design.fac[k].q; t++) {
                double m = (double)l - 8.5 + 0.25 * (double)t;

                f->ranef[n++] = (bm_ranef_row){ k, l, t, m, 1.5, m - 2.5, m, m + 2.5 };
            }
}

static inline void fake_new(fake *f, const fake_shape *s)
{
    memset(f, 0, sizeof *f);
    f->spec = (bm_spec){ .formula = bm_strdup(s->formula), .data = bm_strdup(s->data), .family = bm_strdup("gaussian") };
    if (s->known_se) f->spec.se = bm_strdup("se");
    f->frame = (bm_frame){ .n = 183, .path = bm_strdup(s->data), .hash = "0123456789abcdef" };
    f->options = (bm_fit_options)BM_FIT_OPTIONS_INIT;
    f->options.chains = (int)s->nchain;
    f->options.draws = (int)s->niter;
    f->options.seed = 20250612;
    fake_design(f, s);
    for (size_t i = 0; i < s->p; i++) fake_prior(f, i ? f->design.bnames[i] : "Intercept", i ? "normal(0, 48.7617628)" : "normal(298.507892, 140.81875921834)", i ? "b" : "default");
    fake_names(f, s);
    fake_draws(f, s);
    fake_ranef(f);
    for (size_t c = 0; c < s->nchain && c < 64; c++) f->acceptance[c] = 0.71 + 0.01 * (double)c;
    f->run = (bm_run_info){ .sampler = "collapsed", .why = "one grouping factor, 4 dimensions", .kernel = "independence Metropolis, mixture of 3 t's",
                            .nchain = s->nchain, .warmup = 1000, .acceptance = f->acceptance, .pareto_k = 0.1234, .evaluations = 8123, .warmup_evaluations = 4000,
                            .read_seconds = 0.001, .warmup_seconds = 0.004, .sampling_seconds = 0.009, .write_seconds = 0, .total_seconds = 0.02 };
    f->r.spec = &f->spec;
    f->r.frame_info = &f->frame;
    f->r.design = &f->design;
    f->r.priors = &f->priors;
    f->r.options = &f->options;
    f->r.draws = f->draws;
    f->r.summary = f->summary;
    f->r.ranef = f->ranef;
    f->r.derived = f->derived;
    f->r.run = &f->run;
    f->r.notes = &f->notes;
    f->r.warnings = &f->warnings;
}

static inline void fake_free(fake *f)
{
    bm_design *d = &f->design;

    for (size_t k = 0; k < d->nfac; k++) {
        bm_group *g = &d->fac[k];

        for (size_t i = 0; i < g->J; i++) free(g->levels[i]);
        for (size_t i = 0; i < g->q; i++) free(g->znames[i]);
        free(g->name);
        free(g->levels);
        free(g->znames);
        free(g->block);
        free(g->code);
        free(g->Z);
    }
    for (size_t i = 0; i < d->p; i++) {
        free(d->xnames[i]);
        free(d->bnames[i]);
    }
    for (size_t i = 0; i < d->ndropped; i++) free(d->dropped[i].name);
    free(d->dropped);
    free(d->X);
    free(d->xnames);
    free(d->bnames);
    free(d->fac);
    free(d->yname);
    bm_strv_free(&d->notes);
    for (size_t i = 0; i < f->priors.nline; i++) {
        free(f->priors.line[i].target);
        free(f->priors.line[i].dist);
        free(f->priors.line[i].origin);
    }
    free(f->priors.line);
    bm_draws_free(f->draws);
    free(f->summary);
    free(f->ranef);
    free(f->spec.formula);
    free(f->spec.data);
    free(f->spec.family);
    free(f->spec.se);
    free(f->spec.name);
    free(f->spec.title);
    free(f->frame.path);
    bm_strv_free(&f->notes);
    bm_strv_free(&f->warnings);
    bm_strv_free(&f->names);
}

/* The 18 subjects of sleepstudy, with posterior means and sds of the published kind. */
static const char *const fake_subjects[18] = { "308", "309", "310", "330", "331", "332", "333", "334", "335", "337", "349", "350", "351", "352",
                                               "369", "370", "371", "372" };

static inline void fake_sleepstudy(fake *f, size_t niter)
{
    static const char *const terms[] = { "(Intercept)", "Days" }, *const zterms[] = { "Intercept", "Days" };
    static const double      mean[] = { 251.4375723732, 10.4762238277 }, sd[] = { 7.4409979681, 1.7199280371 };
    const fake_group         g = { "Subject", 18, fake_subjects, 2, zterms, true };

    fake_new(f, &(fake_shape){ .formula = "Reaction ~ Days + (Days | Subject)", .data = "sleepstudy.csv", .p = 2, .terms = terms, .mean = mean,
                               .sd = sd, .nfac = 1, .fac = &g, .scale = 26.59, .nchain = 4, .niter = niter, .keep = true });
    f->derived[0] = (bm_derived_row){ "icc_Subject", "share of Var(y) that lies between levels of Subject, at the mean of the data", 0.7213, 0.0634,
                                      0.583, 0.7262, 0.8312 };
    f->derived[1] = (bm_derived_row){ "share_residual", "share of Var(y) that is residual", 0.2787, 0.0634, 0.1688, 0.2738, 0.417 };
    f->r.nderived = 2;
}

#endif
