/* trace.c - see trace.h. */
#include "base/trace.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLUSH_AT 65536

struct dobby_trace {
    pthread_mutex_t lock; /* guards all below; a leaf */
    int fd, n_groups;
    char *path;
    double start;
    struct strbuf out;
    struct dobby_err err; /* the first failure */
};

static void flush(struct dobby_trace *t)
{
    if (t->err.code == 0 && strbuf_failed(&t->out))
        (void)err_nomem(&t->err, "the trace");
    if (t->err.code == 0 &&
        file_write_fd(t->fd, strbuf_str(&t->out), t->out.len, t->path, &t->err) < 0)
        log_msg(LOG_WARN, "%s", t->err.message); /* told again when it is closed */
    strbuf_reset(&t->out);
}

int dobby_trace_open(struct dobby_trace **out, const char *path, struct dobby_err *e)
{
    struct dobby_trace *t = mem_zalloc(sizeof(*t));
    struct dobby_err why = {0};
    int rc;

    *out = NULL;
    if (!t)
        return err_nomem(e, "the trace");
    t->path = mem_strdup(path);
    t->fd = t->path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (t->fd < 0) {
        rc = t->path ? err_errno(&why, errno, "choose another file",
                                 "the trace %s: cannot create it", path)
                     : err_nomem(&why, "the trace");
        mem_free(t->path);
        mem_free(t);
        if (rc != DOBBY_E_NOMEM && rc != DOBBY_E_PERMISSION)
            rc = DOBBY_E_CREATE;
        return err_set(e, rc, "%s", why.message);
    }
    pthread_mutex_init(&t->lock, NULL);
    t->start = time_now();
    strbuf_puts(&t->out, "[\n");
    *out = t;
    return 0;
}

int dobby_trace_close(struct dobby_trace *t, struct dobby_err *e)
{
    int rc;

    if (!t)
        return 0;
    strbuf_puts(&t->out, "{\"name\":\"end\",\"ph\":\"i\",\"s\":\"g\",\"pid\":0,\"tid\":0,");
    strbuf_printf(&t->out, "\"ts\":%.0f}\n]\n", 1e6 * (time_now() - t->start));
    flush(t);
    if (close(t->fd) < 0)
        (void)err_errno(&t->err, errno, "free some space", "the trace %s", t->path);
    rc = t->err.code ? err_set(e, t->err.code, "%s", t->err.message) : 0;
    pthread_mutex_destroy(&t->lock);
    strbuf_release(&t->out);
    mem_free(t->path);
    mem_free(t);
    return rc;
}

static void __attribute__((format(printf, 5, 0)))
put_name(struct dobby_trace *t, const char *kind, int group, int row, const char *fmt, va_list ap)
{
    strbuf_printf(&t->out,
                  "{\"name\":\"%s\",\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"", kind,
                  group, row);
    strbuf_vprintf(&t->out, fmt, ap);
    strbuf_puts(&t->out, "\"}},\n");
}

static void __attribute__((format(printf, 4, 5)))
name_it(struct dobby_trace *t, const char *kind, int group, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_name(t, kind, group, 0, fmt, ap);
    va_end(ap);
}

int trace_group(struct dobby_trace *t, const char *name)
{
    int group;

    if (!t)
        return 0;
    pthread_mutex_lock(&t->lock);
    group = ++t->n_groups;
    name_it(t, "process_name", group, "%s", name);
    pthread_mutex_unlock(&t->lock);
    return group;
}

void trace_row(struct dobby_trace *t, int group, int row, const char *fmt, ...)
{
    va_list ap;

    if (!t)
        return;
    va_start(ap, fmt);
    pthread_mutex_lock(&t->lock);
    put_name(t, "thread_name", group, row, fmt, ap);
    pthread_mutex_unlock(&t->lock);
    va_end(ap);
}

void trace_span(struct dobby_trace *t, int group, int row, const char *name, double t0, double t1,
                const char *args, ...)
{
    va_list ap;

    if (!t)
        return;
    va_start(ap, args);
    pthread_mutex_lock(&t->lock);
    strbuf_printf(
        &t->out,
        "{\"name\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%.0f,\"dur\":%.0f,\"args\":{",
        name, group, row, 1e6 * (t0 - t->start), 1e6 * (t1 - t0));
    strbuf_vprintf(&t->out, args, ap);
    strbuf_puts(&t->out, "}},\n");
    if (t->out.len >= FLUSH_AT)
        flush(t);
    pthread_mutex_unlock(&t->lock);
    va_end(ap);
}
