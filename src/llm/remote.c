/* remote.c - an engine that is an OpenAI-compatible server, behind the same calls as the model's own (llm).
 *
 *     submit -> waiting (by `order`) --admit--> a slot: request, answer --read--> on_text, on_done
 *
 * One thread does everything that waits: it admits calls to slots (`agents` of them), moves bytes through libcurl's multi
 * interface, ends what was cancelled or is over its time, and runs the callbacks, one after the other, with no lock held.
 * Others only put calls on the list, set `abort`, and wake it.
 *
 * Network  http and https only; certificates are verified against the system's; redirects are not followed; no cookies, no
 *          .netrc, no compression. Proxies are libcurl's standard (http_proxy, https_proxy, all_proxy, no_proxy in the
 *          environment), except that loopback addresses are always spoken to directly. An answer is bounded in size.
 * Secrets  The API key goes into one header and nowhere else. URLs with a name or password in them are refused.
 * Retries  None here: DOBBY_E_UNAVAILABLE and DOBBY_E_TIME tell the caller that the same may work later. The one exception
 *          is a server that refuses to tell log-probabilities: it is asked again without.
 * Locks    `lock` is the only one, a leaf but for curl_multi_wakeup, which takes none of ours.
 * Next     remote_msg.h for what is said, engine.h. */
#include "base/fault.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/trace.h"
#include "llm/engine.h"
#include "llm/remote_msg.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#if LIBCURL_VERSION_NUM < 0x075500
#error                                                                                             \
    "libcurl 7.85 or later: global initialisation that is safe among threads (7.84), protocols by name (7.85)"
#endif

#define AGENTS_DEFAULT 10
#define AGENTS_MAX     4096
#define KEY_MAX        4096 /* bytes of an API key */
#define CONNECT_MS     10000
#define PROBE_MS       30000 /* for the list of models */
#define IDLE_MS        60000 /* nothing to wait for but a wake-up */
#define ANSWER_MAX                                                                                 \
    ((size_t)1 << 20) /* bytes of an answer without its tokens, and of a list of models */
#define TOKEN_MAX       ((size_t)4096) /* more of them for a token: its text, bytes and runner-up */
#define ANSWER_MAX_EVER ((size_t)256 << 20) /* whatever max_tokens says */

/* One prompt, from submit to the return of its last callback. */
struct call {
    dobby_ticket ticket;
    struct dobby_generate opt; /* its stops are the copies */
    char **stops;
    size_t n_stops;
    bool chat;
    struct strbuf body;
    size_t plain;      /* remote_put_request */
    atomic_int abort;  /* the code to end with; 0: go on. Relaxed: the wake-up orders it */
    struct strbuf got; /* the answer's bytes */
    size_t got_max;
    bool too_long; /* it had more than got_max */
    struct remote_answer answer;
    int status;
    struct dobby_err err;
    int slot; /* -1 while it waits */
    struct call *next;
    /* Guarded by the lock from here on. */
    double t_submit, t_admit, t_end;
    bool ended;
    struct call *all_next, *all_prev;
};

struct slot {
    CURL *easy; /* made when the slot is first used, kept with its connection */
    struct call *call;
    bool sent; /* the handle is with the multi handle */
    char why[CURL_ERROR_SIZE];
};

struct remote {
    struct dobby_engine base; /* what callers hold */
    char *url;                /* "http://host:port/path", without a slash at its end */
    char *url_text, *url_chat;
    char *name;    /* what requests say */
    char *api_key; /* NULL: none */
    bool loopback; /* the host is this machine */
    struct curl_slist *headers;
    struct dobby_trace *trace;
    int lane; /* group of the trace */
    size_t agents;
    CURLM *multi;
    pthread_t thread;
    bool started;
    atomic_bool plain; /* log-probabilities were refused; relaxed: at worst one more refusal */
    /* The I/O thread's own. */
    struct slot *slots; /* [agents] */
    bool moved; /* a call ended in this turn: there may be room for another, or no more to do */

    pthread_mutex_t lock;
    pthread_cond_t gone; /* a call's last callback has returned */
    struct call *all, *waiting;
    size_t n_running;
    bool cancels; /* some waiting call may be cancelled */
    bool closing;
    dobby_ticket next_ticket;
    struct dobby_stats stats;
};

/* ---- calls --------------------------------------------------------------------------------------------------- */

static void call_free(struct call *c)
{
    for (size_t i = 0; i < c->n_stops; i++)
        mem_free(c->stops[i]);
    mem_free(c->stops);
    strbuf_release(&c->body);
    strbuf_release(&c->got);
    remote_answer_release(&c->answer);
    mem_free(c);
}

static int copy_stops(struct call *c, const char *const *stops)
{
    size_t n = 0;

    while (stops && stops[n])
        n++;
    c->stops = mem_array(n + 1, sizeof(*c->stops)); /* NULL at its end */
    if (!c->stops)
        return -1;
    for (; c->n_stops < n; c->n_stops++)
        if (!(c->stops[c->n_stops] = mem_strdup(stops[c->n_stops])))
            return -1;
    c->opt.stops = (const char *const *)c->stops;
    return 0;
}

/* Bytes that an answer of so many tokens may have. */
static size_t answer_max(int max_tokens)
{
    size_t tokens;

    if (!size_mul((size_t)max_tokens, TOKEN_MAX, &tokens))
        return ANSWER_MAX_EVER;
    return size_min(tokens, ANSWER_MAX_EVER - ANSWER_MAX) + ANSWER_MAX;
}

static int call_new(struct call **out, struct remote *r, const struct engine_prompt *p,
                    const struct dobby_generate *g, struct dobby_err *e)
{
    struct call *c = mem_zalloc(sizeof(*c));
    int rc;

    if (!c)
        return err_nomem(e, "a request");
    c->opt = *g;
    c->chat = p->msg != NULL;
    c->slot = -1;
    c->got_max = answer_max(g->max_tokens);
    rc = copy_stops(c, g->stops) < 0 ? err_nomem(e, "a request") : 0;
    if (rc == 0)
        rc = remote_put_request(&c->body, &c->plain, r->name, p, g,
                                !atomic_load_explicit(&r->plain, memory_order_relaxed), e);
    if (rc < 0)
        call_free(c);
    else
        *out = c;
    return rc;
}

/* ---- what curl is told --------------------------------------------------------------------------------------- */

/* The library does not go through base/mem.h; so that tests can refuse it memory, its makers are asked through these. */
static CURL *easy_new(void)
{
    return fault_hit(FAULT_ALLOC) ? NULL : curl_easy_init();
}

static int add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = fault_hit(FAULT_ALLOC) ? NULL : curl_slist_append(*list, line);

    if (!more)
        return -1;
    *list = more;
    return 0;
}

static size_t on_bytes(char *p, size_t one, size_t n, void *ctx)
{
    struct call *c = ctx;

    (void)one; /* always 1 */
    if (n > c->got_max - c->got.len) {
        c->too_long = true;
        return 0;
    }
    strbuf_add(&c->got, p, n);
    return strbuf_failed(&c->got) ? 0 : n;
}

/* As curl would, but not to be inherited by a process that somebody starts meanwhile. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    (void)ctx;
    (void)purpose;
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* All that holds for every request. A setting that fails does so for want of memory. */
static int set_easy(const struct remote *r, CURL *easy, const char *url, struct call *c, char *why)
{
    CURLcode rc = CURLE_OK;

    curl_easy_reset(easy); /* keeps connections */
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_TCP_KEEPALIVE, 1L); /* a peer that is gone without a word is noticed in the end */
    SET(CURLOPT_HTTPHEADER, r->headers);
    SET(CURLOPT_USERAGENT, "dobby/" DOBBY_VERSION);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_ERRORBUFFER, why);
    if (r->loopback)
        SET(CURLOPT_PROXY, ""); /* what is meant for this machine stays on it */
#undef SET
    return rc == CURLE_OK ? 0 : -1;
}

static int set_post(CURL *easy, const struct strbuf *body)
{
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body->s) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len) ==
                       CURLE_OK
               ? 0
               : -1;
}

/* A transfer that brought no answer, as a code and half a sentence. */
static int transport_error(CURLcode code, const struct call *c, const char *why,
                           struct dobby_err *e)
{
    const char *text = *why ? why : curl_easy_strerror(code);

    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return err_nomem(e, "a request");
    case CURLE_WRITE_ERROR: /* on_bytes */
        if (!c->too_long)
            return err_nomem(e, "an answer");
        return err_set(e, DOBBY_E_LIMIT,
                       "the server's answer is longer than %zu bytes; is it an OpenAI-compatible "
                       "server?",
                       c->got_max);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return err_set(e, DOBBY_E_CONFIG,
                       "its certificate is not trusted: %s; install the authority that signed it, "
                       "or correct the host's name",
                       text);
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
    case CURLE_WEIRD_SERVER_REPLY:
        return err_set(e, DOBBY_E_FORMAT, "no HTTP answer: %s; check host and port", text);
    default:
        return err_set(e, DOBBY_E_UNAVAILABLE, "%s; is the server running, and the URL right?",
                       text);
    }
}

/* ---- the end of a call --------------------------------------------------------------------------------------- */

/* Put the failure into the call, with the server's URL before it. */
static void fail(struct remote *r, struct call *c, const struct dobby_err *why)
{
    c->status = err_set(&c->err, why->code, "server %s: %s", r->url, why->message);
}

static void fail_as(struct remote *r, struct call *c, int code, const char *message)
{
    struct dobby_err why = {0};

    (void)err_set(&why, code, "%s", message);
    fail(r, c, &why);
}

static void end_aborted(struct remote *r, struct call *c, int abort)
{
    char text[96];

    if (abort == DOBBY_E_CANCELLED) {
        c->status = err_set(&c->err, abort, "cancelled");
        return;
    }
    snprintf(text, sizeof(text), "no end after %d ms, the time limit; raise it, or try again",
             c->opt.time_limit_ms);
    fail_as(r, c, abort, text);
}

static struct dobby_result result_of(const struct call *c)
{
    bool done = c->status == 0;
    const struct remote_answer *a = &c->answer;

    return (struct dobby_result){
        .ticket = c->ticket,
        .status = c->status,
        .message = c->err.message,
        .text = done ? a->text : "",
        .len = done ? a->len : 0,
        .logprob = done ? a->logprob : NULL,
        .n_ids = done ? a->n_ids : 0,
        .sum_logprob = done ? a->sum_logprob : 0,
        .stop = done ? a->stop : "",
        .n_prompt = a->n_prompt,
        .n_cached = a->n_cached,
        .ms_queued = 1e3 * ((c->t_admit > 0 ? c->t_admit : c->t_end) - c->t_submit),
        .ms_total = 1e3 * (c->t_end - c->t_submit),
    };
}

static void count_end(struct remote *r, const struct call *c)
{
    struct dobby_stats *s = &r->stats;

    if (c->status == 0)
        s->n_done++;
    else if (c->status == DOBBY_E_CANCELLED)
        s->n_cancelled++;
    else
        s->n_failed++;
    s->n_prompt_tokens += c->answer.n_prompt;
    s->n_cached_tokens += c->answer.n_cached;
    s->n_prefix_hits += c->answer.n_cached > 0;
    s->n_written_tokens += c->answer.n_ids;
    if (c->t_admit <= 0)
        return;
    histogram_add(&s->queued_ms, 1e3 * (c->t_admit - c->t_submit));
    if (c->status == 0)
        histogram_add(&s->latency_ms, 1e3 * (c->t_end - c->t_admit));
}

static void trace_call(struct remote *r, const struct call *c, int slot)
{
    if (slot >= 0)
        trace_span(r->trace, r->lane, slot, "ask", c->t_admit, c->t_end,
                   "\"ticket\":%llu,\"prompt\":%zu,\"cached\":%zu,\"written\":%zu,"
                   "\"queued_ms\":%.1f,\"status\":%d",
                   (unsigned long long)c->ticket, c->answer.n_prompt, c->answer.n_cached,
                   c->answer.n_ids, 1e3 * (c->t_admit - c->t_submit), c->status);
}

static void forget(struct remote *r, struct call *c)
{
    if (c->all_prev)
        c->all_prev->all_next = c->all_next;
    else
        r->all = c->all_next;
    if (c->all_next)
        c->all_next->all_prev = c->all_prev;
    call_free(c);
    pthread_cond_broadcast(&r->gone);
}

/* The whole text at once, then the result. The call is gone afterwards; its slot is free before its last callback, which
 * may submit the next one. */
static void end_call(struct remote *r, struct call *c)
{
    int slot = c->slot, rc = 0;

    if (c->status == 0 && c->opt.on_text && c->answer.len > 0)
        rc = c->opt.on_text(c->opt.ctx, c->ticket, c->answer.text, c->answer.len);
    if (rc != 0)
        c->status = err_set(&c->err, engine_callback_code(rc), "ended by its callback");
    pthread_mutex_lock(&r->lock);
    c->t_end = time_now();
    c->ended = true;
    if (slot >= 0) {
        r->slots[slot].call = NULL;
        r->n_running--;
    }
    count_end(r, c);
    pthread_mutex_unlock(&r->lock);
    trace_call(r, c, slot);
    if (c->opt.on_done) {
        struct dobby_result res = result_of(c);
        c->opt.on_done(c->opt.ctx, &res);
    }
    pthread_mutex_lock(&r->lock);
    forget(r, c);
    pthread_mutex_unlock(&r->lock);
    r->moved = true;
}

/* ---- the I/O thread ------------------------------------------------------------------------------------------ */

static void send_call(struct remote *r, struct slot *s)
{
    struct call *c = s->call;

    s->why[0] = '\0';
    if (!s->easy)
        s->easy = easy_new();
    if (!s->easy || set_easy(r, s->easy, c->chat ? r->url_chat : r->url_text, c, s->why) < 0 ||
        set_post(s->easy, &c->body) < 0 || curl_multi_add_handle(r->multi, s->easy) != CURLM_OK) {
        c->status = err_nomem(&c->err, "a request");
        end_call(r, c);
        return;
    }
    s->sent = true;
}

static void take_back(struct remote *r, struct slot *s)
{
    if (s->sent)
        (void)curl_multi_remove_handle(r->multi, s->easy); /* closes a transfer that still runs */
    s->sent = false;
}

/* The server may know nothing of log-probabilities; the question is the same without. */
static bool ask_plainly(struct remote *r, struct slot *s, long status)
{
    struct call *c = s->call;

    if (c->plain + 1 == c->body.len ||
        !remote_refuses_logprobs(status, strbuf_str(&c->got), c->got.len))
        return false;
    if (!atomic_exchange(&r->plain, true))
        log_msg(LOG_INFO, "server %s: tells no log-probabilities; summaries have no confidence",
                r->url);
    remote_drop_logprobs(&c->body, c->plain);
    strbuf_reset(&c->got);
    send_call(r, s);
    return true;
}

/* What came of a transfer that ended with `code` and `status`. */
static int read_answer(struct remote *r, const struct slot *s, CURLcode code, long status,
                       struct dobby_err *e)
{
    struct call *c = s->call;

    if (code != CURLE_OK)
        return transport_error(code, c, s->why, e);
    if (status < 200 || status > 299)
        return remote_http_error(status, strbuf_str(&c->got), c->got.len, r->api_key, e);
    if (c->got.len == 0) /* what comes of a server that dies after its first line, too */
        return err_set(e, DOBBY_E_UNAVAILABLE, "an answer without content; try again later");
    return remote_read_answer(&c->answer, strbuf_str(&c->got), c->got.len, c->opt.stops, e);
}

/* The transfer of a slot has come to its end. */
static void take_answer(struct remote *r, struct slot *s, CURLcode code)
{
    struct call *c = s->call;
    struct dobby_err why = {0};
    long status = 0;

    take_back(r, s);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && ask_plainly(r, s, status))
        return;
    if (read_answer(r, s, code, status, &why) < 0)
        fail(r, c, &why);
    end_call(r, c);
}

static void collect(struct remote *r)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
        struct call *c = NULL;

        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c) == CURLE_OK && c)
            take_answer(r, &r->slots[c->slot], m->data.result);
    }
}

/* The code that a call in flight is to end with now, or 0. */
static int over(const struct call *c, double now)
{
    int abort = atomic_load_explicit(&c->abort, memory_order_relaxed);

    if (abort == 0 && c->opt.time_limit_ms > 0 && now - c->t_admit > 1e-3 * c->opt.time_limit_ms)
        abort = DOBBY_E_TIME;
    return abort;
}

static void stop_overdue(struct remote *r)
{
    double now = time_now();

    for (size_t i = 0; i < r->agents; i++) {
        struct slot *s = &r->slots[i];
        int abort = s->call ? over(s->call, now) : 0;

        if (abort == 0)
            continue;
        take_back(r, s);
        end_aborted(r, s->call, abort);
        end_call(r, s->call);
    }
}

/* The library itself is broken, most likely for want of memory: nothing that is in flight will come back. */
static void end_all(struct remote *r, CURLMcode code)
{
    for (size_t i = 0; i < r->agents; i++) {
        struct slot *s = &r->slots[i];

        if (!s->call)
            continue;
        take_back(r, s);
        fail_as(r, s->call, code == CURLM_OUT_OF_MEMORY ? DOBBY_E_NOMEM : DOBBY_E_INTERNAL,
                curl_multi_strerror(code));
        end_call(r, s->call);
    }
}

/* Waiting calls that were cancelled, taken from their list. */
static struct call *take_cancelled(struct remote *r)
{
    struct call *first = NULL, **end = &first;

    for (struct call **at = &r->waiting; r->cancels && *at;) {
        struct call *c = *at;

        if (atomic_load_explicit(&c->abort, memory_order_relaxed) == 0) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        r->stats.n_waiting--;
        c->next = NULL;
        *end = c;
        end = &c->next;
    }
    r->cancels = false;
    return first;
}

/* Give waiting calls to free slots, in order. */
static void admit(struct remote *r)
{
    for (size_t i = 0; i < r->agents && r->waiting; i++) {
        struct call *c = r->waiting;

        if (r->slots[i].call)
            continue;
        r->waiting = c->next;
        r->stats.n_waiting--;
        r->n_running++;
        r->slots[i].call = c;
        c->slot = (int)i;
        c->t_admit = time_now();
    }
}

/* Milliseconds until the next time limit. */
static int until_next(const struct remote *r)
{
    double now = time_now(), best = IDLE_MS;

    for (size_t i = 0; i < r->agents; i++) {
        const struct call *c = r->slots[i].call;
        double left;

        if (!c || c->opt.time_limit_ms == 0)
            continue;
        left = c->opt.time_limit_ms - 1e3 * (now - c->t_admit) + 1;
        best = left < best ? left : best;
    }
    return best > 0 ? (int)best : 0;
}

/* What is new: cancelled before it began, or to be begun. False when the engine closes and nothing is left. */
static bool take_news(struct remote *r)
{
    struct call *cancelled, *next;
    bool more;

    r->moved = false;
    pthread_mutex_lock(&r->lock);
    cancelled = take_cancelled(r);
    admit(r);
    more = !(r->closing && !r->all);
    pthread_mutex_unlock(&r->lock);
    for (; cancelled; cancelled = next) {
        next = cancelled->next;
        end_aborted(r, cancelled, DOBBY_E_CANCELLED);
        end_call(r, cancelled);
    }
    for (size_t i = 0; i < r->agents; i++)
        if (r->slots[i].call && !r->slots[i].sent)
            send_call(r, &r->slots[i]);
    return more;
}

static void *io_main(void *arg)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    struct remote *r = arg;

    while (take_news(r)) {
        int running;
        CURLMcode rc = curl_multi_perform(r->multi, &running);

        collect(r); /* before time is looked at: an answer that is here has come in time */
        stop_overdue(r);
        if (rc == CURLM_OK && !r->moved)
            rc = curl_multi_poll(r->multi, NULL, 0, until_next(r), NULL);
        if (rc != CURLM_OK) {
            end_all(r, rc);
            nanosleep(&pause, NULL); /* it may be so for a while */
        }
    }
    return NULL;
}

/* ---- what callers do ----------------------------------------------------------------------------------------- */

static void wake(struct remote *r)
{
    (void)curl_multi_wakeup(r->multi); /* it was tried when the engine was opened */
}

static int submit(struct dobby_engine *base, const struct engine_prompt *p,
                  const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    struct remote *r = (struct remote *)base;
    struct call *c = NULL, **at;
    int rc = call_new(&c, r, p, g, e);

    if (rc < 0)
        return rc;
    c->t_submit = time_now();
    pthread_mutex_lock(&r->lock);
    if (r->closing) {
        pthread_mutex_unlock(&r->lock);
        call_free(c);
        return err_set(e, DOBBY_E_CANCELLED, "the engine is closing");
    }
    c->ticket = ++r->next_ticket;
    *out = c->ticket;
    c->all_next = r->all;
    if (r->all)
        r->all->all_prev = c;
    r->all = c;
    for (at = &r->waiting; *at && (*at)->opt.order <= c->opt.order; at = &(*at)->next)
        ;
    c->next = *at;
    *at = c;
    r->stats.n_submitted++;
    r->stats.n_waiting++;
    wake(r); /* under the lock: afterwards the engine may be gone */
    pthread_mutex_unlock(&r->lock);
    return 0;
}

static struct call *find_ticket(const struct remote *r, dobby_ticket t)
{
    struct call *c = r->all;

    while (c && c->ticket != t)
        c = c->all_next;
    return c;
}

static void cancel_one(struct remote *r, struct call *c)
{
    if (c->ended)
        return;
    atomic_store_explicit(&c->abort, DOBBY_E_CANCELLED, memory_order_relaxed);
    r->cancels = true;
}

static void cancel(struct dobby_engine *base, dobby_ticket t)
{
    struct remote *r = (struct remote *)base;
    struct call *c;

    pthread_mutex_lock(&r->lock);
    c = find_ticket(r, t);
    if (c)
        cancel_one(r, c);
    wake(r);
    pthread_mutex_unlock(&r->lock);
}

static void wait_for(struct dobby_engine *base, dobby_ticket t)
{
    struct remote *r = (struct remote *)base;

    pthread_mutex_lock(&r->lock);
    while (t ? find_ticket(r, t) != NULL : r->all != NULL)
        pthread_cond_wait(&r->gone, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void get_stats(struct dobby_engine *base, struct dobby_stats *out)
{
    struct remote *r = (struct remote *)base;

    pthread_mutex_lock(&r->lock);
    *out = r->stats;
    out->n_running = r->n_running;
    pthread_mutex_unlock(&r->lock);
}

static void get_progress(struct dobby_engine *base, dobby_ticket t, struct dobby_progress *out)
{
    struct remote *r = (struct remote *)base;
    const struct call *c;

    pthread_mutex_lock(&r->lock);
    c = find_ticket(r, t);
    if (c && !c->ended) {
        out->state = c->t_admit > 0 ? DOBBY_ST_READING : DOBBY_ST_WAITING;
        out->ms = 1e3 * (time_now() - (c->t_admit > 0 ? c->t_admit : c->t_submit));
    }
    pthread_mutex_unlock(&r->lock);
}

static const char *model_name(const struct dobby_engine *base)
{
    return remote_title(((const struct remote *)base)->name);
}

static void engine_free(struct dobby_engine *base)
{
    struct remote *r = (struct remote *)base;

    pthread_mutex_lock(&r->lock);
    r->closing = true;
    for (struct call *c = r->all; c; c = c->all_next)
        cancel_one(r, c);
    if (r->started)
        wake(r);
    pthread_mutex_unlock(&r->lock);
    if (r->started)
        pthread_join(r->thread, NULL);
    for (size_t i = 0; r->slots && i < r->agents; i++)
        curl_easy_cleanup(r->slots[i].easy);
    curl_multi_cleanup(r->multi);
    curl_slist_free_all(r->headers);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->gone);
    mem_free(r->slots);
    mem_free(r->url);
    mem_free(r->url_text);
    mem_free(r->url_chat);
    mem_free(r->name);
    mem_free(r->api_key);
    mem_free(r);
}

static const struct engine_ops ops = {submit,       cancel,     wait_for,   get_stats,
                                      get_progress, model_name, engine_free};

/* ---- connecting ---------------------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *s = NULL;
    bool has = curl_url_get(u, part, &s, 0) == CURLUE_OK;

    curl_free(s);
    return has;
}

/* Drop slashes and one "/v1" from the end: the interface is named by what stands before it. */
static size_t trim_url(const char *url, size_t n)
{
    while (n > 0 && url[n - 1] == '/')
        n--;
    if (n > 3 && memcmp(url + n - 3, "/v1", 3) == 0)
        n -= 3;
    while (n > 0 && url[n - 1] == '/')
        n--;
    return n;
}

static int join(char **out, const char *a, const char *b, struct dobby_err *e)
{
    struct strbuf s = {0};

    strbuf_printf(&s, "%s%s", a, b);
    *out = strbuf_take(&s, NULL);
    return *out ? 0 : err_nomem(e, "a URL");
}

/* What is wrong with a URL is said without the URL: it may hold a password. */
static int check_url(CURLU *u, const char *url, struct dobby_err *e)
{
    char *scheme = NULL;
    bool http;

    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        return err_set(e, DOBBY_E_USAGE,
                       "the engine's URL cannot be read; write http://host:port or https://host");
    http = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
           (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    if (!http)
        return err_set(e, DOBBY_E_USAGE, "the engine's URL must begin with http:// or https://");
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
        return err_set(e, DOBBY_E_USAGE,
                       "the engine's URL holds a user or password; give an API key instead");
    if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))
        return err_set(e, DOBBY_E_USAGE,
                       "the engine's URL has a part behind its path (? or #); leave that out");
    return 0;
}

static int take_url(struct remote *r, const char *url, struct dobby_err *e)
{
    CURLU *u = fault_hit(FAULT_ALLOC) ? NULL : curl_url();
    char *host = NULL, *whole = NULL;
    int rc = u ? check_url(u, url, e) : err_nomem(e, "a URL");

    if (rc == 0 && (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
                    curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK))
        rc = err_nomem(e, "a URL");
    if (rc == 0) {
        r->loopback = is_loopback(host);
        r->url = mem_strndup(whole, trim_url(whole, strlen(whole)));
        rc = r->url ? join(&r->url_text, r->url, "/v1/completions", e) : err_nomem(e, "a URL");
    }
    if (rc == 0)
        rc = join(&r->url_chat, r->url, "/v1/chat/completions", e);
    curl_free(host);
    curl_free(whole);
    curl_url_cleanup(u);
    return rc;
}

static int take_key(struct remote *r, const char *key, struct dobby_err *e)
{
    size_t n = strnlen(key, KEY_MAX + 1);

    for (size_t i = 0; i < n; i++)
        if (key[i] <= 0x20 || key[i] >= 0x7F) /* whether char is signed or not */
            n = 0;
    if (n == 0 || n > KEY_MAX)
        return err_set(e, DOBBY_E_USAGE,
                       "the API key must be 1 to %d printable ASCII characters without spaces",
                       KEY_MAX);
    r->api_key = mem_strdup(key);
    if (!r->api_key)
        return err_nomem(e, "the API key");
    if (!r->loopback && strncmp(r->url, "http:", 5) == 0)
        log_msg(LOG_WARN, "server %s: the API key travels unencrypted; use https", r->url);
    return 0;
}

static int make_headers(struct remote *r, struct dobby_err *e)
{
    struct strbuf auth = {0};
    /* "Expect:" - no pause for permission before a long body, which small servers never give. */
    bool good = add_header(&r->headers, "Content-Type: application/json") == 0 &&
                add_header(&r->headers, "Accept: application/json") == 0 &&
                add_header(&r->headers, "Expect:") == 0;

    if (good && r->api_key) {
        strbuf_printf(&auth, "Authorization: Bearer %s", r->api_key);
        good = !strbuf_failed(&auth) && add_header(&r->headers, strbuf_str(&auth)) == 0;
    }
    strbuf_release(&auth);
    return good ? 0 : err_nomem(e, "a request");
}

/* Statuses by which a server says that it has no list of models; fine when the model was named. */
static bool has_no_list(long status)
{
    return status == 404 || status == 405 || status == 501;
}

/* Ask for the list of models: that somebody answers is to be known now, and what the model is called. */
static int probe(struct remote *r, CURL *easy, struct call *c, struct dobby_err *e)
{
    char why[CURL_ERROR_SIZE] = "", *url;
    CURLcode code;
    long status = 0;
    int rc = join(&url, r->url, "/v1/models", e);

    if (rc < 0)
        return rc;
    if (set_easy(r, easy, url, c, why) < 0 ||
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)PROBE_MS) != CURLE_OK) {
        mem_free(url);
        return err_nomem(e, "a request");
    }
    code = curl_easy_perform(easy);
    mem_free(url);
    if (code != CURLE_OK)
        return transport_error(code, c, why, e);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (r->name && ((status >= 200 && status < 300) || has_no_list(status)))
        return 0;
    if (status < 200 || status > 299)
        return remote_http_error(status, strbuf_str(&c->got), c->got.len, r->api_key, e);
    return remote_read_models(&r->name, strbuf_str(&c->got), c->got.len, e);
}

static int find_model(struct remote *r, const char *model, struct dobby_err *e)
{
    struct call c = {.got_max = ANSWER_MAX};
    struct dobby_err why = {0};
    CURL *easy;
    int rc = model ? remote_check_name(model, strlen(model), e) : 0;

    if (rc < 0)
        return rc;
    if (model && !(r->name = mem_strdup(model)))
        return err_nomem(e, "a model's name");
    easy = easy_new();
    if (!easy)
        return err_nomem(e, "a request");
    rc = probe(r, easy, &c, &why);
    curl_easy_cleanup(easy);
    strbuf_release(&c.got);
    return rc < 0 ? err_set(e, rc, "server %s: %s", r->url, why.message) : 0;
}

static int start(struct remote *r, struct dobby_err *e)
{
    int rc;

    r->slots = mem_array(r->agents, sizeof(*r->slots));
    r->multi = r->slots && !fault_hit(FAULT_ALLOC) ? curl_multi_init() : NULL;
    if (!r->multi)
        return err_nomem(e, "the requests");
    if (curl_multi_setopt(r->multi, CURLMOPT_MAXCONNECTS, (long)r->agents) != CURLM_OK ||
        curl_multi_wakeup(r->multi) != CURLM_OK)
        return err_set(e, DOBBY_E_IO,
                       "engine by URL: no pipe can be opened; raise the limit of open files");
    if (r->trace) {
        r->lane = trace_group(r->trace, "agents");
        for (size_t i = 0; i < r->agents; i++)
            trace_row(r->trace, r->lane, (int)i, "agent %zu", i + 1);
    }
    rc = thread_start(&r->thread, "dobby-remote", io_main, r, e);
    r->started = rc == 0;
    return rc;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_state; /* of the only call; written inside pthread_once */

/* Never undone: another user of the library in this process may still need it. */
static void init_curl(void)
{
    curl_state = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int set_up(struct remote *r, const struct dobby_remote_options *o, struct dobby_err *e)
{
    int rc;

    if (!o->url)
        return err_set(e, DOBBY_E_USAGE, "engine by URL: url is not set");
    if (o->agents < 0 || o->agents > AGENTS_MAX)
        return err_set(e, DOBBY_E_USAGE, "engine by URL: %d agents; use 1 to %d", o->agents,
                       AGENTS_MAX);
    r->agents = o->agents ? (size_t)o->agents : AGENTS_DEFAULT;
    r->trace = o->trace;
    pthread_once(&curl_once, init_curl);
    if (curl_state != CURLE_OK)
        return err_set(e, DOBBY_E_INTERNAL, "engine by URL: libcurl cannot be used: %s",
                       curl_easy_strerror(curl_state));
    rc = take_url(r, o->url, e);
    if (rc == 0 && o->api_key)
        rc = take_key(r, o->api_key, e);
    if (rc == 0)
        rc = make_headers(r, e);
    if (rc == 0)
        rc = find_model(r, o->model, e);
    return rc < 0 ? rc : start(r, e);
}

int dobby_engine_connect(struct dobby_engine **out, const struct dobby_remote_options *o,
                         struct dobby_err *e)
{
    struct dobby_remote_options opt;
    struct remote *r;
    int rc = options_take(&opt, sizeof(opt), o, "remote engine", e);

    *out = NULL;
    if (rc < 0)
        return rc;
    r = mem_zalloc(sizeof(*r));
    if (!r)
        return err_nomem(e, "an engine");
    r->base.ops = &ops;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->gone, NULL);
    rc = set_up(r, &opt, e);
    if (rc < 0)
        engine_free(&r->base);
    else
        *out = &r->base;
    return rc;
}
