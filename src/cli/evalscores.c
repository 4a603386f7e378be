/* evalscores.c - see evalscores.h (cli). */
#include "cli/evalscores.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/evalsheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE  ((size_t)256 << 20)
#define MAX_TEXTS SCORES_SYSTEMS

const char *const scores_figures[SCORES_FIGURES] = {"bleu", "rouge_l", "recall", "ungrounded"};

/* A unit of a sheet, its id in the sheet's arena. */
struct filled {
    const char *id;
    const char *texts[MAX_TEXTS]; /* NULL: the sheet has scores alone */
    double scores[MAX_TEXTS];
    size_t n;
    bool used;
};

struct reader {
    struct scores *s;
    const char *sheet, *key;
    struct filled *units;
    size_t n, cap;
    struct dobby_err *e;
};

static int bad(const struct reader *r, const char *file, const char *id, const char *why)
{
    return err_set(r->e, DOBBY_E_FORMAT, "eval: %s: %s: %s", file, id, why);
}

static struct filled *find(const struct reader *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->units[i].id, id) == 0)
            return &r->units[i];
    return NULL;
}

static int add_unit(struct reader *r, const char *id, size_t len)
{
    const char *copy = arena_strndup(&r->s->arena, id, len);

    if (!copy || mem_grow((void **)&r->units, &r->cap, r->n + 1, sizeof(*r->units)) < 0)
        return err_nomem(r->e, "the sheet");
    if (find(r, copy))
        return bad(r, r->sheet, copy, "is there twice; give each sheet on its own");
    r->units[r->n++] = (struct filled){.id = copy};
    return 0;
}

static int bad_score(const struct reader *r, const struct filled *x, size_t text)
{
    return err_set(r->e, DOBBY_E_FORMAT,
                   "eval: %s: %s: text %zu has no score from 0 to 4; fill it in", r->sheet, x->id,
                   text + 1);
}

/* text NULL: scores alone. */
static int add_score(struct reader *r, double score, const char *text, size_t len)
{
    struct filled *x = &r->units[r->n - 1];

    if (x->n == MAX_TEXTS)
        return bad(r, r->sheet, x->id, "has too many texts");
    if (!(score == 0 || score == 1 || score == 2 || score == 3 || score == 4))
        return bad_score(r, x, x->n);
    if (text && !(x->texts[x->n] = arena_strndup(&r->s->arena, text, len)))
        return err_nomem(r->e, "the sheet");
    x->scores[x->n++] = score;
    return 0;
}

/* ---- sheets ------------------------------------------------------------------------------------- */

/* "- [3] text": the score is whatever number stands in the brackets. */
static int markdown_text(struct reader *r, const char *line, size_t n)
{
    const char *close = memchr(line, ']', n);
    char inside[16], *end;
    double score = -1;
    size_t len = close ? (size_t)(close - line) - 3 : 0;

    if (r->n == 0)
        return bad(r, r->sheet, "a text", "stands before the first unit; keep the sheet's form");
    if (!close || len >= sizeof(inside))
        return bad_score(r, &r->units[r->n - 1], r->units[r->n - 1].n);
    memcpy(inside, line + 3, len);
    inside[len] = '\0';
    if (strspn(inside, " ") < len) {
        score = strtod(inside, &end);
        if (end[strspn(end, " ")])
            score = -1;
    }
    line = close + 1;
    n -= len + 4;
    if (n > 0 && *line == ' ') {
        line++;
        n--;
    }
    return add_score(r, score, line, n);
}

static int markdown_line(struct reader *r, const char *line, size_t n)
{
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n > 3 && memcmp(line, "## ", 3) == 0) {
        const char *space = memchr(line + 3, ' ', n - 3);

        return add_unit(r, line + 3, space ? (size_t)(space - line) - 3 : n - 3);
    }
    return n >= 3 && memcmp(line, "- [", 3) == 0 ? markdown_text(r, line, n) : 0;
}

static int json_scores(struct reader *r, const struct json_value *v)
{
    const struct json_value *scores = json_value_member(v, "scores"),
                            *texts = json_value_member(v, "texts");
    const char *id = r->units[r->n - 1].id;
    int rc = 0;

    if (json_value_type(scores) != JSON_VALUE_ARRAY)
        return bad(r, r->sheet, id, "has no list of scores");
    if (texts && json_value_len(texts) != json_value_len(scores))
        return bad(r, r->sheet, id, "has not as many scores as texts; give each text one");
    for (size_t i = 0; i < json_value_len(scores) && rc == 0; i++) {
        double score = -1;
        size_t len = 0;
        const char *text = texts ? json_value_string(json_value_at(texts, i), &len) : NULL;

        if (texts && !text)
            return bad(r, r->sheet, id, "has a text that is no string");
        (void)json_value_number(json_value_at(scores, i), &score);
        rc = add_score(r, score, text, len);
    }
    return rc;
}

static int json_line(struct reader *r, const char *line, size_t n)
{
    struct json_value *v = NULL;
    const char *id;
    size_t len;
    int rc = json_value_parse(&v, line, n, r->sheet, r->e);

    if (rc < 0)
        return rc;
    id = json_value_string(json_value_member(v, "id"), &len);
    if (id)
        rc = add_unit(r, id, len);
    else if (!json_value_member(v, "meaning"))
        rc = bad(r, r->sheet, "a line", "has no id");
    if (rc == 0 && id)
        rc = json_scores(r, v);
    json_value_free(v);
    return rc;
}

static int each_line(struct reader *r, const char *path,
                     int (*fn)(struct reader *r, const char *line, size_t n))
{
    struct strbuf text = {0};
    int rc = file_read_all(&text, path, MAX_FILE, r->e);
    const char *p = strbuf_str(&text), *end = p + text.len;

    while (rc == 0 && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);

        if (n > 0)
            rc = fn(r, p, n);
        p += n + (eol != NULL);
    }
    strbuf_release(&text);
    return rc;
}

/* ---- keys --------------------------------------------------------------------------------------- */

size_t scores_system(const struct scores *s, const char *name)
{
    size_t i = 0;

    while (i < s->n_systems && strcmp(s->systems[i], name) != 0)
        i++;
    return i;
}

/* The number of a system, which is new perhaps; or a failure. */
static int system_of(struct reader *r, const struct json_value *v, size_t *at)
{
    struct scores *s = r->s;
    const char *name = json_value_string(json_value_member(v, "system"), NULL),
               *source = json_value_string(json_value_member(v, "source"), NULL);

    if (!name || !source)
        return bad(r, r->key, "a text", "has no system or source");
    *at = scores_system(s, name);
    if (*at < s->n_systems)
        return 0;
    if (s->n_systems == SCORES_SYSTEMS)
        return bad(r, r->key, name, "one system too many");
    s->systems[*at] = arena_strdup(&s->arena, name);
    s->sources[*at] = arena_strdup(&s->arena, source);
    if (!s->systems[*at] || !s->sources[*at])
        return err_nomem(r->e, "the key");
    s->n_systems++;
    return 0;
}

static double number_or(const struct json_value *v, const char *key, double otherwise)
{
    double d = otherwise;

    (void)json_value_number(json_value_member(v, key), &d);
    return d;
}

static bool is_true(const struct json_value *v)
{
    bool b = false;

    return json_value_bool(v, &b) && b;
}

static int take_text(struct reader *r, struct scores_unit *u, const struct json_value *by,
                     double score)
{
    int rc = 0;

    for (size_t i = 0; i < json_value_len(by) && rc == 0; i++) {
        const struct json_value *v = json_value_at(by, i);
        size_t at = 0;

        rc = system_of(r, v, &at);
        if (rc < 0)
            break;
        u->of[at] = (struct score){.there = true,
                                   .score = score,
                                   .confidence = number_or(v, "confidence", -1),
                                   .fallback = is_true(json_value_member(v, "fallback"))};
        for (size_t f = 0; f < SCORES_FIGURES; f++)
            u->of[at].figure[f] = number_or(v, scores_figures[f], (double)NAN);
    }
    return rc;
}

static int compare_check(struct reader *r, const struct filled *x, const struct json_value *v)
{
    const char *want = json_value_string(json_value_member(v, "check"), NULL);
    char check[EVAL_CHECK_LEN + 1];
    int rc = x->n > 0 && x->texts[0] ? sheet_check(check, x->texts, x->n, r->e) : 1;

    if (rc != 0)
        return rc < 0 ? rc : 0;
    return want && strcmp(want, check) == 0
               ? 0
               : bad(r, r->sheet, x->id,
                     "its texts are not those that the key is of; change only the scores, and give "
                     "the sheet's own key");
}

static int key_unit(struct reader *r, struct filled *x, const struct json_value *v)
{
    const struct json_value *texts = json_value_member(v, "texts");
    const char *language = json_value_string(json_value_member(v, "language"), NULL);
    struct scores *s = r->s;
    struct scores_unit *u;
    int rc;

    if (!language || json_value_len(texts) != x->n || x->used)
        return bad(r, r->key, x->id, "is not of this sheet");
    rc = compare_check(r, x, v);
    if (rc < 0)
        return rc;
    if (mem_grow((void **)&s->units, &s->cap, s->n + 1, sizeof(*s->units)) < 0)
        return err_nomem(r->e, "the sheet");
    u = &s->units[s->n];
    *u = (struct scores_unit){arena_strdup(&s->arena, language),
                              arena_array(&s->arena, SCORES_SYSTEMS, sizeof(*u->of))};
    if (!u->language || !u->of)
        return err_nomem(r->e, "the sheet");
    s->n++;
    x->used = true;
    for (size_t i = 0; i < x->n && rc == 0; i++)
        rc = take_text(r, u, json_value_at(texts, i), x->scores[i]);
    return rc;
}

static int key_line(struct reader *r, const char *line, size_t n)
{
    struct json_value *v = NULL;
    const char *id;
    struct filled *x;
    int rc = json_value_parse(&v, line, n, r->key, r->e);

    if (rc < 0)
        return rc;
    id = json_value_string(json_value_member(v, "id"), NULL);
    x = id ? find(r, id) : NULL;
    if (x)
        rc = key_unit(r, x, v);
    else
        rc = bad(r, r->sheet, id ? id : "a unit", "is in the key and not in the sheet");
    json_value_free(v);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static bool is_json(const char *path)
{
    size_t n = strlen(path);

    return n >= 6 && strcmp(path + n - 6, ".jsonl") == 0;
}

static int read_both(struct reader *r)
{
    int rc = each_line(r, r->sheet, is_json(r->sheet) ? json_line : markdown_line);

    if (rc == 0 && r->n == 0)
        rc = bad(r, r->sheet, "the sheet", "holds no unit");
    if (rc == 0)
        rc = each_line(r, r->key, key_line);
    for (size_t i = 0; i < r->n && rc == 0; i++)
        if (!r->units[i].used)
            rc = bad(r, r->key, r->units[i].id, "is in the sheet and not in the key");
    return rc;
}

int scores_read(struct scores *s, const char *sheet, const char *key, struct dobby_err *e)
{
    struct reader r = {.s = s, .sheet = sheet, .key = key, .e = e};
    struct strbuf name = {0};
    int rc = 0;

    sheet_key_name(&name, sheet);
    if (!key)
        r.key = strbuf_str(&name);
    if (strbuf_failed(&name))
        rc = err_nomem(e, "the sheet");
    if (rc == 0)
        rc = read_both(&r);
    mem_free(r.units);
    strbuf_release(&name);
    return rc;
}

void scores_release(struct scores *s)
{
    mem_free(s->units);
    arena_release(&s->arena);
    *s = (struct scores){0};
}
