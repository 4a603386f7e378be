/* check.c - is this text a summary of that unit? (code). The manual is check.h. */
#include "code/check.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/ground.h"
#include "code/prompt_examples.h"
#include "code/steer.h"
#include "code/text.h"

#include <string.h>

#define MIN_WORDS    3
#define MAX_SENTENCE 300
#define COPIED_WORDS 9  /* words in a row that also stand in the code: copied, not summarised */
#define COPIED_LINE  16 /* letters and digits of a code line that is the whole answer */
#define MAX_TEXT     4096

const char *check_reason(enum check_verdict v)
{
    static const char *const reasons[CHECK_VERDICTS] = {
        [CHECK_OK] = "",
        [CHECK_EMPTY] = "empty",
        [CHECK_CUT_OFF] = "cut off",
        [CHECK_ECHO] = "echo",
        [CHECK_REPEATED] = "repeated",
        [CHECK_MARKUP] = "markup",
        [CHECK_IDENTIFIER] = "unknown identifier",
        [CHECK_INJECTED] = "speaks to the reader",
        [CHECK_TOO_LONG] = "too long",
        [CHECK_COPY] = "copied",
        [CHECK_BOILERPLATE] = "boilerplate",
        [CHECK_UNSURE] = "unsure",
        [CHECK_STEERED] = "obeys the code",
        [CHECK_NOMEM] = "out of memory",
    };

    return (int)v >= 0 && v < CHECK_VERDICTS ? reasons[v] : "";
}

bool check_is_low(int attempts, double confidence)
{
    return attempts > 1 || (confidence >= 0 && confidence < CHECK_LOW_CONFIDENCE);
}

/* ---- squashing: letters and digits in lower case, for comparisons that ignore everything else ---------- */

static char squash_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (text_is_ident(c) && c != '_' && c != '$') ? c : '\0';
}

static void squash(struct strbuf *out, const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (squash_char(s[i]))
            strbuf_putc(out, squash_char(s[i]));
}

/* ---- taking the sentence out --------------------------------------------------------------------------- */

/* A verb in the third person begins t. */
static bool is_verb(struct text t)
{
    size_t w = 0;

    while (w < t.n && t.s[w] >= 'a' && t.s[w] <= 'z')
        w++;
    return w > 3 && w < t.n && t.s[w] == ' ' && t.s[w - 1] == 's';
}

/* "This is a Python script that prints" says no more than "Prints". */
static struct text drop_predicate(struct text t)
{
    static const char *const starts[] = {"this is a ", "this is an "};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct text rest = text_skip(t, strlen(starts[i]));
        const char *that;

        if (!text_starts(t.s, t.n, starts[i]))
            continue;
        that = memmem(rest.s, size_min(rest.n, 40), " that ", 6);
        if (that && is_verb(text_skip(rest, (size_t)(that + 6 - rest.s))))
            return text_skip(rest, (size_t)(that + 6 - rest.s));
    }
    return t;
}

/* "This function returns" says no more than "Returns". */
static struct text drop_subject(struct text t)
{
    static const char *const subjects[] = {
        "this function ", "the function ", "this method ", "the method ",  "this type ",
        "this class ",    "this struct ",  "this enum ",   "this module ", "this interface ",
        "this trait ",    "this table ",   "the class ",   "the module ",  "this code ",
        "the code ",      "this script ",  "this file ",   "this part "};
    size_t i;

    for (i = 0; i < ARRAY_LEN(subjects); i++) {
        struct text rest = text_skip(t, strlen(subjects[i]));

        if (text_starts(t.s, t.n, subjects[i]) && is_verb(rest))
            return rest;
    }
    return drop_predicate(t);
}

/* Marks around the whole answer that models like to put. */
static struct text strip_dress(struct text t)
{
    static const char *const labels[] = {"summary:", "answer:"};
    size_t i;

    for (;;) {
        while (t.n > 0 && text_is_space(t.s[0]))
            t = (struct text){t.s + 1, t.n - 1};
        while (t.n > 0 && text_is_space(t.s[t.n - 1]))
            t.n--;
        if (t.n > 1 && (t.s[0] == '"' || t.s[0] == '\'') && t.s[t.n - 1] == t.s[0]) {
            t = (struct text){t.s + 1, t.n - 2};
            continue;
        }
        if (t.n > 2 && (t.s[0] == '-' || t.s[0] == '*') && t.s[1] == ' ') {
            t = (struct text){t.s + 2, t.n - 2};
            continue;
        }
        for (i = 0; i < ARRAY_LEN(labels); i++)
            if (text_starts(t.s, t.n, labels[i]))
                break;
        if (i == ARRAY_LEN(labels))
            return t;
        t = (struct text){t.s + strlen(labels[i]), t.n - strlen(labels[i])};
    }
}

/* One space for any white space, so that a tab or line break is not taken for a control character. */
static void put_spaced(struct strbuf *out, struct text t)
{
    size_t i;

    for (i = 0; i < t.n; i++) {
        if (!text_is_space(t.s[i]))
            strbuf_putc(out, t.s[i]);
        else if (out->len > 0 && out->s[out->len - 1] != ' ')
            strbuf_putc(out, ' ');
    }
}

/* Backticks go when what stands in them has been checked as a name; names are written as in the code. */
static void put_plain(struct strbuf *out, struct text t, const struct ground *g)
{
    for (size_t i = 0, start; i < t.n;) {
        struct text name;

        start = i;
        while (i < t.n && text_is_ident(t.s[i]))
            i++;
        name = ground_spelling((struct text){t.s + start, i - start}, g);
        strbuf_add(out, name.s, name.n);
        if (i == start && t.s[i++] != '`')
            strbuf_putc(out, t.s[start]);
    }
}

static bool ends_badly(char c)
{
    return !text_is_ident(c) && c != ')' && c != '"' && c != '\'' && c != ']' && c != '%';
}

/* Cut *t to its first sentence. *open is set when the sentence has no mark of its own. */
static enum check_verdict first_sentence(struct text *t, bool by_length, bool *open)
{
    size_t n = text_sentence(t->s, t->n);

    *open = n == 0;
    if (n > 0) {
        t->n = n;
        return CHECK_OK;
    }
    if (by_length || t->n == 0 || ends_badly(t->s[t->n - 1]))
        return CHECK_CUT_OFF;
    return CHECK_OK;
}

/* ---- form ------------------------------------------------------------------------------------------------ */

/* A mark-up tag: "<" right before a letter, slash, bar or "!", unless the code has the very same text (vector<int>). */
static bool has_tag(struct text t, struct text code)
{
    size_t i, end;

    for (i = 0; i + 1 < t.n; i++) {
        if (t.s[i] != '<' || !(text_is_letter(t.s[i + 1]) || strchr("/|!", t.s[i + 1])))
            continue;
        end = i + 1;
        while (end < t.n && t.s[end] != '>' && !text_is_space(t.s[end]))
            end++;
        if (!memmem(code.s, code.n, t.s + i, end - i))
            return true;
    }
    return false;
}

/* "@name" at the start of a word. */
static bool has_mention(struct text t)
{
    size_t i;

    for (i = 0; i + 1 < t.n; i++)
        if (t.s[i] == '@' && text_is_letter(t.s[i + 1]) && (i == 0 || text_is_space(t.s[i - 1])))
            return true;
    return false;
}

static bool has_markup(struct text t, struct text code)
{
    return !text_is_clean(t.s, t.n) || text_has_link(t.s, t.n) || memmem(t.s, t.n, "```", 3) ||
           memmem(t.s, t.n, "](", 2) || memmem(t.s, t.n, "![", 2) || memmem(t.s, t.n, "**", 2) ||
           memmem(t.s, t.n, "<|", 2) || t.s[0] == '#' || t.s[0] == '|' || t.s[0] == '>' ||
           (t.s[0] == '$' && t.n > 1 && t.s[1] == ' ') || has_mention(t) || has_tag(t, code);
}

/* ---- repetition -------------------------------------------------------------------------------------------- */

#define MAX_WORDS 160

static size_t split_words(struct text t, struct text *words, size_t max)
{
    size_t pos = 0, n = 0, len;
    const char *token;

    while (n < max && text_next_token(t.s, t.n, &pos, &token, &len)) {
        while (len > 0 && !text_is_ident(token[0])) {
            token++;
            len--;
        }
        while (len > 0 && !text_is_ident(token[len - 1]))
            len--;
        if (len > 0)
            words[n++] = (struct text){token, len};
    }
    return n;
}

static bool same_word(struct text a, struct text b)
{
    size_t i;

    for (i = 0; i < a.n && a.n == b.n; i++)
        if ((a.s[i] | 32) != (b.s[i] | 32))
            return false;
    return a.n == b.n;
}

static bool same_words(const struct text *a, const struct text *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (!same_word(a[i], b[i]))
            return false;
    return true;
}

/* A word three times in a row, four words twice, or three words three times. */
static bool is_repeated(struct text t)
{
    struct text w[MAX_WORDS];
    size_t n = split_words(t, w, MAX_WORDS), i, k, count;

    for (i = 0; i + 2 < n; i++)
        if (same_word(w[i], w[i + 1]) && same_word(w[i], w[i + 2]))
            return true;
    for (i = 0; i + 3 < n; i++)
        for (k = i + 4; k + 3 < n; k++)
            if (same_words(w + i, w + k, 4))
                return true;
    for (i = 0; i + 2 < n; i++) {
        count = 1;
        for (k = i + 3; k + 2 < n; k++)
            count += same_words(w + i, w + k, 3);
        if (count >= 3)
            return true;
    }
    return false;
}

/* ---- echo --------------------------------------------------------------------------------------------------- */

static bool says_prompt(struct text t)
{
    static const char *const phrases[] = {
        "in one sentence",  "start with a verb",   "summarize this",    "one short sentence",
        "do not copy code", "one-sentence summar", "what it stands for"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(phrases); i++)
        if (text_has(t.s, t.n, phrases[i]))
            return true;
    return false;
}

/* The answer of an example, up to case and marks. */
static int is_example(struct text t)
{
    struct strbuf mine = {0}, theirs = {0};
    size_t i;
    int same = 0;

    squash(&mine, t.s, t.n);
    for (i = 0; !same && i < PROMPT_EXAMPLES; i++) {
        strbuf_reset(&theirs);
        squash(&theirs, prompt_examples[i].answer, strlen(prompt_examples[i].answer));
        same =
            mine.len == theirs.len && memcmp(strbuf_str(&mine), strbuf_str(&theirs), mine.len) == 0;
    }
    if (strbuf_failed(&mine) || strbuf_failed(&theirs))
        same = -1;
    strbuf_release(&mine);
    strbuf_release(&theirs);
    return same;
}

/* A line of the code, or a run of words that stands in it (a comment, a message): copied. */
static int is_copied(struct text t, struct text code)
{
    struct strbuf mine = {0}, all = {0}, run = {0};
    struct text w[MAX_WORDS];
    size_t n = split_words(t, w, MAX_WORDS), i, k;
    int found = 0;

    squash(&mine, t.s, t.n);
    squash(&all, code.s, code.n);
    if (mine.len >= COPIED_LINE && all.len >= mine.len)
        found = memmem(strbuf_str(&all), all.len, strbuf_str(&mine), mine.len) != NULL;
    for (i = 0; !found && i + COPIED_WORDS <= n; i++) {
        strbuf_reset(&run);
        for (k = 0; k < COPIED_WORDS; k++)
            squash(&run, w[i + k].s, w[i + k].n);
        found = run.len > 0 && memmem(strbuf_str(&all), all.len, strbuf_str(&run), run.len) != NULL;
    }
    if (strbuf_failed(&mine) || strbuf_failed(&all) || strbuf_failed(&run))
        found = -1;
    strbuf_release(&mine);
    strbuf_release(&all);
    strbuf_release(&run);
    return found;
}

/* ---- all together ----------------------------------------------------------------------------------------------- */

/* Too close to a sentence that the prompt showed. */
static bool is_close(struct text t, const struct check_input *in, const struct ground *g)
{
    for (size_t i = 0; i < in->n_others; i++)
        if (ground_is_copy(t, in->others[i], g))
            return true;
    for (size_t i = 0; i < PROMPT_EXAMPLES; i++) {
        const char *answer = prompt_examples[i].answer;

        if (ground_is_copy(t, (struct text){answer, strlen(answer)}, g))
            return true;
    }
    return false;
}

/* A third of what it says stands only in text that speaks to whoever summarises. -1: no memory. */
static int is_steered(struct text t, const struct ground *g)
{
    struct strbuf rest = {0};
    struct ground_words w;
    size_t n_plain = 0, n_said = 0;
    bool failed;

    if (!steer_found(g->code.s, g->code.n))
        return 0;
    steer_hide(&rest, g->code.s, g->code.n, true);
    ground_words_of(&w, t);
    for (size_t i = 0; i < w.n && !strbuf_failed(&rest); i++) {
        struct text left = {strbuf_str(&rest), rest.len};

        n_plain += !w.v[i].generic;
        n_said += !w.v[i].generic && ground_has_word(g->code, w.v[i].stem) &&
                  !ground_has_word(left, w.v[i].stem);
    }
    failed = strbuf_failed(&rest);
    strbuf_release(&rest);
    return failed ? -1 : n_said > 0 && n_said * 3 >= n_plain;
}

/* What it says, when its form is right. */
static enum check_verdict judge_words(struct text t, const struct check_input *in,
                                      const struct ground *g)
{
    int steered = is_steered(t, g);

    if (steered != 0)
        return steered < 0 ? CHECK_NOMEM : CHECK_STEERED;
    if (!ground_names_known(t, g))
        return CHECK_IDENTIFIER;
    if (is_close(t, in, g))
        return CHECK_COPY;
    return ground_is_boilerplate(t) ? CHECK_BOILERPLATE : CHECK_OK;
}

static enum check_verdict judge(struct text t, const struct check_input *in, const struct ground *g)
{
    int example, copied;

    if (text_words(t.s, t.n) < MIN_WORDS)
        return CHECK_EMPTY;
    if (t.n > MAX_SENTENCE)
        return CHECK_TOO_LONG;
    if (has_markup(t, g->code))
        return CHECK_MARKUP;
    if (text_is_addressed(t.s, t.n))
        return CHECK_INJECTED;
    if (is_repeated(t))
        return CHECK_REPEATED;
    example = is_example(t);
    copied = is_copied(t, g->code);
    if (example < 0 || copied < 0)
        return CHECK_NOMEM;
    if (example || copied || says_prompt(t))
        return CHECK_ECHO;
    if (!text_is_letter(t.s[0]) && t.s[0] != '`' && t.s[0] != '"')
        return CHECK_MARKUP;
    return judge_words(t, in, g);
}

/* The first word gets a capital unless it is a name. */
static void capitalise(struct strbuf *b)
{
    size_t n = 0;

    while (n < b->len && text_is_ident(b->s[n]))
        n++;
    if (!strbuf_failed(b) && n > 0 && b->s[0] >= 'a' && b->s[0] <= 'z' &&
        !ground_looks_like_name((struct text){b->s, n}))
        b->s[0] = (char)(b->s[0] - 'a' + 'A');
}

/* The first line of the answer without dress, white space made even. */
static enum check_verdict take_line(struct strbuf *line, const struct check_input *in, bool *whole)
{
    struct text t = strip_dress((struct text){in->text, size_min(in->len, MAX_TEXT)});
    const char *eol = t.n ? memchr(t.s, '\n', t.n) : NULL;

    *whole = eol || !in->by_length;
    if (eol)
        t = strip_dress((struct text){t.s, (size_t)(eol - t.s)});
    put_spaced(line, drop_subject(t));
    if (strbuf_failed(line))
        return CHECK_NOMEM;
    return line->len > 0 ? CHECK_OK : CHECK_EMPTY;
}

enum check_verdict check_summary(struct strbuf *out, const struct check_input *in)
{
    struct strbuf line = {0};
    const char *own = in->unit ? in->unit->qualified : "";
    struct ground g = {.code = {in->code, in->code_len},
                       .context = {in->context, in->context_len},
                       .own = {own, strlen(own)}};
    struct text t;
    enum check_verdict v;
    bool whole, open = false;

    strbuf_reset(out);
    v = take_line(&line, in, &whole);
    t = (struct text){strbuf_str(&line), line.len};
    if (v == CHECK_OK)
        v = first_sentence(&t, !whole, &open);
    if (v == CHECK_OK)
        v = judge(t, in, &g);
    if (v == CHECK_OK) {
        put_plain(out, t, &g);
        if (open)
            strbuf_putc(out, '.');
        capitalise(out);
        if (strbuf_failed(out)) {
            strbuf_reset(out);
            v = CHECK_NOMEM;
        }
    }
    strbuf_release(&line);
    return v;
}
