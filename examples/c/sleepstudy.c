/* Fits sleepstudy through the C library and prints the posterior mean of the slope and the probability that it exceeds 10 ms a day. */
#include <bmixed.h>
#include <string.h>

int main(int argc, char **argv)
{
    bm_spec  *spec = NULL;
    bm_model *model = NULL;
    bm_fit   *fit = NULL;
    bm_error  err = { 0 };
    double    mean = 0, above = 0;

    if (argc != 2 || bm_spec_new(&spec, &err) || bm_spec_set(spec, "formula", "Reaction ~ Days + (Days | Subject)", &err)
        || bm_spec_set(spec, "data", argv[1], &err) || bm_spec_set(spec, "prior", "b_Days ~ normal(0, 20)", &err)
        || bm_model_new(&model, spec, NULL, &err) || bm_fit_run(&fit, model, NULL, &err)) {
        fprintf(stderr, "%s\n", argc == 2 ? err.msg : "usage: sleepstudy DATA.csv");
        return 1;
    }
    const bm_draws *draws = bm_fit_draws(fit);
    size_t          n = bm_draws_nchain(draws) * bm_draws_niter(draws), days = 0;
    while (strcmp(bm_draws_name(draws, days), "b_Days") != 0) days++;
    for (size_t i = 0; i < n; i++) {
        mean += bm_draws_values(draws, days)[i] / (double)n;
        above += (bm_draws_values(draws, days)[i] > 10) / (double)n;
    }
    printf("slope %.1f, above 10 with probability %.2f, %zu parameters not to be trusted\n", mean, above, bm_fit_untrusted(fit));
    bm_fit_free(fit), bm_model_free(model), bm_spec_free(spec);
    return 0;
}
