/* gitignore.h - ignore rules in the syntax of .gitignore (code).
 * What     One list holds the rules of one file; paths are asked relative to the directory of that file.
 *          Within a list the last rule that matches wins. Which list wins over which is the walk's business.
 * Holds    Matching costs at most (pattern segments x path segments x lengths) steps whatever the
 *          pattern: one backtrack point per `*` and one for each `**`, never recursion.
 * Limits   IGNORE_MAX_RULES rules, IGNORE_MAX_PATTERN bytes a pattern; what is beyond counts as dropped.
 * Source   gitignore(5) and the behaviour of git 2.39; case always matters. */
#ifndef CODE_GITIGNORE_H
#define CODE_GITIGNORE_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IGNORE_MAX_TEXT    ((size_t)1 << 20) /* bytes of one ignore file that are read */
#define IGNORE_MAX_RULES   20000
#define IGNORE_MAX_PATTERN 1024

struct ignore_segment {
    const char *text;
    uint16_t len;
    bool any_depth; /* `**` between slashes: any number of segments */
    bool plain;     /* no wildcard, no escape: compared byte by byte */
};

struct ignore_rule {
    struct ignore_segment *segments;
    uint16_t n_segments;
    bool negated;  /* takes back what an earlier rule ignored */
    bool dir_only; /* matches directories only */
    bool
        anchored; /* matches the whole path below the list's directory; otherwise the last component */
};

struct ignore_list {
    struct ignore_rule *rules; /* in the arena given to ignore_parse */
    size_t n_rules;
    size_t n_dropped; /* rules beyond the limits */
};

enum ignore_verdict {
    IGNORE_SILENT, /* no rule matches */
    IGNORE_DROP,   /* the last match ignores */
    IGNORE_KEEP    /* the last match is negated */
};

/* Parse the text of an ignore file. Patterns are copied into the arena. Returns 0 or DOBBY_E_NOMEM. */
MUST_CHECK int ignore_parse(struct ignore_list *l, struct arena *a, const char *text, size_t len,
                            struct dobby_err *e);

/* What the list says about a path relative to its directory, without a slash at either end. */
enum ignore_verdict ignore_match(const struct ignore_list *l, const char *path, size_t len,
                                 bool is_dir);

#endif
