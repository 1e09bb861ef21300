/* geweke.c: `bmixed geweke`: does every kernel of the sampler leave this model's distribution as it is? */
#include "cli/cli.h"

static int report(const bm_geweke *g, const cli_args *a)
{
    bm_print_options opt = cli_print_options(a);
    bm_error         err = { 0 };
    bm_status        st = bm_geweke_print(g, stdout, &opt, &err);

    if (st != BM_OK) return cli_fail_running(st, &err);
    return bm_geweke_passed(g) ? CLI_DONE : CLI_UNTRUSTED;
}

static int test(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    bm_geweke_options opt = BM_GEWEKE_OPTIONS_INIT;
    bm_fit_options    fit = BM_FIT_OPTIONS_INIT;
    cli_progress      progress;
    bm_geweke        *g = NULL;
    bm_error          err = { 0 };
    bm_status         st;
    int               code = cli_whole_number("reps", a->reps, &opt.reps);

    (void)self;
    if (code == CLI_DONE) code = cli_whole_number("steps", a->steps, &opt.steps);
    if (code != CLI_DONE) return code;
    bm_spec_fit_options(spec, &fit);
    opt.seed = fit.seed;
    opt.threads = fit.threads;
    cli_progress_start(&progress, a);
    opt.progress = cli_progress_step;
    opt.progress_self = &progress;
    opt.stop = cli_stop_on_signals();
    st = bm_geweke_run(&g, model, &opt, &err);
    cli_progress_end(&progress);
    if (st < 0) return cli_fail_running(st, &err);
    if (!g) {
        cli_error("interrupted before there were enough chains: there is nothing to report");
        return CLI_SIGNAL + cli_stop_signal();
    }
    if (st == BM_INTERRUPTED) cli_warning("interrupted: this is what there was so far");
    code = report(g, a);
    if (st == BM_INTERRUPTED && (code == CLI_DONE || code == CLI_UNTRUSTED)) code = CLI_SIGNAL + cli_stop_signal();
    bm_geweke_free(g);
    return code;
}

static int run(const cli_args *a)
{
    return cli_with_model(a, test, NULL);
}

static const cli_option own_options[] = {
    { .name = "reps", .arg = "N", .kind = CLI_TEXT, .at = offsetof(cli_args, reps), .help = "independent chains for every kernel",
      .def = CLI_DEFAULT_INT, .def_at = offsetof(cli_defaults, geweke.reps) },
    { .name = "steps", .arg = "N", .kind = CLI_TEXT, .at = offsetof(cli_args, steps), .help = "times that a chain's parameters are moved and its data drawn anew",
      .def = CLI_DEFAULT_INT, .def_at = offsetof(cli_defaults, geweke.steps) },
    { .name = "seed", .arg = "N", .help = "same seed, same result", .def = CLI_DEFAULT_U64, .def_at = offsetof(cli_defaults, fit.seed) },
    { .name = "threads", .arg = "N", .help = "threads; the result does not depend on their number", .def = CLI_DEFAULT_INT,
      .def_at = offsetof(cli_defaults, fit.threads), .def_text = "one per core" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the result on standard output as JSON" },
    { .name = NULL }
};

const cli_command cli_geweke = {
    .name = "geweke", .brief = "check every kernel of the sampler on your model (Geweke's joint-distribution test)",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "Does every kernel that can sample this model leave its distribution as it is? Parameters are drawn from their priors and a response from the "
             "parameters, on the rows, groups, covariates and weights of the data. Then, in turn, one kernel moves the parameters given the response, and a "
             "new response is drawn given the parameters. Under a right kernel each of these states has the distribution of the first, for which independent draws "
             "are the measure. That is judged for every parameter, the log-likelihood, the effects of the rarest level of every grouping factor, and the "
             "mean of a cell, by the mean normal scores, over independent chains, of their ranks and of the distances of these from the middle.\n\n"
             "The kernels: independence proposals, a random walk, Hamiltonian moves, and these with jumps (a proposal beside each), of the variance parameters, each followed by a draw of coefficients and "
             "effects; the sweep factor by factor, with two grouping factors or more; coefficients and effects alone. bmixed sbc checks the whole "
             "sampler, warm-up included; this tells which part is wrong, and needs no chain to mix. Under tight "
             "priors it sees more: a wrong kernel's drift is judged beside the spread of the priors.\n\n"
             "Priors must be proper. Exit code: 0 if every kernel passes, 3 if one does not (a right sampler is called wrong in 1 of 100 runs). Ctrl-C "
             "judges what there is.",
    .groups = (const cli_group[]){ { "Test", own_options }, { "Model", cli_model_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "the model of the quick start", "bmixed geweke 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv --reps 100" },
        { "a quick look, for a program to read", "bmixed geweke 'Reaction ~ Days + (1 | Subject)' sleepstudy.csv --reps 50 --steps 3 --json" },
        { NULL, NULL } },
    .run = run
};
