/* scip.h - rows of a result as a SCIP index: definitions and their documentation, for code browsers (cli).
 *
 * What     One Index message of scip.proto, written field by field as rows come: metadata, then a document a file. A unit is a
 *          symbol with its summary as documentation and one occurrence, its definition: `range` is the first line of the unit, `enclosing_range`
 *          all of it, whole lines both (rows know no columns). Findings are diagnostics of the occurrence.
 * Symbols  `dobby . TITLE . src/`list.c`/Circle#area().`: directories and the file as namespaces, then the parts of the qualified name.
 *          Of several alike in a file the later ones are told apart: area(+1). for what is called, `Circle~2`# for the others.
 * Left out Directories and the repository: a document is a file. Files whose paths are not UTF-8: the schema has no way to
 *          name them; scip_end() says how many in a log line.
 * Stable   project_root is file:///, tool arguments are absent: nothing of this machine is in it. Fields in the order of
 *          their numbers, so the bytes are those that protoc writes for the same content.
 * Source   scip.proto of the SCIP project; the Protocol Buffers encoding guide. */
#ifndef CLI_SCIP_H
#define CLI_SCIP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>

struct scip_unit;

struct scip {
    struct arena whole; /* the title */
    const char *title;
    struct arena file; /* of the document that is being collected, dropped with it */
    const char *path;  /* NULL: none yet */
    size_t path_len;
    const char *language;
    struct scip_unit *units;
    size_t n, cap;
    size_t n_left_out; /* files */
};

/* Zero it first. All append to `out` and return 0 or DOBBY_E_NOMEM. */
MUST_CHECK int scip_begin(struct scip *s, struct strbuf *out, const char *title,
                          struct dobby_err *e);
MUST_CHECK int scip_row(struct scip *s, struct strbuf *out, const struct dobby_row *row,
                        struct dobby_err *e);
MUST_CHECK int scip_end(struct scip *s, struct strbuf *out, struct dobby_err *e);
void scip_release(struct scip *s);

#endif
