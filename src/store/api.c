/* api.c - dobby_store_*: a store opened for reading, as dobby.h promises it (store). */
#include "store/store.h"

#include "base/mem.h"
#include "code/walk.h"

#include <string.h>

struct dobby_store {
    struct store_place place;
    struct store_reader *reader;
    struct strbuf last_run; /* what the last dobby_store_get_info handed out */
};

int dobby_store_open(struct dobby_store **out, const char *path, const char *store_path,
                     struct dobby_err *e)
{
    struct dobby_store *s;
    char *root = NULL;
    int rc;

    *out = NULL;
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return err_nomem(e, "the store");
    rc = walk_root(&root, path, e);
    if (rc == 0)
        rc = store_place_init(&s->place, root, store_path, e);
    if (rc == 0)
        rc = store_reader_open(&s->reader, &s->place, e);
    mem_free(root);
    if (rc < 0) {
        dobby_store_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void dobby_store_free(struct dobby_store *s)
{
    if (!s)
        return;
    store_reader_free(s->reader);
    store_place_release(&s->place);
    strbuf_release(&s->last_run);
    mem_free(s);
}

struct store_reader *store_reader_of(struct dobby_store *s)
{
    return s->reader;
}

int dobby_store_rows(struct dobby_store *s, const char *path, const char *name,
                     int (*on_row)(void *ctx, const struct dobby_row *row), void *ctx,
                     struct dobby_err *e)
{
    struct store_bytes scope = {path ? path : "", path ? strlen(path) : 0};

    return store_each_row(s->reader, scope, name, 0, on_row, ctx, e);
}

int dobby_store_find(struct dobby_store *s, const char *query, const char *path, size_t limit,
                     int (*on_row)(void *ctx, const struct dobby_row *row), void *ctx,
                     struct dobby_err *e)
{
    struct store_bytes scope = {path ? path : "", path ? strlen(path) : 0};

    return store_find(s->reader, (struct store_bytes){query, strlen(query)}, scope, limit, on_row,
                      ctx, e);
}

int dobby_store_get_info(struct dobby_store *s, struct dobby_store_info *out, struct dobby_err *e)
{
    int rc;

    *out = (struct dobby_store_info){.root = s->place.root, .db_path = s->place.db};
    strbuf_reset(&s->last_run);
    rc = store_counts(s->reader, out, &s->last_run, e);
    out->last_run = strbuf_str(&s->last_run);
    return rc;
}
