/* server.h - an engine by URL, as several verbs' options name it (cli).
 * What     --engine URL and --api-key-file FILE. A key never stands on a command line, where every user of the machine can read
 *          it: it comes from the file or from DOBBY_API_KEY.
 * Next     dobby_remote_options in dobby.h. */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include "cli/cli.h"

struct cli_server {
    const char *url, *key_file; /* NULL: not given */
};

/* Rows for a table; the field f of struct T is a struct cli_server. */
#define CLI_SERVER_ROWS(T, f)                                                                      \
    {0,                                                                                            \
     "engine",                                                                                     \
     OPT_STRING,                                                                                   \
     offsetof(struct T, f.url),                                                                    \
     0,                                                                                            \
     0,                                                                                            \
     "URL",                                                                                        \
     NULL,                                                                                         \
     "An OpenAI-compatible server instead of dobby's own engine"},                                 \
    {                                                                                              \
        0, "api-key-file", OPT_STRING, offsetof(struct T, f.key_file), 0, 0, "FILE", NULL,         \
            "With --engine: the file that holds its API key"                                       \
    }

/* Engine options that say how this machine computes; beside --engine they would be promises that nobody keeps. Fields as
 * CLI_ENGINE_ROWS fills them; other: one of the verb's own that was given, by its name; NULL: none. */
struct cli_local {
    int chunk, step_ms, kv, isa, exact, merge, no_adapter;
    const char *other;
};
/* 0, or DOBBY_E_USAGE when options contradict each other; `verb` begins the message. */
MUST_CHECK int cli_server_check(const struct cli_server *s, const char *verb,
                                const struct cli_local *local, struct dobby_err *e);
/* The API key, allocated, or NULL when there is none; nothing is read unless s->url is given. */
MUST_CHECK int cli_server_key(char **out, const struct cli *c, const struct cli_server *s,
                              struct dobby_err *e);

#endif
