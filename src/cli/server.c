/* server.c - see server.h (cli). */
#include "cli/server.h"

#include "base/file.h"
#include "base/mem.h"

#include <string.h>

#define KEY_FILE_MAX 8192

int cli_server_check(const struct cli_server *s, const char *verb, const struct cli_local *local,
                     struct dobby_err *e)
{
    const char *given = local->chunk        ? "--chunk"
                        : local->step_ms    ? "--step-ms"
                        : local->kv >= 0    ? "--kv"
                        : local->isa >= 0   ? "--isa"
                        : local->exact      ? "--exact"
                        : local->merge >= 0 ? "--merge-type"
                        : local->no_adapter ? "--no-adapter"
                                            : local->other;

    if (s->key_file && !s->url)
        return err_set(e, DOBBY_E_USAGE, "%s: --api-key-file: only with --engine", verb);
    if (s->url && given)
        return err_set(e, DOBBY_E_USAGE,
                       "%s: %s: it is about dobby's own engine, and --engine chooses another; "
                       "leave one of them out",
                       verb, given);
    return 0;
}

static int read_key(char **out, const char *path, struct dobby_err *e)
{
    struct strbuf b = {0};
    int rc = file_read_all(&b, path, KEY_FILE_MAX, e);
    size_t n = rc == 0 ? strcspn(strbuf_str(&b), "\r\n") : 0;

    if (rc == 0 && n == 0)
        rc =
            err_set(e, DOBBY_E_FORMAT, "%s: its first line is empty; it must be the API key", path);
    if (rc == 0 && !(*out = mem_strndup(strbuf_str(&b), n)))
        rc = err_nomem(e, "the API key");
    strbuf_release(&b);
    return rc;
}

int cli_server_key(char **out, const struct cli *c, const struct cli_server *s, struct dobby_err *e)
{
    *out = NULL;
    if (!s->url || (!s->key_file && !c->api_key))
        return 0;
    if (s->key_file)
        return read_key(out, s->key_file, e);
    *out = mem_strdup(c->api_key);
    return *out ? 0 : err_nomem(e, "the API key");
}
