/* walk.c - listing the files of a tree (code). The manual is walk.h; walk_rules.h has the order of ignore
 * rules, walk_read.c reads and judges one file. */
#include "code/walk.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "code/tracked.h"
#include "code/walk_open.h"
#include "code/walk_rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NOTES 100

/* A directory that is being listed. Its descriptor stays open while its children are, so the depth
 * limit bounds descriptors too. */
struct frame {
    struct arena arena; /* names, rules */
    struct rules rules;
    char **names; /* sorted */
    size_t n, cap, next;
    size_t path_len; /* of the directory's path, with its slash unless it is the root */
    int fd;
    bool ignored; /* only what is tracked counts in here */
};

struct walker {
    struct walk *w;
    const struct walk_options *o;
    struct dobby_err *e;
    struct rules_base base;
    struct tracked tracked;
    struct arena above; /* rules of the directories between the root and the start */
    const struct rules *above_rules;
    struct frame *stack;
    size_t depth, stack_cap, files_cap, dirs_cap, notes_cap, n_entries;
    struct strbuf path; /* of the entry at hand, relative to the root */
    dev_t dev;
};

/* ---- results ----------------------------------------------------------------------------------- */

static int add_file(struct walker *k, const struct walk_file *f)
{
    struct walk *w = k->w;
    struct walk_file *slot;

    if (mem_grow((void **)&w->files, &k->files_cap, w->n_files + 1, sizeof(*w->files)) < 0)
        return err_nomem(k->e, "the list of files");
    slot = &w->files[w->n_files];
    *slot = *f;
    slot->path_len = k->path.len;
    slot->path = arena_strndup(&w->arena, strbuf_str(&k->path), k->path.len);
    if (!slot->path)
        return err_nomem(k->e, "the list of files");
    w->n_files++;
    return 0;
}

static int add_dir(struct walker *k, const char *path, size_t len)
{
    struct walk *w = k->w;

    if (mem_grow((void **)&w->dirs, &k->dirs_cap, w->n_dirs + 1, sizeof(*w->dirs)) < 0)
        return err_nomem(k->e, "the list of directories");
    w->dirs[w->n_dirs] = arena_strndup(&w->arena, path, len);
    if (!w->dirs[w->n_dirs])
        return err_nomem(k->e, "the list of directories");
    w->n_dirs++;
    return 0;
}

/* A line "path: what[: strerror]". Notes beyond a hundred are counted only. */
static int add_note(struct walker *k, const char *name, const char *what, int errnum)
{
    struct walk *w = k->w;
    struct strbuf b = {0};
    char *line;

    if (w->n_notes == MAX_NOTES) {
        w->n_notes_dropped++;
        return 0;
    }
    utf8_escape(&b, strbuf_str(&k->path), k->path.len, "");
    if (name) {
        if (k->path.len > 0)
            strbuf_putc(&b, '/');
        strbuf_puts(&b, name);
    }
    if (b.len > 0)
        strbuf_puts(&b, ": ");
    strbuf_puts(&b, what);
    if (errnum)
        strbuf_printf(&b, ": %s", strerrordesc_np(errnum));
    line = strbuf_failed(&b) ? NULL : arena_strndup(&w->arena, strbuf_str(&b), b.len);
    strbuf_release(&b);
    if (!line || mem_grow((void **)&w->notes, &k->notes_cap, w->n_notes + 1, sizeof(*w->notes)) < 0)
        return err_nomem(k->e, "notes");
    w->notes[w->n_notes++] = line;
    return 0;
}

static int add_skip(struct walker *k, enum walk_skip why, bool is_dir, uint64_t size)
{
    return add_file(k, &(struct walk_file){.size = size, .skip = why, .is_dir = is_dir});
}

static int add_unreadable(struct walker *k, bool is_dir, const char *what, int errnum)
{
    int rc = add_note(k, NULL, what, errnum);

    return rc < 0 ? rc : add_skip(k, WALK_UNREADABLE, is_dir, 0);
}

/* ---- ignore files ------------------------------------------------------------------------------ */

/* Read the ignore file `name` of a directory; a missing one is an empty list, an odd one a note. */
static int read_rules(struct walker *k, struct ignore_list *l, struct arena *a, int dir_fd,
                      const char *name)
{
    struct strbuf text = {.max = IGNORE_MAX_TEXT};
    enum open_result how;
    struct stat st;
    int rc = 0, fd, errnum = 0;

    *l = (struct ignore_list){0};
    fd = open_regular(dir_fd, name, &st, &how, &errnum);
    if (fd < 0)
        return how == OPEN_ABSENT
                   ? 0
                   : add_note(k, name, "not used: not a regular file that can be opened", errnum);
    if (!read_fd(fd, &text, IGNORE_MAX_TEXT, &errnum))
        rc = add_note(k, name, "not used: it cannot be read", errnum);
    else if (strbuf_failed(&text))
        rc = err_nomem(k->e, "ignore rules");
    else if (text.len == IGNORE_MAX_TEXT)
        rc = add_note(k, name, "not used: too large", 0);
    else
        rc = ignore_parse(l, a, strbuf_str(&text), text.len, k->e);
    if (rc == 0 && l->n_dropped > 0)
        rc = add_note(k, name, "some rules are not used: too long or too many", 0);
    (void)close(fd);
    strbuf_release(&text);
    return rc;
}

static int read_dir_rules(struct walker *k, struct rules *r, struct arena *a, int dir_fd,
                          size_t prefix)
{
    int rc;

    r->prefix = prefix;
    rc = read_rules(k, &r->git, a, dir_fd, ".gitignore");
    return rc < 0 ? rc : read_rules(k, &r->dobby, a, dir_fd, ".dobbyignore");
}

static int read_exclude(struct walker *k)
{
    static const char *const parts[] = {".git", "info"};
    int fd = dup_cloexec(k->w->root_fd), next, rc;
    size_t i;

    for (i = 0; fd >= 0 && i < ARRAY_LEN(parts); i++) {
        next = openat(fd, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(fd);
        fd = next;
    }
    if (fd < 0)
        return 0;
    rc = read_rules(k, &k->base.exclude, &k->above, fd, "exclude");
    (void)close(fd);
    return rc;
}

/* ---- directories ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct walker *k, struct frame *f, const char *name)
{
    if (mem_grow((void **)&f->names, &f->cap, f->n + 1, sizeof(*f->names)) < 0)
        return err_nomem(k->e, "names of a directory");
    f->names[f->n] = arena_strdup(&f->arena, name);
    if (!f->names[f->n])
        return err_nomem(k->e, "names of a directory");
    f->n++;
    if (++k->n_entries > WALK_MAX_ENTRIES)
        return err_set(k->e, DOBBY_E_LIMIT,
                       "walk: %s: more than %d entries; name a smaller directory", k->w->root,
                       WALK_MAX_ENTRIES);
    return 0;
}

/* .git and .dobby are the tools' own, in any case on file systems that fold it. */
static bool is_private(const char *name)
{
    return strcasecmp(name, ".git") == 0 || strcmp(name, ".dobby") == 0 || strcmp(name, ".") == 0 ||
           strcmp(name, "..") == 0;
}

static int read_names(struct walker *k, struct frame *f)
{
    int fd = dup_cloexec(f->fd), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;

    if (!dir) {
        int errnum = errno;

        if (fd >= 0)
            (void)close(fd);
        return add_note(k, NULL, "directory cannot be listed", errnum);
    }
    for (;;) {
        errno = 0;
        d = readdir(dir);
        if (!d)
            break;
        if (!is_private(d->d_name) && (rc = add_name(k, f, d->d_name)) < 0)
            break;
    }
    /* What was read before a failure still counts. */
    if (rc == 0 && errno != 0)
        rc = add_note(k, NULL, "directory is listed in part", errno);
    (void)closedir(dir);
    if (f->n > 0)
        qsort(f->names, f->n, sizeof(*f->names), compare_names);
    return rc;
}

static void pop(struct walker *k)
{
    struct frame *f = &k->stack[--k->depth];

    (void)close(f->fd);
    arena_release(&f->arena);
    mem_free(f->names);
}

/* Enter the directory whose path (without slash) is in k->path. Takes fd, on failure too. */
static int push(struct walker *k, int fd, bool ignored)
{
    struct frame *f;
    int rc;

    if (mem_grow((void **)&k->stack, &k->stack_cap, k->depth + 1, sizeof(*k->stack)) < 0) {
        (void)close(fd);
        return err_nomem(k->e, "directories");
    }
    f = &k->stack[k->depth++];
    *f = (struct frame){.fd = fd, .ignored = ignored};
    f->path_len = k->path.len ? k->path.len + 1 : 0;
    rc = add_dir(k, strbuf_str(&k->path), k->path.len);
    if (rc == 0)
        rc = read_dir_rules(k, &f->rules, &f->arena, fd, f->path_len);
    return rc < 0 ? rc : read_names(k, f);
}

/* Rules of a frame chain through frames that may move when the stack grows: link them when they are asked. */
static const struct rules *link_rules(struct walker *k)
{
    size_t i;

    for (i = 0; i < k->depth; i++)
        k->stack[i].rules.parent = i ? &k->stack[i - 1].rules : k->above_rules;
    return &k->stack[k->depth - 1].rules;
}

/* ---- entries ----------------------------------------------------------------------------------- */

static bool holds_repository(int dir_fd)
{
    struct stat st;

    return fstatat(dir_fd, ".git", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int visit_dir(struct walker *k, int dir_fd, const char *name, bool ignored)
{
    const struct tracked_path *t = tracked_find(&k->tracked, strbuf_str(&k->path), k->path.len);
    struct stat st;
    int fd;

    if (t && t->gitlink)
        return add_skip(k, WALK_SUBMODULE, true, 0);
    if (k->depth > WALK_MAX_DEPTH)
        return add_skip(k, WALK_TOO_DEEP, true, 0);
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int errnum = errno;

        if (fd >= 0)
            (void)close(fd);
        return add_unreadable(k, true, "directory cannot be opened", errnum);
    }
    if (st.st_dev == k->dev && !holds_repository(fd))
        return push(k, fd, ignored);
    (void)close(fd);
    return add_skip(k, st.st_dev != k->dev ? WALK_OTHER_FS : WALK_SUBMODULE, true, 0);
}

/* Files without an extension may say on their first line what they are. */
static int visit_script(struct walker *k, int dir_fd, const char *name, struct walk_file *f)
{
    struct strbuf head = {.max = 128};
    enum open_result how;
    struct stat st;
    int errnum = 0, fd = open_regular(dir_fd, name, &st, &how, &errnum);
    bool ok;

    if (fd < 0)
        return add_unreadable(k, false, "file cannot be opened", errnum);
    ok = read_fd(fd, &head, 128, &errnum);
    (void)close(fd);
    f->language = language_of_shebang(strbuf_str(&head), head.len);
    f->skip = f->language == LANGUAGE_NONE ? WALK_LANGUAGE : WALK_TAKEN;
    if (f->skip == WALK_TAKEN && f->size > WALK_MAX_FILE)
        f->skip = WALK_TOO_LARGE;
    strbuf_release(&head);
    return ok ? add_file(k, f) : add_unreadable(k, false, "file cannot be read", errnum);
}

static int visit_regular(struct walker *k, int dir_fd, const char *name, const struct stat *st)
{
    struct walk_file f = {.size = (uint64_t)st->st_size};

    f.language = language_of_name(name, strlen(name));
    if (f.language == LANGUAGE_NONE && !strchr(name, '.') && st->st_size > 2)
        return visit_script(k, dir_fd, name, &f);
    if (f.language == LANGUAGE_NONE)
        f.skip = WALK_LANGUAGE;
    else if (f.size > WALK_MAX_FILE)
        f.skip = WALK_TOO_LARGE;
    return add_file(k, &f);
}

/* Does k->path lead to what the options name? That itself is not entered. */
static bool is_on_the_way(const struct walker *k)
{
    const char *to = k->o ? k->o->toward : NULL;

    return !to || (strncmp(to, strbuf_str(&k->path), k->path.len) == 0 && to[k->path.len] == '/');
}

/* The entry `name` of the directory dir_fd; its path is in k->path. */
static int visit(struct walker *k, int dir_fd, const char *name, bool in_ignored)
{
    struct rules_question q = {.path = strbuf_str(&k->path), .len = k->path.len};
    enum walk_skip skip;
    struct stat st;
    bool forced, tracked, dir_ignored;

    if (k->path.len > WALK_MAX_PATH)
        return add_skip(k, WALK_TOO_DEEP, false, 0);
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return add_unreadable(k, false, "entry cannot be looked at", errno);
    if (S_ISDIR(st.st_mode) && !is_on_the_way(k))
        return 0;
    q.is_dir = S_ISDIR(st.st_mode);
    q.tracked = tracked_find(&k->tracked, q.path, q.len) ||
                (q.is_dir && tracked_below(&k->tracked, q.path, q.len));
    q.in_ignored = in_ignored;
    skip = rules_decide(&k->base, link_rules(k), &q, &forced);
    if (skip != WALK_TAKEN)
        return add_skip(k, skip, q.is_dir, (uint64_t)st.st_size);
    if (q.is_dir) {
        /* A tracked file inside an ignored directory is taken, its untracked neighbours are not. */
        tracked = q.tracked;
        q.tracked = false;
        dir_ignored = tracked && !forced &&
                      rules_decide(&k->base, link_rules(k), &q, &forced) == WALK_IGNORED;
        return visit_dir(k, dir_fd, name, dir_ignored);
    }
    if (S_ISLNK(st.st_mode))
        return add_skip(k, WALK_SYMLINK, false, 0);
    if (!S_ISREG(st.st_mode))
        return add_skip(k, WALK_NOT_REGULAR, false, 0);
    return visit_regular(k, dir_fd, name, &st);
}

static int step(struct walker *k)
{
    struct frame *f = &k->stack[k->depth - 1];
    const char *name;

    if (k->o && k->o->stop && *k->o->stop)
        return err_set(k->e, DOBBY_E_CANCELLED, "walk: cancelled");
    if (f->next == f->n) {
        pop(k);
        return 0;
    }
    name = f->names[f->next++];
    strbuf_truncate(&k->path, f->path_len ? f->path_len - 1 : 0);
    if (f->path_len)
        strbuf_putc(&k->path, '/');
    strbuf_puts(&k->path, name);
    if (strbuf_failed(&k->path))
        return err_nomem(k->e, "a path");
    return visit(k, f->fd, name, f->ignored);
}

/* ---- start ------------------------------------------------------------------------------------- */

/* Rules of the directories from the root down to, but without, the one that `rel` names. Opens that one (or, for
 * a file, its directory) at *fd. */
static int descend(struct walker *k, const char *rel, int *fd)
{
    const char *p = rel;
    size_t pos = 0, len = strlen(rel);

    *fd = dup_cloexec(k->w->root_fd);
    while (*fd >= 0 && pos < len) {
        struct rules *r = arena_alloc(&k->above, sizeof(*r));
        const char *slash = strchr(p + pos, '/');
        size_t n = (size_t)((slash ? slash : p + len) - p) - pos;
        char *name = arena_strndup(&k->above, p + pos, n);
        int next, rc;

        if (!r || !name)
            return err_nomem(k->e, "ignore rules");
        r->parent = k->above_rules;
        rc = read_dir_rules(k, r, &k->above, *fd, pos);
        if (rc < 0)
            return rc;
        k->above_rules = r;
        next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(*fd);
        *fd = next;
        pos += n + 1;
    }
    if (*fd < 0)
        return err_errno(k->e, errno, "the tree changed; run it again", "walk: %s/%s", k->w->root,
                         rel);
    return 0;
}

static int walk_directory(struct walker *k, const char *rel)
{
    int fd, rc = descend(k, rel, &fd);

    if (rc < 0) {
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    strbuf_puts(&k->path, rel);
    rc = push(k, fd, false);
    while (rc == 0 && k->depth > 0)
        rc = step(k);
    return rc;
}

/* A file that was asked for by name is taken whatever the rules say about it. */
static int walk_one_file(struct walker *k, const char *rel)
{
    const char *slash = strrchr(rel, '/');
    const char *name = slash ? slash + 1 : rel;
    char *dir = arena_strndup(&k->above, rel, slash ? (size_t)(slash - rel) : 0);
    struct stat st;
    int fd = -1, rc = dir ? descend(k, dir, &fd) : err_nomem(k->e, "a path");

    strbuf_puts(&k->path, rel);
    if (rc == 0)
        rc = add_dir(k, dir, strlen(dir));
    if (rc == 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = err_errno(k->e, errno, NULL, "walk: %s/%s", k->w->root, rel);
    if (rc == 0)
        rc = visit_regular(k, fd, name, &st);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

static int compare_files(const void *x, const void *y)
{
    const struct walk_file *a = x, *b = y;
    int c = memcmp(a->path, b->path, size_min(a->path_len, b->path_len));

    if (c != 0)
        return c;
    return a->path_len < b->path_len ? -1 : a->path_len > b->path_len;
}

static void walker_release(struct walker *k)
{
    while (k->depth > 0)
        pop(k);
    mem_free(k->stack);
    arena_release(&k->above);
    tracked_release(&k->tracked);
    strbuf_release(&k->path);
}

/* Everything after the root is known and open. rel is the start below it, "" for the root itself. */
static int run(struct walker *k, const char *rel, bool is_dir)
{
    struct stat st;
    int rc;

    if (fstat(k->w->root_fd, &st) < 0)
        return err_errno(k->e, errno, NULL, "walk: %s", k->w->root);
    k->dev = st.st_dev;
    rc = rules_base_init(&k->base, &k->above, k->e);
    if (rc == 0)
        rc = tracked_open(&k->tracked, k->w->root_fd, k->e);
    if (rc == 0 && k->tracked.note)
        rc = add_note(k, NULL, k->tracked.note, 0);
    if (rc == 0)
        rc = read_exclude(k);
    if (rc < 0)
        return rc;
    k->w->used_index = k->tracked.loaded;
    return is_dir ? walk_directory(k, rel) : walk_one_file(k, rel);
}

int walk_tree(struct walk *w, const char *path, const struct walk_options *o, struct dobby_err *e)
{
    struct walker k = {.w = w, .o = o, .e = e};
    const char *rel;
    char *abs = NULL;
    bool is_dir;
    int rc;

    *w = (struct walk){.root_fd = -1};
    rc = find_root(&w->root, &abs, &is_dir, path, e);
    if (rc < 0)
        goto out;
    w->root_fd = open(w->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->root_fd < 0) {
        rc = err_errno(e, errno, NULL, "walk: %s", w->root);
        goto out;
    }
    rel = abs + strlen(w->root);
    rel += *rel == '/';
    rc = run(&k, rel, is_dir);
    if (rc == 0 && w->n_files > 0)
        qsort(w->files, w->n_files, sizeof(*w->files), compare_files);
out:
    walker_release(&k);
    mem_free(abs);
    if (rc < 0)
        walk_release(w);
    return rc;
}

void walk_release(struct walk *w)
{
    if (w->root_fd >= 0 && w->root)
        (void)close(w->root_fd);
    mem_free(w->root);
    mem_free(w->files);
    mem_free(w->dirs);
    mem_free(w->notes);
    arena_release(&w->arena);
    *w = (struct walk){.root_fd = -1};
}

void walk_each_note(const struct walk *w, void (*fn)(void *ctx, const char *line), void *ctx)
{
    char more[64];

    for (size_t i = 0; i < w->n_notes; i++)
        fn(ctx, w->notes[i]);
    if (w->n_notes_dropped > 0) {
        snprintf(more, sizeof(more), "%zu more notes of this kind", w->n_notes_dropped);
        fn(ctx, more);
    }
}

const char *walk_skip_text(enum walk_skip s)
{
    static const char *const texts[WALK_SKIPS] = {
        [WALK_TAKEN] = "",
        [WALK_IGNORED] = "ignored",
        [WALK_VENDORED] = "vendored",
        [WALK_GENERATED] = "generated",
        [WALK_MINIFIED] = "minified",
        [WALK_LONG_LINES] = "long lines",
        [WALK_BINARY] = "binary",
        [WALK_TOO_LARGE] = "too large",
        [WALK_SYMLINK] = "symlink",
        [WALK_NOT_REGULAR] = "not regular",
        [WALK_OTHER_FS] = "other file system",
        [WALK_UNREADABLE] = "unreadable",
        [WALK_SECRET] = "secret file",
        [WALK_SUBMODULE] = "submodule",
        [WALK_LANGUAGE] = "unknown language",
        [WALK_NO_CODE] = "no code",
        [WALK_TOO_DEEP] = "too deep",
        [WALK_UNCHANGED] = "unchanged",
    };

    return (int)s >= 0 && s < WALK_SKIPS ? texts[s] : "";
}
