/* kernel_gradient.h: the gradient with respect to T (BM_PASS_GRADIENT, kernel_passes.h). */

/* Step i of x <- L^-1 x; of x <- L'^-1 x, which goes from the last to the first. */
BM_INLINE void forward(size_t q, size_t i, const vec *L, vec *x)
{
    UNROLL for (size_t k = 0; k < i; k++) x[i] -= L[tri(q, i, k)] * x[k];
}

BM_INLINE void backward(size_t q, size_t i, const vec *L, vec *x)
{
    UNROLL for (size_t k = i + 1; k < q; k++) x[i] -= L[tri(q, k, i)] * x[k];
}

/* x <- M^-1 x */
BM_INLINE void times_inverse(size_t q, const vec *L, const vec *w, vec *x)
{
    EACH(q, i, forward(q, i, L, x))
    UNROLL for (size_t i = 0; i < q; i++) x[i] *= w[i];
    EACH(q, i, backward(q, q - 1 - i, L, x))
}

/* Row i of W = A T M^-1, where A T is, and of TM = T M^-1 */
BM_INLINE void inverse_row(size_t q, size_t i, const double *T, const vec *L, const vec *w, vec *W, vec *TM)
{
    vec x[BM_QMAX], y[BM_QMAX];

    UNROLL for (size_t j = 0; j < q; j++) x[j] = W[i + j * q];
    times_inverse(q, L, w, x);
    UNROLL for (size_t j = 0; j < q; j++) W[i + j * q] = x[j];
    UNROLL for (size_t j = 0; j < q; j++) y[j] = splat(T[i + j * q]);
    times_inverse(q, L, w, y);
    UNROLL for (size_t j = 0; j < q; j++) TM[i + j * q] = y[j];
}

/* Column j of the lower triangle of Y += h h' */
BM_INLINE void outer_column(size_t q, size_t j, const vec *h, vec *Y)
{
    UNROLL for (size_t i = j; i < q; i++) Y[tri(q, i, j)] += h[i] * h[j];
}

/* Y (packed lower triangle) = g g' / sigma^2 + H H',  g = c - B beta,  H = B R'^-1 */
BM_INLINE void outer(size_t q, const bm_pack *k, size_t s, const bm_kernel_job *a, vec *Y)
{
    vec h[BM_QMAX];

    UNROLL for (size_t i = 0; i < q * (q + 1) / 2; i++) Y[i] = splat(0);
    residual(q, k, s, a->beta, h);
    UNROLL for (size_t i = 0; i < q; i++) h[i] *= 1 / a->sigma;
    EACH(q, j, outer_column(q, j, h, Y))
    for (size_t col = 0; a->Rinv && col < k->p; col++) {
        const double *R = a->Rinv + col, *d = column(k, q, s, 0);

        UNROLL for (size_t i = 0; i < q; i++) h[i] = splat(0);
        for (size_t l = 0; l <= col; l++, R += k->p, d += q * BM_LANES)
            UNROLL for (size_t i = 0; i < q; i++) h[i] += *R * load(d + i * BM_LANES);
        EACH(q, j, outer_column(q, j, h, Y))
    }
}

/* Column j of acc += (I - W T') Y TM - W */
BM_INLINE void gradient_column(size_t q, size_t j, const double *T, const vec *W, const vec *TM, const vec *Y, vec *acc)
{
    vec x[BM_QMAX], y[BM_QMAX];

    UNROLL for (size_t i = 0; i < q; i++) {
        x[i] = splat(0);
        UNROLL for (size_t l = 0; l < q; l++) x[i] += Y[i >= l ? tri(q, i, l) : tri(q, l, i)] * TM[l + j * q];
    }
    UNROLL for (size_t i = 0; i < q; i++) {
        y[i] = splat(0);
        UNROLL for (size_t l = 0; l < q; l++) y[i] += T[l + i * q] * x[l];
    }
    UNROLL for (size_t i = 0; i < q; i++) {
        vec v = x[i] - W[i + j * q];

        UNROLL for (size_t l = 0; l < q; l++) v -= W[i + l * q] * y[l];
        acc[i + j * q] += v;
    }
}

BM_INLINE double gradient_body(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    vec      own[5 * KEPT * KEPT + 2 * KEPT], *W = q <= KEPT ? own : (vec *)(void *)a->scratch, *L = W + q * q, *TM = L + q * q, *Y = TM + q * q, *acc = Y + q * q;
    vec     *w = acc + q * q, *V = w + q;
    product  det = ONE;

    UNROLL for (size_t i = 0; i < q * q; i++) acc[i] = splat(0);
    for (size_t s = a->first * PARTS; s < a->upto * PARTS; s++) {
        factor(q, triangle(k, q, s), a->T, W, L, V, w, &det);
        EACH(q, i, inverse_row(q, i, a->T, L, w, W, TM))
        outer(q, k, s, a, Y);
        EACH(q, j, gradient_column(q, j, a->T, W, TM, Y, acc))
    }
    for (size_t i = 0; i < q * q; i++) a->out[i] += sum(acc[i]);
    return 0;
}
