/* diagnose.c: `bmixed diagnose`: can these draws be trusted? */
#include "cli/cli.h"

static int run(const cli_args *a)
{
    bm_print_options opt = cli_print_options(a);
    bm_diagnosis *d = NULL;
    bm_error  err = { 0 };
    bm_status st;
    int       code = CLI_DONE;

    if (a->files.n == 0) {
        cli_help_command(&cli_diagnose, stderr);
        return CLI_INPUT;
    }
    if ((st = bm_diagnose(&d, a->files.v, a->files.n, &err)) != BM_OK) return cli_fail_reading(st, &err);
    if ((st = bm_diagnosis_print(d, stdout, &opt, &err)) != BM_OK) code = cli_fail_running(st, &err);
    else if (!bm_diagnosis_trusted(d)) code = CLI_UNTRUSTED;
    bm_diagnosis_free(d);
    return code;
}

static const cli_option own_options[] = {
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "as JSON" },
    { .name = NULL }
};

const cli_command cli_diagnose = {
    .name = "diagnose", .brief = "say whether saved draws can be trusted, and why",
    .usage = (const char *const[]){ "DIR [options]", "DRAWS.csv [options]", "STAN1.csv STAN2.csv ... [options]", NULL },
    .about = "Judges draws (an output directory of `bmixed fit', one CSV file in the layout of its draws.csv, or Stan CSV files, one per "
             "chain): do the chains agree, and if not, which one differs and by how much; are there enough independent draws; is the Monte "
             "Carlo error small; does a standard deviation have posterior mass at 0 or a correlation at -1 or 1; and for a fit of ours: how "
             "often were proposals accepted, does the proposal cover the posterior (Pareto k), and do the data contradict a prior. Each "
             "check has a verdict in words, and where it fails, what to do; checks that cannot be made are listed with -v.\n\n"
             "Exit code: 0 if nothing speaks against trusting the draws, 3 if something does.",
    .groups = (const cli_group[]){ { "Output", own_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "a fit of ours", "bmixed diagnose sleep" },
        { "for a program to read", "bmixed diagnose sleep/draws.csv --json" },
        { NULL, NULL } },
    .run = run
};
