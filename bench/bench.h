/* bench.h - what the verbs of dobby-bench share (bench).
 * What     dobby-bench measures; it links with the internal objects, so it knows the shapes of the matrices and makes
 *          prompts as the program does. Results go to stdout as CSV or JSON, words to stderr.
 * Rows     agents,threads,case,round,value,unit. bench/job puts date, commit, machine, compiler, model, program and settings before.
 * Next     job.c for the job, cost.h for how multiply-adds are counted. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/err.h"
#include "cli/opt.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_LIST_MAX 16

struct bench_list {
    int v[BENCH_LIST_MAX];
    size_t n;
};

/* "1,2,10" as numbers from 1 on. */
MUST_CHECK int bench_numbers(struct bench_list *out, const char *text, const char *what,
                             struct dobby_err *e);
/* Read the verb's options; -1 to go on, else the exit code. */
int bench_options(const struct opt_verb *v, int argc, char **argv, void *out,
                  struct opt_operands *operands);
/* Of n things, `count` at equal distances (0: all): is thing i one of them? */
bool bench_is_taken(size_t i, size_t n, size_t count);
/* Report the failure; the exit code. */
int bench_fail(const struct dobby_err *e);
/* The value below which a share q of the n sorted values lies (nearest rank). */
double bench_quantile(const double *sorted, size_t n, double q);
void bench_sort(double *v, size_t n);

/* Kullback-Leibler divergence of softmax(q) from softmax(p), n logits each, in nats. */
double bench_divergence(const float *p, const float *q, size_t n);

int bench_model(int argc, char **argv);
int bench_kernels(int argc, char **argv);
int bench_job(int argc, char **argv);
int bench_ids(int argc, char **argv);
int bench_prefix(int argc, char **argv);
int bench_fairness(int argc, char **argv);
int bench_quality(int argc, char **argv);
int bench_prompts(int argc, char **argv);
int bench_machine(int argc, char **argv);
int bench_watch(int argc, char **argv);
int bench_store(int argc, char **argv);
int bench_copies(int argc, char **argv);
extern const struct opt_verb opt_bench_model, opt_bench_kernels, opt_bench_job, opt_bench_prompts,
    opt_bench_machine, opt_bench_watch, opt_bench_ids, opt_bench_prefix, opt_bench_fairness,
    opt_bench_quality, opt_bench_store, opt_bench_copies;

#endif
