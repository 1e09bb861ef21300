/* model.c: `bmixed model`: what would be fitted, without fitting it. */
#include "cli/cli.h"

static int print(const bm_model *model, bm_spec *spec, const cli_args *a, void *self)
{
    bm_print_options opt = cli_print_options(a);
    bm_error         err = { 0 };
    bm_status        st = bm_model_print(model, stdout, &opt, &err);

    (void)spec, (void)self;
    return st == BM_OK ? CLI_DONE : cli_fail_running(st, &err);
}

static int run(const cli_args *a)
{
    cli_args to = *a;
    int      code = cli_rows_to_hold(a, &to.hold);

    return code == CLI_DONE ? cli_with_model(&to, print, NULL) : code;
}

static const cli_option own_options[] = {
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "as JSON" },
    { .name = NULL }
};

const cli_command cli_model = {
    .name = "model", .brief = "show what would be fitted: terms, sizes, priors in numbers, sampler",
    .usage = (const char *const[]){ "FORMULA DATA [options]", "MODEL.json|DIR [DATA] [options]", NULL },
    .about = "Reads the data and prints the model that `bmixed fit' would fit with the same arguments: terms, sizes of the design, "
             "priors with their defaults resolved to numbers, names of the parameters, which sampler would be used and why.",
    .groups = (const cli_group[]){ { "Model", cli_model_options }, { "Data", cli_data_options }, { "Sampling", cli_sampler_options }, { "Output", own_options },
                                   { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "names of the parameters and default priors", "bmixed model 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv" },
        { "uncorrelated effects, as JSON", "bmixed model 'Reaction ~ Days + (Days || Subject)' sleepstudy.csv --json" },
        { NULL, NULL } },
    .run = run
};
