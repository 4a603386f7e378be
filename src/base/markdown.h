/* markdown.h - text from outside as Markdown that shows just that text (base).
 * Names, paths and summaries come from elsewhere: whatever could be taken for markup is escaped, and control characters are
 * shown, not sent (utf8_escape). Source: CommonMark 0.30; '~', '$' and bare '&' for its common extensions. */
#ifndef BASE_MARKDOWN_H
#define BASE_MARKDOWN_H

#include "base/strbuf.h"

#include <stddef.h>

/* Text inside a paragraph: no markup, no line of its own. */
void markdown_put_text(struct strbuf *b, const char *s, size_t n);
/* A code span: its fence is longer than any run of backticks inside. */
void markdown_put_code(struct strbuf *b, const char *s, size_t n);
/* The target of a link to a path (bytes): what is not plain in a URL is written as %XX. */
void markdown_put_target(struct strbuf *b, const char *path, size_t n);

#endif
