/* compare_json.c: compare.json: REML beside posterior with every number as it is. */
#include "report/reml_priv.h"

#include <math.h>

static const char *flat_name(bm_flat_kind k)
{
    static const char *const name[] = { "none to remove", "exact", "reweighted", "refused" };

    return name[k];
}

static void parameter(bm_json *j, const bm_compare_row *r)
{
    bm_json_open(j, NULL, '{', true);
    bm_json_str(j, "name", r->name);
    bm_json_num(j, "reml", r->reml);
    bm_json_num(j, "reml_se", r->se);
    bm_json_num(j, "reml_lower", r->lower);
    bm_json_num(j, "reml_upper", r->upper);
    bm_json_str(j, "reml_interval", r->interval);
    bm_json_bool(j, "boundary", r->boundary);
    bm_json_num(j, "mean", r->mean);
    bm_json_num(j, "median", r->median);
    bm_json_num(j, "mode", r->mode);
    bm_json_num(j, "sd", r->sd);
    bm_json_num(j, "q2.5", r->q2_5);
    bm_json_num(j, "q97.5", r->q97_5);
    bm_json_num(j, "mcse_mean", r->mcse);
    bm_json_num(j, "diff", r->diff);
    bm_json_num(j, "width_ratio", r->ratio);
    bm_json_bool(j, "differs", r->differs);
    bm_json_open(j, "without_prior", '{', true);
    bm_json_str(j, "method", flat_name(r->flat));
    bm_json_num(j, "mean", r->flat_mean);
    bm_json_num(j, "shift", r->prior_shift);
    bm_json_num(j, "ess", r->flat_ess);
    bm_json_num(j, "pareto_k", r->flat_k);
    bm_json_close(j, '}');
    bm_json_strv(j, "why", (const char *const *)r->why.v, r->why.n);
    bm_json_close(j, '}');
}

static void level_and_term(bm_json *j, const bm_comparison *c, size_t factor, size_t level, size_t term)
{
    const bm_group *g = &c->design->fac[factor];

    bm_json_str(j, "group", g->name);
    bm_json_str(j, "level", g->levels[level]);
    bm_json_str(j, "term", g->znames[term]);
}

static void effects(bm_json *j, const bm_comparison *c)
{
    bm_json_open(j, "ranef", '[', false);
    for (size_t i = 0; i < c->neffect; i++) {
        const bm_compare_effect *e = &c->effect[i];

        bm_json_open(j, NULL, '{', true);
        level_and_term(j, c, e->factor, e->level, e->term);
        bm_json_num(j, "blup", e->reml);
        bm_json_num(j, "conditional_sd", e->se);
        bm_json_num(j, "mean", e->mean);
        bm_json_num(j, "sd", e->sd);
        bm_json_num(j, "diff", e->diff);
        bm_json_num(j, "sd_ratio", e->ratio);
        bm_json_num(j, "shrinkage_reml", e->shrink_reml);
        bm_json_num(j, "shrinkage", e->shrink);
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
}

static void shares(bm_json *j, const bm_comparison *c)
{
    bm_json_open(j, "derived", '{', false);
    for (size_t i = 0; i < c->nshare; i++) {
        const bm_compare_share *r = &c->share[i];

        bm_json_open(j, r->name, '{', true);
        bm_json_str(j, "meaning", r->meaning);
        bm_json_num(j, "reml", r->reml);
        bm_json_num(j, "mean", r->mean);
        bm_json_num(j, "sd", r->sd);
        bm_json_num(j, "q2.5", r->q2_5);
        bm_json_num(j, "q50", r->q50);
        bm_json_num(j, "q97.5", r->q97_5);
        bm_json_num(j, "diff", r->diff);
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
}

static void pooling(bm_json *j, const bm_comparison *c)
{
    if (!c->pooling) return;
    bm_json_open(j, "pooling", '[', false);
    for (size_t i = 0; i < c->npool; i++) {
        const bm_pool_row *r = &c->pool[i];

        bm_json_open(j, NULL, '{', true);
        level_and_term(j, c, r->factor, r->level, r->term);
        bm_json_int(j, "rows", r->n);
        bm_json_num(j, "complete", r->complete);
        bm_json_num(j, "none", r->none);
        bm_json_num(j, "none_se", r->none_se);
        bm_json_num(j, "none_se_pooled", r->none_se_pooled);
        bm_json_num(j, "reml", r->reml);
        bm_json_num(j, "mean", r->mean);
        bm_json_num(j, "sd", r->sd);
        bm_json_num(j, "q2.5", r->q2_5);
        bm_json_num(j, "q97.5", r->q97_5);
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
}

static void evidence(bm_json *j, const char *key, const bm_evidence *e, const char *none)
{
    bm_json_open(j, key, '{', true);
    bm_json_num(j, "log", e->log);
    bm_json_num(j, "se", e->se);
    bm_json_num(j, "pareto_k", e->k);
    if (none) bm_json_str(j, "none", none);
    bm_json_close(j, '}');
}

static void tests(bm_json *j, const bm_comparison *c)
{
    if (!c->tests) return;
    bm_json_open(j, "test_ranef", '[', false);
    for (size_t i = 0; i < c->ntest; i++) {
        const bm_term_test *t = &c->test[i];

        bm_json_open(j, NULL, '{', false);
        bm_json_str(j, "name", t->name);
        bm_json_num(j, "reml", t->reml);
        bm_json_num(j, "chisq", t->chisq);
        bm_json_int(j, "df", t->df);
        bm_json_num(j, "p", t->p);
        bm_json_num(j, "p_chisq", t->p_chisq);
        bm_json_open(j, "mixture", '[', true);
        for (size_t k = 0; k < t->npart; k++) {
            bm_json_open(j, NULL, '{', true);
            bm_json_num(j, "weight", t->part[k].weight);
            bm_json_int(j, "df", t->part[k].df);
            bm_json_close(j, '}');
        }
        bm_json_close(j, ']');
        bm_json_num(j, "eps", t->eps);
        bm_json_str(j, "eps_rule", c->eps_rule);
        bm_json_num(j, "pr_below_eps", t->prob);
        bm_json_num(j, "pr_below_eps_se", t->prob_se);
        bm_json_num(j, "log_bayes_factor", t->log_bf);
        bm_json_num(j, "log_bayes_factor_se", t->log_bf_se);
        evidence(j, "evidence_with", &t->with, NULL);
        evidence(j, "evidence_without", &t->without, t->no_bf);
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
}

/* Two lists as one. */
static void texts(bm_json *j, const char *key, const bm_strv *a, const bm_strv *b)
{
    bm_json_open(j, key, '[', true);
    for (size_t i = 0; a && i < a->n; i++) bm_json_str(j, NULL, a->v[i]);
    for (size_t i = 0; b && i < b->n; i++) bm_json_str(j, NULL, b->v[i]);
    bm_json_close(j, ']');
}

void bm_json_compare(bm_buf *b, const bm_comparison *c, const char *command)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    if (command) bm_json_str(&j, "command", command);
    bm_json_str(&j, "formula", c->spec->formula);
    bm_json_data(&j, c->spec, c->frame, c->design);
    bm_json_priors(&j, c->priors);
    bm_json_open(&j, "sampler", '{', true);
    bm_json_int(&j, "chains", c->nchain);
    bm_json_int(&j, "draws", c->niter);
    bm_json_int(&j, "seed", c->seed);
    bm_json_close(&j, '}');
    bm_json_open(&j, "reml", '{', true);
    bm_json_num(&j, "criterion", c->reml->criterion);
    bm_json_bool(&j, "singular", c->reml->singular);
    bm_json_bool(&j, "converged", c->reml->search.converged);
    bm_json_close(&j, '}');
    evidence(&j, "evidence", &c->evidence, c->no_evidence);
    bm_json_num(&j, "differ", c->differ);
    bm_json_open(&j, "parameters", '[', false);
    for (size_t i = 0; i < c->nrow; i++) parameter(&j, &c->row[i]);
    bm_json_close(&j, ']');
    effects(&j, c);
    shares(&j, c);
    pooling(&j, c);
    tests(&j, c);
    texts(&j, "notes", c->fit_notes, c->notes);
    texts(&j, "warnings", c->fit_warnings, c->warnings);
    bm_json_num(&j, "seconds", c->seconds);
    bm_json_close(&j, '}');
}
