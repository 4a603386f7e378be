/* test_engine_random.c - the engine under a thousand random sequences of use, on a tiny model.
 * Each is an episode (support/episode.h) of an engine with random options: agents, workers, chunk, step time, type of the
 * cache, KV memory from barely enough for one prompt to plenty. Prompts form a tree, so that they share
 * beginnings of every length. A sequence that fails is named by its seed: DOBBY_TEST_SEED=number runs that one alone,
 * DOBBY_TEST_ROUNDS=number runs as many. Which thread is first is not repeated, so give a seed several tries. */
#include "support/episode.h"
#include "support/test.h"
#include "support/tiny_model.h"

#include "base/fault.h"
#include "base/size.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROMPTS   28
#define LONGEST   120
#define KV_TYPES  3
#define STUCK_S   120 /* no sequence takes nearly as long: somebody waits for ever */
#define ACTS_MOST 40

static struct dobby_model *model;
static struct episode_prompt prompts[KV_TYPES][PROMPTS];
static char stuck[96]; /* what the watchdog says */

static void on_alarm(int sig)
{
    (void)sig;
    (void)!write(2, stuck, strlen(stuck));
    abort();
}

static int setup(void **state)
{
    char *dir = temp_dir();

    (void)state;
    signal(SIGALRM, on_alarm);
    model = tiny_open(tiny_write(dir, &tiny_small), 0, NULL);
    temp_dir_remove(dir);
    for (int kv = 0; kv < KV_TYPES; kv++) {
        struct dobby_err e = {0};
        episode_tree(prompts[kv], PROMPTS, LONGEST, 7);
        if (episode_learn(model, kv, 256, prompts[kv], PROMPTS, &e) < 0)
            fail_msg("%s", e.message);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int kv = 0; kv < KV_TYPES; kv++)
        episode_forget(prompts[kv], PROMPTS);
    dobby_model_free(model);
    return 0;
}

/* ---- one sequence ---------------------------------------------------------------------------------------------- */

static struct episode_config configure(uint64_t seed)
{
    static const int chunks[] = {1, 3, 16, 17, 64, 128, 256};
    uint64_t random = seed;
    struct dobby_model_info info;
    struct episode_config c = {.seed = seed, .n_prompts = PROMPTS, .limit_ms = 3};
    size_t kv = episode_draw(&random) % KV_TYPES, tokens;
    bool calm = episode_draw(&random) % 4 ==
                0; /* nobody leaves in the middle: all columns are accounted for */

    dobby_model_get_info(model, &info);
    c.prompts = prompts[kv];
    DOBBY_INIT(c.engine);
    c.engine.kv = (int)kv;
    c.engine.agents = 1 + (int)(episode_draw(&random) % 20);
    c.engine.threads = 1 + (int)(episode_draw(&random) % 3);
    c.engine.chunk = chunks[episode_draw(&random) % ARRAY_LEN(chunks)];
    c.engine.step_ms = episode_draw(&random) % 4 ? 0 : 1;
    c.engine.context = LONGEST + EPISODE_TOKENS;
    tokens = LONGEST + EPISODE_TOKENS + 16;
    if (episode_draw(&random) % 2)
        tokens += episode_draw(&random) % (tokens * 4);
    else
        tokens *= 20;
    c.engine.kv_memory = tokens * info.kv_bytes_per_token * (kv == DOBBY_KV_F32 ? 2 : 1);
    c.orders = 1 + (int)(episode_draw(&random) % 4);
    c.chain = episode_draw(&random) % 2 ? 0 : 20;
    c.stop = 20;
    if (calm)
        return c;
    c.fail = (int)(episode_draw(&random) % 20);
    c.cancel = (int)(episode_draw(&random) % 20);
    c.limit = (int)(episode_draw(&random) % 20);
    c.numeric = episode_draw(&random) % 2 ? 0 : 20;
    c.alloc = episode_draw(&random) % 2 ? 0 : 20;
    return c;
}

struct actor {
    struct episode *ep;
    uint64_t random;
    size_t n;
    bool stager;
};

static void *act(void *arg)
{
    struct actor *a = arg;
    while (a->n-- > 0)
        episode_act(a->ep, &a->random, a->stager);
    return NULL;
}

/* Every few openings some thread cannot be started, or memory is short. */
static int open_with_faults(struct episode *ep, const struct episode_config *c, uint64_t *random)
{
    static const enum fault_class what[] = {FAULT_THREAD, FAULT_ALLOC};
    size_t k = episode_draw(random) % 8;
    struct dobby_err e = {0};
    int rc;

    if (k < 2)
        fault_arm(what[k], 1 + episode_draw(random) % (k ? 40 : 5), k == 0);
    rc = episode_open(ep, model, c, &e);
    bool hit = k < 2 && fault_disarm(what[k]);
    if (rc < 0 &&
        (!hit || e.code != rc || e.message[0] == '\0' || (k == 1) != (rc == DOBBY_E_NOMEM)))
        fail_msg("seed %llu: opening: code %d '%s'", (unsigned long long)c->seed, rc, e.message);
    return rc;
}

struct tally {
    uint64_t n_done, n_cancelled, n_failed, n_cached, n_refused;
};

static void run_sequence(uint64_t seed, struct tally *sum)
{
    static struct episode ep;
    struct episode_config c = configure(seed);
    uint64_t random = ~seed;
    struct actor self = {&ep, seed + 1, 5 + episode_draw(&random) % ACTS_MOST, true},
                 other = {&ep, seed + 2, self.n, false};
    bool two = episode_draw(&random) % 4 == 0, drain = episode_draw(&random) % 4 > 0;
    pthread_t thread;

    snprintf(stuck, sizeof(stuck), "seed %llu: stuck for %d s\n", (unsigned long long)seed,
             STUCK_S);
    alarm(STUCK_S);
    fault_count(true);
    if (open_with_faults(&ep, &c, &random) < 0) {
        sum->n_refused++;
    } else {
        if (two)
            assert_int_equal(pthread_create(&thread, NULL, act, &other), 0);
        act(&self);
        if (two)
            assert_int_equal(pthread_join(thread, NULL), 0);
        if (drain)
            episode_check(&ep);
        episode_close(&ep);
        if (ep.n_bad)
            fail_msg("seed %llu: %zu breaches, told above", (unsigned long long)seed, ep.n_bad);
        sum->n_done += ep.n_done;
        sum->n_cancelled += ep.n_cancelled;
        sum->n_failed += ep.n_failed;
        sum->n_cached += ep.n_cached;
    }
    if (fault_live() != 0)
        fail_msg("seed %llu: %ld blocks left behind", (unsigned long long)seed, fault_live());
    fault_count(false);
    alarm(0);
}

static void test_random_sequences(void **state)
{
    const char *only = getenv("DOBBY_TEST_SEED"), *rounds = getenv("DOBBY_TEST_ROUNDS");
    uint64_t from = only ? strtoull(only, NULL, 10) : 1;
    uint64_t n = rounds                       ? strtoull(rounds, NULL, 10)
                 : only                       ? 1
                 : getenv("DOBBY_TEST_SHORT") ? 250
                                              : 1000;
    struct tally t = {0};

    (void)state;
    for (uint64_t i = 0; i < n; i++)
        run_sequence(from + (only ? 0 : i), &t);
    print_message(
        "%llu sequences: %llu done, %llu cancelled, %llu failed, %llu tokens from the cache, "
        "%llu openings refused\n",
        (unsigned long long)n, (unsigned long long)t.n_done, (unsigned long long)t.n_cancelled,
        (unsigned long long)t.n_failed, (unsigned long long)t.n_cached,
        (unsigned long long)t.n_refused);
    if (n >= 100) /* it tried what it is for */
        assert_true(t.n_done > 10 * n / 2 && t.n_cancelled > n && t.n_failed > n / 2 &&
                    t.n_cached > 10 * n && t.n_refused > n / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sequences),
    };
    return cmocka_run_group_tests_name("engine_random", tests, setup, teardown);
}
