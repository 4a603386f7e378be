/* walk_rules.h - which rule decides about a path: the order of all ignore lists (code, private to walk).
 * Order    1 .dobbyignore, the deepest directory first: it drops, or takes back from all that follows
 *          2 inside an ignored directory: only what is tracked
 *          3 .gitignore, the deepest directory first, then .git/info/exclude: not for tracked paths
 *          4 the built-in lists; the one about build output not for tracked paths
 * Owns     Lists live in the arena of the directory they came from; a chain borrows its parent. */
#ifndef CODE_WALK_RULES_H
#define CODE_WALK_RULES_H

#include "code/gitignore.h"
#include "code/walk.h"

/* The ignore files of one directory, linked to those of its parent. */
struct rules {
    const struct rules *parent;
    struct ignore_list git, dobby;
    size_t prefix; /* length of the directory's path with its slash; 0 for the root */
};

/* Built-in lists and the repository's exclude file. */
struct rules_base {
    struct ignore_list builtin[WALK_SKIPS]; /* filled for the reasons that have a list */
    struct ignore_list build_output;
    struct ignore_list exclude; /* .git/info/exclude */
};

struct rules_question {
    const char *path; /* relative to the root */
    size_t len;
    bool is_dir;
    bool tracked;    /* the file, or something below the directory */
    bool in_ignored; /* an ancestor is ignored */
};

MUST_CHECK int rules_base_init(struct rules_base *b, struct arena *a, struct dobby_err *e);

/* WALK_TAKEN or why not. *forced is set when .dobbyignore took the path back in. */
enum walk_skip rules_decide(const struct rules_base *b, const struct rules *r,
                            const struct rules_question *q, bool *forced);

#endif
