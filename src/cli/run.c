/* run.c: what subcommands that sample have in common: options, progress, Ctrl-C, and the verdict on the draws. */
#include "cli/cli.h"

bm_fit_options cli_run_options(cli_progress *p, const bm_spec *spec, const cli_args *a)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;

    bm_spec_fit_options(spec, &opt);
    cli_progress_start(p, a);
    opt.progress = p->on ? cli_progress_step : NULL;  /* with nobody to tell, R-hat and ESS on the way would be a tenth of a long run */
    opt.progress_self = p;
    opt.stop = cli_stop_on_signals();
    return opt;
}

int cli_judge(const cli_args *a, size_t n, const char *(*name)(const void *self, size_t i), const void *self)
{
    enum { NAMED = 5 };
    char names[512] = "";

    if (n == 0) return CLI_DONE;
    for (size_t i = 0, at = 0; i < n && i < NAMED && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", name(self, i));
    cli_warning("DO NOT TRUST THIS RESULT YET: %zu parameter%s R-hat above 1.01, an effective sample size below 100 per chain, or too few draws to have one (%s%s). "
                "Longer chains (--warmup, --draws) or a tighter prior may help", n, n == 1 ? " has" : "s have", names, n > NAMED ? ", ..." : "");
    return a->strict ? CLI_UNTRUSTED : CLI_DONE;
}
