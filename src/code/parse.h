/* parse.h - units of source texts, found by worker processes (code).
 * What     Grammars are large C programs that read text from strangers: some corrupt memory on deep nesting, some
 *          stall. They run in processes of their own, one a core, started once (`worker_path --parse-worker`)
 *          and fed through pipes. A worker that crashes, needs 2 s of processor time for one file, or
 *          outgrows its share of memory is replaced; its file is tried once more where the end may have been an accident
 *          (killed from outside), then it ends without units and with a note: chunk.h has what is left. The rest goes on.
 * Use      One thread owns a pool:
 *              while (more files || parser_pool_busy(p)) {
 *                  while (more files && parser_pool_room(p)) { read one; parser_pool_submit(p, ...); }
 *                  parser_pool_collect(p, &result, e);  // waits for one result
 *                  ...; parse_result_release(&result);
 *              }
 *          Results come as they are done: go by `tag`. For a given text the units are always the same,
 *          whichever worker finds them.
 * Start    Open the pool before other threads exist, and collect from the thread that opened it: a worker
 *          gets a death signal when the thread that started it ends.
 * Trust    None in a worker: all it says is checked (unit.h), and a reply out of form counts as a crash.
 * Next     parse_worker.c for the other side, protocol.h for what they say. */
#ifndef CODE_PARSE_H
#define CODE_PARSE_H

#include "base/err.h"
#include "code/language.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

/* Longest text that is parsed; walk.h skips longer files. */
#define PARSE_MAX_SOURCE ((size_t)4 << 20)

struct parser_pool;

struct parse_result {
    void *tag;              /* from parser_pool_submit */
    struct unit_list units; /* empty when failed */
    bool failed;
    int n_ends;       /* of workers over this text: crashed, stalled, killed from outside */
    const char *note; /* static text: "" or why it failed: "parser timed out", "parser crashed",
                         "parser ran out of memory", "too many units" */
};

/* A worker's share of memory counts all that it may bring about: its own heap and stack, its text on this side, and its
 * reply, which may take PARSE_REPLY_SHARE of it. The units of one reply at a time take up to four times as much here:
 * n workers need n + 1/4 shares. The least share leaves room for compiling
 * the largest query, SQL's, beside three others: 24 MB did with one compiler and did not with another. */
#define PARSE_MAX_SHARE   ((size_t)256 << 20)
#define PARSE_MIN_SHARE   ((size_t)32 << 20)
#define PARSE_REPLY_SHARE 16

/* Start n workers (1..256) with `share` bytes each (0: PARSE_MAX_SHARE) and wait until each has answered.
 * Returns 0, or DOBBY_E_CONFIG when worker_path is no such program, _NOMEM, _IO. *out is NULL on failure. */
MUST_CHECK int parser_pool_open(struct parser_pool **out, int n, size_t share,
                                const char *worker_path, struct dobby_err *e);
/* Ends the workers; texts under way are dropped. NULL is fine. */
void parser_pool_free(struct parser_pool *p);

/* A worker is free: submit would start at once. */
bool parser_pool_room(const struct parser_pool *p);
/* Results are still to be collected. */
bool parser_pool_busy(const struct parser_pool *p);

/* Hand a text to a free worker. source is borrowed until its result was collected. DOBBY_E_USAGE without room
 * or for a language that has no grammar, DOBBY_E_LIMIT beyond PARSE_MAX_SOURCE. */
MUST_CHECK int parser_pool_submit(struct parser_pool *p, enum language_id lang, const char *source,
                                  size_t len, void *tag, struct dobby_err *e);
/* Wait for one result. Returns 0 with *r filled (release it), also when parsing failed: see r->failed.
 * DOBBY_E_USAGE when nothing is under way; _NOMEM, _IO when a worker could not be replaced. */
MUST_CHECK int parser_pool_collect(struct parser_pool *p, struct parse_result *r,
                                   struct dobby_err *e);
void parse_result_release(struct parse_result *r);

/* One text through a pool of which nothing is under way: submit and collect. */
MUST_CHECK int parser_pool_parse(struct parser_pool *p, enum language_id lang, const char *source,
                                 size_t len, struct parse_result *r, struct dobby_err *e);

/* A number that changes when units or imports of an unchanged text may change: grammars, queries, rules, the cutting into chunks
 * (chunk.h). Part of what a store compares before it trusts units found earlier. */
#define PARSE_VERSION 3

#endif
