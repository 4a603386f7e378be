/* copies.c - `bench copies`: authors' sentences and copied ones, judged (bench).
 * What     Every documented unit of the trees, its comment hidden, is asked for with the sentences of its nearest documented
 *          neighbours as examples. Its author's own sentence is a true answer, a neighbour's a copied one, which is judged as it
 *          stands and dressed up: its first verb in the other person, cut to two thirds, and with the neighbour's name
 *          replaced by the unit's. check.h accepts the true one and refuses the others, or is counted as wrong.
 * Rows     verdict counts of each kind of answer; with --list the answers that were judged wrong, a line each. */
#include "bench.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/size.h"
#include "code/check.h"
#include "code/doc.h"
#include "code/ground.h"
#include "code/prompt.h"
#include "code/walk.h"
#include "pipeline/scan.h"

#include <stdio.h>
#include <string.h>

#define NEIGHBOURS 4

struct copies_opts {
    int list, features;
};

static const struct opt rows[] = {
    {0, "list", OPT_FLAG, offsetof(struct copies_opts, list), 0, 0, NULL, NULL,
     "Write the answers that were judged wrong, too"},
    {0, "features", OPT_FLAG, offsetof(struct copies_opts, features), 0, 0, NULL, NULL,
     "Write what is compared of each answer instead, as CSV"},
    {.name = NULL},
};

const struct opt_verb opt_bench_copies = {
    "bench copies",
    "PATH...",
    "Judge authors' sentences, and neighbours' as copied ones",
    "Units with a good comment; examples are the sentences of their nearest neighbours.\n",
    rows,
    1,
    OPT_MAX_OPERANDS};

enum answer { OWN, PLAIN, PERSON, CUT, NAMED, ANSWERS };
static const char *const answer_names[ANSWERS] = {"own", "copied", "other person", "cut",
                                                  "renamed"};

struct entry {
    struct text sentence, code; /* in the arena */
    struct unit unit;
};

struct copies {
    struct copies_opts o;
    struct walk w;
    struct scan s;
    struct arena arena;
    struct entry *v;
    size_t n, cap;
    struct strbuf source, b;
    size_t count[ANSWERS][CHECK_VERDICTS];
};

/* "SetOut sets the destination", as Go has it: the name goes, as a model would not write it. */
static void drop_name(struct strbuf *b, const struct unit *u)
{
    size_t n = strlen(u->name), left;

    if (b->len <= n + 1 || memcmp(b->s, u->name, n) != 0 || b->s[n] != ' ')
        return;
    left = b->len - n - 1;
    memmove(b->s, b->s + n + 1, left + 1);
    b->len = left;
    if (b->s[0] >= 'a' && b->s[0] <= 'z')
        b->s[0] = (char)(b->s[0] - 'a' + 'A');
}

static struct text keep(struct copies *c)
{
    char *p = strbuf_failed(&c->b) ? NULL : arena_strndup(&c->arena, strbuf_str(&c->b), c->b.len);

    return (struct text){p, p ? c->b.len : 0};
}

static int add_unit(struct copies *c, const struct scan_file *f, const struct unit *u,
                    struct dobby_err *e)
{
    const char *source = strbuf_str(&c->source);
    struct entry x = {.unit = *u};
    int rc;

    strbuf_reset(&c->b);
    if (!doc_first_sentence(&c->b, u, f->wf->language, source, c->source.len))
        return 0;
    drop_name(&c->b, u);
    x.sentence = keep(c);
    rc = prompt_code(&c->b, u, f->wf->language, source, c->source.len, f->units, f->n, e);
    if (rc == DOBBY_E_LIMIT) {
        err_clear(e);
        return 0;
    }
    x.code = keep(c);
    if (rc == 0 && (!x.sentence.s || !x.code.s ||
                    mem_grow((void **)&c->v, &c->cap, c->n + 1, sizeof(*c->v)) < 0))
        rc = err_nomem(e, "a sentence");
    if (rc == 0)
        c->v[c->n++] = x;
    return rc;
}

static int add_file(struct copies *c, const struct scan_file *f, struct dobby_err *e)
{
    uint8_t hash[KEY_LEN];
    int rc = f->n > 0 ? walk_read(&c->w, f->wf, &c->source, hash, e) : 0;

    for (size_t i = 0; i < f->n && rc == 0; i++)
        if (f->units[i].kind != UNIT_CHUNK && f->units[i].span.end <= c->source.len)
            rc = add_unit(c, f, &f->units[i], e);
    return rc;
}

/* "Returns x" for "Return x", and the other way round. */
static void put_other_person(struct strbuf *b, struct text t)
{
    size_t n = 0;

    while (n < t.n && text_is_letter(t.s[n]))
        n++;
    if (n > 2 && t.s[n - 1] == 's') {
        strbuf_add(b, t.s, n - 1);
    } else {
        strbuf_add(b, t.s, n);
        strbuf_putc(b, 's');
    }
    strbuf_add(b, t.s + n, t.n - n);
}

static void put_cut(struct strbuf *b, struct text t)
{
    size_t n = t.n * 2 / 3;

    while (n < t.n && !text_is_space(t.s[n]))
        n++;
    strbuf_add(b, t.s, n);
    if (n < t.n)
        strbuf_putc(b, '.');
}

static void put_renamed(struct strbuf *b, struct text t, const char *from, const char *to)
{
    size_t n = strlen(from);

    for (size_t i = 0; i < t.n;) {
        if (n > 0 && i + n <= t.n && memcmp(t.s + i, from, n) == 0) {
            strbuf_puts(b, to);
            i += n;
        } else {
            strbuf_putc(b, t.s[i++]);
        }
    }
}

static void put_answer(struct strbuf *b, enum answer how, const struct entry *x,
                       const struct entry *from)
{
    strbuf_reset(b);
    if (how == PERSON)
        put_other_person(b, from->sentence);
    else if (how == CUT)
        put_cut(b, from->sentence);
    else if (how == NAMED)
        put_renamed(b, from->sentence, from->unit.name, x->unit.name);
    else
        strbuf_add(b, from->sentence.s, from->sentence.n);
}

static void tell_features(const struct entry *x, enum answer how, struct text t,
                          const struct text *others, size_t n)
{
    struct ground g = {.code = x->code, .own = {x->unit.name, strlen(x->unit.name)}};

    for (size_t i = 0; i < n; i++) {
        struct ground_likeness l;

        ground_compare(&l, t, others[i], &g);
        printf("%s\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%.*s\t%.*s\n", answer_names[how], l.n,
               l.n_plain, l.shared, l.plain, l.plain_borne, l.novel, l.novel_borne, l.n_other,
               (int)t.n, t.s, (int)others[i].n, others[i].s);
    }
}

static void judge(struct copies *c, const struct entry *x, enum answer how,
                  const struct entry *from, const struct text *others, size_t n)
{
    struct strbuf out = {0};
    struct check_input in = {.code = x->code.s,
                             .code_len = x->code.n,
                             .unit = &x->unit,
                             .others = others,
                             .n_others = n};
    enum check_verdict v;

    put_answer(&c->b, how, x, from);
    in.text = strbuf_str(&c->b);
    in.len = c->b.len;
    v = check_summary(&out, &in);
    c->count[how][v]++;
    if (c->o.features)
        tell_features(x, how, (struct text){in.text, in.len}, others, n);
    if (c->o.list && (v == CHECK_OK) == (how != OWN))
        printf("%s\t%s\t%s\t%s\n", answer_names[how], v == CHECK_OK ? "accepted" : check_reason(v),
               x->unit.qualified, in.text);
    strbuf_release(&out);
}

/* Two units may be described by one sentence: then a copy is the truth. */
static bool is_own(const struct entry *x, const struct entry *y)
{
    return x->sentence.n == y->sentence.n &&
           memcmp(x->sentence.s, y->sentence.s, x->sentence.n) == 0;
}

/* The documented units nearest to the i-th, which come from files near by. */
static size_t neighbours(const struct copies *c, size_t i, const struct entry *out[NEIGHBOURS])
{
    size_t n = 0;

    for (size_t d = 1; d < c->n && n < NEIGHBOURS; d++) {
        if (i + d < c->n && !is_own(&c->v[i], &c->v[i + d]))
            out[n++] = &c->v[i + d];
        if (d <= i && n < NEIGHBOURS && !is_own(&c->v[i], &c->v[i - d]))
            out[n++] = &c->v[i - d];
    }
    return n;
}

static void judge_all(struct copies *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct entry *near[NEIGHBOURS];
        struct text others[NEIGHBOURS];
        size_t n = neighbours(c, i, near);

        for (size_t k = 0; k < n; k++)
            others[k] = near[k]->sentence;
        judge(c, &c->v[i], OWN, &c->v[i], others, n);
        for (size_t k = 0; k < n; k++)
            for (enum answer how = PLAIN; how < ANSWERS; how++)
                judge(c, &c->v[i], how, near[k], others, n);
    }
}

static void tell(const struct copies *c, const char *path)
{
    for (enum answer how = OWN; how < ANSWERS; how++) {
        size_t all = 0;

        for (int v = 0; v < CHECK_VERDICTS; v++)
            all += c->count[how][v];
        printf("%s,%s,%zu,accepted,%zu\n", path, answer_names[how], all, c->count[how][CHECK_OK]);
        for (int v = CHECK_OK + 1; v < CHECK_VERDICTS; v++)
            if (c->count[how][v] > 0)
                printf("%s,%s,%zu,%s,%zu\n", path, answer_names[how], all,
                       check_reason((enum check_verdict)v), c->count[how][v]);
    }
}

static int copies_of(const char *path, const struct copies_opts *o, struct dobby_err *e)
{
    struct scan_options so = {.worker_path = "/proc/self/exe"};
    struct copies c = {.o = *o};
    int rc = walk_tree(&c.w, path, NULL, e);

    if (rc < 0)
        return rc;
    rc = scan_tree(&c.s, &c.w, NULL, &so, e);
    if (rc == 0) {
        for (size_t i = 0; i < c.s.n_files && rc == 0; i++)
            rc = add_file(&c, &c.s.files[i], e);
        if (rc == 0)
            judge_all(&c);
        if (rc == 0 && !o->features)
            tell(&c, path);
        scan_release(&c.s);
    }
    walk_release(&c.w);
    arena_release(&c.arena);
    strbuf_release(&c.source);
    strbuf_release(&c.b);
    mem_free(c.v);
    return rc;
}

int bench_copies(int argc, char **argv)
{
    struct copies_opts o = {0};
    struct opt_operands paths;
    struct dobby_err e = {0};
    int rc = bench_options(&opt_bench_copies, argc, argv, &o, &paths);

    if (rc >= 0)
        return rc;
    rc = 0;
    if (!o.features)
        printf("tree,answer,answers,verdict,count\n");
    for (size_t i = 0; i < paths.n && rc == 0; i++)
        rc = copies_of(paths.arg[i], &o, &e);
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        rc = err_set(&e, DOBBY_E_IO, "standard output: cannot be written");
    return rc < 0 ? bench_fail(&e) : 0;
}
