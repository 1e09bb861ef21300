/* model_stream.c: a model of data that are not kept: rows go into cross-products as they are read. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>

typedef struct { bm_design_stream *design; bm_accum *sums; bool late; } consumer;

static bm_status use_rows(void *self, const bm_frame *rows, bm_error *err)
{
    consumer        *c = self;
    const bm_design *part;
    bm_status        st = bm_design_stream_next(c->design, rows, &part, &c->late, err);

    return st == BM_OK ? bm_accum_add(c->sums, part, err) : st;
}

/* Priors whose meaning is worked out on the rows. */
static bm_status check_priors(const bm_spec *s, bm_error *err)
{
    for (size_t i = 0; i < s->priors.n; i++) {
        const char *prior = s->priors.v[i], *tilde = strchr(prior, '~');
        bool        class_b = strncmp(prior, "b ", 2) == 0 || strncmp(prior, "b~", 2) == 0 || strncmp(prior, "sigma", 5) == 0;

        if (!tilde) continue;
        if (strstr(tilde, "constant")) return bm_fail(err, BM_EINVAL, "the prior '%.100s' moves a column to the offset", prior);
        if (strstr(tilde, "flat") && !class_b) return bm_fail(err, BM_EINVAL, "whether the posterior is proper under '%.100s' is judged on all rows", prior);
    }
    return BM_OK;
}

static bm_status consumer_new(consumer *c, const bm_model *m, const bm_frame *head, bm_error *err)
{
    size_t        p, nfac;
    const size_t *q;
    bm_status     st = check_priors(m->spec, err);

    if (st == BM_OK) st = bm_design_stream_new(&c->design, m->spec, m->formula, head, err);
    if (st != BM_OK) return st;
    bm_design_stream_size(c->design, &p, &nfac, &q);
    return bm_accum_new(&c->sums, p, nfac, q, err);
}

static void consumer_clear(consumer *c)
{
    bm_design_stream_free(c->design);
    bm_accum_free(c->sums);
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

static bm_status finish(bm_model *m, consumer *c, const bm_frame *labels, bm_error *err)
{
    const int32_t *const *order;
    size_t               *J = NULL;
    bm_status             st = bm_design_stream_end(c->design, labels, &m->design, &order, err);

    if (st != BM_OK) return st;
    st = check_pairs(c->sums, m->design, err);
    if (st == BM_OK && !(J = bm_alloc(m->design->nfac, sizeof *J))) st = bm_nomem(err);
    for (size_t k = 0; k < m->design->nfac && st == BM_OK; k++) J[k] = m->design->fac[k].J;
    if (st == BM_OK) st = bm_accum_end(c->sums, order, J, &m->stats, err);
    free(J);
    return st;
}

/* Only path, hash and number of rows are of use when the labels have been taken over. */
static void keep_no_columns(bm_frame *f)
{
    for (size_t k = 0; k < f->ncol; k++) bm_column_clear(&f->col[k]);
    f->ncol = 0;
}

static bm_status stream(bm_model *m, bm_source *src, consumer *c, const bm_frame *head, bm_error *err)
{
    int       threads = m->spec->fit.threads > 0 ? m->spec->fit.threads : bm_cores();
    bm_status st = use_rows(c, head, err);

    if (st == BM_OK) st = bm_source_stream(src, threads, use_rows, c, &m->frame, err);
    if (st == BM_OK) st = finish(m, c, m->frame, err);
    if (m->frame) keep_no_columns(m->frame);
    return st;
}

static void say_kept(bm_model *m, const char *why)
{
    snprintf(m->reading, sizeof m->reading, "rows are kept in memory: %.350s", why);
}

/* A level that came late: a file is read again, and kept; a pipe is gone. */
static bm_status start_again(bm_model *m, bm_source **src, const char *why, bm_error *err)
{
    bm_strv   want = { 0 };
    bm_status st;

    if (strcmp(m->spec->data, "-") == 0)
        return bm_fail(err, BM_EINVAL, "standard input: %s, after the rows that are kept to decide on the columns of the model: keep more of them (--hold-rows), or "
                       "read a file", why);
    say_kept(m, why);
    bm_source_close(*src);
    *src = NULL;
    st = bm_model_source(m, src, &want, err);
    bm_strv_free(&want);
    return st;
}

bm_status bm_model_stream(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, bool *kept, bm_error *err)
{
    bm_frame *head = NULL;
    consumer  c = { 0 };
    bm_error  why = { 0 };
    bool      more;
    bm_status st = bm_source_head(*src, &head, &more, (const char *const *)want->v, want->n, hold, err);

    *kept = !more;
    if (st != BM_OK || !more) return st;
    st = consumer_new(&c, m, head, &why);
    if (st == BM_OK) st = stream(m, *src, &c, head, &why);
    else if (st == BM_EINVAL) {
        *kept = true;
        say_kept(m, why.msg);
        st = BM_OK;
        goto done;
    }
    if (st != BM_OK && c.late) {
        *kept = true;
        st = start_again(m, src, why.msg, err);
    } else if (st != BM_OK) bm_fail(err, st, "%s", why.msg);
    else {
        m->held = hold;
        snprintf(m->reading, sizeof m->reading, "in one pass: %zu rows went into cross-products and were not kept", m->frame->n);
    }
done:
    consumer_clear(&c);
    bm_frame_free(head);
    return st;
}

bm_status bm_model_needs_rows(const bm_model *m, const char *what, bm_error *err)
{
    if (m->design->X || !m->design->n || m->design->y) return BM_OK;
    return bm_fail(err, BM_EINVAL, "%s needs the rows of the data, which this model has not kept", what);
}
