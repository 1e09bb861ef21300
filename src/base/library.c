/* library.c: shared libraries that are loaded when the first model comes that needs them: loading OpenBLAS alone takes 14,000 relocations and a thread per
 * core, more than the whole fit of a small model. */
#include "base/base.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *bm_library(const char *variable, const char *name, const char *what, const char *package, bm_error *err)
{
    const char *wish = getenv(variable), *why;
    void       *library = dlopen(wish && *wish ? wish : name, RTLD_LAZY | RTLD_LOCAL);

    if (library) return library;
    if (!(why = dlerror())) why = "it cannot be loaded";
    if (wish && *wish) bm_fail(err, BM_ELIBRARY, "a model of this size needs %s, and the library that %s names cannot be loaded: %s", what, variable, why);
    else bm_fail(err, BM_ELIBRARY, "a model of this size needs %s, and %s cannot be loaded: %s; install it (Debian: %s), or let %s name another library "
                                   "that has it", what, name, why, package, variable);
    return NULL;
}

bm_status bm_library_function(void *library, const char *name, void *f, bm_error *err)
{
    void *symbol = dlsym(library, name);             /* ISO C has no conversion to a function, POSIX promises that the bytes are the same */

    memcpy(f, &symbol, sizeof symbol);
    return symbol ? BM_OK : bm_fail(err, BM_ELIBRARY, "the library for a model of this size has no function %s", name);
}
