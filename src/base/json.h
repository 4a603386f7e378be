/* json.h - writing JSON (base). Objects are written by whoever knows their keys; only strings need care. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Append s as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD; U+2028/9 are escaped. */
void json_put_string(struct strbuf *b, const char *s, size_t n);

#endif
