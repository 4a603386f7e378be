/* parse.c - the pool of parser workers, seen from the parent (code). The manual is parse.h.
 * Each worker hangs on a socket pair: send() with MSG_NOSIGNAL needs no signal to be ignored in the host
 * program. Processor time, not the clock on the wall, says when a worker is stuck, so a busy
 * machine does not change which units are found; the wall clock only catches one that sleeps. */
#include "code/parse.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "base/thread.h"
#include "code/parse_reply.h"
#include "code/protocol.h"
#include "code/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WORKERS   256
#define CPU_SECONDS   (SANITIZED ? 10.0 : 2.0)
#define WALL_SECONDS  30.0
#define HELLO_SECONDS 20.0
#define TICK_MS       50
#define WORKER_STACK                                                                               \
    ((size_t)2 << 20) /* trees are walked without recursion; a grammar's scanner needs little */
#define ATTEMPTS 2    /* for ends that may be accidents */

struct worker {
    pid_t pid; /* 0: none */
    int fd;
    bool ready; /* has said hello */
    /* The text under way. */
    bool busy, lost; /* lost: it has to be given to a new worker */
    enum language_id lang;
    const char *source;
    size_t len, sent; /* sent counts the head too */
    void *tag;
    int attempt;
    int n_ends; /* of workers over it */
    double cpu_start, wall_start;
    struct strbuf in; /* what it said since the last message */
};

struct parser_pool {
    char *path;
    size_t share, max_reply; /* bytes of a worker, and of these of its reply */
    int n;
    struct worker *workers;
    struct pollfd *polls;
};

/* ---- starting and ending ------------------------------------------------------------------------ */

static double cpu_time(pid_t pid)
{
    struct timespec ts;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &ts) < 0)
        return 0;
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void end_worker(struct worker *w)
{
    worker_end(&w->pid, &w->fd);
    w->ready = false;
    strbuf_reset(&w->in);
}

static int start_worker(struct parser_pool *p, struct worker *w, struct dobby_err *e)
{
    w->wall_start = time_now();
    return worker_start(&w->pid, &w->fd, p->path, -1, e);
}

/* ---- talking -------------------------------------------------------------------------------------- */

/* Send what the socket takes. False when the worker is gone. */
static bool pump_out(struct worker *w)
{
    unsigned char head[PROTOCOL_HEAD];
    size_t total = sizeof(head) + w->len;

    protocol_put_u32(head, PROTOCOL_REQUEST);
    protocol_put_u32(head + 4, (uint32_t)w->lang);
    protocol_put_u32(head + 8, (uint32_t)w->len);
    while (w->sent < total) {
        bool in_head = w->sent < sizeof(head);
        const void *from =
            in_head ? (const void *)(head + w->sent) : w->source + (w->sent - sizeof(head));
        size_t n = in_head ? sizeof(head) - w->sent : total - w->sent;
        ssize_t put = send(w->fd, from, n, MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        w->sent += (size_t)put;
    }
    return true;
}

/* Take what is there. False when the worker is gone, or says more than `max` bytes. */
static bool pump_in(struct worker *w, size_t max)
{
    char chunk[16384];

    for (;;) {
        ssize_t got = read(w->fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        if (got == 0)
            return false;
        strbuf_add(&w->in, chunk, (size_t)got);
        if (w->in.len > max)
            return false;
    }
}

/* ---- the pool ------------------------------------------------------------------------------------- */

/* The first words of a worker. False when they are not what a worker says. */
static bool take_hello(struct worker *w)
{
    struct reader r;

    if (w->in.len < 8)
        return true;
    reader_init(&r, w->in.s, w->in.len);
    if (reader_u32(&r) != PROTOCOL_HELLO || reader_u32(&r) != PARSE_VERSION || w->in.len != 8)
        return false;
    w->ready = true;
    strbuf_reset(&w->in);
    return true;
}

/* What is left of a worker's share for its heap. It has locked itself down before it said hello; lowering its limit needs
 * no word from it. */
static int limit_memory(const struct parser_pool *p, struct worker *w, struct dobby_err *e)
{
    size_t heap = p->share - p->max_reply - PARSE_MAX_SOURCE - WORKER_STACK;
    struct rlimit data = {heap, heap}, stack = {WORKER_STACK, WORKER_STACK};

    if (SANITIZED) /* they reserve terabytes of shadow memory */
        return 0;
    if ((prlimit(w->pid, RLIMIT_DATA, &data, NULL) == 0 &&
         prlimit(w->pid, RLIMIT_STACK, &stack, NULL) == 0) ||
        errno == ESRCH)
        return 0; /* one that is gone is noticed when it is needed */
    return err_errno(e, errno, NULL, "parser worker: limit its memory");
}

/* Wait for the hello of one worker. */
static int await_hello(struct parser_pool *p, struct worker *w, struct dobby_err *e)
{
    bool no_memory;

    while (!w->ready) {
        struct pollfd pf = {.fd = w->fd, .events = POLLIN};

        if (poll(&pf, 1, TICK_MS) > 0 && (!pump_in(w, p->max_reply) || strbuf_failed(&w->in)) &&
            w->in.len < 8)
            break;
        if (!take_hello(w) || time_now() - w->wall_start > HELLO_SECONDS)
            break;
    }
    if (w->ready)
        return limit_memory(p, w, e);
    no_memory = strbuf_failed(&w->in);
    end_worker(w);
    if (no_memory)
        return err_nomem(e, "a parser worker");
    return err_set(
        e, DOBBY_E_CONFIG,
        "parser worker: %s: does not answer as one; use the program of this very version", p->path);
}

int parser_pool_open(struct parser_pool **out, int n, size_t share, const char *worker_path,
                     struct dobby_err *e)
{
    struct parser_pool *p;
    int i, rc = 0;

    *out = NULL;
    if (n < 1 || n > MAX_WORKERS || !worker_path)
        return err_set(e, DOBBY_E_USAGE, "parser workers: %d: between 1 and %d are possible", n,
                       MAX_WORKERS);
    if (share && (share < PARSE_MIN_SHARE || share > PARSE_MAX_SHARE))
        return err_set(e, DOBBY_E_USAGE, "parser workers: %zu bytes each: %zu to %zu are possible",
                       share, PARSE_MIN_SHARE, PARSE_MAX_SHARE);
    p = mem_zalloc(sizeof(*p));
    if (!p)
        return err_nomem(e, "parser workers");
    p->share = share ? share : PARSE_MAX_SHARE;
    p->max_reply = p->share / PARSE_REPLY_SHARE;
    p->path = mem_strdup(worker_path);
    p->workers = mem_array((size_t)n, sizeof(*p->workers));
    p->polls = mem_array((size_t)n, sizeof(*p->polls));
    if (!p->path || !p->workers || !p->polls)
        rc = err_nomem(e, "parser workers");
    for (i = 0; rc == 0 && i < n; i++) {
        p->workers[i].fd = -1;
        p->n = i + 1;
        rc = start_worker(p, &p->workers[i], e);
    }
    for (i = 0; rc == 0 && i < n; i++)
        rc = await_hello(p, &p->workers[i], e);
    if (rc < 0)
        parser_pool_free(p);
    else
        *out = p;
    return rc;
}

void parser_pool_free(struct parser_pool *p)
{
    int i;

    if (!p)
        return;
    for (i = 0; i < p->n; i++) {
        end_worker(&p->workers[i]);
        strbuf_release(&p->workers[i].in);
    }
    mem_free(p->workers);
    mem_free(p->polls);
    mem_free(p->path);
    mem_free(p);
}

static struct worker *find_free(const struct parser_pool *p)
{
    int i;

    for (i = 0; i < p->n; i++)
        if (!p->workers[i].busy)
            return &p->workers[i];
    return NULL;
}

bool parser_pool_room(const struct parser_pool *p)
{
    return find_free(p) != NULL;
}

bool parser_pool_busy(const struct parser_pool *p)
{
    int i;

    for (i = 0; i < p->n; i++)
        if (p->workers[i].busy)
            return true;
    return false;
}

static void begin(struct worker *w)
{
    w->sent = 0;
    w->lost = false;
    w->attempt++;
    w->cpu_start = cpu_time(w->pid);
    w->wall_start = time_now();
    strbuf_reset(&w->in);
    /* A worker that is gone is noticed when its answer is awaited. */
    (void)pump_out(w);
}

int parser_pool_submit(struct parser_pool *p, enum language_id lang, const char *source, size_t len,
                       void *tag, struct dobby_err *e)
{
    struct worker *w = find_free(p);

    if (!w || !language_has_grammar(lang))
        return err_set(e, DOBBY_E_USAGE, "parser: %s",
                       w ? "no grammar for this language" : "all workers are busy");
    if (len > PARSE_MAX_SOURCE)
        return err_set(e, DOBBY_E_LIMIT, "parser: %zu bytes of text, at most %zu are parsed", len,
                       PARSE_MAX_SOURCE);
    w->busy = true;
    w->lang = lang;
    w->source = source;
    w->len = len;
    w->tag = tag;
    w->attempt = 0;
    w->n_ends = 0;
    w->lost = w->pid == 0;
    if (!w->lost)
        begin(w);
    return 0;
}

/* ---- collecting ----------------------------------------------------------------------------------- */

static void finish(struct worker *w, struct parse_result *r, const char *note)
{
    r->tag = w->tag;
    r->failed = note != NULL;
    r->n_ends = w->n_ends;
    r->note = note ? note : "";
    if (note)
        log_msg(LOG_WARN, "parse: %s", note);
    w->busy = false;
    w->source = NULL;
}

/* The worker ended before it answered. True when r is filled; false to try again. */
static bool handle_end(struct worker *w, struct parse_result *r)
{
    const char *note = "parser crashed";
    int status = 0;
    bool accident = true;

    if (w->pid > 0) {
        (void)kill(w->pid,
                   SIGKILL); /* it may only have closed its end; a status it already has stays */
        while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    w->pid = 0; /* it is reaped: nothing to kill */
    if (WIFEXITED(status) && WEXITSTATUS(status) == PROTOCOL_EXIT_NOMEM) {
        note = "parser ran out of memory";
        accident = false;
    }
    end_worker(w);
    w->lost = true;
    w->n_ends++;
    if (accident && w->attempt < ATTEMPTS)
        return false;
    finish(w, r, note);
    return true;
}

/* True when the worker has used up its time and r is filled. */
static bool handle_time(struct worker *w, struct parse_result *r)
{
    bool cpu = cpu_time(w->pid) - w->cpu_start > CPU_SECONDS;
    bool wall = time_now() - w->wall_start > WALL_SECONDS;

    if (!cpu && !wall)
        return false;
    end_worker(w);
    w->lost = true;
    w->n_ends++;
    if (!cpu && w->attempt < ATTEMPTS)
        return false;
    finish(w, r, "parser timed out");
    return true;
}

/* A whole reply is there: 1 with r filled, 0 not yet, negative for no memory. A reply out of form ends the worker. */
static int handle_reply(struct worker *w, struct parse_result *r, struct dobby_err *e)
{
    enum reply_state state = reply_state(w->in.s, w->in.len);
    int rc;

    if (state == REPLY_MORE)
        return 0;
    if (state == REPLY_WHOLE && w->sent == w->len + PROTOCOL_HEAD) {
        rc = reply_units(&r->units, w->in.s, w->in.len, w->source, w->len, e);
        if (rc == 0 || rc == DOBBY_E_LIMIT) {
            finish(w, r, rc == 0 ? NULL : "too many units");
            return 1;
        }
        if (rc == DOBBY_E_NOMEM)
            return rc;
    }
    end_worker(w);
    w->lost = true;
    w->n_ends++;
    finish(w, r, "parser crashed");
    return 1;
}

/* A reply that outgrows its part of the share counts like any other memory of the worker. */
static int handle_long_reply(struct worker *w, struct parse_result *r)
{
    end_worker(w);
    strbuf_release(&w->in);
    w->lost = true;
    w->n_ends++;
    finish(w, r, "parser ran out of memory");
    return 1;
}

/* Look after one busy worker; `ready` are its poll events. 1 with r filled, 0, or negative. */
static int attend(struct parser_pool *p, struct worker *w, short ready, struct parse_result *r,
                  struct dobby_err *e)
{
    bool alive = true;
    int rc;

    if (ready & POLLOUT)
        alive = pump_out(w);
    if (ready & (POLLIN | POLLHUP | POLLERR)) {
        alive = pump_in(w, p->max_reply) && alive;
        if (strbuf_failed(&w->in))
            return err_nomem(e, "a parser's reply");
        if (w->in.len > p->max_reply)
            return handle_long_reply(w, r);
        rc = handle_reply(w, r, e);
        if (rc != 0)
            return rc;
    }
    if (!alive)
        return handle_end(w, r);
    return handle_time(w, r);
}

/* Texts whose worker was lost go to a new one. */
static int restart_lost(struct parser_pool *p, struct dobby_err *e)
{
    int i, rc;

    for (i = 0; i < p->n; i++) {
        struct worker *w = &p->workers[i];

        if (!w->busy || !w->lost)
            continue;
        rc = start_worker(p, w, e);
        if (rc == 0)
            rc = await_hello(p, w, e);
        if (rc < 0)
            return rc;
        begin(w);
    }
    return 0;
}

int parser_pool_collect(struct parser_pool *p, struct parse_result *r, struct dobby_err *e)
{
    int i, rc = 0;

    *r = (struct parse_result){.note = ""};
    if (!parser_pool_busy(p))
        return err_set(e, DOBBY_E_USAGE, "parser: nothing is under way");
    for (;;) {
        rc = restart_lost(p, e);
        if (rc < 0)
            return rc;
        for (i = 0; i < p->n; i++) {
            struct worker *w = &p->workers[i];

            p->polls[i].fd = w->busy ? w->fd : -1;
            p->polls[i].events = (short)(POLLIN | (w->sent < w->len + PROTOCOL_HEAD ? POLLOUT : 0));
            p->polls[i].revents = 0;
        }
        if (poll(p->polls, (nfds_t)p->n, TICK_MS) < 0 && errno != EINTR)
            return err_errno(e, errno, NULL, "parser: poll");
        for (i = 0; i < p->n; i++) {
            if (!p->workers[i].busy)
                continue;
            rc = attend(p, &p->workers[i], p->polls[i].revents, r, e);
            if (rc != 0)
                return rc < 0 ? rc : 0;
        }
    }
}

int parser_pool_parse(struct parser_pool *p, enum language_id lang, const char *source, size_t len,
                      struct parse_result *r, struct dobby_err *e)
{
    int rc;

    *r = (struct parse_result){.note = ""};
    if (parser_pool_busy(p))
        return err_set(e, DOBBY_E_USAGE, "parser: other texts are under way");
    rc = parser_pool_submit(p, lang, source, len, NULL, e);
    return rc < 0 ? rc : parser_pool_collect(p, r, e);
}

void parse_result_release(struct parse_result *r)
{
    unit_list_release(&r->units);
    *r = (struct parse_result){.note = ""};
}
