/* kernel_eval.h: the marginal likelihood's share (BM_PASS_EVAL). */

/* G (q x (p+1)) = L^-1 T'D, H = inv G: G'H = D'T (L D L')^-1 T'D */
BM_INLINE void unit_solve(size_t q, const bm_pack *k, size_t s, const double *T, const vec *L, const vec *inv, vec *G, vec *H)
{
    for (size_t col = 0; col <= k->p; col++) {
        const double *d = column(k, q, s, col);
        vec           *g = G + col * q, *h = H + col * q;

        UNROLL for (size_t i = 0; i < q; i++) {
            vec v = splat(0);

            for (size_t a = 0; a < q; a++) v += T[a + i * q] * load(d + a * BM_LANES);
            for (size_t a = 0; a < i; a++) v -= L[tri(q, i, a)] * g[a];
            g[i] = v;
            h[i] = v * inv[i];
        }
    }
}

/* acc += sum of G'H over n batches, rows i .. i + ni - 1 and columns j .. j + nj - 1 of it (on the diagonal: its lower triangle), ni and nj at most SIDE:
 * these sums stay in registers. */
BM_INLINE void add_tile(size_t q, size_t p1, size_t n, const vec *G, const vec *H, size_t i, size_t ni, size_t j, size_t nj, vec *acc)
{
    vec s[SIDE * SIDE];

    for (size_t c = 0; c < nj; c++)
        for (size_t r = i == j ? c : 0; r < ni; r++) s[r + c * SIDE] = splat(0);
    for (size_t b = 0; b < n; b++, G += q * p1, H += q * p1)
        for (size_t a = 0; a < q; a++)
            for (size_t c = 0; c < nj; c++)
                for (size_t r = i == j ? c : 0; r < ni; r++) s[r + c * SIDE] += G[a + (i + r) * q] * H[a + (j + c) * q];
    for (size_t c = 0; c < nj; c++)
        for (size_t r = i == j ? c : 0; r < ni; r++) acc[tri(p1, i + r, j + c)] += s[r + c * SIDE];
}

/* acc (packed lower triangle of (p+1) x (p+1)) += sum of G'H, which is symmetric, over n batches. SIDE: of a tile, as many as the registers hold */
BM_INLINE void add_products(size_t q, size_t p1, size_t n, const vec *G, const vec *H, vec *acc)
{
    for (size_t j = 0; j < p1; j += SIDE)
        for (size_t i = j; i < p1; i += SIDE) {
            size_t left = p1 - i;

            if (i > j && left >= 4 && SIDE == 4) add_tile(q, p1, n, G, H, i, 4, j, 4, acc);
            else if (i > j && left == 3 && SIDE == 4) add_tile(q, p1, n, G, H, i, 3, j, 4, acc);
            else if (i > j && left >= 2) add_tile(q, p1, n, G, H, i, 2, j, SIDE, acc);
            else if (i > j) add_tile(q, p1, n, G, H, i, 1, j, SIDE, acc);
            else if (left >= 4 && SIDE == 4) add_tile(q, p1, n, G, H, i, 4, i, 4, acc);
            else if (left == 3 && SIDE == 4) add_tile(q, p1, n, G, H, i, 3, i, 3, acc);
            else if (left >= 2) add_tile(q, p1, n, G, H, i, 2, i, 2, acc);
            else add_tile(q, p1, n, G, H, i, 1, i, 1, acc);
        }
}

/* Where p is large: F of some batches side by side, then their products by BLAS. */
BM_INLINE double eval_wide(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    size_t   p1 = k->p + 1, rows = BM_KERNEL_PANEL * BM_LANES * q, end = a->upto * PARTS;
    vec      *AT = (vec *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *F = inv + q;
    double  *panel = (double *)(void *)(F + q * p1);
    product det = ONE;

    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        size_t in_panel = (s - a->first * PARTS) % (BM_KERNEL_PANEL * PARTS);

        factor(q, triangle(k, q, s), T, AT, C, inv, &det);
        half_solve(q, k, s, T, C, inv, F);
        for (size_t col = 0; col < p1; col++)
            for (size_t i = 0; i < q; i++) store(panel + col * rows + (in_panel * q + i) * LANES, F[i + col * q]);
        if (in_panel == BM_KERNEL_PANEL * PARTS - 1 || s == end - 1) bm_syrk(p1, (in_panel + 1) * LANES * q, -1, panel, rows, a->out);
    }
    return log_product(&det);
}

BM_INLINE double eval_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    size_t   p1 = k->p + 1, at = 0, n = 0;
    vec      *AT = (vec *)(void *)a->scratch, *V = AT + q * q, *L = V + q, *inv = L + q * q, *G = inv + q, *H = G + BM_KERNEL_FEW * q * p1, *acc = H + BM_KERNEL_FEW * q * p1;
    product det = ONE;

    if (p1 > BM_KERNEL_WIDE) return eval_wide(q, a);
    memset(acc, 0, p1 * (p1 + 1) / 2 * sizeof *acc);
    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        factor_ldl(q, triangle(k, q, s), T, AT, V, L, inv, &det);
        unit_solve(q, k, s, T, L, inv, G + n * q * p1, H + n * q * p1);
        if (++n < BM_KERNEL_FEW && s + 1 < a->upto * PARTS) continue;
        add_products(q, p1, n, G, H, acc);
        n = 0;
    }
    for (size_t j = 0; j < p1; j++)
        for (size_t i = j; i < p1; i++) a->out[i + j * p1] -= sum(acc[at++]);
    return log_product(&det);
}
