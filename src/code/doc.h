/* doc.h - what the comments of a unit say, and its code without them (code).
 * What     A unit that carries a good first sentence is summarised by it: free, exact, and in the words of
 *          the people who wrote the code. Everything else is read by the model, which never sees the
 *          comment: a summary written from code cannot repeat a comment that is wrong.
 * Trust    Comments are text from outside: control and bidi characters, links and oversized sentences make a
 *          comment no good one.
 * Next     doc_params.c for what they say of parameters; prompt.h. */
#ifndef CODE_DOC_H
#define CODE_DOC_H

#include "base/err.h"
#include "base/strbuf.h"
#include "code/text.h"
#include "code/unit.h"

#define DOC_MAX_SENTENCE 400 /* bytes */
#define DOC_MIN_WORDS    4

/* The first sentence of a paragraph (lines joined by spaces, no comment markers) in the same way: inline markup is reduced to its
 * text, then it is judged as below, with at least min_words words. A first word in small letters gets a capital unless it
 * is `name`. Appended to *out. */
bool doc_sentence(struct strbuf *out, const char *s, size_t n, const char *name, size_t min_words);

/* The first sentence of the unit's documentation (docstring, else the comment before it), as plain text with
 * a full stop, appended to *out. Markers of Javadoc, Doxygen, rustdoc, godoc and docstrings are taken off,
 * inline markup is reduced to its text.
 * Returns true when it is a good one: a sentence of at least four words that ends properly, no
 * to-do note, licence, tag, lint directive, heading, rule of dashes or commented-out code, at most 400 bytes.
 * False otherwise, also when memory ran out (*out has failed then). */
bool doc_first_sentence(struct strbuf *out, const struct unit *u, enum language_id lang,
                        const char *source, size_t len);

/* The lines of the unit's documentation, one after the other, without their comment markers and the white space around. */
struct doc_lines {
    const struct language *l;
    const char *s;
    size_t n, pos;
    bool docstring, block; /* block: a block comment is open */
};
struct doc_line {
    const char *s;
    size_t n;
    size_t indent; /* bytes of white space before it; 0 in comments */
};
struct doc_lines doc_lines_of(const struct unit *u, enum language_id lang, const char *source,
                              size_t len);
/* Of any comment, or of a string that documents. */
struct doc_lines doc_lines_in(struct span s, bool docstring, enum language_id lang,
                              const char *source, size_t len);
bool doc_next_line(struct doc_lines *l, struct doc_line *out); /* false at the end */
/* Is such a line a directive to a tool, which no person would read? Is it nothing but punctuation, a rule of dashes or stars? */
bool doc_is_directive(struct text line);
bool doc_is_rule(struct text line);

/* Call fn for each parameter that the documentation of u, a function, names and u does not have, in order, once, the first 16. Known are
 * @param and \param with all that Javadoc, Doxygen and JSDoc put around the name, :param name:, Google's "Args:" in docstrings and
 * rustdoc's "# Arguments". It keeps silent when in doubt: in other languages than C, C++, Python, JavaScript, TypeScript, Go, Rust
 * and Java, where parameters are taken apart or any number of them is taken, and in JavaScript and TypeScript about names that
 * occur anywhere in the unit. The name points into source. */
void doc_stray_params(const struct unit *u, enum language_id lang, const char *source, size_t len,
                      void (*fn)(void *ctx, const char *name, size_t n), void *ctx);

/* Call fn for each parameter of u that its documentation does not mention anywhere, though it documents others (in one of the
 * forms above), in order, the first 16. Silent when in doubt, as above. */
void doc_missing_params(const struct unit *u, enum language_id lang, const char *source, size_t len,
                        void (*fn)(void *ctx, const char *name, size_t n), void *ctx);

/* The unit's own source, appended to *out: without its documentation (leading comment and docstring), with its
 * indentation taken off. A body that was only a docstring becomes `...` so that it still is code.
 * Line ends become "\n". Comments inside the body stay.
 * Of a type or module that takes more than one line only an outline: of the units in it, which are among the n_units of its
 * file, by start_line, signatures stay, ` ...` is there for their bodies, and their comments are left out. So its text, and with it
 * the key of its summary, stays the same when a method's body or comment changes; a wrong comment cannot mislead a reader of the
 * outline; and more members fit in. */
void doc_hide(struct strbuf *out, const struct unit *u, const char *source, size_t len,
              const struct unit *units, size_t n_units);

#endif
