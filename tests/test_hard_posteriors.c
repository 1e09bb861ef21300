/* Posteriors of models whose numbers are hard (hard_model.h): means and sds from the draws, beside quadrature of the dense density over sd and sigma in long doubles.
 * Fixed seeds; a difference counts from 6.5 standard errors on, which among these some 110 comparisons happens by chance once in 10^8; the draws
 * are many enough that 5 % of a posterior sd are seen. */
#include "hard_model.h"

enum { GRID = 40, MOST = COLUMNS + 2 };

/* ---- quadrature ---- */

typedef struct { double mean[MOST], sd[MOST]; } answer;   /* b, sd, sigma */

typedef struct { double at[2 * GRID + 1], weight[2 * GRID + 1]; int n; } rule;

/* The trapezium rule over t in x = exp(s sinh t) about a centre: doubly exponential towards 0 and infinity, so that nothing is cut off. */
static rule around(double centre, double spread)
{
    rule r = { .n = 2 * GRID + 1 };

    for (int i = 0; i < r.n; i++) {
        double t = (i - GRID) * 3.2 / GRID;

        r.at[i] = centre * exp(spread * sinh(t));
        r.weight[i] = r.at[i] * spread * cosh(t);
    }
    return r;
}

/* sigma about its estimate (any will do), the sd about its scale. */
static double sigma_estimate(const hard_model *m)
{
    double best = -INFINITY, at = m->sigma_scale;

    for (int i = -12; i <= 12; i++) {
        double  natural[2] = { 0.5 * m->sd_scale[0], m->sigma_scale * pow(10, i / 4.0) }, L[4] = { natural[0] }, lp;
        oracle *o = oracle_try(&m->d, &m->pr, L, natural[1]);

        lp = o ? hard_log_density(m, o, natural) : -INFINITY;
        if (lp > best) at = natural[1];
        best = fmax(best, lp);
        oracle_free(o);
    }
    return at;
}

static answer quadrature(const hard_model *m)
{
    static double lp[2 * GRID + 1][2 * GRID + 1], b[2 * GRID + 1][2 * GRID + 1][2 * COLUMNS];
    rule    sd = around(0.5 * m->sd_scale[0], 0.5), sigma = around(sigma_estimate(m), m->J == m->n ? 0.5 : 0.07);   /* with a group for each row it may go to 0 */
    answer  a = { 0 };
    double  top = -INFINITY, total = 0;

    for (int i = 0; i < sd.n; i++)
        for (int k = 0; k < sigma.n; k++) {
            double  natural[2] = { sd.at[i], sigma.at[k] }, L[4] = { natural[0] };
            oracle *o = oracle_try(&m->d, &m->pr, L, natural[1]);

            lp[i][k] = o ? hard_log_density(m, o, natural) : -INFINITY;
            if (o && lp[i][k] > top - 60) oracle_moments(o, m->d.y, 0, m->p, b[i][k], b[i][k] + COLUMNS);
            top = fmax(top, lp[i][k]);
            oracle_free(o);
        }
    for (int i = 0; i < sd.n; i++)
        for (int k = 0; k < sigma.n; k++) {
            double w = sd.weight[i] * sigma.weight[k] * exp(lp[i][k] - top), natural[2] = { sd.at[i], sigma.at[k] };

            if (!(lp[i][k] > top - 60)) continue;
            total += w;
            for (size_t l = 0; l < m->p; l++) {
                double x = b[i][k][l] - m->b_mean[l], s = b[i][k][COLUMNS + l];

                a.mean[l] += w * x;
                a.sd[l] += w * (x * x + s * s);
            }
            for (size_t l = 0; l < 2; l++) {
                a.mean[m->p + l] += w * natural[l];
                a.sd[m->p + l] += w * natural[l] * natural[l];
            }
        }
    for (size_t l = 0; l < m->p + 2; l++) {
        a.mean[l] /= total;
        a.sd[l] = sqrt(a.sd[l] / total - a.mean[l] * a.mean[l]);
        if (l < m->p) a.mean[l] += m->b_mean[l];
    }
    return a;
}

/* ---- the sampler ---- */

static void check_fit(const hard_model *m, const answer *want, const bm_fit *f)
{
    static const char *const b[COLUMNS] = { "b_Intercept", "b_x", "b_x2" };
    size_t seen = 0;

    for (size_t v = 0; v < f->nmonitored; v++) {
        const bm_summary_row *r = &f->summary[v];

        for (size_t l = 0; l < m->p + 2; l++) {
            const char *name = l < m->p ? b[l] : l == m->p ? "sd_g__Intercept" : "sigma";

            if (strcmp(r->name, name) != 0) continue;
            seen++;
            assert_true(r->mcse_mean < 0.0075 * want->sd[l]);       /* 5 % of an sd are 6.5 of these */
            if (fabs(r->mean - want->mean[l]) <= 6.5 * r->mcse_mean && fabs(r->sd - want->sd[l]) <= 6.5 * r->mcse_sd) continue;
            print_error("%s: %s: mean %.8g (%.2g), sd %.8g (%.2g), by quadrature %.8g, %.8g\n", m->name, name, r->mean, r->mcse_mean, r->sd, r->mcse_sd, want->mean[l],
                        want->sd[l]);
            fail();
        }
    }
    assert_int_equal(seen, m->p + 2);
}

static void check_posterior(const hard_model *m, const answer *want, bm_sampler sampler)
{
    bm_model      *model = hard_library(m);
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_fit        *f;
    bm_error       err = { 0 };

    opt.chains = 4;
    opt.draws = 12000;
    opt.seed = 5;
    opt.ranef_draws = BM_RANEF_NONE;
    opt.sampler = sampler;
    bm_assert_ok(bm_fit_run(&f, model, &opt, &err), err);
    check_fit(m, want, f);
    bm_fit_free(f);
    bm_model_free(model);
}

static void test_posteriors_are_those_of_quadrature(void **state)
{
    size_t done = 0;

    (void)state;
    for (size_t k = 0; k < NHARD; k++) {
        hard_model *m = hard_new(k);

        if (m->q == 1) {
            answer want = quadrature(m);

            check_posterior(m, &want, BM_SAMPLER_AUTO);
            done++;
        }
        free(m);
    }
    assert_int_equal(done, NHARD - 1);
}

/* Twelve groups: as many moments of the sd as are compared. */
static void test_flat_priors_where_the_posterior_is_proper(void **state)
{
    hard_model *m = hard_new(0);
    answer      want;

    (void)state;
    m->flat = true;
    m->J = m->n / 2;
    for (size_t i = 0; i < m->n; i++) {
        m->code[i] = (int)(i % m->J);
        m->y[i] += 0.3 * (double)(m->code[i] % 5 - 2);
    }
    hard_meaning(m);
    want = quadrature(m);
    check_posterior(m, &want, BM_SAMPLER_AUTO);
    free(m);
}

/* The data say nothing about an sd whose column is zero. */
static void test_an_effect_whose_column_is_zero_keeps_its_prior(void **state)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_fit        *f;
    bm_error       err = { 0 };
    size_t         seen = 0;

    (void)state;
    for (size_t k = 0; k < NHARD; k++) {
        hard_model *m = hard_new(k);

        if (m->q == 2) {
            bm_model *model = hard_library(m);

            opt.draws = 12000;
            bm_assert_ok(bm_fit_run(&f, model, &opt, &err), err);
            for (size_t v = 0; v < f->nmonitored; v++) {
                const bm_summary_row *r = &f->summary[v];

                if (strcmp(r->name, "sd_g__z") != 0) continue;
                seen++;
                assert_true(r->mcse_mean < 0.0075);
                assert_true(fabs(r->mean - sqrt(2 / M_PI)) <= 6.5 * r->mcse_mean);
                assert_true(fabs(r->sd - sqrt(1 - 2 / M_PI)) <= 6.5 * r->mcse_sd);
            }
            bm_fit_free(f);
            bm_model_free(model);
        }
        free(m);
    }
    assert_int_equal(seen, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posteriors_are_those_of_quadrature),
        cmocka_unit_test(test_flat_priors_where_the_posterior_is_proper),
        cmocka_unit_test(test_an_effect_whose_column_is_zero_keeps_its_prior),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
