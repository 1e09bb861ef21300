/* state.c: the state of a run, in bytes. One function per structure moves its fields out or in, as the direction asks for. */
#include "base/base.h"

void bm_state_bytes(bm_state *s, void *bytes, size_t n)
{
    if (!s->failed && n && !s->move(s->self, bytes, n)) s->failed = true;
}

void bm_state_doubles(bm_state *s, double *x, size_t n)
{
    bm_state_bytes(s, x, n * sizeof *x);
}

void bm_state_count(bm_state *s, size_t *n, size_t most)
{
    uint64_t value = *n;

    BM_STATE(s, value);
    if (value > most) s->failed = true;
    if (!s->failed) *n = (size_t)value;
}

void bm_state_same(bm_state *s, uint64_t value)
{
    uint64_t there = value;

    BM_STATE(s, there);
    if (there != value) s->failed = true;
}
