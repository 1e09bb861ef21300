/* model.c: `bmixed model`: what would be fitted, without fitting it. */
#include "cli/cli.h"

static int run(const cli_args *a)
{
    bm_print_options opt = cli_print_options(a);
    bm_spec  *spec = NULL;
    bm_model *model = NULL;
    bm_error  err = { 0 };
    bm_status st;
    int       code = cli_read_spec(&spec, a);

    if (code != CLI_DONE) return code;
    if ((st = bm_model_new(&model, spec, NULL, &err)) != BM_OK) code = cli_fail_reading(st, &err);
    else if ((st = bm_model_print(model, stdout, &opt, &err)) != BM_OK) code = cli_fail_running(st, &err);
    bm_model_free(model);
    bm_spec_free(spec);
    return code;
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
    .groups = (const cli_group[]){ { "Model", cli_model_options }, { "Sampling", cli_sampler_options }, { "Output", own_options },
                                   { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "names of the parameters and default priors", "bmixed model 'Reaction ~ Days + (Days | Subject)' sleepstudy.csv" },
        { "uncorrelated effects, as JSON", "bmixed model 'Reaction ~ Days + (Days || Subject)' sleepstudy.csv --json" },
        { NULL, NULL } },
    .run = run
};
