/* soak.c - the engine for an hour under everything that can happen to it, with memory flat (make soak).
 *   soak [-s SECONDS] [-t THREADS] [-a AGENTS] [-l SECONDS] [-r SEED]
 *        3600          all           20           30            1
 * Episodes (support/episode.h) of -l seconds follow each other on SmolLM2-135M, the type of the cache taking turns: prompts
 * that share beginnings, cancels, time limits, callbacks that fail, cancel and submit, columns that count as infinite,
 * allocations that fail; every other one is closed with work in flight. Every text that is done is compared with
 * that of its prompt alone.
 *
 * Every 10 s a line of CSV tells the resident memory, what malloc has handed out, and the counts so far. The first
 * tenth of the time warms up; after that
 *   - resident memory never exceeds its peak of the warm-up by 1 MB (malloc fills what it hands out, so that a pool of
 *     keys and values is resident from the start and does not grow as it is used);
 *   - what malloc has handed out between two episodes, when no engine is open, has not grown by 1 MB;
 *   - and then nothing that the library allocated for an engine is left, not one block.
 * Ends with "N passed, M failed": tickets and these checks. */
#include "base/fault.h"
#include "base/size.h"
#include "base/thread.h"
#include "support/episode.h"
#include "support/models.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_S    10.0
#define WARM_UP     0.1
#define GROWTH_KB   1024
#define POOL_TOKENS 3072 /* of f16: far less than 20 agents want, so some always wait for memory */

static const int kv_types[] = {DOBBY_KV_F16, DOBBY_KV_Q8, DOBBY_KV_F32};
static const char *const kv_names[] = {"f16", "q8", "f32"};

struct soak {
    double seconds, episode_seconds, start, next_sample;
    int threads, agents;
    uint64_t random;
    struct dobby_model *m;
    struct dobby_model_info info;
    struct episode_prompt prompts[ARRAY_LEN(kv_types)][24];
    struct episode ep;
    uint64_t n_submitted, n_done, n_cancelled, n_failed, n_bad, n_episodes, n_refused;
    long rss_warm, rss_most, quiet_first, quiet_most, left_most; /* KB; blocks */
};

/* ---- prompts --------------------------------------------------------------------------------------------------- */

static const char *const instructions[] = {
    "You write documentation for programmers. Read the function and say in one sentence what it "
    "does. "
    "Begin with a verb. Do not mention names that are not in the code. Do not repeat the code.\n\n"
    "int count_lines(const char *s) { int n = 0; while (*s) n += *s++ == '\\n'; return n; }\n"
    "Counts the line ends in a string.\n\n"
    "void list_free(struct list *l) { while (l) { struct list *n = l->next; free(l); l = n; } }\n"
    "Frees every node of a linked list.\n\n",
    "Summarise. One sentence, at most twenty words.\n\n"};

static const char *const outlines[] = {
    "// table.c: open_table close_table read_row write_row find_row drop_row sort_rows merge_rows\n"
    "struct table { int fd; size_t n_rows, n_cols; struct row *rows; char name[64]; };\n"
    "struct row { size_t n; struct cell *cells; };\n\n",
    "# queue.py: class Queue: push pop peek close drain __len__ __iter__\n"
    "import threading\nfrom collections import deque\n\n"};

static const char *const functions[] = {
    "int read_row(struct table *t, size_t i, struct row *out) { if (i >= t->n_rows) return -1; "
    "*out = t->rows[i]; return 0; }\n",
    "static void sort_rows(struct table *t, int col) { qsort_r(t->rows, t->n_rows, "
    "sizeof(*t->rows), compare_rows, &col); }\n",
    "def pop(self, timeout=None):\n    with self.lock:\n        while not self.items:\n            "
    "if self.closed or not self.ready.wait(timeout):\n                raise Empty\n        return "
    "self.items.popleft()\n",
    "def drain(self):\n    with self.lock:\n        items, self.items = self.items, deque()\n    "
    "return list(items)\n",
    "int close_table(struct table *t) { int rc = 0; for (size_t i = 0; i < t->n_rows; i++) "
    "free(t->rows[i].cells); free(t->rows); if (t->fd >= 0) rc = close(t->fd); memset(t, 0, "
    "sizeof(*t)); t->fd = -1; return rc; }\n",
    "bool is_blank(const char *s)\n{\n    while (isspace((unsigned char)*s))\n        s++;\n    "
    "return *s == '\\0';\n}\n"};

static void make_prompts(struct soak *k, struct episode_prompt *p)
{
    for (size_t i = 0; i < 24; i++) {
        struct dobby_err e = {0};
        char text[4096];
        int n = snprintf(text, sizeof(text), "%s%s%s", instructions[i / 12], outlines[i / 6 % 2],
                         functions[i % 6]);
        if (dobby_tokenize(k->m, text, (size_t)n, 0, 1, &p[i].ids, &p[i].n, &e) < 0) {
            fprintf(stderr, "soak: %s\n", e.message);
            exit(70);
        }
    }
}

static void learn(struct soak *k)
{
    for (size_t i = 0; i < ARRAY_LEN(kv_types); i++) {
        struct dobby_err e = {0};
        make_prompts(k, k->prompts[i]);
        if (episode_learn(k->m, kv_types[i], 256, k->prompts[i], 24, &e) < 0) {
            fprintf(stderr, "soak: %s: %s\n", kv_names[i], e.message);
            exit(70);
        }
    }
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static long rss_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = -1;

    if (!f || fscanf(f, "%*s %ld", &pages) != 1) {
        fprintf(stderr, "soak: /proc/self/statm: cannot be read\n");
        exit(70);
    }
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long allocated_kb(void)
{
    struct mallinfo2 m = mallinfo2();
    return (long)((m.uordblks + m.hblkhd) / 1024);
}

static bool warm(const struct soak *k)
{
    return time_now() - k->start > WARM_UP * k->seconds;
}

static void sample(struct soak *k, size_t type)
{
    const struct episode *ep = &k->ep;
    long rss = rss_kb();

    k->next_sample += SAMPLE_S;
    if (!warm(k))
        k->rss_warm = rss > k->rss_warm ? rss : k->rss_warm;
    else
        k->rss_most = rss > k->rss_most ? rss : k->rss_most;
    printf("%.0f,%ld,%ld,%llu,%llu,%llu,%llu,%llu,%s\n", time_now() - k->start, rss, allocated_kb(),
           (unsigned long long)(k->n_submitted + ep->n_submitted),
           (unsigned long long)(k->n_done + ep->n_done),
           (unsigned long long)(k->n_cancelled + ep->n_cancelled),
           (unsigned long long)(k->n_failed + ep->n_failed), (unsigned long long)k->n_episodes,
           kv_names[type]);
    fflush(stdout);
}

/* Between two episodes: no engine is open. */
static void sample_quiet(struct soak *k)
{
    long kb = allocated_kb(), left = fault_live();

    k->left_most = left > k->left_most ? left : k->left_most;
    if (!warm(k) || k->quiet_first == 0)
        k->quiet_first = kb;
    else
        k->quiet_most = kb > k->quiet_most ? kb : k->quiet_most;
}

/* ---- episodes -------------------------------------------------------------------------------------------------- */

static struct episode_config configure(struct soak *k, size_t type)
{
    struct episode_config c = {.prompts = k->prompts[type],
                               .n_prompts = 24,
                               .seed = episode_draw(&k->random),
                               .fail = 6,
                               .cancel = 6,
                               .limit = 10,
                               .limit_ms = 500,
                               .stop = 15,
                               .orders = 3,
                               .chain = 10,
                               .numeric = 8,
                               .alloc = 10};
    DOBBY_INIT(c.engine);
    c.engine.threads = k->threads;
    c.engine.agents = k->agents;
    c.engine.kv = kv_types[type];
    c.engine.context = 1024;
    c.engine.chunk = k->n_episodes % 4 < 2 ? 256 : 64;
    c.engine.kv_memory = POOL_TOKENS * k->info.kv_bytes_per_token;
    return c;
}

/* An engine that cannot be opened, for want of memory or threads, leaves nothing behind. */
static void refuse_opening(struct soak *k, const struct episode_config *c)
{
    enum fault_class what = k->n_episodes % 3 ? FAULT_ALLOC : FAULT_THREAD;
    struct dobby_err e = {0};
    int rc;

    fault_arm(what, 1 + episode_draw(&k->random) % 8, true);
    rc = episode_open(&k->ep, k->m, c, &e);
    bool hit = fault_disarm(what);
    if (rc == 0)
        episode_close(&k->ep);
    k->n_refused += rc < 0;
    k->n_bad += k->ep.n_bad + (rc < 0 && (!hit || e.message[0] == '\0'));
}

static void add_up(struct soak *k)
{
    struct episode *ep = &k->ep;

    k->n_submitted += ep->n_submitted;
    k->n_done += ep->n_done;
    k->n_cancelled += ep->n_cancelled;
    k->n_failed += ep->n_failed;
    k->n_bad += ep->n_bad;
    memset(ep, 0, sizeof(*ep));
}

static void run_episode(struct soak *k)
{
    size_t type = k->n_episodes % ARRAY_LEN(kv_types);
    struct episode_config c = configure(k, type);
    double end = time_now() + k->episode_seconds;
    struct dobby_err e = {0};

    if (k->n_episodes % 2)
        refuse_opening(k, &c);
    if (episode_open(&k->ep, k->m, &c, &e) < 0) {
        fprintf(stderr, "soak: %s\n", e.message);
        k->n_bad++;
        return;
    }
    while (time_now() < end && time_now() - k->start < k->seconds) {
        episode_act(&k->ep, &k->random, true);
        if (time_now() - k->start >= k->next_sample)
            sample(k, type);
    }
    if (episode_draw(&k->random) % 2)
        episode_check(&k->ep);
    episode_close(&k->ep);
    k->n_episodes++;
    add_up(k);
    sample_quiet(k);
}

static unsigned check(bool ok, const char *what, long got, const char *unit)
{
    printf("%s: %ld %s%s\n", what, got, unit, ok ? "" : ": FAILED");
    return ok ? 0 : 1;
}

static int verdict(const struct soak *k)
{
    uint64_t passed = k->n_done + k->n_cancelled + k->n_failed, failed = k->n_bad;
    long rss = k->rss_most - k->rss_warm, quiet = k->quiet_most - k->quiet_first;
    unsigned n = 0;

    n += check(rss < GROWTH_KB, "resident memory above the warm-up's peak", rss, "KB");
    n += check(quiet < GROWTH_KB, "allocated between episodes, growth", quiet, "KB");
    n += check(k->left_most == 0, "left behind by an engine", k->left_most, "blocks");
    n += check(k->rss_most > 0 && k->quiet_most > 0, "episodes", (long)k->n_episodes,
               "(samples are needed before and after the warm-up)");
    n += check(k->n_done > 0 && k->n_cancelled > 0 && k->n_failed > 0, "tickets", (long)passed,
               "(some done, some cancelled, some failed)");
    printf("%llu done, %llu cancelled, %llu failed, %llu openings refused\n",
           (unsigned long long)k->n_done, (unsigned long long)k->n_cancelled,
           (unsigned long long)k->n_failed, (unsigned long long)k->n_refused);
    printf("%llu passed, %llu failed\n",
           (unsigned long long)(passed - size_min(passed, failed) + 5 - n),
           (unsigned long long)(failed + n));
    return failed + n > 0;
}

static double number(int opt, const char *s)
{
    char *end;
    double v = strtod(s, &end);

    if (end == s || *end || !(v >= 0 && v < 1e9)) {
        fprintf(stderr, "soak: -%c %s: not a number\n", opt, s);
        exit(64);
    }
    return v;
}

int main(int argc, char **argv)
{
    static struct soak k = {.seconds = 3600, .episode_seconds = 30, .agents = 20, .random = 1};
    struct dobby_err e = {0};
    int opt;

    while ((opt = getopt(argc, argv, "s:t:a:l:r:")) != -1)
        switch (opt) {
        case 's':
            k.seconds = number(opt, optarg);
            break;
        case 't':
            k.threads = (int)number(opt, optarg);
            break;
        case 'a':
            k.agents = (int)number(opt, optarg);
            break;
        case 'l':
            k.episode_seconds = number(opt, optarg);
            break;
        case 'r':
            k.random = (uint64_t)number(opt, optarg);
            break;
        default:
            fprintf(stderr, "usage: soak [-s SECONDS] [-t THREADS] [-a AGENTS] [-l SECONDS] "
                            "[-r SEED]\n");
            return 64;
        }
    if (dobby_model_open(&k.m, model_path(MODEL_SMOLLM2), NULL, &e) < 0) {
        fprintf(stderr, "soak: %s\n", e.message);
        return 70;
    }
    dobby_model_get_info(k.m, &k.info);
    mallopt(M_PERTURB, 0xA5);
    learn(&k);
    fault_count(true); /* from here on every block that an engine allocates must come back */
    printf("seconds,rss_kb,allocated_kb,submitted,done,cancelled,failed,engines,kv\n");
    k.start = time_now();
    k.next_sample = 0;
    while (time_now() - k.start < k.seconds)
        run_episode(&k);
    return verdict(&k);
}
