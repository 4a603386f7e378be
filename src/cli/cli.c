/* cli.c - what the verbs share (see cli.h). */
#include "cli/cli.h"

#include "base/file.h"
#include "cli/out.h"
#include "cli/sig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *const cli_log_formats[] = {"text", "json", NULL};
const char *const cli_log_levels[] = {"error", "warn", "info", "debug", NULL};
const char *const cli_kv_names[] = {"f16", "q8", "f32", NULL};
const char *const cli_merge_names[] = {"F32", "F16", "Q8_0", "Q5_0", "Q4_1", "Q4_0", NULL};
const char *const cli_memory_words[] = {"auto", NULL}; /* stands for 0: the library decides */
const char *const cli_isa_names[] = {"scalar",  "avx2", "avxvnni", "avx512vnni",
                                     "dotprod", "i8mm", NULL};

int cli_own_dir(struct strbuf *out, struct dobby_err *e)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (n < 0)
        return err_errno(e, errno, NULL, "where this program lies (/proc/self/exe)");
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        slash[1] = '\0';
    strbuf_puts(out, path);
    return strbuf_failed(out) ? err_nomem(e, "a path") : 0;
}

int cli_exit_code(int code)
{
    switch (code) {
    case DOBBY_OK:
        return EXIT_DONE;
    case DOBBY_E_USAGE:
        return EXIT_USAGE;
    case DOBBY_E_FORMAT:
    case DOBBY_E_UNSUPPORTED:
    case DOBBY_E_NUMERIC: /* weights whose numbers break the arithmetic */
    case DOBBY_E_LIMIT:   /* a prompt or a file that is too long */
        return EXIT_DATA;
    case DOBBY_E_NOTFOUND:
        return EXIT_NOINPUT;
    case DOBBY_E_UNAVAILABLE:
        return EXIT_UNAVAILABLE;
    case DOBBY_E_CREATE:
        return EXIT_CREATE;
    case DOBBY_E_IO:
        return EXIT_IO;
    case DOBBY_E_TIME:
    case DOBBY_E_UNDONE:
        return EXIT_UNDONE;
    case DOBBY_E_PERMISSION:
        return EXIT_PERMISSION;
    case DOBBY_E_CONFIG:
        return EXIT_CONFIG;
    case DOBBY_E_CANCELLED: /* only signals cancel in this program */
        return sig_exit_code() ? sig_exit_code() : EXIT_UNDONE;
    default: /* DOBBY_E_NOMEM, DOBBY_E_INTERNAL, and codes that this file was not told of */
        return EXIT_INTERNAL;
    }
}

int cli_fail(struct cli *c, const struct dobby_err *e)
{
    if (e->code == DOBBY_E_CANCELLED) {
        term_clear(&c->term);
    } else if (e->code == 0) { /* a failure that nobody described must not pass for success */
        term_message(&c->term, LOG_ERROR,
                     "internal error: a failure without a reason; report this");
        return EXIT_INTERNAL;
    } else {
        term_message(&c->term, LOG_ERROR, e->message);
    }
    return cli_exit_code(e->code);
}

int cli_print(struct cli *c, const struct strbuf *text)
{
    struct dobby_err e = {0};
    struct out o;
    bool broken;
    int rc;

    if (strbuf_failed(text)) {
        rc = err_set(&e, DOBBY_E_NOMEM, "out of memory for the output");
        return cli_fail(c, &e);
    }
    rc = out_open(&o, NULL, &e);
    if (rc == 0)
        rc = out_write(&o, strbuf_str(text), text->len, &e);
    if (rc == 0)
        rc = out_commit(&o, &e);
    broken = o.broken;
    out_release(&o);
    if (broken)
        return EXIT_IO;
    return rc < 0 ? cli_fail(c, &e) : EXIT_DONE;
}

int cli_options(struct cli *c, const struct opt_verb *v, int argc, char **argv, void *out,
                struct opt_operands *operands)
{
    struct dobby_err e = {0};
    struct strbuf b = {0};
    int rc = opt_parse(v, argc, argv, out, operands, &e);

    if (rc == 0)
        return -1;
    if (rc != OPT_HELP)
        return cli_fail(c, &e);
    opt_help(&b, v);
    rc = cli_print(c, &b);
    strbuf_release(&b);
    return rc;
}

int cli_close_trace(struct dobby_trace *t, int rc, struct dobby_err *e)
{
    struct dobby_err why = {0};
    int end = dobby_trace_close(t, &why);

    if (end == 0 || (rc != 0 && rc != DOBBY_E_UNDONE))
        return rc;
    err_clear(e);
    return err_set(e, end, "%s", why.message);
}

int cli_read_stdin(struct strbuf *out, size_t max, struct dobby_err *e)
{
    char chunk[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, "give the text on standard input", "standard input");
        if ((size_t)n > max - out->len)
            return err_set(e, DOBBY_E_LIMIT, "standard input: more than %zu bytes; give less", max);
        strbuf_add(out, chunk, (size_t)n);
        if (strbuf_failed(out))
            return err_nomem(e, "standard input");
    }
    return 0;
}

void cli_put_bytes(struct strbuf *out, double n)
{
    static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
    size_t i = 0;

    while (n >= 999.5 && i < 4) {
        n /= 1000;
        i++;
    }
    strbuf_printf(out, "%.*f %s", i >= 3 ? 2 : i > 0 && n < 99.95 ? 1 : 0, n, unit[i]);
}

void cli_put_seconds(struct strbuf *out, double s)
{
    long long whole = (long long)(s + 0.5);

    if (s < 0)
        s = 0;
    if (s < 1)
        strbuf_printf(out, "%.2f s", s);
    else if (s < 60)
        strbuf_printf(out, "%.1f s", s);
    else if (whole < 3600)
        strbuf_printf(out, "%lld min %lld s", whole / 60, whole % 60);
    else if (whole < 100 * 3600)
        strbuf_printf(out, "%lld h %lld min", whole / 3600, whole / 60 % 60);
    else
        strbuf_puts(out, "days");
}

int cli_kv_value(int choice)
{
    static const int value[] = {DOBBY_KV_F16, DOBBY_KV_Q8, DOBBY_KV_F32};

    return choice < 0 ? 0 : value[choice];
}

static void on_log(void *ctx, int level, const char *line)
{
    term_message(ctx, level, line);
}

void cli_log_apply(struct cli *c, const struct cli_log *log, int quiet)
{
    term_configure(&c->term, log->json != 0, log->level, quiet != 0);
    dobby_set_log(on_log, &c->term, log->level);
}
