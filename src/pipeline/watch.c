/* watch.c - dobby_watch_tree: runs, one after each change (pipeline).
 *
 *     every directory of the walk gets a watch, until a walk finds none without -> run -> wait -> settle -> ...
 *
 * A run sees all that happened before it, so what was told until then is forgotten before it starts, and what is told while it
 * works leads to the next one. The kernel gives a directory that is watched already its old number: no list is kept here, and
 * a number above all others is a new watch. */
#include "dobby.h"

#include "base/options.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "code/walk.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_MS 300  /* without a change, before a run */
#define UNREST_MS 5000 /* that changes may go on until there is one all the same */
#define LOOK_MS   500 /* how often *stop is looked at, where its signal does not interrupt the wait */
#define CHANGES                                                                                    \
    (IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |       \
     IN_MOVE_SELF)

struct watcher {
    struct dobby_summarize o;
    struct dobby_err *e;
    const char *store; /* its name; NULL: it is in .dobby */
    int fd, highest;   /* of the watches so far */
};

static bool stopped(const struct watcher *w)
{
    return *w->o.stop != 0;
}

static int cancelled(struct watcher *w)
{
    return err_set(w->e, DOBBY_E_CANCELLED, "watch: stopped");
}

/* ---- what is told ------------------------------------------------------------------------------- */

/* A store beside the sources: the database, SQLite's side files and the lock. */
static bool is_store(const struct watcher *w, const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".lock"};
    size_t n = w->store ? strlen(w->store) : 0;

    if (n == 0 || strncmp(name, w->store, n) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (strcmp(name + n, ends[i]) == 0)
            return true;
    return false;
}

/* Is it about the tree, not about what a run itself writes? */
static bool counts(const struct watcher *w, const struct inotify_event *ev)
{
    if (ev->mask & IN_Q_OVERFLOW)
        return true;
    if (ev->mask & IN_IGNORED)
        return false;
    if (ev->len == 0)
        return true;
    return strcmp(ev->name, ".dobby") != 0 && !is_store(w, ev->name);
}

/* Take what has been told. 1 if any of it counts, 0 if not. */
static int take(struct watcher *w)
{
    _Alignas(struct inotify_event) char buf[16384];
    bool any = false;

    for (;;) {
        ssize_t n = read(w->fd, buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return err_errno(w->e, errno, NULL, "watch: what changed");
        if (n <= 0)
            return any;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const void *)(buf + at);

            any |= counts(w, ev);
            at += (ssize_t)(sizeof(*ev) + ev->len);
        }
    }
}

/* Wait for a change that counts, ms at most (negative: for ever). 1: there was one, 0: none, or stopped. */
static int wait_change(struct watcher *w, double ms)
{
    double until = time_now() + 1e-3 * ms;

    while (!stopped(w)) {
        double left = ms < 0 ? LOOK_MS : 1e3 * (until - time_now());
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        int rc;

        if (left < 0)
            return 0;
        rc = poll(&p, 1, left > LOOK_MS ? LOOK_MS : (int)left + 1);
        if (rc < 0 && errno != EINTR)
            return err_errno(w->e, errno, NULL, "watch: waiting");
        rc = rc > 0 ? take(w) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Until something has changed, and then nothing for a moment. */
static int wait_settled(struct watcher *w)
{
    int rc = wait_change(w, -1);
    double limit = time_now() + 1e-3 * UNREST_MS;

    while (rc > 0 && time_now() < limit)
        rc = wait_change(w, SETTLE_MS);
    if (rc < 0)
        return rc;
    return stopped(w) ? cancelled(w) : 0;
}

/* ---- what is watched ---------------------------------------------------------------------------- */

static int watch_dir(struct watcher *w, const char *path, bool *fresh)
{
    int wd = inotify_add_watch(w->fd, path, CHANGES | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK);

    if (wd > w->highest) {
        w->highest = wd;
        *fresh = true;
    }
    if (wd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == EACCES)
        return 0; /* what is gone was told by the directory above; what may not be read was noted by the walk */
    if (errno == ENOSPC)
        return err_set(w->e, DOBBY_E_LIMIT,
                       "watch: %s: the kernel watches no more directories for you; raise "
                       "fs.inotify.max_user_watches with sysctl",
                       path);
    return err_errno(w->e, errno, NULL, "watch: %s", path);
}

static int watch_dirs(struct watcher *w, const struct walk *tree, bool *fresh)
{
    struct strbuf path = {0};
    int rc = 0;

    for (size_t i = 0; i < tree->n_dirs && rc == 0; i++) {
        strbuf_reset(&path);
        strbuf_printf(&path, "%s%s%s", tree->root, *tree->dirs[i] ? "/" : "", tree->dirs[i]);
        rc = strbuf_failed(&path) ? err_nomem(w->e, "a path")
                                  : watch_dir(w, strbuf_str(&path), fresh);
    }
    strbuf_release(&path);
    return rc;
}

/* Watch all directories, those too that came while others were being watched; then forget what was told. */
static int watch_tree(struct watcher *w)
{
    struct walk_options wo = {.stop = w->o.stop};
    bool fresh = true;
    int rc = 0;

    while (fresh && rc == 0) {
        struct walk tree;

        fresh = false;
        rc = walk_tree(&tree, w->o.path, &wo, w->e);
        if (rc < 0)
            return rc;
        rc = watch_dirs(w, &tree, &fresh);
        walk_release(&tree);
    }
    if (rc == 0)
        rc = take(w);
    return rc < 0 ? rc : 0;
}

/* ---- rounds ------------------------------------------------------------------------------------- */

static int rounds(struct watcher *w,
                  void (*on_round)(void *, const struct dobby_summary_stats *, int))
{
    for (;;) {
        struct dobby_summary_stats st = {0};
        int rc = watch_tree(w);

        if (rc == 0)
            rc = dobby_summarize_tree(&w->o, &st, w->e);
        if (rc != 0 && rc != DOBBY_E_UNDONE)
            return rc;
        err_clear(w->e);
        if (on_round)
            on_round(w->o.ctx, &st, rc);
        if (w->o.on_event)
            w->o.on_event(w->o.ctx, &(struct dobby_event){.kind = DOBBY_EV_STAGE, .text = "watch"});
        rc = wait_settled(w);
        if (rc != 0)
            return rc;
    }
}

int dobby_watch_tree(const struct dobby_summarize *o,
                     void (*on_round)(void *ctx, const struct dobby_summary_stats *st, int rc),
                     struct dobby_err *e)
{
    struct watcher w = {.e = e};
    int rc = options_take(&w.o, sizeof(w.o), o, "watch", e);

    if (rc < 0)
        return rc;
    if (!w.o.stop || w.o.dry_run || w.o.since || !w.o.path)
        return err_set(e, DOBBY_E_USAGE,
                       "watch: a path and `stop` are needed, and neither a dry run nor `since`");
    if (w.o.store_path) {
        const char *slash = strrchr(w.o.store_path, '/');
        w.store = slash ? slash + 1 : w.o.store_path;
    }
    w.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w.fd < 0)
        return err_errno(e, errno,
                         errno == EMFILE ? "raise fs.inotify.max_user_instances with sysctl" : NULL,
                         "watch: inotify");
    rc = rounds(&w, on_round);
    (void)close(w.fd);
    return rc;
}
