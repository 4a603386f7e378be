/* steer.c - text in code that speaks to whoever summarises it (code). The manual is steer.h. */
#include "code/steer.h"

#include "base/size.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* What a word can be in a pattern. */
enum {
    IGNORE = 1 << 0,
    PRIOR = 1 << 1,
    ORDERS = 1 << 2,
    SAY = 1 << 3,
    SUM = 1 << 4,
    SUMMARY = 1 << 5,
    ANSWER = 1 << 6,
    MUST = 1 << 7,
    THIS = 1 << 8,
    THE = 1 << 9,
    UNIT = 1 << 10,
    MODEL = 1 << 11,
    LANGUAGE = 1 << 12,
    MODELS = 1 << 13,
    YOU = 1 << 14,
    YOUR = 1 << 15,
    AS = 1 << 16,
    IS = 1 << 17,
    IF = 1 << 18,
    NOTE = 1 << 19,
    AN = 1 << 20,
    NOT = 1 << 21,
    ONLY = 1 << 22,
    PEOPLE = 1 << 23,
    ABOVE = 1 << 24,
    ALL = 1 << 25,
    READ = 1 << 26,
    EXACT = 1 << 27,
    MENTION = 1 << 28,
    WRITE = 1 << 29,
    SUMMING = 1 << 30
};
#define REPLY (1u << 31) /* not SAY: servers do it too */

/* By strcmp. */
static const struct word {
    const char *w;
    uint32_t is;
} words[] = {
    {"a", AN},
    {"above", ABOVE | PRIOR},
    {"ai", MODEL},
    {"all", PRIOR | ALL},
    {"an", AN},
    {"answer", REPLY | ANSWER},
    {"anweisungen", ORDERS},
    {"any", PRIOR},
    {"are", IS},
    {"as", AS},
    {"assistant", MODEL},
    {"assistants", MODEL},
    {"attention", NOTE},
    {"before", ABOVE},
    {"bypass", IGNORE},
    {"chatbot", MODEL},
    {"chatbots", MODEL},
    {"chatgpt", MODEL},
    {"claim", SAY},
    {"class", UNIT},
    {"claude", MODEL},
    {"code", UNIT},
    {"copilot", MODEL},
    {"correct", EXACT},
    {"dear", NOTE},
    {"declare", SAY},
    {"describe", SUM},
    {"describing", SUMMING},
    {"description", ANSWER},
    {"developers", PEOPLE},
    {"directions", ORDERS},
    {"directives", ORDERS},
    {"disregard", IGNORE},
    {"does", IS},
    {"dont", NOT},
    {"earlier", PRIOR | ABOVE},
    {"everybody", PEOPLE},
    {"everyone", PEOPLE},
    {"everything", ALL},
    {"exact", EXACT},
    {"exactly", ONLY},
    {"expected", EXACT},
    {"explain", SUM},
    {"explaining", SUMMING},
    {"file", UNIT},
    {"following", EXACT},
    {"forget", IGNORE},
    {"function", UNIT},
    {"gemini", MODEL},
    {"gpt", MODEL},
    {"guidelines", ORDERS},
    {"has", IS},
    {"hello", NOTE},
    {"hey", NOTE},
    {"if", IF},
    {"ignora", IGNORE},
    {"ignore", IGNORE},
    {"ignorez", IGNORE},
    {"ignoriere", IGNORE},
    {"ignoring", IGNORE},
    {"instead", ONLY},
    {"instruccion", ORDERS},
    {"instrucciones", ORDERS},
    {"instruction", ORDERS},
    {"instructions", ORDERS},
    {"is", IS},
    {"it", THIS},
    {"language", LANGUAGE},
    {"llm", MODEL},
    {"llms", MODEL},
    {"mention", MENTION},
    {"message", NOTE},
    {"method", UNIT},
    {"model", MODELS},
    {"models", MODELS},
    {"module", UNIT},
    {"must", MUST},
    {"never", NOT},
    {"not", NOT},
    {"note", NOTE},
    {"only", ONLY},
    {"output", WRITE},
    {"override", IGNORE},
    {"precedentes", PRIOR},
    {"preceding", PRIOR},
    {"previous", PRIOR | ABOVE},
    {"previously", ABOVE},
    {"print", WRITE},
    {"prior", PRIOR | ABOVE},
    {"program", UNIT},
    {"prompt", ORDERS},
    {"prompts", ORDERS},
    {"read", READ},
    {"readers", PEOPLE},
    {"repeat", WRITE},
    {"reply", REPLY | ANSWER},
    {"respond", REPLY},
    {"response", ANSWER},
    {"reveal", MENTION},
    {"rules", ORDERS},
    {"say", SAY | READ},
    {"sentence", ANSWER},
    {"shall", MUST},
    {"should", MUST},
    {"snippet", UNIT},
    {"state", SAY | READ},
    {"summaries", SUMMARY},
    {"summarise", SUM},
    {"summariser", MODEL},
    {"summarising", SUMMING},
    {"summarize", SUM},
    {"summarizer", MODEL},
    {"summarizing", SUMMING},
    {"summary", SUMMARY | ANSWER},
    {"system", PRIOR},
    {"tell", SAY},
    {"that", THE},
    {"the", THE},
    {"this", THIS},
    {"todas", PRIOR},
    {"todo", PRIOR},
    {"use", WRITE},
    {"vorherigen", PRIOR},
    {"when", IF},
    {"while", IF},
    {"will", MUST},
    {"write", WRITE},
    {"you", YOU},
    {"your", YOUR | PRIOR},
};

/* Words in order, at most `gap` others before each. */
#define PATTERN_MAX 5
static const struct pattern {
    struct element {
        uint32_t is;
        int gap;
    } at[PATTERN_MAX];
} patterns[] = {
    {{{IGNORE, 0}, {PRIOR, 3}, {ORDERS, 2}}},                   /* previous instructions */
    {{{IGNORE, 0}, {ORDERS, 1}, {PRIOR, 1}}},                   /* instructions above */
    {{{IGNORE, 0}, {ALL, 0}, {ABOVE, 1}}},                      /* everything above */
    {{{SUM, 0}, {THIS, 0}, {AS, 1}}},                           /* summarise this code as */
    {{{SUM, 0}, {THE, 0}, {UNIT, 0}, {AS, 0}}},                 /* describe the function as */
    {{{SAY, 0}, {THIS, 1}, {UNIT, 0}, {IS, 1}}},                /* say that this code is */
    {{{SAY, 0}, {THE, 1}, {UNIT, 0}, {IS, 0}}},                 /* say the function is */
    {{{SAY, 0}, {PEOPLE, 0}, {THE, 0}}},                        /* tell everybody that */
    {{{YOUR, 0}, {ANSWER, 1}, {MUST | IS, 1}}},                 /* your summary must */
    {{{YOU, 0}, {MUST, 0}, {SAY | SUM, 0}}},                    /* you must say */
    {{{YOU, 0}, {IS, 0}, {AN, 0}, {MODEL, 2}}},                 /* you are a helpful assistant */
    {{{YOU, 0}, {IS, 0}, {AN, 0}, {LANGUAGE, 1}, {MODELS, 0}}}, /* you are a language model */
    {{{AS, 0}, {AN, 0}, {MODEL, 0}}},                           /* as an AI */
    {{{NOTE | IF, 0}, {MODEL, 2}, {MUST | SAY | SUM | IGNORE, 3}}}, /* note to AI: say */
    {{{NOTE, 0}, {LANGUAGE, 2}, {MODELS, 0}}},                      /* attention language models */
    {{{MODEL, 0}, {MUST, 0}, {SAY | SUM | IGNORE, 1}}},             /* the AI should say */
    {{{MODELS, 0}, {MUST, 0}, {SAY | SUM | IGNORE, 1}}},            /* the model should ignore */
    {{{SUMMARY, 0}, {MUST, 0}, {READ, 1}}},                         /* the summary must read */
    {{{SUMMARY, 0}, {THIS, 1}, {UNIT, 0}, {MUST, 0}}},              /* summary of this code must */
    {{{EXACT, 0}, {SUMMARY, 0}, {IS, 0}}},                          /* the correct summary is */
    {{{IF, 0}, {SUMMING, 1}, {THIS, 0}}},                           /* when summarizing this */
    {{{NOT, 0}, {SUM | MENTION, 0}, {THIS, 1}}},                    /* do not mention this */
    {{{REPLY, 0}, {ONLY, 1}, {THE | THIS | EXACT | ANSWER, 1}}},    /* respond only with the */
    {{{SAY, 0}, {ONLY, 0}, {THE | THIS | EXACT | ANSWER, 0}}},      /* say only the word */
    {{{SAY | WRITE, 0}, {EXACT, 1}, {ANSWER, 0}}},                  /* write the exact sentence */
    {{{SUM, 0}, {THIS, 0}, {UNIT, 0}, {ONLY, 0}}},                  /* explain this code only */
};

static int by_word(const void *key, const void *row)
{
    return strcmp(key, ((const struct word *)row)->w);
}

static uint32_t what_is(const char *w)
{
    const struct word *row = bsearch(w, words, ARRAY_LEN(words), sizeof(*words), by_word);

    return row ? row->is : 0;
}

/* ---- letters ----------------------------------------------------------------------------------------------------- */

#define NOTHING 1 /* an invisible character: as if it were not there */

/* Cyrillic and Greek letters that look like others, and Latin ones with accents by their base. */
static char look_alike(uint32_t cp)
{
    static const char latin1[] = "aaaaaaaceeeeiiiidnooooo ouuuuypsaaaaaaaceeeeiiiidnooooo ouuuuypy";
    static const struct {
        uint16_t cp;
        char c;
    } rows[] = {{0x131, 'i'}, {0x17F, 's'}, {0x391, 'a'}, {0x392, 'b'},  {0x395, 'e'}, {0x397, 'h'},
                {0x399, 'i'}, {0x39A, 'k'}, {0x39C, 'm'}, {0x39D, 'n'},  {0x39F, 'o'}, {0x3A1, 'p'},
                {0x3A4, 't'}, {0x3A5, 'y'}, {0x3B1, 'a'}, {0x3B5, 'e'},  {0x3B9, 'i'}, {0x3BD, 'v'},
                {0x3BF, 'o'}, {0x3C1, 'p'}, {0x3C5, 'u'}, {0x405, 's'},  {0x406, 'i'}, {0x408, 'j'},
                {0x410, 'a'}, {0x412, 'b'}, {0x415, 'e'}, {0x41A, 'k'},  {0x41C, 'm'}, {0x41D, 'h'},
                {0x41E, 'o'}, {0x420, 'p'}, {0x421, 'c'}, {0x422, 't'},  {0x423, 'y'}, {0x425, 'x'},
                {0x430, 'a'}, {0x435, 'e'}, {0x43E, 'o'}, {0x440, 'p'},  {0x441, 'c'}, {0x443, 'y'},
                {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'},  {0x501, 'd'}, {0x51B, 'q'},
                {0x51D, 'w'}, {0x261, 'g'}, {0x269, 'i'}, {0x1D0F, 'o'}, {0x578, 'n'}, {0x57D, 'u'},
                {0x585, 'o'}};

    if (cp >= 0xC0 && cp <= 0xFF)
        return latin1[cp - 0xC0];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].cp == cp)
            return rows[i].c;
    return ' ';
}

/* A small letter, NOTHING, or a space for whatever separates words. */
static char fold(uint32_t cp)
{
    static const char digits[] = "oizeasgtbg"; /* 1gn0re */

    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFEE0;
    if (cp >= 'A' && cp <= 'Z')
        return (char)(cp + 32);
    if (cp >= 'a' && cp <= 'z')
        return (char)cp;
    if (cp >= '0' && cp <= '9')
        return digits[cp - '0'];
    if (cp < 0x80)
        return cp == '\'' ? NOTHING : ' '; /* don't */
    if (cp == 0xAD || cp == 0x2019 || (cp >= 0x200B && cp <= 0x200F) || cp == 0x2060 ||
        cp == 0xFEFF || (cp >= 0x300 && cp <= 0x36F))
        return NOTHING;
    if (cp >= 0x1D400 && cp <= 0x1D6A3)
        return (char)('a' + (cp - 0x1D400) % 26);
    if (cp >= 0x24B6 && cp <= 0x24E9)
        return (char)('a' + (cp - 0x24B6) % 26);
    return look_alike(cp);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

#define RING     16 /* words that a pattern may span */
#define WORD_MAX 16

/* The words so far, the last RING of them. */
struct reading {
    const char *s;
    size_t n, pos;
    size_t n_words;
    struct seen {
        uint32_t is;
        size_t start, end;
    } ring[RING];
};

/* Read a word into r->ring. False at the end. */
static bool next_word(struct reading *r)
{
    char w[WORD_MAX];
    size_t n = 0, start = 0, end = 0;
    bool small = false; /* the last letter was one */

    while (r->pos < r->n) {
        uint32_t cp = (unsigned char)r->s[r->pos];
        size_t len = cp < 0x80 ? 1 : utf8_decode(r->s + r->pos, r->n - r->pos, &cp);
        char c = fold(cp);

        if (n > 0 && (c == ' ' || (small && cp >= 'A' && cp <= 'Z')))
            break;
        if (c != ' ' && c != NOTHING) {
            if (n == 0)
                start = r->pos;
            if (n < WORD_MAX)
                w[n] = c;
            n++;
            small = cp >= 'a' && cp <= 'z';
            end = r->pos + len;
        }
        r->pos += len;
    }
    if (n == 0)
        return false;
    if (n < WORD_MAX)
        w[n] = '\0';
    r->ring[r->n_words++ % RING] = (struct seen){n < WORD_MAX ? what_is(w) : 0, start, end};
    return true;
}

/* The elements up to `last` match, the last one the word `at`; *start is where the first one begins. */
static bool match(const struct reading *r, const struct pattern *p, size_t last, size_t at,
                  size_t *start)
{
    const struct seen *w = &r->ring[at % RING];

    if (!(w->is & p->at[last].is))
        return false;
    if (last == 0) {
        *start = w->start;
        return true;
    }
    for (int gap = 0; gap <= p->at[last].gap; gap++) {
        size_t back = (size_t)gap + 1;

        if (back > at || r->n_words - (at - back) > RING)
            return false;
        if (match(r, p, last - 1, at - back, start))
            return true;
    }
    return false;
}

/* The next place from r->pos on. */
static bool next_match(struct reading *r, size_t *start, size_t *end)
{
    while (next_word(r)) {
        size_t at = r->n_words - 1;

        if (!r->ring[at % RING].is)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
            size_t last = PATTERN_MAX - 1;

            while (!patterns[i].at[last].is)
                last--;
            if (match(r, &patterns[i], last, at, start)) {
                *end = r->ring[at % RING].end;
                return true;
            }
        }
    }
    return false;
}

bool steer_found(const char *s, size_t n)
{
    struct reading r = {.s = s, .n = n};
    size_t start, end;

    return next_match(&r, &start, &end);
}

/* ---- hiding ------------------------------------------------------------------------------------------------------ */

struct region {
    size_t start, end;
    bool comment;
};

/* Is there a block comment, or a string of several lines, that holds s[at]? */
static bool in_block(struct text t, size_t at, struct region *out)
{
    static const char *const pairs[][2] = {
        {"/*", "*/"},         {"<!--", "-->"}, {"(*", "*)"},       {"{-", "-}"}, {"--[[", "]]"},
        {"\"\"\"", "\"\"\""}, {"'''", "'''"},  {"=begin", "=end"}, {"<#", "#>"}, {"#|", "|#"}};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        size_t n_open = strlen(pairs[i][0]), n_close = strlen(pairs[i][1]), pos = 0;

        for (;;) {
            const char *open = memmem(t.s + pos, t.n - pos, pairs[i][0], n_open), *close;
            size_t from, to;

            if (!open || (size_t)(open - t.s) > at)
                break;
            from = (size_t)(open - t.s);
            close = memmem(open + n_open, t.n - from - n_open, pairs[i][1], n_close);
            to = close ? (size_t)(close - t.s) + n_close : t.n;
            if (at < to) {
                *out = (struct region){from, to, true};
                return true;
            }
            pos = to;
        }
    }
    return false;
}

static size_t line_start(struct text t, size_t at)
{
    while (at > 0 && t.s[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(struct text t, size_t at)
{
    while (at < t.n && t.s[at] != '\n')
        at++;
    return at;
}

/* Where a line comment begins in s[from..to); `to` when there is none. */
static size_t comment_in(struct text t, size_t from, size_t to)
{
    static const char *const marks[] = {"//", "#", "--", ";", "%", "'", "!", "rem ", "REM "};
    size_t i = from, best = to;

    while (i < to && text_is_space(t.s[i]))
        i++;
    for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
        size_t n = strlen(marks[k]);
        const char *p;

        if (to - i >= n && memcmp(t.s + i, marks[k], n) == 0)
            return i;
        p = k < 3 ? memmem(t.s + i, to - i, marks[k], n) : NULL; /* the others begin lines only */
        if (p && (size_t)(p - t.s) < best && text_is_space(p[-1]))
            best = (size_t)(p - t.s);
    }
    return best;
}

static bool is_comment_line(struct text t, size_t from, size_t to)
{
    size_t mark = comment_in(t, from, to);

    while (from < mark && text_is_space(t.s[from]))
        from++;
    return mark < to && from == mark;
}

/* The line comment that holds s[start..end), with the lines of it around. */
static bool in_lines(struct text t, size_t start, size_t end, struct region *out)
{
    size_t from = line_start(t, start), to = line_end(t, end), eol = line_end(t, start);
    size_t mark = comment_in(t, from, eol);

    if (mark > start || mark == eol)
        return false;
    if (is_comment_line(t, from, eol)) {
        while (from > 0 && is_comment_line(t, line_start(t, from - 1), from - 1))
            from = line_start(t, from - 1);
        mark = from;
    }
    while (to + 1 < t.n && is_comment_line(t, to + 1, line_end(t, to + 1)))
        to = line_end(t, to + 1);
    *out = (struct region){mark, to, true};
    return true;
}

/* Inside of the quotes around s[start..end) on its lines; else just this. */
static struct region in_quotes(struct text t, size_t start, size_t end, bool *quoted)
{
    size_t from = start, to = end, first = line_start(t, start), last = line_end(t, end);

    while (from > first && !strchr("\"'`", t.s[from - 1]))
        from--;
    *quoted = from > first;
    if (*quoted)
        while (to < last && t.s[to] != t.s[from - 1])
            to++;
    *quoted = *quoted && to < last;
    return *quoted ? (struct region){from, to, false} : (struct region){start, end, false};
}

void steer_hide(struct strbuf *out, const char *code, size_t n, bool names)
{
    struct text t = {code, n};
    struct reading r = {.s = code, .n = n};
    size_t start, end, done = 0;

    while (next_match(&r, &start, &end)) {
        struct region g;
        bool quoted = true;

        if (!in_lines(t, start, end, &g) && !in_block(t, start, &g))
            g = in_quotes(t, start, end, &quoted);
        if (!quoted && !names)
            continue;
        if (g.start > done)
            strbuf_add(out, code + done, g.start - done);
        if (!g.comment)
            strbuf_puts(out, "...");
        done = size_max(g.end, end); /* beyond `done` all along, as the reading goes on there */
        r = (struct reading){.s = code, .n = n, .pos = done};
    }
    strbuf_add(out, code + done, n - done);
}
