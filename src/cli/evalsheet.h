/* evalsheet.h - sheets for a reader who scores summaries, and pairs for training, of `dobby eval` (cli).
 *
 * What     A sheet holds units in an order that says nothing, each with its code and the texts of all systems in an order that
 *          says nothing, equal ones once; which is whose stands in the key, a file of its own. A reader sees the sheet only.
 * Forms    Markdown: `## u007 python`, the code indented by four spaces, then `- [ ] text` for each text, where the score goes into the
 *          brackets. JSON lines: {"id","language","code","texts","scores"}, a score for each text. The meaning of scores stands
 *          above, in the JSON form as an object without an id.
 *          Key, JSON lines: {"id","path","name","kind","language","check","texts"}, a list of systems for each text; check is a digest of the
 *          texts, so that a key cannot be taken for another sheet's. It holds no code and no text.
 * Next     evaltally.h for what becomes of it. */
#ifndef CLI_EVALSHEET_H
#define CLI_EVALSHEET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <stdint.h>

#define EVAL_CHECK_LEN 16 /* hex digits of a check */

struct sheet_unit;

struct sheet {
    struct arena arena;
    struct sheet_unit *units;
    size_t n, cap;
};

/* Zero it first. The unit's texts are copied. Returns 0 or DOBBY_E_NOMEM. */
MUST_CHECK int sheet_add(struct sheet *s, const struct dobby_eval_unit *u, struct dobby_err *e);
/* Write both files; a name that ends in .jsonl gets the JSON form. key NULL: the sheet's name with .key.jsonl behind it. The same
 * units and seed give the same bytes. */
MUST_CHECK int sheet_write(struct sheet *s, const char *path, const char *key, uint64_t seed,
                           struct dobby_err *e);
void sheet_release(struct sheet *s);

/* The key's name for a sheet, appended to *out. */
void sheet_key_name(struct strbuf *out, const char *sheet);
/* out becomes the check of n texts in the order of the sheet. */
MUST_CHECK int sheet_check(char out[EVAL_CHECK_LEN + 1], const char *const *texts, size_t n,
                           struct dobby_err *e);

/* "author", "name", "signature", "sibling", "model", "given". */
const char *eval_source_name(enum dobby_eval_source s);

/* A line for training, appended: {"path","name","kind","language","messages","code","target"}. */
void pair_put(struct strbuf *out, const struct dobby_eval_unit *u);

#endif
