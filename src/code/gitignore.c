/* gitignore.c - parser and matcher of ignore rules (code). The manual is gitignore.h. */
#include "code/gitignore.h"

#include "base/size.h"

#include <ctype.h>
#include <string.h>

/* ---- one segment ------------------------------------------------------------------------------ */

/* [:name:] as in POSIX, for ASCII. False when there is no such class. */
static bool in_class(const char *name, size_t n, unsigned char c, bool *hit)
{
    static const struct {
        const char *name;
        int (*is)(int);
    } classes[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank},
                   {"cntrl", iscntrl}, {"digit", isdigit}, {"graph", isgraph},
                   {"lower", islower}, {"print", isprint}, {"punct", ispunct},
                   {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(classes); i++) {
        if (strlen(classes[i].name) == n && memcmp(classes[i].name, name, n) == 0) {
            *hit |= c < 128 && classes[i].is(c);
            return true;
        }
    }
    return false;
}

/* [abc], [a-z], [!a], [^a], [[:digit:]], backslash escapes, ] first is itself. p is at the '['.
 * Returns where the pattern goes on, or 0 when the bracket never ends or holds an unknown class: then the whole
 * pattern matches nothing. */
static size_t match_bracket(const char *p, size_t n, unsigned char c, bool *hit)
{
    size_t i = 1;
    bool negated = i < n && (p[i] == '!' || p[i] == '^');
    bool first = true, found = false;

    i += negated;
    for (;; first = false) {
        unsigned char lo, hi;

        if (i >= n)
            return 0;
        if (p[i] == ']' && !first)
            break;
        if (p[i] == '[' && i + 1 < n && p[i + 1] == ':') {
            size_t end = i + 2;

            while (end < n && p[end] != ']')
                end++;
            if (end == n)
                return 0;
            if (end > i + 2 && p[end - 1] == ':') {
                if (!in_class(p + i + 2, end - i - 3, c, &found))
                    return 0;
                i = end + 1;
                continue;
            }
        }
        if (p[i] == '\\' && ++i >= n)
            return 0;
        lo = hi = (unsigned char)p[i++];
        if (i + 1 < n && p[i] == '-' && p[i + 1] != ']') {
            i++;
            if (p[i] == '\\' && ++i >= n)
                return 0;
            hi = (unsigned char)p[i++];
        }
        found |= lo <= c && c <= hi;
    }
    *hit = found != negated;
    return i + 1;
}

/* One step of a pattern that is not `*`. Returns the bytes of pattern used, 0 for no match. */
static size_t match_one(const char *p, size_t n, unsigned char c)
{
    bool hit = false;
    size_t used;

    switch (p[0]) {
    case '?':
        return 1;
    case '[':
        used = match_bracket(p, n, c, &hit);
        return hit ? used : 0;
    case '\\':
        return n > 1 && (unsigned char)p[1] == c ? 2 : 0;
    default:
        return (unsigned char)p[0] == c ? 1 : 0;
    }
}

/* The last `*` met is the only place to come back to: whatever an earlier one could take, it can give to the
 * last one as well. */
static bool match_glob(const char *p, size_t n, const char *s, size_t len)
{
    size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;

    while (j < len) {
        size_t used;

        if (i < n && p[i] == '*') {
            while (i < n && p[i] == '*')
                i++;
            star = i;
            mark = j;
            continue;
        }
        used = i < n ? match_one(p + i, n - i, (unsigned char)s[j]) : 0;
        if (used) {
            i += used;
            j++;
        } else if (star != SIZE_MAX) {
            i = star;
            j = ++mark;
        } else {
            return false;
        }
    }
    while (i < n && p[i] == '*')
        i++;
    return i == n;
}

static bool match_segment(const struct ignore_segment *g, const char *s, size_t len)
{
    if (g->plain)
        return g->len == len && memcmp(g->text, s, len) == 0;
    return match_glob(g->text, g->len, s, len);
}

/* ---- a path ----------------------------------------------------------------------------------- */

/* Length of the component of path that begins at pos. */
static size_t component_len(const char *path, size_t len, size_t pos)
{
    const char *slash = memchr(path + pos, '/', len - pos);

    return slash ? (size_t)(slash - path) - pos : len - pos;
}

/* The same method over segments: two stars are to path components what one is to bytes. At the end of a
 * pattern they take at least one component: everything in a directory, not the directory. */
static bool match_path(const struct ignore_rule *r, const char *path, size_t len)
{
    size_t pos = 0, mark = SIZE_MAX, i = 0, star = 0;

    while (pos <= len) {
        size_t n;

        if (i < r->n_segments && r->segments[i].any_depth) {
            star = ++i;
            mark = pos;
            if (star == r->n_segments)
                return true;
            continue;
        }
        n = component_len(path, len, pos);
        if (i < r->n_segments && match_segment(&r->segments[i], path + pos, n)) {
            i++;
            pos += n + 1;
        } else if (mark != SIZE_MAX) {
            i = star;
            mark += component_len(path, len, mark) + 1;
            pos = mark;
        } else {
            return false;
        }
    }
    return i == r->n_segments;
}

enum ignore_verdict ignore_match(const struct ignore_list *l, const char *path, size_t len,
                                 bool is_dir)
{
    const char *slash = memrchr(path, '/', len);
    const char *base = slash ? slash + 1 : path;
    size_t base_len = len - (size_t)(base - path);
    size_t i;

    for (i = l->n_rules; i-- > 0;) {
        const struct ignore_rule *r = &l->rules[i];
        bool hit;

        if (r->dir_only && !is_dir)
            continue;
        hit = r->anchored ? match_path(r, path, len) : match_segment(r->segments, base, base_len);
        if (hit)
            return r->negated ? IGNORE_KEEP : IGNORE_DROP;
    }
    return IGNORE_SILENT;
}

/* ---- parsing ---------------------------------------------------------------------------------- */

/* Spaces at the end go, unless a backslash keeps them; tabs stay. */
static size_t trim_spaces(const char *p, size_t n)
{
    size_t i, keep = 0;

    for (i = 0; i < n; i++) {
        if (p[i] == '\\' && i + 1 < n)
            i++;
        else if (p[i] == ' ')
            continue;
        keep = i + 1;
    }
    return keep;
}

static bool is_plain(const char *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strchr("*?[\\", p[i]))
            return false;
    return true;
}

static bool is_stars(const char *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (p[i] != '*')
            return false;
    return n >= 2;
}

static int split(struct ignore_rule *r, struct arena *a, const char *p, size_t n)
{
    size_t i, pos = 0, count = 1;

    for (i = 0; i < n; i++)
        count += p[i] == '/';
    r->segments = arena_array(a, count, sizeof(*r->segments));
    if (!r->segments)
        return DOBBY_E_NOMEM;
    for (i = 0; i < count; i++) {
        struct ignore_segment *g = &r->segments[r->n_segments];
        size_t len = component_len(p, n, pos);

        *g = (struct ignore_segment){.text = p + pos, .len = (uint16_t)len};
        g->plain = is_plain(p + pos, len);
        g->any_depth = r->anchored && is_stars(p + pos, len);
        pos += len + 1;
        /* Twice any depth in a row is any depth. */
        if (!(g->any_depth && r->n_segments > 0 && g[-1].any_depth))
            r->n_segments++;
    }
    return 0;
}

/* One line without its end. Sets *used to false for lines that are no rule. */
static int parse_line(struct ignore_rule *r, struct arena *a, const char *p, size_t n, bool *used)
{
    char *copy;

    *used = false;
    *r = (struct ignore_rule){0};
    if (n == 0 || p[0] == '#')
        return 0;
    n = trim_spaces(p, n);
    if (n > 0 && p[0] == '!') {
        r->negated = true;
        p++;
        n--;
    }
    if (n > 0 && p[n - 1] == '/') {
        r->dir_only = true;
        n--;
    }
    if (n == 0)
        return 0;
    r->anchored = memchr(p, '/', n) != NULL;
    if (p[0] == '/') {
        p++;
        n--;
    }
    copy = arena_strndup(a, p, n);
    if (!copy || split(r, a, copy, n) < 0)
        return DOBBY_E_NOMEM;
    *used = true;
    return 0;
}

/* Bytes after a NUL are not seen by git either: it handles lines as C strings. */
static size_t line_end(const char *p, size_t n)
{
    const char *nul;

    if (n > 0 && p[n - 1] == '\r')
        n--;
    nul = memchr(p, '\0', n);
    return nul ? (size_t)(nul - p) : n;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1, i;

    for (i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

int ignore_parse(struct ignore_list *l, struct arena *a, const char *text, size_t len,
                 struct dobby_err *e)
{
    const char *p = text, *end = text + len;
    size_t cap = size_min(count_lines(text, len), IGNORE_MAX_RULES);

    *l = (struct ignore_list){0};
    l->rules = arena_array(a, cap, sizeof(*l->rules));
    if (!l->rules)
        return err_nomem(e, "ignore rules");
    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);
        size_t used_len = line_end(p, n);
        bool used = false;

        if (used_len > IGNORE_MAX_PATTERN || l->n_rules == cap)
            l->n_dropped++;
        else if (parse_line(&l->rules[l->n_rules], a, p, used_len, &used) < 0)
            return err_nomem(e, "ignore rules");
        l->n_rules += used;
        p += n + 1;
    }
    return 0;
}
