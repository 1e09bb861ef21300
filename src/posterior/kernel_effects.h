/* kernel_effects.h: the effects and their moments given theta (BM_PASS_EFFECTS, BM_PASS_MOMENTS, kernel_passes.h). With M = L P L' and K = L^-1 T'
 * (kernel_factor.h), u = Kz K' [w K (c - B beta) + sigma w^1/2 z]. */

BM_INLINE size_t lanes_used(const bm_pack *k, size_t s)
{
    size_t past = s * LANES, left = past < k->J ? k->J - past : 0;

    return left < LANES ? left : LANES;
}

/* Lane l of v from x[l * q], and to it. A full register is put together, and taken apart, without a detour by memory. */
BM_INLINE vec gather(const double *x, size_t q, size_t lanes)
{
    vec v = splat(0);

    if (lanes == LANES) UNROLL8 for (size_t l = 0; l < LANES; l++) v[l] = x[l * q];
    else for (size_t l = 0; l < lanes; l++) v[l] = x[l * q];
    return v;
}

BM_INLINE void scatter(vec v, size_t q, size_t lanes, double *x)
{
    if (lanes == LANES) UNROLL8 for (size_t l = 0; l < LANES; l++) x[l * q] = v[l];
    else for (size_t l = 0; l < lanes; l++) x[l * q] = v[l];
}

/* t = w K (c - B beta) */
BM_INLINE void centre(size_t q, const bm_pack *k, size_t s, const double *beta, const vec *K, const vec *w, vec *t)
{
    vec g[BM_QMAX];

    residual(q, k, s, beta, g);
    UNROLL for (size_t i = 0; i < q; i++) {
        vec v = K[i * q] * g[0];

        UNROLL for (size_t a = 1; a < q; a++) v += K[i * q + a] * g[a];
        t[i] = w[i] * v;
    }
}

/* Of the groups of a slice: u = X't, X (row by row) = K Kz' */
BM_INLINE void put_effects(size_t q, const vec *X, const vec *t, size_t lanes, double *u)
{
    UNROLL for (size_t i = 0; i < q; i++) {
        vec v = X[i] * t[0];

        UNROLL for (size_t r = 1; r < q; r++) v += X[r * q + i] * t[r];
        scatter(v, q, lanes, u + i);
    }
}

/* Row r of X = K Kz' */
BM_INLINE void to_user(size_t q, size_t r, const double *Kz, const vec *K, vec *X)
{
    UNROLL for (size_t i = 0; i < q; i++) {
        vec v = K[r * q] * Kz[i];

        UNROLL for (size_t a = 1; a < q; a++) v += K[r * q + a] * Kz[i + a * q];
        X[r * q + i] = v;
    }
}

BM_INLINE double effects_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *z = a->z;
    vec      own[2 * KEPT * KEPT + 2 * KEPT], *scratch = (vec *)(void *)a->scratch, *K = q <= KEPT ? own : scratch, *X = K + q * q, *w = X + q * q, *t = w + q;
    vec     *work = scratch + 2 * q * q + 2 * q;
    product  det = ONE;

    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        size_t lanes = lanes_used(k, s);

        factor_rows(q, triangle(k, q, s), a->T, work, K, w, &det);
        centre(q, k, s, a->beta, K, w, t);
        for (size_t i = 0; z && i < q; i++) t[i] += a->sigma * root(w[i]) * gather(z + s * LANES * q + i, q, lanes);
        EACH(q, r, to_user(q, r, a->Kz, K, X))
        put_effects(q, X, t, lanes, a->out + s * LANES * q);
    }
    return 0;
}

/* E (q x p) = X'w K B */
BM_INLINE void explained(size_t q, const bm_pack *k, size_t s, const vec *K, const vec *w, const vec *X, vec *E)
{
    vec f[BM_QMAX];

    for (size_t l = 0; l < k->p; l++) {
        const double *d = column(k, q, s, l);

        UNROLL for (size_t r = 0; r < q; r++) {
            vec v = K[r * q] * load(d);

            UNROLL for (size_t a = 1; a < q; a++) v += K[r * q + a] * load(d + a * BM_LANES);
            f[r] = w[r] * v;
        }
        UNROLL for (size_t i = 0; i < q; i++) {
            vec v = X[i] * f[0];

            UNROLL for (size_t r = 1; r < q; r++) v += X[r * q + i] * f[r];
            E[i + l * q] = v;
        }
    }
}

/* v_i = sum_r w_r X_ri^2, and where beta is not known sum_col (E R'^-1)_i,col^2 beside it */
BM_INLINE void variances(size_t q, size_t p, const vec *w, const vec *X, const vec *E, const double *Rinv, vec *v)
{
    vec h[BM_QMAX];

    UNROLL for (size_t i = 0; i < q; i++) {
        v[i] = splat(0);
        UNROLL for (size_t r = 0; r < q; r++) v[i] += w[r] * X[r * q + i] * X[r * q + i];
    }
    for (size_t col = 0; Rinv && col < p; col++) {
        UNROLL for (size_t i = 0; i < q; i++) h[i] = splat(0);
        for (size_t l = 0; l <= col; l++)
            UNROLL for (size_t i = 0; i < q; i++) h[i] += Rinv[col + l * p] * E[i + l * q];
        UNROLL for (size_t i = 0; i < q; i++) v[i] += h[i] * h[i];
    }
}

BM_INLINE double moments_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    vec      own[2 * KEPT * KEPT + 3 * KEPT], *scratch = (vec *)(void *)a->scratch, *K = q <= KEPT ? own : scratch, *X = K + q * q, *w = X + q * q, *t = w + q, *v = t + q;
    vec     *work = scratch + 2 * q * q + 3 * q, *E = work + 2 * q * q + q;
    product  det = ONE;

    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        size_t lanes = lanes_used(k, s);

        factor_rows(q, triangle(k, q, s), a->T, work, K, w, &det);
        centre(q, k, s, a->beta, K, w, t);
        EACH(q, r, to_user(q, r, a->Kz, K, X))
        put_effects(q, X, t, lanes, a->out + s * LANES * q);
        if (a->Rinv) explained(q, k, s, K, w, X, E);
        variances(q, k->p, w, X, E, a->Rinv, v);
        for (size_t i = 0; i < q; i++) scatter(v[i] * (a->sigma * a->sigma), q, lanes, a->var + s * LANES * q + i);
    }
    return 0;
}
