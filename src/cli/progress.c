/* progress.c: one line on a terminal for runs longer than a second: phase, bar, percent, time left. */
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

static void draw_bar(const cli_progress *p, const bm_progress *at, double now)
{
    enum { WIDEST = 40 };
    char   bar[WIDEST + 1], left[40];
    int    width = cli_terminal_width(STDERR_FILENO), cells = (width > 0 ? width : 80) - 38;
    double part = fmin(1, (double)at->done / (double)at->total);

    cells = cells > WIDEST ? WIDEST : cells < 4 ? 4 : cells;
    for (int i = 0; i < cells; i++) bar[i] = i < (int)(part * cells) ? '=' : ' ';
    bar[cells] = '\0';
    time_left(left, sizeof left, now - p->phase_start, (double)(at->done - p->phase_done), (double)(at->total - at->done));
    fprintf(stderr, "\r%-9s [%s] %3d%%  %s\033[K", at->phase, bar, (int)(100 * part), left);
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
    else fprintf(stderr, "\r%-9s %llu\033[K", at->phase, (unsigned long long)at->done);
    fflush(stderr);
}

void cli_progress_end(cli_progress *p)
{
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = p->on = false;
}
