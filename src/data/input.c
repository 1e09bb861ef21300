/* input.c: the bytes of a plain or gzip file or of standard input, with their hash. Other compressions and UTF-16 are
 * told by their first bytes and refused with the command that helps. gzip: RFC 1952, by zlib; several members one after
 * the other are one stream. */
#include "data/data_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 1 << 16 };

struct bm_input {
    int           fd;
    char         *path;
    unsigned char block[BLOCK];      /* what has been read but not handed on: the first bytes, or compressed ones */
    size_t        at, n;
    bool          end;               /* of the file as it is stored */
    bool          gzip, member;      /* member: inside one, its end has not been seen */
    z_stream      z;
    uint64_t      bytes;
    uint64_t      stored, size;      /* as the file is stored: bytes read of it, bytes it has (0: unknown) */
    bm_watch_bytes *watch;
    void         *watch_self;
    bm_hash       hash;
};

const char *bm_input_name(const bm_input *in)
{
    return strcmp(in->path, "-") == 0 ? "standard input" : in->path;
}

const char *bm_input_path(const bm_input *in)
{
    return in->path;
}

static bm_status read_raw(bm_input *in, void *dst, size_t room, size_t *got, bm_error *err)
{
    ssize_t n;

    do n = read(in->fd, dst, room);
    while (n < 0 && errno == EINTR);
    if (n < 0) return bm_fail(err, BM_EIO, "cannot read %s: %s", bm_input_name(in), strerror(errno));
    in->end = n == 0;
    *got = (size_t)n;
    in->stored += (size_t)n;
    if (in->watch && n > 0) in->watch(in->watch_self, in->size && in->stored > in->size ? in->size : in->stored, in->size);
    return BM_OK;
}

/* Fills the block up to at least need bytes, or to the end. */
static bm_status fill_block(bm_input *in, size_t need, bm_error *err)
{
    bm_status st;
    size_t    got = 0;

    if (in->at == in->n) in->at = in->n = 0;
    while (in->n - in->at < need && !in->end) {
        if (in->at > 0) {
            memmove(in->block, in->block + in->at, in->n - in->at);
            in->n -= in->at;
            in->at = 0;
        }
        if ((st = read_raw(in, in->block + in->n, BLOCK - in->n, &got, err)) != BM_OK) return st;
        in->n += got;
    }
    return BM_OK;
}

/* Files that are not text by the looks of their first bytes: enough of them that no header of a CSV file begins so. */
static bm_status check_magic(const bm_input *in, bm_error *err)
{
    static const struct { const char *magic; size_t n; const char *what; } table[] = {
        { "\xff\xfe", 2, "is UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8" },
        { "\xfe\xff", 2, "is UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8" },
        { "\x28\xb5\x2f\xfd", 4, "is compressed with zstd: use zstd -dc FILE and read standard input (-)" },
        { "\xfd" "7zXZ", 5, "is compressed with xz: use xz -dc FILE and read standard input (-)" },
        { "BZh91AY&SY", 10, "is compressed with bzip2: use bzip2 -dc FILE and read standard input (-)" },
        { "PK\x03\x04", 4, "is a zip archive or a spreadsheet: unpack it, or save the sheet as CSV" },
        { "\xd0\xcf\x11\xe0", 4, "is a spreadsheet in the old Excel format: save the sheet as CSV" },
        { "PAR1\x15", 5, "is a Parquet file: convert it to CSV" },
        { "RDX2\nX\n", 7, "is an R data file: write it with write.csv(x, row.names = FALSE)" },
        { "RDX3\nX\n", 7, "is an R data file: write it with write.csv(x, row.names = FALSE)" },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (in->n >= table[i].n && memcmp(in->block, table[i].magic, table[i].n) == 0)
            return bm_fail(err, BM_EPARSE, "%s %s", bm_input_name(in), table[i].what);
    return BM_OK;
}

static bm_status open_file(bm_input *in, bm_error *err)
{
    struct stat st;

    in->fd = strcmp(in->path, "-") == 0 ? STDIN_FILENO : open(in->path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) return bm_fail(err, BM_EIO, "cannot open %s: %s", in->path, strerror(errno));
    if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode))
        return bm_fail(err, BM_EIO, "%s is a directory, not a data file", bm_input_name(in));
    if (S_ISREG(st.st_mode) && st.st_size > 0) in->size = (uint64_t)st.st_size;
    return BM_OK;
}

bm_status bm_input_open(bm_input **out, const char *path, bm_error *err)
{
    bm_input *in = bm_alloc(1, sizeof *in);
    bm_status st = BM_ENOMEM;

    *out = NULL;
    if (in) in->fd = -1;
    if (!in || !(in->path = bm_strdup(path))) {
        bm_nomem(err);
        goto done;
    }
    bm_hash_start(&in->hash);
    if ((st = open_file(in, err)) != BM_OK || (st = fill_block(in, 10, err)) != BM_OK) goto done;
    if ((st = check_magic(in, err)) != BM_OK) goto done;
    if (in->n >= 2 && in->block[0] == 0x1f && in->block[1] == 0x8b) {
        if (inflateInit2(&in->z, 15 + 16) != Z_OK) {
            st = bm_nomem(err);
            goto done;
        }
        in->gzip = in->member = true;
    }
    *out = in;
    in = NULL;
done:
    bm_input_close(in);
    return st;
}

/* Between members: another one, zeros (padding of tapes and blocks), or the end. */
static bm_status next_member(bm_input *in, bool *more, bm_error *err)
{
    bm_status st;

    *more = false;
    for (;;) {
        if ((st = fill_block(in, 2, err)) != BM_OK) return st;
        if (in->at == in->n) return BM_OK;
        if (in->block[in->at] == 0) {
            in->at++;
            continue;
        }
        if (in->n - in->at < 2 || in->block[in->at] != 0x1f || in->block[in->at + 1] != 0x8b)
            return bm_fail(err, BM_EIO, "%s: there is something else after the end of the gzip data", bm_input_name(in));
        inflateReset(&in->z);
        *more = in->member = true;
        return BM_OK;
    }
}

static bm_status read_gzip(bm_input *in, char *dst, size_t room, size_t *got, bm_error *err)
{
    bm_status st;
    bool      more;
    int       z;

    in->z.next_out = (unsigned char *)dst;
    in->z.avail_out = room < 1u << 30 ? (unsigned)room : 1u << 30;
    for (*got = 0; *got == 0;) {
        if (!in->member) {
            if ((st = next_member(in, &more, err)) != BM_OK) return st;
            if (!more) return BM_OK;
        }
        if ((st = fill_block(in, 1, err)) != BM_OK) return st;
        if (in->at == in->n)
            return bm_fail(err, BM_EIO, "%s: the gzip data are cut short; copy or download the file again", bm_input_name(in));
        in->z.next_in = in->block + in->at;
        in->z.avail_in = (unsigned)(in->n - in->at);
        z = inflate(&in->z, Z_NO_FLUSH);
        in->at = in->n - in->z.avail_in;
        if (z == Z_MEM_ERROR) return bm_nomem(err);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return bm_fail(err, BM_EIO, "%s: the gzip data are corrupt (%s)", bm_input_name(in),
                           in->z.msg ? in->z.msg : "unknown format");
        if (z == Z_STREAM_END) in->member = false;
        *got = (size_t)(in->z.next_out - (unsigned char *)dst);
    }
    return BM_OK;
}

bm_status bm_input_read(bm_input *in, char *dst, size_t room, size_t *got, bm_error *err)
{
    bm_status st = BM_OK;

    *got = 0;
    if (in->gzip) {
        if ((st = read_gzip(in, dst, room, got, err)) != BM_OK) return st;
    } else if (in->at < in->n) {
        *got = in->n - in->at < room ? in->n - in->at : room;
        memcpy(dst, in->block + in->at, *got);
        in->at += *got;
    } else if (!in->end) {
        if ((st = read_raw(in, dst, room, got, err)) != BM_OK) return st;
    }
    in->bytes += *got;
    bm_hash_add(&in->hash, dst, *got);
    return BM_OK;
}

void bm_input_watch(bm_input *in, bm_watch_bytes *watch, void *self)
{
    in->watch = watch;
    in->watch_self = self;
}

uint64_t bm_input_bytes(const bm_input *in)
{
    return in->bytes;
}

uint64_t bm_input_hash(const bm_input *in)
{
    return bm_hash_value(&in->hash);
}

void bm_input_close(bm_input *in)
{
    if (!in) return;
    if (in->gzip) inflateEnd(&in->z);
    if (in->fd >= 0 && in->fd != STDIN_FILENO) close(in->fd);
    free(in->path);
    free(in);
}
