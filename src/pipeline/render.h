/* render.h - text from outside as Markdown (pipeline). What could be markup is escaped, control characters are shown. */
#ifndef PIPELINE_RENDER_H
#define PIPELINE_RENDER_H

#include "base/strbuf.h"

/* Inside a paragraph. */
void render_plain(struct strbuf *b, const char *s, size_t n);
/* As a code span. */
void render_code(struct strbuf *b, const char *s, size_t n);

#endif
