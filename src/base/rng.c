/* rng.c: random streams and the few distributions the samplers need.
 *   xoshiro256++  Blackman & Vigna (2021), ACM TOMS 47(4):36     SplitMix64  Steele, Lea & Flood (2014), OOPSLA
 *   normal        ziggurat, Marsaglia & Tsang (2000), JSS 5(8); layer, sign and abscissa come from different bits (Doornik 2005)
 *   gamma         Marsaglia & Tsang (2000), ACM TOMS 26:363 */
#include "base/base.h"
#include "base/ziggurat.h"

#include <assert.h>
#include <math.h>

uint64_t bm_splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The four words of state hash the key separately: 256 bits, so that no number of streams makes two of them meet. */
void bm_rng_key(bm_rng *r, uint64_t seed, uint64_t a, uint64_t b)
{
    for (int i = 0; i < 4; i++) {
        uint64_t h = bm_splitmix64(&seed) ^ a;

        h = bm_splitmix64(&h) ^ b;
        r->s[i] = bm_splitmix64(&h);
    }
    if (!(r->s[0] | r->s[1] | r->s[2] | r->s[3])) r->s[0] = 1;   /* the one state xoshiro never leaves */
}

static inline uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t next_u64(bm_rng *r)
{
    uint64_t *s = r->s, out = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t bm_rng_u64(bm_rng *r)
{
    return next_u64(r);
}

/* Midpoints of 2^52 cells: k + 1/2 has 53 bits, so nothing is rounded and 1 is never reached. */
static inline double next_uniform(bm_rng *r)
{
    return ((double)(int64_t)(next_u64(r) >> 12) + 0.5) * 0x1p-52;
}

double bm_rng_uniform(bm_rng *r)
{
    return next_uniform(r);
}

/* |z| > r, by Marsaglia's exponential rejection. */
static double normal_tail(bm_rng *r)
{
    double x, y;

    do {
        x = -log(next_uniform(r)) / zig_x[1];
        y = -log(next_uniform(r));
    } while (y + y < x * x);
    return zig_x[1] + x;
}

static inline double next_normal(bm_rng *r)
{
    for (;;) {
        uint64_t u = next_u64(r);
        unsigned i = u & 255;                                         /* layer: bits 0-7 */
        double   x = (double)(((int64_t)u >> 11) | 1) * 0x1p-52 * zig_x[i];   /* odd, so symmetric about 0: bits 11-63 */
        double   y;

        if (fabs(x) < zig_x[i + 1]) return x;                         /* 99 % of calls */
        if (i == 0) return copysign(normal_tail(r), x);
        y = zig_y[i] + next_uniform(r) * (zig_y[i + 1] - zig_y[i]);
        if (y < exp(-0.5 * x * x)) return x;
    }
}

double bm_rng_normal(bm_rng *r)
{
    return next_normal(r);
}

void bm_rng_normals(bm_rng *r, double *z, size_t n)
{
    bm_rng s = *r;                                                    /* in registers */

    for (size_t i = 0; i < n; i++) z[i] = next_normal(&s);
    *r = s;
}

/* shape >= 1 */
static double gamma_large(bm_rng *r, double shape)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);

    for (;;) {
        double x = next_normal(r), v = 1 + c * x, u;

        if (v <= 0) continue;
        v = v * v * v;
        u = next_uniform(r);
        if (u < 1 - 0.0331 * (x * x) * (x * x)) return d * v;         /* the squeeze spares most logarithms */
        if (log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
    }
}

/* Logarithm of a gamma variate: small shapes put most of their mass below the smallest double. */
static double log_gamma_variate(bm_rng *r, double shape)
{
    if (shape >= 1) return log(gamma_large(r, shape));
    double lg = log(gamma_large(r, shape + 1));
    return lg + log(next_uniform(r)) / shape;
}

double bm_rng_gamma(bm_rng *r, double shape)
{
    assert(shape > 0);
    return shape >= 1 ? gamma_large(r, shape) : exp(log_gamma_variate(r, shape));
}

double bm_rng_beta(bm_rng *r, double a, double b)
{
    assert(a > 0 && b > 0);
    if (a >= 1 && b >= 1) {
        double x = gamma_large(r, a), y = gamma_large(r, b);

        return x / (x + y);
    }
    double x = log_gamma_variate(r, a), y = log_gamma_variate(r, b);
    return x > y ? 1 / (1 + exp(y - x)) : exp(x - y) / (1 + exp(x - y));
}

double bm_rng_chisq(bm_rng *r, double df)
{
    return 2 * bm_rng_gamma(r, 0.5 * df);
}
