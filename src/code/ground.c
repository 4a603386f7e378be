/* ground.c - what a sentence says against what the code holds (code). The manual is ground.h. */
#include "code/ground.h"

#include "base/size.h"

#include <string.h>
#include <strings.h>

/* ---- names ---------------------------------------------------------------------------------------------------- */

static char squash_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (text_is_ident(c) && c != '_' && c != '$') ? c : '\0';
}

/* Equal but for case, underscores and hyphens. */
static bool same_squashed(struct text a, struct text b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && !squash_char(a.s[i]))
            i++;
        while (k < b.n && !squash_char(b.s[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (squash_char(a.s[i++]) != squash_char(b.s[k++]))
            return false;
    }
}

/* Words for what every language has, however it is called there. */
static bool is_common_name(struct text w)
{
    static const char *const known[] = {"true", "false", "null", "None", "nil", "undefined"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (same_squashed(w, (struct text){known[i], strlen(known[i])}))
            return true;
    return false;
}

bool ground_looks_like_name(struct text w)
{
    bool inner = false;
    size_t small = 0;

    for (size_t i = 0; i < w.n; i++) {
        if (w.s[i] == '_' || w.s[i] == '$' || (w.s[i] >= '0' && w.s[i] <= '9'))
            return true;
        small += w.s[i] >= 'a' && w.s[i] <= 'z';
        inner |= i > 0 && w.s[i] >= 'A' && w.s[i] <= 'Z';
    }
    /* "URL", "URLs" */
    return inner && small > 0 && !(small == 1 && w.s[w.n - 1] == 's');
}

static bool is_number(struct text w)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.s[i] < '0' || w.s[i] > '9')
            return false;
    return w.n > 0;
}

/* The next identifier of t from *pos on, or part of one between underscores; none: n is 0. */
static struct text next_ident(struct text t, size_t *pos, bool parts)
{
    size_t i = *pos, start;

    while (i < t.n && (!text_is_ident(t.s[i]) || (parts && t.s[i] == '_')))
        i++;
    start = i;
    while (i < t.n && text_is_ident(t.s[i]) && !(parts && t.s[i] == '_'))
        i++;
    *pos = i;
    return (struct text){t.s + start, i - start};
}

/* The identifier of t that is w, up to case and underscores (max_size for maxSize); n is 0 if there is none. parts:
 * also a part between underscores: LZ4 of LZ4_compress, as prose calls the thing. */
static struct text find_name(struct text w, struct text t, bool parts)
{
    size_t pos = 0;

    for (;;) {
        struct text name = next_ident(t, &pos, parts);

        if (name.n == 0 || same_squashed(name, w))
            return name;
    }
}

/* A number stands in t, be it inside a name (32 in uint32_t). */
static bool has_number(struct text w, struct text t)
{
    const char *p = t.s, *end = t.s + t.n;

    while (p < end && (p = memmem(p, (size_t)(end - p), w.s, w.n)) != NULL) {
        bool before = p > t.s && p[-1] >= '0' && p[-1] <= '9';
        bool after = p + w.n < end && p[w.n] >= '0' && p[w.n] <= '9';

        if (!before && !after)
            return true;
        p++;
    }
    return false;
}

static bool is_known(struct text w, const struct ground *g, bool quoted)
{
    const struct text where[] = {g->code, g->context, g->own};

    if (!quoted && !ground_looks_like_name(w))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        if (is_number(w) ? has_number(w, where[i])
                         : find_name(w, where[i], false).n > 0 ||
                               (!quoted && find_name(w, where[i], true).n > 0))
            return true;
    }
    return is_common_name(w);
}

/* What stands in parentheses right behind a word makes it plural or optional: "name(s)". */
static bool is_ending(struct text t)
{
    static const char *const endings[] = {"(s)", "(es)", "(ies)", "(d)", "(ed)"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (text_begins(t, endings[i]))
            return true;
    return false;
}

bool ground_names_known(struct text t, const struct ground *g)
{
    bool quoted = false;

    /* Names are split at all marks, so a.b and a::b are a and b. */
    for (size_t i = 0; i < t.n;) {
        size_t start = i;
        bool called;

        if (!text_is_ident(t.s[i])) {
            if (t.s[i] == '`')
                quoted = !quoted;
            i++;
            continue;
        }
        while (i < t.n && text_is_ident(t.s[i]))
            i++;
        called = i < t.n && t.s[i] == '(' && !is_ending(text_skip(t, i));
        if (!is_known((struct text){t.s + start, i - start}, g, quoted || called))
            return false;
    }
    return true;
}

struct text ground_spelling(struct text word, const struct ground *g)
{
    const struct text where[] = {g->code, g->context, g->own};
    struct text first = word;

    if (!ground_looks_like_name(word) || is_number(word))
        return word;
    for (size_t i = 0; i < ARRAY_LEN(where); i++) {
        size_t pos = 0;

        for (;;) {
            struct text name = next_ident(where[i], &pos, false);

            if (name.n == 0)
                break;
            if (!same_squashed(name, word))
                continue;
            if (name.n == word.n && strncasecmp(name.s, word.s, word.n) == 0)
                return word;
            if (first.s == word.s)
                first = name;
        }
    }
    return first;
}

/* ---- words ---------------------------------------------------------------------------------------------------- */

static bool is_in(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

/* Words that join others. */
static bool is_stop_word(const char *w)
{
    static const char *const words[] = {
        "a",         "an",    "the",   "of",      "to",      "in",      "on",      "at",
        "by",        "for",   "from",  "with",    "into",    "onto",    "as",      "is",
        "are",       "be",    "been",  "was",     "were",    "and",     "or",      "nor",
        "not",       "but",   "if",    "when",    "which",   "that",    "this",    "these",
        "those",     "it",    "its",   "whether", "where",   "while",   "then",    "than",
        "so",        "such",  "given", "any",     "all",     "each",    "every",   "will",
        "would",     "can",   "may",   "must",    "should",  "does",    "do",      "has",
        "have",      "had",   "there", "here",    "via",     "per",     "also",    "only",
        "other",     "their", "they",  "them",    "our",     "we",      "one",     "no",
        "after",     "up",    "out",   "over",    "between", "before",  "until",   "whose",
        "both",      "same",  "else",  "how",     "what",    "who",     "some",    "used",
        "using",     "use",   "uses",  "based",   "within",  "without", "through", "about",
        "otherwise", "along", "own"};

    return is_in(w, words, ARRAY_LEN(words));
}

static bool ends_with(const char *w, size_t n, const char *end)
{
    size_t k = strlen(end);

    return n > k + 2 && memcmp(w + n - k, end, k) == 0;
}

/* Cut an ending off w, n letters: "removes", "removing" and "removed" become "remov", "copies" and "copy" "cop". */
static size_t stem_len(const char *w, size_t n)
{
    static const char *const endings[] = {"ing", "ied", "ed", "er"};

    if (ends_with(w, n, "ies"))
        return n - 3;
    if (n > 3 && w[n - 1] == 's' && w[n - 2] != 's')
        n--;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (!ends_with(w, n, endings[i]))
            continue;
        n -= strlen(endings[i]);
        if (n > 3 && w[n - 1] == w[n - 2] && w[n - 1] != 's' && w[n - 1] != 'l')
            n--; /* stopping */
        break;
    }
    while (n > 3 && (w[n - 1] == 'e' || w[n - 1] == 'y'))
        n--;
    return n;
}

/* Words that are true of any code, by their stems. */
static bool is_generic(const char *stem)
{
    static const char *const words[] = {"return",
                                        "get",
                                        "set",
                                        "value",
                                        "object",
                                        "function",
                                        "method",
                                        "class",
                                        "type",
                                        "code",
                                        "data",
                                        "result",
                                        "parameter",
                                        "argument",
                                        "input",
                                        "output",
                                        "perform",
                                        "operation",
                                        "operate",
                                        "handle",
                                        "logic",
                                        "process",
                                        "execute",
                                        "execution",
                                        "run",
                                        "call",
                                        "something",
                                        "various",
                                        "task",
                                        "thing",
                                        "define",
                                        "definition",
                                        "implement",
                                        "implementation",
                                        "work",
                                        "main",
                                        "program",
                                        "script",
                                        "module",
                                        "variable",
                                        "instance",
                                        "provide",
                                        "specific",
                                        "specified",
                                        "certain",
                                        "action",
                                        "purpose",
                                        "necessary",
                                        "required",
                                        "appropriate",
                                        "relevant",
                                        "simple",
                                        "basic",
                                        "take",
                                        "make",
                                        "placeholder",
                                        "initialize",
                                        "initialise",
                                        "initialization",
                                        "functionality",
                                        "procedure",
                                        "routine",
                                        "block",
                                        "snippet",
                                        "example",
                                        "following",
                                        "new",
                                        "create",
                                        "current",
                                        "system",
                                        "application",
                                        "different",
                                        "multiple",
                                        "several",
                                        "piece",
                                        "part",
                                        "represent",
                                        "behavior",
                                        "behaviour",
                                        "component",
                                        "element",
                                        "empty",
                                        "nothing",
                                        "stub",
                                        "todo",
                                        "unit",
                                        "software",
                                        "computer",
                                        "programming",
                                        "language",
                                        "python",
                                        "javascript",
                                        "responsible",
                                        "job",
                                        "needed",
                                        "stuff",
                                        "main"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = stem_len(words[i], strlen(words[i]));

        if (strlen(stem) == n && memcmp(words[i], stem, n) == 0)
            return true;
    }
    return false;
}

/* Where the word that starts at s[i] ends: letters, as long as no capital follows a small one; or digits. */
static size_t word_end(struct text t, size_t i)
{
    bool digit = t.s[i] >= '0' && t.s[i] <= '9';
    size_t k = i + 1;

    while (k < t.n && (digit ? t.s[k] >= '0' && t.s[k] <= '9' : text_is_letter(t.s[k]))) {
        if (!digit && t.s[k] >= 'A' && t.s[k] <= 'Z' && t.s[k - 1] >= 'a' && t.s[k - 1] <= 'z')
            break;
        k++;
    }
    return k;
}

static void put_word(struct ground_words *out, struct text w)
{
    struct ground_word *g = &out->v[out->n];
    char low[GROUND_STEM];
    size_t n = size_min(w.n, sizeof(low) - 1);

    for (size_t i = 0; i < n; i++)
        low[i] = w.s[i] >= 'A' && w.s[i] <= 'Z' ? (char)(w.s[i] + 32) : w.s[i];
    low[n] = '\0';
    if (is_stop_word(low))
        return;
    n = stem_len(low, n);
    memcpy(g->stem, low, n);
    g->stem[n] = '\0';
    g->generic = is_generic(g->stem);
    if (n > 1)
        out->n++;
}

static void add_words(struct ground_words *out, struct text t)
{
    for (size_t i = 0; i < t.n && out->n < GROUND_MAX_WORDS;) {
        size_t end;

        if (!text_is_letter(t.s[i]) && !(t.s[i] >= '0' && t.s[i] <= '9')) {
            i++;
            continue;
        }
        end = word_end(t, i);
        put_word(out, (struct text){t.s + i, end - i});
        i = end;
    }
}

void ground_words_of(struct ground_words *out, struct text t)
{
    out->n = 0;
    add_words(out, t);
}

/* A part of an identifier begins at s[i]. */
static bool begins_part(struct text t, size_t i)
{
    char c = t.s[i], b = i > 0 ? t.s[i - 1] : ' ';

    if (!text_is_letter(b))
        return true;
    if (c < 'A' || c > 'Z')
        return false;
    return !(b >= 'A' && b <= 'Z') || (i + 1 < t.n && t.s[i + 1] >= 'a' && t.s[i + 1] <= 'z');
}

#define ANYWHERE 4 /* letters of a stem that counts in the middle of a name too */

bool ground_has_word(struct text code, const char *stem)
{
    size_t n = strlen(stem);

    for (size_t i = 0; n > 0 && i + n <= code.n; i++) {
        char c = code.s[i] >= 'A' && code.s[i] <= 'Z' ? (char)(code.s[i] + 32) : code.s[i];

        if (c == stem[0] && (n >= ANYWHERE || begins_part(code, i)) &&
            strncasecmp(code.s + i, stem, n) == 0)
            return true;
    }
    return false;
}

static bool has_stem(const struct ground_words *w, const char *stem)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->v[i].stem, stem) == 0)
            return true;
    return false;
}

/* ---- copies, boilerplate ---------------------------------------------------------------------------------------- */

/* The words of t without the unit's own name, which says nothing of what it does. */
static void words_but_name(struct ground_words *out, struct text t, const struct ground *g)
{
    size_t pos = 0;

    out->n = 0;
    for (;;) {
        struct text w = next_ident(t, &pos, false);

        if (w.n == 0)
            return;
        if (!(ground_looks_like_name(w) && find_name(w, g->own, false).n > 0))
            add_words(out, w);
    }
}

void ground_compare(struct ground_likeness *out, struct text t, struct text other,
                    const struct ground *g)
{
    struct ground_words mine, theirs;

    words_but_name(&mine, t, g);
    ground_words_of(&theirs, other);
    *out = (struct ground_likeness){.n = mine.n, .n_other = theirs.n};
    for (size_t i = 0; i < mine.n; i++) {
        const struct ground_word *w = &mine.v[i];
        bool shared = has_stem(&theirs, w->stem);
        bool borne =
            !w->generic && (ground_has_word(g->code, w->stem) || ground_has_word(g->own, w->stem));

        out->n_plain += !w->generic;
        out->shared += shared;
        out->plain += shared && !w->generic;
        out->plain_borne += shared && borne;
        out->novel += !shared && !w->generic;
        out->novel_borne += !shared && borne;
    }
}

static bool same_stem(struct text a, struct text b)
{
    size_t n = stem_len(a.s, a.n), k = stem_len(b.s, b.n);

    return n == k && strncasecmp(a.s, b.s, n) == 0;
}

static bool is_article(struct text w)
{
    static const char *const words[] = {"a", "an", "the", "one", "its", "all", "this"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == w.n && strncasecmp(words[i], w.s, w.n) == 0)
            return true;
    return false;
}

/* The words of t, but the first one, articles and the unit's name, stand in `other` in their order. */
static bool runs_through(struct text t, struct text other, const struct ground *g)
{
    size_t pos = 0, at = 0;
    struct text w = next_ident(t, &pos, false), in;

    while ((w = next_ident(t, &pos, false)).n > 0) {
        if (is_article(w) || (ground_looks_like_name(w) && find_name(w, g->own, false).n > 0))
            continue;
        do
            in = next_ident(other, &at, false);
        while (in.n > 0 && !same_stem(w, in));
        if (in.n == 0)
            return false;
    }
    return true;
}

bool ground_is_copy(struct text t, struct text other, const struct ground *g)
{
    struct ground_likeness l;

    ground_compare(&l, t, other, g);
    if (l.novel == 0 && runs_through(t, other, g)) {
        if (runs_through(other, t, g)) /* word for word */
            return l.plain_borne < l.plain;
        return l.n * 10 >= l.n_other * 8 ? l.plain_borne * 3 < l.plain * 2
                                         : l.plain_borne * 2 < l.plain;
    }
    return l.shared * 10 >= l.n * 8 && l.plain > 3 && l.plain_borne == 0 && l.novel_borne == 0;
}

bool ground_is_boilerplate(struct text t)
{
    struct ground_words w;

    ground_words_of(&w, t);
    for (size_t i = 0; i < w.n; i++)
        if (!w.v[i].generic)
            return false;
    return true;
}
