/* since.c - see since.h (code). */
#include "code/since.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "code/parse.h"
#include "code/protocol.h"
#include "code/revision.h"
#include "code/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT_S 60.0 /* a tree of a million files takes some seconds */
#define TICK_MS 100  /* how often *stop is looked at */

struct committed {
    const char *path; /* in the reply */
    size_t len;
    const unsigned char *id;
};

struct since {
    struct walk *w;
    const struct since_options *o;
    struct dobby_err *e;
    struct strbuf reply;
    struct committed *files; /* by path */
    size_t n;
};

static bool stopped(const struct since *k)
{
    return k->o->stop && *k->o->stop;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static int open_git(struct since *k, int *fd)
{
    struct stat st;

    *fd = -1;
    if (fstatat(k->w->root_fd, ".git", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(k->e, DOBBY_E_NOTFOUND,
                       "since: %s: no git repository; name the top of one, or leave --since out",
                       k->w->root);
    if (!S_ISDIR(st.st_mode))
        return err_set(k->e, DOBBY_E_UNSUPPORTED,
                       "since: %s: its .git leads elsewhere (a worktree, a submodule or a link), "
                       "which is not followed; leave --since out",
                       k->w->root);
    *fd = openat(k->w->root_fd, ".git", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? err_errno(k->e, errno, NULL, "since: %s/.git", k->w->root) : 0;
}

/* A short text into an empty socket: it goes at once. */
static bool send_request(int fd, const struct since_options *o)
{
    unsigned char head[PROTOCOL_HEAD];
    struct strbuf b = {0};
    size_t n = strlen(o->rev) + 1 + strlen(o->scope) + 1;
    bool ok;

    protocol_put_u32(head, PROTOCOL_SINCE);
    protocol_put_u32(head + 4, 0);
    protocol_put_u32(head + 8, (uint32_t)n);
    strbuf_add(&b, head, sizeof(head));
    strbuf_add(&b, o->rev, strlen(o->rev) + 1);
    strbuf_add(&b, o->scope, strlen(o->scope) + 1);
    ok = !strbuf_failed(&b) && send(fd, b.s, b.len, MSG_NOSIGNAL) == (ssize_t)b.len;
    strbuf_release(&b);
    return ok;
}

/* Read until the worker has said all, which begins with its hello. False when it ended before. */
static bool read_reply(struct since *k, int fd, double until)
{
    static const size_t before = 8 + PROTOCOL_HEAD;
    char chunk[65536];
    size_t want = before;

    while (k->reply.len < want && !stopped(k) && time_now() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&p, 1, TICK_MS) <= 0)
            continue;
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return false;
        strbuf_add(&k->reply, chunk, (size_t)got);
        if (strbuf_failed(&k->reply))
            return false;
        if (k->reply.len >= before && want == before) {
            struct reader r;

            reader_init(&r, k->reply.s + before - 4, 4);
            want = before + reader_u32(&r);
        }
    }
    return k->reply.len == want;
}

static int no_answer(struct since *k, double until)
{
    if (stopped(k))
        return err_set(k->e, DOBBY_E_CANCELLED, "since: stopped");
    if (strbuf_failed(&k->reply))
        return err_nomem(k->e, "the files of a commit");
    if (time_now() >= until)
        return err_set(
            k->e, DOBBY_E_LIMIT,
            "since: %s: the repository was not read within %.0f s; try git fsck, or leave "
            "--since out",
            k->o->rev, LIMIT_S);
    return err_set(k->e, DOBBY_E_FORMAT,
                   "since: %s: the process that read the repository ended; try git fsck, or leave "
                   "--since out",
                   k->o->rev);
}

static int lower_memory(struct since *k, pid_t pid)
{
    size_t most = size_min(PARSE_MAX_SHARE, k->o->memory / 2);
    struct rlimit data = {most, most};

    if (SANITIZED || k->o->memory == 0 || prlimit(pid, RLIMIT_DATA, &data, NULL) == 0 ||
        errno == ESRCH)
        return 0; /* one that is gone is noticed when its answer is awaited */
    return err_errno(k->e, errno, NULL, "since: limit the memory of a process");
}

/* k->reply becomes what the worker says about the commit. */
static int ask(struct since *k, int git_fd)
{
    double until = time_now() + LIMIT_S;
    pid_t pid;
    int fd, rc = worker_start(&pid, &fd, k->o->worker_path, git_fd, k->e);

    if (rc == 0)
        rc = lower_memory(k, pid);
    if (rc == 0 && !(send_request(fd, k->o) && read_reply(k, fd, until)))
        rc = no_answer(k, until);
    worker_end(&pid, &fd);
    return rc;
}

/* ---- what it says ------------------------------------------------------------------------------- */

static int bad_answer(struct since *k)
{
    return err_set(k->e, DOBBY_E_CONFIG,
                   "since: %s: is another program, or another version of it; reinstall dobby",
                   k->o->worker_path);
}

static int compare_paths(const void *pa, const void *pb)
{
    const struct committed *a = pa, *b = pb;
    int c = memcmp(a->path, b->path, size_min(a->len, b->len));

    return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int take_files(struct since *k, struct reader *r)
{
    size_t cap = 0;

    while (reader_left(r) > 0) {
        struct committed c;

        c.id = reader_bytes(r, REVISION_ID);
        c.len = reader_u16(r);
        c.path = reader_bytes(r, c.len);
        if (r->failed)
            return bad_answer(k);
        if (mem_grow((void **)&k->files, &cap, k->n + 1, sizeof(*k->files)) < 0)
            return err_nomem(k->e, "the files of a commit");
        k->files[k->n++] = c;
    }
    if (k->n > 1)
        qsort(k->files, k->n, sizeof(*k->files), compare_paths);
    return 0;
}

static int take_reply(struct since *k)
{
    struct reader r;
    uint32_t status;

    reader_init(&r, k->reply.s, k->reply.len);
    if (reader_u32(&r) != PROTOCOL_HELLO || reader_u32(&r) != PARSE_VERSION ||
        reader_u32(&r) != PROTOCOL_REPLY)
        return bad_answer(k);
    status = reader_u32(&r);
    (void)reader_u32(&r); /* the length, which read_reply waited for */
    if (r.failed || status > 99)
        return bad_answer(k);
    if (status == 0)
        return take_files(k, &r);
    return err_set(k->e, -(int)status, "since: %.*s", (int)reader_left(&r), k->reply.s + r.pos);
}

/* ---- comparing ---------------------------------------------------------------------------------- */

/* 1 if the file has the bytes that the commit holds. What cannot be read, or is left out for its text, is the scan's to tell. */
static int is_equal(struct since *k, const struct walk_file *wf, struct strbuf *text)
{
    struct committed *c, key = {.path = wf->path, .len = wf->path_len};
    unsigned char id[REVISION_ID];
    struct walk_file f = *wf;
    struct dobby_err why = {0};
    uint8_t hash[32];
    int rc;

    c = k->n ? bsearch(&key, k->files, k->n, sizeof(*k->files), compare_paths) : NULL;
    if (!c)
        return 0;
    rc = walk_read(k->w, &f, text, hash, &why);
    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    if (f.skip != WALK_TAKEN)
        return 0;
    rc = revision_file_id(id, strbuf_str(text), text->len, k->e);
    return rc < 0 ? rc : memcmp(id, c->id, REVISION_ID) == 0;
}

static int mark_all(struct since *k)
{
    struct strbuf text = {0};
    int rc = revision_begin(k->e);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < k->w->n_files && rc >= 0; i++) {
        struct walk_file *f = &k->w->files[i];

        if (stopped(k))
            rc = err_set(k->e, DOBBY_E_CANCELLED, "since: stopped");
        else if (!f->is_dir && f->skip == WALK_TAKEN && (rc = is_equal(k, f, &text)) > 0)
            f->skip = WALK_UNCHANGED;
    }
    revision_end();
    strbuf_release(&text);
    return rc < 0 ? rc : 0;
}

int since_mark(struct walk *w, const struct since_options *o, struct dobby_err *e)
{
    struct since k = {
        .w = w, .o = o, .e = e, .reply.max = 8 + PROTOCOL_HEAD + 2 * REVISION_MAX_LIST};
    int git_fd, rc = open_git(&k, &git_fd);

    if (rc == 0)
        rc = ask(&k, git_fd);
    if (rc == 0)
        rc = take_reply(&k);
    if (rc == 0)
        rc = mark_all(&k);
    if (git_fd >= 0)
        (void)close(git_fd);
    mem_free(k.files);
    strbuf_release(&k.reply);
    return rc;
}
