/* outline_item.h - what the query finds, before it is a unit (code, private to outline.c and outline_names.c). */
#ifndef CODE_OUTLINE_ITEM_H
#define CODE_OUTLINE_ITEM_H

#include "base/strbuf.h"
#include "code/outline.h"
#include "code/outline_words.h"

#include <string.h>

#define MAX_TYPES 7

/* Lists of node types, NULL behind the last. A wrapper belongs to the unit in it: what is written around it is about it. */
struct quirks {
    const char *wrappers[MAX_TYPES];
    const char *sole[MAX_TYPES];       /* wrappers when they hold nothing else */
    const char *attributes[MAX_TYPES]; /* stand before a unit as its siblings and belong to it */
    const char *asides[MAX_TYPES];     /* may stand between a comment or attribute and its unit */
    const char *path;                  /* signs that end the parts of a name */
    char type_args;                    /* opens type arguments, which are no part of a name */
    bool bare_body;                    /* no sign opens a body: comments may stand before it */
    bool indented;                     /* a body may have taken in the comments behind it */
    bool stray;  /* comments may be anywhere in the tree: what one is about follows in the text */
    bool signs;  /* the name of an operator may stand in parentheses */
    bool braces; /* macros and conditions hide some from the grammar: braces.h */
    bool equations; /* neighbours of one name are one function; an attribute has a name too */
    const char
        *loose; /* a body on the line after its header, which the grammar takes for a statement */
    struct {
        const char *type, *text;
    } prefix[3]; /* of names whose sign or keyword is outside of the name's node */
};

static inline bool in_list(const char *const list[MAX_TYPES], const char *type)
{
    size_t i;

    for (i = 0; i < MAX_TYPES && list[i]; i++)
        if (strcmp(list[i], type) == 0)
            return true;
    return false;
}

enum item_kind { ITEM_FUNCTION, ITEM_METHOD, ITEM_CLASS, ITEM_NAMESPACE, ITEM_NONE };

/* Whether a class or namespace is a unit, too. */
enum item_unit {
    ENCLOSES_ONLY,
    UNIT_ALWAYS,
    UNIT_OF_FUNCTIONS, /* when functions of its own stand in it, or a comment documents it */
    UNIT_IF_DOCUMENTED,
};

struct item {
    enum item_kind kind;
    enum item_unit unit;
    const void *id;         /* of the node */
    struct span node, span; /* its own bytes; with wrapper and attributes */
    struct span body, doc, docstring;
    struct strbuf own; /* its name with the qualification that it is written with */
    size_t last;       /* where the last part of `own` begins */
    const char *full;  /* qualified from the outside in */
    size_t full_len;
    bool method;
    size_t n_inner;      /* classes and namespaces that stand directly in it, */
    bool functions;      /* and whether functions do */
    bool open_end;       /* a namespace that reaches to the next one, or to the end */
    bool visited;        /* the cursor has met it */
    uint32_t end_before; /* of a body whose end was mended; 0: it was not (braces.h) */
};

struct finder {
    struct outline *o;
    struct arena *a;
    enum language_id lang;
    const struct language *names;
    const struct quirks *q;
    const char *source;
    size_t len;
    struct item *items;
    size_t n, cap;
    uint32_t *slots; /* hash table: index + 1 of the item with that node, 0 for none */
    size_t n_slots;
    struct span *
        comments; /* that stand alone on their lines, by start; those without a blank line between are one */
    size_t n_comments, comments_cap;
    struct words words;
};

static inline struct span node_span(TSNode n)
{
    return (struct span){ts_node_start_byte(n), ts_node_end_byte(n)};
}

static inline bool is_type(TSNode n, const char *type)
{
    return strcmp(ts_node_type(n), type) == 0;
}

static inline bool is_function(const struct item *it)
{
    return it->kind == ITEM_FUNCTION || it->kind == ITEM_METHOD;
}

static inline bool is_unit(const struct item *it)
{
    return is_function(it) || (it->kind != ITEM_NONE && it->unit != ENCLOSES_ONLY);
}

static inline enum unit_kind unit_kind(const struct item *it)
{
    if (is_function(it))
        return it->method ? UNIT_METHOD : UNIT_FUNCTION;
    return it->unit == UNIT_ALWAYS ? UNIT_TYPE : UNIT_MODULE;
}

static inline TSNode field(TSNode n, const char *name)
{
    return ts_node_child_by_field_name(n, name, (uint32_t)strlen(name));
}

/* it->own becomes the name that the item is written with: `name` is the node that the query gave, `receiver` a method's of Go, where
 * there is one. False when it has none. */
bool outline_name_item(struct finder *f, struct item *it, TSNode node, TSNode name,
                       TSNode receiver);

#endif
