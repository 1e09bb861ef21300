/* fit.c: `bmixed fit`: draws from the posterior, a summary on standard output, and the files of -o. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct { bm_checkpoint *checkpoint; bm_write_options write; } fit_job;

/* Everything between a fit and an exit code. A run that was stopped and has a checkpoint is not over: its directory comes with its end. */
static int write_and_print(const bm_fit *fit, const cli_args *a, const fit_job *job, bool stopped)
{
    bool             keeps = job->checkpoint && stopped, writes = a->out && !keeps;
    bm_print_options popt = cli_print_options(a);
    bm_error         err = { 0 };
    bm_status        st;

    popt.command = job->write.command;
    if (writes) {
        bm_write_options wopt = job->write;

        /* What there was so far is written, unless a second signal kills; so is the result of a run whose checkpoint is not there yet to go on from. */
        wopt.stop = stopped || (job->checkpoint && !bm_checkpoint_written(job->checkpoint)) ? NULL : cli_stop_on_signals();
        if ((st = bm_fit_write(fit, a->out, &wopt, &err)) == BM_INTERRUPTED) {
            cli_error("interrupted while the results were written: '%s' is not there%s", a->out, job->checkpoint ? ", the checkpoint is" : "");
            return CLI_SIGNAL + cli_stop_signal();
        }
        if (st != BM_OK) return cli_fail_running(st, &err);
    }
    if (writes && job->checkpoint) bm_checkpoint_remove(job->checkpoint);
    if ((st = bm_fit_print(fit, stdout, &popt, &err)) != BM_OK) return cli_fail_running(st, &err);
    if (writes) cli_note(a, "written to %s", a->out);
    else if (!keeps) cli_note(a, "nothing was written; -o DIR keeps draws and summaries");
    return CLI_DONE;
}

static const char *untrusted_name(const void *fit, size_t i)
{
    return bm_fit_untrusted_name(fit, i);
}

static void say_stopped(const cli_args *a, const fit_job *job, bool draws)
{
    if (job->checkpoint) cli_warning("interrupted%s; `bmixed fit --resume %s' goes on from here", draws ? ": this is what there was so far" : "", a->out);
    else if (draws) cli_warning("interrupted: this is what there was so far");
    else cli_error("interrupted before the first draw: there is nothing to summarise");
}

static int sample(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    const fit_job *job = self;
    cli_progress   progress;
    bm_fit_options opt = cli_run_options(&progress, spec, a);
    bm_fit        *fit = NULL;
    bm_error       err = { 0 };
    bm_status      st;
    int            code = CLI_DONE;

    opt.checkpoint = job->checkpoint;
    st = bm_fit_run(&fit, model, &opt, &err);
    cli_progress_end(&progress);
    if (st < 0) return cli_fail_running(st, &err);
    if (st == BM_INTERRUPTED) say_stopped(a, job, fit != NULL);
    if (fit) code = write_and_print(fit, a, job, st == BM_INTERRUPTED);
    if (fit && code == CLI_DONE) code = cli_judge(a, bm_fit_untrusted(fit), untrusted_name, fit);
    if (st == BM_INTERRUPTED && (code == CLI_DONE || code == CLI_UNTRUSTED)) code = CLI_SIGNAL + cli_stop_signal();
    bm_fit_free(fit);
    return code;
}

/* ---- what there is to do ---- */

static int seconds_of(const cli_args *a, double *seconds)
{
    char *end;

    *seconds = a->checkpoint ? strtod(a->checkpoint, &end) : 0;
    if (!a->checkpoint || (end != a->checkpoint && !*end && *seconds >= 0 && *seconds < 1e9)) return CLI_DONE;
    cli_error("--checkpoint: '%s' is not a number of seconds", a->checkpoint);
    return CLI_INPUT;
}

static int open_checkpoint(fit_job *job, const cli_args *a)
{
    double    seconds;
    bm_error  err = { 0 };
    bm_status st = BM_OK;
    int       code = seconds_of(a, &seconds);

    if (code != CLI_DONE) return code;
    if (a->resume) st = bm_checkpoint_open(&job->checkpoint, a->out, &err);
    else if (a->checkpoint) st = bm_checkpoint_new(&job->checkpoint, a->out, seconds, a->force, &job->write, &err);
    if (st != BM_OK) return cli_fail_reading(st, &err);
    if (a->resume && a->checkpoint) bm_checkpoint_every(job->checkpoint, seconds);
    if (a->resume) bm_checkpoint_write_options(job->checkpoint, &job->write);
    if (a->format >= 0) job->write.format = (bm_format)a->format;
    return CLI_DONE;
}

/* Alone, --resume goes on with the model and the options of the run; others must be the same. */
static int with_saved_model(const cli_args *a, fit_job *job)
{
    cli_args own = *a;

    own.resumed = job->checkpoint;
    return cli_with_model(&own, sample, job);
}

static int check_output(const cli_args *a)
{
    bm_error  err = { 0 };
    bm_status st = a->out ? bm_check_output(a->out, a->force, &err) : BM_OK;

    return st == BM_OK ? CLI_DONE : cli_fail_running(st, &err);
}

/* Where --hold-rows does not say otherwise, a run that is resumed reads its data as it did. */
static int with_model(const cli_args *a, fit_job *job)
{
    cli_args own = *a;

    if (a->resume && !a->hold_rows) own.hold = bm_checkpoint_hold_rows(job->checkpoint);
    return a->resume && a->files.n == 0 && !a->rows_from ? with_saved_model(&own, job) : cli_with_model(&own, sample, job);
}

/* What a run that is resumed lacks is said first: a directory that is there already is that of a run which ended. */
static int run_job(const cli_args *a, fit_job *job)
{
    int code = a->resume ? open_checkpoint(job, a) : check_output(a);

    if (code == CLI_DONE) code = a->resume ? check_output(a) : open_checkpoint(job, a);
    if (code == CLI_DONE) code = with_model(a, job);
    bm_checkpoint_free(job->checkpoint);
    return code;
}

static int run(const cli_args *a)
{
    fit_job  job = { .write = BM_WRITE_OPTIONS_INIT };
    cli_args to = *a;
    int      code = cli_rows_to_hold(a, &to.hold);

    if (code != CLI_DONE) return code;
    if (a->checkpoint && !a->out && !a->resume) {
        cli_error("--checkpoint needs -o DIR: the state is kept beside the directory that the results go to");
        return cli_usage(a->command);
    }
    if (a->resume && a->out && strcmp(a->out, a->resume) != 0) {
        cli_error("--resume %s: the results of that run go to '%s', not to '%s'", a->resume, a->resume, a->out);
        return cli_usage(a->command);
    }
    if (a->resume) to.out = a->resume;
    job.write.force = a->force;
    job.write.command = a->line;
    if (a->format >= 0) job.write.format = (bm_format)a->format;
    return run_job(&to, &job);
}

static const cli_option own_options[] = {
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for draws, summaries and the resolved model; it appears whole or not at all",
      .def = CLI_DEFAULT_TEXT, .def_text = "nothing is written" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace an output directory that bmixed wrote before" },
    { .name = "format", .arg = "csv|cmdstan|json|none", .kind = CLI_WORD, .at = offsetof(cli_args, format),
      .help = "form of the draws: one CSV; one Stan CSV per chain; JSON as ArviZ takes it; no draws",
      .def = CLI_DEFAULT_WORD, .def_at = offsetof(cli_defaults, write.format) },
    { .name = "checkpoint", .arg = "SECONDS", .kind = CLI_TEXT, .at = offsetof(cli_args, checkpoint),
      .help = "keep the state of the run in the file DIR.checkpoint, brought up to date every so many seconds (in a tenth of the time at most) and on Ctrl-C",
      .def = CLI_DEFAULT_TEXT, .def_text = "no checkpoints" },
    { .name = "resume", .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, resume),
      .help = "go on from DIR.checkpoint, to the same draws, bit by bit, as had nothing ended the run; alone, with its model, data and options",
      .def = CLI_DEFAULT_TEXT, .def_text = "a new run" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "the summary on standard output as JSON" },
    { .name = "strict", .kind = CLI_FLAG, .at = offsetof(cli_args, strict),
      .help = "exit with 3 if a parameter has R-hat above 1.01 or an effective sample size below 100 per chain" },
    { .name = NULL }
};

const cli_command cli_fit = {
    .name = "fit", .brief = "draw from the posterior of a model and summarise it",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", "--resume DIR", NULL },
    .about = "Fits the Bayesian mixed model that FORMULA (as in R's lme4) and the CSV file DATA (- for standard input) describe, "
             "or that a model file describes; an output directory stands for the model.json in it. DATA and options override the "
             "model file.\n\n"
             "The summary goes to standard output; -o keeps draws and summaries. Ctrl-C stops early and keeps what there is.\n\n"
             "A long run is safe with --checkpoint: whatever ends it (a kill, a power cut, Ctrl-C), --resume goes on. DIR.checkpoint is replaced as a whole and "
             "removed when the results are in DIR.",
    .groups = (const cli_group[]){ { "Model", cli_model_options }, { "Data", cli_data_options }, { "Sampling", cli_sampler_options }, { "Output", own_options },
                                   { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "reaction times, a line per subject; results into the directory sleep",
          "bmixed fit 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv -o sleep" },
        { "the same model with another prior and seed, as JSON",
          "bmixed fit sleep --prior 'b_Days ~ normal(0, 20)' --seed 7 --json" },
        { NULL, NULL } },
    .run = run
};
