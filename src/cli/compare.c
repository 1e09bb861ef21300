/* compare.c: `bmixed compare`: the REML fit and the posterior of one model, side by side. */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A number that an option takes. CLI_DONE, or CLI_INPUT after a message. */
static int number(const char *option, const char *text, const char *what, double *out)
{
    char  *end;
    double x;

    if (!text) return CLI_DONE;
    x = strtod(text, &end);
    if (end == text || *end || !isfinite(x) || x < 0) {
        cli_error("--%s: '%s' is not %s", option, text, what);
        return CLI_INPUT;
    }
    *out = x;
    return CLI_DONE;
}

/* The output directory that was compared, where nothing on the command line makes it another model; else NULL. */
static const char *compared_directory(const cli_args *a)
{
    struct stat sb;

    if (a->files.n != 1 || a->keys.n) return NULL;
    return stat(a->files.v[0], &sb) == 0 && S_ISDIR(sb.st_mode) ? a->files.v[0] : NULL;
}

static int write_and_print(const bm_compare *c, const cli_args *a, const char *dir, bool force)
{
    bm_write_options wopt = BM_WRITE_OPTIONS_INIT;
    bm_print_options popt = cli_print_options(a);
    bm_error         err = { 0 };
    bm_status        st;

    wopt.force = force;
    wopt.command = a->line;
    wopt.stop = cli_stop_on_signals();
    if (dir && (st = bm_compare_write(c, dir, &wopt, &err)) != BM_OK) return cli_fail_writing(st, dir, &err);
    if ((st = bm_compare_print(c, stdout, &popt, &err)) != BM_OK) return cli_fail_running(st, &err);
    if (dir) cli_note(a, "written to %s/compare.csv, compare.json%s", dir, a->pooling ? " and pooling.csv" : "");
    return CLI_DONE;
}

static const char *untrusted_name(const void *c, size_t i)
{
    return bm_compare_untrusted_name(c, i);
}

/* What run found out before the data are read. */
typedef struct { bm_compare_options opt; const char *here, *dir; bool force; } plan;

static int compare(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    plan          *p = self;
    cli_progress   progress;
    bm_fit_options fit;
    bm_compare    *c = NULL;
    bm_error       err = { 0 };
    bm_status      st;
    int            code;

    if (p->here) cli_note(a, "fitted again from %s/model.json: the same seed gives the same draws", p->here);
    fit = cli_run_options(&progress, spec, a);
    p->opt.fit = &fit;
    st = bm_compare_run(&c, model, &p->opt, &err);
    cli_progress_end(&progress);
    if (st == BM_INTERRUPTED) {
        cli_error("interrupted: nothing was compared and nothing is written");
        return CLI_SIGNAL + cli_stop_signal();
    }
    if (st != BM_OK) return cli_fail_running(st, &err);
    code = write_and_print(c, a, p->dir, p->force);
    if (code == CLI_DONE) code = cli_judge(a, bm_compare_untrusted(c), untrusted_name, c);
    bm_compare_free(c);
    return code;
}

static int run(const cli_args *a)
{
    cli_args  to = *a;
    plan      p = { .opt = BM_COMPARE_OPTIONS_INIT, .here = compared_directory(a) };
    bm_error  err = { 0 };
    bm_status st;
    int       code;

    p.dir = a->out ? a->out : p.here;
    p.force = a->force || (!a->out && p.here);               /* what was derived from a directory is derived anew */
    p.opt.pooling = a->pooling;
    p.opt.test_ranef = a->test_ranef;
    p.opt.ci = (bm_compare_ci)a->compare_ci;
    if ((code = number("differ", a->differ, "a number of posterior standard deviations, 0 or more", &p.opt.differ)) != CLI_DONE) return code;
    if ((code = number("eps", a->eps, "a standard deviation", &p.opt.eps)) != CLI_DONE) return code;
    if (p.dir && (st = bm_compare_check_output(p.dir, p.force, &err)) != BM_OK) return cli_fail_running(st, &err);
    if ((code = cli_rows_to_hold(a, &to.hold)) != CLI_DONE) return code;
    if (a->pooling && a->hold_rows && to.hold) {
        cli_error("--pooling fits every group by itself, to its rows: leave --hold-rows out");
        return CLI_INPUT;
    }
    if (a->pooling) to.hold = 0;
    return cli_with_model(&to, compare, &p);
}

static const cli_option own_options[] = {
    { .name = "differ", .arg = "X", .kind = CLI_TEXT, .at = offsetof(cli_args, differ),
      .help = "explain parameters whose estimate and posterior mean are more than X posterior sds apart", .def = CLI_DEFAULT_DOUBLE,
      .def_at = offsetof(cli_defaults, compare.differ) },
    { .name = "ci", .arg = "auto|wald|profile", .kind = CLI_WORD, .at = offsetof(cli_args, compare_ci),
      .help = "REML's 95 % intervals of standard deviations, correlations and sigma: profile likelihood, or Wald on the log and atanh scale; auto: "
              "profile where it takes no more than about a second. Those of coefficients are Wald's, but with profile",
      .def = CLI_DEFAULT_WORD, .def_at = offsetof(cli_defaults, compare.ci) },
    { .name = "pooling", .kind = CLI_FLAG, .at = offsetof(cli_args, pooling),
      .help = "the coefficients of every group by complete pooling, no pooling and partial pooling" },
    { .name = "test-ranef", .kind = CLI_FLAG, .at = offsetof(cli_args, test_ranef),
      .help = "for each random term: is its variance zero? Likelihood-ratio test, posterior probability of a negligible sd, Bayes factor against the "
              "model without the term" },
    { .name = "eps", .arg = "SD", .kind = CLI_TEXT, .at = offsetof(cli_args, eps), .help = "an sd below this is negligible, for --test-ranef",
      .def = CLI_DEFAULT_TEXT, .def_text = "0.05 sigma / sd(z)" },
    { .name = NULL }
};

static const cli_option output_options[] = {
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for compare.csv, compare.json and, with --pooling, pooling.csv", .def = CLI_DEFAULT_TEXT,
      .def_text = "the directory that is compared; else nothing is written" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace existing files of these names" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the comparison on standard output as JSON" },
    { .name = "strict", .kind = CLI_FLAG, .at = offsetof(cli_args, strict),
      .help = "exit with 3 if a parameter has R-hat above 1.01 or an effective sample size below 100 per chain" },
    { .name = NULL }
};

const cli_command cli_compare = {
    .name = "compare", .brief = "set the REML fit of a model beside its posterior",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "Fits the model by REML and draws from its posterior, and sets the two side by side: parameters, group effects, how far groups are "
             "pulled to the mean, shares of variance. Says which parameters differ and why, from numbers: an estimate at the boundary, few groups, "
             "a skewed posterior, what the prior did. An output directory is fitted again from its model.json: the same seed gives the same draws.",
    .groups = (const cli_group[]){ { "Comparison", own_options }, { "Model", cli_model_options }, { "Data", cli_data_options }, { "Sampling", cli_sampler_options },
                                   { "Output", output_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "reaction times, a line per subject", "bmixed compare 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv" },
        { "what pooling does to each subject; does the slope vary?",
          "bmixed compare 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --pooling --test-ranef" },
        { NULL, NULL } },
    .run = run
};
