/* compare_csv.c: compare.csv (parameters, shares of variance, group effects) and pooling.csv; and with compare.json the files of a comparison in a
 * directory, each of which appears whole or not at all. */
#include "report/reml_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void numbers(bm_buf *b, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bm_buf_putc(b, ',');
        bm_buf_num(b, x[i]);
    }
}

/* ---- compare.csv ---- */

static void parameter(bm_buf *b, const bm_compare_row *r)
{
    const double reml[] = { r->reml, r->se, r->lower, r->upper };
    const double post[] = { r->mean, r->median, r->mode, r->sd, r->q2_5, r->q97_5, r->diff, r->ratio };
    const double flat[] = { r->flat_mean, r->prior_shift, r->flat_ess, r->flat_k, NAN, NAN };

    bm_csv_quote(b, r->name);
    numbers(b, reml, 4);
    bm_buf_printf(b, ",%s", r->interval ? r->interval : "NA");
    numbers(b, post, 8);
    bm_buf_printf(b, ",%s,%s", r->boundary ? "true" : "false", r->differs ? "true" : "false");
    numbers(b, flat, 6);
    bm_buf_putc(b, '\n');
}

static void share(bm_buf *b, const bm_compare_share *r)
{
    const double reml[] = { r->reml, NAN, NAN, NAN }, post[] = { r->mean, r->q50, NAN, r->sd, r->q2_5, r->q97_5, r->diff, NAN };
    const double rest[] = { NAN, NAN, NAN, NAN, NAN, NAN };

    bm_csv_quote(b, r->name);
    numbers(b, reml, 4);
    bm_buf_puts(b, ",NA");
    numbers(b, post, 8);
    bm_buf_puts(b, ",NA,NA");
    numbers(b, rest, 6);
    bm_buf_putc(b, '\n');
}

static void effect(bm_buf *b, bm_buf *name, const bm_comparison *c, const bm_compare_effect *e)
{
    const double reml[] = { e->reml, e->se, NAN, NAN }, post[] = { e->mean, NAN, NAN, e->sd, NAN, NAN, e->diff, e->ratio };
    const double rest[] = { NAN, NAN, NAN, NAN, e->shrink_reml, e->shrink };

    name->n = 0;
    bm_ranef_name(name, &c->design->fac[e->factor], e->level, e->term);
    bm_csv_quote(b, name->s ? name->s : "");
    numbers(b, reml, 4);
    bm_buf_puts(b, ",NA");
    numbers(b, post, 8);
    bm_buf_printf(b, ",NA,%s", fabs(e->diff) > c->differ ? "true" : "false");
    numbers(b, rest, 6);
    bm_buf_putc(b, '\n');
}

static bm_status compare_csv(bm_file *f, const bm_comparison *c, const char *command, bm_error *err)
{
    bm_buf    name = { 0 };
    bm_status st = BM_OK;

    (void)command;
    bm_buf_puts(&f->buf, "variable,reml,reml_se,reml_lower,reml_upper,reml_interval,mean,median,mode,sd,q2.5,q97.5,diff,width_ratio,boundary,differs,"
                         "without_prior_mean,prior_shift,without_prior_ess,without_prior_k,shrinkage_reml,shrinkage\n");
    for (size_t i = 0; i < c->nrow; i++) parameter(&f->buf, &c->row[i]);
    for (size_t i = 0; i < c->nshare; i++) share(&f->buf, &c->share[i]);
    for (size_t i = 0; i < c->neffect && st == BM_OK; i++) {
        effect(&f->buf, &name, c, &c->effect[i]);
        st = bm_file_spill(f, err);
    }
    if (name.failed) st = bm_nomem(err);
    bm_buf_free(&name);
    return st;
}

/* ---- pooling.csv ---- */

static bm_status pooling_csv(bm_file *f, const bm_comparison *c, const char *command, bm_error *err)
{
    bm_status st = BM_OK;

    (void)command;
    bm_buf_puts(&f->buf, "group,level,term,rows,complete,none,none_se,none_se_pooled,reml,mean,sd,q2.5,q97.5\n");
    for (size_t i = 0; i < c->npool && st == BM_OK; i++) {
        const bm_pool_row *r = &c->pool[i];
        const bm_group    *g = &c->design->fac[r->factor];
        const double       x[] = { (double)r->n, r->complete, r->none, r->none_se, r->none_se_pooled, r->reml, r->mean, r->sd, r->q2_5, r->q97_5 };

        bm_csv_quote(&f->buf, g->name);
        bm_buf_putc(&f->buf, ',');
        bm_csv_quote(&f->buf, g->levels[r->level]);
        bm_buf_putc(&f->buf, ',');
        bm_csv_quote(&f->buf, g->znames[r->term]);
        numbers(&f->buf, x, 10);
        bm_buf_putc(&f->buf, '\n');
        st = bm_file_spill(f, err);
    }
    return st;
}

static bm_status compare_json(bm_file *f, const bm_comparison *c, const char *command, bm_error *err)
{
    bm_json_compare(&f->buf, c, command);
    return f->buf.failed ? bm_nomem(err) : BM_OK;
}

/* ---- the directory ---- */

typedef struct { const char *name; bm_status (*write)(bm_file *f, const bm_comparison *c, const char *command, bm_error *err); } file_kind;
static const file_kind files[] = { { "compare.csv", compare_csv }, { "pooling.csv", pooling_csv }, { "compare.json", compare_json } };
enum { NFILE = sizeof files / sizeof *files };

static bm_status check_names(const bm_place *p, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < NFILE && st == BM_OK; i++) st = bm_place_free(p, files[i].name, err);
    return st;
}

bm_status bm_report_compare_dir(const bm_comparison *c, const char *dir, const bm_write_options *opt, bm_error *err)
{
    bm_place  p;
    bm_file   f;
    bm_status st = bm_place_open(&p, dir, err);

    p.stop = opt->stop;
    if (st == BM_OK && !opt->force) st = check_names(&p, err);
    for (size_t i = 0; i < NFILE && st == BM_OK; i++) {
        if (!c->pooling && files[i].write == pooling_csv) continue;
        if ((st = bm_place_file(&p, &f, files[i].name, err)) != BM_OK) break;
        st = bm_file_close(&f, files[i].write(&f, c, opt->command, err), err);
    }
    if (st == BM_OK) st = bm_place_commit(&p, err);
    if (st == BM_OK && !c->pooling) unlinkat(p.fd, "pooling.csv", 0);        /* that of an earlier comparison does not belong to this one */
    bm_place_close(&p);
    return st;
}

bm_status bm_report_compare_check(const char *dir, bool force, bm_error *err)
{
    char        parent[4096];
    struct stat sb;
    int         fd;
    bm_status   st;
    size_t      n = strlen(dir);

    if (stat(dir, &sb) == 0) {
        if (!S_ISDIR(sb.st_mode)) return bm_fail(err, BM_EINVAL, "'%s' is a file, not a directory: choose another output directory", dir);
        if (access(dir, W_OK | X_OK) != 0) return bm_fail(err, BM_EIO, "the directory '%s' is not writable: %s", dir, strerror(errno));
        if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) return bm_fail(err, BM_EIO, "cannot open the directory '%s': %s", dir, strerror(errno));
        bm_place p = { .dir = (char *)(uintptr_t)dir, .fd = fd };
        st = force ? BM_OK : check_names(&p, err);
        close(fd);
        return st;
    }
    while (n > 1 && dir[n - 1] == '/') n--;
    snprintf(parent, sizeof parent, "%.*s", (int)n, dir);
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = '\0';
    if (slash && (stat(parent, &sb) != 0 || !S_ISDIR(sb.st_mode)))
        return bm_fail(err, BM_EINVAL, "cannot create '%s': there is no directory '%s'; create it first", dir, parent);
    return BM_OK;
}
