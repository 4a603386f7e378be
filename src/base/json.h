/* json.h - writing and reading JSON (base).
 *
 * Writing  Objects are written by whoever knows their keys; only strings need care.
 * Reading  A document is parsed whole into values, which are then asked for members and contents. What came from outside
 *          is checked before anything is allocated for it: depth and number of values are bounded.
 * Strict   RFC 8259 and nothing beyond it; text that is not UTF-8, the same key twice in one object, a lone surrogate and
 *          integers beyond 64 bits are refused with the byte where it happened. Strings may hold NUL ("\u0000").
 * Names    jansson, which does the work, owns json_string, json_object and the like, so what is asked of a value is
 *          json_value_*. json.c is the only file that includes it. Its allocator is left as the host program set it.
 * Threads  A document belongs to one thread at a time. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append s as a JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD; U+2028/9 and what no terminal should get
 * (control, bidi and zero-width characters) are escaped. */
void json_put_string(struct strbuf *b, const char *s, size_t n);

/* ---- reading ---- */

#define JSON_DEPTH_MAX 64 /* objects and arrays in each other */
#define JSON_VALUES_MAX                                                                            \
    (1 << 20) /* values of a document: each takes up to 100 bytes, "[]," in the text only 3 */

struct json_value;

enum json_value_type {
    JSON_VALUE_NULL,
    JSON_VALUE_BOOL,
    JSON_VALUE_INTEGER,
    JSON_VALUE_REAL,
    JSON_VALUE_STRING,
    JSON_VALUE_ARRAY,
    JSON_VALUE_OBJECT
};

/* Parse len bytes, which must hold one value of any type and nothing else but white space. The document is the caller's
 * (json_value_free) and does not point into the text. `what` begins the message: "line 7".
 * Returns 0, or with *out NULL: DOBBY_E_FORMAT (the message tells the byte where it stopped, from 1), DOBBY_E_LIMIT, or DOBBY_E_NOMEM; where
 * memory runs out in the middle of a string, jansson calls the string malformed, and so it is DOBBY_E_FORMAT. */
MUST_CHECK int json_value_parse(struct json_value **out, const char *text, size_t len,
                                const char *what, struct dobby_err *e);
void json_value_free(struct json_value *v); /* a whole document; NULL is fine */

/* All below borrow: what they return lives as long as the document. They take NULL for an absent value, and a value of
 * another type than the one asked for is like an absent one. */
enum json_value_type json_value_type(const struct json_value *v); /* NULL: JSON_VALUE_NULL */
const char *json_value_type_name(const struct json_value *v);     /* "a string", for messages */
/* A member of an object, or NULL. */
const struct json_value *json_value_member(const struct json_value *v, const char *key);
/* The name of the i-th member of an object, in the order of the text, or NULL. O(i). */
const char *json_value_key(const struct json_value *v, size_t i);
size_t json_value_len(const struct json_value *v); /* elements of an array, members of an object */
/* The i-th element of an array, or NULL. */
const struct json_value *json_value_at(const struct json_value *v, size_t i);
/* The bytes of a string and their number (len may be NULL), NUL-terminated; UTF-8; may hold NUL. Or NULL. */
const char *json_value_string(const struct json_value *v, size_t *len);
bool json_value_integer(const struct json_value *v, int64_t *out);
bool json_value_number(const struct json_value *v, double *out); /* integers too */
bool json_value_bool(const struct json_value *v, bool *out);
/* How the member `key` is written in `text`, an object that json_value_parse took: numbers keep their digits that way. The
 * key is found only where it is spelled without escapes. Points into the text; NULL if it is not there. */
const char *json_text_member(const char *text, size_t len, const char *key, size_t *n);
/* How the next element of an array is written: *pos, 0 at first, is where to go on. NULL at the end, or where `text` is no
 * array. */
const char *json_text_element(const char *text, size_t len, size_t *pos, size_t *n);

#endif
