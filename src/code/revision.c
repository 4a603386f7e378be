/* revision.c - see revision.h (code). With tracked.c the only file that touches libgit2. */
#include "code/revision.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/walk_open.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <git2/sys/odb_backend.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAX_OBJECT   ((size_t)128 << 20) /* bytes; a tree of two million files in one directory */
#define MAX_LOOSE    MAX_OBJECT          /* of the file */
#define MAX_REF      4096
#define MAX_PACKED   ((size_t)64 << 20) /* bytes of packed-refs */
#define MAX_PACKS    4096
#define MAX_LINKS    5 /* symbolic refs in a row, as in git */
#define MAX_NAME     1024
#define MAX_STEPS    1000000 /* parents that a name may go back */
#define MAX_DEPTH    256
#define MAX_PATH     4096
#define OPEN_PACKS   6 /* that libgit2 keeps open at once: parser processes have few descriptors */
#define MAPPED_BYTES ((size_t)128 << 20)
#define HEX          (2 * REVISION_ID)
#define SHA256_HEX   64

struct repo {
    int git_fd, objects_fd, pack_fd; /* pack_fd -1: no packs */
    git_odb *odb;
    git_repository *wrapped; /* the objects alone: without paths, refs and configuration */
    const char *rev;         /* as it was given */
    struct dobby_err *e;
};

static int no_such(const struct repo *r, const char *what)
{
    struct stat st;

    if (fstatat(r->git_fd, "shallow", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(r->e, DOBBY_E_NOTFOUND,
                       "%s: %s; this clone is shallow: run git fetch --unshallow, or fetch that "
                       "commit",
                       r->rev, what);
    return err_set(r->e, DOBBY_E_NOTFOUND,
                   "%s: %s; name a branch, a tag or a commit of this repository, or fetch it first",
                   r->rev, what);
}

static int damaged(const struct repo *r, const char *what)
{
    const git_error *why = git_error_last();

    return err_set(r->e, DOBBY_E_FORMAT, "%s: %s cannot be read: %s; try git fsck", r->rev, what,
                   why && why->message ? why->message : "it is damaged");
}

/* ---- loose objects ------------------------------------------------------------------------------ */

struct loose {
    git_odb_backend base;
    int fd; /* of objects; borrowed */
};

static int inflate_all(struct strbuf *out, const struct strbuf *in)
{
    z_stream z = {.next_in = (unsigned char *)in->s, .avail_in = (unsigned)in->len};
    unsigned char chunk[16384];
    int rc = inflateInit(&z);

    if (rc != Z_OK)
        return GIT_ERROR;
    while (rc == Z_OK) {
        z.next_out = chunk;
        z.avail_out = sizeof(chunk);
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc == Z_OK || rc == Z_STREAM_END)
            strbuf_add(out, chunk, sizeof(chunk) - z.avail_out);
        if (strbuf_failed(out))
            rc = Z_MEM_ERROR;
    }
    (void)inflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : GIT_ERROR;
}

/* "tree 1234\0" and so many bytes. */
static int split_object(void **data, size_t *len, git_object_t *type, git_odb_backend *b,
                        const struct strbuf *raw)
{
    const char *nul = memchr(strbuf_str(raw), '\0', size_min(raw->len, 32));
    const char *space = nul ? memchr(raw->s, ' ', (size_t)(nul - raw->s)) : NULL;
    char name[16] = "";
    size_t head, size;
    char *end;

    if (!space || (size_t)(space - raw->s) >= sizeof(name))
        return GIT_ERROR;
    memcpy(name, raw->s, (size_t)(space - raw->s));
    head = (size_t)(nul - raw->s) + 1;
    size = strtoul(space + 1, &end, 10);
    *type = git_object_string2type(name);
    if (end != nul || size != raw->len - head || *type == GIT_OBJECT_INVALID)
        return GIT_ERROR;
    *data = git_odb_backend_data_alloc(b, size + 1);
    if (!*data)
        return GIT_ERROR;
    memcpy(*data, raw->s + head, size);
    *len = size;
    return 0;
}

static int loose_read(void **data, size_t *len, git_object_t *type, git_odb_backend *b,
                      const git_oid *id)
{
    struct strbuf packed = {.max = MAX_LOOSE}, raw = {.max = MAX_OBJECT};
    char hex[HEX + 1], path[HEX + 2];
    enum open_result how;
    struct stat st;
    int errnum, fd, rc;

    (void)git_oid_fmt(hex, id);
    (void)snprintf(path, sizeof(path), "%.2s/%.38s", hex, hex + 2);
    fd = open_below(((struct loose *)(void *)b)->fd, path, &st, &how, &errnum);
    if (fd < 0)
        return GIT_ENOTFOUND;
    rc = read_fd(fd, &packed, MAX_LOOSE, &errnum) && packed.len < MAX_LOOSE ? 0 : GIT_ERROR;
    (void)close(fd);
    if (rc == 0)
        rc = inflate_all(&raw, &packed);
    if (rc == 0)
        rc = split_object(data, len, type, b, &raw);
    strbuf_release(&packed);
    strbuf_release(&raw);
    return rc;
}

/* Those of the one directory that can hold it. */
static int loose_find(git_oid *out, git_odb_backend *b, const git_oid *id, size_t n)
{
    char hex[HEX + 1], dir_name[3], whole[HEX + 1];
    bool found = false;
    int fd, rc = 0;
    struct dirent *d;
    DIR *dir;

    (void)git_oid_fmt(hex, id);
    (void)snprintf(dir_name, sizeof(dir_name), "%.2s", hex);
    fd = openat(((struct loose *)(void *)b)->fd, dir_name,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return GIT_ENOTFOUND;
    }
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        if (strlen(d->d_name) != HEX - 2 || n < 2 || strncmp(d->d_name, hex + 2, n - 2) != 0)
            continue;
        (void)snprintf(whole, sizeof(whole), "%s%.38s", dir_name, d->d_name);
        rc = found ? GIT_EAMBIGUOUS : git_oid_fromstr(out, whole);
        found = true;
    }
    (void)closedir(dir);
    return found ? rc : GIT_ENOTFOUND;
}

static int loose_read_prefix(git_oid *out, void **data, size_t *len, git_object_t *type,
                             git_odb_backend *b, const git_oid *id, size_t n)
{
    int rc = loose_find(out, b, id, n);

    return rc == 0 ? loose_read(data, len, type, b, out) : rc;
}

static int loose_exists(git_odb_backend *b, const git_oid *id)
{
    git_oid found;

    return loose_find(&found, b, id, HEX) == 0;
}

static void loose_free(git_odb_backend *b)
{
    mem_free(b);
}

static int add_loose(struct repo *r)
{
    struct loose *l = mem_zalloc(sizeof(*l));

    if (!l)
        return err_nomem(r->e, "the objects of a commit");
    (void)git_odb_init_backend(&l->base, GIT_ODB_BACKEND_VERSION);
    l->base.read = loose_read;
    l->base.read_prefix = loose_read_prefix;
    l->base.exists = loose_exists;
    l->base.exists_prefix = loose_find;
    l->base.free = loose_free;
    l->fd = r->objects_fd;
    if (git_odb_add_backend(r->odb, &l->base, 2) == 0)
        return 0;
    mem_free(l);
    return err_nomem(r->e, "the objects of a commit");
}

/* ---- packs -------------------------------------------------------------------------------------- */

static bool is_regular(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* The pack of an index. One that is not two regular files is passed over, and so is one that libgit2 does not take: what it
 * holds is missing then, and that is told. */
static int add_pack(struct repo *r, const char *idx)
{
    char pack[NAME_MAX + 1], path[64 + NAME_MAX];
    size_t n = strlen(idx) - 4;
    git_odb_backend *b = NULL;

    if (n + 6 > sizeof(pack))
        return 0;
    (void)snprintf(pack, sizeof(pack), "%.*s.pack", (int)n, idx);
    if (!is_regular(r->pack_fd, idx) || !is_regular(r->pack_fd, pack))
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", r->pack_fd, idx);
    if (git_odb_backend_one_pack(&b, path) < 0)
        return 0;
    if (git_odb_add_backend(r->odb, b, 1) == 0)
        return 0;
    b->free(b);
    return err_nomem(r->e, "the packs of a repository");
}

static int add_packs(struct repo *r)
{
    int fd, n_packs = 0, rc = 0;
    struct dirent *d;
    DIR *dir;

    r->pack_fd = openat(r->objects_fd, "pack", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->pack_fd < 0)
        return 0;
    fd = dup_cloexec(r->pack_fd);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return err_errno(r->e, errno, NULL, "%s: the packs of the repository", r->rev);
    }
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        size_t n = strlen(d->d_name);

        if (n < 5 || strcmp(d->d_name + n - 4, ".idx") != 0)
            continue;
        rc = ++n_packs > MAX_PACKS
                 ? err_set(r->e, DOBBY_E_LIMIT, "%s: more than %d packs; run git gc", r->rev,
                           MAX_PACKS)
                 : add_pack(r, d->d_name);
    }
    (void)closedir(dir);
    return rc;
}

/* ---- refs --------------------------------------------------------------------------------------- */

/* A whole hash at the start of a line, and nothing else in front of white space. */
static bool is_hash(const char *s, size_t len, size_t digits)
{
    size_t n = 0;

    while (n < len && isxdigit((unsigned char)s[n]))
        n++;
    return n == digits && (n == len || isspace((unsigned char)s[n]));
}

/* 1 and the hash, 0: not this one. */
static int take_hash(struct repo *r, git_oid *out, const char *s, size_t len)
{
    if (is_hash(s, len, SHA256_HEX))
        return err_set(r->e, DOBBY_E_UNSUPPORTED,
                       "%s: the repository names its objects by SHA-256, which is not read; leave "
                       "--since out",
                       r->rev);
    return is_hash(s, len, HEX) && git_oid_fromstrn(out, s, HEX) == 0;
}

/* Read a file of .git. 1, or 0 when there is none that can be read. */
static int read_below(struct repo *r, struct strbuf *out, const char *name, size_t max)
{
    enum open_result how;
    struct stat st;
    int errnum, fd = open_below(r->git_fd, name, &st, &how, &errnum);
    bool ok;

    if (fd < 0)
        return 0;
    ok = read_fd(fd, out, max, &errnum);
    (void)close(fd);
    if (strbuf_failed(out))
        return err_nomem(r->e, "the names of commits");
    return ok;
}

/* "hash SP name" lines; ^hash says what the tag above points to. */
static int find_packed(struct repo *r, git_oid *out, const char *name)
{
    struct strbuf text = {0};
    size_t n = strlen(name);
    int rc = read_below(r, &text, "packed-refs", MAX_PACKED);
    const char *p = strbuf_str(&text), *end = p + text.len;

    for (bool found = false; rc > 0 && !found;) {
        const char *eol = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        const char *space = eol ? memchr(p, ' ', (size_t)(eol - p)) : NULL;

        if (!eol) {
            rc = 0;
        } else if (space && (size_t)(eol - space) == n + 1 && memcmp(space + 1, name, n) == 0) {
            found = true;
            rc = take_hash(r, out, p, (size_t)(eol - p));
        } else {
            p = eol + 1;
        }
    }
    strbuf_release(&text);
    return rc;
}

/* Only names like HEAD stand in .git itself; its other files are no refs. */
static bool is_ref_name(const char *name)
{
    int valid = 0;
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

    return git_reference_name_is_valid(&valid, name) == 0 && valid &&
           (strncmp(name, "refs/", 5) == 0 || name[n] == '\0');
}

/* 1: *out is what the ref points to, 0: there is none. */
static int find_ref(struct repo *r, git_oid *out, const char *first)
{
    char name[MAX_NAME];
    struct strbuf text = {.max = MAX_REF + 1};
    int rc = 0, links = 0;

    if (snprintf(name, sizeof(name), "%s", first) >= (int)sizeof(name))
        return 0;
    while (is_ref_name(name)) {
        strbuf_reset(&text);
        rc = read_below(r, &text, name, MAX_REF);
        if (rc == 0)
            rc = find_packed(r, out, name);
        else if (rc > 0 && strncmp(strbuf_str(&text), "ref:", 4) == 0 && links++ < MAX_LINKS) {
            const char *to = text.s + 4 + strspn(text.s + 4, " \t");
            size_t n = strcspn(to, " \t\r\n");

            rc = 0;
            if (n < sizeof(name)) {
                memcpy(name, to, n);
                name[n] = '\0';
                continue;
            }
        } else if (rc > 0) {
            rc = take_hash(r, out, strbuf_str(&text), text.len);
        }
        break;
    }
    strbuf_release(&text);
    return rc;
}

/* ---- what a person wrote ------------------------------------------------------------------------ */

/* In git's order. 1 or 0. */
static int find_any_ref(struct repo *r, git_oid *out, const char *name)
{
    static const char *const places[] = {"%s",
                                         "refs/%s",
                                         "refs/tags/%s",
                                         "refs/heads/%s",
                                         "refs/remotes/%s",
                                         "refs/remotes/%s/HEAD"};
    char full[MAX_NAME + 32];
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(places) && rc == 0; i++) {
        const char *sign = strstr(places[i], "%s");

        (void)snprintf(full, sizeof(full), "%.*s%s%s", (int)(sign - places[i]), places[i], name,
                       sign + 2);
        rc = find_ref(r, out, full);
    }
    return rc;
}

static int find_hash(struct repo *r, git_oid *out, const char *name)
{
    size_t n = strlen(name);
    git_oid id;
    int rc;

    if (n < 4 || n > HEX || strspn(name, "0123456789abcdefABCDEF") != n ||
        git_oid_fromstrn(&id, name, n) < 0)
        return 0;
    rc = git_odb_exists_prefix(out, r->odb, &id, n);
    if (rc == GIT_EAMBIGUOUS)
        return err_set(r->e, DOBBY_E_USAGE, "%s: several objects begin so; write more of the hash",
                       r->rev);
    return rc == 0;
}

static int find_object(struct repo *r, git_object **out, const char *name)
{
    size_t n = strlen(name);
    git_oid id;
    int rc = take_hash(r, &id, name, n); /* a whole hash is never a name */

    if (rc == 0)
        rc = find_any_ref(r, &id, strcmp(name, "@") == 0 ? "HEAD" : name);
    if (rc == 0)
        rc = find_hash(r, &id, name);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return no_such(r, "there is no such commit");
    rc = git_object_lookup(out, r->wrapped, &id, GIT_OBJECT_ANY);
    if (rc == GIT_ENOTFOUND)
        return no_such(r, "its object is not there");
    return rc < 0 ? damaged(r, "its object") : 0;
}

/* Put what tags point to in place of the tag. */
static int peel(struct repo *r, git_object **o)
{
    git_object *commit = NULL;
    int rc = git_object_peel(&commit, *o, GIT_OBJECT_COMMIT);

    if (rc == GIT_ENOTFOUND)
        return no_such(r, "the commit that it names is not there");
    if (rc == GIT_EPEEL || rc == GIT_EINVALIDSPEC || rc == GIT_EAMBIGUOUS)
        return err_set(r->e, DOBBY_E_USAGE, "%s: it is no commit; name one", r->rev);
    if (rc < 0)
        return damaged(r, "the commit");
    git_object_free(*o);
    *o = commit;
    return 0;
}

/* Put a parent, the first being 1, in place of the commit. */
static int go_back(struct repo *r, git_object **o, size_t parent)
{
    git_commit *commit = (git_commit *)(void *)*o, *next = NULL;
    int rc;

    if (parent > git_commit_parentcount(commit))
        return no_such(r, "the history does not go back so far");
    rc = git_commit_parent(&next, commit, (unsigned)parent - 1);
    if (rc == GIT_ENOTFOUND)
        return no_such(r, "the history that is here does not go back so far");
    if (rc < 0)
        return damaged(r, "a commit of its history");
    git_object_free(*o);
    *o = (git_object *)(void *)next;
    return 0;
}

static int not_understood(const struct repo *r)
{
    return err_set(r->e, DOBBY_E_USAGE,
                   "%s: not understood; write a branch, a tag or a hash, with ~N or ^N behind it",
                   r->rev);
}

/* ~N, ^N, ^{commit}, one after the other. */
static int follow(struct repo *r, git_object **o, const char *p)
{
    int rc = peel(r, o);

    while (rc == 0 && *p) {
        char sign = *p++;
        unsigned long n = 1;

        if (sign == '^' && (strncmp(p, "{}", 2) == 0 || strncmp(p, "{commit}", 8) == 0)) {
            p = strchr(p, '}') + 1;
            continue;
        }
        if (sign != '^' && sign != '~')
            return not_understood(r);
        if (isdigit((unsigned char)*p))
            n = strtoul(p, (char **)(void *)&p, 10);
        if (n > MAX_STEPS)
            return no_such(r, "the history does not go back so far");
        if (sign == '^' && n > 0)
            rc = go_back(r, o, n);
        for (; sign == '~' && n > 0 && rc == 0; n--)
            rc = go_back(r, o, 1);
    }
    return rc;
}

static int find_commit(struct repo *r, git_object **out)
{
    char name[MAX_NAME];
    size_t n = strcspn(r->rev, "~^");
    int rc;

    *out = NULL;
    if (n == 0 || n >= sizeof(name) || r->rev[0] == '-' || memchr(r->rev, ':', n) ||
        strstr(r->rev, "@{") || strstr(r->rev, ".."))
        return not_understood(r);
    memcpy(name, r->rev, n);
    name[n] = '\0';
    rc = find_object(r, out, name);
    return rc < 0 ? rc : follow(r, out, r->rev + n);
}

/* ---- the files ---------------------------------------------------------------------------------- */

struct lister {
    struct repo *r;
    struct strbuf *out;
    const char *scope;
    size_t n_files;
    int rc;
};

/* Is a path at or below the scope, or (a directory) on the way to it? */
static bool in_scope(const char *scope, const char *path, size_t len, bool is_dir)
{
    size_t n = strlen(scope);

    if (n == 0)
        return true;
    if (len < n)
        return is_dir && scope[len] == '/' && memcmp(path, scope, len) == 0;
    return memcmp(path, scope, n) == 0 && (len == n || path[n] == '/');
}

/* What libgit2 calls with each entry: 0 go on, 1 not into this directory, -1 stop. */
static int list_entry(const char *dir, const git_tree_entry *entry, void *ctx)
{
    struct lister *l = ctx;
    char path[MAX_PATH + 2];
    int n = snprintf(path, sizeof(path), "%s%s", dir, git_tree_entry_name(entry));
    bool is_dir = git_tree_entry_type(entry) == GIT_OBJECT_TREE;
    size_t len = n < 0 ? 0 : (size_t)n, depth = 0;
    unsigned char size[2];

    if (len > MAX_PATH) /* the walk takes no such file either */
        return 1;
    for (size_t i = 0; i < len; i++)
        depth += path[i] == '/';
    if (depth > MAX_DEPTH || !in_scope(l->scope, path, len, is_dir))
        return 1;
    if (is_dir)
        return 0;
    if ((git_tree_entry_filemode_raw(entry) & S_IFMT) != S_IFREG)
        return 0;
    size[0] = (unsigned char)len;
    size[1] = (unsigned char)(len >> 8);
    strbuf_add(l->out, git_tree_entry_id(entry)->id, REVISION_ID);
    strbuf_add(l->out, size, sizeof(size));
    strbuf_add(l->out, path, len);
    if (++l->n_files > REVISION_MAX_FILES || l->out->len > REVISION_MAX_LIST)
        l->rc = err_set(l->r->e, DOBBY_E_LIMIT,
                        "%s: its list of files is too long; name a smaller directory", l->r->rev);
    else if (strbuf_failed(l->out))
        l->rc = err_nomem(l->r->e, "the files of a commit");
    return l->rc < 0 ? -1 : 0;
}

static int list_files(struct repo *r, struct strbuf *out, const char *scope, git_object *commit)
{
    struct lister l = {.r = r, .out = out, .scope = scope};
    git_tree *tree = NULL;
    int rc = git_commit_tree(&tree, (git_commit *)(void *)commit);

    if (rc == 0)
        rc = git_tree_walk(tree, GIT_TREEWALK_PRE, list_entry, &l);
    if (l.rc == 0 && rc == GIT_ENOTFOUND)
        l.rc = err_set(r->e, DOBBY_E_NOTFOUND,
                       "%s: a directory of that commit is not in this clone; fetch it without a "
                       "filter",
                       r->rev);
    else if (l.rc == 0 && rc < 0)
        l.rc = damaged(r, "the files of that commit");
    git_tree_free(tree);
    return l.rc;
}

/* ---- the repository ----------------------------------------------------------------------------- */

static int refuse(struct repo *r, const char *why)
{
    return err_set(r->e, DOBBY_E_UNSUPPORTED, "%s: %s; leave --since out", r->rev, why);
}

/* The kinds that are not read are known by what lies in them. */
static int check_kind(struct repo *r)
{
    struct stat st;
    git_oid id;
    int rc;

    if (fstatat(r->git_fd, "reftable", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return refuse(r, "the repository keeps its refs as reftable, which is not read");
    if (fstatat(r->git_fd, "commondir", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return refuse(r, "the repository's objects lie elsewhere (commondir)");
    rc = find_ref(r, &id, "HEAD"); /* tells SHA-256 */
    return rc < 0 ? rc : 0;
}

static int open_objects(struct repo *r)
{
    enum open_result how;
    struct stat st;
    int fd, errnum;

    r->objects_fd = openat(r->git_fd, "objects", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->objects_fd < 0)
        return refuse(r,
                      "the folder objects of the repository cannot be opened, or leads elsewhere");
    fd = open_below(r->objects_fd, "info/alternates", &st, &how, &errnum);
    if (fd >= 0)
        (void)close(fd);
    if (how != OPEN_ABSENT)
        return refuse(r, "the repository borrows objects from another one (alternates)");
    if (git_odb_new(&r->odb) < 0)
        return err_nomem(r->e, "the objects of a repository");
    return 0;
}

static int open_all(struct repo *r)
{
    int rc = check_kind(r);

    if (rc == 0)
        rc = open_objects(r);
    if (rc == 0)
        rc = add_loose(r);
    if (rc == 0)
        rc = add_packs(r);
    if (rc == 0 && git_repository_wrap_odb(&r->wrapped, r->odb) < 0)
        rc = err_nomem(r->e, "the objects of a repository");
    return rc;
}

static void set_limits(void)
{
    (void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, (size_t)OPEN_PACKS);
    (void)git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, MAPPED_BYTES);
}

int revision_list(struct strbuf *out, int git_fd, const char *rev, const char *scope,
                  struct dobby_err *e)
{
    struct repo r = {.git_fd = git_fd, .objects_fd = -1, .pack_fd = -1, .rev = rev, .e = e};
    git_object *commit = NULL;
    int rc = revision_begin(e);

    if (rc < 0)
        return rc;
    set_limits();
    rc = open_all(&r);
    if (rc == 0)
        rc = find_commit(&r, &commit);
    if (rc == 0)
        rc = list_files(&r, out, scope, commit);
    git_object_free(commit);
    git_repository_free(r.wrapped);
    git_odb_free(r.odb);
    if (r.pack_fd >= 0)
        (void)close(r.pack_fd);
    if (r.objects_fd >= 0)
        (void)close(r.objects_fd);
    revision_end();
    return rc;
}

int revision_begin(struct dobby_err *e)
{
    return git_libgit2_init() < 0 ? err_set(e, DOBBY_E_INTERNAL, "libgit2 does not start") : 0;
}

int revision_file_id(unsigned char id[REVISION_ID], const void *text, size_t len,
                     struct dobby_err *e)
{
    git_oid oid;

    if (git_odb_hash(&oid, text, len, GIT_OBJECT_BLOB) < 0)
        return err_set(e, DOBBY_E_INTERNAL, "libgit2 makes no hash");
    memcpy(id, oid.id, REVISION_ID);
    return 0;
}

void revision_end(void)
{
    (void)git_libgit2_shutdown();
}
