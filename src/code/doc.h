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
#include "code/unit.h"

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
bool doc_next_line(struct doc_lines *l, struct doc_line *out); /* false at the end */

/* Call fn for each parameter that the documentation of u names and u does not have, in order, once, the first 16. Known are
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
 * Line ends become "\n". Comments inside the body stay. */
void doc_hide(struct strbuf *out, const struct unit *u, enum language_id lang, const char *source,
              size_t len);

#endif
