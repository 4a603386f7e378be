/* llms.h - rows of a result as llms.txt: a map of a project for a language model to read (cli).
 *
 * What     The title, the repository's summary, then a section a directory with a line a file: `- [path](path): what it is`. A
 *          file without a summary of its own names its longest units. It is to be read whole, so it is bounded:
 *          LLMS_LINES_MAX lines, unless the top directory alone holds more; where files are more, directories are told by a line
 *          each, the deep ones first.
 * Cost     A file's path and what its line may say are kept until the end; the units are not.
 * Source   The proposal at llmstxt.org: title, block quote, sections of link lists. */
#ifndef CLI_LLMS_H
#define CLI_LLMS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>

#define LLMS_LINES_MAX 500

struct llms_entry;

struct llms {
    struct arena mem;
    struct llms_entry *entries; /* files and directories */
    size_t n, cap, n_files, n_units;
    const char *summary; /* of the repository; NULL: none */
};

/* Zero it first. Both return 0 or DOBBY_E_NOMEM. */
MUST_CHECK int llms_row(struct llms *l, const struct dobby_row *row, struct dobby_err *e);
/* Append the whole text. The rows are spent then. */
MUST_CHECK int llms_end(struct llms *l, struct strbuf *out, const char *title, struct dobby_err *e);
void llms_release(struct llms *l);

#endif
