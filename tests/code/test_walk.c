/* test_walk.c - listing and reading trees: ordinary, odd and hostile ones; what git itself would list.
 * The git command runs here, in the test, on trees that the test made; the library never runs it. */
#include "support/test.h"

#include "base/fault.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "code/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- making trees ------------------------------------------------------------------------------- */

static void make_dirs(const char *dir, const char *path)
{
    char full[4096];
    char *p;

    snprintf(full, sizeof(full), "%s/%s", dir, path);
    for (p = full + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
        *p = '/';
    }
}

static void put(const char *dir, const char *path, const char *text)
{
    make_dirs(dir, path);
    put_file(temp_path(dir, path), text, strlen(text));
}

static void shell(const char *dir, const char *command)
{
    char line[8192];
    int rc;

    snprintf(line, sizeof(line),
             "cd '%s' && HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null; "
             "export HOME "
             "GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL; %s",
             dir, command);
    rc = system(line);
    if (!WIFEXITED(rc) || WEXITSTATUS(rc) != 0)
        fail_msg("command failed (%d): %s", rc, command);
}

/* ---- asking ------------------------------------------------------------------------------------- */

static void walk_ok(struct walk *w, const char *path)
{
    struct dobby_err e = {0};

    if (walk_tree(w, path, NULL, &e) != 0)
        fail_msg("walk of %s: %s", path, e.message);
}

static struct walk_file *find(struct walk *w, const char *path)
{
    size_t i;

    for (i = 0; i < w->n_files; i++)
        if (strcmp(w->files[i].path, path) == 0)
            return &w->files[i];
    return NULL;
}

static void expect(struct walk *w, const char *path, enum walk_skip skip)
{
    struct walk_file *f = find(w, path);

    if (!f)
        fail_msg("%s is not listed", path);
    if (f->skip != skip)
        fail_msg("%s: \"%s\" instead of \"%s\"", path, walk_skip_text(f->skip),
                 walk_skip_text(skip));
}

static void expect_absent(struct walk *w, const char *path)
{
    if (find(w, path))
        fail_msg("%s is listed", path);
}

/* What reading the file says: its text's verdict. */
static enum walk_skip read_skip(struct walk *w, const char *path, struct strbuf *text)
{
    struct walk_file *f = find(w, path);
    struct dobby_err e = {0};
    uint8_t hash[32];

    assert_non_null(f);
    assert_int_equal(walk_read(w, f, text, hash, &e), 0);
    return f->skip;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static void test_walk_plain(void **state)
{
    char *dir = temp_dir();
    struct walk w;

    (void)state;
    put(dir, "b/x.py", "x = 1\n");
    put(dir, "b.c", "int x;\n");
    put(dir, "a.txt", "words\n");
    put(dir, "run", "#!/usr/bin/env python3\nprint(1)\n");
    put(dir, "data", "no script at all\n");
    put(dir, ".dobbyignore", "left/\n");
    put(dir, "left/x.c", "int x;\n");
    walk_ok(&w, dir);
    assert_string_equal(w.root, dir);
    assert_false(w.used_index);
    assert_int_equal(w.n_notes, 0);
    expect(&w, "b/x.py", WALK_TAKEN);
    expect(&w, "a.txt", WALK_LANGUAGE);
    expect(&w, "run", WALK_TAKEN);
    assert_int_equal(find(&w, "run")->language, LANGUAGE_PYTHON);
    expect(&w, "data", WALK_LANGUAGE);
    expect(&w, "left", WALK_IGNORED);
    assert_true(find(&w, "left")->is_dir);
    expect_absent(&w, "left/x.c");
    assert_string_equal(w.files[2].path, "b.c"); /* by bytes: '.' is before '/' */
    assert_string_equal(w.files[3].path, "b/x.py");
    walk_release(&w);
    temp_dir_remove(dir);
}

static void test_walk_defaults(void **state)
{
    char *dir = temp_dir();
    struct walk w;

    (void)state;
    put(dir, "node_modules/m/i.js", "x\n");
    put(dir, "vendor/v.go", "package v\n");
    put(dir, "build/b.c", "int b;\n");
    put(dir, "__pycache__/c.py", "\n");
    put(dir, "lib/jquery.min.js", "x\n");
    put(dir, "api.pb.go", "package a\n");
    put(dir, ".env", "KEY=1\n");
    put(dir, "certs/id_rsa", "x\n");
    walk_ok(&w, dir);
    expect(&w, "node_modules", WALK_VENDORED);
    expect(&w, "vendor", WALK_VENDORED);
    expect(&w, "build", WALK_GENERATED);
    expect(&w, "__pycache__", WALK_GENERATED);
    expect(&w, "lib/jquery.min.js", WALK_MINIFIED);
    expect(&w, "api.pb.go", WALK_GENERATED);
    expect(&w, ".env", WALK_SECRET);
    expect(&w, "certs/id_rsa", WALK_SECRET);
    walk_release(&w);
    put(dir, ".dobbyignore", "!vendor/\n!build/\n!*.pb.go\n");
    put(dir, ".gitignore", "vendor/\n");
    walk_ok(&w, dir);
    expect(&w, "vendor/v.go", WALK_TAKEN); /* the last word over both lists */
    expect(&w, "build/b.c", WALK_TAKEN);
    expect(&w, "api.pb.go", WALK_TAKEN);
    expect(&w, "node_modules", WALK_VENDORED);
    walk_release(&w);
    temp_dir_remove(dir);
}

static void test_walk_odd_files(void **state)
{
    char *dir = temp_dir();
    struct walk w;
    int fd;

    (void)state;
    put(dir, "a.py", "x = 1\n");
    put(dir, "sub/b.py", "x = 1\n");
    assert_int_equal(symlink("a.py", temp_path(dir, "link.py")), 0);
    assert_int_equal(symlink("..", temp_path(dir, "sub/loop")), 0);
    assert_int_equal(symlink("self", temp_path(dir, "self")), 0);
    assert_int_equal(symlink("/etc", temp_path(dir, "etc")), 0);
    assert_int_equal(mkfifo(temp_path(dir, "pipe.py"), 0644), 0);
    assert_int_equal(mkfifo(temp_path(dir, "pipe"), 0644), 0);
    assert_int_equal(mkfifo(temp_path(dir, ".gitignore"), 0644), 0); /* must not block */
    put(dir, "new\nline.py", "x = 1\n");
    put(dir, "bad\xff.py", "x = 1\n");
    fd = open(temp_path(dir, "huge.js"), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    close(fd);
    walk_ok(&w, dir);
    expect(&w, "link.py", WALK_SYMLINK);
    expect(&w, "sub/loop", WALK_SYMLINK);
    expect(&w, "self", WALK_SYMLINK);
    expect(&w, "etc", WALK_SYMLINK);
    expect(&w, "pipe.py", WALK_NOT_REGULAR);
    expect(&w, "pipe", WALK_NOT_REGULAR);
    expect(&w, "new\nline.py", WALK_TAKEN);
    expect(&w, "bad\xff.py", WALK_TAKEN);
    expect(&w, "huge.js", WALK_TOO_LARGE);
    assert_int_equal(w.n_notes, 1); /* the ignore file that is a FIFO */
    assert_non_null(strstr(w.notes[0], ".gitignore"));
    walk_release(&w);
    temp_dir_remove(dir);
}

/* The superuser may read everything, so the denial is staged. */
static void test_walk_unreadable(void **state)
{
    char *dir = temp_dir();
    struct dobby_err e = {0};
    struct strbuf text = {0};
    struct walk_file *f;
    uint8_t hash[32];
    struct walk w;

    (void)state;
    put(dir, "a.py", "x = 1\n");
    put(dir, "b.py", "y = 2\n");
    walk_ok(&w, dir);
    f = find(&w, "a.py");
    fault_arm(FAULT_READ, 1, false);
    assert_int_equal(walk_read(&w, f, &text, hash, &e), 0);
    assert_true(fault_disarm(FAULT_READ));
    assert_int_equal(f->skip, WALK_UNREADABLE);
    assert_non_null(strstr(e.message, "a.py"));
    assert_int_equal(text.len, 0);
    assert_int_equal(read_skip(&w, "b.py", &text), WALK_TAKEN); /* the rest goes on */
    walk_release(&w);
    put(dir, "script", "#!/usr/bin/python\n");
    fault_arm(FAULT_OPEN, 3, false); /* after two ignore files: the script */
    walk_ok(&w, dir);
    assert_true(fault_disarm(FAULT_OPEN));
    expect(&w, "script", WALK_UNREADABLE);
    expect(&w, "a.py", WALK_TAKEN);
    assert_int_equal(w.n_notes, 1);
    walk_release(&w);
    strbuf_release(&text);
    temp_dir_remove(dir);
}

static void test_walk_denied_directory(void **state)
{
    char *dir = temp_dir();
    struct walk w;
    int status;
    pid_t pid;

    (void)state;
    put(dir, "open/a.py", "x = 1\n");
    put(dir, "shut/b.py", "x = 1\n");
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(chmod(temp_path(dir, "shut"), 0), 0);
    pid = fork(); /* without privileges, in a process that can give them up */
    assert_true(pid >= 0);
    if (pid == 0) {
        bool ok = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);

        ok = ok && walk_tree(&w, dir, NULL, NULL) == 0;
        ok = ok && find(&w, "shut") && find(&w, "shut")->skip == WALK_UNREADABLE;
        ok = ok && find(&w, "open/a.py") && find(&w, "open/a.py")->skip == WALK_TAKEN &&
             w.n_notes == 1;
        ok = ok && strstr(w.notes[0], "Permission denied");
        walk_release(&w);
        _exit(ok ? 0 : 1);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(chmod(temp_path(dir, "shut"), 0755), 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    temp_dir_remove(dir);
}

static void test_walk_texts(void **state)
{
    char *dir = temp_dir(), *line = malloc(30001);
    struct strbuf text = {0};
    struct walk_file *f;
    uint8_t hash[32], want[32];
    struct sha256 h;
    struct walk w;

    (void)state;
    memset(line, 'x', 30000);
    line[30000] = '\0';
    put(dir, "long.py", line);
    line[9000] = '\0';
    put(dir, "mini.js", line);
    put_file(temp_path(dir, "nul.py"), "a\0b", 3);
    put_file(temp_path(dir, "utf16.c"), "\xff\xfei\0n\0t\0", 8);
    put(dir, "latin.c", "/* caf\xe9 */\nint f(void) { return 0; }\n");
    put(dir, "bom.py", "\xef\xbb\xbfx = 1\n");
    put(dir, "gen.go", "// Code generated by hand. DO NOT EDIT.\npackage g\n");
    put(dir, "tag.c", "/*\n * @generated\n */\nint f(void);\n");
    put(dir, "string.c",
        "const char *s = \"Code generated by x. DO NOT EDIT.\"; /* @generatedness */\n");
    put(dir, "cxx.h", "class A {\n};\n");
    put(dir, "empty.c", "");
    walk_ok(&w, dir);
    assert_int_equal(read_skip(&w, "long.py", &text), WALK_LONG_LINES);
    assert_int_equal(text.len, 0);
    assert_int_equal(read_skip(&w, "mini.js", &text), WALK_MINIFIED);
    assert_int_equal(read_skip(&w, "nul.py", &text), WALK_BINARY);
    assert_int_equal(read_skip(&w, "utf16.c", &text), WALK_BINARY);
    assert_int_equal(read_skip(&w, "latin.c", &text), WALK_TAKEN);
    assert_true(find(&w, "latin.c")->not_utf8);
    assert_int_equal(read_skip(&w, "bom.py", &text), WALK_TAKEN);
    assert_false(find(&w, "bom.py")->not_utf8);
    assert_int_equal(text.len, 9);
    assert_int_equal(read_skip(&w, "gen.go", &text), WALK_GENERATED);
    assert_int_equal(read_skip(&w, "tag.c", &text), WALK_GENERATED);
    assert_int_equal(read_skip(&w, "string.c", &text), WALK_TAKEN);
    assert_int_equal(read_skip(&w, "cxx.h", &text), WALK_TAKEN);
    assert_int_equal(find(&w, "cxx.h")->language, LANGUAGE_CPP);
    assert_int_equal(read_skip(&w, "empty.c", &text), WALK_TAKEN);
    f = find(&w, "bom.py");
    assert_int_equal(walk_read(&w, f, &text, hash, NULL), 0);
    sha256_begin(&h);
    sha256_add(&h, "\xef\xbb\xbfx = 1\n", 9);
    assert_int_equal(sha256_end(&h, want, NULL), 0);
    assert_memory_equal(hash, want, 32);
    walk_release(&w);
    strbuf_release(&text);
    free(line);
    temp_dir_remove(dir);
}

/* Between listing and reading the tree changes: what is there now is looked at, and no link is followed. */
static void test_walk_changes(void **state)
{
    char *dir = temp_dir();
    struct strbuf text = {0};
    struct walk w;

    (void)state;
    put(dir, "a.py", "x = 1\n");
    put(dir, "b.py", "x = 1\n");
    put(dir, "d/c.py", "x = 1\n");
    put(dir, "e.py", "x = 1\n");
    walk_ok(&w, dir);
    assert_int_equal(unlink(temp_path(dir, "a.py")), 0);
    assert_int_equal(symlink("/etc/passwd", temp_path(dir, "a.py")), 0);
    assert_int_equal(unlink(temp_path(dir, "b.py")), 0);
    assert_int_equal(mkfifo(temp_path(dir, "b.py"), 0644), 0);
    assert_int_equal(rename(temp_path(dir, "d"), temp_path(dir, "real")), 0);
    assert_int_equal(symlink("real", temp_path(dir, "d")), 0);
    assert_int_equal(unlink(temp_path(dir, "e.py")), 0);
    assert_int_equal(read_skip(&w, "a.py", &text), WALK_SYMLINK);
    assert_int_equal(read_skip(&w, "b.py", &text), WALK_NOT_REGULAR);
    assert_int_equal(read_skip(&w, "d/c.py", &text), WALK_UNREADABLE);
    assert_int_equal(read_skip(&w, "e.py", &text), WALK_UNREADABLE);
    assert_int_equal(text.len, 0);
    walk_release(&w);
    strbuf_release(&text);
    temp_dir_remove(dir);
}

static void test_walk_starts(void **state)
{
    char *dir = temp_dir(), *root = NULL;
    struct dobby_err e = {0};
    struct walk w;

    (void)state;
    put(dir, ".dobby/x.py", "x = 1\n");
    put(dir, ".gitignore", "*.js\nsub/deep/no.py\n");
    put(dir, "sub/.gitignore", "never.py\n");
    put(dir, "sub/deep/yes.py", "x = 1\n");
    put(dir, "sub/deep/no.py", "x = 1\n");
    put(dir, "sub/deep/never.py", "x = 1\n");
    put(dir, "sub/deep/a.js", "x\n");
    put(dir, "other.py", "x = 1\n");
    assert_int_equal(walk_root(&root, temp_path(dir, "sub/deep/yes.py"), &e), 0);
    assert_string_equal(root, dir);
    mem_free(root);
    walk_ok(&w, temp_path(dir, "sub/deep"));
    assert_string_equal(w.root, dir);
    assert_int_equal(w.n_files, 4);
    expect(&w, "sub/deep/yes.py", WALK_TAKEN);
    expect(&w, "sub/deep/no.py", WALK_IGNORED); /* rules above the start count */
    expect(&w, "sub/deep/never.py", WALK_IGNORED);
    expect(&w, "sub/deep/a.js", WALK_IGNORED);
    walk_release(&w);
    walk_ok(&w, temp_path(dir, "sub/deep/no.py")); /* asked for by name */
    assert_int_equal(w.n_files, 1);
    expect(&w, "sub/deep/no.py", WALK_TAKEN);
    walk_release(&w);
    walk_ok(&w, dir);
    expect_absent(&w, ".dobby");
    expect_absent(&w, ".dobby/x.py");
    walk_release(&w);
    assert_int_equal(walk_tree(&w, temp_path(dir, "gone"), NULL, &e), DOBBY_E_NOTFOUND);
    assert_non_null(strstr(e.message, "gone"));
    e = (struct dobby_err){0};
    assert_int_equal(walk_tree(&w, "/dev/null", NULL, &e), DOBBY_E_USAGE);
    walk_release(&w); /* released already: fine */
    temp_dir_remove(dir);
    dir = temp_dir();
    walk_ok(&w, dir); /* an empty tree */
    assert_int_equal(w.n_files, 0);
    walk_release(&w);
    temp_dir_remove(dir);
}

static void test_walk_deep(void **state)
{
    char *dir = temp_dir();
    struct walk w;
    int i, fd = open(dir, O_RDONLY | O_DIRECTORY), next;

    (void)state;
    for (i = 0; i < WALK_MAX_DEPTH + 40; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
    }
    close(fd);
    put(dir, "a.py", "x = 1\n");
    walk_ok(&w, dir);
    assert_int_equal(w.n_files, 2);
    expect(&w, "a.py", WALK_TAKEN);
    assert_int_equal(w.files[1].skip, WALK_TOO_DEEP);
    assert_int_equal(w.files[1].path_len, 2 * WALK_MAX_DEPTH + 1);
    walk_release(&w);
    temp_dir_remove(dir);
}

static void test_walk_repository(void **state)
{
    char *dir = temp_dir();
    struct walk w;

    (void)state;
    put(dir, ".gitignore", "*.gen.c\nout/\nsecret/\n");
    put(dir, "a.c", "int a;\n");
    put(dir, "tracked.gen.c", "int t;\n");
    put(dir, "other.gen.c", "int o;\n");
    put(dir, "secret/in.c", "int i;\n");
    put(dir, "secret/not.c", "int n;\n");
    put(dir, "target/main.c", "int m;\n");
    put(dir, "dist/x.c", "int x;\n");
    put(dir, "new.c", "int n;\n");
    put(dir, "inner/.git/HEAD", "ref: refs/heads/main\n");
    put(dir, "inner/x.c", "int x;\n");
    put(dir, "moved/.git", "gitdir: /elsewhere\n");
    put(dir, "moved/y.c", "int y;\n");
    shell(dir, "git init -q . && git add a.c target && git add -f tracked.gen.c secret/in.c");
    put(dir, ".git/info/exclude", "excluded.c\n");
    put(dir, "excluded.c", "int e;\n");
    walk_ok(&w, dir);
    assert_true(w.used_index);
    assert_int_equal(w.n_notes, 0);
    expect(&w, "a.c", WALK_TAKEN);
    expect(&w, "new.c", WALK_TAKEN);
    expect(&w, "tracked.gen.c", WALK_TAKEN); /* what is tracked is never ignored */
    expect(&w, "other.gen.c", WALK_IGNORED);
    expect(&w, "secret/in.c", WALK_TAKEN);
    expect(&w, "secret/not.c", WALK_IGNORED);
    expect(&w, "target/main.c", WALK_TAKEN); /* tracked, so no build output */
    expect(&w, "dist", WALK_GENERATED);
    expect(&w, "inner", WALK_SUBMODULE);
    expect(&w, "moved", WALK_SUBMODULE);
    expect(&w, "excluded.c", WALK_IGNORED);
    expect_absent(&w, ".git");
    walk_release(&w);
    temp_dir_remove(dir);
}

/* Index files that are not used, each with a note, and the walk goes on by the ignore rules. */
static void test_walk_index_refused(void **state)
{
    static const char *const make[] = {
        "git init -q . && git add -f a.ign.c && printf garbage > .git/index",
        "git init -q . && git add -f a.ign.c && git update-index --split-index",
        "git init -q --object-format=sha256 . && git add -f a.ign.c",
        "git init -q . && git add -f a.ign.c && mv .git/index i && ln -s ../i .git/index",
        "git init -q --separate-git-dir=../sep.$$ . && git add -f a.ign.c && rm -rf ../sep.$$",
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(make); i++) {
        char *dir = temp_dir();
        char command[1024];
        struct walk w;

        put(dir, "work/.gitignore", "*.ign.c\n");
        put(dir, "work/a.ign.c", "int a;\n");
        put(dir, "work/b.c", "int b;\n");
        snprintf(command, sizeof(command), "cd work && %s", make[i]);
        shell(dir, command);
        walk_ok(&w, temp_path(dir, "work"));
        if (w.used_index || w.n_notes != 1 || !strstr(w.notes[0], "index is not used"))
            fail_msg("case %zu: used %d, %zu notes: %s", i, w.used_index, w.n_notes,
                     w.n_notes ? w.notes[0] : "");
        expect(&w, "a.ign.c", WALK_IGNORED);
        expect(&w, "b.c", WALK_TAKEN);
        walk_release(&w);
        temp_dir_remove(dir);
    }
}

/* Configuration of a repository names programs; none of them may run. */
static void test_walk_runs_nothing(void **state)
{
    char *dir = temp_dir();
    struct walk w;

    (void)state;
    put(dir, "a.c", "int a;\n");
    shell(dir, "git init -q . && git add a.c && git config core.fsmonitor \"touch '$PWD/ran'\" && "
               "git config core.hooksPath \"$PWD/hooks\" && mkdir hooks && printf "
               "'#!/bin/sh\\ntouch ran\\n' > "
               "hooks/post-index-change && chmod +x hooks/post-index-change && git config "
               "filter.x.clean 'touch ran' && "
               "echo '*.c filter=x' > .gitattributes && git config include.path /nonexistent");
    walk_ok(&w, dir);
    assert_true(w.used_index);
    walk_release(&w);
    assert_int_equal(access(temp_path(dir, "ran"), F_OK), -1);
    temp_dir_remove(dir);
}

/* ---- git's own verdict -------------------------------------------------------------------------- */

#define MAX_PATHS 120
#define MAX_DIRS  12

/* A tree of odd names and odd rules, made from a seed. */
struct odd_tree {
    char *dir, paths[MAX_PATHS][160], dirs[MAX_DIRS][96]; /* dirs with their slash */
    size_t n_paths, n_dirs, n_rules;
    unsigned seed;
};

static size_t pick(struct odd_tree *t, size_t n)
{
    return (size_t)rand_r(&t->seed) % n;
}

static const char *piece(struct odd_tree *t)
{
    static const char *const pieces[] = {"a", "b",  "c",        "ab",   "A",   "aa", "x",  ".c",
                                         "-", "]",  "[",        "!",    "^",   "#",  " ",  "\\",
                                         "*", "?",  "~",        "0",    "{,}", ".",  "\t", "'",
                                         "$", "\r", "\xc3\xa9", "\xff", ":",   "foo"};

    return pieces[pick(t, ARRAY_LEN(pieces))];
}

static void make_name(struct odd_tree *t, char *out)
{
    do {
        *out = '\0';
        for (size_t n = 1 + pick(t, 3); n > 0; n--)
            strcat(out, piece(t));
    } while (strcmp(out, ".") == 0 || strcmp(out, "..") == 0 || strcmp(out, "~") == 0);
}

/* [..] with whatever may stand in one. */
static void add_class(struct odd_tree *t, char *out)
{
    static const char *const parts[] = {
        "a",   "b-d",    "]",     "\\]", "!",   "^",         "-",         "a-", "--0",
        "\\-", "[",      "\\\\",  " ",   "A-Z", "[:alpha:]", "[:digit:]", "#",  "z-a",
        "*",   "[:no:]", "\\a-c", "?",   "[:",  ".",         "\t"};

    strcat(out, pick(t, 4) == 0 ? "[!" : pick(t, 4) == 0 ? "[^" : "[");
    for (size_t n = 1 + pick(t, 3); n > 0; n--)
        strcat(out, parts[pick(t, ARRAY_LEN(parts))]);
    if (pick(t, 12))
        strcat(out, "]");
}

/* A path that is there, with some of its bytes made into wildcards. */
static void add_likeness(struct odd_tree *t, char *out)
{
    const char *p = t->paths[pick(t, t->n_paths)];

    for (size_t skip = pick(t, 3); skip > 0 && strchr(p, '/'); skip--)
        p = strchr(p, '/') + 1;
    for (; *p && strlen(out) < 200; p++) {
        char one[3] = {*p, '\0'}, escaped[3] = {'\\', *p, '\0'};

        if (*p == '/' && pick(t, 8) == 0)
            strcat(out, pick(t, 2) ? "/**/" : "*");
        else if (*p == '/' && pick(t, 6) == 0)
            return;
        else if (pick(t, 9) == 0)
            strcat(out, pick(t, 3) ? "*" : "?");
        else if (pick(t, 12) == 0)
            add_class(t, out);
        else
            strcat(out, strchr("*?[\\#! ", *p) && pick(t, 4) ? escaped : one);
    }
}

/* "a**" leaves one star. git before 2.40 compares pointers into two strings there, so its answer depends on where they
 * lie; the manual says that such stars are ordinary ones, and test_gitignore.c has rows of it. */
static void part_stars(char *rule)
{
    for (char *p = rule + 1; *p; p++)
        while (p[0] == '*' && p[1] == '*' && !strchr("/*", p[-1]) &&
               !(p[-1] == '!' && p == rule + 1))
            memmove(p, p + 1, strlen(p));
}

static void add_rule(struct odd_tree *t, char *text)
{
    static const char *const joints[] = {"*", "**", "?", "/", "/**/", "\\", "**/", "/*", "***"};
    static const char *const ends[] = {"",   "",    "",   "",   "/",  "/**", " ",
                                       "  ", "\\ ", "\\", "\t", "//", "/*"};
    char rule[512] = "";

    if (pick(t, 5) == 0)
        strcat(rule, "!");
    if (pick(t, 6) == 0)
        strcat(rule, pick(t, 3) ? "/" : "**/");
    if (pick(t, 3) > 0) {
        add_likeness(t, rule);
    } else {
        for (size_t n = 1 + pick(t, 4); n > 0; n--) {
            if (pick(t, 2))
                strcat(rule, piece(t));
            else if (pick(t, 3) == 0)
                add_class(t, rule);
            else
                strcat(rule, joints[pick(t, ARRAY_LEN(joints))]);
        }
    }
    strcat(rule, ends[pick(t, ARRAY_LEN(ends))]);
    part_stars(rule);
    strcat(strcat(text, rule), pick(t, 6) ? "\n" : pick(t, 2) ? "\r\n" : "\n\n");
    t->n_rules++;
}

static void make_rules(struct odd_tree *t, const char *path, size_t n)
{
    char text[8192];

    strcpy(text, pick(t, 5) ? "" : "\xef\xbb\xbf");
    while (n-- > 0)
        add_rule(t, text);
    if (pick(t, 4) == 0)
        text[strlen(text) - 1] = '\0'; /* no end of line */
    put(t->dir, path, text);
}

static void make_odd_tree(struct odd_tree *t, unsigned seed)
{
    char name[64], path[160];

    *t = (struct odd_tree){.dir = temp_dir(), .seed = seed, .n_dirs = 1};
    while (t->n_dirs < MAX_DIRS) {
        const char *above = t->dirs[pick(t, t->n_dirs)];

        make_name(t, name);
        if (strlen(above) < 48) {
            strcat(strcat(strcpy(t->dirs[t->n_dirs], above), name), "/");
            make_dirs(t->dir, t->dirs[t->n_dirs++]);
        }
    }
    for (size_t i = 0; i < MAX_PATHS; i++) {
        struct stat st;

        make_name(t, name);
        snprintf(path, sizeof(path), "%s%s", t->dirs[i % t->n_dirs], name);
        if (stat(temp_path(t->dir, path), &st) == 0)
            continue;
        put(t->dir, path, "x\n");
        strcpy(t->paths[t->n_paths++], path);
    }
    for (size_t i = 0; i < t->n_dirs; i++) {
        snprintf(path, sizeof(path), "%s.gitignore", t->dirs[i]);
        if (i == 0 || pick(t, 2))
            make_rules(t, path, 2 + pick(t, 5));
    }
    put(t->dir, ".dobby/.gitignore", "*\n"); /* the root, also without a repository */
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file of the tree: is it in git's list (names with a NUL behind each) just when the walk does not ignore it? The files that
 * are ignored, or -1 for a difference. */
static int compare_lists(struct odd_tree *t, const char *what, bool index)
{
    char *names[8 * MAX_PATHS], *list, *p;
    size_t size, n = 0;
    struct walk w;
    int n_ignored = 0;

    list = get_file(temp_path(t->dir, ".dobby/list"), &size);
    for (p = list; p < list + size; p += strlen(p) + 1) {
        assert_true(n < ARRAY_LEN(names));
        names[n++] = p;
    }
    qsort(names, n, sizeof(*names), compare_names);
    walk_ok(&w, t->dir);
    assert_true(w.used_index == index);
    for (size_t i = 0; i < t->n_paths; i++) {
        const char *path = t->paths[i];
        struct walk_file *f = find(&w, path);
        bool theirs = !bsearch(&path, names, n, sizeof(*names), compare_names);
        bool ours = !f || f->skip == WALK_IGNORED;

        if (ours != theirs) {
            print_error("seed %u, %s: git %s \"%s\", dobby does not agree; rules in %s\n", t->seed,
                        what, theirs ? "ignores" : "keeps", path, t->dir);
            n_ignored = -1;
            break;
        }
        n_ignored += theirs;
    }
    free(list);
    walk_release(&w);
    return n_ignored;
}

/* Every seventh path, with a NUL behind it, into .dobby/some. */
static void track_some(struct odd_tree *t)
{
    struct strbuf b = {0};

    for (size_t i = 0; i < t->n_paths; i += 7)
        strbuf_add(&b, t->paths[i], strlen(t->paths[i]) + 1);
    put_file(temp_path(t->dir, ".dobby/some"), strbuf_str(&b), b.len);
    strbuf_release(&b);
}

/* Odd names, and rules made at random and from these names: without a repository, and with one that has an exclude file
 * and tracks some of the files, our verdict on every file equals that of git. */
static void test_walk_agrees_with_git(void **state)
{
    size_t n_pairs = 0, n_ignored = 0, n_kept = 0;

    (void)state;
    for (unsigned round = 1; round <= 24; round++) {
        struct odd_tree t;
        int plain, repo;

        make_odd_tree(&t, round);
        shell(
            t.dir,
            "git init -q . && git ls-files -z -o --exclude-standard > .dobby/list && rm -rf .git");
        plain = compare_lists(&t, "without a repository", false);
        if (plain < 0)
            fail_msg("round %u", round);
        shell(t.dir, "git init -q .");
        make_rules(&t, ".git/info/exclude", 4);
        track_some(&t);
        shell(t.dir, "xargs -0 git --literal-pathspecs add -f -- < .dobby/some && "
                     "git ls-files -z -co --exclude-standard > .dobby/list");
        repo = compare_lists(&t, "with an index", true);
        if (repo < 0)
            fail_msg("round %u", round);
        n_pairs += 2 * t.n_rules * t.n_paths;
        n_ignored += (size_t)(plain + repo);
        n_kept += 2 * t.n_paths - (size_t)(plain + repo);
        temp_dir_remove(t.dir);
    }
    assert_true(n_pairs > 20000 && n_ignored > 500 && n_kept > 500); /* both verdicts were tried */
}

static void test_walk_nomem(void **state)
{
    char *dir = temp_dir();
    struct walk w;
    size_t n = 0;
    int rc;

    (void)state;
    put(dir, ".gitignore", "*.js\n");
    put(dir, "a/b.py", "x = 1\n");
    put(dir, "run", "#!/usr/bin/python\n");
    fault_count(true);
    do {
        struct dobby_err e = {0};

        fault_arm(FAULT_ALLOC, ++n, false);
        rc = walk_tree(&w, dir, NULL, &e);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM);
        assert_int_equal(rc, e.code);
        walk_release(&w);
        assert_int_equal(fault_live(), 0);
    } while (fault_disarm(FAULT_ALLOC));
    fault_count(false);
    assert_true(rc == 0 && n > 10);
    temp_dir_remove(dir);
}

/* Only the directories on the way are entered, and their rules hold. */
static void test_walk_toward(void **state)
{
    struct walk_options o = {.toward = "a/b/c.c"};
    char *dir = temp_dir();
    struct walk w;

    (void)state;
    make_dirs(dir, ".git/");
    put(dir, "top.c", "int x;\n");
    put(dir, "README.md", "words\n");
    put(dir, "a/.gitignore", "README.md\n");
    put(dir, "a/README.md", "words\n");
    put(dir, "a/b/c.c", "int x;\n");
    put(dir, "a/b/deep/d.c", "int x;\n");
    put(dir, "ab/e.c", "int x;\n");
    assert_int_equal(walk_tree(&w, dir, &o, NULL), 0);
    expect(&w, "top.c", WALK_TAKEN);
    expect(&w, "README.md", WALK_TAKEN);
    expect(&w, "a/README.md", WALK_IGNORED);
    expect(&w, "a/b/c.c", WALK_TAKEN);
    expect_absent(&w, "a/b/deep/d.c");
    expect_absent(&w, "ab/e.c");
    walk_release(&w);
    o.toward = "a/b"; /* itself is not entered */
    assert_int_equal(walk_tree(&w, dir, &o, NULL), 0);
    expect(&w, "a/README.md", WALK_IGNORED);
    expect_absent(&w, "a/b/c.c");
    walk_release(&w);
    temp_dir_remove(dir);
}

static void test_walk_stop(void **state)
{
    char *dir = temp_dir();
    volatile int stop = 1;
    struct walk_options o = {.stop = &stop};
    struct walk w;

    (void)state;
    put(dir, "a.py", "x = 1\n");
    assert_int_equal(walk_tree(&w, dir, &o, NULL), DOBBY_E_CANCELLED);
    stop = 0;
    assert_int_equal(walk_tree(&w, dir, &o, NULL), 0);
    walk_release(&w);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_plain),
        cmocka_unit_test(test_walk_defaults),
        cmocka_unit_test(test_walk_odd_files),
        cmocka_unit_test(test_walk_unreadable),
        cmocka_unit_test(test_walk_denied_directory),
        cmocka_unit_test(test_walk_texts),
        cmocka_unit_test(test_walk_changes),
        cmocka_unit_test(test_walk_starts),
        cmocka_unit_test(test_walk_deep),
        cmocka_unit_test(test_walk_repository),
        cmocka_unit_test(test_walk_index_refused),
        cmocka_unit_test(test_walk_runs_nothing),
        cmocka_unit_test(test_walk_agrees_with_git),
        cmocka_unit_test(test_walk_nomem),
        cmocka_unit_test(test_walk_toward),
        cmocka_unit_test(test_walk_stop),
    };

    return cmocka_run_group_tests_name("code/walk", tests, NULL, NULL);
}
