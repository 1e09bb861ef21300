/* kernel_factor.h: the small Cholesky factors of LANES groups side by side, and what is solved with them (kernel_passes.h). */

BM_INLINE size_t tri(size_t q, size_t i, size_t j)      /* (i, j), i >= j, of a packed lower triangle */
{
    return i + j * q - j * (j + 1) / 2;
}

BM_INLINE vec sym(const double *A, size_t q, size_t i, size_t j)
{
    return load(A + (i >= j ? tri(q, i, j) : tri(q, j, i)) * BM_LANES);
}

/* Column j of AT = A T */
BM_INLINE void product_column(size_t q, size_t j, const double *A, const double *T, vec *AT)
{
    UNROLL for (size_t i = 0; i < q; i++) {
        vec v = sym(A, q, i, 0) * T[j * q];

        UNROLL for (size_t k = 1; k < q; k++) v += sym(A, q, i, k) * T[k + j * q];
        AT[i + j * q] = v;
    }
}

/* Column j of L, which is complete before it, and of P in its diagonal. V: q, scratch. */
BM_INLINE void ldl_column(size_t q, size_t j, const double *T, const vec *AT, vec *V, vec *L, vec *w, product *det)
{
    UNROLL for (size_t k = 0; k < j; k++) V[k] = L[tri(q, j, k)] * L[tri(q, k, k)];
    UNROLL for (size_t i = j; i < q; i++) {
        vec v = splat(i == j);

        UNROLL for (size_t k = 0; k < q; k++) v += T[k + i * q] * AT[k + j * q];
        UNROLL for (size_t k = 0; k < j; k++) v -= L[tri(q, i, k)] * V[k];
        L[tri(q, i, j)] = v;
    }
    vec pivot = L[tri(q, j, j)];

    multiply(det, pivot);
    w[j] = 1 / pivot;
    det->bad += 0 * (pivot + w[j]);                  /* NaN where the pivot was 0 or not finite */
    UNROLL for (size_t i = j + 1; i < q; i++) L[tri(q, i, j)] *= w[j];
}

/* Row i of K = L^-1 T' */
BM_INLINE void unit_row(size_t q, size_t i, const double *T, const vec *L, vec *K)
{
    UNROLL for (size_t a = 0; a < q; a++) {
        vec v = splat(T[a + i * q]);

        UNROLL for (size_t k = 0; k < i; k++) v -= L[tri(q, i, k)] * K[k * q + a];
        K[i * q + a] = v;
    }
}

/* AT = A T (q x q), M = I + T'A T = L P L' with a unit diagonal (L packed lower, P diagonal and in the place of L's), w = 1 / P; multiplies |M| into det. No
 * roots, and of the divisions, which wait for one another, half as many as C C' = M has. V: q, scratch. */
BM_INLINE void factor(size_t q, const double *A, const double *T, vec *AT, vec *L, vec *V, vec *w, product *det)
{
    EACH(q, j, product_column(q, j, A, T, AT))
    EACH(q, j, ldl_column(q, j, T, AT, V, L, w, det))
}

/* K = L^-1 T' (row by row) and w of the same, so that T M^-1 T' = K'w K. work: 2 q^2 + q. */
BM_INLINE void factor_rows(size_t q, const double *A, const double *T, vec *work, vec *K, vec *w, product *det)
{
    vec  own[2 * KEPT * KEPT + KEPT];
    vec *AT = q <= KEPT ? own : work, *L = AT + q * q, *V = L + q * q;

    factor(q, A, T, AT, L, V, w, det);
    EACH(q, i, unit_row(q, i, T, L, K))
}

/* Where the lower triangle of A begins for a slice. */
BM_INLINE const double *triangle(const bm_pack *k, size_t q, size_t slice)
{
    return k->A + slice / PARTS * (q * (q + 1) / 2) * BM_LANES + slice % PARTS * LANES;
}

/* Where a column of D begins for a slice: the last one may be replaced. */
BM_INLINE const double *column(const bm_pack *k, size_t q, size_t slice, size_t col)
{
    size_t b = slice / PARTS, lane = slice % PARTS * LANES;

    if (col == k->p && k->c) return k->c + b * q * BM_LANES + lane;
    return k->D + (b * (k->p + 1) + col) * q * BM_LANES + lane;
}

/* F = K [d_1 d_2 ...], n columns of q numbers, to F + i * row + column * col. */
BM_INLINE void project_columns(size_t q, const vec *K, const double *d, size_t n, double *F, size_t row, size_t col)
{
    vec x[BM_QMAX];

    for (; n > 0; n--, d += q * BM_LANES, F += col) {
        UNROLL for (size_t a = 0; a < q; a++) x[a] = load(d + a * BM_LANES);
        UNROLL for (size_t i = 0; i < q; i++) {
            vec v = K[i * q] * x[0];

            UNROLL for (size_t a = 1; a < q; a++) v += K[i * q + a] * x[a];
            store(F + i * row, v);
        }
    }
}

/* F = K D, q x (p+1) */
BM_INLINE void project(size_t q, const bm_pack *k, size_t s, const vec *K, double *F, size_t row, size_t col)
{
    project_columns(q, K, column(k, q, s, 0), k->p, F, row, col);
    project_columns(q, K, column(k, q, s, k->p), 1, F + k->p * col, row, col);
}

/* g = c - B beta */
BM_INLINE void residual(size_t q, const bm_pack *k, size_t s, const double *beta, vec *g)
{
    const double *c = column(k, q, s, k->p), *d = column(k, q, s, 0);

    UNROLL for (size_t i = 0; i < q; i++) g[i] = load(c + i * BM_LANES);
    for (size_t l = 0; l < k->p; l++, d += q * BM_LANES)
        UNROLL for (size_t i = 0; i < q; i++) g[i] -= beta[l] * load(d + i * BM_LANES);
}
