/* model_stream.c: a model of data that are not kept: rows go into cross-products as they are read. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One pass; piped: there will be no other. */
typedef struct {
    bm_design_stream *design;
    bm_accum         *sums;
    const char       *pipe;
    bm_priors        *priors;        /* of the plan: which coefficients are constants */
    int               intercept;
    double           *o;             /* room for an offset */
    size_t            room;
} consumer;

static bm_status gone(const consumer *c, const char *why, bm_error *err)
{
    return bm_fail(err, BM_EINVAL, "%s: %s, after the rows that are kept to decide on the columns of the model: keep more of them (--hold-rows), list the levels (--levels), or "
                   "read a file", c->pipe, why);
}

static bm_status zero_offset(consumer *c, bm_design *d, bm_error *err)
{
    if (d->n > c->room) {
        double *o = realloc(c->o, d->n * sizeof *o);

        if (!o) return bm_nomem(err);
        c->o = o;
        c->room = d->n;
    }
    d->o = c->o;
    memset(d->o, 0, d->n * sizeof *d->o);
    return BM_OK;
}

/* Without the columns whose coefficients are constants. */
static bm_status add_rows(consumer *c, const bm_design *part, bm_error *err)
{
    bm_design rows = *part;
    bm_status st = BM_OK;

    for (size_t k = part->p; k-- > 0 && st == BM_OK;) {
        if (!bm_model_fixes(c->priors, c->intercept, k)) continue;
        if (!rows.o) st = zero_offset(c, &rows, err);
        if (st == BM_OK) bm_model_fix_column(&rows, k, c->priors->b[k].a[0]);
    }
    return st == BM_OK ? bm_accum_add(c->sums, &rows, err) : st;
}

static bm_status use_rows(void *self, const bm_frame *rows, bm_error *err)
{
    consumer        *c = self;
    const bm_design *part;
    bm_status        st = bm_design_stream_next(c->design, rows, &part, err);

    if (st == BM_OK && c->pipe && bm_design_stream_waits(c->design)) return gone(c, bm_design_stream_waits(c->design), err);
    return st == BM_OK && part->n ? add_rows(c, part, err) : st;
}

static bm_status consumer_new(consumer *c, const bm_model *m, const bm_frame *head, const bm_survey *known, bm_error *err)
{
    const bm_design *plan;
    const size_t    *q;
    size_t           p;
    bm_status        st = bm_design_stream_new(&c->design, m->spec, m->formula, head, known, err);

    if (st != BM_OK || bm_design_stream_waits(c->design)) return st;
    plan = bm_design_stream_plan(c->design, &q);
    if ((st = bm_priors_new(&c->priors, m->spec, plan, err)) != BM_OK) return st;
    c->intercept = plan->intercept;
    p = plan->p;
    for (size_t k = 0; k < plan->p; k++) p -= bm_model_fixes(c->priors, c->intercept, k);
    return bm_accum_new(&c->sums, p, plan->nfac, q, err);
}

static void consumer_clear(consumer *c)
{
    bm_design_stream_free(c->design);
    bm_accum_free(c->sums);
    bm_priors_free(c->priors);
    free(c->o);
    *c = (consumer){ 0 };
}

static bm_status check_pairs(const bm_accum *sums, const bm_design *d, bm_error *err)
{
    size_t i;

    for (size_t k = 0; k < d->nfac; k++)
        for (size_t l = k + 1; l < d->nfac; l++)
            if (bm_accum_same(sums, k, l, &i)) return bm_same_groups(&d->fac[k], &d->fac[l], d->fac[k].znames[i], err);
    return BM_OK;
}

/* The design and its statistics, or where the stream waits the survey. */
static bm_status finish(bm_model *m, consumer *c, const bm_frame *labels, bm_survey **survey, bm_error *err)
{
    const int32_t *const *order;
    size_t               *J = NULL;
    bm_status             st = bm_design_stream_end(c->design, labels, &m->design, &order, err);

    if (st != BM_OK) return st;
    if (!m->design) return c->pipe ? gone(c, bm_design_stream_waits(c->design), err) : bm_design_stream_survey(c->design, labels, survey, err);
    st = check_pairs(c->sums, m->design, err);
    if (st == BM_OK && !(J = bm_alloc(m->design->nfac, sizeof *J))) st = bm_nomem(err);
    for (size_t k = 0; k < m->design->nfac && st == BM_OK; k++) J[k] = m->design->fac[k].J;
    if (st == BM_OK) st = bm_accum_end(c->sums, order, J, &m->stats, err);
    for (size_t k = 0; k < m->design->nfac && st == BM_OK; k++) {
        bm_group *g = &m->design->fac[k];

        if (!(g->rows = bm_alloc(g->J, sizeof *g->rows))) st = bm_nomem(err);
        else memcpy(g->rows, m->stats->fac[k].n, g->J * sizeof *g->rows);
    }
    free(J);
    return st;
}

enum { MOST_LABELS = 10000 };                        /* as factors among the coefficients have at most */

/* Labels of a factor in order, as if its rows were there. */
static bm_status order_labels(bm_column *c, bm_error *err)
{
    int32_t  *rank = bm_alloc(c->nlevels, sizeof *rank);
    char    **levels = bm_alloc(c->nlevels, sizeof *levels);
    bm_status st = rank && levels ? bm_labels_order((const char *const *)c->levels, c->nlevels, rank, &c->numeric_levels, err) : bm_nomem(err);

    for (size_t i = 0; i < c->nlevels && st == BM_OK; i++) levels[rank[i]] = c->levels[i];
    free(rank);
    if (st != BM_OK) {
        free(levels);
        return st;
    }
    free(c->levels);
    c->levels = levels;
    return BM_OK;
}

/* The labels of groups have been taken over; path, hash, number of rows and the kinds of the columns are of use. */
static bm_status keep_few_labels(bm_frame *f, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < f->ncol && st == BM_OK; k++) {
        bm_column *c = &f->col[k];

        if (c->kind == BM_COL_FACTOR && c->nlevels <= MOST_LABELS) st = order_labels(c, err);
        else if (c->kind == BM_COL_FACTOR) {
            for (size_t i = 0; i < c->nlevels; i++) free(c->levels[i]);
            free(c->levels);
            c->levels = NULL;
            c->nlevels = 0;
        }
    }
    return st;
}

static int threads_of(const bm_model *m)
{
    return m->spec->fit.threads > 0 ? m->spec->fit.threads : bm_cores();
}

/* Pipes, by whatever name, are read once. */
static bool reads_again(const bm_model *m)
{
    struct stat sb;

    return strcmp(m->spec->data, "-") != 0 && stat(m->spec->data, &sb) == 0 && S_ISREG(sb.st_mode);
}

static const char *name_of_pipe(const bm_model *m)
{
    if (reads_again(m)) return NULL;
    return strcmp(m->spec->data, "-") == 0 ? "standard input" : m->spec->data;
}

/* ---- passes ---- */

/* What earlier passes have found out, in a file of that hash; how many there were, and why. */
typedef struct { bm_survey *survey; bm_frame *head; char hash[17]; size_t n; bm_buf why; } passes;

static void passes_clear(passes *p)
{
    bm_survey_free(p->survey);
    bm_frame_free(p->head);
    bm_buf_free(&p->why);
}

static void say_passed(bm_model *m, const passes *p)
{
    const char *rows = "rows went into cross-products and were not kept";

    if (p->n == 1) snprintf(m->reading, sizeof m->reading, "in one pass: %zu %s", m->frame->n, rows);
    else snprintf(m->reading, sizeof m->reading, "in %zu passes (%.250s): %zu %s", p->n, p->why.s ? p->why.s : "", m->frame->n, rows);
}

static bm_status changed(const bm_model *m, bm_error *err)
{
    return bm_fail(err, BM_EIO, "%s has changed while it was read", m->spec->data);
}

static bm_status check_same_file(const bm_model *m, passes *p, bm_error *err)
{
    if (p->n && strcmp(p->hash, m->frame->hash) != 0) return changed(m, err);
    memcpy(p->hash, m->frame->hash, sizeof p->hash);
    return BM_OK;
}

/* After it the model has its design, or p knows more than before. */
static bm_status pass(bm_model *m, bm_source *src, consumer *c, passes *p, bm_error *err)
{
    bm_survey  *more = NULL;
    const char *waits;
    bm_status   st = use_rows(c, p->head, err);

    if (st == BM_OK) st = bm_source_stream(src, threads_of(m), use_rows, c, &m->frame, err);
    if (st == BM_OK) st = check_same_file(m, p, err);
    if (st == BM_OK) st = finish(m, c, m->frame, &more, err);
    if (st == BM_OK) st = keep_few_labels(m->frame, err);
    p->n++;
    if (st != BM_OK || m->design) return st;
    if ((waits = bm_design_stream_waits(c->design)) && (!p->why.s || !strstr(p->why.s, waits))) bm_buf_printf(&p->why, "%s%s", p->why.n ? "; " : "", waits);
    consumer_clear(c);                               /* before what it was told */
    if (bm_survey_size(more) <= bm_survey_size(p->survey)) st = changed(m, err);       /* the same rows would have told all the rest */
    bm_survey_free(p->survey);
    p->survey = more;
    return st;
}

/* The file is opened again, and the head is that of the new source. */
static bm_status begin_again(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, passes *p, bm_error *err)
{
    bm_strv   columns = { 0 };
    bool      more = true;
    bm_status st;

    bm_frame_free(m->frame);
    bm_frame_free(p->head);
    bm_source_close(*src);
    m->frame = p->head = NULL;
    *src = NULL;
    st = bm_model_source(m, src, &columns, err);
    bm_strv_free(&columns);
    if (st == BM_OK) st = bm_source_head(*src, &p->head, &more, (const char *const *)want->v, want->n, hold, err);
    return st == BM_OK && !more ? changed(m, err) : st;
}

/* ---- all ---- */

static bm_status read_all(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, passes *p, bool *kept, bm_error *err)
{
    bm_status st = BM_OK;

    while (!m->design) {
        consumer c = { .pipe = name_of_pipe(m) };

        st = consumer_new(&c, m, p->head, p->survey, err);
        if (st == BM_OK && c.pipe && bm_design_stream_waits(c.design)) {
            *kept = true;
            snprintf(m->reading, sizeof m->reading, "rows are kept in memory: %.250s, which only a file can give in a pass before", bm_design_stream_waits(c.design));
        } else if (st == BM_OK) st = pass(m, *src, &c, p, err);
        consumer_clear(&c);
        if (st != BM_OK || *kept) return st;
        if (!m->design && (st = begin_again(m, src, want, hold, p, err)) != BM_OK) return st;
    }
    say_passed(m, p);
    return BM_OK;
}

bm_status bm_model_stream(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, bool *kept, bm_error *err)
{
    passes    p = { 0 };
    bool      more;
    bm_status st = bm_source_head(*src, &p.head, &more, (const char *const *)want->v, want->n, hold, err);

    *kept = !more;
    if (st == BM_OK && more) st = read_all(m, src, want, hold, &p, kept, err);
    if (st == BM_OK && !*kept) m->held = hold;
    passes_clear(&p);
    return st;
}

bm_status bm_model_needs_rows(const bm_model *m, const char *what, bm_error *err)
{
    if (m->design->X || !m->design->n || m->design->y) return BM_OK;
    return bm_fail(err, BM_EINVAL, "%s needs the rows of the data, which this model has not kept", what);
}
