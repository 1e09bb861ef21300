/* csv.c: records of a delimited text file (RFC 4180), pulled one at a time. The bytes that matter (delimiter, newline,
 * quote) are found 64 at a time as a bit mask (Langdale & Lemire 2019, VLDB Journal 28:941, have the idea for JSON);
 * fields point into the block. */
#include "data/scan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = BM_SCAN_PAD, BLOCK = 1 << 18, MAX_RECORD = 64 << 20, MAX_FIELDS = 1000000 };

struct bm_csv {
    bm_input   *in;                  /* NULL: over a block of another's file */
    const bm_csv *of;                /* then that file, for messages */
    char       *buf;                 /* len bytes, and PAD that may be looked at */
    size_t      cap, len, start;     /* start: of the record being read, or of the next one */
    size_t      at;                  /* what has been scanned */
    size_t      base;                /* of the mask: bit i stands for buf[base + i] */
    uint64_t    mask;
    bool        end;
    char        delim;
    size_t      line, record_line;   /* line: where buf[start] is, or for an open record where its next byte is */
    bm_field   *field;
    size_t      nfield, cap_field;
};

/* ---- the block ---- */

/* In bytes side by side, which are added up before they overflow. */
BM_CLONES static size_t count_lines(const char *s, const char *end)
{
    enum { LANES = 64 };
    size_t n = 0;

    while (end - s >= LANES) {
        unsigned char lane[LANES] = { 0 };

        for (int step = 0; step < 255 && end - s >= LANES; step++, s += LANES)
            for (int l = 0; l < LANES; l++) lane[l] = (unsigned char)(lane[l] + (s[l] == '\n'));
        for (int l = 0; l < LANES; l++) n += lane[l];
    }
    for (; s < end; s++) n += *s == '\n';
    return n;
}

/* Into a block twice the size. The old one stays until the fields point into the new one. */
static bm_status grow_block(bm_csv *c, bm_error *err)
{
    size_t cap = c->cap ? 2 * c->cap : BLOCK;
    char  *buf;

    if (c->len >= MAX_RECORD)
        return bm_fail(err, BM_EPARSE, "%s:%zu: this record is longer than %d MB; is a quote not closed, or the file not CSV?",
                       bm_csv_name(c), c->record_line, MAX_RECORD >> 20);
    if (!(buf = malloc(cap + PAD))) return bm_nomem(err);
    if (c->len) memcpy(buf, c->buf, c->len);
    for (size_t i = 0; i < c->nfield; i++) c->field[i].s = buf + (c->field[i].s - c->buf);
    free(c->buf);
    c->buf = buf;
    c->cap = cap;
    return BM_OK;
}

/* Moves the open record, and the fields found so far, to the front of the block. */
static void shift_block(bm_csv *c)
{
    if (c->start == 0) return;
    memmove(c->buf, c->buf + c->start, c->len - c->start);
    for (size_t i = 0; i < c->nfield; i++) c->field[i].s -= c->start;
    c->len -= c->start;
    c->at -= c->start;
    c->start = 0;
}

/* Reads on behind the open record. */
static bm_status refill(bm_csv *c, bm_error *err)
{
    bm_status   st;
    size_t      got;
    const char *nul, *nl;

    shift_block(c);
    if (c->len == c->cap && (st = grow_block(c, err)) != BM_OK) return st;
    if ((st = bm_input_read(c->in, c->buf + c->len, c->cap - c->len, &got, err)) != BM_OK) return st;
    c->end = got == 0;
    if (got && (nul = memchr(c->buf + c->len, 0, got))) {
        nl = memrchr(c->buf, '\n', (size_t)(nul - c->buf));
        return bm_fail(err, BM_EPARSE, "%s:%zu: byte %zu of the line is NUL: this is not a text file (UTF-16? convert it with "
                       "iconv)", bm_csv_name(c), c->record_line + count_lines(c->buf, nul),
                       (size_t)(nul - (nl ? nl + 1 : c->buf)) + 1);
    }
    c->len += got;
    memset(c->buf + c->len, 0, PAD);
    return BM_OK;
}

/* The byte at offset i of the open record, -1 at the end of the file. */
static bm_status peek(bm_csv *c, size_t i, int *byte, bm_error *err)
{
    bm_status st;

    while (c->start + i >= c->len && !c->end)
        if ((st = refill(c, err)) != BM_OK) return st;
    *byte = c->start + i < c->len ? (unsigned char)c->buf[c->start + i] : -1;
    return BM_OK;
}

/* ---- fields ---- */

static inline bool is_blank(const bm_csv *c, int byte)
{
    return (byte == ' ' || byte == '\t') && byte != c->delim;
}

static bm_status grow_fields(bm_csv *c, bm_error *err)
{
    bm_field *f;

    if (c->nfield >= MAX_FIELDS)
        return bm_fail(err, BM_EPARSE, "%s:%zu: this line has more than %d fields", bm_csv_name(c), c->record_line, MAX_FIELDS);
    if (!(f = bm_grow(c->field, &c->cap_field, c->nfield + 1, sizeof *f))) return bm_nomem(err);
    c->field = f;
    return BM_OK;
}

static inline bm_status add_field(bm_csv *c, const char *s, const char *end, bool quoted, bm_error *err)
{
    bm_status st;

    if (c->nfield >= c->cap_field || c->nfield >= MAX_FIELDS)
        if ((st = grow_fields(c, err)) != BM_OK) return st;
    if (!quoted && s < end) {
        while (s < end && is_blank(c, *s)) s++;
        while (s < end && is_blank(c, end[-1])) end--;
    }
    c->field[c->nfield++] = (bm_field){ .s = s, .n = (size_t)(end - s), .quoted = quoted };
    return BM_OK;
}

/* The last field of a line: a carriage return belongs to the newline. */
static bm_status add_last(bm_csv *c, const char *s, const char *end, bm_error *err)
{
    if (s < end && end[-1] == '\r') end--;
    return add_field(c, s, end, false, err);
}

/* Finds the closing quote and undoes doubled ones in place. Offsets are those of the open record: open, of the opening
 * quote; *to, one past the field's last byte; *after, one past the closing quote. */
static bm_status unquote(bm_csv *c, size_t open, size_t *to, size_t *after, bm_error *err)
{
    size_t    from = open + 1, seek = from, line = c->line, q;
    bm_status st;
    int       byte;

    for (*to = from;;) {
        char *hit = memchr(c->buf + c->start + seek, '"', c->len - c->start - seek), *record;

        if (!hit && c->end)
            return bm_fail(err, BM_EPARSE, "%s:%zu: the quote opened on this line (field %zu) is never closed", bm_csv_name(c),
                           line, c->nfield + 1);
        if (!hit) {
            seek = c->len - c->start;
            if ((st = refill(c, err)) != BM_OK) return st;
            continue;
        }
        q = (size_t)(hit - c->buf) - c->start;
        if ((st = peek(c, q + 1, &byte, err)) != BM_OK) return st;
        record = c->buf + c->start;
        c->line += count_lines(record + from, record + q);
        if (*to != from) memmove(record + *to, record + from, q - from);
        *to += q - from;
        if (byte != '"') break;
        record[(*to)++] = '"';
        from = seek = q + 2;
    }
    *after = q + 1;
    return BM_OK;
}

/* A field whose opening quote is at offset open of the record. *next: the offset of the next field, or of the next record
 * (*last). */
static bm_status add_quoted(bm_csv *c, size_t open, size_t *next, bool *last, bm_error *err)
{
    size_t    to = 0, i = 0;
    bm_status st;
    int       byte, then = 0;

    c->mask = 0;                                     /* a refill would move what it stands for */
    c->at = c->start + open + 1;
    if ((st = unquote(c, open, &to, &i, err)) != BM_OK) return st;
    for (;; i++) {
        if ((st = peek(c, i, &byte, err)) != BM_OK) return st;
        if (!is_blank(c, byte)) break;
    }
    if (byte == '\r') {
        if ((st = peek(c, i + 1, &then, err)) != BM_OK) return st;
        if (then == '\n' || then == -1) {
            byte = then;
            i++;
        }
    }
    if (byte != c->delim && byte != '\n' && byte != -1)
        return bm_fail(err, BM_EPARSE, "%s:%zu: field %zu goes on after its closing quote; a quote within quotes is written \"\"",
                       bm_csv_name(c), c->line, c->nfield + 1);
    *last = byte != c->delim;
    *next = byte == -1 ? i : i + 1;
    c->at = c->start + *next;
    return add_field(c, c->buf + c->start + open + 1, c->buf + c->start + to, true, err);
}

static bool only_blanks(const bm_csv *c, const char *s, const char *end)
{
    while (s < end && is_blank(c, *s)) s++;
    return s == end;
}

/* More bits for an empty mask; false at the end of the file. */
static bm_status next_mask(bm_csv *c, bool *more, bm_error *err)
{
    bm_status st;

    *more = c->at < c->len || !c->end;
    if (!*more) return BM_OK;
    if (c->at >= c->len && (st = refill(c, err)) != BM_OK) return st;
    c->base = c->at;
    c->mask = bm_find_specials(c->buf + c->at, c->delim);           /* none in the zeros behind the last byte */
    c->at = c->len - c->at < 64 ? c->len : c->at + 64;
    return BM_OK;
}

bm_status bm_csv_next(bm_csv *c, const bm_field **fields, size_t *nfield, bm_error *err)
{
    size_t    from = 0, text = SIZE_MAX;             /* offsets in the record: of the open field, of one known to be text */
    bm_status st = BM_OK;
    bool      last = false, more;

    c->nfield = *nfield = 0;
    c->record_line = c->line;
    while (!last) {
        const char *field, *p;

        if (!c->mask) {
            if ((st = next_mask(c, &more, err)) != BM_OK) return st;
            if (more) continue;
            if (c->start + from == c->len && c->nfield == 0) break;          /* nothing left, not even an empty field */
            last = true;
            st = add_last(c, c->buf + c->start + from, c->buf + c->len, err);
            from = c->len - c->start;
        } else {
            p = c->buf + c->base + __builtin_ctzll(c->mask);
            c->mask &= c->mask - 1;
            field = c->buf + c->start + from;
            if (*p == '"') {
                if (text == from || !only_blanks(c, field, p)) {
                    text = from;                     /* a quote within text is only a character */
                    continue;
                }
                st = add_quoted(c, (size_t)(p - c->buf) - c->start, &from, &last, err);
            } else {
                last = *p == '\n';
                st = last ? add_last(c, field, p, err) : add_field(c, field, p, false, err);
                from = (size_t)(p - c->buf) - c->start + 1;
            }
        }
        if (st != BM_OK) return st;
    }
    c->start += from;
    if (last) c->line++;
    *fields = c->field;
    *nfield = c->nfield;
    return BM_OK;
}

/* ---- blocks ---- */

/* Where the last record that is whole within s[0 .. n) ends, 0 if there is none; s begins with a record. What opens a quote: see bm_csv_next. */
static size_t last_record(const bm_csv *c, const char *s, size_t n)
{
    const char *nl;
    size_t      end = 0;

    if (!memchr(s, '"', n)) return (nl = memrchr(s, '\n', n)) ? (size_t)(nl - s) + 1 : 0;
    for (size_t i = 0; i < n;) {                     /* one field after the other */
        while (i < n && is_blank(c, s[i])) i++;
        if (i < n && s[i] == '"')
            for (i++; i < n; i++)
                if (s[i] == '"' && (++i == n || s[i] != '"')) break;
        while (i < n && s[i] != c->delim && s[i] != '\n') i++;
        if (i < n && s[i++] == '\n') end = i;
    }
    return end;
}

/* Bytes of the file, those first that have been read already. */
static bm_status take_bytes(bm_csv *c, char *dst, size_t room, size_t *got, bm_error *err)
{
    *got = c->len - c->start < room ? c->len - c->start : room;
    memcpy(dst, c->buf + c->start, *got);
    c->start += *got;
    if (*got || !room || c->end) return BM_OK;
    bm_status st = bm_input_read(c->in, dst, room, got, err);
    c->end = st == BM_OK && *got == 0;
    return st;
}

static bm_status grow_to(bm_block *b, size_t cap, bm_error *err)
{
    char *buf = cap > b->cap ? realloc(b->buf, cap + PAD) : b->buf;

    if (!buf) return bm_nomem(err);
    b->buf = buf;
    if (cap > b->cap) b->cap = cap;
    return BM_OK;
}

/* What follows the block's last record goes back to be read again. */
static bm_status put_back(bm_csv *c, bm_block *b, size_t end, bm_error *err)
{
    size_t n = b->len - end, left = c->len - c->start;
    char  *buf;

    b->len = end;
    if (n <= c->start) c->start -= n;
    else {
        if (!(buf = malloc(n + left + PAD))) return bm_nomem(err);
        memcpy(buf + n, c->buf + c->start, left);
        free(c->buf);
        c->buf = buf;
        c->cap = c->len = n + left;
        c->start = 0;
    }
    memcpy(c->buf + c->start, b->buf + end, n);
    return BM_OK;
}

static bm_status check_block(const bm_csv *c, const bm_block *b, bm_error *err)
{
    const char *nul = memchr(b->buf, 0, b->len), *nl;

    if (!nul) return BM_OK;
    nl = memrchr(b->buf, '\n', (size_t)(nul - b->buf));
    return bm_fail(err, BM_EPARSE, "%s:%zu: byte %zu of the line is NUL: this is not a text file (UTF-16? convert it with iconv)", bm_csv_name(c),
                   c->line + count_lines(b->buf, nul), (size_t)(nul - (nl ? nl + 1 : b->buf)) + 1);
}

/* A block is full before it is cut, so that where it ends does not depend on how the bytes come in. */
bm_status bm_csv_block(bm_csv *c, bm_block *b, size_t room, bm_error *err)
{
    bm_status st = BM_OK;
    size_t    end = 0, got = 1;

    c->mask = 0;
    b->len = 0;
    for (;; room *= 2) {
        if (room > 2 * (size_t)MAX_RECORD)
            return bm_fail(err, BM_EPARSE, "%s:%zu: this record is longer than %d MB; is a quote not closed, or the file not CSV?", bm_csv_name(c), c->line,
                           MAX_RECORD >> 20);
        if ((st = grow_to(b, room, err)) != BM_OK) return st;
        for (got = 1; b->len < room && got; b->len += got)
            if ((st = take_bytes(c, b->buf + b->len, room - b->len, &got, err)) != BM_OK) return st;
        end = got ? last_record(c, b->buf, b->len) : b->len;
        if (end || !got) break;
    }
    if ((st = put_back(c, b, end, err)) != BM_OK) return st;
    memset(b->buf + b->len, 0, PAD);
    b->line = c->line;
    b->lines = count_lines(b->buf, b->buf + b->len);
    st = check_block(c, b, err);
    c->line += b->lines;
    return st;
}

bm_status bm_csv_twin(bm_csv **out, const bm_csv *c, bm_error *err)
{
    bm_csv *t = *out = bm_alloc(1, sizeof *t);

    if (!t) return bm_nomem(err);
    t->of = c;
    t->delim = c->delim;
    return BM_OK;
}

void bm_csv_over(bm_csv *t, const bm_block *b)
{
    t->buf = b->buf;
    t->cap = t->len = b->len;
    t->start = t->at = t->base = 0;
    t->mask = 0;
    t->end = true;
    t->line = t->record_line = b->line;
}

void bm_csv_seek(bm_csv *t, size_t at, size_t line)
{
    t->start = t->at = at;
    t->mask = 0;
    t->line = line;
}

void bm_csv_tell(const bm_csv *t, size_t *at, size_t *line)
{
    *at = t->start;
    *line = t->line;
}

/* ---- opening ---- */

/* The bytes of the first two lines that are not empty, and how often each candidate stands in them outside quotes. */
static void count_delims(const char *s, const char *end, const char *candidates, size_t count[2][3], int *lines)
{
    bool quoted = false, empty = true;

    for (*lines = 0; s < end && *lines < 2; s++) {
        const char *d = *s ? strchr(candidates, *s) : NULL;

        if (*s == '"') quoted = !quoted;
        if (*s == '\n' && !quoted) {
            *lines += !empty;
            empty = true;
            continue;
        }
        if (d && !quoted) count[*lines][d - candidates]++;
        if (*s != '\r') empty = false;
    }
}

/* The candidate that stands as often in the second line as in the first; if there is none, or more than one, the most
 * frequent one. */
static char sniff(const char *s, const char *end)
{
    static const char candidates[] = ",;\t";
    size_t            count[2][3] = { { 0 } }, best = 0, best_score = 0;
    int               lines;

    count_delims(s, end, candidates, count, &lines);
    for (size_t k = 0; k < 3; k++) {
        bool   steady = lines == 2 && count[0][k] == count[1][k];
        size_t score = count[0][k] ? count[0][k] + (steady ? (size_t)1 << 32 : 0) : 0;

        if (score > best_score) {
            best = k;
            best_score = score;
        }
    }
    return candidates[best];
}

static bm_status open_block(bm_csv *c, bm_error *err)
{
    bm_status st;
    size_t    count[2][3] = { { 0 } };
    int       lines = 0;

    while (!c->end && lines < 2 && c->len < BLOCK / 2) {         /* a pipe may come in small pieces */
        if ((st = refill(c, err)) != BM_OK) return st;
        count_delims(c->buf, c->buf + c->len, ",;\t", count, &lines);
    }
    if (c->len >= 3 && memcmp(c->buf, "\xef\xbb\xbf", 3) == 0) c->start = c->at = 3;
    if (c->len == c->start) return bm_fail(err, BM_EPARSE, "%s is empty", bm_csv_name(c));
    if (!c->delim) c->delim = sniff(c->buf + c->start, c->buf + c->len);
    return BM_OK;
}

bm_status bm_csv_open(bm_csv **out, const char *path, char delim, bm_error *err)
{
    bm_csv   *c;
    bm_status st;

    *out = NULL;
    if (delim && (strchr("\"\r\n.+-", delim) || isalnum((unsigned char)delim) || (unsigned char)delim >= 0x80)) {
        bm_shown d = bm_show(&delim, 1);

        return bm_fail(err, BM_EINVAL, "'%s' cannot separate fields; use a comma, semicolon, tab or another character that is "
                       "not in the data", d.s);
    }
    if (!(c = bm_alloc(1, sizeof *c))) return bm_nomem(err);
    c->delim = delim;
    c->line = c->record_line = 1;
    if ((st = bm_input_open(&c->in, path, err)) != BM_OK || (st = open_block(c, err)) != BM_OK) {
        bm_csv_close(c);
        return st;
    }
    *out = c;
    return BM_OK;
}

size_t bm_csv_line(const bm_csv *c)
{
    return c->record_line;
}

const char *bm_csv_path(const bm_csv *c)
{
    return bm_input_path(c->of ? c->of->in : c->in);
}

const char *bm_csv_name(const bm_csv *c)
{
    return bm_input_name(c->of ? c->of->in : c->in);
}

char bm_csv_delim(const bm_csv *c)
{
    return c->delim;
}

void bm_csv_hash(const bm_csv *c, char hex[17])
{
    snprintf(hex, 17, "%016llx", (unsigned long long)bm_input_hash(c->in));
}

void bm_csv_watch(bm_csv *c, bm_watch_bytes *watch, void *self)
{
    bm_input_watch(c->in, watch, self);
}

uint64_t bm_csv_bytes(const bm_csv *c)
{
    return bm_input_bytes(c->in);
}

void bm_csv_close(bm_csv *c)
{
    if (!c) return;
    if (!c->of) {
        bm_input_close(c->in);
        free(c->buf);
    }
    free(c->field);
    free(c);
}
