/* text.h - small questions about prose: words, sentences, what has no place in a summary (code, private).
 * All take bytes and a length; nothing is allocated. */
#ifndef CODE_TEXT_H
#define CODE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Some bytes of a text that somebody else owns. */
struct text {
    const char *s;
    size_t n;
};

/* What is left behind the first n bytes; nothing if there are fewer. */
static inline struct text text_skip(struct text t, size_t n)
{
    n = n < t.n ? n : t.n;
    return (struct text){t.s + n, t.n - n};
}
/* Does it begin with `what`, byte for byte? */
static inline bool text_begins(struct text t, const char *what)
{
    size_t n = strlen(what);

    return t.n >= n && memcmp(t.s, what, n) == 0;
}
static inline bool text_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
/* Without the white space around it. */
static inline struct text text_trim(struct text t)
{
    while (t.n > 0 && text_is_space(t.s[0]))
        t = text_skip(t, 1);
    while (t.n > 0 && text_is_space(t.s[t.n - 1]))
        t.n--;
    return t;
}
bool text_is_ident(char c); /* letter, digit, underscore, dollar sign, or a byte beyond ASCII */
bool text_is_letter(char c);

/* The next run of bytes that are not white space, from *pos on; false at the end. */
bool text_next_token(const char *s, size_t n, size_t *pos, const char **token, size_t *len);
/* Tokens that hold a letter or digit. */
size_t text_words(const char *s, size_t n);
/* Length of the first sentence with its mark (. ! ?), 0 when none ends. A mark ends a sentence before white space
 * or at the end, not after an abbreviation, not inside parentheses or backticks. */
size_t text_sentence(const char *s, size_t n);
/* Case-insensitive (ASCII) search; `word` also asks for word boundaries. */
bool text_has(const char *s, size_t n, const char *what);
bool text_has_word(const char *s, size_t n, const char *word);
bool text_starts(const char *s, size_t n, const char *what);
/* Whole UTF-8 without control, bidi and zero-width characters. False also when memory runs out. */
bool text_is_clean(const char *s, size_t n);
bool text_has_link(const char *s, size_t n);
/* Talks to a reader or about a language model: not what a summary of code does. */
bool text_is_addressed(const char *s, size_t n);
/* Speaks of rights: copyright, licence, warranty. */
bool text_is_legal(const char *s, size_t n);

#endif
