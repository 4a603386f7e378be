/* outline_words.h - what units call and which other names they use (code; runs in a parser worker only).
 * What     Tables say which nodes of a grammar are calls, which fields of a call hold what is called, and which leaves are names:
 *          of a.b.f(x) the last part counts, of X<T>(y) the name before the arguments.
 *          No queries: a pattern that captures stays open until the last sibling of its node is seen, so that a cursor has 100,000 of
 *          them open in a chain of 100,000 calls and looks at all of them at each node (core 0.26.1).
 *          The pass of the tree cursor hands over each node once. A pass over those, in the order of the text, with the units that
 *          are open there, gives each unit its lists: struct unit in unit.h says what counts.
 * Cost     Linear: a name goes up the functions around it only as far as it is new there, and units whose list is full are
 *          skipped together. What all lists of a text hold is bounded by its length (WORDS_SPARE more).
 * Next     outline.c, which runs the cursor. */
#ifndef CODE_OUTLINE_WORDS_H
#define CODE_OUTLINE_WORDS_H

#include "base/arena.h"
#include "code/outline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tree_sitter/api.h>

#define WORDS_SPARE  ((size_t)64 << 10)
#define WORDS_FIELDS 10

enum word_kind { WORD_CALL, WORD_USE, WORD_KINDS };

/* Where a name stands; of length 0 where one stands that is neither called nor used. */
struct word {
    uint32_t start, len;
};

struct words {
    enum language_id lang;
    const char *source;
    size_t len;
    uint8_t *roles; /* of the grammar's symbols */
    size_t n_symbols;
    TSFieldId fields[WORDS_FIELDS]; /* as the grammar does; 0 where it has none */
    struct {
        struct word *v;
        size_t n, cap;
    } of[WORD_KINDS]; /* WORD_USE: all leaves, by start; WORD_CALL: in any order until words_finish */
    bool failed;      /* memory ran out */
};

void words_init(struct words *w, enum language_id lang, const char *source, size_t len);
void words_release(struct words *w);
/* The cursor has met a node; `tokens`: it stands in what a macro is given, which the grammar has not understood. */
void words_meet(struct words *w, TSNode n, bool tokens);
/* True for a node whose children are such tokens. */
bool words_tokens(const struct words *w, TSNode n);
/* Give n units, by start and nested, their lists. -1 when memory ran out now or before. */
int words_finish(struct words *w, struct outline_unit *units, size_t n, struct arena *a);

#endif
