/* labels.c: names for what Stan CSV files had to call otherwise. Beside its draws-1.csv, draws-2.csv, ... an output directory has
 * draws-labels.json: {"scalars": {"sd_Subject_Intercept": "sd_Subject__Intercept", ...},
 *                     "arrays": {"r_Subject": {"group": "Subject", "level": ["308", ...], "term": ["Intercept", ...]}}}. */
#include "draws/read_priv.h"

#include "model/model.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bm_status read_whole(bm_buf *b, const char *path, bm_error *err)
{
    char   block[4096];
    size_t n;
    FILE  *f = fopen(path, "r");

    if (!f && errno == ENOMEM) return bm_nomem(err);
    if (!f) return bm_fail(err, BM_EIO, "%s: %s", path, strerror(errno));
    while ((n = fread(block, 1, sizeof block, f)) > 0) bm_buf_add(b, block, n);
    n = (size_t)ferror(f);
    fclose(f);
    if (n) return bm_fail(err, BM_EIO, "%s: cannot be read to its end", path);
    return b->failed ? bm_nomem(err) : BM_OK;
}

/* One array's labels, its lists as arrays: cJSON's are linked. */
typedef struct { const char *name, *group; const char **level, **term; size_t nlevel, nterm; } array_labels;

static bm_status list_of(const char ***out, size_t *n, const cJSON *list, bm_error *err)
{
    const cJSON *item = NULL;

    *n = 0;
    if (!(*out = bm_alloc((size_t)cJSON_GetArraySize(list), sizeof **out))) return bm_nomem(err);
    cJSON_ArrayForEach(item, list) {
        const char *s = cJSON_GetStringValue(item);

        if (s) (*out)[(*n)++] = s;
    }
    return BM_OK;
}

static bm_status arrays_of(array_labels **out, size_t *n, const cJSON *arrays, bm_error *err)
{
    const cJSON  *a = NULL;
    array_labels *l = bm_alloc((size_t)cJSON_GetArraySize(arrays), sizeof *l);
    bm_status     st = BM_OK;

    *n = 0;
    if (!(*out = l)) return bm_nomem(err);
    cJSON_ArrayForEach(a, arrays) {
        l->name = a->string;
        l->group = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a, "group"));
        (*n)++;
        if ((st = list_of(&l->level, &l->nlevel, cJSON_GetObjectItemCaseSensitive(a, "level"), err)) != BM_OK) return st;
        if ((st = list_of(&l->term, &l->nterm, cJSON_GetObjectItemCaseSensitive(a, "term"), err)) != BM_OK) return st;
        l++;
    }
    return BM_OK;
}

/* r_Subject[1,2] by the labels of r_Subject: r_Subject[308,Days]. False where there are none for it. */
static bool array_label(bm_buf *b, const array_labels *l, size_t n, const char *name)
{
    const char *open = strchr(name, '['), *comma = open ? strchr(open, ',') : NULL, *close = comma ? strchr(comma, ']') : NULL;
    long long   i, j;
    size_t      len;

    if (!close) return false;
    len = (size_t)(open - name);
    while (n > 0 && !(l->name && strlen(l->name) == len && memcmp(l->name, name, len) == 0)) l++, n--;
    if (n == 0 || !l->group || !bm_whole_number(open + 1, (size_t)(comma - open - 1), 1, (long long)l->nlevel, &i)
        || !bm_whole_number(comma + 1, (size_t)(close - comma - 1), 1, (long long)l->nterm, &j))
        return false;
    bm_buf_printf(b, "r_%s[%s,%s]", l->group, l->level[i - 1], l->term[j - 1]);
    return true;
}

bm_status bm_draws_relabel(bm_strv *names, const char *path, bm_error *err)
{
    bm_buf        text = { 0 }, label = { 0 };
    cJSON        *json = NULL;
    const cJSON  *scalars;
    array_labels *array = NULL;
    size_t        narray = 0, where;
    bm_status     st = read_whole(&text, path, err);

    if (st != BM_OK) goto done;
    if (!bm_json_scan(text.s ? text.s : "", &where) && !(json = cJSON_Parse(text.s))) {
        st = bm_nomem(err);
        goto done;
    }
    if (!json) {
        st = bm_fail(err, BM_EPARSE, "%s: not JSON; remove it to have the names of the Stan CSV files", path);
        goto done;
    }
    scalars = cJSON_GetObjectItemCaseSensitive(json, "scalars");
    st = arrays_of(&array, &narray, cJSON_GetObjectItemCaseSensitive(json, "arrays"), err);
    for (size_t i = 0; i < names->n && st == BM_OK; i++) {
        const char *scalar = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(scalars, names->v[i]));
        char       *name;

        label.n = 0;
        if (scalar) bm_buf_puts(&label, scalar);
        else if (!array_label(&label, array, narray, names->v[i])) continue;
        if (label.failed || !(name = bm_strdup(label.s))) {
            st = bm_nomem(err);
            break;
        }
        free(names->v[i]);
        names->v[i] = name;
    }
done:
    for (size_t i = 0; i < narray; i++) {
        free(array[i].level);
        free(array[i].term);
    }
    free(array);
    cJSON_Delete(json);
    bm_buf_free(&text);
    bm_buf_free(&label);
    return st;
}
