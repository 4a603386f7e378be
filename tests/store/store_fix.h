/* store_fix.h - a store in a scratch directory, and calls that must not fail, for the tests of the store alone. */
#ifndef TESTS_STORE_FIX_H
#define TESTS_STORE_FIX_H

#include "store_help.h"

struct fix {
    char *dir;
    struct store_place place;
};

static inline int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));
    struct dobby_err e = {0};

    assert_non_null(f);
    f->dir = scratch_new();
    if (store_place_init(&f->place, f->dir, NULL, &e) < 0)
        fail_msg("%s", e.message);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fix *f = *state;

    store_place_release(&f->place);
    scratch_remove(f->dir);
    free(f);
    return 0;
}

static inline struct store *open_ok(struct fix *f)
{
    struct dobby_err e = {0};
    struct store *s;

    if (store_open(&s, &f->place, &e) < 0)
        fail_msg("%s", e.message);
    return s;
}

static inline void close_ok(struct store *s)
{
    struct dobby_err e = {0};

    if (store_close(s, &e) < 0)
        fail_msg("%s", e.message);
}

static inline void commit_ok(struct store *s, struct store_txn *t)
{
    struct dobby_err e = {0};

    if (store_commit(s, t, NULL, &e) < 0)
        fail_msg("%s", e.message);
}

static inline struct store_reader *reader_ok(struct fix *f)
{
    struct dobby_err e = {0};
    struct store_reader *r;

    if (store_reader_open(&r, &f->place, &e) < 0)
        fail_msg("%s", e.message);
    return r;
}

#endif
