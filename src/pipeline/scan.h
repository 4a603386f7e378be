/* scan.h - which units a tree holds now, and what the store knows of them (pipeline).
 * What     Every file is read and hashed. Units of a file that the store knows by this hash come from the store;
 *          other files go through the parser workers, all cores at once, or are cut into chunks here (chunk.h). The result is in the order of the
 *          outputs, whatever finished first: files by path, units by start_line, end_line descending, kind, name.
 * Memory   With a bound, parser workers get what the process leaves of it: fewer of them, or with smaller shares, and anew
 *          when what was found so far has grown into their part. When not even one fits, the scan ends.
 * Limit    With a limit on units, scanning ends with the file that reaches it; what lies behind stays unread, and
 *          what the store says of it stays as it is. The same holds for files that are WALK_UNCHANGED.
 * Owns     One arena with everything. Paths are the walk's.
 * Next     plan.h for what is to be done about them. */
#ifndef PIPELINE_SCAN_H
#define PIPELINE_SCAN_H

#include "base/arena.h"
#include "base/err.h"
#include "code/unit.h"
#include "code/walk.h"
#include "pipeline/key.h"
#include "store/store.h"

#include <stdbool.h>

/* What the store says of a unit; keys are NULL where it says nothing. */
struct old_unit {
    const char *qname;
    size_t qname_len;
    const char *text;
    const uint8_t *unit_key, *prompt_hash, *prompt_key;
    bool done, old;       /* as in store.h */
    const char *findings; /* as in store.h */
    const uint8_t *code_hash;
};

struct scan_file {
    struct walk_file *wf;
    uint8_t hash[KEY_LEN]; /* of what was read */
    const char *note;      /* static; NULL: nothing odd */
    bool known;            /* units come from the store, and old[i] is what it says of units[i] */
    struct unit *units;    /* in the order of the outputs */
    size_t n;
    const char *
        *docs; /* of each unit the good first sentence of its comment, NULL: it has none; the
                          array is NULL where nobody looked: of a file that is known (context.h), with no_docs */
    const char *header;     /* likewise of the file: NULL also when it says nothing */
    struct import *imports; /* unless known: the store has them */
    size_t n_imports;
    struct old_unit *old; /* of this path, also where the file has changed since */
    size_t n_old;
    const uint8_t *recipe, *model, *context; /* the store's of this path; NULL as there */
};

/* A file that the store knows and the tree does not have any more. */
struct scan_gone {
    struct store_bytes path;
    struct old_unit *old;
    size_t n_old;
};

struct scan {
    struct arena arena;
    struct scan_file *files;
    size_t n_files;
    struct scan_gone *gone;
    size_t n_gone;
    size_t n_units; /* of all files, at most the limit */
    size_t
        n_skipped; /* entries of the walk that were not taken, those that only reading told included */
    size_t n_unparsed;    /* files that no parser got through, now or before: in chunks or empty */
    size_t n_parser_ends; /* parser processes that died or were ended over a file */
    double s_parse;
};

struct scan_options {
    struct store_bytes scope;
    const char *worker_path;
    int parsers;                                  /* 0: as many as the process may run on */
    size_t memory;                                /* bound on the process tree, bytes; 0: none */
    size_t limit;                                 /* units; 0: all */
    int no_docs;                                  /* comments are not looked at */
    const volatile int *stop;                     /* may be NULL */
    void (*on_note)(void *ctx, const char *line); /* escaped already */
    void *ctx;
};

/* r  NULL: nothing is known (a dry run).
 * Returns 0, DOBBY_E_CANCELLED, DOBBY_E_LIMIT when the bound on memory is too small, or a failure; s is released then. */
MUST_CHECK int scan_tree(struct scan *s, struct walk *w, struct store_reader *r,
                         const struct scan_options *o, struct dobby_err *e);
void scan_release(struct scan *s);

/* f->docs and f->header, from the text of f; text and scratch are overwritten. */
MUST_CHECK int scan_docs(struct scan *s, struct scan_file *f, const char *source, size_t len,
                         struct strbuf *text, struct strbuf *scratch, struct dobby_err *e);
/* By bytes, the shorter first, as the walk and the store sort. */
int scan_compare_paths(const void *a, size_t na, const void *b, size_t nb);
/* "python/1": language and version of what cuts a file into units, as kept in the store. */
void scan_grammar(char out[64], enum language_id lang);
/* The name of the language that a unit of f is in. */
const char *scan_language(const struct scan_file *f, const struct unit *u);
/* Positions of a unit as bytes for the store, and back; false when they do not fit a source of `len` bytes. */
#define SCAN_SPANS 44
void scan_put_spans(uint8_t out[SCAN_SPANS], const struct unit *u);
MUST_CHECK bool scan_get_spans(struct unit *u, struct store_bytes spans, size_t len);

#endif
