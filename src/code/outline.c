/* outline.c - units of a syntax tree (code). The manual is outline.h. */
#include "code/outline.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "code/protocol.h"

#include <stdlib.h>
#include <string.h>

extern const TSLanguage *tree_sitter_c(void);
extern const TSLanguage *tree_sitter_cpp(void);
extern const TSLanguage *tree_sitter_python(void);
extern const TSLanguage *tree_sitter_javascript(void);
extern const TSLanguage *tree_sitter_typescript(void);
extern const TSLanguage *tree_sitter_tsx(void);
extern const TSLanguage *tree_sitter_go(void);
extern const TSLanguage *tree_sitter_rust(void);
extern const TSLanguage *tree_sitter_java(void);

const TSLanguage *outline_grammar(enum language_id lang)
{
    static const TSLanguage *(*const grammars[LANGUAGE_COUNT])(void) = {
        [LANGUAGE_C] = tree_sitter_c,
        [LANGUAGE_CPP] = tree_sitter_cpp,
        [LANGUAGE_PYTHON] = tree_sitter_python,
        [LANGUAGE_JAVASCRIPT] = tree_sitter_javascript,
        [LANGUAGE_TYPESCRIPT] = tree_sitter_typescript,
        [LANGUAGE_TSX] = tree_sitter_tsx,
        [LANGUAGE_GO] = tree_sitter_go,
        [LANGUAGE_RUST] = tree_sitter_rust,
        [LANGUAGE_JAVA] = tree_sitter_java,
    };

    return language_get(lang) ? grammars[lang]() : NULL;
}

TSQuery *outline_query(enum language_id lang, uint32_t *offset)
{
    const TSLanguage *grammar = outline_grammar(lang);
    TSQueryError error = TSQueryErrorNone;
    size_t len;
    const char *text = language_query(lang, &len);

    *offset = 0;
    return grammar ? ts_query_new(grammar, text, (uint32_t)len, offset, &error) : NULL;
}

/* ---- items: what the query finds ----------------------------------------------------------------- */

enum item_kind { ITEM_FUNCTION, ITEM_METHOD, ITEM_CLASS, ITEM_NAMESPACE };

struct item {
    enum item_kind kind;
    const void *id;         /* of the node */
    struct span node, span; /* its own bytes; with wrapper and attributes */
    struct span body, doc, docstring;
    struct strbuf own; /* its name with the qualification that it is written with */
    size_t last;       /* where the last part of `own` begins */
    const char *full;  /* qualified from the outside in */
    size_t full_len;
    bool method;
    bool visited; /* the cursor has met it */
};

struct finder {
    struct outline *o;
    struct arena *a;
    enum language_id lang;
    const char *source;
    size_t len;
    struct item *items;
    size_t n, cap;
    uint32_t *slots; /* hash table: index + 1 of the item with that node, 0 for none */
    size_t n_slots;
};

static struct span node_span(TSNode n)
{
    return (struct span){ts_node_start_byte(n), ts_node_end_byte(n)};
}

static bool is_type(TSNode n, const char *type)
{
    return strcmp(ts_node_type(n), type) == 0;
}

static bool is_unit(const struct item *it)
{
    return it->kind == ITEM_FUNCTION || it->kind == ITEM_METHOD;
}

static TSNode field(TSNode n, const char *name)
{
    return ts_node_child_by_field_name(n, name, (uint32_t)strlen(name));
}

/* ---- names --------------------------------------------------------------------------------------- */

static const char *separator(enum language_id lang)
{
    return lang == LANGUAGE_CPP || lang == LANGUAGE_RUST ? "::" : ".";
}

/* Append text as part of a name: one space for any white space, nothing from `stop` on. */
static void add_text(struct strbuf *b, const char *s, size_t n, char stop)
{
    size_t i;
    bool space = false;

    for (i = 0; i < n && !(stop && s[i] == stop && i > 0); i++) {
        if (strchr(" \t\r\n\f\v", s[i]) && s[i]) {
            space = b->len > 0;
            continue;
        }
        if (space)
            strbuf_putc(b, ' ');
        space = false;
        if (b->len < PROTOCOL_MAX_NAME / 2)
            strbuf_putc(b, s[i]);
    }
}

/* Add a component: after a separator when there is one before. Type arguments are no part of a name. */
static void add_part(struct finder *f, struct item *it, TSNode n, char stop)
{
    struct span s = node_span(n);
    struct strbuf part = {0};

    add_text(&part, f->source + s.start, span_len(s), stop);
    if (it->own.len + part.len + 2 > PROTOCOL_MAX_NAME)
        strbuf_reset(&it->own); /* a name beyond all measure keeps its last part */
    if (it->own.len > 0)
        strbuf_puts(&it->own, separator(f->lang));
    it->last = it->own.len;
    strbuf_add(&it->own, strbuf_str(&part), part.len);
    strbuf_release(&part);
}

/* The declarator inside a declarator: a field in most grammars' nodes, else the last named child. */
static TSNode inner_declarator(TSNode n)
{
    TSNode d = field(n, "declarator");
    uint32_t count;

    if (!ts_node_is_null(d))
        return d;
    count = ts_node_named_child_count(n);
    return count ? ts_node_named_child(n, count - 1) : (TSNode){0};
}

/* C and C++: int (*f(int a))(int) says its name at the end of a chain. False when there is no function in the chain. */
static bool name_declarator(struct finder *f, struct item *it, TSNode n)
{
    static const char *const links[] = {"function_declarator",   "pointer_declarator",
                                        "reference_declarator",  "parenthesized_declarator",
                                        "attributed_declarator", "array_declarator"};
    bool function = false, linked = true;
    size_t i;

    n = field(n, "declarator");
    while (linked && !ts_node_is_null(n)) {
        function |= is_type(n, "function_declarator") || is_type(n, "operator_cast");
        linked = false;
        for (i = 0; i < ARRAY_LEN(links); i++)
            linked |= is_type(n, links[i]);
        if (linked)
            n = inner_declarator(n);
        else if (is_type(n, "qualified_identifier")) {
            TSNode scope = field(n, "scope");

            if (!ts_node_is_null(scope)) {
                add_part(f, it, scope, '<');
                it->method = true;
            }
            n = field(n, "name");
            linked = true;
        }
    }
    if (ts_node_is_null(n))
        return false;
    function |= is_type(n, "operator_cast");
    add_part(f, it, n, is_type(n, "operator_name") ? 0 : is_type(n, "operator_cast") ? '(' : '<');
    return function && it->own.len > 0;
}

/* Go: the type of (c *Circle[T]) is the first type_identifier in it. */
static void name_receiver(struct finder *f, struct item *it, TSNode list)
{
    TSTreeCursor c = ts_tree_cursor_new(list);
    bool more = ts_tree_cursor_goto_first_child(&c);

    while (more) {
        TSNode n = ts_tree_cursor_current_node(&c);

        if (is_type(n, "type_identifier")) {
            add_part(f, it, n, 0);
            break;
        }
        more = ts_tree_cursor_goto_first_child(&c);
        while (!more && ts_tree_cursor_goto_next_sibling(&c) == false) {
            if (!ts_tree_cursor_goto_parent(&c))
                goto out;
        }
        more = true;
    }
out:
    ts_tree_cursor_delete(&c);
}

static bool is_plain_path(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (!(c >= 128 || c == '_' || c == '$' || c == '.' || c == '#' || (c >= '0' && c <= '9') ||
              (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return n > 0;
}

static void drop_prefix(struct strbuf *b, const char *prefix)
{
    size_t n = strlen(prefix);
    struct strbuf rest = {0};

    if (b->len <= n || memcmp(b->s, prefix, n) != 0)
        return;
    strbuf_add(&rest, b->s + n, b->len - n);
    strbuf_release(b);
    *b = rest;
}

/* JavaScript: what is assigned to. Foo.prototype.bar is Foo.bar, exports.f and this.f are f; of anything that is
 * not names and dots the last property counts. */
static void name_target(struct finder *f, struct item *it, TSNode n)
{
    static const char proto[] = ".prototype.";
    struct span s = node_span(n);
    const char *p, *dot;

    if (!is_plain_path(f->source + s.start, span_len(s))) {
        TSNode property = field(n, "property");

        if (!ts_node_is_null(property))
            add_part(f, it, property, 0);
        return;
    }
    add_part(f, it, n, 0);
    drop_prefix(&it->own, "module.exports.");
    drop_prefix(&it->own, "exports.");
    drop_prefix(&it->own, "this.");
    p = it->own.len ? memmem(it->own.s, it->own.len, proto, sizeof(proto) - 1) : NULL;
    if (p) {
        struct strbuf joined = {0};

        strbuf_add(&joined, it->own.s, (size_t)(p - it->own.s) + 1);
        strbuf_puts(&joined, p + sizeof(proto) - 1);
        strbuf_release(&it->own);
        it->own = joined;
        it->method = true;
    }
    dot = it->own.len ? memrchr(it->own.s, '.', it->own.len) : NULL;
    it->last = dot && strcmp(it->own.s, "module.exports") != 0 ? (size_t)(dot + 1 - it->own.s) : 0;
}

static void strip_quotes(struct item *it)
{
    struct strbuf bare = {0};
    char q = it->own.len > 1 ? it->own.s[0] : 0;

    if ((q != '"' && q != '\'') || it->own.s[it->own.len - 1] != q)
        return;
    strbuf_add(&bare, it->own.s + 1, it->own.len - 2);
    strbuf_release(&it->own);
    it->own = bare;
}

/* False when the item has no name: it is then no unit. */
static bool name_item(struct finder *f, struct item *it, TSNode node, TSNode name, TSNode receiver)
{
    if (ts_node_is_null(name))
        return name_declarator(f, it, node);
    if (!ts_node_is_null(receiver)) {
        name_receiver(f, it, receiver);
        it->method = true;
    }
    if (is_type(node, "assignment_expression"))
        name_target(f, it, name);
    else
        add_part(f, it, name, f->lang == LANGUAGE_PYTHON ? 0 : '<');
    strip_quotes(it);
    return it->own.len > 0 && !strbuf_failed(&it->own);
}

/* ---- running the query --------------------------------------------------------------------------- */

static size_t slot_of(const struct finder *f, const void *id)
{
    uint64_t h = (uint64_t)(uintptr_t)id * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(h >> 32) & (f->n_slots - 1);

    while (f->slots[i] && f->items[f->slots[i] - 1].id != id)
        i = (i + 1) & (f->n_slots - 1);
    return i;
}

static int grow_slots(struct finder *f)
{
    size_t i, n = f->n_slots ? f->n_slots * 2 : 1024;

    mem_free(f->slots);
    f->n_slots = 0;
    f->slots = mem_array(n, sizeof(*f->slots));
    if (!f->slots)
        return -1;
    f->n_slots = n;
    for (i = 0; i < f->n; i++)
        f->slots[slot_of(f, f->items[i].id)] = (uint32_t)(i + 1);
    return 0;
}

/* A node may match more than one pattern; the first one counts. Takes the name of *it in any case. */
static int add_item(struct finder *f, struct item *it)
{
    size_t slot;

    if (f->n * 2 >= f->n_slots && grow_slots(f) < 0)
        goto fail;
    slot = slot_of(f, it->id);
    if (f->slots[slot]) {
        strbuf_release(&it->own);
        return 0;
    }
    if (mem_grow((void **)&f->items, &f->cap, f->n + 1, sizeof(*f->items)) < 0)
        goto fail;
    f->items[f->n++] = *it;
    f->slots[slot] = (uint32_t)f->n;
    return 0;
fail:
    strbuf_release(&it->own);
    return -1;
}

static bool read_match(struct finder *f, const TSQuery *q, const TSQueryMatch *m, struct item *it)
{
    TSNode node = {0}, name = {0}, body = {0}, receiver = {0};
    uint16_t i;

    for (i = 0; i < m->capture_count; i++) {
        uint32_t len;
        const char *what = ts_query_capture_name_for_id(q, m->captures[i].index, &len);
        TSNode n = m->captures[i].node;

        if (strcmp(what, "name") == 0) {
            name = n;
        } else if (strcmp(what, "body") == 0) {
            body = n;
        } else if (strcmp(what, "receiver") == 0) {
            receiver = n;
        } else {
            node = n;
            it->kind = strcmp(what, "function") == 0 ? ITEM_FUNCTION
                       : strcmp(what, "method") == 0 ? ITEM_METHOD
                       : strcmp(what, "class") == 0  ? ITEM_CLASS
                                                     : ITEM_NAMESPACE;
        }
    }
    if (ts_node_is_null(node) || (is_unit(it) && ts_node_is_null(body)))
        return false;
    it->id = node.id;
    it->node = it->span = node_span(node);
    if (!ts_node_is_null(body))
        it->body = node_span(body);
    return name_item(f, it, node, name, receiver);
}

static int run_query(struct finder *f, const TSTree *tree, const TSQuery *query)
{
    TSQueryCursor *c = ts_query_cursor_new();
    TSQueryMatch m;
    int rc = 0;

    ts_query_cursor_exec(c, query, ts_tree_root_node(tree));
    while (rc == 0 && ts_query_cursor_next_match(c, &m)) {
        struct item it = {0};

        if (read_match(f, query, &m, &it))
            rc = add_item(f, &it);
        else
            strbuf_release(&it.own);
        if (f->n > 2 * PROTOCOL_MAX_UNITS) {
            f->o->too_many = true;
            break;
        }
    }
    ts_query_cursor_delete(c);
    return rc;
}

/* ---- wrappers, attributes, comments --------------------------------------------------------------- */

/* What was met among the children of one node, up to and with the current one. */
struct level {
    struct span node; /* the current one */
    struct span doc;  /* the comments right before it */
    uint32_t start;   /* with the attributes before it */
    bool wrapper;     /* a unit in it may be widened to it */
    /* The run of comments and attributes that is being read. */
    struct span run;
    uint32_t attr_start, last_end;
    bool has_run, has_attr;
};

struct walk_levels {
    struct level *v;
    size_t cap;
};

/* Wrappers belong to their unit: what is written around it is about it. A declaration does only when it holds
 * nothing else. */
static bool is_wrapper(TSNode n)
{
    static const char *const any[] = {"decorated_definition", "export_statement",
                                      "template_declaration", "linkage_specification",
                                      "ambient_declaration",  "friend_declaration"};
    static const char *const sole[] = {"lexical_declaration", "variable_declaration",
                                       "var_declaration", "expression_statement"};
    const char *type = ts_node_type(n);
    size_t i;

    for (i = 0; i < ARRAY_LEN(any); i++)
        if (strcmp(type, any[i]) == 0)
            return true;
    for (i = 0; i < ARRAY_LEN(sole); i++)
        if (strcmp(type, sole[i]) == 0)
            return ts_node_named_child_count(n) == 1;
    return false;
}

static bool is_attribute(TSNode n)
{
    return is_type(n, "attribute_item") || is_type(n, "decorator");
}

/* A comment that stands before what it documents: alone on its lines, and not about the file or
 * module around it. */
static bool is_leading_comment(const struct finder *f, TSNode n)
{
    struct span s = node_span(n);
    const char *type = ts_node_type(n);
    uint32_t i = s.start;

    if (strcmp(type, "comment") != 0 && strcmp(type, "line_comment") != 0 &&
        strcmp(type, "block_comment") != 0)
        return false;
    if (s.start == 0 && span_len(s) > 2 && memcmp(f->source, "#!", 2) == 0)
        return false;
    if (f->lang == LANGUAGE_RUST && span_len(s) > 2 && f->source[s.start + 2] == '!')
        return false;
    while (i > 0 && (f->source[i - 1] == ' ' || f->source[i - 1] == '\t'))
        i--;
    return i == 0 || f->source[i - 1] == '\n' || f->source[i - 1] == '\r';
}

/* Between a and b there is no blank line. Comments of Rust end after their newline. */
static bool is_adjacent(const struct finder *f, uint32_t a, uint32_t b)
{
    size_t newlines = a > 0 && f->source[a - 1] == '\n';
    uint32_t i;

    for (i = a; i < b; i++)
        newlines += f->source[i] == '\n';
    return newlines <= 1;
}

static void end_run(struct level *l)
{
    l->has_run = l->has_attr = false;
}

static void add_comment(const struct finder *f, struct level *l, struct span s)
{
    if (l->has_attr && l->has_run)
        return; /* the comment before the attributes is the one */
    if (l->has_run && is_adjacent(f, l->last_end, s.start))
        l->run.end = s.end;
    else
        l->run = s;
    l->has_run = true;
    l->last_end = s.end;
}

static void add_attribute(const struct finder *f, struct level *l, struct span s)
{
    if (l->has_run && !is_adjacent(f, l->last_end, s.start))
        l->has_run = false;
    if (!l->has_attr)
        l->attr_start = s.start;
    l->has_attr = true;
    l->last_end = s.end;
}

/* The cursor stands on a new node of this level: what was read so far belongs to it, then the run grows or ends. */
static void enter_node(const struct finder *f, struct level *l, TSNode n)
{
    bool adjacent;

    l->node = node_span(n);
    l->wrapper = ts_node_is_named(n) && is_wrapper(n);
    adjacent = l->has_run && is_adjacent(f, l->last_end, l->node.start);
    l->doc = adjacent ? l->run : (struct span){0};
    l->start = l->has_attr ? l->attr_start : l->node.start;
    if (is_attribute(n))
        add_attribute(f, l, l->node);
    else if (is_leading_comment(f, n))
        add_comment(f, l, l->node);
    else
        end_run(l);
}

/* A string as the first statement, not one that is computed or bytes. */
static void find_docstring(const struct finder *f, struct item *it, TSNode node)
{
    TSNode n = field(node, "body");
    uint32_t i = 0, count;

    if (ts_node_is_null(n))
        return;
    count = ts_node_named_child_count(n);
    while (i < count && is_type(ts_node_named_child(n, i), "comment"))
        i++;
    if (i == count)
        return;
    n = ts_node_named_child(n, i);
    if (is_type(n, "expression_statement") && ts_node_named_child_count(n) == 1)
        n = ts_node_named_child(n, 0);
    if (!is_type(n, "string"))
        return;
    for (i = ts_node_start_byte(n); i < f->len && f->source[i] != '"' && f->source[i] != '\''; i++)
        if (strchr("fFbBtT", f->source[i]))
            return;
    it->docstring = node_span(n);
}

static void place_item(const struct finder *f, struct item *it, struct level *levels, size_t depth,
                       TSNode node)
{
    const struct level *l;

    while (depth > 0 && levels[depth - 1].wrapper)
        depth--;
    l = &levels[depth];
    it->span = (struct span){l->start, l->node.end};
    it->doc = l->doc;
    it->visited = true;
    if (language_get(f->lang)->docstrings)
        find_docstring(f, it, node);
}

/* The whole tree, first child and next sibling, with one level of state for each depth. */
static int place_items(struct finder *f, const TSTree *tree)
{
    TSTreeCursor c = ts_tree_cursor_new(ts_tree_root_node(tree));
    struct walk_levels w = {0};
    size_t depth = 0;
    bool fresh = true;
    int rc = 0;

    for (;;) {
        TSNode n = ts_tree_cursor_current_node(&c);
        size_t slot;

        rc = mem_grow((void **)&w.v, &w.cap, depth + 1, sizeof(*w.v));
        if (rc < 0)
            break;
        if (fresh)
            w.v[depth] = (struct level){0};
        enter_node(f, &w.v[depth], n);
        slot = slot_of(f, n.id);
        if (f->slots[slot] && is_unit(&f->items[f->slots[slot] - 1]))
            place_item(f, &f->items[f->slots[slot] - 1], w.v, depth, n);
        fresh = ts_tree_cursor_goto_first_child(&c);
        if (fresh) {
            depth++;
            continue;
        }
        while (!ts_tree_cursor_goto_next_sibling(&c)) {
            if (!ts_tree_cursor_goto_parent(&c))
                goto out;
            depth--;
        }
    }
out:
    mem_free(w.v);
    ts_tree_cursor_delete(&c);
    return rc;
}

/* ---- qualified names and output ------------------------------------------------------------------- */

static int by_start(const void *x, const void *y)
{
    const struct item *a = x, *b = y;

    if (a->node.start != b->node.start)
        return a->node.start < b->node.start ? -1 : 1;
    if (a->node.end != b->node.end)
        return a->node.end > b->node.end ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

static int qualify(struct finder *f, struct item *it, const struct item *outer)
{
    struct strbuf b = {0};

    if (outer && outer->full_len + it->own.len + 2 <= PROTOCOL_MAX_NAME) {
        strbuf_add(&b, outer->full, outer->full_len);
        strbuf_puts(&b, separator(f->lang));
    }
    strbuf_add(&b, strbuf_str(&it->own), it->own.len);
    it->full_len = b.len;
    it->full = strbuf_failed(&b) ? NULL : arena_strndup(f->a, strbuf_str(&b), b.len);
    strbuf_release(&b);
    it->method |= it->kind == ITEM_METHOD || (outer && outer->kind == ITEM_CLASS);
    return it->full ? 0 : -1;
}

/* Items sorted by start nest like brackets: a stack of those that are still open gives what encloses one. */
static int qualify_all(struct finder *f)
{
    size_t *open = mem_array(f->n + 1, sizeof(*open)), n_open = 0, i;
    int rc = open ? 0 : -1;

    for (i = 0; rc == 0 && i < f->n; i++) {
        struct item *it = &f->items[i];

        while (n_open > 0 && f->items[open[n_open - 1]].node.end <= it->node.start)
            n_open--;
        rc = qualify(f, it, n_open > 0 ? &f->items[open[n_open - 1]] : NULL);
        open[n_open++] = i;
    }
    mem_free(open);
    return rc;
}

static uint32_t trim_end(const struct finder *f, uint32_t start, uint32_t end)
{
    while (end > start && strchr(" \t\r\n\f\v", f->source[end - 1]) && f->source[end - 1])
        end--;
    return end;
}

/* A comment between a Python header and its block is no part of the signature. */
static uint32_t signature_end(const struct finder *f, uint32_t start, uint32_t end)
{
    for (;;) {
        const char *eol, *p;

        end = trim_end(f, start, end);
        eol = f->lang == LANGUAGE_PYTHON ? memrchr(f->source + start, '\n', end - start) : NULL;
        for (p = eol; p && p < f->source + end && strchr(" \t\r\n", *p) && *p;)
            p++;
        if (!p || p == f->source + end || *p != '#')
            return end;
        end = (uint32_t)(eol - f->source);
    }
}

static void put_unit(struct finder *f, const struct item *it)
{
    struct outline_unit *u = &f->o->units[f->o->n++];
    size_t last = it->full_len - (it->own.len - it->last);

    u->kind = it->method ? UNIT_METHOD : UNIT_FUNCTION;
    u->span = (struct span){it->span.start, trim_end(f, it->span.start, it->span.end)};
    u->body = (struct span){it->body.start, trim_end(f, it->body.start, it->body.end)};
    u->signature_end = signature_end(f, it->span.start, it->body.start);
    u->doc = (struct span){it->doc.start, trim_end(f, it->doc.start, it->doc.end)};
    u->docstring = it->docstring;
    u->qualified = it->full;
    u->qualified_len = it->full_len;
    u->name = it->full + last;
    u->name_len = it->full_len - last;
}

/* Error recovery makes up nodes of no length: a function with such a body is none. */
static bool is_whole(const struct finder *f, const struct item *it)
{
    return is_unit(it) && it->visited && it->span.start <= it->body.start &&
           trim_end(f, it->body.start, it->body.end) > it->body.start &&
           trim_end(f, it->body.start, it->body.end) <= trim_end(f, it->span.start, it->span.end);
}

static int put_units(struct finder *f)
{
    size_t i, n = 0;

    for (i = 0; i < f->n; i++)
        n += is_whole(f, &f->items[i]);
    if (n > PROTOCOL_MAX_UNITS) {
        f->o->too_many = true;
        return 0;
    }
    f->o->units = arena_array(f->a, n + 1, sizeof(*f->o->units));
    if (!f->o->units)
        return -1;
    for (i = 0; i < f->n; i++)
        if (is_whole(f, &f->items[i]))
            put_unit(f, &f->items[i]);
    return 0;
}

int outline_find(struct outline *o, struct arena *a, const TSTree *tree, const TSQuery *query,
                 enum language_id lang, const char *source, size_t len)
{
    struct finder f = {.o = o, .a = a, .lang = lang, .source = source, .len = len};
    size_t i;
    int rc = grow_slots(&f);

    *o = (struct outline){0};
    if (rc == 0)
        rc = run_query(&f, tree, query);
    if (rc == 0 && !o->too_many)
        rc = place_items(&f, tree);
    if (rc == 0 && !o->too_many) {
        /* The table of slots is void from here on. */
        if (f.n > 0)
            qsort(f.items, f.n, sizeof(*f.items), by_start);
        rc = qualify_all(&f);
    }
    if (rc == 0 && !o->too_many)
        rc = put_units(&f);
    for (i = 0; i < f.n; i++)
        strbuf_release(&f.items[i].own);
    mem_free(f.items);
    mem_free(f.slots);
    return rc;
}
