/* reml.c: `bmixed reml`: the classical fit of a model, and likelihood-ratio tests. */
#include "cli/cli.h"

#include <string.h>

static bm_reml_options options(const cli_args *a)
{
    bm_reml_options opt = BM_REML_OPTIONS_INIT;

    opt.ml = a->ml;
    opt.ci = a->ci == 1 ? BM_CI_PROFILE : BM_CI_WALD;
    return opt;
}

static int fit(const bm_model *model, const cli_args *a)
{
    bm_reml_options  opt = options(a);
    bm_print_options popt = cli_print_options(a);
    bm_write_options wopt = BM_WRITE_OPTIONS_INIT;
    bm_reml         *r = NULL;
    bm_error         err = { 0 };
    bm_status        st;
    int              code = CLI_DONE;

    wopt.force = a->force;
    wopt.command = a->line;
    if ((st = bm_reml_run(&r, model, &opt, &err)) != BM_OK) return cli_fail_running(st, &err);
    if (a->out) wopt.stop = cli_stop_on_signals();           /* until here there is nothing to tidy up: a signal simply ends it */
    if (a->out && (st = bm_reml_write(r, a->out, &wopt, &err)) != BM_OK) code = cli_fail_writing(st, a->out, &err);
    if (code == CLI_DONE && (st = bm_reml_print(r, stdout, &popt, &err)) != BM_OK) code = cli_fail_running(st, &err);
    if (code == CLI_DONE && a->out) cli_note(a, "written to %s/reml.json", a->out);
    if (code == CLI_DONE && !bm_reml_converged(r)) {
        cli_warning("the search for the optimum did not converge; see the notes");
        if (a->strict) code = CLI_UNTRUSTED;
    }
    bm_reml_free(r);
    return code;
}

static bm_status read_other(bm_model **out, const bm_spec *spec, const cli_args *a, bm_error *err)
{
    return a->hold ? bm_model_new_streamed(out, spec, a->hold, err) : bm_model_new(out, spec, NULL, err);
}

static int test(const bm_model *model, bm_spec *spec, const cli_args *a)
{
    bm_reml_options  opt = options(a);
    bm_print_options popt = cli_print_options(a);
    bm_model        *other = NULL;
    bm_anova        *t = NULL;
    bm_error         err = { 0 };
    bm_status        st;
    int              code = CLI_DONE;

    if (bm_spec_get(spec, "data") && strcmp(bm_spec_get(spec, "data"), "-") == 0) {
        cli_error("--anova reads the data twice, and standard input can be read once only: put the data into a file");
        return CLI_INPUT;
    }
    if ((st = bm_spec_set(spec, "formula", a->anova, &err)) != BM_OK || (st = read_other(&other, spec, a, &err)) != BM_OK)
        code = cli_fail_reading(st, &err);
    else if ((st = bm_anova_run(&t, model, other, &opt, &err)) != BM_OK || (st = bm_anova_print(t, stdout, &popt, &err)) != BM_OK)
        code = cli_fail_running(st, &err);
    bm_anova_free(t);
    bm_model_free(other);
    return code;
}

static int fit_or_test(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    (void)self;
    return a->anova ? test(model, spec, a) : fit(model, a);
}

static int run(const cli_args *a)
{
    cli_args to = *a;
    int      code = cli_rows_to_hold(a, &to.hold);

    if (code != CLI_DONE) return code;
    if (a->anova && a->out) {
        cli_error("--anova prints a test and writes nothing: leave -o out");
        return CLI_INPUT;
    }
    return cli_with_model(&to, fit_or_test, NULL);
}

static const cli_option own_options[] = {
    { .name = "ml", .kind = CLI_FLAG, .at = offsetof(cli_args, ml), .help = "maximum likelihood instead of REML" },
    { .name = "ci", .arg = "wald|profile", .kind = CLI_WORD, .at = offsetof(cli_args, ci),
      .help = "95 % intervals: normal ones of the coefficients (written, and shown with -v); profile-likelihood ones of standard "
              "deviations, correlations, sigma and coefficients", .def = CLI_DEFAULT_TEXT, .def_text = "wald" },
    { .name = "anova", .arg = "FORMULA", .kind = CLI_TEXT, .at = offsetof(cli_args, anova),
      .help = "likelihood-ratio test against the model with this formula, which must be nested in the other one or the other in it; by ML "
              "where the coefficients differ; with the mixture p-value where a variance is tested at zero", .def = CLI_DEFAULT_TEXT, .def_text = "no test" },
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for reml.json", .def = CLI_DEFAULT_TEXT, .def_text = "nothing is written" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace an existing reml.json" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the result on standard output as JSON" },
    { .name = "strict", .kind = CLI_FLAG, .at = offsetof(cli_args, strict), .help = "exit with 3 if the search did not converge" },
    { .name = NULL }
};

const cli_command cli_reml = {
    .name = "reml", .brief = "fit a model by REML or maximum likelihood",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "The classical fit of the model that `bmixed fit' would sample from: restricted maximum likelihood, or with --ml maximum "
             "likelihood. Priors are not used. The summary has the layout of R's lme4; degrees of freedom are Satterthwaite's.",
    .groups = (const cli_group[]){ { "Model", cli_model_options }, { "Data", cli_data_options }, { "REML", own_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "reaction times, a line per subject", "bmixed reml 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv" },
        { "profile-likelihood intervals", "bmixed reml 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --ci profile" },
        { "does the slope vary?",
          "bmixed reml 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --anova 'Reaction ~ Days + (1 | Subject)'" },
        { NULL, NULL } },
    .run = run
};
