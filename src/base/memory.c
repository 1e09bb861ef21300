/* memory.c: how much memory may still be used. Linux hands out more than there is and kills who uses it, so large requests ask here first. */
#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The number that a file holds, after a label if there is one; INFINITY where there is none ("max"). */
static double number_in(const char *path, const char *label)
{
    FILE  *f = fopen(path, "r");
    char   line[256];
    double x = INFINITY;

    if (!f) return x;
    while (fgets(line, sizeof line, f)) {
        size_t n = strlen(label);
        char  *end;
        double value;

        if (strncmp(line, label, n) != 0) continue;
        value = strtod(line + n, &end);
        if (end != line + n) x = value;
        break;
    }
    fclose(f);
    return x;
}

/* What a control group leaves, of its file for the limit and that for the use. */
static double group_leaves(const char *limit, const char *use)
{
    double most = number_in(limit, ""), used = number_in(use, "");

    return isfinite(most) && isfinite(used) ? fmax(most - used, 0) : INFINITY;
}

double bm_memory_free(void)
{
    double free_now = 1024 * number_in("/proc/meminfo", "MemAvailable:");

    free_now = fmin(free_now, group_leaves("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"));
    return fmin(free_now, group_leaves("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"));
}
