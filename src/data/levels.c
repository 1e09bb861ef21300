/* levels.c: distinct labels and their codes: a hash table with open addressing. A slot holds the first eight bytes of its
 * label, so that a short one, the usual case, is recognised without leaving the table: one cache miss per cell instead of
 * three. */
#include "data/data_priv.h"

#include <stdlib.h>
#include <string.h>

/* The bytes of s, at most 8, as a number; bytes that are not there are 0 (labels hold none). */
static inline uint64_t head_of(const char *s, size_t n)
{
    uint64_t x = 0;

    if (n >= 8) {
        memcpy(&x, s, 8);
        return x;
    }
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (n >= 4) {                                    /* two loads that may overlap: the bits then agree */
        uint32_t a, b;

        memcpy(&a, s, 4);
        memcpy(&b, s + n - 4, 4);
        return a | (uint64_t)b << (8 * (n - 4));
    }
#endif
    for (size_t i = 0; i < n; i++) x |= (uint64_t)(unsigned char)s[i] << (8 * i);
    return x;
}

/* Multiply and fold, eight bytes at a time: the idea of wyhash (Wang Yi). */
static inline uint64_t hash_label(const char *s, size_t n, uint64_t head)
{
    const uint64_t k = 0x9e3779b97f4a7c15;
    uint64_t       h = n * k ^ head;

    for (; n > 8; n -= 8, s += 8) {
        h *= k;
        h ^= h >> 32 ^ head_of(s + 8, n - 8);
    }
    h *= k;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9;
    return h ^ h >> 32;
}

const char *bm_levels_label(const bm_levels *lv, size_t code)
{
    return lv->text + lv->at[code];
}

static size_t label_length(const bm_levels *lv, size_t code)
{
    return (code + 1 < lv->n ? lv->at[code + 1] : lv->ntext) - lv->at[code] - 1;
}

static inline bool is_label(const bm_levels *lv, const bm_slot *slot, uint32_t tag, uint64_t head, const char *s, size_t n)
{
    if (slot->tag != tag || slot->head != head) return false;
    if (n < 8) return true;                          /* the head ends in a zero: it is all there is */
    return label_length(lv, slot->code1 - 1) == n && memcmp(bm_levels_label(lv, slot->code1 - 1), s, n) == 0;
}

/* The slot of the label, or the empty one where it belongs. */
static inline size_t find_slot(const bm_levels *lv, uint64_t h, uint64_t head, const char *s, size_t n)
{
    size_t mask = lv->nslot - 1, i = (size_t)h & mask;

    while (lv->slot[i].code1 && !is_label(lv, &lv->slot[i], (uint32_t)(h >> 32), head, s, n)) i = (i + 1) & mask;
    return i;
}

static bool grow_slots(bm_levels *lv)
{
    size_t   want = lv->nslot ? 2 * lv->nslot : 64;
    bm_slot *slot = bm_alloc(want, sizeof *slot);

    if (!slot) return false;
    for (size_t k = 0; k < lv->n; k++) {             /* all differ: the first free slot is theirs */
        const char *s = bm_levels_label(lv, k);
        size_t      n = label_length(lv, k);
        uint64_t    head = head_of(s, n), h = hash_label(s, n, head);
        size_t      i = (size_t)h & (want - 1);

        while (slot[i].code1) i = (i + 1) & (want - 1);
        slot[i] = (bm_slot){ .head = head, .tag = (uint32_t)(h >> 32), .code1 = (uint32_t)(k + 1) };
    }
    free(lv->slot);
    lv->slot = slot;
    lv->nslot = want;
    return true;
}

bool bm_levels_find(const bm_levels *lv, const char *s, size_t n, int32_t *code)
{
    uint64_t       head = head_of(s, n);
    const bm_slot *slot;

    if (lv->nslot == 0) return false;
    slot = &lv->slot[find_slot(lv, hash_label(s, n, head), head, s, n)];
    if (slot->code1) *code = (int32_t)(slot->code1 - 1);
    return slot->code1 != 0;
}

static bm_status add_text(bm_levels *lv, const char *s, size_t n, bm_error *err)
{
    size_t *at = bm_grow(lv->at, &lv->cap, lv->n + 1, sizeof *at);
    char   *text;

    if (!at) return bm_nomem(err);
    lv->at = at;
    if (!(text = bm_grow(lv->text, &lv->cap_text, lv->ntext + n + 1, 1))) return bm_nomem(err);
    lv->text = text;
    memcpy(text + lv->ntext, s, n);
    text[lv->ntext + n] = '\0';
    at[lv->n++] = lv->ntext;
    lv->ntext += n + 1;
    return BM_OK;
}

static inline bm_label_hash hash_of(const char *s, size_t n)
{
    uint64_t head = head_of(s, n);

    return (bm_label_hash){ .head = head, .h = hash_label(s, n, head) };
}

void bm_spans_hash(bm_span *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i].s) x[i].hash = hash_of(x[i].s, x[i].n);
}

size_t bm_levels_known(const bm_levels *lv, const bm_span *x, size_t i, size_t n, int32_t *code)
{
    enum { AHEAD = 32 };                             /* labels, of fetching slots from memory */
    size_t mask = lv->nslot - 1;

    if (lv->nslot == 0) return i;
    for (; i < n; i++) {
        const bm_slot *slot;

        if (i + AHEAD < n) __builtin_prefetch(&lv->slot[(size_t)x[i + AHEAD].hash.h & mask]);
        code[i] = -1;
        if (!x[i].s) continue;
        slot = &lv->slot[find_slot(lv, x[i].hash.h, x[i].hash.head, x[i].s, x[i].n)];
        if (!slot->code1) return i;
        code[i] = (int32_t)(slot->code1 - 1);
    }
    return n;
}

bm_status bm_levels_code(bm_levels *lv, const char *s, size_t n, int32_t *code, bool *added, bm_error *err)
{
    return bm_levels_code_of(lv, s, n, hash_of(s, n), code, added, err);
}

bm_status bm_levels_code_of(bm_levels *lv, const char *s, size_t n, bm_label_hash of, int32_t *code, bool *added, bm_error *err)
{
    uint64_t  head = of.head, h = of.h;
    bm_slot  *slot;
    bm_status st;

    if (2 * lv->n >= lv->nslot && !grow_slots(lv)) return bm_nomem(err);
    slot = &lv->slot[find_slot(lv, h, head, s, n)];
    *added = !slot->code1;
    if (*added) {
        if (lv->n >= INT32_MAX) return bm_fail(err, BM_EINVAL, "a factor cannot have more than %d levels", INT32_MAX);
        if ((st = add_text(lv, s, n, err)) != BM_OK) return st;
        *slot = (bm_slot){ .head = head, .tag = (uint32_t)(h >> 32), .code1 = (uint32_t)lv->n };
    }
    *code = (int32_t)(slot->code1 - 1);
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

bm_status bm_labels_order(const char *const *label, size_t n, int32_t *rank, bool *numeric, bm_error *err)
{
    sortable *order = bm_alloc(n, sizeof *order);

    if (!order) return bm_nomem(err);
    *numeric = n > 0;
    for (size_t k = 0; k < n; k++) {
        order[k] = (sortable){ .s = label[k], .code = (int32_t)k };
        *numeric = *numeric && bm_parse_double(order[k].s, strlen(order[k].s), &order[k].x);
    }
    qsort(order, n, sizeof *order, *numeric ? by_number : by_bytes);
    for (size_t k = 0; k < n; k++) rank[order[k].code] = (int32_t)k;
    free(order);
    return BM_OK;
}

bm_status bm_levels_finish(const bm_levels *lv, bm_column *c, size_t n, bm_error *err)
{
    int32_t     *rank = bm_alloc(lv->n, sizeof *rank);
    const char **text = bm_alloc(lv->n, sizeof *text);
    char       **labels = bm_alloc(lv->n, sizeof *labels);
    bool         numeric = false;
    bm_status    st = rank && text && labels ? BM_OK : bm_nomem(err);

    for (size_t k = 0; k < lv->n && st == BM_OK; k++) text[k] = bm_levels_label(lv, k);
    if (st == BM_OK) st = bm_labels_order(text, lv->n, rank, &numeric, err);
    for (size_t k = 0; k < lv->n && st == BM_OK; k++)
        if (!(labels[rank[k]] = bm_strdup(text[k]))) st = bm_nomem(err);
    if (st == BM_OK) {
        for (size_t i = 0; i < n; i++)
            if (c->code[i] >= 0) c->code[i] = rank[c->code[i]];
        c->kind = BM_COL_FACTOR;
        c->levels = labels;
        c->nlevels = lv->n;
        c->numeric_levels = numeric;
        labels = NULL;
    }
    for (size_t k = 0; labels && k < lv->n; k++) free(labels[k]);
    free(labels);
    free(text);
    free(rank);
    return st;
}

void bm_levels_free(bm_levels *lv)
{
    free(lv->text);
    free(lv->at);
    free(lv->slot);
    *lv = (bm_levels){ 0 };
}
