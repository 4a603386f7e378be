/* evalmetric.c - see evalmetric.h (pipeline). */
#include "pipeline/evalmetric.h"

#include "base/size.h"
#include "llm/realmath.h"

#include <string.h>

#define ORDERS   4
#define MAX_TEXT 4096 /* bytes of a text that is taken apart */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static char small(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool same(struct text a, struct text b)
{
    return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

/* ---- words as in mteval-v13a -------------------------------------------------------------------- */

/* Its substitutions, one after the other over the whole text; each reads `in` and writes `out`. */
struct buffer {
    char s[4 * MAX_TEXT + 8];
    size_t n;
};

struct words {
    struct buffer a, b; /* hold the bytes */
    struct text word[METRIC_WORDS];
    size_t n;
};

static void put(struct buffer *b, char c)
{
    if (b->n < sizeof(b->s))
        b->s[b->n++] = c;
}

/* A sign that stands alone: all of ASCII but letters, digits, space and ' , - . */
static bool is_sign(char c)
{
    return (c >= '!' && c <= '&') || (c >= '(' && c <= '+') || c == '/' || (c >= ':' && c <= '@') ||
           (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

static bool is_stop(char c)
{
    return c == '.' || c == ',';
}

static void put_signs(struct buffer *out, const struct buffer *in)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (is_sign(in->s[i]))
            put(out, ' ');
        put(out, in->s[i]);
        if (is_sign(in->s[i]))
            put(out, ' ');
    }
}

/* ([^0-9])([.,]) becomes "\1 \2 ". */
static void part_before_stop(struct buffer *out, const struct buffer *in)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        put(out, in->s[i]);
        if (is_digit(in->s[i]) || i + 1 == in->n || !is_stop(in->s[i + 1]))
            continue;
        put(out, ' ');
        put(out, in->s[++i]);
        put(out, ' ');
    }
}

/* ([.,])([^0-9]) becomes " \1 \2". */
static void part_after_stop(struct buffer *out, const struct buffer *in)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        bool match = is_stop(in->s[i]) && i + 1 < in->n && !is_digit(in->s[i + 1]);

        if (match)
            put(out, ' ');
        put(out, in->s[i]);
        if (!match)
            continue;
        put(out, ' ');
        put(out, in->s[++i]);
    }
}

/* ([0-9])(-) becomes "\1 \2 ". */
static void part_dash(struct buffer *out, const struct buffer *in)
{
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        put(out, in->s[i]);
        if (!is_digit(in->s[i]) || i + 1 == in->n || in->s[i + 1] != '-')
            continue;
        put(out, ' ');
        put(out, in->s[++i]);
        put(out, ' ');
    }
}

static void bleu_words(struct words *w, struct text t)
{
    const char *token;
    size_t pos = 0, len;

    w->n = w->a.n = 0;
    put(&w->a, ' ');
    for (size_t i = 0; i < size_min(t.n, MAX_TEXT); i++)
        put(&w->a, text_is_space(t.s[i]) ? ' ' : t.s[i]);
    put(&w->a, ' ');
    put_signs(&w->b, &w->a);
    part_before_stop(&w->a, &w->b);
    part_after_stop(&w->b, &w->a);
    part_dash(&w->a, &w->b);
    while (w->n < METRIC_WORDS && text_next_token(w->a.s, w->a.n, &pos, &token, &len))
        w->word[w->n++] = (struct text){token, len};
}

/* ---- BLEU --------------------------------------------------------------------------------------- */

static bool same_gram(const struct text *a, const struct text *b, size_t order)
{
    for (size_t i = 0; i < order; i++)
        if (!same(a[i], b[i]))
            return false;
    return true;
}

/* n-grams of w that r has, each as often as there at most. */
static size_t count_correct(const struct words *w, const struct words *r, size_t order)
{
    bool used[METRIC_WORDS] = {false};
    size_t n = 0;

    for (size_t i = 0; i + order <= w->n; i++)
        for (size_t k = 0; k + order <= r->n; k++) {
            if (used[k] || !same_gram(w->word + i, r->word + k, order))
                continue;
            used[k] = true;
            n++;
            break;
        }
    return n;
}

void bleu_add(struct bleu *b, struct text t, struct text reference)
{
    struct words w, r;

    bleu_words(&w, t);
    bleu_words(&r, reference);
    b->n_text += w.n;
    b->n_reference += r.n;
    for (size_t order = 1; order <= ORDERS; order++) {
        b->correct[order - 1] += count_correct(&w, &r, order);
        b->total[order - 1] += w.n >= order ? w.n - order + 1 : 0;
    }
}

/* effective: orders that the text is too short for do not count. */
static double score(const struct bleu *b, bool effective)
{
    double sum = 0, smooth = 1, lengths;
    size_t order = 0;

    if (b->correct[0] + b->correct[1] + b->correct[2] + b->correct[3] == 0)
        return 0;
    for (; order < ORDERS && b->total[order] > 0; order++) {
        double correct = (double)b->correct[order];

        if (b->correct[order] == 0) {
            smooth *= 2;
            correct = 1 / smooth;
        }
        sum += real_log(correct / (double)b->total[order]);
    }
    if (order < ORDERS && !effective)
        return 0;
    lengths = b->n_text < b->n_reference ? 1 - (double)b->n_reference / (double)b->n_text : 0;
    return 100 * real_exp(lengths + sum / (double)order);
}

double bleu_corpus(const struct bleu *b)
{
    return score(b, false);
}

double bleu_sentence(struct text t, struct text reference)
{
    struct bleu b = {0};

    bleu_add(&b, t, reference);
    return score(&b, true);
}

/* ---- ROUGE-L ------------------------------------------------------------------------------------ */

/* The words of t in small letters, as hashes (FNV-1a): a-z and 0-9, everything else parts. */
static size_t small_words(unsigned *out, size_t max, struct text t)
{
    size_t n = 0;

    for (size_t i = 0; i < t.n && n < max;) {
        unsigned h = 2166136261u;
        size_t start = i;

        for (; i < t.n && (is_lower(small(t.s[i])) || is_digit(t.s[i])); i++)
            h = (h ^ (unsigned char)small(t.s[i])) * 16777619u;
        if (i > start)
            out[n++] = h;
        else
            i++;
    }
    return n;
}

/* Length of the longest common subsequence; m at most METRIC_WORDS. */
static size_t common(const unsigned *a, size_t n, const unsigned *b, size_t m)
{
    size_t row[METRIC_WORDS + 1];

    memset(row, 0, (m + 1) * sizeof(*row));
    for (size_t i = 0; i < n; i++) {
        size_t before = 0;

        for (size_t k = 1; k <= m; k++) {
            size_t above = row[k];

            row[k] = a[i] == b[k - 1] ? before + 1 : size_max(row[k], row[k - 1]);
            before = above;
        }
    }
    return row[m];
}

double rouge_l(struct text t, struct text reference)
{
    unsigned a[METRIC_WORDS], b[METRIC_WORDS];
    size_t n = small_words(a, METRIC_WORDS, t), m = small_words(b, METRIC_WORDS, reference);
    double lcs = n && m ? (double)common(a, n, b, m) : 0;

    return lcs > 0 ? 2 * lcs / (double)(n + m) : 0;
}

void copy_words(struct copy_words *out, struct text t)
{
    out->n = small_words(out->word, METRIC_COPY_WORDS, t);
}

double copy_nearness(const struct copy_words *a, const struct copy_words *b, double least)
{
    size_t longer = size_max(a->n, b->n), shorter = size_min(a->n, b->n);

    if (longer == 0 || (double)shorter < least * (double)longer)
        return 0;
    return (double)common(a->word, a->n, b->word, b->n) / (double)longer;
}

/* ---- names -------------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return text_is_ident(c) && c != '$';
}

/* The next run of bytes of a name from *pos on. */
static bool next_name(struct text t, size_t *pos, struct text *out)
{
    size_t start;

    while (*pos < t.n && !is_name_byte(t.s[*pos]))
        ++*pos;
    start = *pos;
    while (*pos < t.n && is_name_byte(t.s[*pos]))
        ++*pos;
    *out = (struct text){t.s + start, *pos - start};
    return out->n > 0;
}

static bool same_small(struct text a, struct text b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (small(a.s[i]) != small(b.s[i]))
            return false;
    return true;
}

static bool has_name(struct text t, struct text name)
{
    struct text w;
    size_t pos = 0;

    while (next_name(t, &pos, &w))
        if (same_small(w, name))
            return true;
    return false;
}

/* Words that code and prose share without meaning anything of the unit. */
static bool is_language_word(struct text w)
{
    static const char *const words[] = {
        "abstract", "and",      "any",       "are",      "array",    "async",     "await",
        "bool",     "boolean",  "break",     "byte",     "bytes",    "case",      "catch",
        "char",     "class",    "const",     "continue", "def",      "default",   "defer",
        "delete",   "double",   "each",      "else",     "end",      "enum",      "except",
        "export",   "extends",  "extern",    "false",    "final",    "finally",   "float",
        "for",      "from",     "func",      "function", "has",      "impl",      "implements",
        "import",   "int",      "interface", "into",     "its",      "lambda",    "let",
        "local",    "long",     "match",     "mod",      "module",   "mut",       "namespace",
        "new",      "nil",      "none",      "not",      "null",     "object",    "one",
        "or",       "override", "package",   "pass",     "private",  "protected", "pub",
        "public",   "raise",    "return",    "returns",  "self",     "set",       "short",
        "signed",   "static",   "str",       "string",   "struct",   "super",     "switch",
        "the",      "then",     "this",      "throw",    "throws",   "trait",     "true",
        "try",      "type",     "typeof",    "union",    "unsigned", "use",       "using",
        "val",      "var",      "void",      "when",     "where",    "while",     "with",
        "yield"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (same_small(w, (struct text){words[i], strlen(words[i])}))
            return true;
    return false;
}

void identifier_recall(size_t *n, size_t *found, struct text t, struct text reference,
                       struct text code)
{
    struct text w;
    size_t pos = 0;

    *n = *found = 0;
    while (next_name(reference, &pos, &w)) {
        struct text before = {reference.s, (size_t)(w.s - reference.s)};

        if (w.n < 3 || is_digit(w.s[0]) || is_language_word(w) || has_name(before, w) ||
            !has_name(code, w))
            continue;
        ++*n;
        *found += has_name(t, w);
    }
}

static bool looks_like_code(struct text w)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.s[i] == '_' || is_digit(w.s[i]) ||
            (i > 0 && is_upper(w.s[i]) && is_lower(w.s[i - 1])))
            return true;
    return false;
}

/* Inside backticks, or with parentheses right behind it. */
static bool is_marked(struct text t, struct text w)
{
    size_t start = (size_t)(w.s - t.s), end = start + w.n, ticks = 0;

    for (size_t i = 0; i < start; i++)
        ticks += t.s[i] == '`';
    return ticks % 2 == 1 || (end + 1 < t.n && t.s[end] == '(' && t.s[end + 1] == ')');
}

/* Does w stand anywhere in t, in any case, inside of other words, too (q4 in gemm_q4_0)? */
static bool occurs(struct text t, struct text w)
{
    for (size_t i = 0; i + w.n <= t.n; i++)
        if (same_small((struct text){t.s + i, w.n}, w))
            return true;
    return false;
}

size_t ungrounded(size_t *n, struct text t, struct text code, struct text name)
{
    struct text w;
    size_t pos = 0, bad = 0;

    *n = 0;
    while (next_name(t, &pos, &w)) {
        if (!looks_like_code(w) && !is_marked(t, w))
            continue;
        ++*n;
        bad += !occurs(code, w) && !occurs(name, w);
    }
    return bad;
}
