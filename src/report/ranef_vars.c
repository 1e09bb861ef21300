/* ranef_vars.c: where the group effects are among the draws, whatever order the sampler kept them in: found by name. */
#include "report/report_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct { const char *name; size_t var; } entry;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

bm_status bm_ranef_vars(size_t **out, bool *all, const bm_result *r, size_t factor, bm_error *err)
{
    const bm_draws *d = r->draws;
    const bm_group *g = &r->design->fac[factor];
    size_t          n = d->nvar - r->nmonitored;
    entry          *e = bm_alloc(n, sizeof *e);
    size_t         *var = bm_alloc(g->J * g->q, sizeof *var);
    bm_buf          name = { 0 };
    bool            found = g->J * g->q <= n;
    bm_status       st = BM_ENOMEM;

    *out = NULL;
    if (!e || !var) goto done;
    for (size_t i = 0; i < n; i++) e[i] = (entry){ d->names[r->nmonitored + i], r->nmonitored + i };
    if (found) qsort(e, n, sizeof *e, by_name);
    for (size_t k = 0; found && k < g->J * g->q; k++) {
        const entry *at;

        name.n = 0;
        bm_ranef_name(&name, g, k % g->J, k / g->J);
        if (name.failed) goto done;
        at = bsearch(&(entry){ name.s, 0 }, e, n, sizeof *e, by_name);
        found = at != NULL;
        if (at) var[k] = at->var;
    }
    *all = found;
    *out = var;
    var = NULL;
    st = BM_OK;
done:
    if (st != BM_OK) bm_nomem(err);
    bm_buf_free(&name);
    free(e);
    free(var);
    return st;
}
