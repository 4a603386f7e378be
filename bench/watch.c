/* watch.c - `bench watch`: the memory of a process tree, seen from outside (bench).
 * What     Runs a command and adds up Pss (each page's share) of it and all its descendants, every few milliseconds until it
 *          ends. A peak between two looks is missed, so a look must be short beside what is looked for: one costs about 2 ms for
 *          half a gigabyte, and slows the watched program, whose times are not to be used.
 * Source   proc(5): smaps_rollup, task/TID/children. */
#include "bench.h"

#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct watch_opts {
    const char *out;
    int every;
};

static const struct opt rows[] = {
    {'o', "output", OPT_STRING, offsetof(struct watch_opts, out), 0, 0, "FILE", NULL,
     "Where the result goes (stderr)"},
    {0, "every", OPT_INT, offsetof(struct watch_opts, every), 1, 60000, "MS", NULL,
     "Time between two looks (20)"},
    {.name = NULL},
};

const struct opt_verb opt_bench_watch = {
    "bench watch",
    "-- COMMAND [ARGUMENT...]",
    "Run a command; tell the peak memory of its process tree",
    "The result is rows peak_pss,BYTES,B and the like. The exit status is the command's.\n",
    rows,
    0,
    0};

/* ---- one look ----------------------------------------------------------------------------------------------- */

/* What statm calls resident, in bytes; 0 when the process is gone. */
static double resident(long pid)
{
    char path[64];
    double pages = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    f = fopen(path, "re");
    if (f && fscanf(f, "%*f %lf", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

/* Pss of one process in bytes; 0 when it is gone. One that forbids the look (a parser worker does, unless we are root)
 * counts with all that is resident, which is more than its share. */
static double pss_of(long pid)
{
    char path[64], line[256];
    double kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
    f = fopen(path, "re");
    if (!f)
        return errno == EACCES || errno == EPERM ? resident(pid) : 0;
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "Pss: %lf kB", &kb) == 1)
            break;
    fclose(f);
    return kb * 1024;
}

static double tree_pss(long pid, int depth, int *n);

static double children_of(long pid, const char *tid, int depth, int *n)
{
    char path[320];
    double sum = 0;
    long child;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/task/%s/children", pid, tid);
    f = fopen(path, "re");
    while (f && fscanf(f, "%ld", &child) == 1)
        sum += tree_pss(child, depth + 1, n);
    if (f)
        fclose(f);
    return sum;
}

static double tree_pss(long pid, int depth, int *n)
{
    double sum = pss_of(pid);
    char path[64];
    struct dirent *d;
    DIR *dir;

    ++*n;
    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    dir = depth < 64 ? opendir(path) : NULL;
    while (dir && (d = readdir(dir)))
        if (d->d_name[0] != '.')
            sum += children_of(pid, d->d_name, depth, n);
    if (dir)
        closedir(dir);
    return sum;
}

/* ---- the command ---------------------------------------------------------------------------------------------- */

struct seen {
    double peak, looked_s, start;
    unsigned long n_looks;
    int most;
};

static void look(struct seen *s, pid_t pid)
{
    int n = 0;
    double start = time_now(), sum = tree_pss(pid, 0, &n);

    s->looked_s += time_now() - start;
    s->peak = sum > s->peak ? sum : s->peak;
    s->most = n > s->most ? n : s->most;
    s->n_looks++;
}

/* Look until the child ends; hand on what would end us. Returns its wait status. */
static int attend(struct seen *s, pid_t pid, const sigset_t *set, int every_ms)
{
    struct timespec pause = {every_ms / 1000, every_ms % 1000 * 1000000L};
    int status;

    for (;;) {
        int sig;

        look(s, pid);
        sig = sigtimedwait(set, NULL, &pause);
        if (sig == SIGTERM || sig == SIGINT)
            kill(pid, sig);
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
    }
}

static int start(pid_t *pid, char **argv, const sigset_t *before)
{
    posix_spawnattr_t attr;
    int rc = posix_spawnattr_init(&attr);

    if (rc != 0)
        return rc;
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attr, before);
    rc = posix_spawnp(pid, argv[0], NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return rc;
}

static int tell(const struct seen *s, const char *path)
{
    FILE *f = path ? fopen(path, "we") : stderr;

    if (!f) {
        fprintf(stderr, "dobby-bench: %s: %s\n", path, strerror(errno));
        return 73;
    }
    fprintf(f, "peak_pss,%.0f,B\nprocesses,%d,processes\nlooks,%lu,looks\nlooking,%.3f,share\n",
            s->peak, s->most, s->n_looks, s->looked_s / (time_now() - s->start));
    return path && fclose(f) != 0 ? 74 : 0;
}

int bench_watch(int argc, char **argv)
{
    struct watch_opts o = {.every = 20};
    struct opt_operands none;
    struct seen seen = {.start = time_now()};
    sigset_t set, before;
    pid_t pid;
    int split = 0, rc, status, bad;

    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    rc = bench_options(&opt_bench_watch, split, argv, &o, &none);
    if (rc >= 0)
        return rc;
    if (split + 1 >= argc) {
        fputs("dobby-bench: watch: no command; give it after --\n", stderr);
        return 64;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &before);
    rc = start(&pid, argv + split + 1, &before);
    if (rc != 0) {
        fprintf(stderr, "dobby-bench: %s: cannot be started: %s\n", argv[split + 1], strerror(rc));
        return 66;
    }
    status = attend(&seen, pid, &set, o.every);
    bad = tell(&seen, o.out);
    if (bad)
        return bad;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
