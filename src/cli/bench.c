/* bench.c - `dobby bench ...`: hand over to dobby-bench, a program of its own (cli).
 * Measurements link with the inside of the library and are of no use to most; so they are not part of this program. */
#include "base/mem.h"
#include "base/strbuf.h"
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* No rows: every argument is dobby-bench's. */
static const struct opt rows[] = {{.name = NULL}};

const struct opt_verb opt_verb_bench = {
    "bench", "COMMAND ...", "Measure this machine and the engine (dobby-bench)", NULL, rows, 0, 0};

/* Beside this program, as a build leaves it, or in libexec beside bin, as an installation does. Returns on failure only. */
static int hand_over(char **argv, struct dobby_err *e)
{
    static const char *const places[] = {"dobby-bench", "../libexec/dobby-bench"};
    struct strbuf dir = {0}, path = {0};
    int rc = cli_own_dir(&dir, e);

    for (size_t i = 0; rc == 0 && i < 2; i++) {
        strbuf_reset(&path);
        strbuf_printf(&path, "%s%s", strbuf_str(&dir), places[i]);
        if (strbuf_failed(&path))
            rc = err_nomem(e, "a path");
        else
            execv(strbuf_str(&path), argv);
        if (rc == 0 && errno != ENOENT)
            rc = err_errno(e, errno, NULL, "%s", strbuf_str(&path));
    }
    if (rc == 0)
        rc = err_set(e, DOBBY_E_NOTFOUND,
                     "bench: neither %sdobby-bench nor %s../libexec/dobby-bench is there; build it "
                     "with make bench, or install it",
                     strbuf_str(&dir), strbuf_str(&dir));
    strbuf_release(&dir);
    strbuf_release(&path);
    return rc;
}

int verb_bench(struct cli *c, int argc, char **argv)
{
    struct dobby_err e = {0};
    char **args = mem_array((size_t)argc + 2, sizeof(*args)), name[] = "dobby-bench";

    if (args) {
        args[0] = name;
        memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
        (void)hand_over(args, &e);
    } else {
        (void)err_nomem(&e, "the arguments");
    }
    mem_free(args);
    return cli_fail(c, &e);
}
