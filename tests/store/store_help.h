/* store_help.h - a scratch tree and short ways to fill its store, for the tests of store and pipeline. */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh directory below $TMPDIR or /tmp; remove it with scratch_remove. */
static inline char *scratch_new(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = NULL;

    assert_true(asprintf(&dir, "%s/dobby-test-XXXXXX", base && *base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0755), 0);
    return dir;
}

static inline int scratch_unlink(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void)sb;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void scratch_remove(char *dir)
{
    (void)nftw(dir, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

static inline struct store_bytes bytes(const char *s)
{
    return (struct store_bytes){s, strlen(s)};
}

/* A key that is made of one number. */
static inline const uint8_t *key_of(uint8_t out[STORE_KEY], uint32_t n)
{
    memset(out, 0, STORE_KEY);
    memcpy(out, &n, sizeof(n));
    out[STORE_KEY - 1] = 0xEE;
    return out;
}

static inline void put_file(struct store_txn *t, const char *path, const char *language)
{
    uint8_t hash[STORE_KEY];

    store_put_file(t, &(struct store_file){.path = bytes(path),
                                           .hash = key_of(hash, 7),
                                           .grammar = "test/1",
                                           .language = language});
}

/* A unit whose summary is to be found under key n; n == 0: its own text. */
static inline void put_unit(struct store_txn *t, const char *path, const char *name, int ordinal,
                            int start, int end, uint32_t n, const char *text)
{
    uint8_t key[STORE_KEY];

    key_of(key, n);
    store_put_unit(t, bytes(path),
                   &(struct store_unit){.qname = bytes(name),
                                        .name = bytes(name),
                                        .ordinal = ordinal,
                                        .kind = "function",
                                        .start_line = start,
                                        .end_line = end,
                                        .spans = bytes("spans"),
                                        .text = text,
                                        .unit_key = n ? key : NULL,
                                        .prompt_hash = n ? key : NULL,
                                        .prompt_key = n ? key : NULL});
}

static inline void put_summary(struct store_txn *t, uint32_t n, const char *text)
{
    uint8_t key[STORE_KEY];

    key_of(key, n);
    store_put_summary(t, &(struct store_summary){.prompt_key = key,
                                                 .unit_key = key,
                                                 .source = text ? "model" : "signature",
                                                 .text = text,
                                                 .model = "tiny",
                                                 .confidence = text ? 0.5 : -1,
                                                 .attempts = 1,
                                                 .run = 1});
}

#endif
