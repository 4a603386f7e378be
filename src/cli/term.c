/* term.c - see term.h (cli). */
#include "cli/term.h"

#include "base/json.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TTY_INTERVAL   0.2 /* seconds: five times a second is as much as an eye wants */
#define PLAIN_INTERVAL 5.0 /* seconds between progress lines in a log file */
#define WIDTH_DEFAULT  80
#define WIDTH_MIN      20

void term_init(struct term *t, bool no_color)
{
    const char *kind = getenv("TERM");

    *t = (struct term){.level = LOG_WARN};
    pthread_mutex_init(&t->lock, NULL);
    t->tty = isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
    t->color = t->tty && !no_color;
    if (!t->tty)
        t->drawn = time_now(); /* a log file wants no line for what takes a moment */
}

void term_configure(struct term *t, bool json, int level, bool quiet)
{
    pthread_mutex_lock(&t->lock);
    t->json = json;
    t->level = level;
    t->quiet = quiet;
    pthread_mutex_unlock(&t->lock);
}

/* stderr is the last resort: when it cannot be written to there is nobody left to tell, so failures of
 * these writes are ignored on purpose. */
static void put(const struct strbuf *b)
{
    const char *s = strbuf_str(b);
    size_t left = b->len;

    while (left > 0) {
        ssize_t n = write(STDERR_FILENO, s, left);

        if (n <= 0)
            return;
        s += n;
        left -= (size_t)n;
    }
}

static void wipe(struct term *t, struct strbuf *b)
{
    if (t->shown)
        strbuf_puts(b, "\r\033[K");
    t->shown = false;
}

static void compose(const struct term *t, struct strbuf *b, int level, const char *text)
{
    static const char *const name[] = {"error", "warn", "info", "debug"};

    if (t->json) {
        strbuf_printf(b, "{\"level\":\"%s\",\"message\":", name[level]);
        json_put_string(b, text, strlen(text));
        strbuf_puts(b, "}\n");
        return;
    }
    strbuf_puts(b, "dobby: ");
    if (level == LOG_WARN || level == LOG_DEBUG)
        strbuf_printf(b, "%s: ", level == LOG_WARN ? "warning" : "debug");
    utf8_escape(b, text, strlen(text), NULL);
    strbuf_putc(b, '\n');
}

static void message(struct term *t, int level, const char *text)
{
    static const char last_words[] = "dobby: out of memory for a message\n";
    struct strbuf b = {0};

    wipe(t, &b);
    compose(t, &b, level, text);
    if (strbuf_failed(&b)) {
        strbuf_reset(&b);
        if (write(STDERR_FILENO, last_words, sizeof(last_words) - 1) < 0) {
            /* as in put(): nobody left to tell */
        }
    }
    put(&b);
    strbuf_release(&b);
}

void term_message(struct term *t, int level, const char *text)
{
    pthread_mutex_lock(&t->lock);
    if (level <= t->level && (level == LOG_ERROR || !t->quiet))
        message(t, level, text);
    pthread_mutex_unlock(&t->lock);
}

void term_say(struct term *t, const char *fmt, ...)
{
    struct strbuf b = {0};
    va_list ap;

    va_start(ap, fmt);
    strbuf_vprintf(&b, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&t->lock);
    if (!t->quiet)
        message(t, LOG_INFO, strbuf_failed(&b) ? fmt : strbuf_str(&b));
    pthread_mutex_unlock(&t->lock);
    strbuf_release(&b);
}

static bool in_place(const struct term *t)
{
    return t->tty && !t->json;
}

bool term_due(struct term *t)
{
    bool due;

    pthread_mutex_lock(&t->lock);
    due = !t->quiet && time_now() - t->drawn >= (in_place(t) ? TTY_INTERVAL : PLAIN_INTERVAL);
    pthread_mutex_unlock(&t->lock);
    return due;
}

static size_t width(void)
{
    struct winsize w;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
        return WIDTH_DEFAULT;
    return w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col;
}

/* The first field is always there, cut if it must be; the rest as far as they fit. The last column stays
 * free: some terminals wrap when it is written. */
static void join_fields(struct strbuf *b, const char *const *fields, size_t n, size_t max)
{
    size_t used = strlen(fields[0]);

    if (used > max)
        used = max;
    strbuf_add(b, fields[0], used);
    for (size_t i = 1; i < n; i++) {
        size_t len = strlen(fields[i]);

        if (len == 0)
            continue;
        if (len + 2 > max - used)
            break;
        strbuf_printf(b, "  %s", fields[i]);
        used += len + 2;
    }
}

static void draw(struct term *t, const char *const *fields, size_t n)
{
    struct strbuf b = {0};

    strbuf_puts(&b, "\r");
    if (t->color)
        strbuf_puts(&b, "\033[1m"); /* the first field, what is going on, in bold */
    join_fields(&b, fields, 1, width() - 1);
    if (t->color)
        strbuf_puts(&b, "\033[0m");
    if (n > 1 && strlen(fields[0]) + 2 < width()) {
        strbuf_puts(&b, "  ");
        join_fields(&b, fields + 1, n - 1, width() - 3 - strlen(fields[0]));
    }
    strbuf_puts(&b, "\033[K");
    t->shown = true;
    put(&b);
    strbuf_release(&b);
}

void term_progress(struct term *t, const char *const *fields, size_t n)
{
    struct strbuf b = {0};

    pthread_mutex_lock(&t->lock);
    if (!t->quiet && n > 0) {
        if (in_place(t)) {
            draw(t, fields, n);
        } else {
            join_fields(&b, fields, n, 1000);
            message(t, LOG_INFO, strbuf_str(&b));
        }
        t->drawn = time_now();
    }
    pthread_mutex_unlock(&t->lock);
    strbuf_release(&b);
}

void term_clear(struct term *t)
{
    struct strbuf b = {0};

    pthread_mutex_lock(&t->lock);
    wipe(t, &b);
    put(&b);
    pthread_mutex_unlock(&t->lock);
    strbuf_release(&b);
}

void term_restart(struct term *t)
{
    pthread_mutex_lock(&t->lock);
    t->drawn = time_now();
    pthread_mutex_unlock(&t->lock);
}
