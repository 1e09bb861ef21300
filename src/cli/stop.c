/* stop.c: Ctrl-C and kill. Its two variables are the only ones of this program that outlive a call: a signal handler can reach nothing else. */
#include "cli/cli.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void note_signal(int sig)
{
    came = sig;
}

const volatile sig_atomic_t *cli_stop_on_signals(void)
{
    /* Each signal once: the next one of its kind meets the default action, which kills. A process started with SIGINT ignored
     * (in the background of a script) keeps ignoring it. */
    struct sigaction act = { .sa_handler = note_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART) }, old;
    const int        sigs[] = { SIGINT, SIGTERM, SIGHUP };

    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
        if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(sigs[i], &act, NULL);
    return &came;
}

/* The temporary file goes, and the signal does what it does. */
static const char *volatile unfinished;

static void clean_up(int sig)
{
    if (unfinished) unlink(unfinished);
    raise(sig);                                      /* SA_RESETHAND: the default action, once this handler returns */
}

void cli_unfinished(const char *path)
{
    struct sigaction act = { .sa_handler = clean_up, .sa_flags = (int)SA_RESETHAND }, old;
    const int        sigs[] = { SIGINT, SIGTERM, SIGHUP };

    unfinished = path;
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; path && i < sizeof sigs / sizeof *sigs; i++)
        if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) sigaction(sigs[i], &act, NULL);
}

int cli_stop_signal(void)
{
    return (int)came;
}
