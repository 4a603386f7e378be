/* main.c - dobby-bench: measurements of dobby, and of what it is compared with (bench).
 * `dobby bench ...` runs it. The verbs are one file each; this one has their table and what they share. */
#include "bench.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

struct verb {
    const struct opt_verb *table;
    int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
    {&opt_bench_model, bench_model},       {&opt_bench_job, bench_job},
    {&opt_bench_kernels, bench_kernels},   {&opt_bench_prefix, bench_prefix},
    {&opt_bench_fairness, bench_fairness}, {&opt_bench_quality, bench_quality},
    {&opt_bench_ids, bench_ids},           {&opt_bench_prompts, bench_prompts},
    {&opt_bench_machine, bench_machine},   {&opt_bench_watch, bench_watch},
    {&opt_bench_store, bench_store},       {&opt_bench_copies, bench_copies},
};

/* Tables are named as their help shows them: "bench job". */
static const char *name_of(const struct verb *v)
{
    return v->table->name + strlen("bench ");
}

static int usage(FILE *to)
{
    fputs("usage: dobby bench COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n", to);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        fprintf(to, "  %-10s %s\n", name_of(&verbs[i]), verbs[i].table->brief);
    fputs("\ndobby bench COMMAND --help tells more.\n", to);
    return to == stdout ? 0 : 64;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--parse-worker") == 0) /* bench_prompts starts these */
        return dobby_parse_worker();
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(name_of(&verbs[i]), argv[1]) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    fprintf(stderr, "dobby-bench: %s: unknown command; see dobby bench --help\n", argv[1]);
    return 64;
}
