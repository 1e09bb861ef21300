/* reml_fixture.h: designs for tests of REML, straight from small CSV files: no formulas. */
#ifndef BM_REML_FIXTURE_H
#define BM_REML_FIXTURE_H

#include "testing.h"

#include "fit/fit.h"

/* ---- a CSV file as text cells ---- */

typedef struct { size_t n, ncol; char **name, **cell; } table;

static inline char *unquoted(const char *s, size_t n)
{
    return n >= 2 && *s == '"' ? strndup(s + 1, n - 2) : strndup(s, n);
}

static inline table table_read(const char *path)
{
    table  t = { 0 };
    char  *line = NULL;
    size_t cap = 0, room = 0;
    FILE  *f = fopen(path, "r");

    if (!f) fail_msg("cannot open %s", path);
    for (ssize_t len; (len = getline(&line, &cap, f)) > 0;) {
        char *s = line, *end;

        line[strcspn(line, "\r\n")] = '\0';
        if (!t.ncol) {
            for (t.ncol = 1, end = line; (end = strchr(end, ',')); end++) t.ncol++;
            t.name = calloc(t.ncol, sizeof *t.name);
            for (size_t k = 0; k < t.ncol; k++, s = end + 1) {
                end = s + strcspn(s, ",");
                t.name[k] = unquoted(s, (size_t)(end - s));
            }
            continue;
        }
        if (t.n == room) t.cell = realloc(t.cell, (room = room ? 2 * room : 64) * t.ncol * sizeof *t.cell);
        for (size_t k = 0; k < t.ncol; k++, s = *end ? end + 1 : end) {
            end = s + strcspn(s, ",");
            t.cell[t.n * t.ncol + k] = unquoted(s, (size_t)(end - s));
        }
        t.n++;
    }
    free(line);
    fclose(f);
    return t;
}

static inline void table_free(table *t)
{
    for (size_t k = 0; k < t->ncol; k++) free(t->name[k]);
    for (size_t i = 0; i < t->n * t->ncol; i++) free(t->cell[i]);
    free(t->name);
    free(t->cell);
}

static inline size_t table_col(const table *t, const char *name)
{
    for (size_t k = 0; k < t->ncol; k++)
        if (strcmp(t->name[k], name) == 0) return k;
    fail_msg("no column %s", name);
    return 0;
}

/* name, "1" for ones, or "name^2" */
static inline void table_num(const table *t, const char *name, double *x)
{
    char   base[64];
    size_t len = strcspn(name, "^"), k;

    if (strcmp(name, "1") == 0) {
        for (size_t i = 0; i < t->n; i++) x[i] = 1;
        return;
    }
    snprintf(base, sizeof base, "%.*s", (int)len, name);
    k = table_col(t, base);
    for (size_t i = 0; i < t->n; i++) {
        x[i] = strtod(t->cell[i * t->ncol + k], NULL);
        if (name[len]) x[i] *= x[i];
    }
}

/* ---- a design ---- */

typedef struct { bm_design d; bm_group g; bm_block block[16]; table t; bm_stats *st; } fixture;

/* x, z: names of columns separated by blanks, for table_num; z and group NULL: no group effects. blocks: sizes as digits ("11": uncorrelated). */
static inline fixture *fixture_new(const char *path, const char *y, const char *x, const char *z, const char *group, const char *blocks)
{
    fixture *f = calloc(1, sizeof *f);
    char     word[64];
    int      used;
    size_t   n;

    f->t = table_read(path);
    n = f->t.n;
    f->d = (bm_design){ .n = n, .n_read = n, .yname = strdup(y), .y = calloc(n, sizeof(double)), .intercept = -1, .fac = &f->g, .nfac = group != NULL };
    table_num(&f->t, y, f->d.y);
    f->d.X = calloc(n * 16, sizeof(double));
    f->d.xnames = calloc(16, sizeof(char *));
    for (; sscanf(x, "%63s%n", word, &used) == 1; x += used) {
        table_num(&f->t, word, f->d.X + f->d.p * n);
        f->d.xnames[f->d.p++] = strdup(strcmp(word, "1") ? word : "(Intercept)");
    }
    if (!group) return f;
    f->g = (bm_group){ .name = strdup(group), .code = calloc(n, sizeof(int32_t)), .levels = calloc(n, sizeof(char *)), .Z = calloc(n * 16, sizeof(double)),
                       .znames = calloc(16, sizeof(char *)), .block = f->block };
    for (; sscanf(z, "%63s%n", word, &used) == 1; z += used) {
        table_num(&f->t, word, f->g.Z + f->g.q * n);
        f->g.znames[f->g.q++] = strdup(strcmp(word, "1") ? word : "Intercept");
    }
    for (size_t first = 0; *blocks; blocks++) {
        f->block[f->g.nblock++] = (bm_block){ first, (size_t)(*blocks - '0') };
        first += (size_t)(*blocks - '0');
    }
    for (size_t i = 0, c = table_col(&f->t, group); i < n; i++) {
        const char *label = f->t.cell[i * f->t.ncol + c];
        size_t      j = 0;

        while (j < f->g.J && strcmp(f->g.levels[j], label) != 0) j++;
        if (j == f->g.J) f->g.levels[f->g.J++] = strdup(label);
        f->g.code[i] = (int32_t)j;
    }
    return f;
}

static inline void fixture_free(fixture *f)
{
    bm_stats_free(f->st);
    for (size_t k = 0; k < f->d.p; k++) free(f->d.xnames[k]);
    for (size_t k = 0; k < f->g.q; k++) free(f->g.znames[k]);
    for (size_t j = 0; j < f->g.J; j++) free(f->g.levels[j]);
    free(f->d.xnames);
    free(f->d.yname);
    free(f->d.y);
    free(f->d.X);
    free(f->d.w);
    free(f->d.o);
    free(f->d.row);
    free(f->g.name);
    free(f->g.code);
    free(f->g.levels);
    free(f->g.Z);
    free(f->g.znames);
    table_free(&f->t);
    free(f);
}

static inline bm_status fixture_stats(fixture *f, bm_error *err)
{
    bm_stats_free(f->st);
    return bm_stats_new(&f->st, &f->d, err);
}

static inline bm_reml *fixture_fit(fixture *f, const bm_reml_options *opt)
{
    bm_reml *r = NULL;
    bm_error err = { 0 };

    bm_assert_ok(fixture_stats(f, &err), err);
    bm_assert_ok(bm_reml_fit(&r, f->st, &f->d, opt, &err), err);
    return r;
}

#endif
