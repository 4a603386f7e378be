/* chunk_list.h - making units of chunks (code, private to chunk*.c). */
#ifndef CODE_CHUNK_LIST_H
#define CODE_CHUNK_LIST_H

#include "base/strbuf.h"
#include "code/chunk.h"
#include "code/text.h"

struct chunk_list {
    struct unit_list *l;
    enum language_id file;
    const char *text;
    size_t len, cap;
    const char *note; /* static; NULL */
    size_t at;        /* lines are counted up to this byte: */
    int line;         /* its number */
    struct strbuf name, safe;
    struct dobby_err *e;
};

/* The chunk s, which lies behind those before it. `name` is any text of one line; lang may be LANGUAGE_NONE.
 * Returns 0, DOBBY_E_LIMIT with the note set, _NOMEM. */
MUST_CHECK int chunk_add(struct chunk_list *c, struct span s, enum language_id lang,
                         struct text name);
/* The line that begins at byte `at` without its end, and the byte behind it. */
struct text chunk_line(const char *text, size_t len, size_t at, size_t *next);
struct text chunk_trim(struct text t);
/* Could this line name the chunk that it stands in? */
bool chunk_may_name(struct text line);

MUST_CHECK int chunk_markdown(struct chunk_list *c);
MUST_CHECK int chunk_notebook(struct chunk_list *c);

#endif
