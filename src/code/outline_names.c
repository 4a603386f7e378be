/* outline_names.c - names of items, from the nodes that hold them (code). Next: outline_item.h. */
#include "base/size.h"
#include "code/outline_item.h"
#include "code/protocol.h"

/* Append text as part of a name: one space for any white space, nothing from `stop` on; but a name that begins with
 * a sign is an operator and has nothing else in it. */
static void add_text(struct strbuf *b, const char *s, size_t n, char stop)
{
    size_t i;
    bool space = false;

    if (n > 0 && s[0] && strchr("<=>!+-/%|^~", s[0]))
        stop = 0;
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
static void add_span(struct finder *f, struct item *it, struct span s, char stop)
{
    struct strbuf part = {0};

    add_text(&part, f->source + s.start, span_len(s), stop);
    if (it->own.len + part.len + 2 > PROTOCOL_MAX_NAME)
        strbuf_reset(&it->own); /* a name beyond all measure keeps its last part */
    if (it->own.len > 0)
        strbuf_puts(&it->own, f->names->member);
    it->last = it->own.len;
    strbuf_add(&it->own, strbuf_str(&part), part.len);
    strbuf_release(&part);
}

static void add_part(struct finder *f, struct item *it, TSNode n, char stop)
{
    add_span(f, it, node_span(n), stop);
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

static bool is_word(char c)
{
    return c == '_' || c == '$' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

/* The word that ends at or before `end`, after white space only. Empty when there is none behind `start`. */
static struct span word_before(const struct finder *f, uint32_t start, uint32_t end)
{
    struct span s;

    while (end > start && f->source[end - 1] && strchr(" \t\r\n", f->source[end - 1]))
        end--;
    s = (struct span){end, end};
    while (s.start > start && is_word(f->source[s.start - 1]))
        s.start--;
    return s;
}

/* C and C++: where the name of a function stands that macros before it have hidden from the grammar. It skips what it does not
 * understand: of API error update(int x) the name, of MACRO Type(int x) : a(x) {} all up to the first a. Empty
 * when nothing is skipped there. */
static struct span hidden_name(const struct finder *f, TSNode function)
{
    TSNode d = field(function, "declarator"), inner, list, e;
    uint32_t start, i;

    if (ts_node_is_null(d) || !is_type(d, "function_declarator"))
        return (struct span){0};
    inner = field(d, "declarator");
    list = field(d, "parameters");
    if (!ts_node_is_null(inner) && !ts_node_is_null(list) &&
        (is_type(inner, "identifier") || is_type(inner, "field_identifier"))) {
        struct span s = word_before(f, ts_node_end_byte(inner), ts_node_start_byte(list));

        if (span_len(s) > 0)
            return s;
    }
    start = ts_node_start_byte(d);
    e = ts_node_prev_sibling(d);
    if (ts_node_is_null(e) || !ts_node_is_error(e))
        return (struct span){0};
    while (start > ts_node_start_byte(e) && strchr(" \t\r\n", f->source[start - 1]) &&
           f->source[start - 1])
        start--;
    if (start == ts_node_start_byte(e) || f->source[start - 1] != ':')
        return (struct span){0};
    for (i = ts_node_start_byte(e); i < start && f->source[i] != '('; i++)
        ;
    return i < start ? word_before(f, ts_node_start_byte(e), i) : (struct span){0};
}

/* Error recovery reads statements as functions: for (...) {} */
static bool is_statement(const struct item *it)
{
    static const char *const words[] = {"if", "for", "while", "switch", "catch", "return", "else"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(words); i++)
        if (it->own.len > 0 && strcmp(it->own.s + it->last, words[i]) == 0)
            return true;
    return false;
}

/* C++: of class API Name final : Base { the grammar takes API for the type; what it makes of the rest differs. The name is the last
 * word before the colon or the body, besides `final`. */
static bool name_class(struct finder *f, struct item *it, TSNode n)
{
    uint32_t start = ts_node_end_byte(field(n, "type")), end = start;
    struct span s;

    while (end < it->body.start && f->source[end] != ':')
        end++;
    s = word_before(f, start, end);
    if (span_len(s) == 5 && memcmp(f->source + s.start, "final", 5) == 0)
        s = word_before(f, start, s.start);
    add_span(f, it, s, 0);
    return it->own.len > 0;
}

/* C and C++: int (*f(int a))(int) says its name at the end of a chain. False when there is no function in the chain. */
static bool name_declarator(struct finder *f, struct item *it, TSNode n)
{
    static const char *const links[] = {"function_declarator",   "pointer_declarator",
                                        "reference_declarator",  "parenthesized_declarator",
                                        "attributed_declarator", "array_declarator"};
    bool function = false, linked = true;
    struct span hidden = hidden_name(f, n), s, word;
    size_t i;

    if (span_len(hidden) > 0) {
        add_span(f, it, hidden, 0);
        return true;
    }
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
    s = node_span(n);
    word = word_before(f, 0, s.start);
    if (s.start > 0 && f->source[s.start - 1] == '~') /* behind a macro the grammar skips it */
        s.start--;
    else if (span_len(word) == 8 && memcmp(f->source + word.start, "operator", 8) == 0)
        s.start = word.start;
    add_span(f, it, s, is_type(n, "operator_name") ? 0 : is_type(n, "operator_cast") ? '(' : '<');
    return function && it->own.len > 0 && !is_statement(it);
}

/* The type of a receiver is the first name of a type in it: Circle of Go's (c *Circle[T]), Tree of Haskell's Show (Tree a).
 * False when there is none. */
static bool name_receiver(struct finder *f, struct item *it, TSNode list)
{
    static const char *const types[MAX_TYPES] = {"type_identifier", "constant", "name"};
    TSTreeCursor c = ts_tree_cursor_new(list);
    bool found = false, more = true;

    while (more && !found) {
        TSNode n = ts_tree_cursor_current_node(&c);

        found = in_list(types, ts_node_type(n));
        if (found)
            add_part(f, it, n, 0);
        more = ts_tree_cursor_goto_first_child(&c);
        while (!more && !ts_tree_cursor_goto_next_sibling(&c)) {
            if (!ts_tree_cursor_goto_parent(&c))
                goto out;
        }
        more = true;
    }
out:
    ts_tree_cursor_delete(&c);
    return found;
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

/* C#: the sign of ~Clock and the keyword of operator + are no part of the name's node. */
static void add_prefix(struct finder *f, struct item *it, TSNode node)
{
    struct strbuf name = {0};
    size_t i;

    for (i = 0; i < ARRAY_LEN(f->q->prefix) && f->q->prefix[i].type; i++) {
        if (!is_type(node, f->q->prefix[i].type))
            continue;
        strbuf_puts(&name, f->q->prefix[i].text);
        strbuf_add(&name, strbuf_str(&it->own), it->own.len);
        strbuf_release(&it->own);
        it->own = name;
        return;
    }
}

/* The last part of M.f and M:f; the colon makes a method. */
static void split_path(const struct finder *f, struct item *it)
{
    size_t i;

    for (i = it->last; f->q->path && i + 1 < it->own.len; i++) {
        if (!it->own.s[i] || !strchr(f->q->path, it->own.s[i]))
            continue;
        it->last = i + 1;
        it->method |= it->own.s[i] == ':';
    }
}

/* ( <+> ) is the operator <+>. */
static void strip_parens(struct item *it)
{
    struct strbuf bare = {0};
    size_t a = 1, b = it->own.len - 1;

    if (it->own.len < 3 || it->own.s[0] != '(' || it->own.s[b] != ')')
        return;
    while (a < b && it->own.s[a] == ' ')
        a++;
    while (b > a && it->own.s[b - 1] == ' ')
        b--;
    strbuf_add(&bare, it->own.s + a, b - a);
    strbuf_release(&it->own);
    it->own = bare;
}

/* The last part of the name of a type or module that is written with what it is in: List of Base::List. */
static void split_scope(const struct finder *f, struct item *it)
{
    size_t n = strlen(f->names->scope), i;

    for (i = it->last; i + n < it->own.len; i++)
        if (memcmp(it->own.s + i, f->names->scope, n) == 0)
            it->last = i + n;
}

/* False when the item has no name: it is then no unit. */
bool outline_name_item(struct finder *f, struct item *it, TSNode node, TSNode name, TSNode receiver)
{
    bool received = !ts_node_is_null(receiver) && name_receiver(f, it, receiver);

    if (ts_node_is_null(name) && ts_node_is_null(receiver))
        return is_function(it) ? name_declarator(f, it, node) : name_class(f, it, node);
    if (!ts_node_is_null(receiver) && !received)
        add_part(f, it, receiver, f->q->type_args);
    it->method |= !ts_node_is_null(receiver) && is_function(it);
    if (is_type(node, "assignment_expression"))
        name_target(f, it, name);
    else if (!ts_node_is_null(name))
        add_part(f, it, name, f->q->type_args);
    if (ts_node_is_null(receiver)) {
        strip_quotes(it);
        if (f->q->signs)
            strip_parens(it);
        add_prefix(f, it, node);
        split_path(f, it);
        if (is_unit(it) && !is_function(it))
            split_scope(f, it);
    }
    return it->own.len > 0 && !strbuf_failed(&it->own);
}
