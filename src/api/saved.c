/* saved.c: an output directory read back: draws, summary, the model, group effects, how the sampling went. */
#include "api/api.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

char *bm_saved_path(const char *dir, const char *name)
{
    bm_buf b = { 0 };
    size_t n = strlen(dir);

    bm_buf_puts(&b, dir);
    if (n && dir[n - 1] != '/') bm_buf_putc(&b, '/');
    bm_buf_puts(&b, name);
    if (b.failed) bm_buf_free(&b);
    return b.s;
}

static bm_status read_text(bm_buf *b, const char *path, bm_error *err)
{
    char   block[8192];
    size_t n;
    FILE  *f = fopen(path, "r");
    bool   bad;

    if (!f && errno == ENOMEM) return bm_nomem(err);
    if (!f) return bm_fail(err, BM_EIO, "cannot read %s: %s", path, strerror(errno));
    while ((n = fread(block, 1, sizeof block, f)) > 0) bm_buf_add(b, block, n);
    bad = ferror(f) != 0;
    fclose(f);
    if (bad) return bm_fail(err, BM_EIO, "%s cannot be read to its end", path);
    return b->failed ? bm_nomem(err) : BM_OK;
}

/* ---- summary.json ---- */

static const cJSON *at(const cJSON *o, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(o, key);
}

static double number_at(const cJSON *o, const char *key)
{
    const cJSON *x = at(o, key);

    return cJSON_IsNumber(x) ? x->valuedouble : NAN;
}

/* A copy of a text, NULL where there is none; *st on lack of memory. */
static char *text_at(const cJSON *o, const char *key, bm_status *st)
{
    const char *s = cJSON_GetStringValue(at(o, key));
    char       *copy = bm_strdup(s);

    if (s && !copy) *st = BM_ENOMEM;
    return copy;
}

static uint64_t count_at(const cJSON *o, const char *key)
{
    double x = number_at(o, key);

    return x >= 0 ? (uint64_t)x : 0;
}

static void copy_text(char *dst, size_t room, const cJSON *o, const char *key)
{
    const char *s = cJSON_GetStringValue(at(o, key));

    snprintf(dst, room, "%s", s ? s : "");
}

static bm_status take_run(bm_saved *s, const cJSON *json, bm_error *err)
{
    const cJSON *sampler = at(json, "sampler"), *rates = at(sampler, "acceptance"), *timing = at(json, "timing");
    bm_run_info *run = &s->run;
    const char  *algorithm = cJSON_GetStringValue(at(sampler, "algorithm"));
    int          n = cJSON_GetArraySize(rates);

    run->sampler = algorithm && strcmp(algorithm, "gibbs") == 0 ? "gibbs" : "collapsed";
    copy_text(run->why, sizeof run->why, sampler, "why");
    copy_text(run->kernel, sizeof run->kernel, sampler, "kernel");
    run->pareto_k = number_at(at(json, "diagnostics"), "pareto_k");
    run->top_ratio = number_at(at(json, "diagnostics"), "top_ratio");
    run->interrupted = cJSON_IsTrue(at(sampler, "interrupted"));
    run->evaluations = count_at(sampler, "evaluations");
    run->warmup_evaluations = count_at(sampler, "warmup_evaluations");
    run->warmup_seconds = number_at(timing, "warmup_seconds");
    run->sampling_seconds = number_at(timing, "sampling_seconds");
    run->total_seconds = number_at(timing, "total_seconds");
    if (n <= 0) return BM_OK;
    if (!(run->acceptance = bm_alloc((size_t)n, sizeof *run->acceptance))) return bm_nomem(err);
    run->nchain = (size_t)n;
    for (int i = 0; i < n; i++) {
        const cJSON *x = cJSON_GetArrayItem(rates, i);

        run->acceptance[i] = cJSON_IsNumber(x) ? x->valuedouble : NAN;
    }
    return BM_OK;
}

/* The Rao-Blackwellised moments, which the draws alone do not give. Both lists have the order of the draws. */
static void take_exact_moments(bm_saved *s, const cJSON *json)
{
    const cJSON *p = NULL;
    size_t       v = 0;

    cJSON_ArrayForEach(p, at(json, "parameters")) {
        const char *name = cJSON_GetStringValue(at(p, "name"));

        for (size_t k = v; name && s->summary && k < s->draws->nvar; k++) {
            if (strcmp(s->draws->names[k], name) != 0) continue;
            s->summary[k].rb_mean = number_at(p, "rb_mean");
            s->summary[k].rb_sd = number_at(p, "rb_sd");
            v = k + 1;
            break;
        }
    }
}

static bm_status take_json(bm_saved *s, const cJSON *json, const char *path, bm_error *err)
{
    const cJSON *note = NULL;
    bm_status    st = BM_OK;

    if (!cJSON_GetStringValue(at(json, "bmixed"))) return bm_fail(err, BM_EPARSE, "%s is not a summary.json of bmixed", path);
    s->version = text_at(json, "bmixed", &st);
    s->command = text_at(json, "command", &st);
    s->hash = text_at(at(json, "data"), "hash", &st);
    if (st != BM_OK) return bm_nomem(err);
    take_exact_moments(s, json);
    cJSON_ArrayForEach(note, at(at(json, "diagnostics"), "notes")) {
        const char *text = cJSON_GetStringValue(note);

        if (text && (st = bm_strv_add(&s->notes, text, err)) != BM_OK) return st;
    }
    return take_run(s, json, err);
}

static bm_status read_summary(bm_saved *s, bm_error *err)
{
    char     *path = bm_saved_path(s->dir, "summary.json");
    bm_buf    text = { 0 };
    size_t    where;
    bm_status st = BM_OK;

    if (!path) return bm_nomem(err);
    if (access(path, F_OK) != 0) goto done;          /* a directory of draws only */
    if ((st = read_text(&text, path, err)) != BM_OK) goto done;
    if (bm_json_scan(text.s ? text.s : "", &where)) st = bm_fail(err, BM_EPARSE, "%s is not JSON; was it edited or cut short?", path);
    else if (!(s->json = cJSON_Parse(text.s))) st = bm_nomem(err);
    else st = take_json(s, s->json, path, err);
done:
    bm_buf_free(&text);
    free(path);
    return st;
}

bm_status bm_saved_read(bm_saved *s, const char *const *paths, size_t npaths, bm_error *err)
{
    struct stat sb;
    bm_status   st = bm_draws_read(&s->draws, paths, npaths, err);

    s->run.pareto_k = s->run.top_ratio = NAN;
    if (st != BM_OK || (st = bm_summarise(&s->summary, s->draws, 0, err)) != BM_OK) return st;
    if (npaths != 1 || stat(paths[0], &sb) != 0 || !S_ISDIR(sb.st_mode)) return BM_OK;
    if (!(s->dir = bm_strdup(paths[0]))) return bm_nomem(err);
    return read_summary(s, err);
}

bm_status bm_saved_beside(bm_saved *s, const bm_draws *draws, const char *dir, bm_error *err)
{
    s->draws = (bm_draws *)draws;                    /* only read, and not freed */
    s->borrows = true;
    s->run.pareto_k = s->run.top_ratio = NAN;
    if (!(s->dir = bm_strdup(dir))) return bm_nomem(err);
    return read_summary(s, err);
}

void bm_saved_clear(bm_saved *s)
{
    free(s->dir);
    if (!s->borrows) bm_draws_free(s->draws);
    free(s->summary);
    cJSON_Delete(s->json);
    free(s->hash);
    free(s->command);
    free(s->version);
    free(s->run.acceptance);
    bm_strv_free(&s->notes);
    *s = (bm_saved){ 0 };
}

/* ---- the model ---- */

static bm_status same_model(const bm_saved *s, const bm_model *m, bm_error *err)
{
    const bm_strv *want = &m->monitored;

    if (s->hash && m->frame->hash[0] && strcmp(s->hash, m->frame->hash) != 0)
        return bm_fail(err, BM_EINVAL, "%s has changed since the fit in %s (hash %s, was %s): fit again", m->spec->data, s->dir, m->frame->hash, s->hash);
    for (size_t i = 0; i < want->n; i++)
        if (i >= s->draws->nvar || strcmp(s->draws->names[i], want->v[i]) != 0)
            return bm_fail(err, BM_EINVAL, "the draws in %s are not of the model in its model.json: variable %zu is %s, not %s; fit again", s->dir, i + 1,
                           i < s->draws->nvar ? s->draws->names[i] : "missing", want->v[i]);
    return BM_OK;
}

bm_status bm_saved_spec(const bm_saved *s, bm_spec **out, bm_error *err)
{
    char     *path;
    bm_status st;

    *out = NULL;
    if (!s->dir) return bm_fail(err, BM_EINVAL, "these draws come without a model.json");
    if (!(path = bm_saved_path(s->dir, "model.json"))) return bm_nomem(err);
    st = bm_spec_read(out, path, err);
    free(path);
    return st;
}

bm_status bm_saved_model_of(const bm_saved *s, const bm_spec *spec, size_t hold, bm_model **out, bm_error *err)
{
    bm_status st;

    *out = NULL;
    if (spec->data && strcmp(spec->data, "-") == 0)
        return bm_fail(err, BM_EINVAL, "the data came from standard input and cannot be read again: fit from a file");
    if ((st = hold ? bm_model_new_streamed(out, spec, hold, err) : bm_model_new(out, spec, NULL, err)) != BM_OK) return st;
    if ((st = same_model(s, *out, err)) == BM_OK) return BM_OK;
    bm_model_free(*out);
    *out = NULL;
    return st;
}

bm_status bm_saved_model(const bm_saved *s, size_t hold, bm_model **out, bm_error *err)
{
    bm_spec  *spec = NULL;
    bm_status st = bm_saved_spec(s, &spec, err);

    *out = NULL;
    if (st == BM_OK) st = bm_saved_model_of(s, spec, hold, out, err);
    bm_spec_free(spec);
    return st;
}

/* ---- group effects ---- */

static bool field_is(const bm_field *f, const char *s)
{
    return f->n == strlen(s) && memcmp(f->s, s, f->n) == 0;
}

/* Rows come in the order in which they were written: factor after factor, level after level, effect after effect. */
static bm_status take_effect(bm_ranef_row *r, const bm_model *m, size_t *k, size_t *j, size_t *i, const bm_field *f, const bm_csv *csv, bm_error *err)
{
    const bm_group *g = *k < m->design->nfac ? &m->design->fac[*k] : NULL;
    double         *to[] = { &r->mean, &r->sd, &r->q5, &r->q50, &r->q95 };

    if (!g || !field_is(&f[0], g->name) || !field_is(&f[1], g->levels[*j]) || !field_is(&f[2], g->znames[*i]))
        return bm_fail(err, BM_EPARSE, "%s:%zu: not the group effect that the model has here; fit again", bm_csv_name(csv), bm_csv_line(csv));
    r->factor = *k;
    r->level = *j;
    r->term = *i;
    for (size_t c = 0; c < 5; c++)
        if (!bm_parse_double(f[3 + c].s, f[3 + c].n, to[c])) *to[c] = NAN;
    if (++*i < g->q) return BM_OK;
    *i = 0;
    if (++*j < g->J) return BM_OK;
    *j = 0;
    ++*k;
    return BM_OK;
}

bm_status bm_saved_ranef(const char *dir, const bm_model *m, bm_ranef_row **out, size_t *n, bm_error *err)
{
    const bm_field *f;
    bm_csv         *csv = NULL;
    char           *path = bm_saved_path(dir, "ranef.csv");
    size_t          nf, total = 0, k = 0, j = 0, i = 0;
    bm_status       st;

    for (size_t g = 0; g < m->design->nfac; g++) total += m->design->fac[g].J * m->design->fac[g].q;
    *n = 0;
    *out = bm_alloc(total, sizeof **out);
    if (!path || !*out) {
        free(path);
        return bm_nomem(err);
    }
    if (!total) {
        free(path);
        return BM_OK;
    }
    if ((st = bm_csv_open(&csv, path, ',', err)) != BM_OK) goto done;
    if ((st = bm_csv_next(csv, &f, &nf, err)) != BM_OK) goto done;
    while ((st = bm_csv_next(csv, &f, &nf, err)) == BM_OK && nf >= 8 && *n < total)
        if ((st = take_effect(&(*out)[(*n)++], m, &k, &j, &i, f, csv, err)) != BM_OK) goto done;
    if (st == BM_OK && *n < total) st = bm_fail(err, BM_EPARSE, "%s ends after %zu of %zu group effects; fit again", path, *n, total);
done:
    bm_csv_close(csv);
    free(path);
    return st;
}

/* ---- derived quantities ---- */

bm_status bm_saved_derived(const bm_saved *s, bm_derived_row **out, size_t *n, bm_error *err)
{
    const cJSON *list = at(s->json, "derived"), *x = NULL;
    bm_status    st = BM_OK;

    *n = 0;
    if (!(*out = bm_alloc((size_t)cJSON_GetArraySize(list), sizeof **out))) return bm_nomem(err);
    cJSON_ArrayForEach(x, list) {
        bm_derived_row *r = &(*out)[(*n)++];

        *r = (bm_derived_row){ .name = bm_strdup(x->string), .meaning = text_at(x, "meaning", &st), .mean = number_at(x, "mean"),
                               .sd = number_at(x, "sd"), .q2_5 = number_at(x, "q2.5"), .q50 = number_at(x, "q50"), .q97_5 = number_at(x, "q97.5") };
        if (!r->name) st = BM_ENOMEM;
    }
    return st == BM_OK ? st : bm_nomem(err);
}
