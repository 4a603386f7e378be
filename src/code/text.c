/* text.c - small questions about prose (code). The manual is text.h. */
#include "code/text.h"

#include "base/size.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <string.h>
#include <strings.h>

bool text_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 128;
}

bool text_is_ident(char c)
{
    return text_is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

bool text_next_token(const char *s, size_t n, size_t *pos, const char **token, size_t *len)
{
    size_t i = *pos, start;

    while (i < n && text_is_space(s[i]))
        i++;
    start = i;
    while (i < n && !text_is_space(s[i]))
        i++;
    *token = s + start;
    *len = i - start;
    *pos = i;
    return i > start;
}

size_t text_words(const char *s, size_t n)
{
    size_t pos = 0, len, i, count = 0;
    const char *token;

    while (text_next_token(s, n, &pos, &token, &len)) {
        for (i = 0; i < len && !(text_is_ident(token[i]) && token[i] != '_' && token[i] != '$');)
            i++;
        count += i < len;
    }
    return count;
}

/* The word that ends with the full stop at s[dot] is one that goes on: "e.g.", "J.". */
static bool is_abbreviation(const char *s, size_t dot)
{
    static const char *const known[] = {"e.g",  "i.e",   "etc", "vs",  "cf",  "resp", "approx",
                                        "incl", "fig",   "no",  "min", "max", "dr",   "mr",
                                        "st",   "a.k.a", "eq",  "ref", "sec", "ch"};
    size_t start = dot, i;

    while (start > 0 && !text_is_space(s[start - 1]) && s[start - 1] != '(')
        start--;
    if (dot - start == 1 && s[start] >= 'A' && s[start] <= 'Z')
        return true;
    for (i = 0; i < ARRAY_LEN(known); i++)
        if (strlen(known[i]) == dot - start && strncasecmp(known[i], s + start, dot - start) == 0)
            return true;
    return false;
}

/* An abbreviation may end a sentence too: then what follows begins like one. */
static bool goes_on(const char *s, size_t n, size_t mark)
{
    size_t i = mark + 1;

    while (i < n && text_is_space(s[i]))
        i++;
    if (i == n)
        return false;
    if (s[i] >= 'a' && s[i] <= 'z')
        return s[mark] == '.';
    return s[mark] == '.' && is_abbreviation(s, mark);
}

size_t text_sentence(const char *s, size_t n)
{
    int depth = 0;
    bool code = false;
    size_t i;

    for (i = 0; i < n; i++) {
        if (s[i] == '`')
            code = !code;
        else if (s[i] == '(')
            depth++;
        else if (s[i] == ')' && depth > 0)
            depth--;
        if ((s[i] != '.' && s[i] != '!' && s[i] != '?') || depth > 0 || code)
            continue;
        if ((i + 1 == n || text_is_space(s[i + 1])) && !goes_on(s, n, i))
            return i + 1;
    }
    return 0;
}

bool text_starts(const char *s, size_t n, const char *what)
{
    size_t w = strlen(what);

    return n >= w && strncasecmp(s, what, w) == 0;
}

bool text_has(const char *s, size_t n, const char *what)
{
    size_t w = strlen(what), i;

    for (i = 0; i + w <= n; i++)
        if (strncasecmp(s + i, what, w) == 0)
            return true;
    return false;
}

bool text_has_word(const char *s, size_t n, const char *word)
{
    size_t w = strlen(word), i;

    for (i = 0; i + w <= n; i++)
        if (strncasecmp(s + i, word, w) == 0 && (i == 0 || !text_is_ident(s[i - 1])) &&
            (i + w == n || !text_is_ident(s[i + w])))
            return true;
    return false;
}

bool text_is_clean(const char *s, size_t n)
{
    char b[64];

    /* A code point at a time, so that nothing is allocated: "no" must never mean "no memory". */
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t w = utf8_decode(s + i, n - i, &cp);

        utf8_escape_fixed(b, sizeof(b), s + i, w);
        if (strlen(b) != w || memcmp(b, s + i, w) != 0)
            return false;
        i += w;
    }
    return true;
}

bool text_has_link(const char *s, size_t n)
{
    return text_has(s, n, "://") || text_has(s, n, "www.") || text_has(s, n, "mailto:");
}

bool text_is_addressed(const char *s, size_t n)
{
    static const char *const words[] = {"you", "your", "please", "disregard", "i'm"};
    static const char *const phrases[] = {"ignore previous",      "ignore all", "ignore the above",
                                          "ignore any",           "as an ai",   "language model",
                                          "previous instructions"};
    static const char *const starts[] = {"sure,",    "sure!", "certainly", "here is",  "here's",
                                         "here are", "okay",  "ok,",       "of course"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++)
        if (text_has_word(s, n, words[i]))
            return true;
    if (n > 1 && s[0] == 'I' && s[1] == ' ') /* a small i is a variable */
        return true;
    if (memmem(s, n, " I ", 3))
        return true;
    for (i = 0; i < ARRAY_LEN(phrases); i++)
        if (text_has(s, n, phrases[i]))
            return true;
    for (i = 0; i < ARRAY_LEN(starts); i++)
        if (text_starts(s, n, starts[i]))
            return true;
    return false;
}

bool text_is_legal(const char *s, size_t n)
{
    static const char *const words[] = {"copyright", "copyrighted", "licensed", "sublicense",
                                        "warranty",  "warranties",  "spdx",     "redistribution",
                                        "gpl",       "lgpl"};
    static const char *const phrases[] = {"(c) ",
                                          "all rights reserved",
                                          "license agreement",
                                          "under the terms",
                                          "public license",
                                          "public domain",
                                          "apache license",
                                          "mit license",
                                          "bsd license",
                                          "isc license",
                                          "free software",
                                          "redistribute",
                                          "permission is",
                                          "permissions and lim",
                                          "conditions are met",
                                          "above notice",
                                          "as is\"",
                                          "\"as is",
                                          "liable for",
                                          "no event shall",
                                          "law or agreed",
                                          "hope that it will",
                                          "received a copy",
                                          "neither the name of",
                                          "at your option",
                                          "license can be found",
                                          "license file",
                                          "license that can",
                                          "bsd-style",
                                          "see license",
                                          "see the license",
                                          "subject to the",
                                          "trademark",
                                          "distributed under",
                                          "released under",
                                          "this license",
                                          "the license",
                                          "creative commons",
                                          "this source code is",
                                          "proprietary",
                                          "confidential",
                                          "see copying",
                                          "authors file",
                                          "contributor agreement",
                                          "express or imp",
                                          "this file is part of",
                                          "this is part of the",
                                          "is part of the gnu"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (text_has_word(s, n, words[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (text_has(s, n, phrases[i]))
            return true;
    return memmem(s, n, "\xc2\xa9", 2) != NULL;
}
