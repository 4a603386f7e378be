/* json.c - JSON strings as in RFC 8259, section 7; documents through jansson (base). See json.h.
 * A struct json_value is jansson's json_t under a name of ours: the pointers are cast, never followed. */
#include "base/json.h"
#include "base/utf8.h"

#include <jansson.h>
#include <string.h>

static void put_escape(struct strbuf *b, uint32_t cp)
{
    switch (cp) {
    case '"':
        strbuf_puts(b, "\\\"");
        break;
    case '\\':
        strbuf_puts(b, "\\\\");
        break;
    case '\n':
        strbuf_puts(b, "\\n");
        break;
    case '\r':
        strbuf_puts(b, "\\r");
        break;
    case '\t':
        strbuf_puts(b, "\\t");
        break;
    default:
        strbuf_printf(b, "\\u%04x", (unsigned)cp);
    }
}

/* The code point cp in the n bytes at s. JSON allows more than it is good for a terminal to get: what utf8_escape would not let
 * through (C1, bidi, zero width) is escaped too, and so are the line ends of JavaScript, U+2028 and U+2029. */
static bool needs_escape(uint32_t cp, const char *s, size_t n)
{
    char safe[UTF8_ESCAPE_MAX];
    size_t safe_len;

    if (cp < 0x80)
        return cp < 0x20 || cp == '"' || cp == '\\' || cp == 0x7F;
    (void)utf8_escape_one(safe, &safe_len, s, n, "");
    return safe_len != n;
}

void json_put_string(struct strbuf *b, const char *s, size_t n)
{
    size_t i = 0, start = 0, len;
    uint32_t cp;

    strbuf_putc(b, '"');
    while (i < n) {
        len = utf8_decode(s + i, n - i, &cp);
        if (cp == UTF8_BAD || needs_escape(cp, s + i, len)) {
            strbuf_add(b, s + start, i - start);
            if (cp == UTF8_BAD)
                strbuf_puts(b, "\xEF\xBF\xBD");
            else
                put_escape(b, cp);
            start = i + len;
        }
        i += len;
    }
    strbuf_add(b, s + start, n - start);
    strbuf_putc(b, '"');
}

/* ---- reading ----------------------------------------------------------------------------------- */

static const json_t *in(const struct json_value *v)
{
    return (const json_t *)v;
}

static const struct json_value *borrow(const json_t *j)
{
    return (const struct json_value *)j;
}

/* Where the string whose opening quote is at `i` ends: behind its closing quote, or at `len` when it has none. */
static size_t string_end(const char *text, size_t len, size_t i)
{
    for (i++; i < len && text[i] != '"'; i++) {
        if (text[i] == '\\')
            i++;
    }
    return i < len ? i + 1 : len;
}

/* jansson allocates while it parses, and recurses to a depth of 2048: so both are bounded before it starts. Brackets and
 * commas outside of strings are an upper bound of depth and number, whether the text is JSON or not. */
static int check_bounds(const char *text, size_t len, const char *what, struct dobby_err *e)
{
    size_t depth = 0, n_values = 1;

    for (size_t i = 0, end; i < len; i = end) {
        end = text[i] == '"' ? string_end(text, len, i) : i + 1;
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if ((text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
        if (text[i] == '{' || text[i] == '[' || text[i] == ',')
            n_values++;
        if (depth > JSON_DEPTH_MAX)
            return err_set(
                e, DOBBY_E_LIMIT,
                "%s: byte %zu: objects and arrays are nested deeper than %d; make it flatter", what,
                i + 1, JSON_DEPTH_MAX);
        if (n_values > JSON_VALUES_MAX)
            return err_set(e, DOBBY_E_LIMIT, "%s: byte %zu: more than %d values; make it shorter",
                           what, i + 1, JSON_VALUES_MAX);
    }
    return 0;
}

/* jansson says nothing when an allocation outside of its lexer fails. The place is where it stopped reading. */
static int parse_error(const json_error_t *je, const char *what, struct dobby_err *e)
{
    if (!je->text[0] || json_error_code(je) == json_error_out_of_memory)
        return err_nomem(e, "a JSON document");
    return err_set(e, DOBBY_E_FORMAT, "%s: byte %d: not JSON: %s; repair it", what,
                   je->position > 0 ? je->position : 1, je->text);
}

int json_value_parse(struct json_value **out, const char *text, size_t len, const char *what,
                     struct dobby_err *e)
{
    json_error_t je = {.text = ""};
    json_t *j;
    int rc;

    *out = NULL;
    rc = check_bounds(text, len, what, e);
    if (rc < 0)
        return rc;
    j = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &je);
    if (!j)
        return parse_error(&je, what, e);
    *out = (struct json_value *)j;
    return 0;
}

void json_value_free(struct json_value *v)
{
    json_decref((json_t *)v);
}

enum json_value_type json_value_type(const struct json_value *v)
{
    if (!v)
        return JSON_VALUE_NULL;
    switch (json_typeof(in(v))) {
    case JSON_OBJECT:
        return JSON_VALUE_OBJECT;
    case JSON_ARRAY:
        return JSON_VALUE_ARRAY;
    case JSON_STRING:
        return JSON_VALUE_STRING;
    case JSON_INTEGER:
        return JSON_VALUE_INTEGER;
    case JSON_REAL:
        return JSON_VALUE_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_VALUE_BOOL;
    case JSON_NULL:
        break;
    }
    return JSON_VALUE_NULL;
}

const char *json_value_type_name(const struct json_value *v)
{
    static const char *const name[] = {"null",     "true or false", "an integer", "a real number",
                                       "a string", "an array",      "an object"};

    return v ? name[json_value_type(v)] : "nothing";
}

const struct json_value *json_value_member(const struct json_value *v, const char *key)
{
    return borrow(json_object_get(in(v), key)); /* NULL unless v is an object */
}

const char *json_value_key(const struct json_value *v, size_t i)
{
    json_t *object = (json_t *)in(v); /* iterating changes nothing, but jansson does not say so */
    void *it = json_object_iter(object); /* NULL unless it is an object with members */

    while (it && i-- > 0)
        it = json_object_iter_next(object, it);
    return it ? json_object_iter_key(it) : NULL;
}

size_t json_value_len(const struct json_value *v)
{
    return json_value_type(v) == JSON_VALUE_OBJECT ? json_object_size(in(v))
                                                   : json_array_size(in(v));
}

const struct json_value *json_value_at(const struct json_value *v, size_t i)
{
    return borrow(json_array_get(in(v), i)); /* NULL unless v is an array */
}

const char *json_value_string(const struct json_value *v, size_t *len)
{
    if (len)
        *len = json_string_length(in(v));
    return json_string_value(in(v));
}

bool json_value_integer(const struct json_value *v, int64_t *out)
{
    if (json_value_type(v) != JSON_VALUE_INTEGER)
        return false;
    *out = json_integer_value(in(v));
    return true;
}

bool json_value_number(const struct json_value *v, double *out)
{
    enum json_value_type t = json_value_type(v);

    if (t != JSON_VALUE_INTEGER && t != JSON_VALUE_REAL)
        return false;
    *out = json_number_value(in(v));
    return true;
}

bool json_value_bool(const struct json_value *v, bool *out)
{
    if (json_value_type(v) != JSON_VALUE_BOOL)
        return false;
    *out = json_is_true(in(v));
    return true;
}

/* ---- the text of a member ---------------------------------------------------------------------- */

static size_t skip_space(const char *text, size_t len, size_t i)
{
    while (i < len && strchr(" \t\n\r", text[i]) && text[i])
        i++;
    return i;
}

/* Behind the value that starts at i: its comma or closing bracket, before any space. */
static size_t value_end(const char *text, size_t len, size_t i)
{
    size_t end = i;
    int depth = 0;

    while (i < len) {
        if (depth == 0 && (text[i] == ',' || text[i] == '}' || text[i] == ']'))
            break;
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if (text[i] == '}' || text[i] == ']')
            depth--;
        i = text[i] == '"' ? string_end(text, len, i) : i + 1;
        if (skip_space(text, i, i - 1) < i)
            end = i;
    }
    return end;
}

const char *json_text_member(const char *text, size_t len, const char *key, size_t *n)
{
    size_t key_len = strlen(key), i = skip_space(text, len, 0), key_start, end;

    while (i < len && text[i] != '}') { /* text[i] is the object's '{' or a comma */
        key_start = skip_space(text, len, i + 1);
        i = string_end(text, len, key_start);
        if (i >= len)
            break; /* "{}" */
        bool found =
            i - key_start == key_len + 2 && memcmp(text + key_start + 1, key, key_len) == 0;
        i = skip_space(text, len, skip_space(text, len, i) + 1); /* over the colon */
        end = value_end(text, len, i);
        if (found) {
            *n = end - i;
            return text + i;
        }
        i = skip_space(text, len, end);
    }
    return NULL;
}

const char *json_text_element(const char *text, size_t len, size_t *pos, size_t *n)
{
    size_t i = *pos ? *pos : skip_space(text, len, 0), end;

    if (i >= len || text[i] != (*pos ? ',' : '['))
        return NULL;
    i = skip_space(text, len, i + 1); /* over the array's '[' or a comma */
    end = value_end(text, len, i);
    if (end == i)
        return NULL; /* "[]" */
    *n = end - i;
    *pos = skip_space(text, len, end);
    return text + i;
}
