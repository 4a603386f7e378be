/* overview.h - what a tree is made of, from its store (pipeline, private to the two files of the overview).
 * What     Languages, entry points, modules and what depends on what, cycles, other people's packages. No model, no
 *          file of the tree: all of it follows from the store, and equal stores give equal bytes.
 * Modules  Directories. From the top, the largest is divided into what is in it for as long as OVERVIEW_MODULES suffice; a
 *          directory that is most of a tree, or any in a small tree, into files (in C with their headers), where a language
 *          imports files.
 * Asides   Tests, examples, benchmarks and documentation, by their names: shown last, not divided, and what they use says
 *          nothing about what depends on what.
 * Left out  Imports for type checkers only (Python): nothing is loaded by them, and they are made where there would be a cycle.
 * Count    A dependency's number is that of pairs of files: this file imports that one.
 * Next     resolve.h for what an import means; overview_text.c for Markdown and JSON. */
#ifndef PIPELINE_OVERVIEW_H
#define PIPELINE_OVERVIEW_H

#include "base/arena.h"
#include "base/err.h"
#include "code/language.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERVIEW_MODULES 30

struct overview_language {
    const char *name, *title;
    size_t n_files, n_units;
    int64_t n_lines;
};

struct overview_module {
    const char *
        name; /* path of a directory or file, "." for the root's own files, "a/err.*" for a file and its header; bytes */
    size_t len;
    bool aside;
    size_t n_files, n_units;
    int64_t n_lines;
    size_t n_users;            /* files of other modules that import one of it */
    size_t n_used_by, n_uses;  /* other modules */
    const char *text, *source; /* its sentence and where that is from; NULL: none */
};

struct overview_edge {
    size_t from, to, n; /* modules */
};

struct overview_entry {
    const char *path, *what; /* what: "main" and the like, or how a manifest calls it */
    size_t path_len;
    int line;        /* 0: the whole file */
    bool is_command; /* a manifest installs it under the name `what` */
    bool is_library; /* a manifest's package `what` begins in it */
    int rank;        /* of what a file shows, the lowest */
};

struct overview_package {
    const char *name, *language;
    size_t n_files;
};

struct overview_cycle {
    size_t
        *path; /* modules; the shortest way around, from its first one; that one is not repeated */
    size_t n;
    size_t *modules; /* all that reach each other, by number */
    size_t n_modules;
};

struct overview {
    struct arena arena;
    const char *name;          /* as the manifest at the top says; NULL */
    const char *text, *source; /* the repository's sentence; NULL */
    size_t n_files, n_units;
    int64_t n_lines;
    size_t n_old; /* files that an older dobby read: their lines and imports are not known */
    size_t n_imports, n_unknown; /* not of asides; unknown: what should be in the tree and is not */
    struct overview_language *languages; /* by lines */
    size_t n_languages;
    struct overview_module *modules; /* asides last; by users, then lines, then name */
    size_t n_modules;
    struct overview_edge *edges; /* between modules that are no asides; by n, then from, to */
    size_t n_edges;
    struct overview_entry *entries;
    size_t n_entries, n_aside_entries; /* those of asides are only counted */
    struct overview_package *packages; /* by files, then name */
    size_t n_packages;
    struct overview_cycle *cycles;
    size_t n_cycles;
};

/* o is uninitialised; left released on failure. `scope` as in store.h: what lies below it is looked at. */
MUST_CHECK int overview_make(struct overview *o, struct store_reader *r, struct store_bytes scope,
                             struct dobby_err *e);
void overview_release(struct overview *o);
void overview_put_markdown(struct strbuf *b, const struct overview *o);
void overview_put_json(struct strbuf *b, const struct overview *o);

#endif
