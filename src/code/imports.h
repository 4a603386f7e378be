/* imports.h - what a file takes from elsewhere, from a syntax tree (code; runs in a parser worker only).
 * What     Matches of a language's query (queries/) whose captures are about imports become records (struct import in
 *          unit.h). Grammars give the nodes; what is in them is read as text, one reader for all languages:
 *            @import        names or a string:  "base/err.h"  os.path  'react'  a::{b, c as d}
 *            @from          what stands before an @import:  from @from import @import
 *            @call          the function called with an @import: only some names import (require, source)
 *            @import.child  a Rust module in a file of its own
 *            @import.file   PHP: an expression that gives a path
 *            @package       what the file says that it is part of:  package main, namespace A.B
 *            @entry         what may say that a program starts here; its text decides
 *            @scope         Rust: a module written here, which `super` counts. Python: what an `if` with the condition @call holds
 *            @local         OCaml: a module made here, which is no file's
 * Form     One import a name that is taken: `use a::{b, c}` are a::b and a::c. Equal ones of a file are one, at its first line.
 * Limit    PROTOCOL_MAX_IMPORTS and _IMPORT_BYTES a file, the first ones; a name longer than PROTOCOL_MAX_NAME is left out.
 * Next     outline.c, which runs the query. */
#ifndef CODE_IMPORTS_H
#define CODE_IMPORTS_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tree_sitter/api.h>

struct outline_import {
    enum import_kind kind;
    uint32_t start;   /* of the node that it was read from */
    const char *what; /* in the arena; bytes as they stand in the source */
    size_t what_len;
};

struct imports {
    struct outline_import *v; /* once finished: by start, then what */
    size_t n, cap;
    enum language_id lang;
    struct arena *a;
    const char *source;
    size_t len;
    struct span *scopes; /* @scope, by start */
    size_t n_scopes, scopes_cap;
    struct outline_import *locals; /* @local */
    size_t n_locals, locals_cap;
    bool failed; /* memory ran out */
};

void imports_init(struct imports *im, enum language_id lang, struct arena *a, const char *source,
                  size_t len);
void imports_release(struct imports *im);
/* Take a match. False when it is not about imports. */
bool imports_match(struct imports *im, const TSQuery *q, const TSQueryMatch *m);
/* A function that may be where a program starts, told by its name and the text before its body. */
void imports_function(struct imports *im, const char *qualified, size_t len, struct span signature);
/* Sort, drop what is there twice. -1 when memory ran out now or before. */
int imports_finish(struct imports *im);

#endif
