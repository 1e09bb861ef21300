/* formula_terms.c: the expansion of a sum of terms by the rules of R's terms.formula (Chambers & Hastie 1992, Statistical Models in S,
 * section 2.4): a term is the set of its variables; * / ^ %in% : and - work on ordered lists of terms. */
#include "model/formula_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct { uint64_t *v; size_t n, cap; } list;         /* n x words, no term twice */

typedef struct {
    bm_terms         *t;
    const bm_formula *f;
    bool              removing;      /* to the right of a minus: 1 and 0 mean the opposite */
    bm_error         *err;
} expansion;

/* ---- variables ---- */

static bool is_variable(const bm_node *n)
{
    return n->kind == BM_NODE_NAME || (n->kind == BM_NODE_CALL && n->fn->kind != BM_FN_OFFSET);
}

static bool is_bar(const bm_node *n)
{
    return n->kind == BM_NODE_BINARY && (n->op == BM_OP_OR || n->op == BM_OP_OR2);
}

static size_t find_var(const bm_terms *t, const bm_node *n)
{
    size_t k = 0;

    while (k < t->nvar && !bm_node_equal(t->var[k], n)) k++;
    return k;
}

static bm_status collect(expansion *e, const bm_node *n)
{
    bm_terms       *t = e->t;
    const bm_node **var;
    bm_status       st = BM_OK;

    if (is_bar(n)) return BM_OK;
    if (!is_variable(n)) {
        if (n->kind == BM_NODE_CALL) return BM_OK;
        for (size_t k = 0; k < n->nkid && st == BM_OK; k++) st = collect(e, n->kid[k]);
        return st;
    }
    if (e->f->lhs && bm_node_equal(n, e->f->lhs))
        return bm_formula_fail(e->f, n->pos, e->err, BM_EINVAL, "formula: the response cannot be its own predictor");
    if (find_var(t, n) < t->nvar) return BM_OK;
    if (!(var = bm_grow(t->var, &t->cap_var, t->nvar + 1, sizeof *var))) return bm_nomem(e->err);
    t->var = var;
    var[t->nvar++] = n;
    return BM_OK;
}

/* ---- lists of terms ---- */

static uint64_t *term_at(const expansion *e, const list *l, size_t i)
{
    return l->v + i * e->t->words;
}

static bool in_list(const expansion *e, const list *l, const uint64_t *term)
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(term_at(e, l, i), term, e->t->words * sizeof *term) == 0) return true;
    return false;
}

static bm_status add_union(expansion *e, list *l, const uint64_t *a, const uint64_t *b)
{
    size_t    words = e->t->words;
    uint64_t *v = bm_grow(l->v, &l->cap, (l->n + 1) * words, sizeof *v), *term;

    if (!v) return bm_nomem(e->err);
    l->v = v;
    term = v + l->n * words;
    for (size_t w = 0; w < words; w++) term[w] = a[w] | (b ? b[w] : 0);
    if (in_list(e, l, term)) return BM_OK;
    if (++l->n > BM_MAX_COLUMNS)
        return bm_fail(e->err, BM_EINVAL, "formula: it expands to more than %d terms; name those that matter", BM_MAX_COLUMNS);
    return BM_OK;
}

static bm_status append(expansion *e, list *l, const list *more)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < more->n && st == BM_OK; i++) st = add_union(e, l, term_at(e, more, i), NULL);
    return st;
}

/* Every term of a with every term of b. */
static bm_status append_products(expansion *e, list *l, const list *a, const list *b)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < a->n && st == BM_OK; i++)
        for (size_t j = 0; j < b->n && st == BM_OK; j++) st = add_union(e, l, term_at(e, a, i), term_at(e, b, j));
    return st;
}

/* All variables of a list together, as a list of one term. */
static bm_status merge(expansion *e, list *out, const list *a)
{
    uint64_t *zero = bm_alloc(e->t->words, sizeof *zero);
    bm_status st = zero ? add_union(e, out, zero, NULL) : bm_nomem(e->err);

    for (size_t i = 0; i < a->n && st == BM_OK; i++)
        for (size_t w = 0; w < e->t->words; w++) out->v[w] |= term_at(e, a, i)[w];
    free(zero);
    return st;
}

static void remove_terms(const expansion *e, list *l, const list *gone)
{
    size_t n = 0, words = e->t->words;

    for (size_t i = 0; i < l->n; i++)
        if (!in_list(e, gone, term_at(e, l, i))) memmove(l->v + n++ * words, term_at(e, l, i), words * sizeof *l->v);
    l->n = n;
}

/* ---- operators ---- */

static bm_status expand(expansion *e, const bm_node *n, list *out);

static bm_status expand_difference(expansion *e, const bm_node *n, list *out)
{
    list      left = { 0 }, right = { 0 };
    bm_status st = n->nkid == 2 ? expand(e, n->kid[0], &left) : BM_OK;

    e->removing = !e->removing;
    if (st == BM_OK) st = expand(e, n->kid[n->nkid - 1], &right);
    e->removing = !e->removing;
    if (st == BM_OK) {
        remove_terms(e, &left, &right);
        st = append(e, out, &left);
    }
    free(left.v);
    free(right.v);
    return st;
}

static bm_status expand_product(expansion *e, const bm_node *n, list *out)
{
    list      a = { 0 }, b = { 0 }, all = { 0 };
    bm_status st = expand(e, n->kid[0], &a);

    if (st == BM_OK) st = expand(e, n->kid[1], &b);
    if (st == BM_OK && n->op != BM_OP_COLON && n->op != BM_OP_IN) st = append(e, out, &a);
    if (st == BM_OK) {
        switch (n->op) {
        case BM_OP_TIMES:
            st = append(e, out, &b);
            if (st == BM_OK) st = append_products(e, out, &a, &b);
            break;
        case BM_OP_DIVIDE:                           /* b within all of a */
            st = merge(e, &all, &a);
            if (st == BM_OK) st = append_products(e, out, &all, &b);
            break;
        case BM_OP_IN:                               /* a within all of b */
            st = merge(e, &all, &b);
            if (st == BM_OK) st = append_products(e, out, &a, &all);
            break;
        default: st = append_products(e, out, &a, &b);
        }
    }
    free(a.v);
    free(b.v);
    free(all.v);
    return st;
}

static bm_status expand_power(expansion *e, const bm_node *n, list *out)
{
    list      base = { 0 }, power = { 0 };
    bm_status st = expand(e, n->kid[0], &base);

    if (st == BM_OK) st = append(e, &power, &base);
    for (int k = 1; k < (int)n->kid[1]->num && st == BM_OK; k++) {
        list   longer = { 0 };
        size_t before = power.n;

        st = append_products(e, &longer, &power, &base);
        free(power.v);
        power = longer;
        if (power.n == before) break;                /* nothing new: base is closed under products */
    }
    if (st == BM_OK) st = append(e, out, &power);
    free(base.v);
    free(power.v);
    return st;
}

static bm_status expand_binary(expansion *e, const bm_node *n, list *out)
{
    bm_status st;

    switch (n->op) {
    case BM_OP_PLUS: return (st = expand(e, n->kid[0], out)) == BM_OK ? expand(e, n->kid[1], out) : st;
    case BM_OP_MINUS: return expand_difference(e, n, out);
    case BM_OP_POWER: return expand_power(e, n, out);
    case BM_OP_OR: case BM_OP_OR2: return BM_OK;     /* a random term */
    default: return expand_product(e, n, out);
    }
}

/* Appends the terms of n to out, but those that are there. */
static bm_status expand(expansion *e, const bm_node *n, list *out)
{
    uint64_t *bits;
    size_t    v;
    bm_status st;

    if (n->kind == BM_NODE_NUM) {
        e->t->intercept = (n->num == 1) != e->removing;
        return BM_OK;
    }
    if (n->kind == BM_NODE_BINARY) return expand_binary(e, n, out);
    if (n->kind == BM_NODE_UNARY && n->op == BM_OP_MINUS) return expand_difference(e, n, out);
    if (n->kind == BM_NODE_PAREN || n->kind == BM_NODE_UNARY) return expand(e, n->kid[0], out);
    if (!is_variable(n)) return BM_OK;               /* offset() */
    if (!(bits = bm_alloc(e->t->words, sizeof *bits))) return bm_nomem(e->err);
    v = find_var(e->t, n);
    bits[v / 64] |= (uint64_t)1 << v % 64;
    st = add_union(e, out, bits, NULL);
    free(bits);
    return st;
}

/* ---- the result ---- */

static size_t degree(const uint64_t *term, size_t words)
{
    size_t d = 0;

    for (size_t w = 0; w < words; w++) d += (size_t)__builtin_popcountll(term[w]);
    return d;
}

/* By degree, otherwise in order of appearance. */
static bm_status sort_terms(expansion *e, const list *l)
{
    bm_terms *t = e->t;
    size_t    most = 0;

    if (!(t->term = bm_alloc(l->n * t->words, sizeof *t->term))) return bm_nomem(e->err);
    for (size_t i = 0; i < l->n; i++) {
        size_t d = degree(term_at(e, l, i), t->words);

        if (d > most) most = d;
    }
    for (size_t d = 0; d <= most; d++)
        for (size_t i = 0; i < l->n; i++)
            if (degree(term_at(e, l, i), t->words) == d)
                memcpy(t->term + t->nterm++ * t->words, term_at(e, l, i), t->words * sizeof *t->term);
    return BM_OK;
}

bm_status bm_terms_new(bm_terms *t, const bm_formula *f, const bm_node *rhs, bm_error *err)
{
    expansion e = { .t = t, .f = f, .err = err };
    list      l = { 0 };
    bm_status st;

    *t = (bm_terms){ .intercept = true };
    st = collect(&e, rhs);
    t->words = t->nvar / 64 + 1;
    if (st == BM_OK) st = expand(&e, rhs, &l);
    if (st == BM_OK) st = sort_terms(&e, &l);
    free(l.v);
    if (st != BM_OK) bm_terms_clear(t);
    return st;
}

void bm_terms_clear(bm_terms *t)
{
    free(t->var);
    free(t->term);
    *t = (bm_terms){ 0 };
}

bool bm_terms_has(const bm_terms *t, size_t term, size_t var)
{
    return t->term[term * t->words + var / 64] >> var % 64 & 1;
}

/* R's TermCode: margins are looked for among earlier terms, numeric variables count as factors do, and containing is enough. */
bool bm_terms_margin(const bm_terms *t, size_t term, size_t var)
{
    const uint64_t *self = t->term + term * t->words;
    bool            empty = true;

    for (size_t w = 0; w < t->words; w++) {
        uint64_t rest = self[w] & ~(w == var / 64 ? (uint64_t)1 << var % 64 : 0);

        empty = empty && rest == 0;
    }
    if (empty) return true;
    for (size_t i = 0; i < term; i++) {
        bool within = true;

        for (size_t w = 0; w < t->words && within; w++) {
            uint64_t rest = self[w] & ~(w == var / 64 ? (uint64_t)1 << var % 64 : 0);

            within = (rest & ~t->term[i * t->words + w]) == 0;
        }
        if (within) return true;
    }
    return false;
}
