/* outline_words.c - see outline_words.h (code). */
#include "code/outline_words.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define MAX_NODES 12
#define MAX_STEPS 8 /* from what is called down to its last part */

/* Bits. FIRST and APPLIED are calls too: of the first child, and of what stands before an operator that applies it. */
enum role {
    ROLE_NAME = 1,
    ROLE_PATH = 2,
    ROLE_CALL = 4,
    ROLE_FIRST = 8,
    ROLE_APPLIED = 16,
    ROLE_TOKENS = 32
};
#define ROLE_CALLS (ROLE_CALL | ROLE_FIRST | ROLE_APPLIED)

/* Node types, NULL behind the last: leaves that are names, nodes that a name is the last part of, arguments apart, and calls. */
struct grammar {
    const char *names[MAX_NODES], *paths[MAX_NODES];
    const char *calls[MAX_NODES]; /* have a field for what is called */
    const char *first[MAX_NODES]; /* calls whose first part is it */
    const char *operators;        /* call what stands before them, if it is `applies` */
    char strip[4];                /* signs around or before a name that are no part of it */
    const char *applies;
};

#define SCRIPT_NAMES                                                                               \
    "identifier", "property_identifier", "private_property_identifier",                            \
        "shorthand_property_identifier", "shorthand_property_identifier_pattern"
#define SCRIPT_PATHS "member_expression", "non_null_expression"

static const struct grammar grammars[LANGUAGE_GRAMMARS] = {
    [LANGUAGE_C] = {.calls = {"call_expression"},
                    .names = {"identifier", "field_identifier", "type_identifier"},
                    .paths = {"field_expression"}},
    [LANGUAGE_CPP] = {.calls = {"call_expression", "new_expression", "compound_literal_expression"},
                      .names = {"identifier", "field_identifier", "type_identifier",
                                "namespace_identifier"},
                      .paths = {"field_expression", "qualified_identifier", "template_function",
                                "template_method", "template_type", "dependent_name"}},
    [LANGUAGE_PYTHON] = {.calls = {"call"}, .names = {"identifier"}, .paths = {"attribute"}},
    [LANGUAGE_JAVASCRIPT] = {.calls = {"call_expression", "new_expression"},
                             .names = {SCRIPT_NAMES},
                             .paths = {SCRIPT_PATHS}},
    [LANGUAGE_TYPESCRIPT] = {.calls = {"call_expression", "new_expression"},
                             .names = {SCRIPT_NAMES, "type_identifier"},
                             .paths = {SCRIPT_PATHS}},
    [LANGUAGE_TSX] = {.calls = {"call_expression", "new_expression"},
                      .names = {SCRIPT_NAMES, "type_identifier"},
                      .paths = {SCRIPT_PATHS}},
    [LANGUAGE_GO] = {.calls = {"call_expression", "type_conversion_expression"},
                     .names = {"identifier", "field_identifier", "type_identifier",
                               "package_identifier"},
                     .paths = {"selector_expression", "generic_type", "qualified_type"}},
    [LANGUAGE_RUST] = {.calls = {"call_expression", "macro_invocation"},
                       .names = {"identifier", "field_identifier", "type_identifier",
                                 "shorthand_field_identifier"},
                       .paths = {"field_expression", "scoped_identifier", "generic_function"}},
    [LANGUAGE_JAVA] = {.calls = {"method_invocation", "object_creation_expression",
                                 "explicit_constructor_invocation"},
                       .names = {"identifier", "type_identifier"},
                       .paths = {"scoped_type_identifier", "generic_type"}},
    [LANGUAGE_CSHARP] = {.calls = {"invocation_expression", "object_creation_expression"},
                         .names = {"identifier"},
                         .paths = {"member_access_expression", "generic_name", "qualified_name",
                                   "alias_qualified_name", "conditional_access_expression",
                                   "member_binding_expression"}},
    [LANGUAGE_RUBY] = {.calls = {"call"},
                       .first = {"super"},
                       .names = {"identifier", "constant", "instance_variable", "class_variable",
                                 "global_variable"},
                       .paths = {"scope_resolution"},
                       .strip = "@$"},
    [LANGUAGE_PHP] = {.calls = {"function_call_expression", "member_call_expression",
                                "nullsafe_member_call_expression", "scoped_call_expression"},
                      .first = {"object_creation_expression"},
                      .names = {"name"},
                      .paths = {"qualified_name", "variable_name"}},
    [LANGUAGE_KOTLIN] = {.first = {"call_expression"},
                         .names = {"simple_identifier", "type_identifier",
                                   "interpolated_identifier"},
                         .paths = {"navigation_expression", "navigation_suffix"},
                         .strip = "`"},
    [LANGUAGE_SWIFT] = {.calls = {"constructor_expression"},
                        .first = {"call_expression"},
                        .names = {"simple_identifier", "type_identifier"},
                        .paths = {"navigation_expression", "navigation_suffix", "user_type",
                                  "prefix_expression", "postfix_expression"},
                        .strip = "`"},
    [LANGUAGE_SCALA] = {.calls = {"call_expression"},
                        .first = {"instance_expression"},
                        .names = {"identifier", "type_identifier"},
                        .paths = {"field_expression", "generic_function", "generic_type",
                                  "stable_type_identifier"},
                        .strip = "`"},
    [LANGUAGE_LUA] = {.calls = {"function_call"},
                      .names = {"identifier"},
                      .paths = {"dot_index_expression", "method_index_expression"}},
    [LANGUAGE_BASH] = {.first = {"command_name"}, .names = {"variable_name"}},
    [LANGUAGE_ZIG] = {.calls = {"FieldOrFnCall"}, .first = {"SuffixExpr"}, .names = {"IDENTIFIER"}},
    [LANGUAGE_HASKELL] = {.calls = {"apply"},
                          .first = {"infix_id"},
                          .operators = "infix",
                          .names = {"variable", "constructor", "name"},
                          .paths = {"qualified"},
                          .applies = "$"},
    [LANGUAGE_OCAML] = {.calls = {"application_expression", "method_invocation"},
                        .first = {"new_expression"},
                        .operators = "infix_expression",
                        .names = {"value_name", "value_pattern", "constructor_name",
                                  "type_constructor", "module_name", "field_name", "method_name",
                                  "class_name", "instance_variable_name", "module_type_name",
                                  "label_name"},
                        .paths = {"value_path", "constructor_path", "class_path", "new_expression",
                                  "method_invocation"},
                        .applies = "@@"},
    [LANGUAGE_SQL] = {.first = {"invocation"},
                      .names = {"identifier"},
                      .paths = {"object_reference"},
                      .strip = "\"`"},
};
#undef SCRIPT_NAMES
#undef SCRIPT_PATHS

/* Of a call, in this order; from FIRST_OPERAND on those of an operator. */
static const char *const fields[] = {"function",     "constructor",   "method", "constructed_type",
                                     "macro",        "function_call", "name",   "type",
                                     "left_operand", "left"};
#define N_FIELDS      ARRAY_LEN(fields)
#define FIRST_OPERAND 8
_Static_assert(N_FIELDS == WORDS_FIELDS, "outline_words.h has room");

/* ---- the tree ------------------------------------------------------------------------------------- */

static bool is_among(const char *const list[MAX_NODES], const char *type)
{
    for (size_t i = 0; i < MAX_NODES && list[i]; i++)
        if (strcmp(list[i], type) == 0)
            return true;
    return false;
}

/* One look at a table of bytes a node, instead of comparing names of types. */
static void find_roles(struct words *w)
{
    const TSLanguage *language = outline_grammar(w->lang);
    const struct grammar *g = &grammars[w->lang];

    w->n_symbols = ts_language_symbol_count(language);
    w->roles = mem_array(w->n_symbols, 1);
    w->failed = !w->roles;
    for (size_t i = 0; !w->failed && i < w->n_symbols; i++) {
        const char *type = ts_language_symbol_name(language, (TSSymbol)i);

        if (!type || ts_language_symbol_type(language, (TSSymbol)i) != TSSymbolTypeRegular)
            continue;
        w->roles[i] =
            (uint8_t)((is_among(g->names, type) ? ROLE_NAME : 0) |
                      (is_among(g->paths, type) ? ROLE_PATH : 0) |
                      (is_among(g->calls, type) ? ROLE_CALL : 0) |
                      (is_among(g->first, type) ? ROLE_FIRST : 0) |
                      (g->operators && strcmp(g->operators, type) == 0 ? ROLE_APPLIED : 0) |
                      (strcmp(type, "token_tree") == 0 ? ROLE_TOKENS : 0));
    }
}

static unsigned role_of(const struct words *w, TSNode n)
{
    size_t symbol = ts_node_symbol(n);

    return symbol < w->n_symbols ? w->roles[symbol] : 0;
}

void words_init(struct words *w, enum language_id lang, const char *source, size_t len)
{
    *w = (struct words){.lang = lang, .source = source, .len = len};
    for (size_t i = 0; i < N_FIELDS; i++)
        if (lang != LANGUAGE_HASKELL || strcmp(fields[i], "constructor") != 0) /* of types there */
            w->fields[i] = ts_language_field_id_for_name(outline_grammar(lang), fields[i],
                                                         (uint32_t)strlen(fields[i]));
    find_roles(w);
}

void words_release(struct words *w)
{
    mem_free(w->roles);
    for (size_t i = 0; i < WORD_KINDS; i++)
        mem_free(w->of[i].v);
    *w = (struct words){0};
}

static void add_at(struct words *w, enum word_kind kind, struct word at)
{
    if (mem_grow((void **)&w->of[kind].v, &w->of[kind].cap, w->of[kind].n + 1,
                 sizeof(*w->of[kind].v)) < 0) {
        w->failed = true;
        return;
    }
    w->of[kind].v[w->of[kind].n++] = at;
}

static void add_word(struct words *w, enum word_kind kind, TSNode n)
{
    uint32_t start = ts_node_start_byte(n), end = ts_node_end_byte(n);

    if (start < end && end <= w->len) /* else made up by error recovery */
        add_at(w, kind, (struct word){start, end - start});
}

/* The last child that is a name or leads to one; a null node when there is none. */
static TSNode last_part(const struct words *w, TSNode n)
{
    for (uint32_t i = ts_node_named_child_count(n); i-- > 0;) {
        TSNode child = ts_node_named_child(n, i);

        if (role_of(w, child) & (ROLE_NAME | ROLE_PATH))
            return child;
    }
    return (TSNode){0};
}

/* The name at the end of what is called; a null node for what has none, as a function in parentheses. */
static TSNode name_of(const struct words *w, TSNode n)
{
    for (int i = 0; i < MAX_STEPS && !ts_node_is_null(n) && role_of(w, n) & ROLE_PATH; i++)
        n = last_part(w, n);
    return n;
}

static bool is_text(const struct words *w, TSNode n, const char *text)
{
    uint32_t start = ts_node_start_byte(n);
    size_t len = ts_node_end_byte(n) - start;

    return len == strlen(text) && memcmp(w->source + start, text, len) == 0;
}

/* The part of a call that says what is called: a field in most grammars, else the first named child. */
static TSNode callee_of(const struct words *w, TSNode call, unsigned role)
{
    TSNode n = {0};

    if (role & ROLE_FIRST)
        return ts_node_named_child_count(call) == 0 ? call : ts_node_named_child(call, 0);
    for (size_t i = 0; i < N_FIELDS && ts_node_is_null(n); i++)
        if (w->fields[i] && !(role & ROLE_APPLIED) == (i < FIRST_OPERAND))
            n = ts_node_child_by_field_id(call, w->fields[i]);
    return n;
}

/* Ruby: of Clock.new(x) it is Clock that is called. */
static TSNode made_by(struct words *w, TSNode call, TSNode method)
{
    TSNode n = ts_node_child_by_field_name(call, "receiver", 8);

    n = ts_node_is_null(n) ? n : name_of(w, n);
    if (ts_node_is_null(n) || strcmp(ts_node_type(n), "constant") != 0)
        return method;
    add_at(w, WORD_CALL, (struct word){ts_node_start_byte(method), 0});
    return n;
}

/* What follows on the line is the operator that applies what stands before it. */
static bool is_applied(const struct words *w, TSNode n)
{
    const char *sign = grammars[w->lang].applies;
    size_t at = ts_node_end_byte(n), len = sign ? strlen(sign) : 0;

    while (at < w->len && w->source[at] && strchr(" \t\r\n", w->source[at]))
        at++;
    return len > 0 && w->len - at > len && memcmp(w->source + at, sign, len) == 0 &&
           w->source[at + len] && strchr(" \t\r\n(", w->source[at + len]);
}

/* A word of the shell is the name of a function or a program, not the path of one. */
static bool is_callable(const struct words *w, TSNode n)
{
    uint32_t start = ts_node_start_byte(n);
    size_t len = ts_node_end_byte(n) - start;

    if (role_of(w, n) & ROLE_NAME || strcmp(ts_node_type(n), "super") == 0)
        return true;
    return strcmp(ts_node_type(n), "word") == 0 && !memchr(w->source + start, '/', len) &&
           !memchr(w->source + start, '\\', len);
}

/* Zig: a primary expression is called when arguments follow it. */
static bool has_arguments(const struct words *w, TSNode suffixed)
{
    TSNode next = ts_node_named_child(suffixed, 1);

    return w->lang != LANGUAGE_ZIG ||
           (!ts_node_is_null(next) && strcmp(ts_node_type(next), "FnCallArguments") == 0);
}

static void take_call(struct words *w, TSNode call, unsigned role)
{
    TSNode n = callee_of(w, call, role);

    if (ts_node_is_null(n) || (role & ROLE_APPLIED && !is_applied(w, n)) ||
        (role & ROLE_FIRST && !has_arguments(w, call)))
        return;
    n = name_of(w, n);
    if (w->lang == LANGUAGE_RUBY && !ts_node_is_null(n) && is_text(w, n, "new"))
        n = made_by(w, call, n);
    if (!ts_node_is_null(n) && ts_node_named_child_count(n) == 0 && is_callable(w, n))
        add_word(w, WORD_CALL, n);
}

bool words_tokens(const struct words *w, TSNode n)
{
    return role_of(w, n) & ROLE_TOKENS;
}

/* Rust: in what a macro is given, name(...) and name!(...) are calls; the grammar has only tokens there. */
static bool is_token_call(const struct words *w, TSNode n)
{
    size_t at = ts_node_end_byte(n);

    if (at + 1 < w->len && w->source[at] == '!')
        return w->source[at + 1] == '(' || w->source[at + 1] == '[' || w->source[at + 1] == '{';
    return at < w->len && w->source[at] == '(';
}

void words_meet(struct words *w, TSNode n, bool tokens)
{
    unsigned role = role_of(w, n);

    if (role & ROLE_CALLS)
        take_call(w, n, role);
    if (!(role & ROLE_NAME) || ts_node_named_child_count(n) > 0)
        return;
    add_word(w, WORD_USE, n);
    if (tokens && is_token_call(w, n))
        add_word(w, WORD_CALL, n);
}

/* ---- names ---------------------------------------------------------------------------------------- */

struct name {
    const char *s;
    uint32_t len;
    uint32_t seen; /* one more than where it was seen last, in this pass */
    bool bad;      /* no name to show: control characters, no letters, too long */
};

/* A list under way: places in the pool. */
struct list {
    uint32_t first, last;
    uint16_t n, bytes;
    bool full;
};

struct link {
    uint32_t name, next;
};

struct open_unit {
    uint32_t up;   /* the function that it stands in */
    uint32_t past; /* where to go on from here when its list is full: up, or further */
    uint32_t own;  /* its name */
    struct list of[WORD_KINDS];
};

struct sweep {
    struct words *w;
    struct outline_unit *units;
    struct open_unit *open; /* one a unit */
    uint32_t *stack;        /* units that are open here */
    size_t n, n_stack;
    struct name *names;
    size_t n_names, names_cap;
    uint32_t *slots; /* hash table: index + 1 of a name, 0 for none */
    size_t n_slots;
    struct link *pool;
    size_t n_pool, pool_cap;
    size_t left;                /* bytes that lists of this text may still take */
    uint32_t until[WORD_KINDS]; /* lists of units that end behind this place are not known */
    bool spent;                 /* nothing is left */
    bool failed;
};

static size_t slot_of(const struct sweep *k, const char *s, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < len; i++)
        h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    i = (size_t)(h ^ h >> 32) & (k->n_slots - 1);
    while (k->slots[i]) {
        const struct name *n = &k->names[k->slots[i] - 1];

        if (n->len == len && memcmp(n->s, s, len) == 0)
            break;
        i = (i + 1) & (k->n_slots - 1);
    }
    return i;
}

static void grow_slots(struct sweep *k)
{
    size_t n = k->n_slots ? k->n_slots * 2 : 1024;
    uint32_t *slots = mem_array(n, sizeof(*slots));

    k->failed |= !slots;
    if (!slots)
        return;
    mem_free(k->slots);
    k->slots = slots;
    k->n_slots = n;
    for (size_t i = 0; i < k->n_names; i++)
        k->slots[slot_of(k, k->names[i].s, k->names[i].len)] = (uint32_t)(i + 1);
}

/* What a list may show: whole UTF-8 without white space and control characters, and a letter in it. */
static bool is_name(const char *s, size_t len)
{
    struct strbuf b = {0};
    bool letter = false, plain = len <= UNIT_WORD_BYTES;

    for (size_t i = 0; plain && i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        letter |= c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        plain = c > ' ' && c != 0x7f;
    }
    if (!plain || !letter)
        return false;
    utf8_escape(&b, s, len, "");
    plain = b.len == len && memcmp(strbuf_str(&b), s, len) == 0;
    strbuf_release(&b);
    return plain;
}

/* The number of a name; NONE without memory. */
static uint32_t find_name(struct sweep *k, const char *s, size_t len)
{
    size_t slot;

    if (k->n_names * 2 >= k->n_slots)
        grow_slots(k);
    if (k->failed ||
        mem_grow((void **)&k->names, &k->names_cap, k->n_names + 1, sizeof(*k->names)) < 0) {
        k->failed = true;
        return NONE;
    }
    slot = slot_of(k, s, len);
    if (k->slots[slot] == 0) {
        k->names[k->n_names++] =
            (struct name){.s = s, .len = (uint32_t)len, .bad = !is_name(s, len)};
        k->slots[slot] = (uint32_t)k->n_names;
    }
    return k->slots[slot] - 1;
}

/* What stands at a place, without the signs that are no part of a name. */
static uint32_t read_name(struct sweep *k, struct word at)
{
    const char *s = k->w->source + at.start, *strip = grammars[k->w->lang].strip;
    size_t len = at.len;

    while (len > 1 && *s && strchr(strip, *s)) {
        s++;
        len--;
    }
    while (len > 1 && s[len - 1] && strchr(strip, s[len - 1]))
        len--;
    return find_name(k, s, len);
}

/* ---- lists ---------------------------------------------------------------------------------------- */

static bool holds(const struct sweep *k, const struct list *l, uint32_t name)
{
    uint32_t at = l->n ? l->first : NONE;

    while (at != NONE && k->pool[at].name != name)
        at = k->pool[at].next;
    return at != NONE;
}

/* Names of one letter say nothing; those for the object itself are in every method. */
static bool is_telling(const struct name *n)
{
    size_t len = 0;

    for (size_t i = 0; i < n->len; i++)
        len += ((unsigned char)n->s[i] & 0xC0) != 0x80;
    return len > 1 &&
           !(n->len == 4 && (memcmp(n->s, "self", 4) == 0 || memcmp(n->s, "this", 4) == 0));
}

/* Put a name that is new there at the end of a unit's list. */
static void put_name(struct sweep *k, uint32_t unit, enum word_kind kind, uint32_t name)
{
    struct open_unit *u = &k->open[unit];
    struct list *l = &u->of[kind];
    size_t len = k->names[name].len + (l->n > 0);

    if (kind == WORD_USE && (name == u->own || holds(k, &u->of[WORD_CALL], name)))
        return;
    l->full = l->bytes + len > UNIT_WORDS_BYTES;
    if (l->full)
        return;
    k->spent = len > k->left;
    if (k->spent)
        return;
    if (mem_grow((void **)&k->pool, &k->pool_cap, k->n_pool + 1, sizeof(*k->pool)) < 0) {
        k->failed = true;
        return;
    }
    k->pool[k->n_pool] = (struct link){name, NONE};
    if (l->n > 0)
        k->pool[l->last].next = (uint32_t)k->n_pool;
    else
        l->first = (uint32_t)k->n_pool;
    l->last = (uint32_t)k->n_pool++;
    l->bytes = (uint16_t)(l->bytes + len);
    k->left -= len;
    l->full = ++l->n == UNIT_MAX_WORDS;
}

/* The first of u and the functions around it whose list has room; the way there is short the next time. */
static uint32_t with_room(struct sweep *k, uint32_t u, enum word_kind kind)
{
    uint32_t end = u;

    while (end != NONE && k->open[end].of[kind].full)
        end = k->open[end].past;
    while (u != end) {
        uint32_t next = k->open[u].past;

        k->open[u].past = end;
        u = next;
    }
    return end;
}

/* The name stands in the innermost open unit: it counts for this one and the functions around it. A function has it already
 * when the name was seen since its start; a type, for which its functions do not count, looks into its list. */
static void count_name(struct sweep *k, enum word_kind kind, uint32_t start, uint32_t name)
{
    uint32_t u = k->stack[k->n_stack - 1];
    struct name *n = &k->names[name];

    if (n->bad || (kind == WORD_USE && !is_telling(n)))
        return;
    if (k->units[u].kind == UNIT_TYPE || k->units[u].kind == UNIT_MODULE) {
        if (!k->open[u].of[kind].full && !holds(k, &k->open[u].of[kind], name))
            put_name(k, u, kind, name);
        u = k->open[u].up;
    }
    for (u = with_room(k, u, kind); u != NONE && k->units[u].span.start >= n->seen && !k->spent;
         u = with_room(k, k->open[u].up, kind))
        put_name(k, u, kind, name);
    n->seen = start + 1;
}

/* ---- passes --------------------------------------------------------------------------------------- */

static void open_unit(struct sweep *k, uint32_t unit)
{
    const struct outline_unit *u = &k->units[unit];
    uint32_t outer = k->n_stack > 0 ? k->stack[k->n_stack - 1] : NONE;
    bool function =
        outer != NONE && k->units[outer].kind != UNIT_TYPE && k->units[outer].kind != UNIT_MODULE;

    k->open[unit].up = outer == NONE || function ? outer : k->open[outer].up;
    k->open[unit].past = k->open[unit].up;
    k->open[unit].own = find_name(k, u->name, u->name_len);
    k->stack[k->n_stack++] = unit;
}

/* One kind of words, in the order of the text. */
static void pass(struct sweep *k, enum word_kind kind)
{
    const struct words *w = k->w;
    size_t next = 0, called = 0;

    for (size_t i = 0; i < k->n_names; i++)
        k->names[i].seen = 0;
    k->n_stack = 0;
    k->left = w->len + WORDS_SPARE;
    k->spent = false;
    k->until[kind] = NONE;
    for (size_t i = 0; i < w->of[kind].n && !k->failed && !k->spent; i++) {
        struct word at = w->of[kind].v[i];
        uint32_t name;

        while (next < k->n && k->units[next].span.start <= at.start) {
            while (k->n_stack > 0 &&
                   k->units[k->stack[k->n_stack - 1]].span.end <= k->units[next].span.start)
                k->n_stack--;
            open_unit(k, (uint32_t)next++);
        }
        while (k->n_stack > 0 && k->units[k->stack[k->n_stack - 1]].span.end <= at.start)
            k->n_stack--;
        while (kind == WORD_USE && called < w->of[WORD_CALL].n &&
               w->of[WORD_CALL].v[called].start < at.start)
            called++;
        if (k->n_stack == 0 || at.len == 0 ||
            (kind == WORD_USE && called < w->of[WORD_CALL].n &&
             w->of[WORD_CALL].v[called].start == at.start))
            continue;
        name = read_name(k, at);
        if (name != NONE)
            count_name(k, kind, at.start, name);
        if (k->spent)
            k->until[kind] = at.start;
    }
}

/* A unit's list as text; NULL where it is not known, or without memory. */
static const char *join(struct sweep *k, uint32_t unit, enum word_kind kind, struct arena *a)
{
    const struct list *l = &k->open[unit].of[kind];
    bool known = k->units[unit].span.end <= k->until[kind];
    char *s = known ? arena_alloc(a, (size_t)l->bytes + 1) : NULL, *p = s;

    k->failed |= known && !s;
    if (!s)
        return NULL;
    for (uint32_t at = l->n ? l->first : NONE; at != NONE; at = k->pool[at].next) {
        const struct name *n = &k->names[k->pool[at].name];

        if (p > s)
            *p++ = '\n';
        memcpy(p, n->s, n->len);
        p += n->len;
    }
    return s;
}

static int by_start(const void *x, const void *y)
{
    const struct word *a = x, *b = y;

    return (a->start > b->start) - (a->start < b->start);
}

static void give(struct sweep *k, struct arena *a)
{
    for (size_t i = 0; i < k->n && !k->failed; i++) {
        k->units[i].calls = join(k, (uint32_t)i, WORD_CALL, a);
        k->units[i].uses = join(k, (uint32_t)i, WORD_USE, a);
    }
}

int words_finish(struct words *w, struct outline_unit *units, size_t n, struct arena *a)
{
    struct sweep k = {.w = w, .units = units, .n = n, .failed = w->failed};

    if (w->of[WORD_CALL].n > 0)
        qsort(w->of[WORD_CALL].v, w->of[WORD_CALL].n, sizeof(*w->of[WORD_CALL].v), by_start);
    k.open = mem_array(n + 1, sizeof(*k.open));
    k.stack = mem_array(n + 1, sizeof(*k.stack));
    k.failed |= !k.open || !k.stack;
    if (!k.failed)
        pass(&k, WORD_CALL);
    if (!k.failed)
        pass(&k, WORD_USE);
    if (!k.failed)
        give(&k, a);
    mem_free(k.open);
    mem_free(k.stack);
    mem_free(k.names);
    mem_free(k.slots);
    mem_free(k.pool);
    return k.failed ? -1 : 0;
}
