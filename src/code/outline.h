/* outline.h - units of a syntax tree (code; runs in a parser worker only).
 * What     One query a language (queries/) finds units and what encloses them. One pass of a tree cursor then
 *          finds the outermost wrapper of each (export, decorators, template header), the attributes and the
 *          comment before it. Names are put together last, from the outside in.
 * Holds    No recursion anywhere: trees of depth 50,000 occur. Cost is linear in the tree, besides the sort.
 * Next     outline_item.h for what the query finds, outline_names.c for names, outline_words.h for what units call; parse_worker.c. */
#ifndef CODE_OUTLINE_H
#define CODE_OUTLINE_H

#include "base/arena.h"
#include "code/imports.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tree_sitter/api.h>

/* What is known of a unit before lines are. */
struct outline_unit {
    enum unit_kind kind;
    struct span span, body, doc, docstring;
    uint32_t signature_end;
    const char *name, *qualified; /* in the arena; bytes as they stand in the source */
    size_t name_len, qualified_len;
    const char *calls, *uses; /* in the arena; lists as in unit.h */
};

struct outline {
    struct outline_unit *units; /* in the arena; by start, the longer first */
    size_t n;
    bool too_many;          /* beyond the limit: none are given */
    struct imports imports; /* finished */
};

/* The query of a language, compiled; NULL when it does not fit the grammar, which only a wrong build can
 * cause: *offset is then where. */
TSQuery *outline_query(enum language_id lang, uint32_t *offset);
/* The grammar of a language; NULL for one without. */
const TSLanguage *outline_grammar(enum language_id lang);

/* Find the units of a tree, and its imports. Release the outline in any case. Memory that runs out ends in the allocator (parse_worker.c) or returns -1. */
int outline_find(struct outline *o, struct arena *a, const TSTree *tree, const TSQuery *query,
                 enum language_id lang, const char *source, size_t len);

void outline_release(struct outline *o); /* what does not lie in the arena */

#endif
