/* intern.c: keys of 64 bits to numbers 0, 1, 2, ... in the order of first sight: open addressing, half full at most. */
#include "base/base_priv.h"

#include <stdlib.h>

struct bm_intern_slot { uint64_t key; uint64_t at1; };           /* at1: the number + 1; 0: empty */

static inline size_t place(const bm_interned *t, uint64_t key)
{
    uint64_t h = (key ^ key >> 32) * 0x9e3779b97f4a7c15;
    size_t   mask = t->nslot - 1, i = (size_t)(h ^ h >> 29) & mask;

    while (t->slot[i].at1 && t->slot[i].key != key) i = (i + 1) & mask;
    return i;
}

static bool grow(bm_interned *t)
{
    bm_interned u = { .nslot = t->nslot ? 2 * t->nslot : 64 };

    if (!(u.slot = bm_alloc(u.nslot, sizeof *u.slot))) return false;
    for (size_t k = 0; k < t->n; k++) u.slot[place(&u, t->key[k])] = (struct bm_intern_slot){ .key = t->key[k], .at1 = k + 1 };
    free(t->slot);
    t->slot = u.slot;
    t->nslot = u.nslot;
    return true;
}

bool bm_intern(bm_interned *t, uint64_t key, size_t *at, bool *added)
{
    size_t    i;
    uint64_t *k;

    if (2 * t->n >= t->nslot && !grow(t)) return false;
    i = place(t, key);
    *added = !t->slot[i].at1;
    if (*added) {
        if (!(k = bm_grow(t->key, &t->cap, t->n + 1, sizeof *k))) return false;
        t->key = k;
        k[t->n++] = key;
        t->slot[i] = (struct bm_intern_slot){ .key = key, .at1 = t->n };
    }
    *at = (size_t)(t->slot[i].at1 - 1);
    return true;
}

void bm_interned_free(bm_interned *t)
{
    free(t->key);
    free(t->slot);
    *t = (bm_interned){ 0 };
}
