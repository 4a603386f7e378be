/* unit.h - a function, method or chunk of a source file, as byte ranges (code).
 * What     Units are found by a parser process (parse.h) and hold positions only; the text stays where
 *          it was read. Ranges are half-open bytes from the start of the file, lines are 1-based inclusive.
 *
 *              // Doubles what it is given.        <- doc (a comment before, or a docstring: docstring)
 *              @traced                             <- start, start_line
 *              int twice(int x)                    <- signature: from start up to the body
 *              {
 *                  return 2 * x;                   <- body: with its braces where there are any
 *              }                                   <- end, end_line
 *
 *          What counts: functions and methods that have a body, an expression in some languages. Prototypes and
 *          anonymous callbacks do not; a named function inside another one does from three lines on.
 * Chunks   Where no parser serves, a unit is a chunk of lines (chunk.h): it has neither signature, body nor comment.
 * Trust    What a parser process says is checked before a struct unit exists: ranges lie in the file and
 *          in each other, lines agree with the text, names are short and hold no control characters.
 * Owns     A list owns one arena with its units and names.
 * Next     doc.h for what their comments say, prompt.h for what a model reads. */
#ifndef CODE_UNIT_H
#define CODE_UNIT_H

#include "base/arena.h"
#include "code/language.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit_kind { UNIT_FUNCTION, UNIT_METHOD, UNIT_CHUNK, UNIT_KINDS };

struct span {
    uint32_t start, end; /* start == end: absent */
};

struct unit {
    const char *name; /* "area"; for an operator or destructor as it is written */
    const char
        *qualified; /* "Circle.area", "geo::Circle::area": signs between parts as in language.h */
    enum unit_kind kind;
    enum language_id
        language; /* where it is not the file's: code in a document; else LANGUAGE_NONE */
    struct span
        span; /* with decorators, attributes, template header; a leading comment is outside */
    int start_line, end_line;
    struct span
        signature; /* starts at span.start, ends before the body, no white space at its end */
    struct span body;
    struct span doc;       /* contiguous comments before span; white space trimmed */
    struct span docstring; /* inside body; the string with its quotes */
    int depth;             /* 0, or the number of units that enclose this one */
};

struct unit_list {
    struct arena arena;
    struct unit *units; /* by start; ties: the longer first */
    size_t n;
    bool partial; /* the parser met errors: units may be missing or cut */
};

void unit_list_release(struct unit_list *l);
const char *unit_kind_name(enum unit_kind k);       /* "function", "method", "chunk" */
enum unit_kind unit_kind_of_name(const char *name); /* UNIT_KINDS: of none */

/* The language of a unit in a file of language `file`. */
static inline enum language_id unit_language(const struct unit *u, enum language_id file)
{
    return u->language != LANGUAGE_NONE ? u->language : file;
}

static inline size_t span_len(struct span s)
{
    return s.end - s.start;
}

#endif
