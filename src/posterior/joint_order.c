/* joint_order.c: in which order the levels of several grouping factors are eliminated, and how many levels each is then connected with.
 *
 * The order is an approximate minimum degree (Amestoy, Davis & Duff 2004, ACM TOMS 30:381), also with the levels of one factor constrained to come first
 * (CAMD: Chen et al. 2008, ACM TOMS 35:22), then the elimination tree in postorder (Liu 1990, SIAM J. Matrix Anal. Appl. 11:134). The numbers of
 * connected levels come without the factor itself: from the first descendants and the row subtrees' leaves, in time nearly proportional to the entries of
 * the matrix (Gilbert, Ng & Peyton 1994, SIAM J. Matrix Anal. Appl. 15:1075). */
#include "posterior/joint.h"

#include <amd.h>
#include <camd.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

typedef struct { int n, *ptr, *idx; } graph;         /* neighbours of node i: idx[ptr[i]] .. idx[ptr[i + 1] - 1] */

static void graph_free(graph *g)
{
    free(g->ptr);
    free(g->idx);
}

static bm_status graph_alloc(graph *g, int n, size_t nnz)
{
    g->n = n;
    g->ptr = bm_alloc((size_t)n + 1, sizeof *g->ptr);
    g->idx = bm_alloc(nnz, sizeof *g->idx);
    return g->ptr && g->idx ? BM_OK : BM_ENOMEM;
}

/* Levels that occur together, each pair once: those of later factors under those of earlier ones. */
static bm_status pairs_of_levels(graph *g, const bm_joint *j, const bm_stats *st)
{
    size_t nnz = 0;
    int    at = 0;

    for (size_t k = 0; k < j->nfac; k++)
        for (size_t l = k + 1; l < j->nfac; l++) nnz += bm_stats_cross(st, k, l)->nnz;
    if (nnz > INT32_MAX || j->N >= INT32_MAX || graph_alloc(g, (int)j->N, nnz) != BM_OK) return BM_ENOMEM;
    for (size_t k = 0; k < j->nfac; k++)
        for (size_t a = 0; a < st->fac[k].J; a++) {
            for (size_t l = k + 1; l < j->nfac; l++) {
                const bm_cross *c = bm_stats_cross(st, k, l);

                for (size_t e = c->ptr[a]; e < c->ptr[a + 1]; e++) g->idx[at++] = (int)(j->base[l] + c->lev[e]);
            }
            g->ptr[j->base[k] + a + 1] = at;
        }
    return BM_OK;
}

/* The same pairs with nodes renamed to rank[node], under the smaller name (lower) or under the larger. Sorted by a bucket for each node. */
static void rename_nodes(const graph *g, const int *rank, bool lower, graph *out)
{
    memset(out->ptr, 0, ((size_t)g->n + 1) * sizeof *out->ptr);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < g->n; i++)
            for (int e = g->ptr[i]; e < g->ptr[i + 1]; e++) {
                int a = rank[i], b = rank[g->idx[e]], under = (a < b) == lower ? a : b;

                if (pass == 0) out->ptr[under + 1]++;
                else out->idx[out->ptr[under]++] = a + b - under;
            }
        for (int i = 0; pass == 0 && i < g->n; i++) out->ptr[i + 1] += out->ptr[i];
    }
    memmove(out->ptr + 1, out->ptr, (size_t)g->n * sizeof *out->ptr);
    out->ptr[0] = 0;
}

/* parent[i]: the first node after i that is connected with it once those before are eliminated. up: neighbours before each node. */
static void elimination_tree(const graph *up, int *parent, int *ancestor)
{
    for (int i = 0; i < up->n; i++) {
        parent[i] = ancestor[i] = NONE;
        for (int e = up->ptr[i]; e < up->ptr[i + 1]; e++)
            for (int k = up->idx[e], next; k != NONE && k != i; k = next) {
                next = ancestor[k];
                ancestor[k] = i;
                if (next == NONE) parent[k] = i;
            }
    }
}

/* rank[i]: the place of i when children come before their parent and a subtree stays together. head, next: scratch. */
static void postorder(int n, const int *parent, int *rank, int *head, int *next)
{
    int place = 0;

    for (int i = 0; i < n; i++) head[i] = NONE;
    for (int i = n - 1; i >= 0; i--)
        if (parent[i] != NONE) {
            next[i] = head[parent[i]];
            head[parent[i]] = i;
        }
    for (int root = 0; root < n; root++) {
        if (parent[root] != NONE) continue;
        for (int i = root; i != NONE;) {
            int child = head[i];

            if (child != NONE) {                     /* down, and next time to its sister */
                head[i] = next[child];
                i = child;
                continue;
            }
            rank[i] = place++;
            i = i == root ? NONE : parent[i];
        }
    }
}

/* The root of the part of the tree that i has been joined to, the path shortened. */
static int find_root(int *ancestor, int i)
{
    int root = i;

    while (ancestor[root] != root) root = ancestor[root];
    for (int up; i != root; i = up) {
        up = ancestor[i];
        ancestor[i] = root;
    }
    return root;
}

/* count[i]: rows of column i of the factor, its own included. Nodes are in postorder; down: neighbours after each node. first, leaf, latest, ancestor:
 * scratch. Node i stands in column c of every row whose subtree it is a leaf of, and in those of all above up to where two such leaves meet. */
static void column_counts(const graph *down, const int *parent, int *count, int *first, int *leaf, int *latest, int *ancestor)
{
    int n = down->n;

    for (int i = 0; i < n; i++) {
        first[i] = leaf[i] = latest[i] = NONE;
        ancestor[i] = i;
    }
    for (int i = 0; i < n; i++) {
        count[i] = first[i] == NONE;                 /* a leaf of the tree */
        for (int k = i; k != NONE && first[k] == NONE; k = parent[k]) first[k] = i;
    }
    for (int i = 0; i < n; i++) {
        if (parent[i] != NONE) count[parent[i]]--;
        for (int e = down->ptr[i]; e < down->ptr[i + 1]; e++) {
            int row = down->idx[e];

            if (first[i] <= leaf[row]) continue;     /* not a leaf of the row's subtree */
            leaf[row] = first[i];
            count[i]++;
            if (latest[row] != NONE) count[find_root(ancestor, latest[row])]--;
            latest[row] = i;
        }
        if (parent[i] != NONE) ancestor[i] = parent[i];
    }
    for (int i = 0; i < n; i++)
        if (parent[i] != NONE) count[parent[i]] += count[i];
}

/* perm[place] = node: approximate minimum degree, the levels of the factor that has most of them first if constrained. set: scratch. */
static bm_status minimum_degree(const bm_joint *j, const graph *g, bool constrained, int *perm, int *set)
{
    size_t most = 0;
    int    status;

    for (size_t k = 1; k < j->nfac; k++)
        if (j->base[k + 1] - j->base[k] > j->base[most + 1] - j->base[most]) most = k;
    for (size_t i = 0; i < j->N; i++) set[i] = i < j->base[most] || i >= j->base[most + 1];
    status = constrained ? camd_order(g->n, g->ptr, g->idx, perm, NULL, NULL, set) : amd_order(g->n, g->ptr, g->idx, perm, NULL, NULL);
    return status == AMD_OK || status == AMD_OK_BUT_JUMBLED ? BM_OK : BM_ENOMEM;
}

bm_status bm_joint_order(bm_joint *j, const bm_stats *st, bool constrained, size_t *height)
{
    enum { ARRAYS = 7 };
    graph     g = { 0 }, half = { 0 };
    size_t    n = j->N;
    int      *a = bm_alloc(ARRAYS * n, sizeof *a), *rank = a, *parent = a + n, *s1 = a + 2 * n, *s2 = a + 3 * n, *s3 = a + 4 * n, *s4 = a + 5 * n,
             *count = a + 6 * n;
    bm_status status = BM_ENOMEM;

    if (!a || pairs_of_levels(&g, j, st) != BM_OK || graph_alloc(&half, g.n, (size_t)g.ptr[n]) != BM_OK) goto done;
    if (minimum_degree(j, &g, constrained, s1, s2) != BM_OK) goto done;
    for (size_t i = 0; i < n; i++) rank[s1[i]] = (int)i;
    rename_nodes(&g, rank, false, &half);
    elimination_tree(&half, parent, s1);
    postorder(g.n, parent, s1, s2, s3);
    for (size_t i = 0; i < n; i++) s2[s1[i]] = parent[i] == NONE ? NONE : s1[parent[i]];
    memcpy(parent, s2, n * sizeof *parent);
    for (size_t i = 0; i < n; i++) rank[i] = s1[rank[i]];
    rename_nodes(&g, rank, true, &half);
    column_counts(&half, parent, count, s1, s2, s3, s4);
    for (size_t id = 0, k = 0; id < n; id++) {
        size_t i = (size_t)rank[id];

        while (id >= j->base[k + 1]) k++;
        j->place[id] = (uint32_t)i;
        j->fac[i] = (uint32_t)k;
        j->lev[i] = (uint32_t)(id - j->base[k]);
        height[i] = (size_t)count[i];
    }
    status = BM_OK;
done:
    graph_free(&g);
    graph_free(&half);
    free(a);
    return status;
}
