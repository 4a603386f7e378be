/* outline.c - units of a syntax tree (code). The manual is outline.h. */
#include "code/outline.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "code/braces.h"
#include "code/doc.h"
#include "code/outline_item.h"
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
extern const TSLanguage *tree_sitter_c_sharp(void);
extern const TSLanguage *tree_sitter_ruby(void);
extern const TSLanguage *tree_sitter_php(void);
extern const TSLanguage *tree_sitter_kotlin(void);
extern const TSLanguage *tree_sitter_swift(void);
extern const TSLanguage *tree_sitter_scala(void);
extern const TSLanguage *tree_sitter_lua(void);
extern const TSLanguage *tree_sitter_bash(void);
extern const TSLanguage *tree_sitter_zig(void);
extern const TSLanguage *tree_sitter_haskell(void);
extern const TSLanguage *tree_sitter_ocaml(void);
extern const TSLanguage *tree_sitter_sql(void);

const TSLanguage *outline_grammar(enum language_id lang)
{
    static const TSLanguage *(*const grammars[LANGUAGE_GRAMMARS])(void) = {
        [LANGUAGE_C] = tree_sitter_c,
        [LANGUAGE_CPP] = tree_sitter_cpp,
        [LANGUAGE_PYTHON] = tree_sitter_python,
        [LANGUAGE_JAVASCRIPT] = tree_sitter_javascript,
        [LANGUAGE_TYPESCRIPT] = tree_sitter_typescript,
        [LANGUAGE_TSX] = tree_sitter_tsx,
        [LANGUAGE_GO] = tree_sitter_go,
        [LANGUAGE_RUST] = tree_sitter_rust,
        [LANGUAGE_JAVA] = tree_sitter_java,
        [LANGUAGE_CSHARP] = tree_sitter_c_sharp,
        [LANGUAGE_RUBY] = tree_sitter_ruby,
        [LANGUAGE_PHP] = tree_sitter_php,
        [LANGUAGE_KOTLIN] = tree_sitter_kotlin,
        [LANGUAGE_SWIFT] = tree_sitter_swift,
        [LANGUAGE_SCALA] = tree_sitter_scala,
        [LANGUAGE_LUA] = tree_sitter_lua,
        [LANGUAGE_BASH] = tree_sitter_bash,
        [LANGUAGE_ZIG] = tree_sitter_zig,
        [LANGUAGE_HASKELL] = tree_sitter_haskell,
        [LANGUAGE_OCAML] = tree_sitter_ocaml,
        [LANGUAGE_SQL] = tree_sitter_sql,
    };

    return language_has_grammar(lang) ? grammars[lang]() : NULL;
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

/* ---- what queries cannot say ---------------------------------------------------------------------- */

#define SCRIPT_QUIRKS                                                                              \
    {                                                                                              \
        .wrappers = {"export_statement", "ambient_declaration", "assignment_expression",           \
                     "variable_declarator"},                                                       \
        .sole = {"lexical_declaration", "variable_declaration", "expression_statement"},           \
        .attributes = {"decorator"}, .type_args = '<'                                              \
    }

static const struct quirks quirks[LANGUAGE_GRAMMARS] = {
    [LANGUAGE_C] = {.wrappers = {"linkage_specification", "type_definition"},
                    .type_args = '<',
                    .braces = true},
    [LANGUAGE_CPP] = {.wrappers = {"template_declaration", "linkage_specification",
                                   "friend_declaration", "type_definition"},
                      .type_args = '<',
                      .braces = true},
    [LANGUAGE_PYTHON] = {.wrappers = {"decorated_definition"},
                         .attributes = {"decorator"},
                         .bare_body = true},
    [LANGUAGE_JAVASCRIPT] = SCRIPT_QUIRKS,
    [LANGUAGE_TYPESCRIPT] = SCRIPT_QUIRKS,
    [LANGUAGE_TSX] = SCRIPT_QUIRKS,
    [LANGUAGE_GO] = {.sole = {"var_declaration", "type_declaration"}, .type_args = '<'},
    [LANGUAGE_RUST] = {.attributes = {"attribute_item"}, .type_args = '<'},
    [LANGUAGE_JAVA] = {.type_args = '<'},
    [LANGUAGE_CSHARP] = {.wrappers = {"global_statement"},
                         .stray = true,
                         .prefix = {{"destructor_declaration", "~"},
                                    {"operator_declaration", "operator"},
                                    {"conversion_operator_declaration", "operator "}}},
    [LANGUAGE_RUBY] = {.bare_body = true, .stray = true},
    [LANGUAGE_PHP] = {.stray = true},
    [LANGUAGE_KOTLIN] = {.type_args = '<', .stray = true},
    [LANGUAGE_SWIFT] = {.type_args = '<', .stray = true, .braces = true},
    [LANGUAGE_SCALA] = {.indented = true, .stray = true, .loose = "block"},
    [LANGUAGE_LUA] =
        {.sole = {"variable_declaration"}, .path = ".:", .bare_body = true, .stray = true},
    [LANGUAGE_BASH] = {.stray = true},
    [LANGUAGE_ZIG] = {.sole = {"Decl"}, .attributes = {"pub"}, .stray = true},
    [LANGUAGE_HASKELL] = {.attributes = {"signature"},
                          .asides = {"pragma"},
                          .indented = true,
                          .stray = true,
                          .signs = true,
                          .equations = true},
    /* Of `let rec f x = ... and g x = ...` each function gets its keywords. */
    [LANGUAGE_OCAML] = {.sole = {"value_definition", "type_definition", "module_definition",
                                 "class_definition", "class_type_definition"},
                        .attributes = {"let", "rec", "and", "type", "module", "class", "nonrec"},
                        .stray = true,
                        .signs = true},
    [LANGUAGE_SQL] = {.wrappers = {"statement"}, .path = ".", .stray = true},
};
#undef SCRIPT_QUIRKS

/* ---- texts between nodes --------------------------------------------------------------------------- */

/* Between a and b there is no blank line. Comments of Rust end after their newline. */
static bool is_adjacent(const struct finder *f, uint32_t a, uint32_t b)
{
    size_t newlines = a > 0 && f->source[a - 1] == '\n';
    uint32_t i;

    for (i = a; i < b; i++)
        newlines += f->source[i] == '\n';
    return newlines <= 1;
}

/* There is nothing between a and b but white space, and no blank line. */
static bool is_gap(const struct finder *f, uint32_t a, uint32_t b)
{
    uint32_t i;

    for (i = a; i < b; i++)
        if (!f->source[i] || !strchr(" \t\r\n\f\v", f->source[i]))
            return false;
    return a <= b && is_adjacent(f, a, b);
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

/* What the whole of a match is. */
static void read_item(struct item *it, const char *what)
{
    static const struct {
        const char *capture;
        enum item_kind kind;
        enum item_unit unit;
    } known[] = {
        {"function", ITEM_FUNCTION, UNIT_ALWAYS},
        {"method", ITEM_METHOD, UNIT_ALWAYS},
        {"type", ITEM_CLASS, UNIT_ALWAYS},
        {"class", ITEM_CLASS, ENCLOSES_ONLY},
        {"mixin", ITEM_CLASS, UNIT_OF_FUNCTIONS},
        {"module", ITEM_NAMESPACE, UNIT_OF_FUNCTIONS},
        {"namespace", ITEM_NAMESPACE, UNIT_IF_DOCUMENTED},
        {"file_namespace", ITEM_NAMESPACE, ENCLOSES_ONLY},
    };
    size_t i;

    it->open_end = strcmp(what, "file_namespace") == 0;
    for (i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(what, known[i].capture) != 0)
            continue;
        it->kind = known[i].kind;
        it->unit = known[i].unit;
    }
}

/* Scala: of a header over several lines the body on the line below is a block of its own to the grammar. */
static void take_loose_body(const struct finder *f, struct item *it, TSNode node)
{
    TSNode next = {0};
    uint32_t at = it->node.end;

    while (at < f->len && f->source[at] && strchr(" \t\r\n", f->source[at]))
        at++;
    if (at < f->len && f->source[at] == '{' && ts_node_is_null(field(node, "body")))
        next = ts_node_next_named_sibling(node);
    if (!ts_node_is_null(next) && is_type(next, f->q->loose) && ts_node_start_byte(next) == at &&
        is_gap(f, it->node.end, at)) {
        it->body = node_span(next);
        it->node.end = it->body.end;
    }
}

static bool read_match(struct finder *f, const TSQuery *q, const TSQueryMatch *m, struct item *it)
{
    TSNode node = {0}, name = {0}, body = {0}, fields = {0}, end = {0}, receiver = {0};
    uint16_t i;

    for (i = 0; i < m->capture_count; i++) {
        uint32_t len;
        const char *what = ts_query_capture_name_for_id(q, m->captures[i].index, &len);
        TSNode n = m->captures[i].node;

        if (strcmp(what, "name") == 0)
            name = n;
        else if (strcmp(what, "body") == 0)
            body = n;
        else if (strcmp(what, "fields") == 0)
            fields = n;
        else if (strcmp(what, "end") == 0)
            end = n;
        else if (strcmp(what, "receiver") == 0)
            receiver = n;
        else {
            node = n;
            read_item(it, what);
        }
    }
    if (ts_node_is_null(body))
        body = fields;
    if (ts_node_is_null(body)) /* an empty one: what is left of it is its last word */
        body = end;
    if (ts_node_is_null(node) || (is_function(it) && ts_node_is_null(body)))
        return false;
    it->id = node.id;
    it->node = it->span = node_span(node);
    if (!ts_node_is_null(body))
        it->body = node_span(body);
    if (!ts_node_is_null(end))
        it->body.end = ts_node_end_byte(end);
    if (f->q->equations) /* guards follow each other, and what is behind `where` follows them */
        it->body.end = it->node.end;
    if (f->q->loose && it->kind == ITEM_CLASS)
        take_loose_body(f, it, node);
    return outline_name_item(f, it, node, name, receiver);
}

static int run_query(struct finder *f, const TSTree *tree, const TSQuery *query)
{
    TSQueryCursor *c = ts_query_cursor_new();
    TSQueryMatch m;
    int rc = 0;

    ts_query_cursor_exec(c, query, ts_tree_root_node(tree));
    while (rc == 0 && ts_query_cursor_next_match(c, &m)) {
        struct item it = {0};

        if (imports_match(&f->o->imports, query, &m))
            continue;
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
    struct span node;  /* the current one */
    struct span doc;   /* the comments right before it */
    uint32_t start;    /* with the attributes before it */
    bool wrapper;      /* a unit in it may be widened to it */
    struct span about; /* the name that the attributes before it are for, where they say it */
    size_t equation;   /* index + 1 of the function before it that it may go on with */
    /* The run of comments and attributes that is being read. */
    struct span run, late; /* before the attributes, and after them where there are some before */
    struct span attr_name;
    uint32_t attr_start, last_end;
    bool has_run, has_attr;
    bool tokens; /* the current one holds words_tokens() */
};

struct walk_levels {
    struct level *v;
    size_t cap;
};

/* Ruby: `private def f` is a call with a method as its only argument. */
static bool is_call_around_method(TSNode n)
{
    TSNode args = is_type(n, "call") ? field(n, "arguments") : n, last;

    if (ts_node_is_null(args) || !is_type(args, "argument_list") ||
        ts_node_named_child_count(args) != 1)
        return false;
    last = ts_node_named_child(args, 0);
    if (is_type(last, "call"))
        return true; /* private memoize def f: the inner one is asked as well */
    return is_type(last, "method") || is_type(last, "singleton_method");
}

static bool is_wrapper(const struct finder *f, TSNode n)
{
    const char *type = ts_node_type(n);

    if (in_list(f->q->wrappers, type))
        return true;
    if (in_list(f->q->sole, type))
        return ts_node_named_child_count(n) == 1;
    return f->lang == LANGUAGE_RUBY && is_call_around_method(n);
}

static bool is_comment(TSNode n)
{
    static const char *const kinds[] = {"comment",           "line_comment", "block_comment",
                                        "multiline_comment", "doc_comment",  "haddock",
                                        "marginalia"};
    const char *type = ts_node_type(n);
    size_t i;

    for (i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(type, kinds[i]) == 0)
            return true;
    return false;
}

/* Haskell: "-- ^ text" is about what stands before it. */
static bool is_about_before(const struct finder *f, struct span s)
{
    uint32_t i = s.start;

    while (i < s.end && strchr("-{ \t", f->source[i]) && f->source[i])
        i++;
    return i < s.end && f->source[i] == '^';
}

/* Rust, Zig: a comment about what it stands in. */
static bool is_inner_doc(const struct finder *f, struct span s)
{
    return (f->lang == LANGUAGE_RUST || f->lang == LANGUAGE_ZIG) && span_len(s) > 2 &&
           f->source[s.start + 2] == '!';
}

/* A comment that stands before what it documents: alone on its lines, and not about the file or
 * module around it. */
static bool is_leading_comment(const struct finder *f, TSNode n)
{
    struct span s = node_span(n);
    uint32_t i = s.start;

    if (!is_comment(n))
        return false;
    if (s.start == 0 && span_len(s) > 2 && memcmp(f->source, "#!", 2) == 0)
        return false;
    if (is_inner_doc(f, s))
        return false;
    if (f->lang == LANGUAGE_HASKELL && is_about_before(f, s))
        return false;
    while (i > 0 && (f->source[i - 1] == ' ' || f->source[i - 1] == '\t'))
        i--;
    return i == 0 || f->source[i - 1] == '\n' || f->source[i - 1] == '\r';
}

/* Comments in the order of the text, wherever the tree has them. */
static int note_comment(struct finder *f, TSNode n)
{
    struct span s = node_span(n), *last;

    if (!is_leading_comment(f, n))
        return 0;
    last = f->n_comments > 0 ? &f->comments[f->n_comments - 1] : NULL;
    if (last && is_gap(f, last->end, s.start)) {
        last->end = s.end;
        return 0;
    }
    if (mem_grow((void **)&f->comments, &f->comments_cap, f->n_comments + 1, sizeof(*f->comments)) <
        0)
        return -1;
    f->comments[f->n_comments++] = s;
    return 0;
}

static void end_run(struct level *l)
{
    l->has_run = l->has_attr = false;
    l->attr_name = l->late = (struct span){0};
}

static void add_comment(const struct finder *f, struct level *l, struct span s)
{
    if (l->has_attr && l->has_run) { /* the comment before the attributes is the one */
        bool goes_on = span_len(l->late) > 0 && is_adjacent(f, l->late.end, s.start);

        l->late = (struct span){goes_on ? l->late.start : s.start, s.end};
        return;
    }
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

/* A signature of Haskell stands for itself: what was before another one is not about it. */
static void add_signature(const struct finder *f, struct level *l, TSNode n)
{
    struct span s = node_span(n);
    TSNode name = field(n, "name");

    if (l->has_attr) {
        if (l->has_run && l->run.start < l->attr_start) {
            l->run = l->late;
            l->last_end = l->late.end;
            l->has_run = span_len(l->late) > 0;
        }
        l->has_attr = false;
    }
    add_attribute(f, l, s);
    l->late = (struct span){0};
    l->attr_name = ts_node_is_null(name) ? (struct span){0} : node_span(name);
}

/* Kotlin: outside of classes the grammar takes @A("x") on a line of its own for an expression, an annotated value in
 * parentheses; of several each is in the one before. */
static bool is_annotation_alone(TSNode n)
{
    int i;

    for (i = 0; i < 8 && is_type(n, "prefix_expression") && ts_node_named_child_count(n) == 2 &&
                is_type(ts_node_named_child(n, 0), "annotation");
         i++)
        n = ts_node_named_child(n, 1);
    return i > 0 && is_type(n, "parenthesized_expression");
}

/* The cursor stands on a new node of this level: what was read so far belongs to it, then the run grows or ends. */
static void enter_node(const struct finder *f, struct level *l, TSNode n)
{
    const char *type = ts_node_type(n);
    bool adjacent;

    l->node = node_span(n);
    l->wrapper = ts_node_is_named(n) && is_wrapper(f, n);
    adjacent = l->has_run && is_adjacent(f, l->last_end, l->node.start);
    l->doc = adjacent ? l->run : (struct span){0};
    l->start = l->has_attr ? l->attr_start : l->node.start;
    l->about = l->attr_name;
    if (in_list(f->q->attributes, type) || (f->lang == LANGUAGE_KOTLIN && is_annotation_alone(n))) {
        if (f->q->equations)
            add_signature(f, l, n);
        else
            add_attribute(f, l, l->node);
    } else if (in_list(f->q->asides, type)) {
        if (l->has_attr || adjacent)
            l->last_end = l->node.end;
    } else if (is_leading_comment(f, n)) {
        add_comment(f, l, l->node);
    } else {
        end_run(l);
    }
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

/* The comments at the start of a module's body that are about the module. */
static void find_inner_doc(const struct finder *f, struct item *it, TSNode node)
{
    TSNode body = field(node, "body");
    TSTreeCursor c;
    bool more;

    if (ts_node_is_null(body))
        return;
    c = ts_tree_cursor_new(body);
    more = ts_tree_cursor_goto_first_child(&c);
    while (more) {
        TSNode n = ts_tree_cursor_current_node(&c);
        struct span s = node_span(n);
        bool inner = is_comment(n) && is_inner_doc(f, s);

        if (inner)
            it->docstring =
                (struct span){span_len(it->docstring) > 0 ? it->docstring.start : s.start, s.end};
        more = (inner || !ts_node_is_named(n)) && ts_tree_cursor_goto_next_sibling(&c);
    }
    ts_tree_cursor_delete(&c);
}

static bool is_named(const struct finder *f, const struct item *it, struct span name)
{
    if (span_len(name) > 2 && f->source[name.start] == '(')
        name = (struct span){name.start + 1, name.end - 1};
    return it->own.len - it->last == span_len(name) &&
           memcmp(it->own.s + it->last, f->source + name.start, span_len(name)) == 0;
}

/* Error recovery may let a node begin at the first word of a statement that it does not understand, and skip to that word of the
 * next one, as in SQL's CREATE [OPERATOR ...; CREATE] FUNCTION. True with *begin where it begins again. */
static bool begins_again(TSNode n, uint32_t *begin)
{
    TSNode skipped = ts_node_child(n, 1), last;
    uint32_t count = ts_node_is_null(skipped) ? 0 : ts_node_child_count(skipped);

    if (count == 0 || !ts_node_is_error(skipped))
        return false;
    last = ts_node_child(skipped, count - 1);
    *begin = ts_node_start_byte(last);
    return is_type(last, ts_node_type(ts_node_child(n, 0)));
}

static void place_item(const struct finder *f, struct item *it, struct level *levels, size_t depth,
                       TSNode node)
{
    const struct level *l;
    uint32_t begin;

    while (depth > 0 && levels[depth - 1].wrapper)
        depth--;
    l = &levels[depth];
    it->span = (struct span){l->start, l->node.end};
    if (it->node.end > it->span.end) /* a body that is another node */
        it->span.end = it->node.end;
    it->doc = l->doc;
    if (span_len(l->about) > 0 && !is_named(f, it, l->about)) {
        it->span.start = l->node.start; /* the signature of another function, and its comment */
        it->doc = (struct span){0};
    }
    if (begins_again(node, &begin)) {
        it->span.start = begin;
        it->doc = (struct span){0}; /* of the statement before */
    }
    it->visited = true;
    if (span_len(it->doc) == 0 && f->n_comments > 0 &&
        is_gap(f, f->comments[f->n_comments - 1].end, it->span.start))
        it->doc = f->comments[f->n_comments - 1];
    if (f->names->docstrings)
        find_docstring(f, it, node);
    if (it->kind == ITEM_NAMESPACE)
        find_inner_doc(f, it, node);
}

/* Haskell: equations of one name in a row are one function. */
static bool join_equation(const struct finder *f, const struct level *l, struct item *it)
{
    struct item *first = l->equation ? &f->items[l->equation - 1] : NULL;

    if (!first || first->own.len != it->own.len ||
        memcmp(strbuf_str(&first->own), strbuf_str(&it->own), it->own.len) != 0)
        return false;
    first->node.end = first->span.end = first->body.end = it->node.end;
    it->kind = ITEM_NONE;
    return true;
}

/* The cursor has met a node: if it is a unit, it gets its place. */
static void meet(const struct finder *f, struct level *levels, size_t depth, TSNode n)
{
    size_t slot = slot_of(f, n.id);
    struct level *l = &levels[depth];
    struct item *it = f->slots[slot] ? &f->items[f->slots[slot] - 1] : NULL;

    if (it && is_unit(it)) {
        if (f->q->equations && is_function(it) && join_equation(f, l, it))
            return;
        place_item(f, it, levels, depth, n);
        l->equation = is_function(it) ? f->slots[slot] : 0;
    } else if (ts_node_is_named(n) && !is_comment(n)) {
        l->equation = 0;
    }
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

        rc = mem_grow((void **)&w.v, &w.cap, depth + 1, sizeof(*w.v));
        if (rc < 0)
            break;
        if (fresh)
            w.v[depth] = (struct level){0};
        if (f->q->stray && is_comment(n) && note_comment(f, n) < 0) {
            rc = -1;
            break;
        }
        enter_node(f, &w.v[depth], n);
        meet(f, w.v, depth, n);
        words_meet(&f->words, n, depth > 0 && w.v[depth - 1].tokens);
        w.v[depth].tokens = words_tokens(&f->words, n);
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

/* What stands between the name of `outer` and that of `it`, which is plain when it names no type itself. */
static const char *separator(const struct finder *f, const struct item *outer,
                             const struct item *it, bool plain)
{
    bool scope = outer->kind == ITEM_NAMESPACE || !is_function(it) ||
                 (outer->kind == ITEM_CLASS && !plain && !f->q->path);

    return scope ? f->names->scope : f->names->member;
}

/* Ruby: def Clock.tick inside of class Clock says its class twice. */
static size_t repeated(const struct item *it, const struct item *outer)
{
    size_t n = outer->own.len;

    return outer->kind == ITEM_CLASS && it->last > n &&
                   memcmp(it->own.s, strbuf_str(&outer->own), n) == 0 && it->own.s[n] == '.'
               ? n + 1
               : 0;
}

static int qualify(struct finder *f, struct item *it, struct item *outer)
{
    struct strbuf b = {0};
    size_t skip = 0;

    if (outer) {
        outer->functions |= is_function(it);
        outer->n_inner += !is_function(it);
    }
    if (outer && outer->full_len + it->own.len + 2 <= PROTOCOL_MAX_NAME) {
        skip = f->lang == LANGUAGE_RUBY ? repeated(it, outer) : 0;
        strbuf_add(&b, outer->full, outer->full_len);
        strbuf_puts(&b, separator(f, outer, it, it->last == skip));
    }
    strbuf_add(&b, strbuf_str(&it->own) + skip, it->own.len - skip);
    it->full_len = b.len;
    it->full = strbuf_failed(&b) ? NULL : arena_strndup(f->a, strbuf_str(&b), b.len);
    strbuf_release(&b);
    it->method |= it->kind == ITEM_METHOD || (outer && outer->kind == ITEM_CLASS);
    return it->full ? 0 : -1;
}

/* A namespace without braces reaches to the next one or to the end of the file. */
static void close_namespaces(struct finder *f)
{
    uint32_t end = (uint32_t)f->len;
    size_t i;

    for (i = f->n; i-- > 0;) {
        struct item *it = &f->items[i];

        if (!it->open_end)
            continue;
        it->node.end = end > it->node.end ? end : it->node.end;
        end = it->node.start;
    }
}

/* Items sorted by start nest like brackets: a stack of those that are still open gives what encloses one. */
static int qualify_all(struct finder *f)
{
    size_t *open = mem_array(f->n + 1, sizeof(*open)), n_open = 0, i;
    int rc = open ? 0 : -1;

    close_namespaces(f);
    for (i = 0; rc == 0 && i < f->n; i++) {
        struct item *it = &f->items[i], *outer;

        if (it->kind == ITEM_NONE)
            continue;
        while (n_open > 0 && f->items[open[n_open - 1]].node.end <= it->node.start)
            n_open--;
        outer = n_open > 0 ? &f->items[open[n_open - 1]] : NULL;
        if (outer && braces_disagree(outer, it)) {
            it->kind = ITEM_NONE;
            continue;
        }
        rc = qualify(f, it, outer);
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

/* Where a unit ends: before the white space, and the comments of what follows, that its indented body has taken in. */
static uint32_t unit_end(const struct finder *f, const struct item *it)
{
    uint32_t end = trim_end(f, it->span.start, it->span.end);
    size_t lo = 0, hi = f->n_comments;

    while (lo < hi) { /* the first comment that ends at `end` or behind it */
        size_t mid = (lo + hi) / 2;

        if (trim_end(f, f->comments[mid].start, f->comments[mid].end) < end)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (f->q->indented && lo < f->n_comments && f->comments[lo].start > it->body.start &&
        f->comments[lo].start < end)
        end = trim_end(f, it->span.start, f->comments[lo].start);
    return end;
}

/* A comment between a header of Python, Ruby or Lua and its block is no part of the signature. */
static uint32_t signature_end(const struct finder *f, uint32_t start, uint32_t end)
{
    for (;;) {
        const char *eol, *p;

        end = trim_end(f, start, end);
        eol = f->q->bare_body ? memrchr(f->source + start, '\n', end - start) : NULL;
        for (p = eol; p && p < f->source + end && strchr(" \t\r\n", *p) && *p;)
            p++;
        if (!p || (size_t)(f->source + end - p) < strlen(f->names->line) ||
            memcmp(p, f->names->line, strlen(f->names->line)) != 0)
            return end;
        end = (uint32_t)(eol - f->source);
    }
}

static void put_unit(struct finder *f, const struct item *it)
{
    struct outline_unit *u = &f->o->units[f->o->n++];
    size_t last = it->full_len - (it->own.len - it->last);

    uint32_t end = unit_end(f, it), body_end = trim_end(f, it->body.start, it->body.end);

    u->kind = unit_kind(it);
    u->span = (struct span){it->span.start, end};
    u->body = (struct span){it->body.start, end < body_end ? end : body_end};
    u->signature_end = signature_end(f, it->span.start, it->body.start);
    u->doc = (struct span){it->doc.start, trim_end(f, it->doc.start, it->doc.end)};
    u->docstring =
        (struct span){it->docstring.start, trim_end(f, it->docstring.start, it->docstring.end)};
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

/* Ruby: around a lone class or module, what is said is about that one. */
static bool is_frame(const struct item *it)
{
    return it->kind == ITEM_CLASS && it->n_inner == 1;
}

/* Namespaces that group and say no more are no units: such a one is opened again in every file. */
static int drop_groups(struct finder *f)
{
    struct strbuf sentence = {0};
    bool failed = false;
    size_t i;

    for (i = 0; i < f->n && !failed; i++) {
        struct item *it = &f->items[i];
        struct unit u = {.name = "", .doc = it->doc, .docstring = it->docstring};

        if (it->kind == ITEM_NONE || it->unit < UNIT_OF_FUNCTIONS ||
            (it->unit == UNIT_OF_FUNCTIONS && it->functions))
            continue;
        strbuf_reset(&sentence);
        if (is_frame(it) || !doc_first_sentence(&sentence, &u, f->lang, f->source, f->len))
            it->unit = ENCLOSES_ONLY;
        failed = strbuf_failed(&sentence);
    }
    strbuf_release(&sentence);
    return failed ? -1 : 0;
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

/* ---- units that are part of others ----------------------------------------------------------------- */

#define SHORT_LINES 3 /* inner functions and types below this are part of what encloses them */

/* A unit that encloses the next one. */
struct open_unit {
    uint32_t end;
    bool type, function; /* it is a function, or stands in one */
};

/* The first two line ends behind a place that only moves on. */
struct line_ends {
    size_t first, second;
};

static size_t next_line_end(const struct finder *f, size_t from)
{
    const char *p = from < f->len ? memchr(f->source + from, '\n', f->len - from) : NULL;

    return p ? (size_t)(p - f->source) : f->len;
}

static void move_on(const struct finder *f, struct line_ends *l, size_t to)
{
    if (l->first >= to)
        return;
    l->first = l->second >= to ? l->second : next_line_end(f, to);
    l->second = next_line_end(f, l->first + 1);
}

/* Does a unit stand in something that it is part of when it is short? Modules are not made of what stands in them, nor are types
 * of their functions. */
static bool is_inner(const struct outline_unit *u, const struct open_unit *outer)
{
    return outer && (outer->function || (u->kind == UNIT_TYPE && outer->type));
}

static int drop_short(struct finder *f)
{
    struct open_unit *open = mem_array(f->o->n + 1, sizeof(*open));
    struct line_ends lines = {next_line_end(f, 0), 0};
    size_t n_open = 0, n = 0;

    if (!open)
        return -1;
    lines.second = next_line_end(f, lines.first + 1);
    for (size_t i = 0; i < f->o->n; i++) {
        struct outline_unit *u = &f->o->units[i];
        const struct open_unit *outer;

        while (n_open > 0 && open[n_open - 1].end <= u->span.start)
            n_open--;
        outer = n_open > 0 ? &open[n_open - 1] : NULL;
        move_on(f, &lines, u->span.start);
        if (is_inner(u, outer) && lines.second + 1 >= u->span.end)
            continue;
        open[n_open] = (struct open_unit){u->span.end, u->kind == UNIT_TYPE,
                                          (outer && outer->function) || u->kind == UNIT_FUNCTION ||
                                              u->kind == UNIT_METHOD};
        n_open++;
        f->o->units[n++] = *u;
    }
    f->o->n = n;
    mem_free(open);
    return 0;
}

static void put_entries(struct outline *o)
{
    size_t i;

    for (i = 0; i < o->n; i++) {
        const struct outline_unit *u = &o->units[i];

        if (u->kind == UNIT_FUNCTION || u->kind == UNIT_METHOD)
            imports_function(&o->imports, u->qualified, u->qualified_len,
                             (struct span){u->span.start, u->signature_end});
    }
}

void outline_release(struct outline *o)
{
    imports_release(&o->imports);
}

int outline_find(struct outline *o, struct arena *a, const TSTree *tree, const TSQuery *query,
                 enum language_id lang, const char *source, size_t len)
{
    struct finder f = {.o = o,
                       .a = a,
                       .lang = lang,
                       .names = language_get(lang),
                       .q = &quirks[lang],
                       .source = source,
                       .len = len};
    size_t i;
    int rc = grow_slots(&f);

    *o = (struct outline){0};
    imports_init(&o->imports, lang, a, source, len);
    words_init(&f.words, lang, source, len);
    if (rc == 0)
        rc = run_query(&f, tree, query);
    if (rc == 0 && !o->too_many)
        rc = place_items(&f, tree);
    if (rc == 0 && !o->too_many && f.q->braces && ts_node_has_error(ts_tree_root_node(tree)))
        rc = braces_mend(&f);
    if (rc == 0 && !o->too_many) {
        /* The table of slots is void from here on. */
        if (f.n > 0)
            qsort(f.items, f.n, sizeof(*f.items), by_start);
        rc = qualify_all(&f);
    }
    if (rc == 0 && !o->too_many)
        rc = drop_groups(&f);
    if (rc == 0 && !o->too_many)
        rc = put_units(&f);
    if (rc == 0 && !o->too_many)
        rc = drop_short(&f);
    if (rc == 0 && !o->too_many)
        rc = words_finish(&f.words, o->units, o->n, a);
    if (rc == 0) {
        put_entries(o);
        rc = imports_finish(&o->imports);
    }
    for (i = 0; i < f.n; i++)
        strbuf_release(&f.items[i].own);
    mem_free(f.items);
    mem_free(f.slots);
    mem_free(f.comments);
    words_release(&f.words);
    return rc;
}
