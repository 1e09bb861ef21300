/* progress.c: one line on a terminal for runs longer than a second: phase, bar, percent, how far, time left, and while draws come in their worst R-hat
 * and effective sample size. */
#include "cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_progress_start(cli_progress *p, const cli_args *a)
{
    const char *term = getenv("TERM");

    *p = (cli_progress){ .on = !a->quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0) };
    p->start = p->phase_start = seconds();
}

/* "1:05 left", from the pace of this phase; "" until there is one. */
static void time_left(char *dst, size_t size, double elapsed, double done, double todo)
{
    double left = elapsed > 0.2 && done > 0 ? elapsed * todo / done : NAN;
    long   s;

    dst[0] = '\0';
    if (!(left < 1e7)) return;
    s = lround(left);
    if (s >= 3600) snprintf(dst, size, "%ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else snprintf(dst, size, "%ld:%02ld left", s / 60, s % 60);
}

/* "12 of 40 MB" of what is read, "1800 of 4000" of iterations. */
static void how_far(char *dst, size_t size, const bm_progress *at)
{
    bool   bytes = strcmp(at->phase, "reading") == 0;
    double unit = bytes ? 1e-6 : 1;

    if (at->total > 0) snprintf(dst, size, "%*.0f of %.0f%s", snprintf(NULL, 0, "%.0f", unit * (double)at->total), unit * (double)at->done, unit * (double)at->total, bytes ? " MB" : "");
    else snprintf(dst, size, "%.0f%s", unit * (double)at->done, bytes ? " MB" : "");
}

/* What the draws so far say of themselves, if they do. */
static void trust(char *dst, size_t size, const bm_progress *at)
{
    dst[0] = '\0';
    if (isfinite(at->rhat) && isfinite(at->ess)) snprintf(dst, size, "  R-hat %.*f, ESS %.0f", at->rhat < 10 ? 3 : 0, at->rhat, at->ess);
}

static void draw_bar(const cli_progress *p, const bm_progress *at, double now)
{
    enum { WIDEST = 40, NARROWEST = 4 };
    char   bar[WIDEST + 1], left[40], far[60], says[60];
    int    width = cli_terminal_width(STDERR_FILENO), cells;
    double part = fmin(1, (double)at->done / (double)at->total);

    how_far(far, sizeof far, at);
    trust(says, sizeof says, at);
    time_left(left, sizeof left, now - p->phase_start, (double)(at->done - p->phase_done), (double)(at->total - at->done));
    cells = (width > 0 ? width : 80) - (int)(strlen(far) + strlen(says)) - 32;       /* 32: the phase, brackets, percent, time left, gaps */
    if (cells < NARROWEST) {                         /* a narrow terminal has the bar and the time */
        far[0] = says[0] = '\0';
        cells = (width > 0 ? width : 80) - 32;
    }
    cells = cells > WIDEST ? WIDEST : cells < NARROWEST ? NARROWEST : cells;
    for (int i = 0; i < cells; i++) bar[i] = i < (int)(part * cells) ? '=' : ' ';
    bar[cells] = '\0';
    fprintf(stderr, "\r%-9s [%s] %3d%%%s%s%s%s%s\033[K", at->phase, bar, (int)(100 * part), *far ? "  " : "", far, *left ? "  " : "", left, says);
}

static void draw_count(const bm_progress *at)
{
    char far[60];

    how_far(far, sizeof far, at);
    fprintf(stderr, "\r%-9s %s\033[K", at->phase, far);
}

void cli_progress_step(void *self, const bm_progress *at)
{
    cli_progress *p = self;
    double        now;

    if (!p->on) return;
    now = seconds();
    if (!p->phase || strcmp(p->phase, at->phase) != 0 || at->done < p->phase_done) {
        p->phase = at->phase;
        p->phase_start = now;
        p->phase_done = at->done;
    }
    if (now - p->start < 1 || now - p->last < 0.1) return;
    p->last = now;
    p->shown = true;
    if (at->total > 0 && at->done <= at->total) draw_bar(p, at, now);
    else draw_count(at);
    fflush(stderr);
}

void cli_progress_end(cli_progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = p->on = false;
}
