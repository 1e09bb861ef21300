/* terminal_summary.c: the table of summarised draws as R's posterior prints it, for all variables or those asked for; also as CSV and JSON. */
#include "report/terminal_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which variables ---- */

/* Shell patterns with * and ? only: brackets are part of names such as r_Subject[308,Days]. */
static bool matches(const char *pattern, const char *s)
{
    const char *star = NULL, *back = NULL;

    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            back = s;
        } else if (*pattern == '?' || *pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

/* r_Subject means all of r_Subject[...]. */
static bool is_element_of(const char *name, const char *array)
{
    size_t n = strlen(array);

    return n && strncmp(name, array, n) == 0 && name[n] == '[';
}

static size_t select_exact(const bm_draws *d, const char *want, bool *taken, size_t *out, size_t n)
{
    for (size_t i = 0; i < d->nvar; i++) {
        if (strcmp(d->names[i], want) != 0) continue;
        if (!taken[i]) out[n++] = i;
        taken[i] = true;
        return n;
    }
    return SIZE_MAX;
}

static bm_status no_match(const bm_draws *d, const char *want, bm_error *err)
{
    const char *close = bm_closest(want, (const char *const *)d->names, d->nvar);
    bm_buf      text = { 0 };
    bm_status   st;

    for (size_t i = 0; i < d->nvar && i < 12; i++) bm_buf_printf(&text, "%s%s", i ? ", " : "", d->names[i]);
    if (d->nvar > 12) bm_buf_printf(&text, ", ... (%zu in all)", d->nvar);
    if (close) st = bm_fail(err, BM_EINVAL, "no variable matches '%s'; did you mean '%s'? There are: %s", want, close, text.s ? text.s : "");
    else st = bm_fail(err, BM_EINVAL, "no variable matches '%s'; there are: %s", want, text.s ? text.s : "");
    bm_buf_free(&text);
    return st;
}

/* Indices of the variables to show, in the order asked for: for each request the exact name, else a pattern, else all elements of an array. */
static bm_status select_vars(size_t **out, size_t *nout, const bm_draws *d, const bm_summary_options *sopt, bm_error *err)
{
    size_t   *v = bm_alloc(d->nvar, sizeof *v), n = 0;
    bool     *taken = bm_alloc(d->nvar, sizeof *taken);
    bm_status st = BM_OK;

    *out = NULL;
    *nout = 0;
    if (!v || !taken) {
        free(v);
        free(taken);
        return bm_nomem(err);
    }
    for (size_t k = 0; st == BM_OK && k < sopt->nvars; k++) {
        const char *want = sopt->vars[k];
        size_t      exact = select_exact(d, want, taken, v, n);
        bool        found = exact != SIZE_MAX;

        if (found) n = exact;
        for (size_t i = 0; exact == SIZE_MAX && i < d->nvar; i++) {
            if (!matches(want, d->names[i]) && !is_element_of(d->names[i], want)) continue;
            found = true;
            if (!taken[i]) v[n++] = i;
            taken[i] = true;
        }
        if (!found) st = no_match(d, want, err);
    }
    if (st == BM_OK && !sopt->nvars)
        for (; n < d->nvar; n++) v[n] = n;
    free(taken);
    if (st != BM_OK) {
        free(v);
        return st;
    }
    *nout = n;
    *out = v;
    return BM_OK;
}

/* ---- quantiles ---- */

/* What is shown: variables, probabilities and their names (q5, q97.5), quantiles nvar x nprob. */
typedef struct {
    size_t *var, nvar, nprob;
    bool    standard;                    /* 5 and 95 %, as in summary.csv */
    double *prob, *q;
    bm_strv qname;
} selection;

static void selection_free(selection *s)
{
    free(s->var);
    free(s->prob);
    free(s->q);
    bm_strv_free(&s->qname);
}

static bm_status name_quantiles(selection *s, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < s->nprob && st == BM_OK; k++) {
        bm_buf name = { 0 };

        if (!(s->prob[k] >= 0 && s->prob[k] <= 1))
            return bm_fail(err, BM_EINVAL, "%g is not a probability: quantiles are asked for by numbers from 0 to 1, such as 0.05,0.95",
                           s->prob[k]);
        bm_buf_putc(&name, 'q');
        bm_buf_num(&name, round(s->prob[k] * 1e12) / 1e10);              /* in percent, without 7.000000000000001 */
        st = name.failed ? bm_nomem(err) : bm_strv_add(&s->qname, name.s, err);
        bm_buf_free(&name);
    }
    return st;
}

static bm_status compute_quantiles(selection *s, const bm_draws *d, const bm_summary_row *rows, bm_error *err)
{
    size_t  n = d->nchain * d->niter;
    double *x;

    if (!(s->q = bm_alloc(s->nvar * s->nprob, sizeof *s->q))) {
        bm_nomem(err);
        return BM_ENOMEM;
    }
    if (s->standard) {
        for (size_t i = 0; i < s->nvar; i++) {
            s->q[2 * i] = rows[s->var[i]].q5;
            s->q[2 * i + 1] = rows[s->var[i]].q95;
        }
        return BM_OK;
    }
    if (!(x = bm_alloc(n, sizeof *x))) return bm_nomem(err);
    for (size_t i = 0; i < s->nvar; i++) {
        memcpy(x, d->x + s->var[i] * n, n * sizeof *x);
        bm_quantiles(x, n, s->prob, s->nprob, s->q + i * s->nprob);
    }
    free(x);
    return BM_OK;
}

static bm_status selection_new(selection *s, const bm_draws *d, const bm_summary_row *rows, const bm_summary_options *sopt, bm_error *err)
{
    static const double standard[] = { 0.05, 0.95 };
    bm_status           st;

    *s = (selection){ .standard = !sopt->probs, .nprob = sopt->probs ? sopt->nprobs : 2 };
    if ((st = select_vars(&s->var, &s->nvar, d, sopt, err)) != BM_OK) return st;
    if (!(s->prob = bm_alloc(s->nprob, sizeof *s->prob))) return bm_nomem(err);
    if (s->nprob) memcpy(s->prob, sopt->probs ? sopt->probs : standard, s->nprob * sizeof *s->prob);
    if ((st = name_quantiles(s, err)) != BM_OK) return st;
    return compute_quantiles(s, d, rows, err);
}

/* ---- three forms ---- */

static void add_csv(bm_buf *b, const selection *s, const bm_summary_row *rows)
{
    if (s->standard) {                                               /* as in summary.csv */
        bm_summary_csv_header(b);
        for (size_t i = 0; i < s->nvar; i++) bm_summary_csv_row(b, &rows[s->var[i]]);
        return;
    }
    bm_buf_puts(b, "variable,mean,median,sd,mad");
    for (size_t k = 0; k < s->qname.n; k++) bm_buf_printf(b, ",%s", s->qname.v[k]);
    bm_buf_puts(b, ",rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd\n");
    for (size_t i = 0; i < s->nvar; i++) {
        const bm_summary_row *r = &rows[s->var[i]];
        const double          x[] = { r->mean, r->median, r->sd, r->mad }, y[] = { r->rhat, r->ess_bulk, r->ess_tail, r->mcse_mean, r->mcse_sd };

        bm_csv_quote(b, r->name);
        for (size_t k = 0; k < 4 + s->nprob + 5; k++) {
            bm_buf_putc(b, ',');
            bm_buf_num(b, k < 4 ? x[k] : k < 4 + s->nprob ? s->q[i * s->nprob + k - 4] : y[k - 4 - s->nprob]);
        }
        bm_buf_putc(b, '\n');
    }
}

static void add_json_row(bm_json *j, const selection *s, const bm_summary_row *r, const double *q)
{
    bm_json_open(j, NULL, '{', true);
    bm_json_str(j, "name", r->name);
    bm_json_num(j, "mean", r->mean);
    bm_json_num(j, "median", r->median);
    bm_json_num(j, "sd", r->sd);
    bm_json_num(j, "mad", r->mad);
    for (size_t k = 0; k < s->nprob; k++) bm_json_num(j, s->qname.v[k], q[k]);
    bm_json_num(j, "rhat", r->rhat);
    bm_json_num(j, "ess_bulk", r->ess_bulk);
    bm_json_num(j, "ess_tail", r->ess_tail);
    bm_json_num(j, "mcse_mean", r->mcse_mean);
    bm_json_num(j, "mcse_sd", r->mcse_sd);
    bm_json_close(j, '}');
}

static void add_json(bm_buf *b, const selection *s, const bm_draws *d, const bm_summary_row *rows, const char *command)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    bm_json_int(&j, "chains", d->nchain);
    bm_json_int(&j, "draws", d->niter);
    bm_json_open(&j, "parameters", '[', false);
    for (size_t i = 0; i < s->nvar; i++) {
        if (s->standard) bm_json_summary(&j, &rows[s->var[i]]);
        else add_json_row(&j, s, &rows[s->var[i]], s->q + i * s->nprob);
    }
    bm_json_close(&j, ']');
    bm_json_str(&j, "command", command);
    bm_json_close(&j, '}');
}

static bm_status add_row(bm_table *t, const selection *s, size_t i, const bm_summary_row *r, size_t nchain, bm_error *err)
{
    int      d = bm_decimals(r->mean, r->sd, r->mcse_mean);
    bm_cell *c = bm_table_row(t, r->name, err);

    if (!c) return BM_ENOMEM;
    bm_cell_number(c[0], r->mean, d);
    bm_cell_number(c[1], r->median, d);
    bm_cell_number(c[2], r->sd, d);
    bm_cell_number(c[3], r->mad, d);
    for (size_t k = 0; s->q && k < s->nprob; k++) bm_cell_number(c[4 + k], s->q[i * s->nprob + k], d);
    if (bm_cell_diagnostics(c + 4 + s->nprob, r, nchain)) bm_table_flag(t);
    return BM_OK;
}

/* As many columns as fit, the rest below behind the labels once more, as R prints a wide data frame. */
static void add_blocks(bm_screen *s, const bm_table *t)
{
    for (size_t from = 0, to; from < t->ncol; from = to) {
        size_t used = t->label_width + t->flags;             /* a mark may follow the last column */

        for (to = from; to < t->ncol && (to == from || used + 1 + t->width[to] <= s->width); to++) used += 1 + t->width[to];
        if (from) bm_buf_putc(&s->b, '\n');
        bm_table_heading(t, &s->b, "variable", from, to);
        bm_buf_putc(&s->b, '\n');
        for (size_t i = 0; i < t->label.n; i++) bm_screen_line(s, t, i, from, to);
    }
    if (!t->flags) return;
    bm_buf_putc(&s->b, '\n');
    bm_buf_puts(&s->b, "! Rhat above 1.01, or an effective sample size below 100 per chain.\n");
}

static bm_status add_table(bm_screen *s, const selection *x, const bm_draws *d, const bm_summary_row *rows, bm_error *err)
{
    const char **head = bm_alloc(7 + x->nprob, sizeof *head);
    bm_table     t;
    bm_status    st = BM_OK;

    if (!head) return bm_nomem(err);
    head[0] = "mean";
    head[1] = "median";
    head[2] = "sd";
    head[3] = "mad";
    for (size_t k = 0; k < x->qname.n; k++) head[4 + k] = x->qname.v[k];
    head[4 + x->nprob] = "rhat";
    head[5 + x->nprob] = "ess_bulk";
    head[6 + x->nprob] = "ess_tail";
    bm_table_init(&t, head, 7 + x->nprob);
    for (size_t i = 0; i < x->nvar && st == BM_OK; i++) st = add_row(&t, x, i, &rows[x->var[i]], d->nchain, err);
    if (st == BM_OK) st = bm_table_measure(&t, SIZE_MAX, err);
    if (st == BM_OK) {
        if (t.label_width < strlen("variable")) t.label_width = strlen("variable");
        if (t.label_width > s->width / 2) t.label_width = s->width / 2;          /* longer ones have a line of their own */
        t.limit = s->width;
        add_blocks(s, &t);
    }
    bm_table_free(&t);
    free(head);
    return st;
}

bm_status bm_report_summary_table(const bm_draws *d, const bm_summary_row *rows, FILE *out, const bm_summary_options *sopt,
                                  const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options   defaults = BM_PRINT_OPTIONS_INIT;
    static const bm_summary_options all = BM_SUMMARY_OPTIONS_INIT;
    selection                       x;
    bm_screen                       s;
    bm_status                       st;

    if (!opt) opt = &defaults;
    if (!sopt) sopt = &all;
    bm_screen_init(&s, opt);
    if ((st = selection_new(&x, d, rows, sopt, err)) != BM_OK) goto done;
    if (opt->json) add_json(&s.b, &x, d, rows, opt->command);
    else if (sopt->csv) add_csv(&s.b, &x, rows);
    else st = add_table(&s, &x, d, rows, err);
    if (st == BM_OK) st = bm_emit(&s.b, out, err);
done:
    bm_buf_free(&s.b);
    selection_free(&x);
    return st;
}
