/* view.c - see view.h (cli). */
#include "cli/view.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/sig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void view_init(struct view *v, struct term *t)
{
    *v = (struct view){.term = t, .infer_start = -1};
    pthread_mutex_init(&v->lock, NULL);
}

void view_release(struct view *v)
{
    for (size_t i = 0; i < ARRAY_LEN(v->line); i++)
        strbuf_release(&v->line[i]);
    for (size_t i = 0; i < v->n_reasons; i++) {
        mem_free(v->reason[i].why);
        for (size_t k = 0; k < VIEW_NAMES; k++)
            mem_free(v->reason[i].name[k]);
    }
    pthread_mutex_destroy(&v->lock);
}

/* ---- while it works ---------------------------------------------------------------------------- */

/* Units that need nothing any more in this run, whatever came of them. */
static size_t settled(const struct dobby_event *ev)
{
    return ev->n_done + ev->n_cached + ev->n_failed;
}

static size_t left(const struct dobby_event *ev)
{
    return ev->n_total > settled(ev) ? ev->n_total - settled(ev) : 0;
}

/* Tokens that were computed: what is only asked for, or came from the prefix cache, would flatter the rate. */
static void put_rate(struct strbuf *rate, struct strbuf *eta, const struct view *v,
                     const struct dobby_event *ev)
{
    double s = ev->seconds - v->infer_start;
    size_t done = settled(ev) - v->done_at_start;

    if (v->infer_start < 0 || s < 0.5)
        return;
    strbuf_printf(rate, "%.0f tokens/s", (double)ev->n_tokens_computed / s);
    if (done == 0 || left(ev) == 0)
        return;
    strbuf_puts(eta, "ETA ");
    cli_put_seconds(eta, s / (double)done * (double)left(ev));
}

void view_agent_line(struct strbuf *out, const struct dobby_agent *a)
{
    static const char *const words[] = {[DOBBY_ST_GONE] = "working",
                                        [DOBBY_ST_WAITING] = "waiting",
                                        [DOBBY_ST_PARKED] = "waiting",
                                        [DOBBY_ST_READING] = "reading",
                                        [DOBBY_ST_WRITING] = "writing"};
    const struct dobby_progress *p = &a->progress;
    char tokens[48] = "", seconds[32];

    if (p->state == DOBBY_ST_READING)
        snprintf(tokens, sizeof(tokens), "%zu/%zu", p->n_read, p->n_prompt);
    else if (p->state == DOBBY_ST_WRITING)
        snprintf(tokens, sizeof(tokens), "%zu", p->n_written);
    if (a->backing_off)
        snprintf(seconds, sizeof(seconds), "in %.1f s", a->wait_s);
    else
        snprintf(seconds, sizeof(seconds), "%.1f s", p->ms / 1000);
    strbuf_printf(out, "%3d  %-8s %9s %8s  %s", a->slot + 1,
                  a->backing_off ? "retrying" : words[p->state], tokens, seconds, a->label);
    if (a->attempt > 1)
        strbuf_printf(out, " (form %d)", a->attempt);
    if (a->tries > 1)
        strbuf_printf(out, " (try %d)", a->tries);
}

/* A line for each agent as far as there is room; the last one counts those that have none. */
static size_t agent_lines(struct view *v, const struct dobby_event *ev)
{
    size_t room = term_room(v->term), all = size_max(ev->n_running, ev->n_agents),
           n = size_min(ev->n_agents, room);

    if (n == 0)
        return 0;
    if (all > n && n == room)
        n--;
    for (size_t i = 0; i < n; i++) {
        strbuf_reset(&v->line[i]);
        view_agent_line(&v->line[i], &ev->agents[i]);
    }
    if (all == n)
        return n;
    strbuf_reset(&v->line[n]);
    strbuf_printf(&v->line[n], "     and %zu more", all - n);
    return n + 1;
}

static void draw(struct view *v, const struct dobby_event *ev)
{
    struct strbuf b[6] = {0};
    const char *field[7] = {v->stage}, *line[TERM_LINES_MAX];
    size_t n = ev->n_total > 0 ? ARRAY_LEN(field) : 1, n_lines;

    /* Between ticks nobody says what the agents do: their lines stay until the next one. */
    if ((v->live && ev->kind == DOBBY_EV_UNIT) || !term_due(v->term))
        return;
    n_lines = agent_lines(v, ev);
    v->live = n_lines > 0;
    for (size_t i = 0; i < n_lines; i++)
        line[i] = strbuf_str(&v->line[i]);
    strbuf_printf(&b[0], "%zu of %zu done", ev->n_done + ev->n_cached, ev->n_total);
    put_rate(&b[2], &b[1], v, ev);
    strbuf_printf(&b[3], "%zu left", left(ev));
    strbuf_printf(&b[4], "%zu cached", ev->n_cached);
    if (ev->n_failed > 0)
        strbuf_printf(&b[5], "%zu failed", ev->n_failed);
    for (size_t i = 1; i < n; i++)
        field[i] = strbuf_str(&b[i - 1]);
    term_progress(v->term, field, n, line, n_lines);
    for (size_t i = 0; i < ARRAY_LEN(b); i++)
        strbuf_release(&b[i]);
}

static void note(struct view *v, const char *text)
{
    /* A tree with ten thousand unreadable files shall not scroll the rest away. */
    if (v->n_notes++ < VIEW_NOTES)
        term_message(v->term, LOG_WARN, text);
}

/* Numbers in a reason (of tokens, of milliseconds) do not make it another one. */
static bool same_reason(const char *a, const char *b)
{
    for (;;) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0123456789");
            b += strspn(b, "0123456789");
        }
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

static void collect_failure(struct view *v, const struct dobby_event *ev)
{
    struct view_reason *r = v->reason, *end = v->reason + v->n_reasons;

    while (r < end && !same_reason(r->why, ev->failure))
        r++;
    if (r == end) {
        char *why = v->n_reasons < VIEW_REASONS ? mem_strdup(ev->failure) : NULL;

        if (!why) { /* no room, no memory */
            v->n_other += ev->n_units;
            return;
        }
        *r = (struct view_reason){.why = why};
        v->n_reasons++;
    }
    if (r->n_questions < VIEW_NAMES)
        r->name[r->n_questions] = mem_strdup(ev->text);
    r->n_questions++;
    r->n_units += ev->n_units;
}

static void announce_stop(struct view *v, const struct dobby_event *ev)
{
    int stop = *sig_stop();

    if (stop == v->told_stop)
        return;
    v->told_stop = stop;
    if (stop == 1)
        term_say(v->term,
                 "stopping: %zu units in flight will be finished; Ctrl-C again leaves at once",
                 ev->n_running);
    else
        term_say(v->term, "leaving at once; what was done is kept");
}

void view_event(struct view *v, const struct dobby_event *ev)
{
    pthread_mutex_lock(&v->lock);
    announce_stop(v, ev);
    if (ev->n_running > 0 && v->infer_start < 0) {
        v->infer_start = ev->seconds;
        v->done_at_start = settled(ev);
    }
    switch (ev->kind) {
    case DOBBY_EV_STAGE:
        strncpy(v->stage, ev->text, sizeof(v->stage) - 1);
        term_restart(v->term);
        break;
    case DOBBY_EV_NOTE:
        note(v, ev->text);
        break;
    case DOBBY_EV_FAILED:
        collect_failure(v, ev);
        break;
    default:
        draw(v, ev);
    }
    pthread_mutex_unlock(&v->lock);
}

/* ---- what is left undone ----------------------------------------------------------------------- */

/* Most units first. */
static int compare_reasons(const void *pa, const void *pb)
{
    const struct view_reason *a = pa, *b = pb;

    return (a->n_units < b->n_units) - (a->n_units > b->n_units);
}

void view_undone(struct view *v)
{
    qsort(v->reason, v->n_reasons, sizeof(v->reason[0]), compare_reasons);
    for (size_t i = 0; i < v->n_reasons; i++) {
        const struct view_reason *r = &v->reason[i];
        struct strbuf names = {0};

        for (size_t k = 0; k < VIEW_NAMES && r->name[k]; k++)
            strbuf_printf(&names, "%s%s", k ? ", " : "", r->name[k]);
        if (r->n_questions > VIEW_NAMES)
            strbuf_puts(&names, ", ...");
        term_say(v->term, "undone: %5zu unit%s  %s  (%s)", r->n_units, r->n_units == 1 ? " " : "s",
                 r->why, strbuf_str(&names));
        strbuf_release(&names);
    }
    if (v->n_other > 0)
        term_say(v->term, "undone: %5zu unit%s  for other reasons", v->n_other,
                 v->n_other == 1 ? " " : "s");
}

/* ---- at its end -------------------------------------------------------------------------------- */

static void put_stage(struct strbuf *b, const char *name, double s)
{
    strbuf_printf(b, "%s%s ", b->len ? ", " : "", name);
    cli_put_seconds(b, s);
}

/* Percent of the prompt tokens that were not computed again. */
static double cached_percent(const struct dobby_summary_stats *st)
{
    return st->n_tokens_read ? (double)st->n_tokens_cached / (double)st->n_tokens_read * 100 : 0;
}

/* "p50 12.0, p95 31.5" of milliseconds. */
static void tell_quantiles(struct view *v, const char *what, const struct dobby_histogram *h,
                           int high)
{
    if (h->n > 0)
        term_say(v->term, "stats: %s: p50 %.1f, p%d %.1f, most %.1f", what, dobby_quantile(h, 0.5),
                 high, dobby_quantile(h, high / 100.0), h->max);
}

static double mean(const struct dobby_histogram *h)
{
    return h->n ? h->sum / (double)h->n : 0;
}

static void tell_kv(struct view *v, const struct dobby_stats *en)
{
    struct strbuf block = {0};

    cli_put_bytes(&block, (double)en->kv_block_bytes);
    term_say(v->term, "stats: KV blocks of %s: used now %zu, kept for reuse %zu, peak %zu, all %zu",
             strbuf_str(&block), en->kv_blocks_used, en->kv_blocks_cached, en->kv_blocks_peak,
             en->kv_blocks_total);
    strbuf_release(&block);
}

static void tell_engine(struct view *v, const struct dobby_summary_stats *st)
{
    const struct dobby_stats *en = &st->engine;
    struct strbuf memory = {0};

    if (st->memory > 0) {
        strbuf_puts(&memory, ", memory bound ");
        cli_put_bytes(&memory, (double)st->memory);
    }
    term_say(v->term,
             "stats: agents %d, processors %d%s; questions %llu: done %llu, failed %llu, "
             "cancelled %llu; found a beginning in the cache %llu",
             st->agents, en->threads, strbuf_str(&memory), (unsigned long long)en->n_submitted,
             (unsigned long long)en->n_done, (unsigned long long)en->n_failed,
             (unsigned long long)en->n_cancelled, (unsigned long long)en->n_prefix_hits);
    strbuf_release(&memory);
    if (en->kv_blocks_total > 0)
        tell_kv(v, en);
    if (en->n_steps > 0)
        term_say(v->term, "stats: steps %llu, by all processors together %llu, columns a step %.1f",
                 (unsigned long long)en->n_steps, (unsigned long long)en->n_team_steps,
                 mean(&en->step_columns));
    tell_quantiles(v, "ms of a step", &en->step_ms, 99);
    tell_quantiles(v, "ms in the queue", &en->queued_ms, 95);
    tell_quantiles(v, "ms to the first token", &en->first_token_ms, 95);
    tell_quantiles(v, "ms of an agent", &en->latency_ms, 95);
}

static void tell_stats(struct view *v, const struct dobby_summary_stats *st)
{
    uint64_t computed = st->n_tokens_read - st->n_tokens_cached;

    term_say(v->term,
             "stats: files %zu, skipped %zu, units %zu, done %zu, cached %zu, failed %zu, left %zu",
             st->n_files, st->n_skipped, st->n_units, st->n_done, st->n_cached, st->n_failed,
             st->n_left);
    term_say(v->term,
             "stats: prompt tokens %llu, from the prefix cache %llu (%.0f%%), written %llu",
             (unsigned long long)st->n_tokens_read, (unsigned long long)st->n_tokens_cached,
             cached_percent(st), (unsigned long long)st->n_tokens_written);
    term_say(v->term,
             "stats: seconds: walk %.3f, parse %.3f, load %.3f, infer %.3f, total %.3f; %.1f "
             "tokens computed a "
             "second",
             st->s_walk, st->s_parse, st->s_load, st->s_infer, st->s_total,
             st->s_infer > 0 ? (double)(computed + st->n_tokens_written) / st->s_infer : 0);
    if (st->n_second > 0)
        term_say(v->term, "stats: second model: units asked about %zu, with its text now %zu",
                 st->n_second, st->n_replaced);
    if (st->n_unparsed + st->n_parser_ends > 0)
        term_say(v->term, "stats: files that no parser got through %zu, parsers replaced %zu",
                 st->n_unparsed, st->n_parser_ends);
    if (st->engine.n_submitted > 0)
        tell_engine(v, st);
}

void view_summary(struct view *v, const struct dobby_summary_stats *st, int rc, bool dry_run,
                  bool stats)
{
    struct strbuf stages = {0}, total = {0}, second = {0};

    if (v->n_notes > VIEW_NOTES)
        term_say(v->term, "%zu more notes like these; --dry-run shows what is skipped and why",
                 v->n_notes - VIEW_NOTES);
    put_stage(&stages, "walk", st->s_walk);
    put_stage(&stages, "parse", st->s_parse);
    if (!dry_run) {
        put_stage(&stages, "load", st->s_load);
        put_stage(&stages, "infer", st->s_infer);
    }
    cli_put_seconds(&total, st->s_total);
    if (st->n_second > 0)
        strbuf_printf(&second, "; %zu went on to the second model", st->n_second);
    if (dry_run)
        term_say(v->term,
                 "%zu units in %zu files, %zu entries skipped; nothing was summarised (%s: %s)",
                 st->n_units, st->n_files, st->n_skipped, strbuf_str(&total), strbuf_str(&stages));
    else
        term_say(
            v->term,
            "%zu units in %zu files: %zu done now, %zu cached, %zu failed, %zu left%s%s (%s: %s)",
            st->n_units, st->n_files, st->n_done, st->n_cached, st->n_failed, st->n_left,
            strbuf_str(&second), rc == DOBBY_E_CANCELLED ? "; stopped, what was done is kept" : "",
            strbuf_str(&total), strbuf_str(&stages));
    if (stats)
        tell_stats(v, st);
    strbuf_release(&stages);
    strbuf_release(&total);
    strbuf_release(&second);
}

/* ---- a planned file for people ----------------------------------------------------------------- */

/* The end of the JSON string that starts at p, behind its closing quote. */
static const char *string_end(const char *p)
{
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
    }
    return *p ? p + 1 : p;
}

/* The value of a member of the outermost object, or NULL. The text is the library's own, so it is JSON. */
static const char *member(const char *json, const char *key)
{
    size_t len = strlen(key);
    int depth = 0;

    for (const char *p = json, *end; *p; p = end) {
        end = p + 1;
        if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']')
            depth--;
        else if (*p == '"') {
            end = string_end(p);
            if (depth == 1 && *end == ':' && (size_t)(end - p) == len + 2 &&
                memcmp(p + 1, key, len) == 0)
                return end + 1;
        }
    }
    return NULL;
}

static size_t count_objects(const char *array)
{
    size_t n = 0;
    int depth = 0;

    for (const char *p = array, *end; *p; p = end) {
        end = *p == '"' ? string_end(p) : p + 1;
        if (*p == '{' && depth == 1)
            n++;
        if (*p == '{' || *p == '[')
            depth++;
        if ((*p == '}' || *p == ']') && --depth == 0)
            break;
    }
    return n;
}

/* A string without its quotes, other values up to the next comma; escapes stay as they are in JSON. */
static void put_value(struct strbuf *out, const char *value)
{
    const char *end;

    if (!value)
        return;
    if (*value != '"') {
        end = value + strcspn(value, ",}]");
    } else {
        end = string_end(value) - 1;
        value++;
    }
    utf8_escape(out, value, (size_t)(end - value), NULL);
}

void view_plan_line(struct strbuf *out, const char *json)
{
    const char *path = member(json, "path"), *units = member(json, "units"),
               *skipped = member(json, "skipped");
    struct strbuf what = {0};

    if (skipped) {
        strbuf_puts(&what, "skipped: ");
        put_value(&what, skipped);
    } else {
        size_t n = units ? count_objects(units) : 0;

        put_value(&what, member(json, "language"));
        strbuf_printf(&what, ", %zu unit%s", n, n == 1 ? "" : "s");
    }
    strbuf_printf(out, "%-28s ", strbuf_str(&what));
    if (!path || *path != '"') { /* not UTF-8: it stands there in hex */
        strbuf_puts(out, "(hex) ");
        path = member(json, "path_hex");
    }
    put_value(out, path);
    strbuf_putc(out, '\n');
    if (strbuf_failed(&what))
        out->failed = true;
    strbuf_release(&what);
}
