/* opt.c - see opt.h (cli). */
#include "cli/opt.h"

#include "base/size.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- nearest word ------------------------------------------------------------------------------ */

#define NEAREST_MAX 32 /* longer words are not worth a guess */

/* Optimal string alignment distance; both words are at most NEAREST_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t d[NEAREST_MAX + 1][NEAREST_MAX + 1];
    size_t n = strlen(a), m = strlen(b);

    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            best = size_min(best, size_min(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = size_min(best, d[i - 2][j - 2] + 1);
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *opt_nearest(const char *s, const char *(*next)(const void *ctx, size_t i),
                        const void *ctx)
{
    size_t len = strlen(s), best = len / 3 + 1, d;
    const char *found = NULL, *word;

    if (len == 0 || len > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; (word = next(ctx, i)) != NULL; i++) {
        if (strlen(word) > NEAREST_MAX)
            continue;
        if (strlen(word) > len && len >= 3 && strncmp(word, s, len) == 0)
            d = 1; /* an abbreviation: --thr */
        else
            d = distance(s, word);
        if (d < best || (d == best && !found)) {
            best = d;
            found = word;
        }
    }
    return found;
}

static const char *next_option(const void *ctx, size_t i)
{
    const struct opt_verb *v = ctx;

    for (size_t k = 0; k <= i; k++) {
        if (!v->opts[k].name)
            return k == i ? "help" : NULL;
    }
    return v->opts[i].name;
}

/* ---- values ------------------------------------------------------------------------------------ */

bool opt_size(const char *s, size_t *out)
{
    static const char suffix[] = "KMGT";
    unsigned long long n;
    const char *p;
    char *end;
    size_t size;

    if (*s < '0' || *s > '9')
        return false;
    errno = 0;
    n = strtoull(s, &end, 10);
    if (errno || n > SIZE_MAX)
        return false;
    size = (size_t)n;
    if (*end && (p = strchr(suffix, *end >= 'a' ? *end - 'a' + 'A' : *end)) != NULL) {
        for (const char *q = suffix; q <= p; q++) {
            if (!size_mul(size, 1024, &size))
                return false;
        }
        end++;
        if (*end == 'i')
            end++;
    }
    if (*end == 'B')
        end++;
    if (*end)
        return false;
    *out = size;
    return true;
}

static int bad_value(const struct opt_verb *v, const struct opt *o, const char *value,
                     struct dobby_err *e)
{
    struct strbuf want = {0};
    int rc;

    if (o->kind == OPT_CHOICE) {
        strbuf_puts(&want, "one of");
        for (size_t i = 0; o->choices[i]; i++)
            strbuf_printf(&want, " %s", o->choices[i]);
    } else if (o->kind == OPT_INT || o->kind == OPT_SIZE) {
        strbuf_printf(&want, "a %s from %lld to %lld",
                      o->kind == OPT_SIZE ? "size (as 512M or 2G)" : "number", o->min, o->max);
        for (size_t i = 0; o->choices && o->choices[i]; i++)
            strbuf_printf(&want, ", or %s", o->choices[i]);
    } else {
        strbuf_printf(&want, "a %s", o->value);
    }
    rc = err_set(e, DOBBY_E_USAGE, "%s: --%s: \"%s\" is not what it takes; give %s", v->name,
                 o->name, value, strbuf_str(&want));
    strbuf_release(&want);
    return rc;
}

/* The place of a word in a list that ends with NULL, or -1. */
static int find_word(const char *const *words, const char *s)
{
    for (int i = 0; words && words[i]; i++)
        if (strcmp(words[i], s) == 0)
            return i;
    return -1;
}

static bool parse_size(const struct opt *o, const char *value, size_t *out)
{
    size_t size = 0;

    if (find_word(o->choices, value) < 0 &&
        (!opt_size(value, &size) || size < (unsigned long long)o->min ||
         size > (unsigned long long)o->max))
        return false;
    *out = size;
    return true;
}

static bool parse_int(const struct opt *o, const char *value, int *out)
{
    long long n;
    char *end;

    errno = 0;
    n = strtoll(value, &end, 10);
    /* strtoll skips white space, which nobody means here. */
    if (errno || end == value || *end || !strchr("+-0123456789", value[0]) || n < o->min ||
        n > o->max)
        return false;
    *out = (int)n;
    return true;
}

static int add_string(const struct opt_verb *v, const struct opt *o, const char *value,
                      struct opt_strings *list, struct dobby_err *e)
{
    if (!*value)
        return bad_value(v, o, value, e);
    if (list->n == OPT_MAX_STRINGS)
        return err_set(e, DOBBY_E_USAGE, "%s: --%s: \"%s\": more than %d; give fewer", v->name,
                       o->name, value, OPT_MAX_STRINGS);
    list->v[list->n++] = value;
    return 0;
}

static int set_value(const struct opt_verb *v, const struct opt *o, const char *value, void *out,
                     struct dobby_err *e)
{
    void *field = (char *)out + o->offset;
    int word;

    switch (o->kind) {
    case OPT_FLAG:
        *(int *)field = 1;
        return 0;
    case OPT_INT:
        return parse_int(o, value, field) ? 0 : bad_value(v, o, value, e);
    case OPT_SIZE:
        return parse_size(o, value, field) ? 0 : bad_value(v, o, value, e);
    case OPT_STRING:
    case OPT_TEXT:
        if (o->kind == OPT_STRING && !*value)
            return bad_value(v, o, value, e);
        *(const char **)field = value;
        return 0;
    case OPT_STRINGS:
        return add_string(v, o, value, field, e);
    case OPT_CHOICE:
        word = find_word(o->choices, value);
        if (word < 0)
            return bad_value(v, o, value, e);
        *(int *)field = word;
        return 0;
    }
    return err_set(e, DOBBY_E_INTERNAL, "%s: --%s: unknown kind of option", v->name, o->name);
}

/* ---- the parser -------------------------------------------------------------------------------- */

struct parse {
    const struct opt_verb *v;
    int argc, i; /* argv[i] is the next word */
    char **argv;
    void *out;
    struct opt_operands *operands;
};

static int add_operand(struct parse *p, const char *arg, struct dobby_err *e)
{
    if (p->operands->n >= p->v->max_operands)
        return err_set(e, DOBBY_E_USAGE, "%s: \"%s\": one operand too many; see dobby %s --help",
                       p->v->name, arg, p->v->name);
    p->operands->arg[p->operands->n++] = arg;
    return 0;
}

/* The value of an option that needs one: what stands after '=' or the next word. */
static int take_value(struct parse *p, const struct opt *o, const char *joined, const char **value,
                      struct dobby_err *e)
{
    if (o->kind == OPT_FLAG) {
        if (joined)
            return err_set(e, DOBBY_E_USAGE, "%s: --%s: takes no value; leave \"%s\" away",
                           p->v->name, o->name, joined);
        *value = NULL;
        return 0;
    }
    if (!joined && p->i >= p->argc)
        return err_set(e, DOBBY_E_USAGE, "%s: --%s: needs a value; give it a %s", p->v->name,
                       o->name, o->value);
    *value = joined ? joined : p->argv[p->i++];
    return 0;
}

static int parse_long(struct parse *p, const char *word, struct dobby_err *e)
{
    const char *eq = strchr(word, '='), *value, *near;
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    char name[NEAREST_MAX + 1];
    const struct opt *o;
    int rc;

    if (len == 4 && memcmp(word, "help", 4) == 0)
        return OPT_HELP;
    for (o = p->v->opts; o->name; o++) {
        if (strlen(o->name) != len || memcmp(o->name, word, len) != 0)
            continue;
        rc = take_value(p, o, eq ? eq + 1 : NULL, &value, e);
        return rc < 0 ? rc : set_value(p->v, o, value, p->out, e);
    }
    len = size_min(len, NEAREST_MAX);
    memcpy(name, word, len);
    name[len] = '\0';
    near = opt_nearest(name, next_option, p->v);
    if (near)
        return err_set(e, DOBBY_E_USAGE, "%s: --%s: unknown option; did you mean --%s?", p->v->name,
                       name, near);
    return err_set(e, DOBBY_E_USAGE, "%s: --%s: unknown option; see dobby %s --help", p->v->name,
                   name, p->v->name);
}

/* One word of short options: flags may follow each other, the first with a value takes the rest. */
static int parse_short(struct parse *p, const char *word, struct dobby_err *e)
{
    const struct opt *o;
    const char *value;
    int rc;

    while (*word) {
        if (*word == 'h')
            return OPT_HELP;
        for (o = p->v->opts; o->name && o->letter != *word; o++)
            ;
        if (!o->name)
            return err_set(e, DOBBY_E_USAGE, "%s: -%c: unknown option; see dobby %s --help",
                           p->v->name, *word, p->v->name);
        word++;
        rc = take_value(p, o, o->kind != OPT_FLAG && *word ? word : NULL, &value, e);
        if (rc == 0)
            rc = set_value(p->v, o, value, p->out, e);
        if (rc < 0 || o->kind != OPT_FLAG)
            return rc;
    }
    return 0;
}

int opt_parse(const struct opt_verb *v, int argc, char **argv, void *out,
              struct opt_operands *operands, struct dobby_err *e)
{
    struct parse p = {.v = v, .argc = argc, .argv = argv, .out = out, .operands = operands};
    bool ended = false;
    int rc = 0;

    *operands = (struct opt_operands){0};
    while (p.i < argc && rc == 0) {
        const char *word = argv[p.i++];

        if (ended || word[0] != '-' || !word[1])
            rc = add_operand(&p, word, e);
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            rc = parse_long(&p, word + 2, e);
        else
            rc = parse_short(&p, word + 1, e);
    }
    if (rc == 0 && operands->n < v->min_operands)
        rc = err_set(e, DOBBY_E_USAGE, "%s: %s: missing; see dobby %s --help", v->name, v->operands,
                     v->name);
    return rc;
}

/* ---- help -------------------------------------------------------------------------------------- */

static void help_row(struct strbuf *out, const struct opt *o)
{
    struct strbuf left = {0};

    if (o->letter)
        strbuf_printf(&left, "  -%c, --%s", o->letter, o->name);
    else
        strbuf_printf(&left, "      --%s", o->name);
    if (o->kind == OPT_CHOICE) {
        for (size_t i = 0; o->choices[i]; i++)
            strbuf_printf(&left, "%s%s", i ? "|" : " ", o->choices[i]);
    } else if (o->kind != OPT_FLAG) {
        strbuf_printf(&left, " %s", o->value);
    }
    if (left.len < 28)
        strbuf_printf(out, "%-28s %s\n", strbuf_str(&left), o->help);
    else
        strbuf_printf(out, "%s\n%-28s %s\n", strbuf_str(&left), "", o->help);
    if (strbuf_failed(&left))
        out->failed = true; /* a help text with a hole would be a wrong help text */
    strbuf_release(&left);
}

void opt_help(struct strbuf *out, const struct opt_verb *v)
{
    static const struct opt help = {
        .letter = 'h', .name = "help", .kind = OPT_FLAG, .help = "Print this text"};

    strbuf_printf(out, "usage: dobby %s%s%s%s\n\n%s.\n", v->name,
                  v->opts[0].name ? " [OPTION...]" : "", *v->operands ? " " : "", v->operands,
                  v->brief);
    strbuf_puts(out, "\nOptions:\n");
    for (const struct opt *o = v->opts; o->name; o++)
        help_row(out, o);
    help_row(out, &help);
    if (v->notes)
        strbuf_printf(out, "\n%s", v->notes);
}
