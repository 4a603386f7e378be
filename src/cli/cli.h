/* cli.h - what the verbs of the program share (cli).
 *
 * What     main() makes one struct cli and calls the verb's function, which returns the exit code. This
 *          folder is the only code that prints, exits, reads the environment or handles signals.
 * Streams  stdout holds results only (out.h); progress, log lines and errors go to stderr (term.h).
 * Next     main.c for the table of verbs, summarize.c for the main job. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/err.h"
#include "base/strbuf.h"
#include "cli/opt.h"
#include "cli/term.h"

#include <stddef.h>

/* The exit codes of sysexits.h that dobby uses, and those of its own. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FOUND = 1,        /* only of check: something is missing or stale */
    EXIT_USAGE = 64,       /* EX_USAGE */
    EXIT_DATA = 65,        /* EX_DATAERR: bad input data, model files included */
    EXIT_NOINPUT = 66,     /* EX_NOINPUT */
    EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: network, server, instruction set */
    EXIT_INTERNAL = 70,    /* EX_SOFTWARE */
    EXIT_CREATE = 73,      /* EX_CANTCREAT */
    EXIT_IO = 74,          /* EX_IOERR: disk full too, and nobody reading stdout any more */
    EXIT_UNDONE = 75,      /* EX_TEMPFAIL: run it again */
    EXIT_PERMISSION = 77,  /* EX_NOPERM */
    EXIT_CONFIG = 78,      /* EX_CONFIG */
    EXIT_SIGNAL = 128      /* plus the signal's number: 130 after Ctrl-C, 143 after TERM */
};

struct cli {
    char *
        cache; /* DOBBY_CACHE, else XDG_CACHE_HOME/dobby, else HOME/.cache/dobby; NULL: none of them is set */
    const char *model;   /* DOBBY_MODEL or NULL */
    const char *api_key; /* DOBBY_API_KEY or NULL */
    struct term term;
};

/* The directory of this program, with its slash, behind what *out holds. */
MUST_CHECK int cli_own_dir(struct strbuf *out, struct dobby_err *e);
/* The exit code that belongs to an enum dobby_code. */
int cli_exit_code(int code);
/* Report a failure (not a cancellation, which needs no words) and return its exit code. */
int cli_fail(struct cli *c, const struct dobby_err *e);
/* Print a text to stdout as a verb's whole result; returns the exit code. */
int cli_print(struct cli *c, const struct strbuf *text);
/* Read the verb's options. Returns -1 to go on, else the exit code: help was printed, or usage was wrong. */
int cli_options(struct cli *c, const struct opt_verb *v, int argc, char **argv, void *out,
                struct opt_operands *operands);
/* Close a trace (NULL is fine). Its failure is the verb's unless rc, what the verb came to, weighs more: units left undone
 * do not. */
MUST_CHECK int cli_close_trace(struct dobby_trace *t, int rc, struct dobby_err *e);
/* Read standard input to its end, at most `max` bytes. */
MUST_CHECK int cli_read_stdin(struct strbuf *out, size_t max, struct dobby_err *e);
/* n bytes as people read them: "98.4 MB". */
void cli_put_bytes(struct strbuf *out, double n);
/* Seconds as people read them: "0.4 s", "3 min 12 s". */
void cli_put_seconds(struct strbuf *out, double s);

/* Options that several verbs have: rows of their tables, the fields in a struct cli_log or cli_engine. */
struct cli_log {
    int json, level; /* level as in dobby_set_log */
};
extern const char *const cli_log_formats[],
    *const cli_log_levels[], *const cli_kv_names[], *const cli_isa_names[],
                                                        *const cli_merge_names[],
                                                            *const cli_memory_words[];

#define CLI_THREADS_MAX 256
#define CLI_AGENTS_MAX  4096
#define CLI_CHUNK_MAX   65536
#define CLI_STEP_MS_MAX 60000

#define CLI_LOG_ROWS(T, f)                                                                         \
    {0, "log", OPT_CHOICE,      offsetof(struct T, f.json),          0,                            \
     0, NULL,  cli_log_formats, "Form of the lines on stderr (text)"},                             \
    {                                                                                              \
        0, "log-level", OPT_CHOICE, offsetof(struct T, f.level), 0, 0, NULL, cli_log_levels,       \
            "Least important lines shown (warn)"                                                   \
    }
/* Rows of the engine's options; the struct has int threads, chunk, step_ms, kv, isa, exact, merge, no_adapter with isa, kv and
 * merge starting at -1, and size_t memory, 0 for auto. */
#define CLI_ENGINE_ROWS(T)                                                                         \
    {'t',                                                                                          \
     "threads",                                                                                    \
     OPT_INT,                                                                                      \
     offsetof(struct T, threads),                                                                  \
     1,                                                                                            \
     CLI_THREADS_MAX,                                                                              \
     "N",                                                                                          \
     NULL,                                                                                         \
     "Processors to compute on (all that the process may use)"},                                   \
        {0,                                                                                        \
         "chunk",                                                                                  \
         OPT_INT,                                                                                  \
         offsetof(struct T, chunk),                                                                \
         1,                                                                                        \
         CLI_CHUNK_MAX,                                                                            \
         "N",                                                                                      \
         NULL,                                                                                     \
         "Tokens of a step at most (256)"},                                                        \
        {0,                                                                                        \
         "step-ms",                                                                                \
         OPT_INT,                                                                                  \
         offsetof(struct T, step_ms),                                                              \
         1,                                                                                        \
         CLI_STEP_MS_MAX,                                                                          \
         "N",                                                                                      \
         NULL,                                                                                     \
         "Make steps shorter until they take about N milliseconds"},                               \
        {0,                                                                                        \
         "memory",                                                                                 \
         OPT_SIZE,                                                                                 \
         offsetof(struct T, memory),                                                               \
         1 << 20,                                                                                  \
         1LL << 50,                                                                                \
         "SIZE|auto",                                                                              \
         cli_memory_words,                                                                         \
         "Memory of all processes at most (auto: 70% of what is there)"},                          \
        {0,                                                                                        \
         "kv",                                                                                     \
         OPT_CHOICE,                                                                               \
         offsetof(struct T, kv),                                                                   \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         cli_kv_names,                                                                             \
         "Type of the cached keys and values (f16)"},                                              \
        {0,                                                                                        \
         "isa",                                                                                    \
         OPT_CHOICE,                                                                               \
         offsetof(struct T, isa),                                                                  \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         cli_isa_names,                                                                            \
         "Instruction set (the best of this machine)"},                                            \
        {0,                                                                                        \
         "exact",                                                                                  \
         OPT_FLAG,                                                                                 \
         offsetof(struct T, exact),                                                                \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         NULL,                                                                                     \
         "float32 arithmetic without shortcuts: slow, for finding errors"},                        \
        {0,                                                                                        \
         "merge-type",                                                                             \
         OPT_CHOICE,                                                                               \
         offsetof(struct T, merge),                                                                \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         cli_merge_names,                                                                          \
         "What weights changed by an adapter are rounded to (what it says, or Q8_0)"},             \
    {                                                                                              \
        0, "no-adapter", OPT_FLAG, offsetof(struct T, no_adapter), 0, 0, NULL, NULL,               \
            "Without the adapter that comes with dobby for summaries"                              \
    }
/* The library's number for a choice of --kv; -1, not given, is the library's default. */
int cli_kv_value(int choice);
/* Take over what CLI_LOG_ROWS read, and -q. */
void cli_log_apply(struct cli *c, const struct cli_log *log, int quiet);

int verb_summarize(struct cli *c, int argc, char **argv);
int verb_watch(struct cli *c, int argc, char **argv);
int verb_batch(struct cli *c, int argc, char **argv);
int verb_run(struct cli *c, int argc, char **argv);
int verb_tokenize(struct cli *c, int argc, char **argv);
int verb_models(struct cli *c, int argc, char **argv);
int verb_show(struct cli *c, int argc, char **argv);
int verb_status(struct cli *c, int argc, char **argv);
int verb_check(struct cli *c, int argc, char **argv);
int verb_find(struct cli *c, int argc, char **argv);
int verb_overview(struct cli *c, int argc, char **argv);
int verb_eval(struct cli *c, int argc, char **argv);
int verb_prompt(struct cli *c, int argc, char **argv);
int verb_bench(struct cli *c, int argc, char **argv);

extern const struct opt_verb opt_verb_summarize, opt_verb_watch, opt_verb_batch, opt_verb_run,
    opt_verb_tokenize, opt_verb_models, opt_verb_show, opt_verb_status, opt_verb_check,
    opt_verb_find, opt_verb_overview, opt_verb_eval, opt_verb_prompt, opt_verb_bench;

#endif
