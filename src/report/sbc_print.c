/* sbc_print.c: simulation-based calibration on the terminal and as JSON. */
#include "report/calibration.h"
#include "report/terminal_priv.h"

#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "calibrated", "watch", "not calibrated" };

static void overall(bm_buf *b, const bm_sbc *s)
{
    size_t bad = 0, watch = 0;

    for (size_t k = 0; k < s->nrow; k++) {
        bad += s->row[k].level == BM_NOT_CALIBRATED;
        watch += s->row[k].level == BM_CALIBRATION_WATCH;
    }
    if (bad) {
        bm_buf_printf(b, "NOT CALIBRATED: the ranks of %zu of %zu quantities are not uniform; a right sampler comes this far in one of %.3g runs.", bad, s->nrow, 1 / s->alpha);
    } else {
        bm_buf_printf(b, "Calibrated: over %zu data sets the draws have the distribution that the model gives them, in all %zu quantities", s->counted, s->nrow);
        if (watch) bm_buf_printf(b, " (%zu outside %s 95 %% band, which chance allows)", watch, watch == 1 ? "its" : "their");
        bm_buf_putc(b, '.');
    }
    if (s->interrupted) bm_buf_printf(b, " Interrupted: %zu of %zu data sets.", s->done, s->asked);
}

static void row(bm_screen *s, const bm_sbc_row *r, size_t width)
{
    static const char *const colours[] = { "32", "33", "31" };
    bm_buf *b = &s->b;
    size_t  w = bm_width(r->name), indent = width + 26;

    bm_buf_puts(b, "  ");
    bm_safe_text(b, r->name);
    bm_buf_printf(b, "%*s%8.2g %6.1f %7.1f  ", (int)(w < width ? width - w : 0), "", r->p, r->bias, r->spread);
    if (s->opt->colour) bm_buf_printf(b, "\x1b[%sm", colours[r->level]);
    bm_safe_wrapped(b, r->verdict, indent + 1, indent + 1, s->width > indent + 20 ? s->width : indent + 20);
    if (s->opt->colour) bm_buf_puts(b, "\x1b[0m");
    bm_buf_putc(b, '\n');
}

/* Data sets that did not count, and slow chains. */
static void outcomes(bm_screen *s, const bm_sbc *c)
{
    bm_buf text = { 0 };

    bm_buf_printf(&text, "%zu data sets from the prior, seed %llu", c->counted, (unsigned long long)c->seed);
    if (c->refused) bm_buf_printf(&text, "; %zu more beyond double precision (%s)", c->refused, c->refusal);
    if (c->failed) bm_buf_printf(&text, "; %zu more that the sampler could not fit (%s)", c->failed, c->failure);
    bm_screen_field(s, "Data", &text);
    bm_buf_printf(&text, "%s: %s; truths ranked among %d draws of each chain, one in %.1f on average, so that they are nearly independent", c->sampler, c->kernel, c->L, c->thin);
    if (c->slow) bm_buf_printf(&text, "; in %zu data sets the chain is so slow that they are not", c->slow);
    bm_screen_field(s, "Chains", &text);
}

static bool default_prior(const bm_priors *p)
{
    for (size_t i = 0; i < p->nline; i++)
        if (strcmp(p->line[i].origin, "default") == 0) return true;
    return false;
}

static void text(bm_screen *s, const bm_sbc *c)
{
    bm_buf verdict = { 0 };
    size_t width = 10;

    for (size_t k = 0; k < c->nrow; k++)
        if (bm_width(c->row[k].name) > width) width = bm_width(c->row[k].name);
    bm_screen_model(s, c->spec, c->frame, c->design);
    outcomes(s, c);
    bm_screen_priors(s, c->priors, 12);
    if (default_prior(c->priors)) bm_buf_puts(&s->b, "  Default priors depend on the data; here they are kept at these numbers.\n");
    bm_screen_title(s, "Ranks of the truth among the draws");
    bm_buf_printf(&s->b, "  %*s%8s %6s %7s\n", (int)width, "", "p", "bias", "spread");
    for (size_t k = 0; k < c->nrow; k++) row(s, &c->row[k], width);
    bm_screen_dim(s, true);
    bm_buf_puts(&s->b, "  ");
    bm_safe_wrapped(&s->b, "p: of the ranks' distribution, over its whole length; bias, spread: of the ranks, in standard errors", 2, 2, s->width);
    bm_screen_dim(s, false);
    bm_buf_putc(&s->b, '\n');
    overall(&verdict, c);
    bm_buf_putc(&s->b, '\n');
    bm_safe_wrapped(&s->b, verdict.s ? verdict.s : "", 0, 0, s->width);
    bm_buf_putc(&s->b, '\n');
    s->b.failed |= verdict.failed;
    bm_buf_free(&verdict);
}

static void counts(bm_json *j, const char *key, const size_t *x, size_t n)
{
    bm_json_open(j, key, '[', true);
    for (size_t k = 0; k < n; k++) bm_json_int(j, NULL, x[k]);
    bm_json_close(j, ']');
}

static void quantity(bm_json *j, const bm_sbc *s, size_t k, size_t *count)
{
    const bm_sbc_row *r = &s->row[k];

    bm_sbc_counts(s, k, count);
    bm_json_open(j, NULL, '{', false);
    bm_json_str(j, "name", r->name);
    bm_json_str(j, "meaning", r->meaning);
    bm_json_str(j, "level", words[r->level]);
    bm_json_str(j, "verdict", r->verdict);
    bm_json_num(j, "p", r->p);
    bm_json_num(j, "bias", r->bias);
    bm_json_num(j, "spread", r->spread);
    counts(j, "below", count, s->K - 1);
    bm_json_close(j, '}');
}

static void json(bm_buf *b, const bm_sbc *s, const char *command, size_t *count)
{
    bm_json j = { .b = b };
    bm_buf  verdict = { 0 };

    overall(&verdict, s);
    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    bm_json_str(&j, "method", "simulation-based calibration");
    bm_json_bool(&j, "calibrated", bm_sbc_level(s) != BM_NOT_CALIBRATED);
    bm_json_str(&j, "verdict", verdict.s);
    bm_json_str(&j, "formula", s->spec->formula);
    bm_json_data(&j, s->spec, s->frame, s->design);
    bm_json_priors(&j, s->priors);
    bm_json_bool(&j, "interrupted", s->interrupted);
    bm_json_open(&j, "data_sets", '{', true);
    bm_json_int(&j, "asked", s->asked);
    bm_json_int(&j, "done", s->done);
    bm_json_int(&j, "counted", s->counted);
    bm_json_int(&j, "beyond_precision", s->refused);
    bm_json_int(&j, "failed", s->failed);
    bm_json_int(&j, "slow", s->slow);
    bm_json_close(&j, '}');
    bm_json_str(&j, "beyond_precision_why", s->refused ? s->refusal : NULL);
    bm_json_str(&j, "failed_why", s->failed ? s->failure : NULL);
    bm_json_open(&j, "sampler", '{', false);
    bm_json_str(&j, "name", s->sampler);
    bm_json_str(&j, "kernel", s->kernel);
    bm_json_int(&j, "seed", s->seed);
    bm_json_int(&j, "ranked_among", (unsigned long long)s->L);
    bm_json_num(&j, "thin", s->thin);
    bm_json_close(&j, '}');
    bm_json_num(&j, "alpha", s->alpha);
    bm_json_open(&j, "bands", '{', false);
    bm_json_int(&j, "cells", s->K);
    counts(&j, "lower", s->lo, s->K - 1);
    counts(&j, "upper", s->hi, s->K - 1);
    counts(&j, "lower_95", s->lo95, s->K - 1);
    counts(&j, "upper_95", s->hi95, s->K - 1);
    bm_json_close(&j, '}');
    bm_json_open(&j, "quantities", '[', false);
    for (size_t k = 0; k < s->nrow; k++) quantity(&j, s, k, count);
    bm_json_close(&j, ']');
    bm_json_num(&j, "seconds", s->seconds);
    bm_json_str(&j, "command", command);
    bm_json_close(&j, '}');
    b->failed |= verdict.failed;
    bm_buf_free(&verdict);
}

bm_status bm_report_sbc(const bm_sbc *c, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_screen s;
    bm_status st;
    size_t   *count = bm_alloc(c->K, sizeof *count);

    if (!count) return bm_nomem(err);
    bm_screen_init(&s, opt);
    if (opt->json) json(&s.b, c, opt->command, count);
    else text(&s, c);
    st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    free(count);
    return st;
}

/* ---- the directory ---- */

static bm_status ranks_csv(bm_file *f, const bm_sbc *s, bm_error *err)
{
    bm_status st = BM_OK;

    bm_buf_puts(&f->buf, "data_set,quantity,truth,rank\n");
    for (size_t i = 0; i < s->done && st == BM_OK; i++) {
        for (size_t k = 0; k < s->nrow; k++) {
            bm_buf_printf(&f->buf, "%zu,", i + 1);
            bm_csv_quote(&f->buf, s->row[k].name);
            bm_buf_putc(&f->buf, ',');
            bm_buf_num(&f->buf, s->truth[i * s->nrow + k]);
            if (s->rank[i * s->nrow + k] < 0) bm_buf_puts(&f->buf, ",NA\n");
            else bm_buf_printf(&f->buf, ",%d\n", s->rank[i * s->nrow + k]);
        }
        st = bm_file_spill(f, err);
    }
    return st;
}

static bm_status write_json(bm_outdir *o, const bm_sbc *s, const char *command, bm_error *err)
{
    size_t   *count = bm_alloc(s->K, sizeof *count);
    bm_file   f;
    bm_status st;

    if (!count) return bm_nomem(err);
    if ((st = bm_outdir_file(o, &f, "sbc.json", err)) == BM_OK) {
        json(&f.buf, s, command, count);
        bm_buf_putc(&f.buf, '\n');
        st = bm_file_close(&f, BM_OK, err);
    }
    free(count);
    return st;
}

bm_status bm_report_sbc_dir(const bm_sbc *s, const char *dir, const bm_write_options *opt, const bm_plots *picture, bm_error *err)
{
    bm_outdir o;
    bm_file   f;
    bm_status st;

    if ((st = bm_report_sbc_check(dir, opt->force, err)) != BM_OK) return st;
    if ((st = bm_outdir_open(&o, dir, opt, err)) != BM_OK) goto done;
    if ((st = bm_outdir_file(&o, &f, "ranks.csv", err)) != BM_OK) goto done;
    if ((st = bm_file_close(&f, ranks_csv(&f, s, err), err)) != BM_OK) goto done;
    for (size_t i = 0; picture && i < picture->n && st == BM_OK; i++) {
        if ((st = bm_outdir_file(&o, &f, picture->v[i].file, err)) != BM_OK) goto done;
        bm_buf_add(&f.buf, picture->v[i].bytes, picture->v[i].n);
        st = bm_file_close(&f, BM_OK, err);
    }
    if (st == BM_OK) st = write_json(&o, s, opt->command, err);
    if (st == BM_OK) st = bm_outdir_commit(&o, err);
done:
    bm_outdir_close(&o);
    return st;
}
