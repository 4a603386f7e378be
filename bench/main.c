/* main.c - dobby-bench: how fast the engine reads and writes (bench).
 *   dobby-bench model FILE [--isa NAME] [-t THREADS] [-p TOKENS] [-n TOKENS] [-s SEQUENCES] [-r RUNS]
 * Prints one CSV row a run: model, isa, threads, sequences, test, tokens, tokens a second. Prompts are made of
 * ordinary token ids and differ from run to run, so that no run finds its prompt in the prefix cache. The first
 * run warms up and is not printed. bench/compare pairs it with a peer and summarises. */
#include "dobby.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job {
    const char *path, *isa;
    int threads, prompt, write, sequences, runs;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int number(const char *opt, const char *s, int min)
{
    char *end;
    errno = 0;
    long v = strtol(s, &end, 10);
    if (errno || *end || end == s || v < min || v > 1 << 20) {
        fprintf(stderr, "dobby-bench: %s %s: not a number from %d on\n", opt, s, min);
        exit(64);
    }
    return (int)v;
}

static int usage(void)
{
    fputs("usage: dobby-bench model FILE [--isa NAME] [-t THREADS] [-p TOKENS] [-n TOKENS] [-s "
          "SEQUENCES] "
          "[-r RUNS]\n",
          stderr);
    return 64;
}

static void on_done(void *ctx, const struct dobby_result *r)
{
    if (r->status < 0)
        fprintf(stderr, "dobby-bench: %s\n", r->message);
    *(int *)ctx |= r->status;
}

/* Seconds for `sequences` prompts of n tokens, each followed by `write` tokens. Negative on failure. */
static double run_once(struct dobby_engine *en, const struct job *j, int n, int write, int run)
{
    int32_t *ids = malloc((size_t)n * sizeof(*ids));
    struct dobby_generate g;
    struct dobby_err e = {0};
    dobby_ticket t;
    int status = 0, rc = ids ? 0 : DOBBY_E_NOMEM;
    double start = now();

    DOBBY_INIT(g);
    g.max_tokens = write;
    g.ignore_eog = 1;
    g.on_done = on_done;
    g.ctx = &status;
    for (int s = 0; s < j->sequences && rc == 0; s++) {
        for (int i = 0; i < n; i++)
            ids[i] = 1000 + (i * 7919 + run * 104729 + s * 1299709) % 20000;
        rc = dobby_submit(en, ids, (size_t)n, &g, &t, &e);
    }
    dobby_drain(en);
    free(ids);
    if (rc < 0)
        fprintf(stderr, "dobby-bench: %s\n", e.message);
    return rc < 0 || status < 0 ? -1 : now() - start;
}

static int bench_model(const struct job *j)
{
    struct dobby_model_options mo;
    struct dobby_engine_options eo;
    struct dobby_model *m = NULL;
    struct dobby_engine *en = NULL;
    struct dobby_model_info info;
    struct dobby_err e = {0};
    double start = now();
    int rc;

    DOBBY_INIT(mo);
    DOBBY_INIT(eo);
    mo.isa = j->isa;
    mo.threads = j->threads;
    eo.threads = j->threads;
    eo.agents = j->sequences;
    rc = dobby_model_open(&m, j->path, &mo, &e);
    if (rc == 0)
        rc = dobby_engine_open(&en, m, &eo, &e);
    if (rc < 0) {
        fprintf(stderr, "dobby-bench: %s\n", e.message);
        dobby_model_free(m);
        return 70;
    }
    dobby_model_get_info(m, &info);
    fprintf(stderr, "dobby-bench: %s loaded in %.2f s, %.0f MB packed, %.0f MB in the file\n",
            j->path, now() - start, (double)info.packed_size / 1e6, (double)info.file_size / 1e6);
    for (int r = 0; r <= j->runs && rc == 0; r++) {
        struct dobby_stats st;
        dobby_get_stats(en, &st);
        if (j->prompt > 0) {
            double s = run_once(en, j, j->prompt, 1, 2 * r);
            if (r > 0 && s > 0)
                printf("%s,%s,%d,%d,prompt,%d,%.2f\n", info.name, info.isa, st.threads,
                       j->sequences, j->prompt, j->sequences * j->prompt / s);
            rc = s < 0 ? -1 : 0;
        }
        if (j->write > 1 && rc == 0) {
            double one = run_once(en, j, 16, 1, 2 * r + 1),
                   all = run_once(en, j, 16, j->write, 2 * r + 1);
            if (r > 0 && one > 0 && all > one)
                printf("%s,%s,%d,%d,write,%d,%.2f\n", info.name, info.isa, st.threads, j->sequences,
                       j->write, j->sequences * (j->write - 1) / (all - one));
            rc = one < 0 || all < 0 ? -1 : 0;
        }
        fflush(stdout);
    }
    dobby_engine_free(en);
    dobby_model_free(m);
    return rc < 0 ? 70 : 0;
}

int main(int argc, char **argv)
{
    struct job j = {.prompt = 512, .write = 64, .sequences = 1, .runs = 5};

    if (argc < 3 || strcmp(argv[1], "model") != 0)
        return usage();
    j.path = argv[2];
    for (int i = 3; i < argc; i += 2) {
        if (i + 1 >= argc)
            return usage();
        if (strcmp(argv[i], "--isa") == 0)
            j.isa = argv[i + 1];
        else if (strcmp(argv[i], "-t") == 0)
            j.threads = number(argv[i], argv[i + 1], 0);
        else if (strcmp(argv[i], "-p") == 0)
            j.prompt = number(argv[i], argv[i + 1], 0);
        else if (strcmp(argv[i], "-n") == 0)
            j.write = number(argv[i], argv[i + 1], 0);
        else if (strcmp(argv[i], "-s") == 0)
            j.sequences = number(argv[i], argv[i + 1], 1);
        else if (strcmp(argv[i], "-r") == 0)
            j.runs = number(argv[i], argv[i + 1], 1);
        else
            return usage();
    }
    return bench_model(&j);
}
