/* kernel_eval.h: the marginal likelihood's share (BM_PASS_EVAL, kernel_passes.h). */

/* Where p is large: F = diag(w)^1/2 K D of some batches side by side, then their products by BLAS. */
BM_INLINE double eval_wide(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    size_t   p1 = k->p + 1, rows = BM_KERNEL_PANEL * BM_LANES * q, end = a->upto * PARTS, n = 0;
    vec     *K = (vec *)(void *)a->scratch, *w = K + q * q, *work = w + q;
    double  *panel = (double *)(void *)(work + 2 * q * q + q);
    product  det = ONE;

    for (size_t s = a->first * PARTS; s < end; s++) {
        factor_rows(q, triangle(k, q, s), a->T, work, K, w, &det);
        for (size_t i = 0; i < q; i++) {
            vec scale = root(w[i]);

            for (size_t l = 0; l < q; l++) K[i * q + l] *= scale;
        }
        project(q, k, s, K, panel + n * LANES, LANES, rows);
        n += q;
        if (n < rows / LANES && s + 1 < end) continue;
        bm_syrk(p1, n * LANES, -1, panel, rows, a->out);
        n = 0;
    }
    return log_product(&det);
}

BM_INLINE double eval_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    size_t   p1 = k->p + 1, row = p1 + 1, end = a->upto * PARTS, at = 0, n = 0;
    vec      own[KEPT * KEPT + KEPT], *scratch = (vec *)(void *)a->scratch, *K = q <= KEPT ? own : scratch, *w = K + q * q, *work = scratch + q * q + q;
    vec     *F = work + 2 * q * q + q, *acc = F + BM_KERNEL_ROWS * row;
    product  det = ONE;
    size_t   rows = p1 > BM_KERNEL_WIDE && q <= BM_KERNEL_ROWS / 2 ? BM_KERNEL_ROWS / 2 : BM_KERNEL_ROWS;    /* near what the first cache holds */

    if (p1 > WIDE) return eval_wide(q, a);
    memset(acc, 0, p1 * (p1 + 1) / 2 * sizeof *acc);
    for (size_t s = a->first * PARTS; s < end; s++) {
        factor_rows(q, triangle(k, q, s), a->T, work, K, w, &det);
        project(q, k, s, K, (double *)(F + n * row), row * LANES, LANES);
        for (size_t i = 0; i < q; i++) F[(n + i) * row + p1] = w[i];
        n += q;
        if (n + q <= rows && s + 1 < end) continue;
        add_gram(n, p1, F, acc);
        n = 0;
    }
    for (size_t j = 0; j < p1; j++)
        for (size_t i = j; i < p1; i++) a->out[i + j * p1] -= sum(acc[at++]);
    return log_product(&det);
}

_Static_assert(WIDE >= BM_KERNEL_WIDE && WIDE <= BM_KERNEL_WIDEST, "bm_kernel_scratch has room for it");
