/* opt.h - options of a verb from one table: parsing, checking and --help (cli).
 *
 * What     A verb lists its options once; the parser fills a struct by offset and the same rows print the
 *          help. Long options are --name value or --name=value, short ones -n value, -nvalue or, for
 *          flags, in one bunch (-qn5). `--` ends the options; before it options and operands may mix.
 *          A later option overrides an earlier one, unless its kind is a list. Long names are never abbreviated, so that a script
 *          keeps its meaning when an option is added.
 * Checks   Numbers have bounds in the table, choices a list; an unknown name is refused with the nearest
 *          known one.
 * Next     cli.h for the verbs. */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum opt_kind {
    OPT_FLAG, /* int: set to 1 */
    OPT_INT,  /* int within min..max */
    OPT_SIZE, /* size_t within min..max; K M G T are powers of 1024; a word of `choices`, if there are: 0 */
    OPT_STRING, /* const char *, borrowed from argv; "" is refused */
    OPT_TEXT,   /* const char *, borrowed from argv; may be empty */
    OPT_STRINGS, /* struct opt_strings, borrowed from argv: one more each time it is given; "" is refused */
    OPT_CHOICE /* int: index of the word in `choices` */
};

#define OPT_MAX_STRINGS 16

struct opt_strings {
    const char *v[OPT_MAX_STRINGS];
    size_t n;
};

struct opt {
    char letter;      /* 0: no short form */
    const char *name; /* without the dashes; NULL ends the table */
    enum opt_kind kind;
    size_t offset; /* of the field in the verb's struct */
    long long min, max;
    const char *value;          /* what the help calls the value */
    const char *const *choices; /* NULL-terminated */
    const char *help;           /* one sentence without the full stop */
};

struct opt_verb {
    const char *name;     /* "models pull" */
    const char *operands; /* "PATH", "[NAME...]", "" */
    const char *brief;    /* for the list of verbs: one line */
    const char *notes;    /* more lines for --help; NULL: none */
    const struct opt *opts;
    size_t min_operands, max_operands; /* max_operands at most OPT_MAX_OPERANDS */
};

#define OPT_MAX_OPERANDS 16
#define OPT_HELP         1 /* --help was asked for */

struct opt_operands {
    const char *arg[OPT_MAX_OPERANDS]; /* borrowed from argv */
    size_t n;
};

/* Read argv[0..argc-1] (what follows the verb) into *out, a struct that the table's offsets describe and that
 * already holds the defaults. Returns 0, OPT_HELP, or DOBBY_E_USAGE with a message. */
MUST_CHECK int opt_parse(const struct opt_verb *v, int argc, char **argv, void *out,
                         struct opt_operands *operands, struct dobby_err *e);
void opt_help(struct strbuf *out, const struct opt_verb *v);

/* A number with an optional suffix K, M, G or T (powers of 1024, a trailing "iB" or "B" is accepted).
 * False if it is none or does not fit. */
bool opt_size(const char *s, size_t *out);

/* The word of the list that is nearest to `s` (insertions, deletions, changes, swaps), or NULL when none is
 * near enough to be what was meant. `next` returns the i-th word or NULL at the end. */
const char *opt_nearest(const char *s, const char *(*next)(const void *ctx, size_t i),
                        const void *ctx);

#endif
