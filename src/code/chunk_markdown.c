/* chunk_markdown.c - blocks of code in Markdown (code). The manual is chunk.h.
 * Source   CommonMark 0.31: fenced code blocks, ATX headings. Blocks in lists and quotations that are indented by more than
 *          three characters are not looked for. */
#include "base/size.h"
#include "code/chunk_list.h"

#include <string.h>

struct fence {
    char sign; /* '`' or '~'; 0: none */
    size_t n;
    struct text info;
};

/* White space before the text of a line, if it is not too much for a fence or a heading; else SIZE_MAX. */
static size_t indent_of(struct text line)
{
    size_t i = 0;

    while (i < line.n && line.s[i] == ' ')
        i++;
    return i <= 3 ? i : SIZE_MAX;
}

/* Three signs or more; no backtick in the rest when they are backticks. */
static struct fence fence_of(struct text line)
{
    size_t i = indent_of(line), n = 0;
    struct fence f = {0};
    struct text t;

    if (i == SIZE_MAX)
        return f;
    t = text_skip(line, i);
    if (t.n < 3 || (t.s[0] != '`' && t.s[0] != '~'))
        return f;
    while (n < t.n && t.s[n] == t.s[0])
        n++;
    if (n < 3 || (t.s[0] == '`' && memchr(t.s + n, '`', t.n - n)))
        return f;
    return (struct fence){.sign = t.s[0], .n = n, .info = chunk_trim(text_skip(t, n))};
}

/* "python", "{.python .numbered}", "{r, echo=FALSE}", "rust,ignore": the first word. */
static enum language_id language_of_info(struct text t)
{
    size_t n = 0;

    while (t.n > 0 && (t.s[0] == '{' || t.s[0] == '.' || t.s[0] == ' '))
        t = text_skip(t, 1);
    while (n < t.n && (text_is_letter(t.s[n]) || (t.s[n] >= '0' && t.s[n] <= '9') ||
                       (t.s[n] && strchr("+#_-", t.s[n]))))
        n++;
    return n > 0 ? language_of_word(t.s, n) : LANGUAGE_NONE;
}

/* "## Usage ##" gives "Usage"; nothing if it is no heading. */
static struct text heading_of(struct text line)
{
    size_t i = indent_of(line), n = 0;
    struct text t = {line.s, 0};

    if (i == SIZE_MAX)
        return t;
    line = text_skip(line, i);
    while (n < line.n && line.s[n] == '#')
        n++;
    if (n == 0 || n > 6 || (n < line.n && !text_is_space(line.s[n])))
        return t;
    t = chunk_trim(text_skip(line, n));
    while (t.n > 0 && t.s[t.n - 1] == '#')
        t.n--;
    return chunk_trim(t);
}

/* The byte behind front matter: lines between "---" and "---" or "..." at the very start. */
static size_t front_matter(const char *text, size_t len)
{
    size_t at = 0, next;
    struct text line = chunk_line(text, len, 0, &next);

    if (!text_begins(line, "---") || chunk_trim(line).n != 3)
        return 0;
    while ((at = next) < len) {
        line = chunk_trim(chunk_line(text, len, at, &next));
        if (line.n == 3 && (text_begins(line, "---") || text_begins(line, "...")))
            return next;
    }
    return 0;
}

struct block {
    struct fence fence;
    enum language_id lang;
    struct span code; /* from the first line to the last that are not blank */
    size_t n_lines;   /* in it */
    size_t n_blank;   /* behind it */
    struct text first;
};

static void add_line(struct block *b, const char *text, struct text line)
{
    struct text t = chunk_trim(line);

    if (t.n == 0) {
        b->n_blank++;
        return;
    }
    if (span_len(b->code) == 0) {
        b->code.start = (uint32_t)(t.s - text);
        b->first = t;
    } else {
        b->n_lines += b->n_blank;
    }
    b->code.end = (uint32_t)(t.s + t.n - text);
    b->n_lines++;
    b->n_blank = 0;
}

static bool counts(const struct block *b)
{
    return b->lang != LANGUAGE_NONE && b->n_lines >= CHUNK_MIN_BLOCK;
}

/* Goes through the blocks of a text. */
struct blocks {
    const char *text;
    size_t len, pos;
    struct text heading; /* the last one */
};

/* The next block that counts; false at the end. */
static bool next_block(struct blocks *k, struct block *b)
{
    *b = (struct block){0};
    while (k->pos < k->len) {
        struct text line = chunk_line(k->text, k->len, k->pos, &k->pos), h;
        struct fence f = fence_of(line);

        if (b->fence.sign && f.sign == b->fence.sign && f.n >= b->fence.n && f.info.n == 0) {
            if (counts(b))
                return true;
            *b = (struct block){0};
        } else if (b->fence.sign) {
            add_line(b, k->text, line);
        } else if (f.sign) {
            *b = (struct block){.fence = f, .lang = language_of_info(f.info)};
        } else if ((h = heading_of(line)).n > 0) {
            k->heading = h;
        }
    }
    return counts(b); /* without an end: to the end of the text */
}

int chunk_markdown(struct chunk_list *c)
{
    struct blocks k = {.text = c->text, .len = c->len, .pos = front_matter(c->text, c->len)};
    struct block b;
    int rc = 0;

    while (rc == 0 && next_block(&k, &b))
        rc = chunk_add(c, b.code, b.lang, chunk_may_name(k.heading) ? k.heading : b.first);
    return rc;
}

bool chunk_in_markdown(const char *text, size_t len)
{
    struct blocks k = {.text = text, .len = len, .pos = front_matter(text, len)};
    struct block b;

    return next_block(&k, &b);
}
