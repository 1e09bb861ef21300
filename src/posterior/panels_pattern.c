/* panels_pattern.c: order of elimination, and the panels that follow from it: CHOLMOD's (Chen, Davis, Hager & Rajamanickam 2008, ACM TOMS 35:22), by
 * approximate minimum degree (Amestoy, Davis & Duff 2004, ACM TOMS 30:381). A small matrix is one dense panel, without asking. */
#include "posterior/panels.h"

#include "posterior/cholmod_lib.h"

#include "posterior/cholmod_lib.h"

#include <stdlib.h>
#include <string.h>

enum { DENSE = 64 };                      /* columns up to which a matrix is taken to be dense */
static const double FORMED = 4e7;         /* pairs up to which the matrix's own pattern is formed for the order; else COLAMD takes the cliques */

static bm_status allocate(bm_panels *p, size_t rows)
{
    p->first = bm_alloc(p->n + 1, sizeof *p->first);
    p->ptr = bm_alloc(p->n + 1, sizeof *p->ptr);
    p->row = bm_alloc(rows, sizeof *p->row);
    p->val = bm_alloc(p->n + 1, sizeof *p->val);
    p->of = bm_alloc(p->m, sizeof *p->of);
    p->link = bm_alloc(p->n + 1, sizeof *p->link);
    return p->first && p->ptr && p->row && p->val && p->of && p->link ? BM_OK : BM_ENOMEM;
}

void bm_panels_free(bm_panels *p)
{
    if (!p) return;
    free(p->first);
    free(p->ptr);
    free(p->row);
    free(p->val);
    free(p->of);
    free(p->link);
    free(p->links);
    free(p->rel);
    free(p);
}

/* ---- CHOLMOD's analysis ---- */

/* m x nclique: a column for each clique. */
static cholmod_sparse *cliques(const bm_cholmod *lib, size_t m, size_t nclique, const size_t *ptr, const uint32_t *member, cholmod_common *cc)
{
    cholmod_sparse *A;

    if (ptr[nclique] > INT32_MAX || nclique > INT32_MAX) return NULL;
    if (!(A = lib->allocate_sparse(m, nclique, ptr[nclique], false, true, 0, CHOLMOD_PATTERN, cc))) return NULL;
    for (size_t c = 0; c <= nclique; c++) ((int *)A->p)[c] = (int)ptr[c];
    for (size_t e = 0; e < ptr[nclique]; e++) ((int *)A->i)[e] = (int)member[e];
    return A;
}

static cholmod_factor *analyze(const bm_cholmod *lib, size_t m, size_t nclique, const size_t *ptr, const uint32_t *member, cholmod_common *cc)
{
    double          pairs = 0;
    cholmod_sparse *A = cliques(lib, m, nclique, ptr, member, cc), *S = NULL;
    cholmod_factor *L = NULL;

    for (size_t c = 0; c < nclique; c++) pairs += (double)(ptr[c + 1] - ptr[c]) * (double)(ptr[c + 1] - ptr[c]);
    if (A && pairs <= FORMED) {
        cholmod_sparse *AA = lib->aat(A, NULL, 0, 0, cc);

        if (AA) S = lib->copy(AA, -1, 0, cc);
        lib->free_sparse(&AA, cc);
        if (S) L = lib->analyze(S, cc);
    } else if (A) {
        L = lib->analyze(A, cc);
    }
    lib->free_sparse(&S, cc);
    lib->free_sparse(&A, cc);
    return L;
}

static bm_status take_analysis(bm_panels *p, const cholmod_factor *L, double most, uint32_t *place)
{
    const int *super = L->super, *pi = L->pi, *s = L->s, *perm = L->Perm;
    size_t     rows = 0;

    if ((double)L->xsize > most) return BM_NOT_PD;
    p->n = L->nsuper;
    for (size_t j = 0; j < p->n; j++) rows += (size_t)(pi[j + 1] - pi[j]) - (size_t)(super[j + 1] - super[j]);
    if (allocate(p, rows) != BM_OK) return BM_ENOMEM;
    for (size_t i = 0; i < p->m; i++) place[perm[i]] = (uint32_t)i;
    for (size_t j = 0; j < p->n; j++) {
        size_t w = (size_t)(super[j + 1] - super[j]), h = (size_t)(pi[j + 1] - pi[j]);

        p->first[j + 1] = (size_t)super[j + 1];
        p->ptr[j + 1] = p->ptr[j] + h - w;
        for (size_t i = w; i < h; i++) p->row[p->ptr[j] + i - w] = (uint32_t)s[pi[j] + (int)i];
    }
    return BM_OK;
}

static bm_status find_panels(bm_panels *p, size_t nclique, const size_t *ptr, const uint32_t *member, double most, uint32_t *place)
{
    const bm_cholmod *lib = bm_cholmod_load(NULL);
    cholmod_common    cc;
    cholmod_factor   *L;
    bm_status         st = BM_ENOMEM;

    if (!lib) return BM_ELIBRARY;
    lib->start(&cc);
    cc.print = 0;
    cc.nmethods = 1;
    cc.method[0].ordering = CHOLMOD_AMD;
    cc.postorder = true;
    cc.supernodal = CHOLMOD_SUPERNODAL;
    if ((L = analyze(lib, p->m, nclique, ptr, member, &cc))) st = take_analysis(p, L, most, place);
    else if (cc.status == CHOLMOD_TOO_LARGE) st = BM_NOT_PD;
    lib->free_factor(&L, &cc);
    lib->finish(&cc);
    return st;
}

/* ---- where the rows below stand in the panels of which they are columns ---- */

/* Fills rel (NULL: only counts) for the rows of panel j from `from` on, in panel `to`. */
static void relative(const bm_panels *p, size_t j, const bm_panel_link *k, uint32_t *rel)
{
    size_t w = p->first[k->to + 1] - p->first[k->to], e = p->ptr[k->to], nb = p->ptr[j + 1] - p->ptr[j], nbt = p->ptr[k->to + 1] - p->ptr[k->to];

    for (size_t i = k->from; i < nb; i++) {
        uint32_t r = p->row[p->ptr[j] + i];

        if (r < p->first[k->to + 1]) {
            *rel++ = (uint32_t)(r - p->first[k->to]);
            continue;
        }
        while (p->row[e] < r) e++;
        *rel++ = (uint32_t)(w + e - p->ptr[k->to]);
    }
    for (size_t x = 0; x < p->extra; x++) *rel++ = (uint32_t)(w + nbt + x);
}

static bm_status find_links(bm_panels *p)
{
    size_t cap = 0, n = 0, nrel = 0;

    for (size_t j = 0; j < p->n; j++) {
        size_t nb = p->ptr[j + 1] - p->ptr[j];

        for (size_t i = 0; i < nb;) {
            size_t         to = p->of[p->row[p->ptr[j] + i]], from = i;
            bm_panel_link *links = bm_grow(p->links, &cap, n + 1, sizeof *links);

            if (!links) return BM_ENOMEM;
            p->links = links;
            while (i < nb && p->of[p->row[p->ptr[j] + i]] == to) i++;
            links[n++] = (bm_panel_link){ to, from, i, nrel };
            nrel += nb - from + p->extra;
        }
        p->link[j + 1] = n;
    }
    if (!(p->rel = bm_alloc(nrel, sizeof *p->rel))) return BM_ENOMEM;
    for (size_t j = 0; j < p->n; j++)
        for (size_t l = p->link[j]; l < p->link[j + 1]; l++) relative(p, j, &p->links[l], p->rel + p->links[l].rel);
    return BM_OK;
}

static void measure(bm_panels *p)
{
    for (size_t j = 0; j < p->n; j++) {
        size_t w = p->first[j + 1] - p->first[j], nb = p->ptr[j + 1] - p->ptr[j], below = nb + p->extra, h = w + below;

        p->val[j + 1] = p->val[j] + h * w;
        if (below > p->below) p->below = below;
        if (w > p->wide) p->wide = w;
        for (size_t c = 0; c < w; c++) {
            p->of[p->first[j] + c] = (uint32_t)j;
            p->flops += (double)(h - c) * (double)(h - c);
        }
    }
}

bm_status bm_panels_new(bm_panels **out, size_t m, size_t extra, size_t nclique, const size_t *ptr, const uint32_t *member, double most, uint32_t *place)
{
    bm_panels *p = bm_alloc(1, sizeof *p);
    bm_status  st = BM_ENOMEM;

    *out = NULL;
    if (!p) return st;
    *p = (bm_panels){ .m = m, .extra = extra };
    if (m <= DENSE) {
        p->n = m > 0;
        if (allocate(p, 0) != BM_OK) goto fail;
        for (size_t i = 0; i < m; i++) place[i] = (uint32_t)i;
        p->first[p->n] = m;
    } else if ((st = find_panels(p, nclique, ptr, member, most, place)) != BM_OK) {
        goto fail;
    }
    st = BM_ENOMEM;
    measure(p);
    if (find_links(p) != BM_OK) goto fail;
    *out = p;
    return BM_OK;
fail:
    bm_panels_free(p);
    return st;
}
