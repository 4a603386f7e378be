/* log.c - the sink of log lines (base). */
#include "base/log.h"
#include "base/utf8.h"
#include "dobby.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#define LINE_SIZE 2048

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* guards sink and its ctx; nothing is called under it */
static struct {
    void (*fn)(void *ctx, int level, const char *line);
    void *ctx;
} sink;
static atomic_int max_level = -1; /* relaxed: lets a line that nobody wants cost one load */

void dobby_set_log(void (*fn)(void *ctx, int level, const char *line), void *ctx, int max)
{
    pthread_mutex_lock(&lock);
    sink.fn = fn;
    sink.ctx = ctx;
    pthread_mutex_unlock(&lock);
    atomic_store_explicit(&max_level, fn ? max : -1, memory_order_relaxed);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    char raw[LINE_SIZE], line[LINE_SIZE];
    void (*fn)(void *, int, const char *);
    void *ctx;
    va_list ap;
    int n;

    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    utf8_escape_fixed(line, sizeof(line), raw,
                      n < LINE_SIZE ? (size_t)n : utf8_complete(raw, LINE_SIZE - 1));
    pthread_mutex_lock(&lock);
    fn = sink.fn;
    ctx = sink.ctx;
    pthread_mutex_unlock(&lock);
    if (fn)
        fn(ctx, (int)level, line);
}
