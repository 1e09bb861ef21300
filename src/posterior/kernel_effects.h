/* kernel_effects.h: the gradient, the effects and their moments (BM_PASS_GRADIENT, BM_PASS_EFFECTS, BM_PASS_MOMENTS). */

/* M^-1 applied from the right to the rows of X (q x q): X <- X M^-1 */
BM_INLINE void rows_times_inverse(size_t q, const vec *C, const vec *inv, vec *X)
{
    vec row[BM_QMAX];

    for (size_t i = 0; i < q; i++) {
        for (size_t j = 0; j < q; j++) row[j] = X[i + j * q];
        forward(q, C, inv, row);
        backward(q, C, inv, row);
        for (size_t j = 0; j < q; j++) X[i + j * q] = row[j];
    }
}

/* g = c - B beta */
BM_INLINE void residual(size_t q, const bm_pack *k, size_t s, const double *beta, vec *g)
{
    const double *c = column(k, q, s, k->p);

    for (size_t a = 0; a < q; a++) g[a] = load(c + a * BM_LANES);
    for (size_t l = 0; l < k->p; l++) {
        const double *d = column(k, q, s, l);

        for (size_t a = 0; a < q; a++) g[a] -= beta[l] * load(d + a * BM_LANES);
    }
}

/* Y = g g' / sigma^2 + H H',  H = B R'^-1 */
BM_INLINE void outer(size_t q, const bm_pack *k, size_t s, const vec *g, const double *Rinv, double sigma, vec *Y)
{
    vec h[BM_QMAX];

    for (size_t j = 0; j < q; j++)
        for (size_t i = j; i < q; i++) Y[i + j * q] = g[i] * g[j] * (1 / (sigma * sigma));
    for (size_t col = 0; Rinv && col < k->p; col++) {
        for (size_t a = 0; a < q; a++) h[a] = splat(0);
        for (size_t l = 0; l <= col; l++) {
            const double *d = column(k, q, s, l);

            for (size_t a = 0; a < q; a++) h[a] += Rinv[col + l * k->p] * load(d + a * BM_LANES);
        }
        for (size_t j = 0; j < q; j++)
            for (size_t i = j; i < q; i++) Y[i + j * q] += h[i] * h[j];
    }
    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < j; i++) Y[i + j * q] = Y[j + i * q];
}

BM_INLINE double gradient_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    vec      *W = (vec *)(void *)a->scratch, *C = W + q * q, *inv = C + q * q, *TM = inv + q, *Y = TM + q * q, *P = Y + q * q, *TP = P + q * q;
    vec      *acc = TP + q * q, *g = acc + q * q;
    product det = ONE;

    memset(acc, 0, q * q * sizeof *acc);
    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        factor(q, triangle(k, q, s), T, W, C, inv, &det);
        rows_times_inverse(q, C, inv, W);
        for (size_t i = 0; i < q * q; i++) TM[i] = splat(T[i]);
        rows_times_inverse(q, C, inv, TM);
        residual(q, k, s, a->beta, g);
        outer(q, k, s, g, a->Rinv, a->sigma, Y);
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                vec v = splat(0);

                for (size_t l = 0; l < q; l++) v += Y[i + l * q] * TM[l + j * q];
                P[i + j * q] = v;
            }
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                vec v = splat(0);

                for (size_t l = 0; l < q; l++) v += T[l + i * q] * P[l + j * q];
                TP[i + j * q] = v;
            }
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                vec v = P[i + j * q] - W[i + j * q];

                for (size_t l = 0; l < q; l++) v -= W[i + l * q] * TP[l + j * q];
                acc[i + j * q] += v;
            }
    }
    for (size_t i = 0; i < q * q; i++) a->out[i] += sum(acc[i]);
    return 0;
}

/* X (q x q) = C^-1 T'Kz': u = X'(...) */
BM_INLINE void to_user(size_t q, const double *T, const double *Kz, const vec *C, const vec *inv, vec *X)
{
    for (size_t j = 0; j < q; j++) {
        for (size_t i = 0; i < q; i++) {
            double v = 0;

            for (size_t l = 0; l < q; l++) v += T[l + i * q] * Kz[j + l * q];
            X[i + j * q] = splat(v);
        }
        forward(q, C, inv, X + j * q);
    }
}

BM_INLINE size_t lanes_used(const bm_pack *k, size_t s)
{
    size_t past = s * LANES, left = past < k->J ? k->J - past : 0;

    return left < LANES ? left : LANES;
}

BM_INLINE void scatter(const vec *X, const vec *t, size_t q, size_t lanes, double *u)
{
    for (size_t i = 0; i < q; i++) {
        vec v = splat(0);

        for (size_t a = 0; a < q; a++) v += X[a + i * q] * t[a];
        for (size_t l = 0; l < lanes; l++) u[l * q + i] = v[l];
    }
}

/* t = C^-1 T'(c - B beta) */
BM_INLINE void centre(size_t q, const bm_pack *k, size_t s, const double *T, const double *beta, const vec *C, const vec *inv, vec *g, vec *t)
{
    residual(q, k, s, beta, g);
    for (size_t i = 0; i < q; i++) {
        t[i] = splat(0);
        for (size_t a = 0; a < q; a++) t[i] += T[a + i * q] * g[a];
    }
    forward(q, C, inv, t);
}

BM_INLINE double effects_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T, *z = a->z;
    vec      *AT = (vec *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *X = inv + q, *g = X + q * q, *t = g + q;
    product det = ONE;

    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        size_t lanes = lanes_used(k, s);

        factor(q, triangle(k, q, s), T, AT, C, inv, &det);
        centre(q, k, s, T, a->beta, C, inv, g, t);
        for (size_t l = 0; z && l < lanes; l++)
            for (size_t i = 0; i < q; i++) t[i][l] += a->sigma * z[(s * LANES + l) * q + i];
        to_user(q, T, a->Kz, C, inv, X);
        scatter(X, t, q, lanes, a->out + s * LANES * q);
    }
    return 0;
}

BM_INLINE double moments_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T, *Rinv = a->Rinv;
    vec      *AT = (vec *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *X = inv + q, *g = X + q * q, *t = g + q, *F = t + q, *N = F + q * (k->p + 1);
    product det = ONE;

    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        size_t lanes = lanes_used(k, s);

        factor(q, triangle(k, q, s), T, AT, C, inv, &det);
        centre(q, k, s, T, a->beta, C, inv, g, t);
        to_user(q, T, a->Kz, C, inv, X);
        scatter(X, t, q, lanes, a->out + s * LANES * q);
        if (Rinv) half_solve(q, k, s, T, C, inv, F);
        for (size_t col = 0; Rinv && col < k->p; col++)
            for (size_t r = 0; r < q; r++) {
                vec v = splat(0);

                for (size_t l = 0; l <= col; l++) v += Rinv[col + l * k->p] * F[r + l * q];
                N[r + col * q] = v;
            }
        for (size_t i = 0; i < q; i++) {
            vec v = splat(0);

            for (size_t r = 0; r < q; r++) v += X[r + i * q] * X[r + i * q];
            for (size_t col = 0; Rinv && col < k->p; col++) {
                vec h = splat(0);

                for (size_t r = 0; r < q; r++) h += X[r + i * q] * N[r + col * q];
                v += h * h;
            }
            v *= a->sigma * a->sigma;
            for (size_t l = 0; l < lanes; l++) a->var[(s * LANES + l) * q + i] = v[l];
        }
    }
    return 0;
}
