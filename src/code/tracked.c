/* tracked.c - paths of a git index, by libgit2 (code). With revision.c the only file that touches libgit2. The manual is tracked.h. */
#include "code/tracked.h"

#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libgit2 reads the whole index into memory; git's largest known trees stay below this. */
#define MAX_INDEX_SIZE ((off_t)512 << 20)

static int compare_bytes(const char *a, size_t n, const char *b, size_t m)
{
    int c = memcmp(a, b, size_min(n, m));

    if (c != 0)
        return c;
    return n < m ? -1 : n > m;
}

static int by_path(const void *x, const void *y)
{
    const struct tracked_path *a = x, *b = y;

    return compare_bytes(a->path, a->len, b->path, b->len);
}

static int copy_entries(struct tracked *t, git_index *index, struct dobby_err *e)
{
    size_t n = git_index_entrycount(index), i;

    t->paths = arena_array(&t->arena, n + 1, sizeof(*t->paths));
    if (!t->paths)
        return err_nomem(e, "the git index");
    for (i = 0; i < n; i++) {
        const git_index_entry *entry = git_index_get_byindex(index, i);
        struct tracked_path *p = &t->paths[t->n];

        p->len = strlen(entry->path);
        p->path = arena_strndup(&t->arena, entry->path, p->len);
        if (!p->path)
            return err_nomem(e, "the git index");
        p->gitlink = (entry->mode & S_IFMT) == 0160000;
        /* During a conflict a path stands there up to three times. */
        if (t->n == 0 || by_path(&p[-1], p) != 0)
            t->n++;
    }
    qsort(t->paths, t->n, sizeof(*t->paths), by_path);
    return 0;
}

/* The descriptor is read through /proc so that what was checked is what is parsed. */
static int load(struct tracked *t, int fd, struct dobby_err *e)
{
    char path[64];
    git_index *index = NULL;
    int rc = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (git_libgit2_init() < 0) {
        t->note = "the git index is not used: libgit2 does not start";
        return 0;
    }
    if (git_index_open(&index, path) == 0 && git_index_owner(index) == NULL) {
        rc = copy_entries(t, index, e);
        t->loaded = rc == 0;
    } else {
        t->note = "the git index is not used: it is split, sparse, of another hash, or damaged";
    }
    git_index_free(index);
    git_libgit2_shutdown();
    return rc;
}

static int open_index(struct tracked *t, int git_fd, struct dobby_err *e)
{
    struct stat st;
    int fd = openat(git_fd, "index", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0) {
        /* A repository without a commit or a staged file has no index, and tracks nothing. */
        t->loaded = errno == ENOENT;
        if (errno != ENOENT)
            t->note = "the git index is not used: it cannot be opened";
        return 0;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_INDEX_SIZE)
        t->note = "the git index is not used: it is no regular file, or too large";
    else
        rc = load(t, fd, e);
    (void)close(fd);
    return rc;
}

int tracked_open(struct tracked *t, int root_fd, struct dobby_err *e)
{
    struct stat st;
    int fd, rc;

    *t = (struct tracked){0};
    if (fstatat(root_fd, ".git", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    t->repository = true;
    fd = openat(root_fd, ".git", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        t->note = S_ISDIR(st.st_mode) ? "the git index is not used: .git cannot be opened"
                                      : "the git index is not used: .git leads elsewhere (a "
                                        "worktree, a submodule or a link)";
        return 0;
    }
    rc = open_index(t, fd, e);
    (void)close(fd);
    if (rc < 0)
        tracked_release(t);
    return rc;
}

void tracked_release(struct tracked *t)
{
    arena_release(&t->arena);
    *t = (struct tracked){0};
}

/* The first entry that is not before the given path. */
static size_t lower_bound(const struct tracked *t, const char *path, size_t len)
{
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare_bytes(t->paths[mid].path, t->paths[mid].len, path, len) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct tracked_path *tracked_find(const struct tracked *t, const char *path, size_t len)
{
    size_t i = lower_bound(t, path, len);

    if (i < t->n && t->paths[i].len == len && memcmp(t->paths[i].path, path, len) == 0)
        return &t->paths[i];
    return NULL;
}

/* "a-b" sorts before "a/b", so the search is for the first path that begins with "a/". */
bool tracked_below(const struct tracked *t, const char *dir, size_t len)
{
    size_t lo = 0, hi = t->n;

    if (len == 0)
        return t->n > 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct tracked_path *p = &t->paths[mid];
        int c = compare_bytes(p->path, size_min(p->len, len), dir, len);

        if (c == 0)
            c = p->len == len ? -1 : (unsigned char)p->path[len] - '/';
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->n && t->paths[lo].len > len && memcmp(t->paths[lo].path, dir, len) == 0 &&
           t->paths[lo].path[len] == '/';
}
