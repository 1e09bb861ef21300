/* reml_json.c: reml.json: a REML or ML fit with every number as it is. */
#include "report/reml_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void coefficients(bm_json *j, const bm_reml *r)
{
    size_t p = r->p;

    bm_json_open(j, "fixef_names", '[', true);
    for (size_t k = 0; k < p; k++)
        if (!r->aliased[k]) bm_json_str(j, NULL, r->xnames[k]);
    bm_json_close(j, ']');
    bm_json_open(j, "fixef", '{', false);
    for (size_t k = 0; k < p; k++) {
        if (r->aliased[k]) continue;
        bm_json_open(j, r->xnames[k], '{', true);
        bm_json_num(j, "estimate", r->b[k]);
        bm_json_num(j, "se", r->se[k]);
        bm_json_num(j, "df", r->df[k]);
        bm_json_num(j, "t", r->t[k]);
        bm_json_num(j, "p", r->pvalue[k]);
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
    if (r->rank < p) {
        bm_json_open(j, "dropped", '[', true);
        for (size_t k = 0; k < p; k++)
            if (r->aliased[k]) bm_json_str(j, NULL, r->xnames[k]);
        bm_json_close(j, ']');
    }
    bm_json_open(j, "vcov", '[', false);
    for (size_t i = 0; i < p; i++) {
        if (r->aliased[i]) continue;
        bm_json_open(j, NULL, '[', true);
        for (size_t k = 0; k < p; k++)
            if (!r->aliased[k]) bm_json_num(j, NULL, r->vcov[i + k * p]);
        bm_json_close(j, ']');
    }
    bm_json_close(j, ']');
}

static void covariances(bm_json *j, const bm_reml *r)
{
    bm_json_open(j, "sd", '{', false);
    for (size_t k = 0; k < r->ngroup; k++) {
        bm_json_open(j, r->group[k].name, '{', true);
        for (size_t i = 0; i < r->group[k].q; i++) bm_json_num(j, r->group[k].terms[i], r->group[k].sd[i]);
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
    bm_json_open(j, "cor", '{', false);
    for (size_t k = 0; k < r->ngroup; k++) {
        const bm_reml_group *g = &r->group[k];

        bm_json_open(j, g->name, '[', false);
        for (size_t c = 0; c < g->nblock; c++)
            for (size_t a = g->block[c].first; a < g->block[c].first + g->block[c].size; a++)
                for (size_t b = a + 1; b < g->block[c].first + g->block[c].size; b++) {
                    bm_json_open(j, NULL, '{', true);
                    bm_json_str(j, "a", g->terms[a]);
                    bm_json_str(j, "b", g->terms[b]);
                    bm_json_num(j, "value", g->cor[b + a * g->q]);
                    bm_json_close(j, '}');
                }
        bm_json_close(j, ']');
    }
    bm_json_close(j, '}');
    if (r->known_se) bm_json_str(j, "sigma", NULL);
    else bm_json_num(j, "sigma", r->sigma);
}

static void effects(bm_json *j, const bm_reml *r, const char *key, bool sds)
{
    bm_json_open(j, key, '{', false);
    for (size_t k = 0; k < r->ngroup; k++) {
        const bm_reml_group *g = &r->group[k];

        bm_json_open(j, g->name, '{', false);
        for (size_t l = 0; l < g->J; l++) {
            bm_json_open(j, g->levels[l], '{', true);
            for (size_t i = 0; i < g->q; i++) bm_json_num(j, g->terms[i], (sds ? g->u_sd : g->u)[l * g->q + i]);
            bm_json_close(j, '}');
        }
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
}

/* lme4's names with oldNames = FALSE: sd_(Intercept)|Subject, cor_Days.(Intercept)|Subject, sigma. */
static void interval_name(bm_buf *b, const bm_reml *r, const bm_interval *v)
{
    const bm_reml_group *g = r->ngroup ? &r->group[v->group] : NULL;

    b->n = 0;
    if (strcmp(v->kind, "sd") == 0) bm_buf_printf(b, "sd_%s|%s", g->terms[v->a], g->name);
    else if (strcmp(v->kind, "cor") == 0) bm_buf_printf(b, "cor_%s.%s|%s", g->terms[v->b], g->terms[v->a], g->name);
    else bm_buf_puts(b, strcmp(v->kind, "b") == 0 ? r->xnames[v->a] : "sigma");
}

static void intervals(bm_json *j, const bm_reml *r)
{
    bm_buf name = { 0 };

    if (r->ci == BM_CI_NONE) return;
    bm_json_num(j, "ci_level", r->level);
    bm_json_open(j, r->ci == BM_CI_PROFILE ? "profile_ci" : "wald_ci", '{', false);
    for (size_t i = 0; i < r->ninterval; i++) {
        interval_name(&name, r, &r->interval[i]);
        bm_json_open(j, name.s ? name.s : "", '{', true);
        bm_json_num(j, "lower", r->interval[i].lower);
        bm_json_num(j, "upper", r->interval[i].upper);
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
    if (name.failed) j->b->failed = true;
    bm_buf_free(&name);
}

static void search(bm_json *j, const bm_reml *r)
{
    bm_json_open(j, "optimizer", '{', false);
    bm_json_str(j, "name", "BFGS and Newton, exact gradient");
    bm_json_int(j, "evaluations", (unsigned long long)r->search.evaluations);
    bm_json_num(j, "gradient_norm", r->search.gnorm);
    bm_json_int(j, "starts", (unsigned long long)r->search.starts);
    bm_json_int(j, "starts_that_agree", (unsigned long long)r->search.agree);
    bm_json_bool(j, "converged", r->search.converged);
    bm_json_num(j, "seconds", r->search.seconds);
    bm_json_close(j, '}');
}

void bm_json_reml(bm_buf *b, const bm_reml *r, const char *command)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    if (command) bm_json_str(&j, "command", command);
    if (r->data) bm_json_str(&j, "data", r->data);
    if (r->formula) bm_json_str(&j, "formula", r->formula);
    bm_json_str(&j, "family", "gaussian");
    bm_json_str(&j, "method", r->ml ? "ML" : "REML");
    bm_json_int(&j, "n_obs", r->n);
    bm_json_open(&j, "n_groups", '{', true);
    for (size_t k = 0; k < r->ngroup; k++) bm_json_int(&j, r->group[k].name, r->group[k].J);
    bm_json_close(&j, '}');
    coefficients(&j, r);
    covariances(&j, r);
    bm_json_num(&j, "criterion", r->criterion);
    bm_json_num(&j, "logLik", r->logLik);
    bm_json_int(&j, "n_par", r->npar);
    bm_json_num(&j, "AIC", r->aic);
    bm_json_num(&j, "BIC", r->bic);
    bm_json_bool(&j, "singular", r->singular);
    bm_json_strv(&j, "boundary", (const char *const *)r->boundary.v, r->boundary.n);
    effects(&j, r, "ranef", false);
    effects(&j, r, "ranef_se", true);
    intervals(&j, r);
    search(&j, r);
    bm_json_strv(&j, "notes", (const char *const *)r->notes.v, r->notes.n);
    bm_json_close(&j, '}');
    bm_buf_putc(b, '\n');
}

/* ---- dir/reml.json ---- */

bm_status bm_report_reml_dir(const bm_reml *r, const char *dir, const bm_write_options *opt, bm_error *err)
{
    bm_place  p;
    bm_file   f;
    bm_status st = bm_place_open(&p, dir, err);

    p.stop = opt->stop;
    if (st == BM_OK && !opt->force) st = bm_place_free(&p, "reml.json", err);
    if (st == BM_OK && (st = bm_place_file(&p, &f, "reml.json", err)) == BM_OK) {
        bm_json_reml(&f.buf, r, opt->command);
        st = bm_file_close(&f, BM_OK, err);
    }
    if (st == BM_OK) st = bm_place_commit(&p, err);
    bm_place_close(&p);
    return st;
}
