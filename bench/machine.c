/* machine.c - `bench machine`: on what the numbers were measured (bench). A JSON object: the processor and its caches, the
 * kernels that dobby chooses here, memory, system, compiler, the rate at which memory is read, and what else runs. */
#include "bench.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/thread.h"
#include "llm/kernels/kernels.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct opt rows[] = {{.name = NULL}};

const struct opt_verb opt_bench_machine = {
    "bench machine", "", "Describe this machine as a JSON object", NULL, rows, 0, 0};

/* The value of the first line "name : value" of a /proc file, or of the whole file when name is NULL; "" if there is none. */
static const char *value_of(struct strbuf *out, const char *path, const char *name)
{
    struct strbuf b = {0};
    const char *at, *end;

    strbuf_reset(out);
    if (file_read_all(&b, path, 16 << 20, NULL) < 0)
        strbuf_reset(&b);
    at = strbuf_str(&b);
    if (name) {
        at = strstr(at, name);
        at = at ? strchr(at, ':') : NULL;
        at = at ? at + 1 : "";
    }
    while (*at == ' ' || *at == '\t')
        at++;
    end = at + strcspn(at, "\n");
    strbuf_add(out, at, (size_t)(end - at));
    strbuf_release(&b);
    return strbuf_str(out);
}

static void put(struct strbuf *b, const char *key, const char *value)
{
    strbuf_puts(b, b->len > 1 ? ",\n " : "\n ");
    json_put_string(b, key, strlen(key));
    strbuf_puts(b, ": ");
    json_put_string(b, value, strlen(value));
}

static void put_number(struct strbuf *b, const char *key, double value)
{
    strbuf_puts(b, ",\n ");
    json_put_string(b, key, strlen(key));
    strbuf_printf(b, ": %.6g", value);
}

/* "L1d 32K, L2 512K, L3 32768K" of the first processor. */
static void put_caches(struct strbuf *b)
{
    struct strbuf line = {0}, v = {0};

    for (int i = 0; i < 8; i++) {
        char path[96], type[32];

        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
        snprintf(type, sizeof(type), "%s", value_of(&v, path, NULL));
        if (!*type || strcmp(type, "Instruction") == 0)
            continue;
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        strbuf_printf(&line, "%sL%s%s", line.len ? ", " : "", value_of(&v, path, NULL),
                      strcmp(type, "Data") == 0 ? "d" : "");
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        strbuf_printf(&line, " %s", value_of(&v, path, NULL));
    }
    put(b, "caches", strbuf_str(&line));
    strbuf_release(&line);
    strbuf_release(&v);
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

#define PROBE_BYTES ((size_t)256 << 20) /* beyond any cache; a part for each thread */

struct sweep {
    const uint64_t *data;
    size_t part; /* elements a thread */
    uint64_t sum[4096];
};

/* Four sums, so that the loop waits for memory and not for an addition. */
static void sweep_part(void *ctx, size_t i)
{
    struct sweep *s = ctx;
    const uint64_t *p = s->data + i * s->part;
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (size_t k = 0; k + 8 <= s->part; k += 8) {
        a += p[k] + p[k + 4];
        b += p[k + 1] + p[k + 5];
        c += p[k + 2] + p[k + 6];
        d += p[k + 3] + p[k + 7];
    }
    s->sum[i % 4096] = a + b + c + d;
}

/* Bytes a second that all processors together read from memory: the best of five sweeps. */
static int memory_rate(double *rate, int threads, struct dobby_err *e)
{
    uint64_t *data = mem_alloc(PROBE_BYTES);
    static struct sweep s;
    double best = 1e9;

    if (!data)
        return err_nomem(e, "the memory probe");
    memset(data, 1, PROBE_BYTES);
    s.data = data;
    s.part = PROBE_BYTES / sizeof(*data) / (size_t)threads;
    for (int i = 0; i < 5; i++) {
        double start = time_now(), t;

        thread_parallel(threads, (size_t)threads, sweep_part, &s);
        t = time_now() - start;
        best = t < best ? t : best;
    }
    *rate = (double)(s.part * (size_t)threads * sizeof(*data)) / best;
    mem_free(data);
    return 0;
}

int bench_machine(int argc, char **argv)
{
    struct strbuf b = {0}, v = {0};
    struct dobby_err e = {0};
    struct opt_operands none;
    struct utsname sys;
    int threads = thread_cpus(), unused = 0;
    double rate = 0;
    int rc = bench_options(&opt_bench_machine, argc, argv, &unused, &none);

    if (rc >= 0)
        return rc;
    rc = memory_rate(&rate, threads, &e);
    if (rc < 0)
        return bench_fail(&e);
    strbuf_putc(&b, '{');
    put(&b, "cpu", value_of(&v, "/proc/cpuinfo", "model name"));
    put(&b, "family", value_of(&v, "/proc/cpuinfo", "cpu family"));
    put(&b, "model", value_of(&v, "/proc/cpuinfo", "model\t"));
    put_caches(&b);
    put_number(&b, "threads", threads);
    put(&b, "isa", kernels_find(NULL)->name);
    put_number(&b, "memory_read_gb_s", rate / 1e9);
    put(&b, "memory", value_of(&v, "/proc/meminfo", "MemTotal"));
    put(&b, "load", value_of(&v, "/proc/loadavg", NULL));
    if (uname(&sys) == 0) {
        put(&b, "system", sys.sysname);
        put(&b, "kernel", sys.release);
        put(&b, "architecture", sys.machine);
    }
#ifdef __clang__
    put(&b, "compiler", "clang " __clang_version__);
#else
    put(&b, "compiler", "gcc " __VERSION__);
#endif
    put(&b, "dobby", DOBBY_VERSION);
    strbuf_puts(&b, "\n}\n");
    fputs(strbuf_str(&b), stdout);
    rc = strbuf_failed(&b) || fflush(stdout) != 0 ? DOBBY_E_IO : 0;
    strbuf_release(&b);
    strbuf_release(&v);
    return rc < 0 ? 74 : 0;
}
