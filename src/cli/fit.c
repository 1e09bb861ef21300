/* fit.c: `bmixed fit`: draws from the posterior, a summary on standard output, and the files of -o. */
#include "cli/cli.h"

/* Everything between a model and an exit code; fit may be NULL after an interruption. */
static int write_and_print(const bm_fit *fit, const cli_args *a)
{
    bm_write_options wopt = BM_WRITE_OPTIONS_INIT;
    bm_print_options popt = cli_print_options(a);
    bm_error         err = { 0 };
    bm_status        st;

    wopt.force = a->force;
    wopt.format = (bm_format)a->format;
    wopt.command = a->line;
    if (a->out && (st = bm_fit_write(fit, a->out, &wopt, &err)) != BM_OK) return cli_fail_running(st, &err);
    if ((st = bm_fit_print(fit, stdout, &popt, &err)) != BM_OK) return cli_fail_running(st, &err);
    if (a->out) cli_note(a, "written to %s", a->out);
    else cli_note(a, "nothing was written; -o DIR keeps draws and summaries");
    return CLI_DONE;
}

static const char *untrusted_name(const void *fit, size_t i)
{
    return bm_fit_untrusted_name(fit, i);
}

static int sample(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    cli_progress   progress;
    bm_fit_options opt = cli_run_options(&progress, spec, a);
    bm_fit        *fit = NULL;
    bm_error       err = { 0 };
    bm_status      st;
    int            code;

    (void)self;
    st = bm_fit_run(&fit, model, &opt, &err);
    cli_progress_end(&progress);
    if (st < 0) code = cli_fail_running(st, &err);
    else if (!fit) {
        cli_error("interrupted before the first draw: there is nothing to summarise");
        code = CLI_SIGNAL + cli_stop_signal();
    } else {
        if (st == BM_INTERRUPTED) cli_warning("interrupted: this is what there was so far");
        code = write_and_print(fit, a);
        if (code == CLI_DONE) code = cli_judge(a, bm_fit_untrusted(fit), untrusted_name, fit);
        if (st == BM_INTERRUPTED && (code == CLI_DONE || code == CLI_UNTRUSTED)) code = CLI_SIGNAL + cli_stop_signal();
    }
    bm_fit_free(fit);
    return code;
}

static int run(const cli_args *a)
{
    bm_error  err = { 0 };
    bm_status st = a->out ? bm_check_output(a->out, a->force, &err) : BM_OK;

    return st == BM_OK ? cli_with_model(a, sample, NULL) : cli_fail_running(st, &err);
}

static const cli_option own_options[] = {
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for draws, summaries and the resolved model; it appears whole or not at all",
      .def = CLI_DEFAULT_TEXT, .def_text = "nothing is written" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace an output directory that bmixed wrote before" },
    { .name = "format", .arg = "csv|cmdstan|json|none", .kind = CLI_WORD, .at = offsetof(cli_args, format),
      .help = "form of the draws: one CSV; one Stan CSV per chain; JSON as ArviZ takes it; no draws",
      .def = CLI_DEFAULT_WORD, .def_at = offsetof(cli_defaults, write.format) },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the summary on standard output as JSON" },
    { .name = "strict", .kind = CLI_FLAG, .at = offsetof(cli_args, strict),
      .help = "exit with 3 if a parameter has R-hat above 1.01 or an effective sample size below 100 per chain" },
    { .name = NULL }
};

const cli_command cli_fit = {
    .name = "fit", .brief = "draw from the posterior of a model and summarise it",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "Fits the Bayesian mixed model that FORMULA (as in R's lme4) and the CSV file DATA (- for standard input) describe, "
             "or that a model file describes; an output directory stands for the model.json in it. DATA and options override the "
             "model file.\n\n"
             "The summary goes to standard output; -o keeps draws and summaries. Ctrl-C stops early and keeps what there is.",
    .groups = (const cli_group[]){ { "Model", cli_model_options }, { "Sampling", cli_sampler_options }, { "Output", own_options },
                                   { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "reaction times, a line per subject; results into the directory sleep",
          "bmixed fit 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv -o sleep" },
        { "the same model with another prior and seed, as JSON",
          "bmixed fit sleep --prior 'b_Days ~ normal(0, 20)' --seed 7 --json" },
        { NULL, NULL } },
    .run = run
};
