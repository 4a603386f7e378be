/* chunk.h - files cut into chunks where no parser finds units (code).
 * What     Four sorts of file get units of kind UNIT_CHUNK:
 *          - of a language without a grammar: chunks of CHUNK_MIN to CHUNK_MAX lines;
 *          - of a language with one whose parser did not get through: the same;
 *          - Jupyter notebooks (nbformat 4): each code cell that is not empty, named "cell 3" by its place among all cells.
 *            Its lines are those of the .ipynb file; what it printed is never read;
 *          - Markdown: blocks between fences, of CHUNK_MIN_BLOCK lines or more, whose info string names a programming
 *            language. Others are mostly output, data and file trees.
 *          A parse with errors keeps what it found, be it nothing: that is nearly always a header of declarations behind
 *          macros, which has no units on purpose.
 * Lines    The border of a chunk is chosen by what the lines around it say, not by their number: of all lines where the next
 *          one may begin, the best (a paragraph at the left margin, before one after a closing bracket, before
 *          one inside of a function), and of equals the one with the highest hash. So an inserted line moves the borders near
 *          it, and some way behind it they fall where they fell before. Lines are never cut. No border falls into a
 *          private key, nor behind a line that goes on if there is another choice, so that redact.h sees secrets whole.
 * Covers   Each line of code is in one chunk. Pieces that hold nothing but comments and white space are left out, and so
 *          are Perl's documentation and what follows its __END__.
 * Name     The first line of code, of a block in Markdown the heading above it; cut short, secrets replaced.
 * Trust    None in the text: any bytes. Linear in time; memory grows with the number of chunks, and for a notebook, which is
 *          parsed whole to see that it is one, with its values (json.h).
 * Next     prompt.h. PARSE_VERSION rises with any change to where chunks begin and end, or to their names. */
#ifndef CODE_CHUNK_H
#define CODE_CHUNK_H

#include "base/err.h"
#include "base/strbuf.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

#define CHUNK_MIN       20 /* lines of a chunk, unless the file is shorter or lines are long */
#define CHUNK_MAX       80
#define CHUNK_MAX_BYTES 6000 /* of a chunk of more than one line: a prompt shows all of it */
#define CHUNK_MIN_BLOCK 5
#define CHUNK_MAX_UNITS 65536 /* of a file */

/* The chunks of a text in a language of language.h, in l (uninitialised; released on failure).
 * *note  static text: NULL, or why there are none, one of those below.
 * Returns 0, DOBBY_E_NOMEM. */
MUST_CHECK int chunk_text(struct unit_list *l, const char **note, enum language_id lang,
                          const char *text, size_t len, struct dobby_err *e);

/* A Markdown text holds a block that is a chunk. */
bool chunk_in_markdown(const char *text, size_t len);

/* The code of a notebook's cell, appended to *out. DOBBY_E_INTERNAL when u is no cell of this text, _NOMEM. */
MUST_CHECK int chunk_cell(struct strbuf *out, const struct unit *u, const char *text, size_t len,
                          struct dobby_err *e);

/* "a Perl file", "a Makefile", "a Python notebook": what a chunk is part of, appended to *out. */
void chunk_put_file(struct strbuf *out, const struct unit *u, enum language_id file);
/* What is true of a chunk without reading it: "Lines 3-40 of a Perl file.", "Cell 3 of a Python notebook." */
void chunk_summary(struct strbuf *out, const struct unit *u, enum language_id file);

/* Why a file is without units. */
#define CHUNK_NO_NOTEBOOK "not a notebook of nbformat 4"
#define CHUNK_TOO_MUCH    "a notebook of too many values"
#define CHUNK_TOO_MANY    "too many chunks"

#endif
