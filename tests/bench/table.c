/* table.c: rows of y,x,z,g for one large fit, generated as they are read: y = 1 + x / 2 - z / 4 + u_g + e, sd of u 0.7, of e 1.5; levels of g in random order. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* x with four decimals. */
static size_t put_number(char *to, double x)
{
    long   v = lround(fabs(x) * 1e4);
    char   digits[24];
    size_t n = 0, at = 0;

    if (x < 0 && v > 0) to[at++] = '-';
    for (int i = 0; i < 4 || v > 0 || i == 4; i++, v /= 10) {
        digits[n++] = (char)('0' + v % 10);
        if (i == 3) digits[n++] = '.';
    }
    while (n > 0) to[at++] = digits[--n];
    return at;
}

static size_t put_level(char *to, uint64_t g)
{
    char   digits[24];
    size_t n = 0;

    do digits[n++] = (char)('0' + g % 10); while ((g /= 10));
    for (size_t i = 0; i < n; i++) to[i] = digits[n - 1 - i];
    return n;
}

int bench_table(double rows, double groups)
{
    enum { BLOCK = 1 << 16 };
    uint64_t J = (uint64_t)groups;
    double  *u = malloc(J * sizeof *u);
    char    *buf = malloc(BLOCK + 256);
    size_t   at;
    bm_rng   r;

    if (!u || !buf) return 1;
    bm_rng_key(&r, 5, 1, 2);
    for (uint64_t j = 0; j < J; j++) u[j] = 0.7 * bm_rng_normal(&r);
    at = (size_t)sprintf(buf, "y,x,z,g\n");
    for (double i = 0; i < rows; i++) {
        uint64_t g = bm_rng_u64(&r) % J;
        double   x = bm_rng_normal(&r), z = bm_rng_normal(&r);

        at += put_number(buf + at, 1 + x / 2 - z / 4 + u[g] + 1.5 * bm_rng_normal(&r));
        buf[at++] = ',';
        at += put_number(buf + at, x);
        buf[at++] = ',';
        at += put_number(buf + at, z);
        buf[at++] = ',';
        at += put_level(buf + at, g);
        buf[at++] = '\n';
        if (at >= BLOCK || i + 1 >= rows) {
            if (fwrite(buf, 1, at, stdout) != at) return 1;
            at = 0;
        }
    }
    free(u);
    free(buf);
    return fflush(stdout) != 0;
}
