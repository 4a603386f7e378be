/* test_crash.c - a writer is killed at any moment: what it had acknowledged is there, whole, and the file is sound. */
#include "store_help.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS       12
#define SHORT_ROUNDS 4

/* The child: groups of two summaries, 2i and 2i+1; tells through the pipe up to which group all is on disk. */
static void write_for_ever(const struct store_place *p, uint32_t from, int out)
{
    struct dobby_err e = {0};
    struct store *s;
    uint64_t told = 0;

    if (store_open(&s, p, &e) < 0) {
        fprintf(stderr, "%s\n", e.message);
        _exit(1);
    }
    for (uint32_t i = from;; i++) {
        struct store_txn *t = store_txn_new();
        struct timespec pause = {0, 20000};
        uint64_t done;

        put_summary(t, 2 * i, "An even text that was written.");
        put_summary(t, 2 * i + 1, "An odd text that was written.");
        if (store_commit(s, t, NULL, &e) < 0)
            _exit(2);
        done = store_committed(s);
        if (done > told) {
            uint32_t group =
                from + (uint32_t)done - 1; /* the number of a group follows from its turn */

            if (write(out, &group, sizeof(group)) != sizeof(group))
                _exit(3);
            told = done;
        }
        nanosleep(&pause, NULL);
    }
}

/* The last group that the child told of, after it died; `none` if it told of none. */
static uint32_t read_told(int fd, uint32_t none)
{
    uint32_t group, last = none;

    while (read(fd, &group, sizeof(group)) == sizeof(group))
        last = group;
    return last;
}

static void check_sound(const struct store_place *p)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* All groups below `upto` are there; from there on a group is there as a whole or not at all. Returns the first that is
 * not. */
static uint32_t check_groups(const struct store_place *p, uint32_t upto)
{
    struct dobby_err e = {0};
    struct store_reader *r;
    uint8_t key[STORE_KEY];
    uint32_t i;

    if (store_reader_open(&r, p, &e) < 0)
        fail_msg("%s", e.message);
    for (i = 0;; i++) {
        int even = store_has_summary(r, key_of(key, 2 * i), NULL);
        int odd = store_has_summary(r, key_of(key, 2 * i + 1), NULL);

        assert_int_equal(even, odd);
        if (even == 0)
            break;
    }
    assert_true(i >= upto);
    store_reader_free(r);
    return i;
}

static void test_killed_writer_loses_nothing_acknowledged(void **state)
{
    char *dir = scratch_new();
    int rounds = getenv("DOBBY_TEST_SHORT") ? SHORT_ROUNDS : ROUNDS;
    struct store_place p;
    uint32_t seed = 12345, from = 0;

    (void)state;
    assert_int_equal(store_place_init(&p, dir, NULL, NULL), 0);
    for (int round = 0; round < rounds; round++) {
        struct timespec wait = {0, 0};
        uint32_t told;
        int fd[2], status = 0;
        pid_t pid;

        assert_int_equal(pipe(fd), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fd[0]);
            write_for_ever(&p, from, fd[1]);
        }
        close(fd[1]);
        seed = seed * 1664525u + 1013904223u;
        if (round % 2) /* every other one is killed after a first group, however slow all is here */
            assert_int_equal(poll(&(struct pollfd){.fd = fd[0], .events = POLLIN}, 1, -1), 1);
        wait.tv_nsec =
            (long)(seed >> 8) % 400 * 1000000; /* while opening, in the first commits, later */
        nanosleep(&wait, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
        told = read_told(fd[0], UINT32_MAX);
        close(fd[0]);
        if (access(p.db, F_OK) != 0)
            continue; /* killed before there was a file */
        if (told != UINT32_MAX || from > 0)
            from = check_groups(&p, told != UINT32_MAX ? told + 1 : from);
        check_sound(&p);
    }
    assert_true(from > 0); /* some of it was written */
    store_place_release(&p);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_writer_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
