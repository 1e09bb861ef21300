/* testing.h: what every test file includes: cmocka and a comparison of doubles that is not narrowed to float. */
#ifndef BM_TESTING_H
#define BM_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* |got - want| <= rtol * max(|want|, tiny), with 17 digits on failure. */
#define bm_assert_near(got, want, rtol) bm_near_at((got), (want), (rtol), #got, __FILE__, __LINE__)

static inline void bm_near_at(double got, double want, double rtol, const char *what, const char *file, int line)
{
    double scale = fabs(want) > 1e-300 ? fabs(want) : 1;

    if (fabs(got - want) <= rtol * scale) return;    /* false for NaN */
    print_error("%s: got %.17g, want %.17g (relative tolerance %g)\n", what, got, want, rtol);
    _fail(file, line);
}

#define bm_assert_ok(status, err) \
    do { \
        if ((status) != BM_OK) { \
            print_error("failed: %s\n", (err).msg); \
            _fail(__FILE__, __LINE__); \
        } \
    } while (0)

/* The message of a failure contains this text. */
#define bm_assert_says(err, text) \
    do { \
        if (!strstr((err).msg, (text))) { \
            print_error("message '%s' does not contain '%s'\n", (err).msg, (text)); \
            _fail(__FILE__, __LINE__); \
        } \
    } while (0)

#endif
