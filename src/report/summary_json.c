/* summary_json.c: summary.json: everything known about a fit but the draws, for programs. The schema is stated in "schema"; keys are only added. */
#include "report/report_priv.h"

#include <math.h>
#include <string.h>

static void add_model(bm_json *j, const bm_result *r)
{
    const bm_design *d = r->design;
    const bm_spec   *s = r->spec;

    bm_json_open(j, "model", '{', false);
    if (s->name) bm_json_str(j, "name", s->name);
    if (s->title) bm_json_str(j, "title", s->title);
    bm_json_str(j, "formula", s->formula);
    bm_json_str(j, "family", s->family ? s->family : "gaussian");
    bm_json_str(j, "response", d->yname);
    if (s->weights) bm_json_str(j, "weights", s->weights);
    if (s->se) bm_json_str(j, "se", s->se);
    bm_json_strv(j, "coefficients", (const char *const *)d->xnames, d->p);
    bm_json_open(j, "groups", '[', false);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        bm_json_open(j, NULL, '{', true);
        bm_json_str(j, "name", g->name);
        bm_json_int(j, "levels", g->J);
        bm_json_strv(j, "effects", (const char *const *)g->znames, g->q);
        bm_json_open(j, "blocks", '[', true);
        for (size_t b = 0; b < g->nblock; b++) bm_json_int(j, NULL, g->block[b].size);
        bm_json_close(j, ']');
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
    bm_json_close(j, '}');
}

void bm_json_data(bm_json *j, const bm_spec *s, const bm_frame *f, const bm_design *d)
{
    bm_json_open(j, "data", '{', false);
    bm_json_str(j, "file", f && f->path ? f->path : s->data);
    bm_json_str(j, "hash", f && f->hash[0] ? f->hash : NULL);
    bm_json_int(j, "rows_read", d->n_read);
    bm_json_int(j, "rows_used", d->n);
    bm_json_open(j, "rows_dropped", '{', true);
    for (size_t i = 0; i < d->ndropped; i++) bm_json_int(j, d->dropped[i].name, d->dropped[i].n);
    bm_json_close(j, '}');
    bm_json_close(j, '}');
}

void bm_json_priors(bm_json *j, const bm_priors *p)
{
    bm_json_open(j, "priors", '[', false);
    for (size_t i = 0; p && i < p->nline; i++) {
        bm_json_open(j, NULL, '{', true);
        bm_json_str(j, "target", p->line[i].target);
        bm_json_str(j, "dist", p->line[i].dist);
        bm_json_str(j, "origin", p->line[i].origin);
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
}

static void add_sampler(bm_json *j, const bm_result *r)
{
    const bm_run_info    *run = r->run;
    const bm_fit_options *o = r->options;

    bm_json_open(j, "sampler", '{', false);
    bm_json_str(j, "algorithm", run->sampler);
    bm_json_str(j, "why", run->why);
    bm_json_str(j, "kernel", run->kernel);
    bm_json_int(j, "chains", r->draws->nchain);
    bm_json_int(j, "warmup", run->warmup);
    bm_json_int(j, "draws", r->draws->niter);
    bm_json_int(j, "thin", o->thin > 0 ? (unsigned long long)o->thin : 1);
    bm_json_int(j, "seed", o->seed);
    if (o->target_ess > 0) bm_json_num(j, "target_ess", o->target_ess);
    bm_json_open(j, "acceptance", '[', true);
    for (size_t c = 0; run->acceptance && c < run->nchain; c++) bm_json_num(j, NULL, run->acceptance[c]);
    bm_json_close(j, ']');
    bm_json_int(j, "evaluations", run->evaluations);
    bm_json_int(j, "warmup_evaluations", run->warmup_evaluations);
    bm_json_num(j, "log_evidence", run->log_evidence);
    bm_json_num(j, "log_evidence_se", run->log_evidence_se);
    if (run->no_evidence) bm_json_str(j, "no_evidence", run->no_evidence);
    bm_json_bool(j, "interrupted", run->interrupted);
    bm_json_close(j, '}');
}

static bm_status add_parameters(bm_file *f, bm_json *j, const bm_result *r, bm_error *err)
{
    bm_status st = BM_OK;

    bm_json_open(j, "parameters", '[', false);
    for (size_t i = 0; i < r->nmonitored && st == BM_OK; i++) {
        bm_json_summary(j, &r->summary[i]);
        st = bm_file_spill(f, err);
    }
    bm_json_close(j, ']');
    return st;
}

void bm_json_summary(bm_json *j, const bm_summary_row *s)
{
    bm_json_open(j, NULL, '{', true);
    bm_json_str(j, "name", s->name);
    bm_json_num(j, "mean", s->mean);
    bm_json_num(j, "median", s->median);
    bm_json_num(j, "sd", s->sd);
    bm_json_num(j, "mad", s->mad);
    bm_json_num(j, "q2.5", s->q2_5);
    bm_json_num(j, "q5", s->q5);
    bm_json_num(j, "q95", s->q95);
    bm_json_num(j, "q97.5", s->q97_5);
    bm_json_num(j, "rhat", s->rhat);
    bm_json_num(j, "ess_bulk", s->ess_bulk);
    bm_json_num(j, "ess_tail", s->ess_tail);
    bm_json_num(j, "mcse_mean", s->mcse_mean);
    bm_json_num(j, "mcse_sd", s->mcse_sd);
    if (isfinite(s->rb_mean)) bm_json_num(j, "rb_mean", s->rb_mean);       /* Rao-Blackwellised */
    if (isfinite(s->rb_sd)) bm_json_num(j, "rb_sd", s->rb_sd);
    bm_json_close(j, '}');
}

static bm_status add_ranef(bm_file *f, bm_json *j, const bm_result *r, bm_error *err)
{
    bm_status st = BM_OK;

    bm_json_open(j, "ranef", '[', false);
    for (size_t i = 0; i < r->nranef && st == BM_OK; i++) {
        const bm_ranef_row *u = &r->ranef[i];
        const bm_group     *g = &r->design->fac[u->factor];

        bm_json_open(j, NULL, '{', true);
        bm_json_str(j, "group", g->name);
        bm_json_str(j, "level", g->levels[u->level]);
        bm_json_str(j, "term", g->znames[u->term]);
        bm_json_num(j, "mean", u->mean);
        bm_json_num(j, "sd", u->sd);
        bm_json_num(j, "q5", u->q5);
        bm_json_num(j, "q50", u->q50);
        bm_json_num(j, "q95", u->q95);
        bm_json_close(j, '}');
        st = bm_file_spill(f, err);
    }
    bm_json_close(j, ']');
    return st;
}

static void add_derived(bm_json *j, const bm_result *r)
{
    bm_json_open(j, "derived", '{', false);
    for (size_t i = 0; i < r->nderived; i++) {
        const bm_derived_row *d = &r->derived[i];

        bm_json_open(j, d->name, '{', true);
        bm_json_str(j, "meaning", d->meaning);
        bm_json_num(j, "mean", d->mean);
        bm_json_num(j, "sd", d->sd);
        bm_json_num(j, "q2.5", d->q2_5);
        bm_json_num(j, "q50", d->q50);
        bm_json_num(j, "q97.5", d->q97_5);
        bm_json_close(j, '}');
    }
    bm_json_close(j, '}');
}

static void add_diagnostics(bm_json *j, const bm_result *r)
{
    const bm_summary_row *worst_rhat = NULL, *worst_bulk = NULL, *worst_tail = NULL;

    for (size_t i = 0; i < r->nmonitored; i++) {
        const bm_summary_row *s = &r->summary[i];

        if (isfinite(s->rhat) && (!worst_rhat || s->rhat > worst_rhat->rhat)) worst_rhat = s;
        if (isfinite(s->ess_bulk) && (!worst_bulk || s->ess_bulk < worst_bulk->ess_bulk)) worst_bulk = s;
        if (isfinite(s->ess_tail) && (!worst_tail || s->ess_tail < worst_tail->ess_tail)) worst_tail = s;
    }
    bm_json_open(j, "diagnostics", '{', false);
    bm_json_num(j, "max_rhat", worst_rhat ? worst_rhat->rhat : NAN);
    bm_json_str(j, "max_rhat_parameter", worst_rhat ? worst_rhat->name : NULL);
    bm_json_num(j, "min_ess_bulk", worst_bulk ? worst_bulk->ess_bulk : NAN);
    bm_json_str(j, "min_ess_bulk_parameter", worst_bulk ? worst_bulk->name : NULL);
    bm_json_num(j, "min_ess_tail", worst_tail ? worst_tail->ess_tail : NAN);
    bm_json_str(j, "min_ess_tail_parameter", worst_tail ? worst_tail->name : NULL);
    bm_json_num(j, "pareto_k", r->run->pareto_k);
    bm_json_num(j, "top_ratio", r->run->top_ratio);
    bm_json_open(j, "untrusted", '[', true);
    for (size_t i = 0; i < r->nmonitored; i++)
        if (bm_summary_doubtful(&r->summary[i], r->draws->nchain)) bm_json_str(j, NULL, r->summary[i].name);
    bm_json_close(j, ']');
    bm_json_strv(j, "warnings", r->warnings ? (const char *const *)r->warnings->v : NULL, r->warnings ? r->warnings->n : 0);
    bm_json_strv(j, "notes", r->notes ? (const char *const *)r->notes->v : NULL, r->notes ? r->notes->n : 0);
    bm_json_close(j, '}');
}

static void add_timing(bm_json *j, const bm_run_info *run)
{
    bm_json_open(j, "timing", '{', false);
    bm_json_num(j, "read_seconds", run->read_seconds);
    bm_json_num(j, "warmup_seconds", run->warmup_seconds);
    bm_json_num(j, "sampling_seconds", run->sampling_seconds);
    bm_json_num(j, "write_seconds", run->write_seconds);
    bm_json_num(j, "total_seconds", run->total_seconds);
    bm_json_close(j, '}');
}

bm_status bm_write_summary_json(bm_file *f, const bm_result *r, const char *command, bm_error *err)
{
    bm_json   j = { .b = &f->buf };
    bm_status st;

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);                   /* first: by this a directory is known as ours */
    bm_json_int(&j, "schema", 1);
    add_model(&j, r);
    bm_json_data(&j, r->spec, r->frame_info, r->design);
    bm_json_priors(&j, r->priors);
    add_sampler(&j, r);
    if ((st = add_parameters(f, &j, r, err)) != BM_OK) return st;
    if ((st = add_ranef(f, &j, r, err)) != BM_OK) return st;
    add_derived(&j, r);
    add_diagnostics(&j, r);
    add_timing(&j, r->run);
    bm_json_str(&j, "command", command);
    bm_json_close(&j, '}');
    return BM_OK;
}

bm_status bm_report_summary_json(const bm_result *r, const char *command, bm_buf *out, bm_error *err)
{
    bm_file   f = { .fd = -1, .buf = *out };
    bm_status st = bm_write_summary_json(&f, r, command, err);

    *out = f.buf;
    if (st == BM_OK && out->failed) st = bm_nomem(err);
    return st;
}
