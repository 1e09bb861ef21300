/* plot_fonts.c: letters that no font of this machine has. gnuplot's PNG and PDF terminals draw each of them over the whole picture (a fault of theirs with
 * Pango's boxes for unknown letters), so they become small boxes here. fontconfig's fc-list, which comes with those terminals, knows the fonts. */
#include "report/plot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_BLOCKS = 64 };
typedef struct { uint32_t block[MAX_BLOCKS]; bool has[MAX_BLOCKS]; size_t n; } fonts;

/* Latin, Greek, Cyrillic, punctuation, arrows and signs are in every font that gnuplot would use. */
static bool is_common(uint32_t c)
{
    return c < 0x530 || (c >= 0x1e00 && c < 0x2600);
}

/* fc-list with its answer in a pipe, its complaints nowhere. */
static bool start(pid_t *pid, int pipe_end[2], char *pattern)
{
    static char name[] = "fc-list", file[] = "file";
    char *const argv[] = { name, pattern, file, NULL };
    posix_spawn_file_actions_t actions;
    bool                       started;

    if (pipe2(pipe_end, O_CLOEXEC) != 0) return false;
    started = posix_spawn_file_actions_init(&actions) == 0;
    if (started) {
        started = posix_spawn_file_actions_adddup2(&actions, pipe_end[1], 1) == 0
                  && posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0
                  && posix_spawnp(pid, name, &actions, NULL, argv, environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
    }
    close(pipe_end[1]);
    if (!started) close(pipe_end[0]);
    return started;
}

/* Asks for one letter. Where fc-list is missing nothing is known, and the letter is left as it is. */
static bool some_font_has(uint32_t c)
{
    char    pattern[40], block[4096];
    int     pipe_end[2], status = 0;
    pid_t   pid;
    ssize_t n;
    bool    any = false;

    snprintf(pattern, sizeof pattern, ":charset=%x", (unsigned)c);
    if (!start(&pid, pipe_end, pattern)) return true;
    while ((n = read(pipe_end[0], block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) any |= n > 0;
    close(pipe_end[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) { }
    return any || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Fonts come by scripts: one letter of 256, or of 4096 Chinese, Japanese and Korean ones, stands for its neighbours. */
static bool known(fonts *seen, uint32_t c)
{
    uint32_t block = c < 0x3000 ? c >> 8 : 0x1000 + (c >> 12);

    for (size_t i = 0; i < seen->n; i++)
        if (seen->block[i] == block) return seen->has[i];
    if (seen->n == MAX_BLOCKS) return false;
    seen->block[seen->n] = block;
    seen->has[seen->n] = some_font_has(c);
    return seen->has[seen->n++];
}

bool bm_box_unknown(bm_buf *text)
{
    fonts  seen = { 0 };
    bm_buf out = { 0 };
    bool   boxed = false;

    for (size_t i = 0, n; i < text->n; i += n) {
        uint32_t c = 0;

        n = bm_utf8(text->s + i, &c);
        if (!n) n = 1;
        if (is_common(c) || known(&seen, c)) bm_buf_add(&out, text->s + i, n);
        else {
            bm_buf_puts(&out, "\xe2\x96\xa1");       /* white square */
            boxed = true;
        }
    }
    out.failed |= text->failed;
    bm_buf_free(text);
    *text = out;
    return boxed;
}
