/* spec_json.c: model files (JSON, RFC 8259, read by cJSON). Whatever is wrong is named with the file and, where it can be found, the line. */
#include "model/spec_priv.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 16 << 20 };                         /* bytes: a model file of this size is no model file */

typedef struct {
    bm_spec    *s;
    const char *path;
    char       *text;
    size_t      n;
    bm_error   *err;
} reader;

/* ---- the file ---- */

static bm_status read_text(reader *r)
{
    FILE     *f = fopen(r->path, "rb");
    size_t    cap = 0, got;
    bm_status st = BM_OK;

    if (!f && errno == ENOMEM) return bm_nomem(r->err);
    if (!f) return bm_fail(r->err, BM_EIO, "cannot read %s: %s", r->path, strerror(errno));
    do {
        char *more = bm_grow(r->text, &cap, r->n + 4096, 1);

        if (!more) {
            st = bm_nomem(r->err);
            goto done;
        }
        r->text = more;
        got = fread(r->text + r->n, 1, cap - r->n - 1, f);
        r->n += got;
    } while (got && r->n <= LARGEST);
    r->text[r->n] = '\0';
    if (ferror(f)) st = bm_fail(r->err, BM_EIO, "cannot read %s: %s", r->path, strerror(errno));
    else if (r->n > LARGEST) st = bm_fail(r->err, BM_EPARSE, "%s has more than %d MB: this is no model file; is it the data?", r->path, LARGEST >> 20);
    else if (memchr(r->text, 0, r->n)) st = bm_fail(r->err, BM_EPARSE, "%s has NUL bytes: this is no model file (JSON in UTF-8)", r->path);
done:
    fclose(f);
    return st;
}

/* ---- where and why ---- */

static void place(const reader *r, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = strncmp(r->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; i < at; i++) {
        if (r->text[i] == '\n') {
            (*line)++;
            *column = 1;
        } else {
            *column += ((unsigned char)r->text[i] & 0xc0) != 0x80;
        }
    }
}

static bm_status check_syntax(const reader *r)
{
    size_t      bom = strncmp(r->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, at, line, column, n;
    const char *why = bm_json_scan(r->text + bom, &at);

    if (!why) return BM_OK;
    at += bom;
    place(r, at, &line, &column);
    n = strcspn(r->text + at, "\r\n");
    return bm_fail(r->err, BM_EPARSE, "%s:%zu:%zu: this is not JSON%s%.*s%s: %s", r->path, line, column, n ? ", at '" : "", (int)(n > 24 ? 24 : n), r->text + at, n ? "'" : "", why);
}

/* "FILE:LINE" of the key's (last, or first) appearance; "FILE" where it is written with escapes. */
static void where(const reader *r, const char *key, bool last, char *out, size_t size)
{
    bm_buf      quoted = { 0 };
    const char *found = NULL, *at = r->text;
    size_t      line, column;

    bm_buf_printf(&quoted, "\"%s\"", key);
    while (!quoted.failed && (at = strstr(at, quoted.s))) {
        const char *next = at + quoted.n;

        next += strspn(next, " \t\r\n");
        if (*next == ':') found = at;
        if (found && !last) break;
        at += quoted.n;
    }
    if (found) place(r, (size_t)(found - r->text), &line, &column);
    if (found) snprintf(out, size, "%.300s:%zu", r->path, line);
    else snprintf(out, size, "%.300s", r->path);
    bm_buf_free(&quoted);
}

static const char *type_name(const cJSON *v)
{
    switch (v->type & 0xff) {
    case cJSON_False:
    case cJSON_True: return "true or false";
    case cJSON_NULL: return "null";
    case cJSON_Number: return "a number";
    case cJSON_String: return "a string";
    case cJSON_Array: return "a list";
    default: return "an object";
    }
}

static bm_status wrong_type(const reader *r, const char *key, const char *want, const cJSON *v)
{
    char at[400];

    where(r, key, false, at, sizeof at);
    return bm_fail(r->err, BM_EPARSE, "%s: \"%.60s\" must be %s, not %s", at, key, want, type_name(v));
}

/* ---- values ---- */

/* The value as the command line would have it; its messages get the place in the file. */
static bm_status set(const reader *r, const char *json, const char *key, const char *value)
{
    bm_error  own = { 0 };
    bm_status st = bm_spec_set(r->s, key, value, &own);
    char      at[400];

    if (st == BM_OK) return BM_OK;
    where(r, json, false, at, sizeof at);
    return bm_fail(r->err, st, "%s: %.600s", at, own.msg);
}

static bm_status set_number(const reader *r, const bm_key *k, const cJSON *v)
{
    char text[BM_NUMBER_MAX];

    if (cJSON_IsString(v)) return set(r, k->json, k->name, v->valuestring);
    if (!cJSON_IsNumber(v)) return wrong_type(r, k->json, "a number", v);
    if (k->kind == BM_KEY_U64 && v->valuedouble > 0x1p53) {
        char at[400];

        where(r, k->json, false, at, sizeof at);
        return bm_fail(r->err, BM_EPARSE, "%s: \"%s\": a number above 2^53 needs quotes, or JSON readers round it", at, k->json);
    }
    if (k->kind != BM_KEY_DOUBLE && v->valuedouble == floor(v->valuedouble) && fabs(v->valuedouble) <= 0x1p53)
        snprintf(text, sizeof text, "%.0f", v->valuedouble);     /* 1e3 is a whole number here */
    else bm_format_double(text, v->valuedouble);
    return set(r, k->json, k->name, text);
}

static bm_status set_list(const reader *r, const bm_key *k, bm_strv *to, const cJSON *v)
{
    bm_status st = BM_OK;

    if (!cJSON_IsArray(v)) return wrong_type(r, k->json, "a list of strings", v);
    if (k->kind == BM_KEY_NA_STRINGS) bm_strv_free(to);
    for (const cJSON *i = v->child; i && st == BM_OK; i = i->next) {
        if (!cJSON_IsString(i)) return wrong_type(r, k->json, "a list of strings", i);
        if (!bm_strv_has(to, i->valuestring) || k->kind == BM_KEY_ADD) st = bm_strv_add(to, i->valuestring, r->err);
    }
    return st;
}

/* "COL=a,b,c" of one entry of levels. */
static bm_status set_levels_of(const reader *r, const cJSON *v)
{
    bm_buf    text = { 0 };
    bm_status st = BM_OK;

    if (!cJSON_IsArray(v)) return wrong_type(r, v->string, "a list of strings, the levels of the column in order", v);
    if (strchr(v->string, '=')) {
        char at[400];

        where(r, v->string, true, at, sizeof at);
        return bm_fail(r->err, BM_EINVAL, "%s: levels cannot be given for the column '%.60s': its name has a '='; rename it", at, v->string);
    }
    bm_buf_printf(&text, "%s=", v->string);
    for (const cJSON *i = v->child; i; i = i->next) {
        if (!cJSON_IsString(i)) {
            st = wrong_type(r, v->string, "a list of strings, the levels of the column in order", i);
            goto done;
        }
        bm_buf_puts(&text, i == v->child ? "" : ",");
        if (*i->valuestring) bm_csv_quote(&text, i->valuestring);
        else bm_buf_puts(&text, "\"\"");             /* a level all the same */
    }
    st = text.failed ? bm_nomem(r->err) : set(r, v->string, "levels", text.s);
done:
    bm_buf_free(&text);
    return st;
}

static bm_status check_duplicates(const reader *r, const cJSON *object)
{
    char at[400];

    for (const cJSON *i = object->child; i; i = i->next)
        for (const cJSON *j = object->child; j != i; j = j->next) {
            if (strcmp(i->string, j->string) != 0) continue;
            where(r, i->string, true, at, sizeof at);
            return bm_fail(r->err, BM_EPARSE, "%s: the key \"%.60s\" is there twice", at, i->string);
        }
    return BM_OK;
}

static bm_status set_pairs(const reader *r, const bm_key *k, const cJSON *v)
{
    bool      levels = strcmp(k->json, "levels") == 0;
    bm_status st;

    if (!levels && cJSON_IsString(v)) return set(r, k->json, k->name, v->valuestring);
    if (!cJSON_IsObject(v))
        return wrong_type(r, k->json, levels ? "an object such as {\"COLUMN\": [\"a\", \"b\"]}" : "a string, or an object such as {\"COLUMN\": \"sum\"}", v);
    st = check_duplicates(r, v);
    for (const cJSON *i = v->child; i && st == BM_OK; i = i->next) {
        if (levels) {
            st = set_levels_of(r, i);
            continue;
        }
        if (!cJSON_IsString(i)) return wrong_type(r, i->string, "a string: treatment, sum or helmert", i);
        bm_buf text = { 0 };
        bm_buf_printf(&text, *i->string ? "%s=%s" : "%s%s", i->string, i->valuestring);       /* "": all other factors */
        st = text.failed ? bm_nomem(r->err) : set(r, i->string, k->name, text.s);
        bm_buf_free(&text);
    }
    return st;
}

/* The data file is found from the directory of the model file. */
static bm_status set_data(const reader *r, const cJSON *v)
{
    const char *slash = strrchr(r->path, '/');
    bm_buf      path = { 0 };
    bm_status   st;

    if (!cJSON_IsString(v)) return wrong_type(r, "data", "a string", v);
    if (slash && v->valuestring[0] != '/' && strcmp(v->valuestring, "-") != 0) bm_buf_add(&path, r->path, (size_t)(slash - r->path) + 1);
    bm_buf_puts(&path, v->valuestring);
    if (path.failed) st = bm_nomem(r->err);
    else st = set(r, "data", "data", v->valuestring[0] ? path.s : "");
    bm_buf_free(&path);
    return st;
}

static bm_status set_value(const reader *r, const bm_key *k, const cJSON *v)
{
    if (cJSON_IsNull(v)) return BM_OK;               /* as if it were not there */
    switch (k->kind) {
    case BM_KEY_ADD:
    case BM_KEY_SPLIT:
    case BM_KEY_NA_STRINGS: return set_list(r, k, (bm_strv *)(void *)((char *)r->s + k->at), v);
    case BM_KEY_PAIR: return set_pairs(r, k, v);
    case BM_KEY_INT:
    case BM_KEY_U64:
    case BM_KEY_DOUBLE: return set_number(r, k, v);
    default: break;
    }
    if (strcmp(k->json, "data") == 0) return set_data(r, v);
    if (!cJSON_IsString(v)) return wrong_type(r, k->json, "a string", v);
    return set(r, k->json, k->name, v->valuestring);
}

/* ---- objects ---- */

static bm_status unknown_key(const reader *r, const cJSON *v, bool sampler)
{
    const char *names[40] = { NULL }, *near;
    size_t      n = 0;
    bm_buf      all = { 0 };
    char        at[400];
    bm_status   st;

    for (size_t i = 0; i < bm_nkeys; i++)
        if (bm_keys[i].sampler == sampler) names[n++] = bm_keys[i].json;
    if (!sampler) names[n++] = "sampler";
    for (size_t i = 0; i < n; i++) bm_buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    near = bm_closest(v->string, names, n);
    for (size_t i = 0; i < bm_nkeys && !near && !sampler; i++)
        if (strcmp(bm_keys[i].name, v->string) == 0) near = bm_keys[i].sampler ? "sampler" : bm_keys[i].json;
    where(r, v->string, false, at, sizeof at);
    st = bm_fail(r->err, BM_EPARSE, "%s: there is no key \"%.60s\"%s%s%s%s are %s", at, v->string, sampler ? " in \"sampler\"" : "", near ? "; did you mean \"" : "",
                 near ? near : "", near ? "\"? There" : "; there", all.s ? all.s : "");
    bm_buf_free(&all);
    return st;
}

static bm_status set_object(const reader *r, const cJSON *object, bool sampler)
{
    bm_status st = check_duplicates(r, object);

    for (const cJSON *v = object->child; v && st == BM_OK; v = v->next) {
        const bm_key *k = NULL;

        for (size_t i = 0; i < bm_nkeys && !k; i++)
            if (bm_keys[i].sampler == sampler && strcmp(bm_keys[i].json, v->string) == 0) k = &bm_keys[i];
        if (sampler && strcmp(v->string, "sampler") == 0) {      /* another name of "type" */
            if (cJSON_IsString(v)) st = set(r, "type", "sampler", v->valuestring);
            else st = wrong_type(r, "sampler", "a string", v);
        } else if (k) {
            st = set_value(r, k, v);
        } else if (!sampler && strcmp(v->string, "sampler") == 0) {
            if (cJSON_IsObject(v)) st = set_object(r, v, true);
            else if (!cJSON_IsNull(v)) st = wrong_type(r, "sampler", "an object such as {\"chains\": 4}", v);
        } else {
            st = unknown_key(r, v, sampler);
        }
    }
    return st;
}

/* r: the text, read or failed. Takes it over. */
static bm_status finish(bm_spec **out, reader *r, bm_status st)
{
    cJSON *root = NULL;

    if (st != BM_OK || (st = check_syntax(r)) != BM_OK) goto done;
    if (!(root = cJSON_ParseWithLength(r->text, r->n + 1))) {
        st = bm_nomem(r->err);                       /* it is JSON */
        goto done;
    }
    if (!cJSON_IsObject(root)) {
        st = bm_fail(r->err, BM_EPARSE, "%s: a model file is an object {\"formula\": ..., \"data\": ...}, not %s", r->path, type_name(root));
        goto done;
    }
    if ((st = set_object(r, root, false)) != BM_OK) goto done;
    *out = r->s;
    r->s = NULL;
done:
    cJSON_Delete(root);
    free(r->text);
    bm_spec_free(r->s);
    return st;
}

bm_status bm_spec_read(bm_spec **out, const char *path, bm_error *err)
{
    reader    r = { .path = path, .err = err };
    bm_status st = bm_spec_new(&r.s, err);

    *out = NULL;
    if (st != BM_OK) return st;
    st = (r.s->path = bm_strdup(path)) ? read_text(&r) : bm_nomem(err);
    return finish(out, &r, st);
}

bm_status bm_spec_parse(bm_spec **out, const char *json, size_t n, const char *path, bm_error *err)
{
    reader    r = { .path = path, .n = n, .err = err };
    bm_status st = bm_spec_new(&r.s, err);

    *out = NULL;
    if (st != BM_OK) return st;
    if (!(r.text = bm_strndup(json, n))) st = bm_nomem(err);
    return finish(out, &r, st);
}
