/* redact.h - secrets out of text before it is prompted, stored or printed (code). The only user of PCRE2.
 * What     Known forms of keys and tokens, private key blocks, passwords in addresses, and literals assigned to names like
 *          "password" when they look random, become [redacted:KIND]. The value is kept nowhere, nor a hash of it.
 * Cost     A pattern runs only when one of its keywords is in the text: without secrets, a few memmem passes.
 * Threads  Any; the patterns are compiled once. */
#ifndef CODE_REDACT_H
#define CODE_REDACT_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stddef.h>

/* Append text to *out with secrets replaced; *n_found (may be NULL) counts them.
 * Returns 0, DOBBY_E_NOMEM, or DOBBY_E_LIMIT when a pattern met its step limit: then *out holds no text. */
MUST_CHECK int redact(struct strbuf *out, const char *text, size_t len, size_t *n_found,
                      struct dobby_err *e);

#endif
