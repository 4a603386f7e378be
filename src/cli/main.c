/* main.c - the program: the table of verbs and what has to be so before any of them runs (cli). */
#include "cli/cli.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "cli/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
    const struct opt_verb *table;
    int (*run)(struct cli *c, int argc, char **argv);
};

static const struct verb verbs[] = {
    {&opt_verb_summarize, verb_summarize},
    {&opt_verb_watch, verb_watch},
    {&opt_verb_show, verb_show},
    {&opt_verb_status, verb_status},
    {&opt_verb_check, verb_check},
    {&opt_verb_find, verb_find},
    {&opt_verb_overview, verb_overview},
    {&opt_verb_eval, verb_eval},
    {&opt_verb_prompt, verb_prompt},
    {&opt_verb_batch, verb_batch},
    {&opt_verb_run, verb_run},
    {&opt_verb_tokenize, verb_tokenize},
    {&opt_verb_models, verb_models},
    {&opt_verb_bench, verb_bench},
};

static const char *next_verb(const void *ctx, size_t i)
{
    (void)ctx;
    if (i < ARRAY_LEN(verbs))
        return verbs[i].table->name;
    return i == ARRAY_LEN(verbs) ? "help" : NULL;
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].table->name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static int unknown_verb(struct cli *c, const char *name)
{
    const char *near = opt_nearest(name, next_verb, NULL);
    struct dobby_err e = {0};

    if (near)
        (void)err_set(&e, DOBBY_E_USAGE, "%s: unknown command; did you mean dobby %s?", name, near);
    else
        (void)err_set(&e, DOBBY_E_USAGE, "%s: unknown command; see dobby help", name);
    return cli_fail(c, &e);
}

static int print_overview(struct cli *c)
{
    struct strbuf b = {0};
    int rc;

    strbuf_puts(&b, "usage: dobby COMMAND [OPTION...] [OPERAND...]\n\n"
                    "Summarise every function and type of a source tree with a language model, "
                    "offline.\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        strbuf_printf(&b, "  %-12s %s\n", verbs[i].table->name, verbs[i].table->brief);
    strbuf_printf(&b, "  %-12s %s\n", "help", "Print this text, or help on a command");
    strbuf_puts(
        &b, "\ndobby COMMAND --help tells more; dobby --version prints the version.\n"
            "Environment: DOBBY_MODEL, DOBBY_CACHE, DOBBY_API_KEY, XDG_CACHE_HOME, NO_COLOR.\n");
    rc = cli_print(c, &b);
    strbuf_release(&b);
    return rc;
}

static int print_version(struct cli *c)
{
    struct strbuf b = {0};
    int rc;

    strbuf_printf(&b, "dobby %s\n", dobby_version());
    rc = cli_print(c, &b);
    strbuf_release(&b);
    return rc;
}

/* `dobby help VERB` is `dobby VERB --help`. */
static int help(struct cli *c, int argc, char **argv)
{
    char flag[] = "--help", *args[] = {flag};
    const struct verb *v;

    if (argc == 0)
        return print_overview(c);
    v = find_verb(argv[0]);
    return v ? v->run(c, 1, args) : unknown_verb(c, argv[0]);
}

static int dispatch(struct cli *c, int argc, char **argv)
{
    struct dobby_err e = {0};
    const struct verb *v;

    if (argc < 2) {
        (void)err_set(&e, DOBBY_E_USAGE, "no command given; see dobby help");
        return cli_fail(c, &e);
    }
    if (strcmp(argv[1], "help") == 0)
        return help(c, argc - 2, argv + 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_overview(c);
    if (strcmp(argv[1], "--version") == 0)
        return print_version(c);
    v = find_verb(argv[1]);
    return v ? v->run(c, argc - 2, argv + 2) : unknown_verb(c, argv[1]);
}

/* A descriptor 0, 1 or 2 that the caller closed would be given to the first file that is opened, and results or
 * messages would land in it. Opened the wrong way round, using them fails as it should. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            _exit(EXIT_IO);
    }
}

static const char *environment(const char *name)
{
    const char *s = getenv(name);

    return s && *s ? s : NULL;
}

static int find_cache(struct cli *c, struct dobby_err *e)
{
    const char *cache = environment("DOBBY_CACHE"), *xdg = environment("XDG_CACHE_HOME"),
               *home = environment("HOME");
    struct strbuf b = {0};

    if (cache)
        strbuf_puts(&b, cache);
    else if (xdg && xdg[0] == '/') /* the specification wants relative ones ignored */
        strbuf_printf(&b, "%s/dobby", xdg);
    else if (home)
        strbuf_printf(&b, "%s/.cache/dobby", home);
    else
        return 0; /* those who need it complain */
    c->cache = strbuf_take(&b, NULL);
    return c->cache ? 0 : err_nomem(e, "a path");
}

int main(int argc, char **argv)
{
    struct dobby_err e = {0};
    struct cli c = {0};
    int rc;

    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0) {
        signal(SIGINT,
               SIG_IGN); /* Ctrl-C reaches the whole group; the parent decides when workers end */
        return dobby_parse_worker();
    }
    hold_standard_streams();
    sig_ignore_pipe();
    term_init(&c.term, environment("NO_COLOR") != NULL);
    c.model = environment("DOBBY_MODEL");
    c.api_key = environment("DOBBY_API_KEY");
    rc = find_cache(&c, &e) < 0 ? cli_fail(&c, &e) : dispatch(&c, argc, argv);
    term_clear(&c.term);
    mem_free(c.cache);
    return rc;
}
