/* json.h - JSON by jansson (base); the only file that touches it in src/. Objects keep the order of insertion. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Append s as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD; U+2028/9 are escaped. */
void json_put_string(struct strbuf *b, const char *s, size_t n);

#endif
