/* redact.c - secrets out of text (code). The manual is redact.h.
 * Source   Forms of keys as their issuers publish them and as gitleaks' rules (2026-07) list them. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "code/redact.h"

#include "base/mem.h"
#include "base/size.h"
#include "code/text.h"

#include <math.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 2000000 /* steps of one match attempt: far beyond what honest text needs */

struct pattern {
    const char *kind;
    const char *keywords; /* separated by spaces; case-insensitive; one must be in the text */
    const char *regex;
    int group;      /* what is replaced: 0 the whole match */
    double entropy; /* bits a byte that the value must have at least; 0: not asked */
};

/* clang-format off: one pattern a line reads best */
static const struct pattern patterns[] = {
    {"aws-key", "AKIA ASIA ABIA ACCA A3T", "\\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\\b",
     0, 3.0},
    {"github-token", "gh github_pat_", "gh[pousr]_[0-9A-Za-z]{36}|github_pat_\\w{82}", 0, 0},
    {"gitlab-token", "glpat-", "glpat-[\\w-]{20}", 0, 0},
    {"slack-token", "xox", "xox[abposr]-[0-9A-Za-z-]{10,}", 0, 0},
    {"slack-hook", "hooks.slack.com",
     "hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}", 0, 0},
    {"google-key", "AIza", "\\bAIza[\\w-]{35}", 0, 4.0},
    {"stripe-key", "sk_ rk_", "\\b(?:sk|rk)_(?:test|live|prod)_[A-Za-z0-9]{10,99}", 0, 0},
    {"openai-key", "T3BlbkFJ",
     "\\bsk-(?:(?:proj|svcacct|admin)-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}", 0, 0},
    {"anthropic-key", "sk-ant-", "\\bsk-ant-api03-[\\w-]{93}AA", 0, 0},
    {"huggingface-token", "hf_", "\\bhf_[A-Za-z]{34}", 0, 0},
    {"npm-token", "npm_", "\\bnpm_[A-Za-z0-9]{36}", 0, 0},
    {"pypi-token", "pypi-AgEIcHlwaS5vcmc", "pypi-AgEIcHlwaS5vcmc[\\w-]{50,1000}", 0, 0},
    {"sendgrid-key", "SG.", "\\bSG\\.[\\w=.-]{66}", 0, 0},
    {"digitalocean-token", "dop_v1_", "\\bdop_v1_[a-f0-9]{64}", 0, 0},
    {"vault-token", "hvs.", "\\bhvs\\.[\\w-]{90,120}", 0, 0},
    {"azure-secret", "Q~", "(?<![\\w~.-])[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}(?![\\w~.-])",
     0, 3.0},
    {"jwt", "ey", "\\bey[A-Za-z0-9]{17,}\\.ey[\\w/\\\\-]{17,}\\.[\\w/\\\\-]{10,}=*", 0, 0},
    {"url-password", "://", "[A-Za-z][A-Za-z0-9+.-]{0,30}://[^/\\s:@]{1,64}:([^/\\s:@]{3,200})@", 1,
     0},
    {"secret", "password passwd secret token apikey api_key",
     "(?i)(?:password|passwd|secret|token|api_?key)[\\w-]{0,20}[\"']?\\s{0,8}(?::=|=>|[:=])\\s{0,8}"
     "[\"']([^\"'\\s]{12,300})[\"']",
     1, 3.5},
};
/* clang-format on */

#define N_PATTERNS ARRAY_LEN(patterns)

/* Compiled once and kept: read-only from then on, so threads share them. */
static pthread_once_t compile_once = PTHREAD_ONCE_INIT;
static pcre2_code *compiled[N_PATTERNS];
static pcre2_match_context *match_context;
static bool compile_ok;

static void compile_all(void)
{
    size_t i;

    match_context = pcre2_match_context_create(NULL);
    compile_ok = match_context != NULL;
    if (match_context)
        (void)pcre2_set_match_limit(match_context, MATCH_LIMIT);
    for (i = 0; i < N_PATTERNS; i++) {
        PCRE2_SIZE offset;
        int error;

        compiled[i] = pcre2_compile((PCRE2_SPTR)patterns[i].regex, PCRE2_ZERO_TERMINATED, 0, &error,
                                    &offset, NULL);
        compile_ok = compile_ok && compiled[i] != NULL;
    }
}

/* ---- what looks like a secret and is none ---------------------------------------------------------- */

static double entropy(const char *s, size_t n)
{
    size_t count[256] = {0}, i;
    double bits = 0;

    for (i = 0; i < n; i++)
        count[(unsigned char)s[i]]++;
    for (i = 0; i < 256; i++) {
        double p = (double)count[i] / (double)n;

        if (count[i] > 0)
            bits -= p * log2(p);
    }
    return bits;
}

static bool is_placeholder(const char *s, size_t n)
{
    static const char *const words[] = {"example", "changeme",    "change_me",
                                        "xxxx",    "placeholder", "abcdefgh",
                                        "your",    "dummy",       "12345678"};
    size_t i = 1;

    while (i < n && s[i] == s[0])
        i++;
    if (i >= n || s[0] == '$' || s[0] == '<' || s[0] == '%' ||
        (n > 1 && s[0] == '{' && s[1] == '{'))
        return true;
    for (i = 0; i < ARRAY_LEN(words); i++)
        if (text_has(s, n, words[i]))
            return true;
    return false;
}

/* ---- finding ---------------------------------------------------------------------------------------- */

struct found {
    size_t start, end;
    const char *kind;
};

struct finds {
    struct found *v;
    size_t n, cap;
};

static int add_found(struct finds *f, size_t start, size_t end, const char *kind)
{
    if (mem_grow((void **)&f->v, &f->cap, f->n + 1, sizeof(*f->v)) < 0)
        return DOBBY_E_NOMEM;
    f->v[f->n++] = (struct found){start, end, kind};
    return 0;
}

/* One of the keywords is in the lower-cased text. */
static bool has_keyword(const char *lower, size_t len, const char *keywords)
{
    size_t pos = 0, n, i, all = strlen(keywords);
    const char *word;
    char key[32];

    while (text_next_token(keywords, all, &pos, &word, &n)) {
        for (i = 0; i < n && i < sizeof(key); i++)
            key[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
        if (memmem(lower, len, key, i))
            return true;
    }
    return false;
}

static int find_pattern(struct finds *f, const struct pattern *p, const pcre2_code *code,
                        pcre2_match_data *data, const char *text, size_t len)
{
    size_t at = 0;
    int rc;

    while (at < len) {
        PCRE2_SIZE *v;
        size_t start, end;

        rc = pcre2_match(code, (PCRE2_SPTR)text, len, at, 0, data, match_context);
        if (rc == PCRE2_ERROR_NOMATCH)
            return 0;
        if (rc == PCRE2_ERROR_NOMEMORY)
            return DOBBY_E_NOMEM;
        if (rc < 0)
            return DOBBY_E_LIMIT;
        v = pcre2_get_ovector_pointer(data);
        start = v[2 * p->group];
        end = v[2 * p->group + 1];
        if (end > start && !is_placeholder(text + start, end - start) &&
            (p->entropy <= 0 || entropy(text + start, end - start) >= p->entropy)) {
            rc = add_found(f, start, end, p->kind);
            if (rc < 0)
                return rc;
        }
        at = v[1] > at ? v[1] : at + 1;
    }
    return 0;
}

/* From "-----BEGIN ... PRIVATE KEY-----" to the line of its END, or to the end of the text when that is missing. */
static int find_private_keys(struct finds *f, const char *text, size_t len)
{
    static const char begin[] = "-----BEGIN", end_mark[] = "-----END";
    const char *p = text, *stop = text + len;

    while ((p = memmem(p, (size_t)(stop - p), begin, sizeof(begin) - 1)) != NULL) {
        size_t left = (size_t)(stop - p);
        const char *dashes =
            left > 10 ? memmem(p + 10, size_min(left - 10, 130), "-----", 5) : NULL;
        const char *end;

        if (!dashes || !memmem(p, (size_t)(dashes - p), "PRIVATE KEY", 11)) {
            p += 10;
            continue;
        }
        end = memmem(dashes, (size_t)(stop - dashes), end_mark, sizeof(end_mark) - 1);
        if (end)
            end = memmem(end + 8, (size_t)(stop - end) - 8, "-----", 5);
        end = end ? end + 5 : stop;
        if (add_found(f, (size_t)(p - text), (size_t)(end - text), "private-key") < 0)
            return DOBBY_E_NOMEM;
        p = end;
    }
    return 0;
}

static int find_all(struct finds *f, const char *text, size_t len, const char *lower)
{
    pcre2_match_data *data = pcre2_match_data_create(4, NULL);
    size_t i;
    int rc = data ? find_private_keys(f, text, len) : DOBBY_E_NOMEM;

    for (i = 0; rc == 0 && i < N_PATTERNS; i++)
        if (has_keyword(lower, len, patterns[i].keywords))
            rc = find_pattern(f, &patterns[i], compiled[i], data, text, len);
    pcre2_match_data_free(data);
    return rc;
}

static int by_start(const void *x, const void *y)
{
    const struct found *a = x, *b = y;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->end > b->end ? -1 : a->end < b->end;
}

/* Findings may overlap: the first one of each heap names the kind, its end grows. */
static size_t put_redacted(struct strbuf *out, struct finds *f, const char *text, size_t len)
{
    size_t pos = 0, i, count = 0;

    if (f->n > 0)
        qsort(f->v, f->n, sizeof(*f->v), by_start);
    for (i = 0; i < f->n; i++) {
        const struct found *x = &f->v[i];

        if (x->start >= pos) {
            strbuf_add(out, text + pos, x->start - pos);
            strbuf_printf(out, "[redacted:%s]", x->kind);
            count++;
        }
        pos = size_max(pos, x->end);
    }
    strbuf_add(out, text + pos, len - pos);
    return count;
}

static char *lower_copy(const char *text, size_t len)
{
    char *s = mem_alloc(len + 1);
    size_t i;

    for (i = 0; s && i < len; i++)
        s[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    return s;
}

int redact(struct strbuf *out, const char *text, size_t len, size_t *n_found, struct dobby_err *e)
{
    struct finds f = {0};
    size_t count = 0;
    char *lower;
    int rc;

    (void)pthread_once(&compile_once, compile_all);
    lower = compile_ok ? lower_copy(text, len) : NULL;
    rc = lower ? find_all(&f, text, len, lower) : DOBBY_E_NOMEM;
    if (rc == 0) {
        count = put_redacted(out, &f, text, len);
        if (strbuf_failed(out))
            rc = DOBBY_E_NOMEM;
    }
    mem_free(f.v);
    mem_free(lower);
    if (n_found)
        *n_found = count;
    if (rc == DOBBY_E_LIMIT)
        return err_set(e, rc, "redact: a text of %zu bytes is too hard to search for secrets", len);
    return rc < 0 ? err_nomem(e, "the search for secrets") : 0;
}
