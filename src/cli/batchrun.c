/* batchrun.c - see batchrun.h (cli).
 *
 *     input --> [ ready ]--ask-->[ asked ]--on_done--> back --+--> [ settled ] --in order--> output
 *                  ^                                          |
 *                  +-------- once more, after a pause --------+
 *
 * The window is a ring of jobs; brackets are states of a job in it. */
#include "cli/batchrun.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "cli/batchline.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/sig.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS  200 /* how often progress is drawn */
#define PAUSE_MS 500
#define WINDOW_AGENT                                                                               \
    8 /* lines in the window for each agent: how far one slow line may hold up the others */
#define WINDOW_MIN 64

enum job_state {
    JOB_READY,   /* to be asked, not before `due` */
    JOB_ASKED,   /* with the engine */
    JOB_SETTLED, /* its line is in `out` */
    JOB_LEFT     /* stopped: it has no line */
};

struct job {
    struct run *run;
    enum job_state state;
    uint64_t no;
    size_t size; /* bytes of its line, in and out */
    struct batch_request req;
    int tries;
    double due;
    dobby_ticket ticket;
    struct strbuf out;
    /* The result, written by the callback before the job is put on the list. */
    int status;
    struct strbuf text, message;
    size_t n_prompt, n_cached, n_written;
    double logprob;
    const char *stop;
    struct job *next; /* on the list */
};

struct run {
    const struct batch_options *o;
    struct batch_counts *c;
    struct dobby_err *e;
    struct line_reader in;
    struct job *ring;
    size_t cap, first, n; /* jobs from first on, n of them */
    size_t n_ready, n_asked, max_asked;
    size_t held;           /* bytes: sum of the jobs' sizes */
    uint64_t written_size; /* bytes of the input whose lines have left the window */
    int back_fd;           /* an eventfd: readable when something was put on the list */
    pthread_mutex_t mutex; /* guards back, back_end; a leaf */
    struct job *back, **back_end;
    int seen_stop;  /* the value of *sig_stop() that was acted upon */
    bool cancelled; /* what is with the engine was told to end */
    bool in_closed; /* nothing more is read */
    bool left;      /* a stop left lines without a result */
    int rc;         /* the failure that ends the run */
    bool out_failed;
    size_t failures; /* of the engine, lines in a row */
    size_t n_notes;
    double start, first_asked; /* time_now(); 0: nothing was asked yet */
};

static struct job *job_at(struct run *r, size_t i)
{
    return &r->ring[(r->first + i) % r->cap];
}

/* The first failure wins; 0 changes nothing. */
static void end_run(struct run *r, int rc)
{
    if (r->rc == 0)
        r->rc = rc;
}

/* ---- the engine's side -------------------------------------------------------------------------- */

static void on_done(void *ctx, const struct dobby_result *res)
{
    struct job *j = ctx;
    struct run *r = j->run;
    uint64_t one = 1;

    j->status = res->status;
    j->n_prompt = res->n_prompt;
    j->n_cached = res->n_cached;
    j->n_written = res->n_ids;
    j->logprob = res->logprob ? res->sum_logprob : (double)NAN; /* a server may tell none */
    j->stop = strcmp(res->stop, "end") == 0      ? "end"
              : strcmp(res->stop, "string") == 0 ? "string"
                                                 : "length";
    strbuf_reset(&j->text);
    strbuf_reset(&j->message);
    if (res->status == 0)
        strbuf_add(&j->text, res->text, res->len);
    else
        strbuf_puts(&j->message, res->message);
    pthread_mutex_lock(&r->mutex);
    j->next = NULL;
    *r->back_end = j;
    r->back_end = &j->next;
    pthread_mutex_unlock(&r->mutex);
    while (write(r->back_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static struct job *take_back(struct run *r)
{
    struct job *j;

    pthread_mutex_lock(&r->mutex);
    j = r->back;
    r->back = NULL;
    r->back_end = &r->back;
    pthread_mutex_unlock(&r->mutex);
    return j;
}

/* ---- settling a job ----------------------------------------------------------------------------- */

static void settle(struct run *r, struct job *j, enum job_state state)
{
    batch_request_forget(&j->req);
    strbuf_release(&j->text);
    j->state = state;
    if (state == JOB_LEFT)
        r->left = true;
    if (strbuf_failed(&j->out))
        end_run(r, err_nomem(r->e, "a line of the output"));
    r->held += j->out.len;
    j->size += j->out.len;
}

static void note(struct run *r, const char *message)
{
    if (r->n_notes++ < BATCH_NOTES)
        term_message(r->o->term, LOG_WARN, message);
}

/* For good. `wrong`: the line is to blame. */
static void fail_job(struct run *r, struct job *j, bool wrong, const char *message)
{
    batch_put_error(&j->out, &j->req.id, message);
    note(r, message);
    if (wrong)
        r->c->n_bad++;
    else
        r->c->n_failed++;
    settle(r, j, JOB_SETTLED);
}

static void finish_job(struct run *r, struct job *j)
{
    batch_put_result(&j->out, &j->req.id, strbuf_str(&j->text), j->text.len, j->n_written,
                     j->logprob, j->stop);
    r->failures = 0;
    r->c->n_done++;
    r->c->n_prompt += j->n_prompt;
    r->c->n_cached += j->n_cached;
    r->c->n_written += j->n_written;
    settle(r, j, JOB_SETTLED);
}

enum blame {
    BLAME_LINE,   /* asked again it would fail again */
    BLAME_TIME,   /* of this line, but another time it may be quicker */
    BLAME_ENGINE, /* may pass */
    BLAME_SET_UP  /* holds for every line */
};

static enum blame blame(int code)
{
    switch (code) {
    case DOBBY_E_FORMAT:
    case DOBBY_E_UNSUPPORTED:
    case DOBBY_E_USAGE:
    case DOBBY_E_LIMIT:
        return BLAME_LINE;
    case DOBBY_E_TIME:
        return BLAME_TIME;
    case DOBBY_E_PERMISSION:
    case DOBBY_E_CONFIG:
    case DOBBY_E_NOTFOUND:
        return BLAME_SET_UP;
    default:
        return BLAME_ENGINE;
    }
}

static double pause_of(const struct run *r, int tries)
{
    double ms = r->o->pause_ms > 0 ? r->o->pause_ms : PAUSE_MS;

    return 1e-3 * (tries > 1 ? 6 * ms : ms);
}

/* The engine's word on a line that it failed for good. */
static void give_up(struct run *r, struct job *j, int code, const char *why)
{
    struct dobby_err message = {0};
    enum blame b = blame(code);

    if (j->tries > 1)
        (void)err_set(&message, code, "line %" PRIu64 ": %s (%d tries)", j->no, why, j->tries);
    else
        (void)err_set(&message, code, "line %" PRIu64 ": %s", j->no, why);
    fail_job(r, j, b == BLAME_LINE, message.message);
    if (b == BLAME_SET_UP)
        end_run(r, err_set(r->e, code, "batch: %s", message.message));
    r->failures += b == BLAME_ENGINE;
    if (r->failures >= BATCH_FAILURES)
        end_run(r, err_set(r->e, code, "batch: the engine failed %d lines in a row: %s",
                           BATCH_FAILURES, message.message));
}

/* A try without a text: once more, or never again. */
static void failed_try(struct run *r, struct job *j, int code, const char *why)
{
    enum blame b = blame(code);

    j->tries++;
    if (b == BLAME_LINE || b == BLAME_SET_UP || j->tries >= BATCH_TRIES) {
        give_up(r, j, code, why);
        return;
    }
    j->state = JOB_READY;
    j->due = time_now() + pause_of(r, j->tries);
    r->n_ready++;
    r->c->n_retries++;
}

static void take_result(struct run *r, struct job *j)
{
    r->n_asked--;
    if (j->status == DOBBY_E_CANCELLED)
        settle(r, j, JOB_LEFT);
    else if (strbuf_failed(&j->text) || strbuf_failed(&j->message))
        failed_try(r, j, DOBBY_E_NOMEM,
                   "out of memory for its text; free some, or use fewer agents");
    else if (j->status == 0)
        finish_job(r, j);
    else
        failed_try(r, j, j->status, strbuf_str(&j->message));
}

static void take_results(struct run *r)
{
    uint64_t n;

    /* Emptied before the list is: what is put there after that is announced again. */
    while (read(r->back_fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
    for (struct job *j = take_back(r), *next; j; j = next) {
        next = j->next;
        take_result(r, j);
    }
}

/* ---- the window --------------------------------------------------------------------------------- */

static bool has_room(const struct run *r)
{
    return !r->in_closed && r->n < r->cap && (r->n == 0 || r->held < BATCH_HELD_MAX);
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

static struct job *new_job(struct run *r, size_t size)
{
    struct job *j = job_at(r, r->n++);

    *j = (struct job){.run = r, .state = JOB_READY, .no = r->in.n, .size = size};
    r->held += size;
    return j;
}

static void too_long(struct run *r)
{
    struct job *j = new_job(r, 0);
    struct dobby_err why = {0};

    batch_request_number(&j->req, j->no);
    (void)err_set(&why, DOBBY_E_LIMIT, "line %" PRIu64 ": longer than %zu MB; make it shorter",
                  j->no, BATCH_LINE_MAX >> 20);
    fail_job(r, j, true, why.message);
}

static void take_line(struct run *r, const char *line, size_t len)
{
    struct job *j = new_job(r, len);
    struct dobby_err why = {0};
    int rc = batch_request_parse(&j->req, j->no, line, len, &why);

    if (rc < 0)
        fail_job(r, j, rc != DOBBY_E_NOMEM, why.message);
    else
        r->n_ready++;
}

/* Lines that were read enter the window. */
static void take_lines(struct run *r)
{
    const char *line;
    size_t len;

    while (has_room(r)) {
        switch (line_reader_next(&r->in, &line, &len)) {
        case LINE_NONE:
            r->in_closed = r->in.eof;
            return;
        case LINE_TOO_LONG:
            too_long(r);
            break;
        case LINE_WHOLE:
            if (!is_blank(line, len))
                take_line(r, line, len);
        }
    }
}

static int ask(struct run *r, struct job *j, struct dobby_err *e)
{
    const char *given[] = {r->o->stop, NULL};
    struct dobby_generate g;

    DOBBY_INIT(g);
    g.max_tokens = j->req.max_tokens ? j->req.max_tokens : r->o->max_tokens;
    g.stops = j->req.stops ? j->req.stops : given;
    g.time_limit_ms = r->o->time_limit_ms;
    g.ctx = j;
    g.on_done = on_done;
    if (j->req.msg)
        return dobby_submit_chat(r->o->engine, j->req.msg, j->req.n_msg, &g, &j->ticket, e);
    return dobby_submit_text(r->o->engine, j->req.prompt, j->req.len, &g, &j->ticket, e);
}

/* In the order of the input, as far as the engine shall have them. Two for each agent, so that one who is done finds the
 * next line waiting. */
static void ask_ready(struct run *r)
{
    double now = time_now();

    for (size_t i = 0; i < r->n && r->n_ready > 0 && r->n_asked < r->max_asked && r->rc == 0; i++) {
        struct job *j = job_at(r, i);
        struct dobby_err why = {0};
        int rc;

        if (j->state != JOB_READY || j->due > now)
            continue;
        r->n_ready--;
        r->n_asked++;
        j->state = JOB_ASKED; /* before the callback can come */
        if (r->first_asked <= 0)
            r->first_asked = now;
        rc = ask(r, j, &why);
        if (rc == 0)
            continue;
        r->n_asked--;
        failed_try(r, j, rc, why.message);
    }
}

static void put_line(struct run *r, const struct job *j)
{
    int rc;

    if (j->state != JOB_SETTLED || r->out_failed || strbuf_failed(&j->out))
        return;
    rc = out_write(r->o->out, strbuf_str(&j->out), j->out.len, r->e);
    r->out_failed = rc < 0;
    end_run(r, rc);
}

/* Settled lines leave the window, up to the first that is not; a reader sees them at once. */
static void emit(struct run *r)
{
    size_t before = r->n;
    int rc;

    while (r->n > 0 && r->ring[r->first].state >= JOB_SETTLED) {
        struct job *j = &r->ring[r->first];

        if (before == r->n)
            term_clear(r->o->term); /* results may go to the same screen */
        put_line(r, j);
        r->held -= j->size;
        r->written_size += j->size - j->out.len;
        batch_request_release(&j->req);
        strbuf_release(&j->text);
        strbuf_release(&j->message);
        strbuf_release(&j->out);
        r->first = (r->first + 1) % r->cap;
        r->n--;
    }
    if (r->n == before || r->out_failed)
        return;
    rc = out_flush(r->o->out, r->e);
    r->out_failed = rc < 0;
    end_run(r, rc);
}

/* ---- stops -------------------------------------------------------------------------------------- */

static void leave_ready(struct run *r)
{
    if (!r->in.eof || line_reader_ready(&r->in))
        r->left = true;
    r->in_closed = true;
    for (size_t i = 0; i < r->n; i++) {
        struct job *j = job_at(r, i);

        if (j->state == JOB_READY)
            settle(r, j, JOB_LEFT);
    }
    r->n_ready = 0;
}

static void cancel_asked(struct run *r)
{
    if (r->cancelled)
        return;
    r->cancelled = true;
    for (size_t i = 0; i < r->n; i++) {
        if (job_at(r, i)->state == JOB_ASKED)
            dobby_cancel(r->o->engine, job_at(r, i)->ticket);
    }
}

/* What waits behind others has not begun. */
static void cancel_waiting(struct run *r)
{
    size_t n_begun = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct job *j = job_at(r, i);
        struct dobby_progress p;

        if (j->state != JOB_ASKED)
            continue;
        dobby_get_progress(r->o->engine, j->ticket, &p);
        if (p.state == DOBBY_ST_WAITING)
            dobby_cancel(r->o->engine, j->ticket);
        else
            n_begun++;
    }
    term_say(r->o->term,
             "stopping: %zu prompts at work will be finished; Ctrl-C again leaves at once",
             n_begun);
}

static void see_stop(struct run *r)
{
    int stop = *sig_stop();

    if (stop == 1 && r->seen_stop == 0 && r->rc == 0)
        cancel_waiting(r);
    else if (stop > 1 && r->seen_stop < 2 && r->rc == 0)
        term_say(r->o->term, "leaving at once; what was done is kept");
    r->seen_stop = stop;
    if (stop > 0 || r->rc < 0)
        leave_ready(r);
    if (stop > 1 || r->rc < 0)
        cancel_asked(r);
}

/* ---- progress ----------------------------------------------------------------------------------- */

/* Tokens computed a second; with an engine that does not tell, those of the answers. */
static double token_rate(const struct run *r, double now)
{
    struct dobby_stats st = {0};
    uint64_t n;

    dobby_get_stats(r->o->engine, &st);
    n = st.n_columns ? st.n_columns : r->c->n_written;
    return now - r->first_asked >= 0.5 ? (double)n / (now - r->first_asked) : 0;
}

static void draw(struct run *r)
{
    uint64_t settled = r->c->n_done + r->c->n_bad + r->c->n_failed;
    double now = time_now(), rate, share;
    struct strbuf b[5] = {0};
    const char *field[6] = {"batch"};

    if (r->first_asked <= 0 || !term_due(r->o->term))
        return;
    rate = token_rate(r, now);
    share = r->o->in_size ? (double)r->written_size / (double)r->o->in_size : 0;
    strbuf_printf(&b[0], "%" PRIu64 " done", r->c->n_done);
    if (share > 0) {
        strbuf_puts(&b[1], "ETA ");
        cli_put_seconds(&b[1], (now - r->first_asked) * (1 - share) / share);
    }
    if (rate > 0)
        strbuf_printf(&b[2], "%.0f tokens/s", rate);
    strbuf_printf(&b[3], "%zu running", size_min(r->n_asked, (size_t)r->o->agents));
    if (settled > r->c->n_done)
        strbuf_printf(&b[4], "%" PRIu64 " failed", settled - r->c->n_done);
    for (size_t i = 0; i < ARRAY_LEN(b); i++)
        field[i + 1] = strbuf_str(&b[i]);
    term_progress(r->o->term, field, ARRAY_LEN(field), NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(b); i++)
        strbuf_release(&b[i]);
}

/* ---- the run ------------------------------------------------------------------------------------ */

/* Until the next pause is over or progress is due; -1: as long as it takes. */
static int time_out(struct run *r)
{
    double soonest = r->n_asked > 0 ? TICK_MS : -1, now = time_now();

    for (size_t i = 0; i < r->n && r->n_ready > 0 && r->n_asked < r->max_asked; i++) {
        const struct job *j = job_at(r, i);
        double ms = 1e3 * (j->due - now);

        if (j->state == JOB_READY && (soonest < 0 || ms < soonest))
            soonest = ms > 0 ? ms : 0;
    }
    return soonest < 0 ? -1 : (int)ceil(soonest);
}

/* Sleep until there is something to do; read, if that is it. */
static int wait_for_more(struct run *r)
{
    struct pollfd fds[2] = {{.fd = r->back_fd, .events = POLLIN},
                            {.fd = r->in.fd, .events = POLLIN}};
    bool room = has_room(r) && !r->in.eof;
    int rc, ms = has_room(r) && (r->in.eof || line_reader_ready(&r->in)) ? 0 : time_out(r);

    rc = sig_wait_fds(fds, room ? 2 : 1, ms, r->seen_stop, r->e);
    if (rc > 0 && room && fds[1].revents) {
        rc = line_reader_fill(&r->in, r->e);
        if (rc == DOBBY_E_CANCELLED) /* a signal; see_stop finds it */
            rc = 0;
    }
    return rc < 0 ? rc : 0;
}

static void loop(struct run *r)
{
    for (;;) {
        take_results(r);
        emit(r);
        see_stop(r);
        take_lines(r);
        ask_ready(r);
        emit(r);
        draw(r);
        if (r->in_closed && r->n == 0)
            return;
        end_run(r, wait_for_more(r));
    }
}

static int set_up(struct run *r)
{
    r->max_asked = 2 * (size_t)r->o->agents;
    r->cap = size_max(WINDOW_AGENT * (size_t)r->o->agents, WINDOW_MIN);
    r->ring = mem_array(r->cap, sizeof(*r->ring));
    if (!r->ring)
        return err_nomem(r->e, "the agents");
    r->back_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->back_fd < 0)
        return err_errno(r->e, errno, NULL, "batch: an event counter");
    return 0;
}

int batch_run(const struct batch_options *o, struct batch_counts *c, struct dobby_err *e)
{
    struct run r = {.o = o, .c = c, .e = e, .back_fd = -1, .start = time_now()};

    *c = (struct batch_counts){0};
    r.back_end = &r.back;
    pthread_mutex_init(&r.mutex, NULL);
    line_reader_init(&r.in, o->in, o->in_name, BATCH_LINE_MAX);
    r.rc = set_up(&r);
    if (r.rc == 0)
        loop(&r);
    dobby_drain(o->engine); /* the last callback may not have returned yet, and it holds the list */
    if (r.n_notes > BATCH_NOTES)
        term_say(o->term, "%zu more failed lines; the output has them all",
                 r.n_notes - BATCH_NOTES);
    c->seconds = time_now() - r.start;
    c->torn = r.out_failed;
    if (r.back_fd >= 0)
        close(r.back_fd);
    mem_free(r.ring);
    line_reader_release(&r.in);
    pthread_mutex_destroy(&r.mutex);
    if (r.rc == 0 && r.left)
        return err_set(e, DOBBY_E_CANCELLED, "batch: stopped; the lines that were done are kept");
    return r.rc;
}
