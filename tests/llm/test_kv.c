/* test_kv.c - the block pool against a plain account of what its users hold. */
#include "support/test.h"

#include "base/fault.h"
#include "llm/kv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS  24
#define USERS   6
#define LONGEST 5 /* blocks of a prompt */

/* A prompt is a number per block; block i holds ids derived from the numbers up to it, as paths of the tree do. */
struct user {
    bool on;
    size_t n, shared;
    int number[LONGEST];
    uint32_t block[LONGEST];
};

static struct kv_pool pool;
static int content[BLOCKS]; /* what was written into each block: a hash of its path */

static void ids_of(int number, int32_t ids[KV_TOKENS])
{
    for (int i = 0; i < KV_TOKENS; i++)
        ids[i] = number * 100 + i;
}

static int path_hash(const struct user *u, size_t upto)
{
    int h = 1;
    for (size_t i = 0; i <= upto; i++)
        h = h * 31 + u->number[i];
    return h;
}

/* Take blocks, share what is ready. Users here finish computing at once, so nothing is ever pending for long. */
static bool begin(struct user *u)
{
    int32_t ids[KV_TOKENS];
    uint32_t parent = KV_NONE, b;

    u->n = 1 + (size_t)rand() % LONGEST;
    u->shared = 0;
    for (size_t i = 0; i < u->n; i++)
        u->number[i] = rand() % 3;
    if (!kv_take(&pool, u->n, u->block))
        return false;
    for (size_t i = 0; i < u->n; i++) {
        ids_of(u->number[i], ids);
        b = kv_find(&pool, parent, ids);
        if (b != KV_NONE) {
            assert_true(kv_is_ready(&pool, b));
            assert_int_equal(content[b], path_hash(u, i)); /* the right keys for this very path */
            kv_pin(&pool, b);
            kv_drop(&pool, u->block[i]);
            u->block[i] = b;
            u->shared++;
        } else {
            kv_publish(&pool, parent, ids, u->block[i]);
            assert_false(kv_is_ready(&pool, u->block[i]));
            if (rand() % 8 == 0) { /* gives up half-way: nothing of it may stay in the tree */
                for (size_t k = u->n; k-- > 0;)
                    kv_drop(&pool, u->block[k]);
                assert_int_equal(kv_find(&pool, parent, ids), KV_NONE);
                return false;
            }
            content[u->block[i]] = path_hash(u, i);
            kv_ready(&pool, u->block[i]);
        }
        parent = u->block[i];
    }
    return true;
}

static void end(struct user *u)
{
    for (size_t i = u->n; i-- > 0;) {
        assert_int_equal(content[u->block[i]], path_hash(u, i)); /* nobody took it meanwhile */
        kv_drop(&pool, u->block[i]);
    }
    u->on = false;
}

static void check_account(const struct user *users)
{
    bool held[BLOCKS] = {false};
    size_t n = 0;
    for (size_t i = 0; i < USERS; i++)
        for (size_t k = 0; users[i].on && k < users[i].n; k++) {
            n += !held[users[i].block[k]];
            held[users[i].block[k]] = true;
        }
    assert_int_equal(pool.n_free + pool.n_idle + n, BLOCKS);
}

static void test_random_use(void **state)
{
    struct user users[USERS] = {{0}};
    size_t shared = 0, refused = 0;

    (void)state;
    srand(11);
    assert_int_equal(kv_pool_init(&pool, BLOCKS, 64, NULL), 0);
    for (int round = 0; round < 20000; round++) {
        struct user *u = &users[rand() % USERS];
        if (u->on) {
            end(u);
        } else {
            u->on = begin(u);
            shared += u->on ? u->shared : 0;
            refused += !u->on;
        }
        check_account(users);
    }
    for (size_t i = 0; i < USERS; i++)
        if (users[i].on)
            end(&users[i]);
    assert_int_equal(pool.n_free + pool.n_idle, BLOCKS);
    print_message("%zu blocks shared, %zu beginnings given up\n", shared, refused);
    assert_true(shared > 1000 && refused > 100);
    kv_pool_release(&pool);
}

static void test_partial_match(void **state)
{
    int32_t a[KV_TOKENS], b[KV_TOKENS];
    uint32_t block, hit;
    size_t common, pending;

    (void)state;
    assert_int_equal(kv_pool_init(&pool, 4, 64, NULL), 0);
    ids_of(1, a);
    memcpy(b, a, sizeof(a));
    b[9] = -1;
    assert_true(kv_take(&pool, 1, &block));
    kv_publish(&pool, KV_NONE, a, block);
    assert_int_equal(kv_find_partial(&pool, KV_NONE, b, 15, &common, &pending),
                     KV_NONE); /* not ready yet */
    assert_true(common == 0 && pending == 9);
    kv_ready(&pool, block);
    hit = kv_find_partial(&pool, KV_NONE, b, 15, &common, &pending);
    assert_int_equal(hit, block);
    assert_int_equal(common, 9);
    assert_int_equal(kv_find_partial(&pool, KV_NONE, b, 4, &common, &pending), block);
    assert_int_equal(common, 4);
    b[0] = -1;
    assert_int_equal(kv_find_partial(&pool, KV_NONE, b, 15, &common, &pending), KV_NONE);
    kv_drop(&pool, block);
    assert_int_equal(pool.n_idle, 1);
    kv_pool_release(&pool);
}

/* Memory that was never used is touched last but for what several sequences have read. */
static void test_pool_stays_small(void **state)
{
    int32_t ids[KV_TOKENS];
    uint32_t shared, own[3];

    (void)state;
    assert_int_equal(kv_pool_init(&pool, 100, 64, NULL), 0);
    ids_of(0, ids);
    assert_true(kv_take(&pool, 1, &shared));
    kv_publish(&pool, KV_NONE, ids, shared);
    kv_ready(&pool, shared);
    kv_drop(&pool, shared);
    for (int round = 1; round <= 50; round++) { /* one beginning, and ends of their own */
        assert_int_equal(kv_find(&pool, KV_NONE, ids), shared);
        kv_pin(&pool, shared);
        assert_true(kv_take(&pool, 3, own));
        for (int i = 0; i < 3; i++) {
            int32_t end[KV_TOKENS];
            ids_of(round * 10 + i, end);
            kv_publish(&pool, i ? own[i - 1] : shared, end, own[i]);
            kv_ready(&pool, own[i]);
        }
        for (int i = 3; i-- > 0;)
            kv_drop(&pool, own[i]);
        kv_drop(&pool, shared);
        assert_int_equal(pool.n_untouched, 96 - (round * 3 - 3 < 48 ? round * 3 - 3 : 48));
    }
    /* All of it is still to be had. */
    uint32_t all[100];
    assert_true(kv_take(&pool, 100, all));
    assert_int_equal(pool.n_untouched, 0);
    kv_pool_release(&pool);
}

static void test_impossible_sizes(void **state)
{
    struct dobby_err e = {0};
    (void)state;
    assert_int_equal(kv_pool_init(&pool, 0, 64, &e), DOBBY_E_LIMIT);
    assert_int_equal(kv_pool_init(&pool, 1u << 20, SIZE_MAX / 2, NULL), DOBBY_E_LIMIT);
    for (size_t n = 1; n <= 2; n++) {
        fault_arm(FAULT_ALLOC, n, false);
        assert_int_equal(kv_pool_init(&pool, 4, 64, NULL), DOBBY_E_NOMEM);
        assert_true(fault_disarm(FAULT_ALLOC));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_use), cmocka_unit_test(test_partial_match),
        cmocka_unit_test(test_pool_stays_small), cmocka_unit_test(test_impossible_sizes)};
    return cmocka_run_group_tests_name("kv", tests, NULL, NULL);
}
