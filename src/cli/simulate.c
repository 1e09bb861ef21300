/* simulate.c: `bmixed simulate`: the data with the response drawn anew, from known truth or from the prior. */
#include "cli/cli.h"

static int write_data(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    cli_file       out;
    bm_error       err = { 0 };
    bm_status      st;
    int            code = cli_file_open(&out, a->out, a->force);

    (void)self;
    if (code != CLI_DONE) return code;
    bm_spec_fit_options(spec, &opt);
    st = bm_simulate(model, out.f, a->set.v, a->set.n, opt.seed, &err);
    if (st != BM_OK) code = cli_fail_running(st, &err);
    return cli_file_close(&out, code);
}

static int run(const cli_args *a)
{
    return cli_with_model(a, write_data, NULL);
}

static const cli_option own_options[] = {
    { .name = "set", .arg = "NAME=VALUE", .kind = CLI_LIST, .at = offsetof(cli_args, set),
      .help = "value of a parameter (b_Days=10, sd_Subject__Days=5, sigma=25); may be repeated",
      .def = CLI_DEFAULT_TEXT, .def_text = "drawn from its prior" },
    { .name = "rows-from", .arg = "DATA", .kind = CLI_TEXT, .at = offsetof(cli_args, rows_from),
      .help = "take the rows (predictors and groups) of this file", .def = CLI_DEFAULT_TEXT, .def_text = "the data of the model" },
    { .name = "seed", .arg = "N", .help = "same seed, same data", .def = CLI_DEFAULT_U64, .def_at = offsetof(cli_defaults, fit.seed) },
    { .name = "out", .letter = 'o', .arg = "FILE", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "file to write; it appears whole or not at all", .def = CLI_DEFAULT_TEXT, .def_text = "standard output" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace an existing file" },
    { .name = NULL }
};

const cli_command cli_simulate = {
    .name = "simulate", .brief = "simulate data from a model, with known truth or from the prior",
    .usage = (const char *const[]){ "FORMULA DATA --set NAME=VALUE ... [options]", "MODEL.json|DIR [DATA] --set NAME=VALUE ... [options]", NULL },
    .about = "Keeps the rows of the data and draws the response anew: parameters are set with --set or drawn from their priors (an error "
             "where a prior is improper), then group effects, then residuals. `bmixed model' prints the names of the parameters.",
    .groups = (const cli_group[]){ { "Simulation", own_options }, { "Model", cli_model_options }, { "General", cli_general_options },
                                   { NULL, NULL } },
    .examples = (const cli_example[]){
        { "reaction times with a known slope",
          "bmixed simulate 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --set b_Intercept=250 --set b_Days=10 "
          "--set sd_Subject__Days=5 --set sigma=25 -o sim.csv" },
        { "and the fit to them", "bmixed fit sleep sim.csv --seed 3" },
        { NULL, NULL } },
    .run = run
};
