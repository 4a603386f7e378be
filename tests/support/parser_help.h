/* parser_help.h - for tests of what parsers find: such a test is its own worker, started with --parse-worker.
 * In a header alone, so that only these tests are linked with all grammars. */
#ifndef SUPPORT_PARSER_HELP_H
#define SUPPORT_PARSER_HELP_H

#include "support/test.h"

#include "code/parse.h"

#include <string.h>
#include <unistd.h>

static char self[4096]; /* the test's own path */

static inline struct parser_pool *open_pool(int n)
{
    struct parser_pool *p;
    struct dobby_err e = {0};

    if (parser_pool_open(&p, n, 0, self, &e) != 0)
        fail_msg("%s", e.message);
    return p;
}

static inline struct parse_result parse(struct parser_pool *p, enum language_id lang,
                                        const char *text, size_t len)
{
    struct parse_result r;
    struct dobby_err e = {0};

    if (parser_pool_parse(p, lang, text, len, &r, &e) != 0)
        fail_msg("%s", e.message);
    return r;
}

/* A pool of one for all tests of a group. */
static inline int open_shared(void **state)
{
    *state = open_pool(1);
    return 0;
}

static inline int close_shared(void **state)
{
    parser_pool_free(*state);
    return 0;
}

/* First thing in main: fills self. Returns the exit status of a worker, or -1: go on as a test. */
static inline int parser_worker(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return 1;
    return argc > 1 && strcmp(argv[1], "--parse-worker") == 0 ? dobby_parse_worker() : -1;
}

#endif
