/* cholmod_lib.c: finds CHOLMOD's functions. The version is that of the header: another one's structures differ. */
#include "posterior/cholmod_lib.h"

#include <pthread.h>

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)
#define LIBRARY "libcholmod.so." TEXT_OF(CHOLMOD_MAIN_VERSION)
#define PACKAGE "libcholmod" TEXT_OF(CHOLMOD_MAIN_VERSION)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bm_cholmod      cholmod;
static bool            ready;

static bm_status fill(bm_error *err)
{
    void *library = bm_library("BMIXED_CHOLMOD", LIBRARY, "CHOLMOD", PACKAGE, err);
    const struct { const char *name; void *f; } functions[] = {
        { "cholmod_start", &cholmod.start }, { "cholmod_finish", &cholmod.finish }, { "cholmod_allocate_sparse", &cholmod.allocate_sparse },
        { "cholmod_free_sparse", &cholmod.free_sparse }, { "cholmod_aat", &cholmod.aat }, { "cholmod_copy", &cholmod.copy },
        { "cholmod_analyze", &cholmod.analyze }, { "cholmod_free_factor", &cholmod.free_factor },
    };

    if (!library) return BM_ELIBRARY;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (bm_library_function(library, functions[i].name, functions[i].f, err) != BM_OK) return BM_ELIBRARY;
    ready = true;
    return BM_OK;
}

const bm_cholmod *bm_cholmod_load(bm_error *err)
{
    bm_status st;

    pthread_mutex_lock(&lock);
    st = ready ? BM_OK : fill(err);
    pthread_mutex_unlock(&lock);
    return st == BM_OK ? &cholmod : NULL;
}
