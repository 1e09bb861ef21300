/* levels.c: distinct labels and their codes: a hash table with open addressing that remembers 32 bits of each hash. */
#include "data/data_priv.h"

#include <stdlib.h>
#include <string.h>

static inline uint64_t load(const char *s, size_t n)             /* n <= 8 */
{
    uint64_t x = 0;

    memcpy(&x, s, n);
    return x;
}

/* Multiply and fold, eight bytes at a time: the idea of wyhash (Wang Yi). */
static uint64_t hash_label(const char *s, size_t n)
{
    const uint64_t k = 0x9e3779b97f4a7c15;
    uint64_t       h = n * k;

    for (; n > 8; n -= 8, s += 8) {
        h = (h ^ load(s, 8)) * k;
        h ^= h >> 32;
    }
    h = (h ^ load(s, n)) * k;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9;
    return h ^ h >> 32;
}

const char *bm_levels_label(const bm_levels *lv, size_t code)
{
    return lv->text + lv->at[code];
}

static bool same_label(const bm_levels *lv, size_t code, const char *s, size_t n)
{
    size_t end = code + 1 < lv->n ? lv->at[code + 1] : lv->ntext;

    return end - lv->at[code] == n + 1 && memcmp(lv->text + lv->at[code], s, n) == 0;
}

/* The slot of the label, or the empty one where it belongs. */
static size_t find_slot(const bm_levels *lv, uint64_t h, const char *s, size_t n)
{
    size_t   mask = lv->nslot - 1, i = (size_t)h & mask;
    uint64_t tag = h >> 32;

    for (; lv->slot[i]; i = (i + 1) & mask)
        if (lv->slot[i] >> 32 == tag && same_label(lv, (uint32_t)lv->slot[i] - 1, s, n)) break;
    return i;
}

static bool grow_slots(bm_levels *lv)
{
    size_t    want = lv->nslot ? 2 * lv->nslot : 64;
    uint64_t *old = lv->slot, *slot = bm_alloc(want, sizeof *slot);

    if (!slot) return false;
    lv->slot = slot;
    lv->nslot = want;
    free(old);
    for (size_t k = 0; k < lv->n; k++) {             /* all differ: the first free slot is theirs */
        size_t   n = (k + 1 < lv->n ? lv->at[k + 1] : lv->ntext) - lv->at[k] - 1;
        uint64_t h = hash_label(bm_levels_label(lv, k), n);
        size_t   i = (size_t)h & (want - 1);

        while (slot[i]) i = (i + 1) & (want - 1);
        slot[i] = h >> 32 << 32 | (k + 1);
    }
    return true;
}

bool bm_levels_find(const bm_levels *lv, const char *s, size_t n, int32_t *code)
{
    size_t i;

    if (lv->nslot == 0) return false;
    i = find_slot(lv, hash_label(s, n), s, n);
    if (!lv->slot[i]) return false;
    *code = (int32_t)((uint32_t)lv->slot[i] - 1);
    return true;
}

bm_status bm_levels_code(bm_levels *lv, const char *s, size_t n, int32_t *code, bool *added, bm_error *err)
{
    uint64_t h = hash_label(s, n);
    size_t   i, *at;
    char    *text;

    *added = false;
    if (2 * lv->n >= lv->nslot && !grow_slots(lv)) return bm_nomem(err);
    i = find_slot(lv, h, s, n);
    if (lv->slot[i]) {
        *code = (int32_t)((uint32_t)lv->slot[i] - 1);
        return BM_OK;
    }
    if (lv->n >= INT32_MAX) return bm_fail(err, BM_EINVAL, "a factor cannot have more than %d levels", INT32_MAX);
    if (!(at = bm_grow(lv->at, &lv->cap, lv->n + 1, sizeof *at))) return bm_nomem(err);
    lv->at = at;
    if (!(text = bm_grow(lv->text, &lv->cap_text, lv->ntext + n + 1, 1))) return bm_nomem(err);
    lv->text = text;
    memcpy(text + lv->ntext, s, n);
    text[lv->ntext + n] = '\0';
    at[lv->n] = lv->ntext;
    lv->ntext += n + 1;
    *code = (int32_t)lv->n++;
    lv->slot[i] = h >> 32 << 32 | lv->n;
    *added = true;
    return BM_OK;
}

/* ---- the order of the levels ---- */

typedef struct { const char *s; double x; int32_t code; } sortable;

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const sortable *)a)->s, ((const sortable *)b)->s);       /* strcmp compares unsigned bytes */
}

static int by_number(const void *a, const void *b)
{
    double x = ((const sortable *)a)->x, y = ((const sortable *)b)->x;

    return x < y ? -1 : x > y ? 1 : by_bytes(a, b);
}

bm_status bm_levels_finish(const bm_levels *lv, bm_column *c, size_t n, bm_error *err)
{
    sortable *order = bm_alloc(lv->n, sizeof *order);
    int32_t  *rank = bm_alloc(lv->n, sizeof *rank);
    char    **labels = bm_alloc(lv->n, sizeof *labels);
    bool      numeric = lv->n > 0;
    bm_status st = BM_ENOMEM;

    if (!order || !rank || !labels) goto done;
    for (size_t k = 0; k < lv->n; k++) {
        order[k] = (sortable){ .s = bm_levels_label(lv, k), .code = (int32_t)k };
        numeric = numeric && bm_parse_double(order[k].s, strlen(order[k].s), &order[k].x);
    }
    qsort(order, lv->n, sizeof *order, numeric ? by_number : by_bytes);
    for (size_t k = 0; k < lv->n; k++) {
        rank[order[k].code] = (int32_t)k;
        if (!(labels[k] = bm_strdup(order[k].s))) goto done;
    }
    for (size_t i = 0; i < n; i++)
        if (c->code[i] >= 0) c->code[i] = rank[c->code[i]];
    c->kind = BM_COL_FACTOR;
    c->levels = labels;
    c->nlevels = lv->n;
    c->numeric_levels = numeric;
    labels = NULL;
    st = BM_OK;
done:
    if (st != BM_OK) bm_nomem(err);
    if (labels)
        for (size_t k = 0; k < lv->n; k++) free(labels[k]);
    free(labels);
    free(rank);
    free(order);
    return st;
}

void bm_levels_free(bm_levels *lv)
{
    free(lv->text);
    free(lv->at);
    free(lv->slot);
    *lv = (bm_levels){ 0 };
}
