/* walk.h - the files of a source tree, and why some are left out (code).
 * What     One pass over a directory lists every regular file below it, by its path in bytes relative to the
 *          root of the tree, sorted by these bytes; each has a language or a reason why it is skipped. A
 *          directory that is skipped is one entry. A second call, walk_read, reads one file: what it returns is
 *          exactly what was hashed, and what only the text can tell (binary, minified) is decided there.
 * Root     The nearest directory at or above PATH that holds .dobby or .git, else PATH (or its directory).
 * Ignored  .gitignore files and .git/info/exclude by our own matcher (gitignore.h). What git tracks is
 *          never ignored: the index is read through libgit2, as a file; no configuration of the repository
 *          or the user is read, nothing is run. An index that cannot be used (.git is a file or a link, split
 *          or sparse index, SHA-256) is left alone with a note: then the ignore rules alone decide.
 *          A PATH that is itself ignored is walked: it was asked for.
 * Own list Directories and files that are seldom somebody's own source: walk_defaults below. `.dobbyignore`
 *          (same syntax, at any level) has the last word over all of these: a line `!vendor/` takes a
 *          directory back in, a line `tests/` leaves one out, tracked or not.
 * Trust    None in the tree: names are any bytes, no link is followed, every file is opened below its
 *          directory's descriptor and looked at after opening, other file systems are not entered, and depth, path
 *          length and number of entries are bounded. What cannot be read is a note, and the rest goes on.
 * Owns     Paths and notes lie in the arena and die with walk_release. One descriptor of the root.
 * Threads  After walk_tree: walk_read from any number of threads, for different files.
 * Next     parse.h. */
#ifndef CODE_WALK_H
#define CODE_WALK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "code/language.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_MAX_FILE    ((size_t)4 << 20) /* bytes; longer files are skipped */
#define WALK_MAX_DEPTH   256               /* directories below PATH */
#define WALK_MAX_PATH    4096              /* bytes, relative to the root */
#define WALK_MAX_ENTRIES 4000000           /* names seen in one walk */
#define WALK_MAX_LINE    20000 /* bytes; a file with a longer line is no source that people read */

enum walk_skip {
    WALK_TAKEN,       /* not skipped */
    WALK_IGNORED,     /* .gitignore, .git/info/exclude, .dobbyignore */
    WALK_VENDORED,    /* other people's code by its place (node_modules/, vendor/) */
    WALK_GENERATED,   /* build output by its place, or a text that says it is generated */
    WALK_MINIFIED,    /* by its name (x.min.js), or by the length of its lines */
    WALK_LONG_LINES,  /* a line longer than WALK_MAX_LINE */
    WALK_BINARY,      /* a NUL among the first 8000 bytes, or UTF-16 */
    WALK_TOO_LARGE,   /* beyond WALK_MAX_FILE */
    WALK_SYMLINK,     /* links are not followed */
    WALK_NOT_REGULAR, /* FIFO, socket, device */
    WALK_OTHER_FS,    /* a mount point */
    WALK_UNREADABLE,  /* permission, I/O error; a note says which */
    WALK_SECRET,      /* by its name: .env, id_rsa, *.pem */
    WALK_SUBMODULE,   /* another repository: a directory with its own .git, or a gitlink */
    WALK_LANGUAGE,    /* no language that dobby reads */
    WALK_NO_CODE,     /* a document without blocks of code */
    WALK_TOO_DEEP,    /* beyond WALK_MAX_DEPTH or WALK_MAX_PATH */
    WALK_UNCHANGED, /* it is as a commit has it (since.h): not looked at; what is known of it stays */
    WALK_SKIPS
};

struct walk_file {
    const char *path; /* relative to the root, bytes, NUL-terminated */
    size_t path_len;
    uint64_t size; /* when it was seen */
    enum language_id language;
    enum walk_skip skip;
    bool is_dir;   /* a directory that was not entered */
    bool not_utf8; /* known after walk_read: taken, but its text holds bytes that are not UTF-8 */
};

struct walk {
    struct arena arena;
    char *root;              /* absolute path */
    int root_fd;             /* -1 when released */
    struct walk_file *files; /* by bytes of path */
    size_t n_files;
    const char **
        dirs; /* that were entered, in no order: relative to the root, "" for it; of a file, the one that holds it */
    size_t n_dirs;
    const char **notes; /* lines for a person, control characters escaped */
    size_t n_notes;
    size_t n_notes_dropped; /* beyond the first 100 */
    bool used_index;        /* the git index told which files are tracked */
};

struct walk_options {
    const volatile int *stop; /* may be NULL; not 0: give up with DOBBY_E_CANCELLED */
    const char *
        toward; /* of directories, enter only those on the way to this path, relative to the root; NULL: all */
};

/* List the tree at `path`, a directory or a file. w is uninitialised or released; on failure it is left
 * released. o may be NULL. An empty tree is fine.
 * Returns 0, or DOBBY_E_NOTFOUND, _PERMISSION, _USAGE (neither file nor directory), _LIMIT, _NOMEM, _IO. */
MUST_CHECK int walk_tree(struct walk *w, const char *path, const struct walk_options *o,
                         struct dobby_err *e);
void walk_release(struct walk *w);

/* The root of the tree that holds `path`, as an absolute path in *root (allocated). */
MUST_CHECK int walk_root(char **root, const char *path, struct dobby_err *e);
/* `path`, which w was made of, relative to the root, links resolved: "" is all of it. *scope is allocated. */
MUST_CHECK int walk_scope(char **scope, const struct walk *w, const char *path,
                          struct dobby_err *e);

/* Read the file f of w into *out (reset first) and hash what was read. Sets f->skip when the text or the file as
 * it is now says so (*out is then empty), f->language where the text knows better, f->not_utf8, f->size.
 * A UTF-8 byte order mark stays in *out: offsets are those of the file.
 * Returns 0 (also when skipped), DOBBY_E_NOMEM; what cannot be read is WALK_UNREADABLE, and *e then
 * tells why although the call succeeds. */
MUST_CHECK int walk_read(const struct walk *w, struct walk_file *f, struct strbuf *out,
                         uint8_t hash[32], struct dobby_err *e);

/* Read a file for its words, a README or a manifest: its language does not matter, nor whether it holds code. f itself stays as it
 * is. *taken: *out is the text; else it is empty, as the text or the file as it is now says so. Fails as walk_read does. */
MUST_CHECK int walk_read_words(const struct walk *w, const struct walk_file *f, struct strbuf *out,
                               bool *taken, struct dobby_err *e);

/* Call fn with each note, and with a line that counts those that were dropped. */
void walk_each_note(const struct walk *w, void (*fn)(void *ctx, const char *line), void *ctx);

const char *walk_skip_text(enum walk_skip s); /* "ignored", "too large", "not regular" */
/* The built-in list in the syntax of .gitignore, for people to read. */
const char *
walk_defaults(enum walk_skip s); /* WALK_VENDORED, _GENERATED, _MINIFIED, _SECRET; else "" */

#endif
