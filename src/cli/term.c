/* term.c - see term.h (cli). */
#include "cli/term.h"

#include "base/json.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "cli/sig.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TTY_INTERVAL   0.2 /* seconds: five times a second is as much as an eye wants */
#define PLAIN_INTERVAL 5.0 /* seconds between progress lines in a log file */
#define WIDTH_DEFAULT  80
#define WIDTH_MIN      20
#define ROOM_WIDTH     40 /* no lines above the progress line in a terminal smaller than this ... */
#define ROOM_HEIGHT    8
#define ROOM_LEFT      4 /* ... and as many rows are left for messages and the progress line */

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

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        s += n;
        left -= (size_t)n;
    }
}

static void window(size_t *width, size_t *height)
{
    struct winsize w;

    *width = WIDTH_DEFAULT;
    *height = 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
        return;
    *width = w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col;
    *height = w.ws_row;
}

/* Rows of the screen that the lines take which stand there. */
static size_t shown_rows(const struct term *t, size_t width)
{
    size_t rows = 0;

    for (size_t i = 0; i < t->n_shown; i++)
        rows += t->shown[i] > width ? (t->shown[i] + width - 1) / width : 1;
    return rows;
}

/* To the beginning of the first of them. */
static void go_to_first(struct strbuf *b, size_t rows)
{
    strbuf_puts(b, "\r");
    if (rows > 1)
        strbuf_printf(b, "\033[%zuA", rows - 1);
}

/* After a stop by Ctrl-Z the shell has written below: what stood there stays, and the next draw begins anew. */
static void forget_if_resumed(struct term *t)
{
    if (sig_resumed())
        t->n_shown = 0;
}

static void wipe(struct term *t, struct strbuf *b)
{
    size_t width, height, rows;

    forget_if_resumed(t);
    if (t->n_shown == 0)
        return;
    window(&width, &height);
    rows = shown_rows(t, width);
    go_to_first(b, rows);
    strbuf_puts(b, rows > 1 ? "\033[J" : "\033[K");
    t->n_shown = 0;
    sig_line_open(false);
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

static size_t room_in(size_t width, size_t height)
{
    if (width < ROOM_WIDTH || height < ROOM_HEIGHT)
        return 0;
    return size_min(height - ROOM_LEFT, TERM_LINES_MAX);
}

size_t term_room(struct term *t)
{
    size_t width, height;
    bool live;

    pthread_mutex_lock(&t->lock);
    live = in_place(t) && !t->quiet;
    pthread_mutex_unlock(&t->lock);
    window(&width, &height);
    return live ? room_in(width, height) : 0;
}

/* The first field is always there, cut if it must be; the rest as far as they fit. The last column stays
 * free: some terminals wrap when it is written. */
static size_t join_fields(struct strbuf *b, const char *const *fields, size_t n, size_t max)
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
    return used;
}

/* As much of a line as fits. How wide a character is that is not ASCII, only the terminal knows: two columns are
 * assumed, which is never too few. */
static size_t put_cut(struct strbuf *b, const char *line, size_t max)
{
    size_t used = 0, n, left = strlen(line);
    const char *end = line;
    uint32_t cp;

    for (; left > 0; end += n, left -= n) {
        size_t columns = (unsigned char)*end < 128 ? 1 : 2;

        n = utf8_decode(end, left, &cp);
        if (columns > max - used)
            break;
        used += columns;
    }
    strbuf_add(b, line, (size_t)(end - line));
    return used;
}

static size_t put_fields(const struct term *t, struct strbuf *b, const char *const *fields,
                         size_t n, size_t width)
{
    size_t used;

    if (t->color)
        strbuf_puts(b, "\033[1m"); /* the first field, what is going on, in bold */
    used = join_fields(b, fields, 1, width - 1);
    if (t->color)
        strbuf_puts(b, "\033[0m");
    if (n > 1 && used + 2 < width) {
        strbuf_puts(b, "  ");
        used += 2 + join_fields(b, fields + 1, n - 1, width - 3 - used);
    }
    return used;
}

/* One write, so that nobody sees half of it. */
static void draw(struct term *t, const char *const *fields, size_t n, const char *const *lines,
                 size_t n_lines)
{
    unsigned short shown[TERM_LINES_MAX + 1];
    struct strbuf b = {0};
    size_t width, height, before;

    forget_if_resumed(t);
    window(&width, &height);
    before = shown_rows(t, width);
    n_lines = size_min(n_lines, room_in(width, height));
    go_to_first(&b, before);
    for (size_t i = 0; i < n_lines; i++) {
        shown[i] = (unsigned short)put_cut(&b, lines[i], width - 1);
        strbuf_puts(&b, "\033[K\r\n");
    }
    shown[n_lines] = (unsigned short)put_fields(t, &b, fields, n, width);
    strbuf_puts(&b, before > n_lines + 1 ? "\033[K\033[J" : "\033[K");
    if (!strbuf_failed(&b)) { /* without memory the old lines stay */
        memcpy(t->shown, shown, (n_lines + 1) * sizeof(*shown));
        t->n_shown = n_lines + 1;
        sig_line_open(true);
        put(&b);
    }
    strbuf_release(&b);
}

void term_progress(struct term *t, const char *const *fields, size_t n, const char *const *lines,
                   size_t n_lines)
{
    struct strbuf b = {0};

    pthread_mutex_lock(&t->lock);
    if (!t->quiet && n > 0) {
        if (in_place(t)) {
            draw(t, fields, n, lines, n_lines);
        } else {
            (void)join_fields(&b, fields, n, 1000);
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
