/* sbc.c: `bmixed sbc`: is the sampler right for this model on this design? */
#include "cli/cli.h"


/* Pictures, or a note why there are none. */
static bm_plots *draw(const bm_sbc *s, const cli_args *a)
{
    bm_plot_options opt = BM_PLOT_OPTIONS_INIT;
    bm_plots       *p = NULL;
    bm_error        err = { 0 };

    opt.format = (bm_plot_format)a->picture;
    if (bm_sbc_plot(&p, s, &opt, &err) != BM_OK) cli_warning("there is no picture: %s", err.msg);
    return p;
}

static int write_and_print(const bm_sbc *s, const cli_args *a)
{
    bm_write_options wopt = BM_WRITE_OPTIONS_INIT;
    bm_print_options popt = cli_print_options(a);
    bm_plots        *p = a->out ? draw(s, a) : NULL;
    bm_error         err = { 0 };
    bm_status        st = BM_OK;

    wopt.force = a->force;
    wopt.command = a->line;
    if (a->out) st = bm_sbc_write(s, a->out, &wopt, p, &err);
    bm_plots_free(p);
    if (st == BM_OK) st = bm_sbc_print(s, stdout, &popt, &err);
    if (st != BM_OK) return cli_fail_running(st, &err);
    if (a->out) cli_note(a, "written to %s", a->out);
    return bm_sbc_calibrated(s) ? CLI_DONE : CLI_UNTRUSTED;
}

static int calibrate(const bm_model *model, const bm_spec *spec, const cli_args *a)
{
    bm_sbc_options opt = BM_SBC_OPTIONS_INIT;
    bm_fit_options fit = BM_FIT_OPTIONS_INIT;
    cli_progress   progress;
    bm_sbc        *s = NULL;
    bm_error       err = { 0 };
    bm_status      st;
    int            code = cli_whole_number("reps", a->reps, &opt.reps);

    if (code != CLI_DONE) return code;
    bm_spec_fit_options(spec, &fit);
    opt.seed = fit.seed;
    opt.threads = fit.threads;
    opt.sampler = fit.sampler;
    cli_progress_start(&progress, a);
    opt.progress = cli_progress_step;
    opt.progress_self = &progress;
    opt.stop = cli_stop_on_signals();
    st = bm_sbc_run(&s, model, &opt, &err);
    cli_progress_end(&progress);
    if (st < 0) return cli_fail_running(st, &err);
    if (!s) {
        cli_error("interrupted before the first data set was done: there is nothing to report");
        return CLI_SIGNAL + cli_stop_signal();
    }
    if (st == BM_INTERRUPTED) cli_warning("interrupted: this is what there was so far");
    code = write_and_print(s, a);
    if (st == BM_INTERRUPTED && (code == CLI_DONE || code == CLI_UNTRUSTED)) code = CLI_SIGNAL + cli_stop_signal();
    bm_sbc_free(s);
    return code;
}

static int run(const cli_args *a)
{
    bm_spec  *spec = NULL;
    bm_model *model = NULL;
    bm_error  err = { 0 };
    bm_status st;
    int       code = cli_read_spec(&spec, a);

    if (code != CLI_DONE) return code;
    if (a->out && (st = bm_sbc_check_output(a->out, a->force, &err)) != BM_OK) code = cli_fail_running(st, &err);
    else if ((st = bm_model_new(&model, spec, NULL, &err)) != BM_OK) code = cli_fail_reading(st, &err);
    else code = calibrate(model, spec, a);
    bm_model_free(model);
    bm_spec_free(spec);
    return code;
}

static const cli_option own_options[] = {
    { .name = "reps", .arg = "N", .kind = CLI_TEXT, .at = offsetof(cli_args, reps), .help = "data sets to simulate and fit",
      .def = CLI_DEFAULT_INT, .def_at = offsetof(cli_defaults, sbc.reps) },
    { .name = "seed", .arg = "N", .help = "same seed, same result", .def = CLI_DEFAULT_U64, .def_at = offsetof(cli_defaults, fit.seed) },
    { .name = "threads", .arg = "N", .help = "threads; the result does not depend on their number", .def = CLI_DEFAULT_INT,
      .def_at = offsetof(cli_defaults, fit.threads), .def_text = "one per core" },
    { .name = "sampler", .arg = "auto|collapsed|gibbs", .help = "which sampler to check", .def = CLI_DEFAULT_WORD,
      .def_at = offsetof(cli_defaults, fit.sampler) },
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for ranks.csv, sbc.json and the picture; it appears whole or not at all", .def = CLI_DEFAULT_TEXT,
      .def_text = "nothing is written" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace a directory that bmixed sbc wrote before" },
    { .name = "format", .arg = "svg|png|pdf", .kind = CLI_WORD, .at = offsetof(cli_args, picture), .help = "form of the picture",
      .def = CLI_DEFAULT_TEXT, .def_text = "svg" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the result on standard output as JSON" },
    { .name = NULL }
};

const cli_command cli_sbc = {
    .name = "sbc", .brief = "check the sampler on data simulated from your model (simulation-based calibration)",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "Is the sampler right for this model on these rows? Parameters are drawn from their priors and a response from the parameters, many "
             "times over, on the rows, groups, covariates and weights of the data; the model is fitted to each. Among the draws of a right "
             "sampler the true value of any quantity has every rank equally often. That is judged for every parameter, the "
             "log-likelihood, the effects of the rarest level of every grouping factor, and the mean of a cell: is the ranks' distribution function "
             "within simultaneous bands?\n\n"
             "Priors must be proper; those of coefficients may be flat (their true values are then 0, for the ranks are the same whatever they are). Default priors that depend on the data are kept at their numbers. Simulated data in which double precision "
             "does not resolve sigma (less than some three millionths of the spread of the group effects, as wide priors can have it) are counted and "
             "left out.\n\n"
             "Exit code: 0 if every quantity is calibrated, 3 if one is not (a right sampler is called wrong in 1 of 100 runs). Ctrl-C "
             "judges what there is.",
    .groups = (const cli_group[]){ { "Calibration", own_options }, { "Model", cli_model_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "the model of the quick start, 200 data sets; the picture is sleep-sbc/sbc.svg",
          "bmixed sbc 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --reps 200 -o sleep-sbc" },
        { "with tighter priors, for a program to read", "bmixed sbc sleep --prior 'sd ~ half_normal(0, 30)' --reps 100 --json" },
        { NULL, NULL } },
    .run = run
};
