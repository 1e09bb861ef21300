/* model_stream.c: a model of data that are not kept: rows go into cross-products as they are read. */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static bm_status consumer_new(consumer *c, const bm_model *m, const bm_frame *head, const bm_scales *scales, bm_error *err)
{
    size_t        p, nfac;
    const size_t *q;
    bm_status     st = check_priors(m->spec, err);

    if (st == BM_OK) st = bm_design_stream_new(&c->design, m->spec, m->formula, head, scales, err);
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

static int threads_of(const bm_model *m)
{
    return m->spec->fit.threads > 0 ? m->spec->fit.threads : bm_cores();
}

static bm_status stream(bm_model *m, bm_source *src, consumer *c, const bm_frame *head, bm_error *err)
{
    bm_status st = use_rows(c, head, err);

    if (st == BM_OK) st = bm_source_stream(src, threads_of(m), use_rows, c, &m->frame, err);
    if (st == BM_OK) st = finish(m, c, m->frame, err);
    if (m->frame) keep_no_columns(m->frame);
    return st;
}

static void say_kept(bm_model *m, const char *why)
{
    snprintf(m->reading, sizeof m->reading, "rows are kept in memory: %.350s", why);
}

/* Pipes, by whatever name, are read once. */
static bool reads_again(const bm_model *m)
{
    struct stat sb;

    return strcmp(m->spec->data, "-") != 0 && stat(m->spec->data, &sb) == 0 && S_ISREG(sb.st_mode);
}

/* A level that came late: a file is read again, and kept; a pipe is gone. */
static bm_status start_again(bm_model *m, bm_source **src, const char *why, bm_error *err)
{
    bm_strv   want = { 0 };
    bm_status st;

    if (!reads_again(m))
        return bm_fail(err, BM_EINVAL, "%s: %s, after the rows that are kept to decide on the columns of the model: keep more of them (--hold-rows), or "
                       "read a file", strcmp(m->spec->data, "-") == 0 ? "standard input" : m->spec->data, why);
    say_kept(m, why);
    bm_source_close(*src);
    *src = NULL;
    st = bm_model_source(m, src, &want, err);
    bm_strv_free(&want);
    return st;
}

/* ---- scale(): a pass of its own ---- */

/* What scale() takes from all rows; hash: of the file that they were in; old: the head that scales was planned on. */
typedef struct { bm_scales *scales; char hash[17]; bm_frame *old; } survey;

static bm_status measure_rows(void *self, const bm_frame *rows, bm_error *err)
{
    return bm_scales_next(self, rows, err);
}

static bool can_measure(const bm_model *m, bm_scales **scales, const bm_frame *head, bm_status *st, bm_error *err)
{
    bm_error why = { 0 };

    if (!reads_again(m) || check_priors(m->spec, &why) != BM_OK) return false;
    *st = bm_scales_new(scales, m->spec, m->formula, head, &why);
    if (*st == BM_ENOMEM) bm_nomem(err);
    else *st = BM_OK;                                /* what is wrong with the model is said by those who make it */
    return *st == BM_OK && *scales;
}

static bm_status changed(const bm_model *m, bm_error *err)
{
    return bm_fail(err, BM_EIO, "%s has changed while it was read", m->spec->data);
}

/* The whole file is read; then it is opened again, and the head is that of the new source. */
static bm_status look_ahead(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, bm_frame **head, survey *s, bm_error *err)
{
    bm_frame *all = NULL, *again = NULL;
    bm_strv   columns = { 0 };
    bm_status st = BM_OK;
    bool      more;

    if (!can_measure(m, &s->scales, *head, &st, err)) return st;
    if ((st = bm_scales_next(s->scales, *head, err)) == BM_OK) st = bm_source_stream(*src, threads_of(m), measure_rows, s->scales, &all, err);
    if (st == BM_OK) memcpy(s->hash, all->hash, sizeof s->hash);
    bm_frame_free(all);
    if (st != BM_OK) return st;
    bm_source_close(*src);
    *src = NULL;
    st = bm_model_source(m, src, &columns, err);
    bm_strv_free(&columns);
    if (st == BM_OK) st = bm_source_head(*src, &again, &more, (const char *const *)want->v, want->n, hold, err);
    if (st == BM_OK && !more) st = changed(m, err);
    if (st != BM_OK) {
        bm_frame_free(again);
        return st;
    }
    s->old = *head;
    *head = again;
    return BM_OK;
}

static bm_status check_same_file(const bm_model *m, const survey *s, bm_error *err)
{
    return !s->scales || strcmp(s->hash, m->frame->hash) == 0 ? BM_OK : changed(m, err);
}

static void say_passed(bm_model *m, const survey *s)
{
    snprintf(m->reading, sizeof m->reading, "in %s: %zu rows went into cross-products and were not kept", s->scales ? "two passes, the first for scale()" : "one pass",
             m->frame->n);
}

/* ---- all ---- */

/* With what is known of all rows, if anything. */
static bm_status pass(bm_model *m, bm_source **src, const bm_frame *head, const survey *s, bool *kept, bm_error *err)
{
    consumer  c = { 0 };
    bm_error  why = { 0 };
    bm_status st = consumer_new(&c, m, head, s->scales, &why);

    if (st == BM_EINVAL) {
        *kept = true;
        say_kept(m, why.msg);
        st = BM_OK;
    } else {
        if (st == BM_OK) st = stream(m, *src, &c, head, &why);
        if (st == BM_OK) st = check_same_file(m, s, &why);
        if (st == BM_OK) say_passed(m, s);
        else if (c.late) {
            *kept = true;
            st = start_again(m, src, why.msg, err);
        } else bm_fail(err, st, "%s", why.msg);
    }
    consumer_clear(&c);
    return st;
}

bm_status bm_model_stream(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, bool *kept, bm_error *err)
{
    bm_frame *head = NULL;
    survey    s = { 0 };
    bool      more;
    bm_status st = bm_source_head(*src, &head, &more, (const char *const *)want->v, want->n, hold, err);

    *kept = !more;
    if (st != BM_OK || !more) return st;
    if ((st = look_ahead(m, src, want, hold, &head, &s, err)) == BM_OK) st = pass(m, src, head, &s, kept, err);
    if (st == BM_OK && !*kept) m->held = hold;
    bm_scales_free(s.scales);
    bm_frame_free(s.old);
    bm_frame_free(head);
    return st;
}

bm_status bm_model_needs_rows(const bm_model *m, const char *what, bm_error *err)
{
    if (m->design->X || !m->design->n || m->design->y) return BM_OK;
    return bm_fail(err, BM_EINVAL, "%s needs the rows of the data, which this model has not kept", what);
}
