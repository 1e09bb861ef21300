/* model_json.c: model.json, the specification with every setting of this run, so that `bmixed fit DIR/model.json` repeats it. The data file
 * is named by its absolute path: the directory may be moved or copied, the data stays where it is. */
#include "report/report_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_report_model_json(const bm_spec *spec, const bm_fit_options *options, bm_buf *out, bm_error *err)
{
    bm_spec   s = *spec;                                  /* shallow: only what differs is replaced */
    char     *path = NULL;
    bm_status st;

    s.path = NULL;
    s.fit = *options;
    if (s.data && strcmp(s.data, "-") != 0) {
        if (!(path = realpath(s.data, NULL)) && errno == ENOMEM) return bm_nomem(err);
        if (path) s.data = path;                          /* else it is gone, or was never a file: as it was given */
    }
    st = bm_spec_json(&s, out, err);
    free(path);
    return st;
}

bm_status bm_write_model_json(bm_file *f, const bm_result *r, bm_error *err)
{
    return bm_report_model_json(r->spec, r->options, &f->buf, err);
}
