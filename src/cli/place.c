/* place.c - see place.h (cli). */
#include "cli/place.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Split PATH:NAME at the last colon that leaves a path that exists: file names may hold colons, and so may names
 * (ns::f). If none does, the file is gone and the first colon is taken. */
static int split(struct strbuf *path, const char **name, const char *arg, struct dobby_err *e)
{
    size_t len = strlen(arg), cut = len;

    *name = NULL;
    strbuf_puts(path, arg);
    if (!strchr(arg, ':') || file_exists(arg))
        return strbuf_failed(path) ? err_nomem(e, "a path") : 0;
    for (size_t i = len; i-- > 1;) {
        if (arg[i] != ':')
            continue;
        cut = i;
        strbuf_truncate(path, i);
        if (!strbuf_failed(path) && file_exists(strbuf_str(path)))
            break;
    }
    if (cut < len)
        *name = arg + cut + 1;
    return strbuf_failed(path) ? err_nomem(e, "a path") : 0;
}

/* Resolve what exists of the path and append the rest as it was written. `head` is used up. */
static int resolve(struct place *p, struct strbuf *head, const char *verb, const char *arg,
                   struct dobby_err *e)
{
    struct strbuf tail = {0};
    char *slash;
    int rc = 0;

    while (rc == 0 && !realpath(strbuf_str(head), p->near)) {
        if (errno != ENOENT && errno != ENOTDIR) {
            rc = err_errno(e, errno, NULL, "%s: %s", verb, arg);
            break;
        }
        slash = strrchr(head->s, '/');
        strbuf_reset(&p->full);
        strbuf_printf(&p->full, "/%s%s", slash ? slash + 1 : head->s, strbuf_str(&tail));
        strbuf_reset(&tail);
        strbuf_puts(&tail, strbuf_str(&p->full));
        if (!slash) {
            strbuf_reset(head);
            strbuf_puts(head, ".");
        } else {
            strbuf_truncate(head, slash > head->s ? (size_t)(slash - head->s) : 1);
        }
        if (strbuf_failed(head) || strbuf_failed(&tail))
            rc = err_nomem(e, "a path");
    }
    strbuf_reset(&p->full);
    strbuf_printf(&p->full, "%s%s", rc == 0 && strcmp(p->near, "/") != 0 ? p->near : "",
                  strbuf_str(&tail));
    if (rc == 0 && strbuf_failed(&p->full))
        rc = err_nomem(e, "a path");
    strbuf_release(&tail);
    return rc;
}

int place_of(struct place *p, const char *verb, const char *arg, struct dobby_err *e)
{
    struct strbuf head = {0};
    int rc;

    strbuf_puts(&head, arg);
    p->name = NULL;
    rc = strbuf_failed(&head) ? err_nomem(e, "a path") : resolve(p, &head, verb, arg, e);
    strbuf_release(&head);
    return rc;
}

int place_named(struct place *p, const char *verb, const char *arg, struct dobby_err *e)
{
    struct strbuf head = {0};
    int rc = split(&head, &p->name, arg, e);

    if (rc == 0)
        rc = resolve(p, &head, verb, arg, e);
    strbuf_release(&head);
    return rc;
}

void place_release(struct place *p)
{
    strbuf_release(&p->full);
}

const char *place_inside(const struct place *p, const char *root)
{
    const char *full = strbuf_str(&p->full);
    size_t n = strlen(root);

    if (n > 0 && root[n - 1] == '/')
        n--;
    if (strncmp(full, root, n) != 0 || (full[n] && full[n] != '/'))
        return NULL;
    return full[n] ? full + n + 1 : "";
}
