/* header.h - what a source file says of itself: its header comment or module docstring (code).
 * What     The top of the text is read, as far as comments, interpreter line, include guards, package lines and the like reach;
 *          no syntax tree is needed. A comment is the file's own when a blank line parts it from code, when what
 *          follows is an import or package line, or when it says so (@file, Rust's and Zig's //!, a docstring); one that
 *          stands right before code is about that.
 *          Of the file's comments the first good sentence counts (doc.h). What is no prose of the authors about the code is
 *          passed over: licences, names and dates, lines for editors and tools, the file's own name before a dash.
 * Version  A change to these rules changes what files show: raise PARSE_VERSION (parse.h) with it, so that stores read their files
 *          anew. */
#ifndef CODE_HEADER_H
#define CODE_HEADER_H

#include "base/strbuf.h"
#include "code/unit.h"

/* Append the sentence to *out. True when there is one; false otherwise, also when memory ran out (*out has failed then).
 * name       the last component of the file's path
 * units, n   of the file, in any order: comments that document one of them are theirs */
bool header_sentence(struct strbuf *out, enum language_id lang, const char *name,
                     const struct unit *units, size_t n, const char *source, size_t len);

#endif
