/* manifest_doc.h - what a package's manifest says it is (code).
 * What     The description of package.json, composer.json, Cargo.toml, pyproject.toml, setup.cfg and NAME.gemspec. Of the TOML and
 *          INI files one key of one table is wanted, on one line; no more of them is understood.
 * Trust    None: JSON goes through base/json.h, the rest is looked at line by line; the text is judged as a README's. */
#ifndef CODE_MANIFEST_DOC_H
#define CODE_MANIFEST_DOC_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Is it the name (last component) of a file that manifest_sentence reads? */
bool manifest_known(const char *name, size_t len);
/* Append the description as a sentence to *out. True when there is one that is good; false otherwise, also when memory ran out
 * (*out has failed then). */
bool manifest_sentence(struct strbuf *out, const char *name, size_t len, const char *text,
                       size_t n);

#endif
