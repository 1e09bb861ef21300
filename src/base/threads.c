/* threads.c: independent pieces of work shared out to threads that are started for them and end with them. Pieces are large (a chain, a variable), so
 * starting a thread costs nothing in comparison; and none waits in a loop for the next piece, as OpenMP's do: that doubled the CPU time of a short fit. */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    size_t        n;
    atomic_size_t next, worker;
    void        (*piece)(void *self, size_t i, size_t worker);
    void         *self;
} job;

int bm_cores(void)
{
    cpu_set_t set;
    long      n;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    n = sysconf(_SC_NPROCESSORS_ONLN);               /* more processors than a set holds */
    return n > 0 ? (int)n : 1;
}

static void *work(void *arg)
{
    job   *j = arg;
    size_t me = atomic_fetch_add(&j->worker, 1);

    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;) j->piece(j->self, i, me);
    return NULL;
}

void bm_parallel(size_t n, int threads, void (*piece)(void *self, size_t i, size_t worker), void *self)
{
    size_t     want = threads < 1 ? 1 : (size_t)threads < n ? (size_t)threads : n, started = 0;
    job        j = { .n = n, .piece = piece, .self = self };
    pthread_t *t = want > 1 ? malloc((want - 1) * sizeof *t) : NULL;

    while (t && started + 1 < want && pthread_create(&t[started], NULL, work, &j) == 0) started++;   /* fewer threads, where the system has no more */
    work(&j);
    while (started > 0) pthread_join(t[--started], NULL);
    free(t);
}

double bm_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
