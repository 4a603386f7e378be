/* adapters.c - see adapters.h (cli). */
#include "cli/adapters.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "cli/cli.h"

#include <string.h>

/* A build folder holds `flags`, which make writes; it is build, or build/SANITIZER. */
int adapters_dir(char **out, struct dobby_err *e)
{
    static const char *const places[] = {"../data/adapters", "../../data/adapters"};
    struct strbuf b = {0};
    size_t n;
    int rc = cli_own_dir(&b, e);

    *out = NULL;
    n = b.len;
    if (rc == 0) {
        strbuf_puts(&b, "flags");
        bool built = file_exists(strbuf_str(&b));

        strbuf_truncate(&b, n);
        strbuf_puts(&b, "../share/dobby/adapters");
        for (size_t i = 0; built && i < ARRAY_LEN(places); i++) {
            strbuf_truncate(&b, n);
            strbuf_puts(&b, places[i]);
            built = !file_exists(strbuf_str(&b));
        }
        *out = strbuf_take(&b, NULL);
        rc = *out ? 0 : err_nomem(e, "a path");
    }
    strbuf_release(&b);
    return rc;
}

static int in_folder(char **out, const char *name, struct dobby_err *e)
{
    struct strbuf b = {0};
    char *dir = NULL;
    int rc = adapters_dir(&dir, e);

    if (rc == 0) {
        strbuf_printf(&b, "%s/%s.gguf", dir, name);
        *out = strbuf_take(&b, NULL);
        rc = *out ? 0 : err_nomem(e, "a path");
    }
    if (rc == 0 && !file_exists(*out))
        rc = err_set(e, DOBBY_E_NOTFOUND,
                     "adapter: %s: neither a file nor the name of one in %s; give the path of its "
                     "file",
                     name, dir);
    strbuf_release(&b);
    mem_free(dir);
    return rc;
}

int adapters_resolve(char **out, const char *arg, struct dobby_err *e)
{
    size_t n = strlen(arg);
    int rc = 0;

    *out = NULL;
    if (n == 0)
        return err_set(e, DOBBY_E_USAGE, "adapter: nothing stands behind the '+'; name one");
    if (strchr(arg, '/') || (n > 5 && strcmp(arg + n - 5, ".gguf") == 0) || file_exists(arg)) {
        if (!file_exists(arg))
            return err_set(e, DOBBY_E_NOTFOUND, "adapter: %s: no such file", arg);
        *out = mem_strdup(arg);
        return *out ? 0 : err_nomem(e, "a path");
    }
    rc = in_folder(out, arg, e);
    if (rc < 0) {
        mem_free(*out);
        *out = NULL;
    }
    return rc;
}
