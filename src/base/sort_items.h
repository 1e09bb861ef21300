/* sort_items.h: a function SORT that sorts items of type ITEM by KEY(item), 64 bits. Included by sort.c once for every type. */

#define NAME2(a, b) a##_##b
#define NAME1(a, b) NAME2(a, b)
#define NAME(step) NAME1(SORT, step)

/* Gives up, with the same items in some order, after so many moves. */
static bool NAME(by_insertion)(ITEM *a, size_t n, size_t moves)
{
    for (size_t i = 1; i < n; i++) {
        ITEM   p = a[i];
        size_t j = i;

        for (; j > 0 && KEY(a[j - 1]) > KEY(p); j--) a[j] = a[j - 1];
        a[j] = p;
        if (i - j > moves) return false;
        moves -= i - j;
    }
    return true;
}

/* Least significant digit first, from bit `from` of key - base on; passes where a digit is the same in all are left out. */
static void NAME(by_digits)(ITEM *a, ITEM *tmp, size_t n, uint64_t base, int from)
{
    size_t count[BUCKETS];
    ITEM  *src = a, *dst = tmp, *t;

    for (int shift = from; shift < 64; shift += DIGIT) {
        size_t at = 0;

        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++) count[(KEY(src[i]) - base) >> shift & (BUCKETS - 1)]++;
        if (count[(KEY(src[0]) - base) >> shift & (BUCKETS - 1)] == n) continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t k = count[b];

            count[b] = at;
            at += k;
        }
        for (size_t i = 0; i < n; i++) dst[count[(KEY(src[i]) - base) >> shift & (BUCKETS - 1)]++] = src[i];
        t = src;
        src = dst;
        dst = t;
    }
    if (src != a) memcpy(a, src, n * sizeof *a);
}

/* Draws hardly ever agree in the top 33 bits of their range, so three passes and a few moves do; where many agree, all six. few: so many are sorted faster by
 * insertion. */
static void SORT(ITEM *a, ITEM *tmp, size_t n, size_t few)
{
    uint64_t lo = UINT64_MAX, hi = 0;
    int      top;

    if (n <= few) {
        NAME(by_insertion)(a, n, SIZE_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        lo = KEY(a[i]) < lo ? KEY(a[i]) : lo;
        hi = KEY(a[i]) > hi ? KEY(a[i]) : hi;
    }
    if (lo == hi) return;
    top = 64 - __builtin_clzll(hi - lo);
    NAME(by_digits)(a, tmp, n, lo, top > 3 * DIGIT ? top - 3 * DIGIT : 0);
    if (top > 3 * DIGIT && !NAME(by_insertion)(a, n, 4 * n)) NAME(by_digits)(a, tmp, n, lo, 0);
}

#undef NAME2
#undef NAME1
#undef NAME
#undef ITEM
#undef KEY
#undef SORT
