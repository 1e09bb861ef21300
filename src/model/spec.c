/* spec.c: what is asked for, key by key: setting, getting, copying. */
#include "model/spec_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(bm_spec, field)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the arguments are designators */
#define FIT(field, index, low, high) .sampler = true, .at = AT(fit.field), .text = index, .lo = low, .hi = high

const bm_key bm_keys[] = {
    { "name", "name", .kind = BM_KEY_TEXT, .at = AT(name), .text = -1 },
    { "title", "title", .kind = BM_KEY_TEXT, .at = AT(title), .text = -1 },
    { "description", "description", .kind = BM_KEY_TEXT, .at = AT(description), .text = -1 },
    { "source", "source", .kind = BM_KEY_TEXT, .at = AT(source), .text = -1 },
    { "data", "data", .kind = BM_KEY_TEXT, .at = AT(data), .text = -1 },
    { "formula", "formula", .kind = BM_KEY_TEXT, .at = AT(formula), .text = -1 },
    { "family", "family", .kind = BM_KEY_TEXT, .at = AT(family), .text = -1 },
    { "prior", "priors", .kind = BM_KEY_ADD, .at = AT(priors), .text = -1 },
    { "factor", "factors", .kind = BM_KEY_SPLIT, .at = AT(factors), .text = -1 },
    { "levels", "levels", .kind = BM_KEY_PAIR, .at = AT(levels), .text = -1 },
    { "contrasts", "contrasts", .kind = BM_KEY_PAIR, .at = AT(contrasts), .text = -1 },
    { "weights", "weights", .kind = BM_KEY_TEXT, .at = AT(weights), .text = -1 },
    { "se", "se", .kind = BM_KEY_TEXT, .at = AT(se), .text = -1 },
    { "na", "na", .kind = BM_KEY_NA, .at = AT(na_fail), .text = 0 },
    { "na-strings", "na-strings", .kind = BM_KEY_NA_STRINGS, .at = AT(na_strings), .text = -1 },
    { "delim", "delim", .kind = BM_KEY_DELIM, .at = AT(delim), .text = 1 },
    { "chains", "chains", .kind = BM_KEY_INT, FIT(chains, 2, 1, 64) },
    { "warmup", "warmup", .kind = BM_KEY_INT, FIT(warmup, 3, 0, 10000000) },
    { "draws", "draws", .kind = BM_KEY_INT, FIT(draws, 4, 1, 10000000) },
    { "thin", "thin", .kind = BM_KEY_INT, FIT(thin, 5, 1, 1000000000) },
    { "seed", "seed", .kind = BM_KEY_U64, FIT(seed, 6, 0, INT64_MAX) },
    { "threads", "threads", .kind = BM_KEY_INT, FIT(threads, 7, 0, 1024) },
    { "target-ess", "target-ess", .kind = BM_KEY_DOUBLE, FIT(target_ess, 8, 0, 0) },
    { "sampler", "type", .kind = BM_KEY_WORD, FIT(sampler, 9, 0, 0), .words = "auto|collapsed|gibbs" },
    { "ranef-draws", "ranef-draws", .kind = BM_KEY_WORD, FIT(ranef_draws, 10, 0, 0), .words = "auto|all|none" },
};
const size_t bm_nkeys = sizeof bm_keys / sizeof *bm_keys;

static void *field(const bm_spec *s, const bm_key *k)
{
    return (char *)(uintptr_t)s + k->at;
}

static const bm_key *find_key(const char *name)
{
    for (size_t i = 0; i < bm_nkeys; i++)
        if (strcmp(bm_keys[i].name, name) == 0) return &bm_keys[i];
    return NULL;
}

bm_status bm_spec_new(bm_spec **out, bm_error *err)
{
    bm_spec *s = bm_alloc(1, sizeof *s);

    *out = s;
    if (!s) return bm_nomem(err);
    s->fit = (bm_fit_options)BM_FIT_OPTIONS_INIT;
    return BM_OK;
}

void bm_spec_free(bm_spec *s)
{
    if (!s) return;
    for (size_t i = 0; i < bm_nkeys; i++) {
        const bm_key *k = &bm_keys[i];

        if (k->kind == BM_KEY_TEXT) free(*(char **)field(s, k));
        if (k->kind >= BM_KEY_ADD && k->kind <= BM_KEY_NA_STRINGS) bm_strv_free(field(s, k));
    }
    free(s->path);
    free(s);
}

bm_status bm_spec_copy(bm_spec **out, const bm_spec *s, bm_error *err)
{
    bm_spec  *c = bm_alloc(1, sizeof *c);
    bm_status st = BM_OK;

    *out = NULL;
    if (!c) return bm_nomem(err);
    c->na_fail = s->na_fail;
    c->delim = s->delim;
    c->fit = s->fit;
    memcpy(c->text, s->text, sizeof c->text);
    if (s->path && !(c->path = bm_strdup(s->path))) st = bm_nomem(err);
    for (size_t i = 0; i < bm_nkeys && st == BM_OK; i++) {
        const bm_key *k = &bm_keys[i];
        const char   *text = k->kind == BM_KEY_TEXT ? *(char **)field(s, k) : NULL;

        if (text && !(*(char **)field(c, k) = bm_strdup(text))) st = bm_nomem(err);
        if (k->kind < BM_KEY_ADD || k->kind > BM_KEY_NA_STRINGS) continue;
        const bm_strv *from = field(s, k);
        for (size_t j = 0; j < from->n && st == BM_OK; j++) st = bm_strv_add(field(c, k), from->v[j], err);
    }
    if (st == BM_OK) *out = c;
    else bm_spec_free(c);
    return st;
}

/* ---- setting ---- */

static bm_status set_text(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    char **to = field(s, k), *copy;

    if (!*value && k->at >= AT(formula)) return bm_fail(err, BM_EINVAL, "%s: the value is empty", k->name);
    if (k->at == AT(family) && strcmp(value, "gaussian") != 0)
        return bm_fail(err, BM_EINVAL, "family '%.60s': only gaussian is supported so far", value);
    if (!(copy = bm_strdup(value))) return bm_nomem(err);
    free(*to);
    *to = copy;
    return BM_OK;
}

static void trim(const char **s, size_t *n)
{
    while (*n && (**s == ' ' || **s == '\t')) (*s)++, (*n)--;
    while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t')) (*n)--;
}

/* Adds the parts between commas; blank ones are an error, or kept where they mean something. */
static bm_status add_split(bm_strv *to, const bm_key *k, const char *value, bool keep_blank, bm_error *err)
{
    bm_status st = BM_OK;

    for (const char *at = value; st == BM_OK; at++) {
        const char *part = at;
        size_t      n = strcspn(at, ",");
        char       *copy;

        at += n;
        trim(&part, &n);
        if (!n && !keep_blank) return bm_fail(err, BM_EINVAL, "%s: '%.200s': a name is missing; it is a list such as a,b,c", k->name, value);
        if (!(copy = bm_strndup(part, n))) return bm_nomem(err);
        if (!bm_strv_has(to, copy)) st = bm_strv_add(to, copy, err);
        free(copy);
        if (!*at) break;
    }
    return st;
}

static bm_status set_na_strings(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    bm_strv   list = { 0 };
    bm_status st = add_split(&list, k, value, true, err);

    if (st != BM_OK) {
        bm_strv_free(&list);
        return st;
    }
    bm_strv_free(&s->na_strings);
    s->na_strings = list;
    return BM_OK;
}

/* "a,b,c" with RFC 4180 quotes, so that a label may contain a comma. */
bm_status bm_levels_split(bm_strv *out, const char *s, bm_error *err)
{
    bm_status st = BM_OK;

    for (bool more = true; more && st == BM_OK;) {
        bm_buf item = { 0 };

        bm_buf_add(&item, "", 0);
        if (*s == '"') {
            for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
                s += *s == '"';
                bm_buf_putc(&item, *s);
            }
            s += *s == '"';
        }
        while (*s && *s != ',') bm_buf_putc(&item, *s++);
        more = *s++ == ',';
        st = item.failed ? bm_nomem(err) : bm_strv_add(out, item.s, err);
        bm_buf_free(&item);
    }
    return st;
}

const char *bm_spec_levels(const bm_spec *s, const char *column)
{
    size_t n = strlen(column);

    for (size_t i = s->levels.n; i-- > 0;)           /* the last one wins */
        if (strncmp(s->levels.v[i], column, n) == 0 && s->levels.v[i][n] == '=') return s->levels.v[i] + n + 1;
    return NULL;
}

static bm_status check_levels(const char *value, size_t name, bm_error *err)
{
    bm_strv   list = { 0 };
    bm_status st;

    if (!value[name] || !name || !value[name + 1])
        return bm_fail(err, BM_EINVAL, "levels: '%.200s': it is COL=a,b,c: the levels of a column in the order wanted, the first is the reference", value);
    st = bm_levels_split(&list, value + name + 1, err);
    for (size_t i = 0; i < list.n && st == BM_OK; i++)
        for (size_t j = 0; j < i && st == BM_OK; j++)
            if (strcmp(list.v[i], list.v[j]) == 0)
                st = bm_fail(err, BM_EINVAL, "levels: '%.200s': the level '%.60s' is there twice", value, list.v[i]);
    bm_strv_free(&list);
    return st;
}

static bm_status check_contrasts(const char *value, size_t name, bm_error *err)
{
    static const char *const kinds[] = { "treatment", "sum", "helmert" };
    const char *kind = value[name] ? value + name + 1 : value, *near;

    for (size_t i = 0; i < 3; i++)
        if (strcmp(kind, kinds[i]) == 0 && (name || !value[name])) return BM_OK;
    near = bm_closest(kind, kinds, 3);
    return bm_fail(err, BM_EINVAL, "contrasts: '%.200s': it is treatment, sum or helmert, for all factors or as COL=sum for one%s%s%s", value, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
}

/* "COL=...": what was set for the same column (or for all) is replaced. The kind of contrasts follows the last '=', levels the first. */
static bm_status set_pair(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    bm_strv  *to = field(s, k);
    bool      levels = k->at == AT(levels);
    size_t    name = levels || !strchr(value, '=') ? strcspn(value, "=") : (size_t)(strrchr(value, '=') - value);
    bm_status st = levels ? check_levels(value, name, err) : check_contrasts(value, name, err);
    char     *copy;

    if (st != BM_OK) return st;
    for (size_t i = 0; i < to->n; i++) {
        bool same = value[name] ? strncmp(to->v[i], value, name + 1) == 0 : !strchr(to->v[i], '=');

        if (!same) continue;
        if (!(copy = bm_strdup(value))) return bm_nomem(err);
        free(to->v[i]);
        to->v[i] = copy;
        return BM_OK;
    }
    return bm_strv_add(to, value, err);
}

static bm_status set_integer(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    long long x;

    if (!bm_parse_int(value, k->lo, k->hi, &x))
        return bm_fail(err, BM_EINVAL, "%s: '%.60s' is not a whole number from %lld to %lld", k->name, value, k->lo, k->hi);
    if (k->kind == BM_KEY_INT) *(int *)field(s, k) = (int)x;
    else *(uint64_t *)field(s, k) = (uint64_t)x;
    return BM_OK;
}

static bm_status set_double(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    double x;

    if (!bm_parse_double(value, strlen(value), &x) || x < 0)
        return bm_fail(err, BM_EINVAL, "%s: '%.60s' is not a number from 0", k->name, value);
    *(double *)field(s, k) = x;
    return BM_OK;
}

static bm_status set_word(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    unsigned    i = 0;
    const char *w = k->words;

    for (;; i++, w++) {
        size_t n = strcspn(w, "|");

        if (strlen(value) == n && strncmp(w, value, n) == 0) break;
        w += n;
        if (!*w) return bm_fail(err, BM_EINVAL, "%s: '%.60s' is none of %s", k->name, value, k->words);
    }
    if (k->at == AT(fit.sampler)) s->fit.sampler = (bm_sampler)i;
    else s->fit.ranef_draws = (bm_ranef_draws)i;
    return BM_OK;
}

static bm_status set_na(bm_spec *s, const char *value, bm_error *err)
{
    if (strcmp(value, "omit") != 0 && strcmp(value, "fail") != 0)
        return bm_fail(err, BM_EINVAL, "na: '%.60s' is none of omit|fail: leave rows with missing values out, or refuse them", value);
    s->na_fail = value[0] == 'f';
    return BM_OK;
}

static bm_status set_delim(bm_spec *s, const char *value, bm_error *err)
{
    static const struct { const char *word; char c; } words[] = { { "tab", '\t' }, { "\\t", '\t' }, { "comma", ',' }, { "semicolon", ';' }, { "space", ' ' }, { "auto", 0 } };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i].word) == 0) {
            s->delim = words[i].c;
            return BM_OK;
        }
    unsigned char c = (unsigned char)value[0];
    bool          alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!c || value[1] || alnum || c >= 0x80 || (c < 0x20 && c != '\t') || c == '"' || c == '.' || c == '-' || c == '+')
        return bm_fail(err, BM_EINVAL, "delim: '%.60s' is not one character that can separate fields; it is , ; | or another such, tab, space or auto", value);
    s->delim = (char)c;
    return BM_OK;
}

static bm_status unknown_key(const char *key, bm_error *err)
{
    const char *names[sizeof bm_keys / sizeof *bm_keys], *near;

    for (size_t i = 0; i < bm_nkeys; i++) names[i] = bm_keys[i].name;
    near = bm_closest(key, names, bm_nkeys);
    return bm_fail(err, BM_EINVAL, "there is no option '%.60s'%s%s%s", key, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bm_status set_key(bm_spec *s, const bm_key *k, const char *value, bm_error *err)
{
    switch (k->kind) {
    case BM_KEY_TEXT: return set_text(s, k, value, err);
    case BM_KEY_ADD: return bm_strv_add(field(s, k), value, err);
    case BM_KEY_SPLIT: return add_split(field(s, k), k, value, false, err);
    case BM_KEY_PAIR: return set_pair(s, k, value, err);
    case BM_KEY_NA_STRINGS: return set_na_strings(s, k, value, err);
    case BM_KEY_INT:
    case BM_KEY_U64: return set_integer(s, k, value, err);
    case BM_KEY_DOUBLE: return set_double(s, k, value, err);
    case BM_KEY_WORD: return set_word(s, k, value, err);
    case BM_KEY_NA: return set_na(s, value, err);
    case BM_KEY_DELIM: return set_delim(s, value, err);
    }
    return BM_EINVAL;
}

bm_status bm_spec_set(bm_spec *s, const char *key, const char *value, bm_error *err)
{
    const bm_key *k = find_key(key);
    bm_status     st;

    if (!k) return unknown_key(key, err);
    if ((st = set_key(s, k, value, err)) == BM_OK && k->text >= 0) snprintf(s->text[k->text], sizeof s->text[k->text], "%s", value);
    return st;
}

const char *bm_spec_get(const bm_spec *s, const char *key)
{
    const bm_key  *k = find_key(key);
    const bm_strv *list;

    if (!k) return NULL;
    if (k->kind == BM_KEY_TEXT) return *(char **)field(s, k);
    if (k->text >= 0) return s->text[k->text][0] ? s->text[k->text] : NULL;
    list = field(s, k);
    return list->n == 1 ? list->v[0] : NULL;
}

void bm_spec_on_progress(bm_spec *s, void (*progress)(void *self, const bm_progress *p), void *self)
{
    s->fit.progress = progress;
    s->fit.progress_self = self;
}

void bm_spec_fit_options(const bm_spec *s, bm_fit_options *opt)
{
    *opt = s->fit;
}

/* ---- are two the same? ---- */

static void value_text(const bm_spec *s, const bm_key *k, bm_buf *b)
{
    const void    *at = field(s, k);
    const char    *text;
    const bm_strv *list = at;

    switch (k->kind) {
    case BM_KEY_TEXT: text = *(char *const *)at; bm_buf_puts(b, text ? text : ""); break;
    case BM_KEY_INT: bm_buf_printf(b, "%d", *(const int *)at); break;
    case BM_KEY_U64: bm_buf_printf(b, "%llu", (unsigned long long)*(const uint64_t *)at); break;
    case BM_KEY_DOUBLE: bm_buf_num(b, *(const double *)at); break;
    case BM_KEY_NA: bm_buf_puts(b, s->na_fail ? "fail" : "omit"); break;
    case BM_KEY_DELIM: if (s->delim) bm_buf_putc(b, s->delim); break;
    case BM_KEY_WORD: {
        const char *w = k->words;
        unsigned    i = k->at == AT(fit.sampler) ? (unsigned)s->fit.sampler : (unsigned)s->fit.ranef_draws;

        while (i--) w = strchr(w, '|') + 1;
        bm_buf_add(b, w, strcspn(w, "|"));
        break;
    }
    default:
        for (size_t i = 0; i < list->n; i++) bm_buf_printf(b, "%s%s", i ? "; " : "", list->v[i]);
    }
}

const char *bm_spec_difference(const bm_spec *s, const bm_spec *t, bm_buf *a, bm_buf *b)
{
    for (size_t i = 0; i < bm_nkeys; i++) {
        const bm_key *k = &bm_keys[i];

        if ((k->kind == BM_KEY_TEXT && k->at < AT(formula)) || k->at == AT(data) || k->at == AT(fit.threads)) continue;
        a->n = b->n = 0;
        bm_buf_puts(a, "");
        bm_buf_puts(b, "");
        value_text(s, k, a);
        value_text(t, k, b);
        if (a->failed || b->failed || strcmp(a->s, b->s) != 0) return k->name;
    }
    return NULL;
}
