/* test_thread.c - threads that start, threads that cannot, and the number of processors. */
#include "support/test.h"

#include "base/fault.h"
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static void *look(void *arg)
{
    sigset_t mask;

    /* cmocka's checks belong to the main thread: report through the argument. */
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    *(int *)arg = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
    return NULL;
}

static void test_thread_start(void **state)
{
    struct dobby_err e = {0};
    sigset_t mask;
    pthread_t t;
    int ok = 0;

    (void)state;
    assert_int_equal(thread_start(&t, "a-name-that-is-too-long", look, &ok, &e), 0);
    pthread_join(t, NULL);
    assert_int_equal(ok, 1);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0); /* our own mask is as before */
    fault_arm(FAULT_THREAD, 1, false);
    assert_int_equal(thread_start(&t, "worker", look, &ok, &e), DOBBY_E_IO);
    assert_true(fault_disarm(FAULT_THREAD));
    assert_non_null(strstr(e.message, "start thread: worker: "));
}

#define ITEMS 1000
static atomic_int done[ITEMS];

static void mark(void *ctx, size_t i)
{
    atomic_fetch_add((atomic_int *)ctx + i, 1);
}

static void check_parallel(int threads, size_t n)
{
    size_t i;

    memset((void *)done, 0, sizeof(done));
    thread_parallel(threads, n, mark, (void *)done);
    for (i = 0; i < ITEMS; i++)
        assert_int_equal(done[i], i < n);
}

static void test_thread_parallel(void **state)
{
    size_t n = 0;

    (void)state;
    check_parallel(1, ITEMS);
    check_parallel(4, ITEMS);
    check_parallel(4, 3);
    check_parallel(4, 0);
    check_parallel(0, 5);
    check_parallel(5000, ITEMS);
    do { /* all items are done however many threads cannot be had */
        fault_arm(FAULT_THREAD, ++n, true);
        check_parallel(4, ITEMS);
    } while (fault_disarm(FAULT_THREAD));
    assert_int_equal(n, 4);
}

static void test_thread_cpus(void **state)
{
    cpu_set_t before, one;
    int n = thread_cpus(), cpu = 0;

    (void)state;
    assert_true(n >= 1);
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    assert_true(n <= CPU_COUNT(&before));
    while (!CPU_ISSET(cpu, &before))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(thread_cpus(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void test_thread_quota(void **state)
{
    (void)state;
    assert_int_equal(thread_quota_cpus("max 100000\n"), 0);
    assert_int_equal(thread_quota_cpus("200000 100000\n"), 2);
    assert_int_equal(thread_quota_cpus("150000 100000\n"), 2);
    assert_int_equal(thread_quota_cpus("5000 100000\n"), 1);
    assert_int_equal(thread_quota_cpus(""), 0);
    assert_int_equal(thread_quota_cpus("100000"), 0);
    assert_int_equal(thread_quota_cpus("100000 0"), 0);
    assert_int_equal(thread_quota_cpus("-5 100000"), 0);
    assert_int_equal(thread_quota_cpus("9223372036854775807 1"), 0);
}

struct turns {
    atomic_uint word;
    unsigned seen[2]; /* how many values each side saw; all of them, in turn */
};

static void *even_turns(void *arg)
{
    struct turns *t = arg;
    unsigned v;

    while ((v = atomic_load(&t->word)) < 2000) {
        if (v % 2 == 1) {
            thread_sleep_on(&t->word, v);
            continue;
        }
        t->seen[0]++;
        atomic_store(&t->word, v + 1);
        thread_wake_all(&t->word);
    }
    return NULL;
}

static void test_thread_sleep_and_wake(void **state)
{
    struct turns t = {0};
    pthread_t other;
    unsigned v;

    (void)state;
    assert_int_equal(thread_start(&other, "turns", even_turns, &t, NULL), 0);
    while ((v = atomic_load(&t.word)) < 2000) {
        if (v % 2 == 0) {
            thread_sleep_on(&t.word,
                            v); /* a lost wake would hang here, and time would end the test */
            continue;
        }
        t.seen[1]++;
        atomic_store(&t.word, v + 1);
        thread_wake_all(&t.word);
    }
    pthread_join(other, NULL);
    assert_true(t.seen[0] == 1000 && t.seen[1] == 1000);
}

static void test_time(void **state)
{
    double a = time_now(), b = time_now();

    (void)state;
    assert_true(b >= a && b - a < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_start),          cmocka_unit_test(test_thread_parallel),
        cmocka_unit_test(test_thread_cpus),           cmocka_unit_test(test_thread_quota),
        cmocka_unit_test(test_thread_sleep_and_wake), cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
