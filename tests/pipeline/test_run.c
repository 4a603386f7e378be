/* test_run.c - agents against an engine that answers, refuses, fails, dawdles and is cut off as a script says. */
#include "store/store_help.h"
#include "support/script_engine.h"

#include "base/fault.h"
#include "base/thread.h"
#include "code/prompt.h"
#include "pipeline/run.h"

#include <sqlite3.h>

#define N_ITEMS 40
#define GOOD    "Return the sum of the two given numbers."
#define BETTER  "Add the second number to the first and return it."
#define SHOWN                                                                                      \
    "Pack all messages into one envelope and send it." /* by the question, as an example */
#define CODE "int add(int a, int b)\n{\n    return a + b;\n}\n"

struct fix {
    char *dir;
    struct store_place place;
    struct store *store;
    struct script_engine engine;
    uint8_t keys[N_ITEMS][STORE_KEY];
    struct run_item items[N_ITEMS];
    struct run_options o;
    struct run_counts counts;
    size_t n_notes, n_changed_file, max_done;
    int stop;       /* what *stop says */
    int stop_after; /* units done after which it is set to stop_to; 0: never */
    int stop_to;
    int stop_file; /* item whose file "has changed", -1: none */
    char last_note[256];
    /* of on_failed */
    size_t n_left_undone, failed_item;
    int failed_tries;
    char failed_why[256];
    int code;             /* what some scripts fail with */
    size_t asked_by_then; /* questions when the first failed one was asked again */
    bool seen_waiting;    /* a tick showed it */
};

/* ids[0] is the item, ids[1] the attempt. */
static int prompt(void *ctx, size_t item, int attempt, struct run_prompt *out, struct dobby_err *e)
{
    static int32_t ids[2];
    static char shown[sizeof(SHOWN)];
    static const struct text others[] = {{shown, sizeof(SHOWN) - 1}};
    struct fix *f = ctx;

    (void)e;
    memcpy(shown, SHOWN, sizeof(SHOWN));
    ids[0] = (int32_t)item;
    ids[1] = attempt;
    if ((int)item == f->stop_file)
        return 1;
    *out = (struct run_prompt){.ids = ids,
                               .n = 2,
                               .code = CODE,
                               .code_len = strlen(CODE),
                               .others = others,
                               .n_others = 1,
                               .unit = {.name = "add", .qualified = "add"}};
    return 0;
}

static const char *label(void *ctx, size_t item)
{
    static char text[32];

    (void)ctx;
    snprintf(text, sizeof(text), "file.c: unit%zu", item);
    return text;
}

static void on_note(void *ctx, const char *line)
{
    struct fix *f = ctx;

    f->n_notes++;
    snprintf(f->last_note, sizeof(f->last_note), "%s", line);
}

static void on_failed(void *ctx, const struct run_failure *why)
{
    struct fix *f = ctx;

    f->n_left_undone++;
    f->failed_item = why->item;
    f->failed_tries = why->tries;
    snprintf(f->failed_why, sizeof(f->failed_why), "%s", why->why);
}

static void on_change(void *ctx, const struct run_counts *c, int tick)
{
    struct fix *f = ctx;

    (void)tick;
    assert_true(c->n_done >= f->max_done); /* never falls */
    f->max_done = c->n_done;
    if (f->stop_after && (int)c->n_done >= f->stop_after)
        f->stop = f->stop_to;
}

static struct script_answer all_good(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){.text = GOOD};
}

static struct fix *begin(struct script_answer (*answer)(void *, const int32_t *, size_t, int),
                         int agents, uint32_t seed)
{
    struct fix *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->dir = scratch_new();
    assert_int_equal(store_place_init(&f->place, f->dir, NULL, NULL), 0);
    assert_int_equal(store_open(&f->store, &f->place, NULL), 0);
    for (uint32_t i = 0; i < N_ITEMS; i++)
        f->items[i] = (struct run_item){key_of(f->keys[i], i), f->keys[i], 1};
    f->engine = (struct script_engine){.answer = answer, .ctx = f, .seed = seed};
    f->stop_file = -1;
    script_start(&f->engine);
    f->o = (struct run_options){.items = f->items,
                                .n_items = N_ITEMS,
                                .engine = script_seam(&f->engine),
                                .source = {f, prompt, label},
                                .store = f->store,
                                .run = 1,
                                .model = "script",
                                .agents = agents,
                                .stop = &f->stop,
                                .ctx = f,
                                .on_change = on_change,
                                .on_note = on_note,
                                .on_failed = on_failed,
                                .backoff_ms = 1};
    return f;
}

static void end(struct fix *f)
{
    script_end(&f->engine); /* holds that nothing is in flight */
    (void)store_close(f->store, NULL);
    store_place_release(&f->place);
    scratch_remove(f->dir);
    free(f);
}

/* What the store holds, as text: a line for each row of a query. */
static char *dump(struct fix *f, const char *sql)
{
    struct strbuf b = {0};
    sqlite3_stmt *st;
    sqlite3 *db;
    char *text;

    assert_int_equal(sqlite3_open_v2(f->place.db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(st); i++)
            strbuf_printf(&b, "%s%s", i ? "|" : "", (const char *)sqlite3_column_text(st, i));
        strbuf_putc(&b, '\n');
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
    text = strbuf_take(&b, NULL);
    assert_non_null(text);
    return text;
}

#define SUMMARIES                                                                                  \
    "SELECT hex(prompt_key),source,coalesce(text,'-'),model,coalesce(confidence,'-'),attempts,"    \
    "n_prompt,n_written FROM summaries ORDER BY 1"

static void expect_dump(struct fix *f, const char *sql, const char *want)
{
    char *got = dump(f, sql);

    assert_string_equal(got, want);
    dobby_free(got);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void test_all_accepted(void **state)
{
    struct fix *f = begin(all_good, 7, 1);

    (void)state;
    f->items[3].n_same = 5; /* one answer for five units */
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_done, N_ITEMS + 4);
    assert_int_equal(f->counts.n_failed, 0);
    assert_int_equal(f->counts.n_left, 0);
    assert_int_equal(f->counts.n_read, 2 * N_ITEMS);
    assert_int_equal(f->counts.n_written, 3 * N_ITEMS);
    assert_int_equal(f->engine.n_submitted, N_ITEMS);
    assert_true(f->engine.most_in_flight <= 7);
    expect_dump(f,
                "SELECT count(*),min(text),max(text),min(confidence),max(attempts) FROM summaries",
                "40|" GOOD "|" GOOD "|0.6065|1\n"); /* exp(-0.5) */
    expect_dump(f, "SELECT count(*),min(outcome),max(reason) FROM attempts", "40|accepted|\n");
    end(f);
}

/* Item 1 is refused once, item 2 for good, item 3 is cut off. */
static struct script_answer some_refused(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    if (ids[0] == 1 && ids[1] == 0)
        return (struct script_answer){.text = ""};
    if (ids[0] == 1)
        return (struct script_answer){.text = BETTER};
    if (ids[0] == 2)
        return (struct script_answer){.text = "Call frobnicate_all() on http://x.example now."};
    if (ids[0] == 3 && ids[1] == 0)
        return (struct script_answer){.text = "Return the sum of the two", .stop = "length"};
    return (struct script_answer){.text = GOOD};
}

static void test_refused_then_fallback(void **state)
{
    struct fix *f = begin(some_refused, 4, 2);

    (void)state;
    f->o.n_items = 4;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_done, 4);
    assert_int_equal(f->counts.n_signature, 1);
    assert_int_equal(f->engine.n_submitted, 7);
    expect_dump(f,
                "SELECT source,coalesce(text,'-'),coalesce(confidence,'-'),attempts FROM summaries"
                " ORDER BY prompt_key",
                "model|" GOOD "|0.6065|1\nmodel|" BETTER "|0.6065|2\nsignature|-|-|2\n"
                "model|" GOOD "|0.6065|2\n");
    expect_dump(f, "SELECT attempt,outcome,reason<>'' FROM attempts ORDER BY prompt_key,attempt",
                "1|accepted|0\n1|refused|1\n2|accepted|0\n1|refused|1\n2|refused|1\n"
                "1|refused|1\n2|accepted|0\n");
    end(f);
}

/* Texts as before, all of a confidence of 0.6065. */
static void test_unsure(void **state)
{
    struct fix *f = begin(some_refused, 4, 2);

    (void)state;
    f->o.n_items = 4;
    f->o.min_confidence = 0.61;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_signature, 4);
    assert_int_equal(f->engine.n_submitted, 8);
    expect_dump(f, "SELECT count(*) FROM attempts WHERE outcome='refused' AND reason='unsure'",
                "4\n");
    end(f);
    f = begin(some_refused, 4, 2);
    f->o.n_items = 4;
    f->o.min_confidence = 0.60; /* enough, the first time and the second */
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_signature, 1);
    end(f);
}

static struct script_answer first_copied(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    return (struct script_answer){.text = ids[1] ? GOOD : SHOWN};
}

/* What the question showed is no answer: the next form is asked. */
static void test_copied(void **state)
{
    struct fix *f = begin(first_copied, 2, 5);

    (void)state;
    f->o.n_items = 2;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    expect_dump(f, "SELECT attempt,outcome,reason FROM attempts ORDER BY prompt_key,attempt",
                "1|refused|copied\n2|accepted|\n1|refused|copied\n2|accepted|\n");
    end(f);
}

/* Refusals by item, and failures that pass: none of it depends on who comes first. */
static struct script_answer mixed(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    if (times < ids[0] % 3) /* up to twice, then it works */
        return (struct script_answer){.status = DOBBY_E_INTERNAL, .refuse = ids[0] % 2 == 0};
    if (ids[0] % 5 == 0 && ids[1] == 0)
        return (struct script_answer){.text = "no"};
    if (ids[0] % 10 == 0)
        return (struct script_answer){.text = ""};
    return (struct script_answer){.text = ids[1] ? BETTER : GOOD};
}

static void test_same_whatever_the_order(void **state)
{
    static const int agents[] = {1, 3, 20, 64};
    char *first = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        struct fix *f = begin(mixed, agents[i], 100 + (uint32_t)i);
        char *got;

        assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
        assert_int_equal(f->counts.n_done, N_ITEMS);
        assert_true(f->engine.most_in_flight <= (size_t)agents[i]);
        got = dump(f, SUMMARIES);
        if (first)
            assert_string_equal(got, first);
        if (first)
            dobby_free(got);
        else
            first = got;
        end(f);
    }
    dobby_free(first);
}

/* ---- a second model ------------------------------------------------------------------------------- */

/* Of four items one is sure, one is accepted at the second attempt only, and two are refused. */
static struct script_answer one_sure(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    if (ids[0] % 4 == 0 || (ids[0] % 4 == 1 && ids[1] == 1))
        return (struct script_answer){.text = GOOD};
    return (struct script_answer){.text = ""};
}

/* The second one accepts the last of the four at once, and none of the others. */
static struct script_answer last_better(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    return (struct script_answer){.text = ids[0] % 4 == 3 ? BETTER : "no"};
}

static struct script_answer all_better(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){.text = BETTER};
}

struct second {
    struct script_engine engine;
    struct run_earlier was[N_ITEMS];
    struct run_item items[N_ITEMS];
    size_t order[N_ITEMS], n;
    struct fix *f;
};

static int prompt_second(void *ctx, size_t item, int attempt, struct run_prompt *out,
                         struct dobby_err *e)
{
    struct second *s = ctx;

    return prompt(s->f, s->order[item], attempt, out, e);
}

/* A run of `o` with the second engine over what the first one put off. */
static void second_begin(struct second *s, struct fix *f,
                         struct script_answer (*answer)(void *, const int32_t *, size_t, int),
                         struct run_earlier *put_off)
{
    for (size_t i = 0; i < f->o.n_items; i++) {
        if (!put_off[i].there)
            continue;
        s->items[s->n] = f->items[i];
        s->order[s->n] = i;
        s->was[s->n++] = put_off[i];
    }
    s->f = f;
    s->engine = (struct script_engine){.answer = answer, .ctx = f, .seed = 9};
    script_start(&s->engine);
    f->o.defer = NULL;
    f->o.earlier = s->was;
    f->o.items = s->items;
    f->o.n_items = s->n;
    f->o.engine = script_seam(&s->engine);
    f->o.source = (struct run_source){s, prompt_second, label};
    f->o.model = "larger";
    f->max_done = 0;
}

static void second_end(struct second *s)
{
    for (size_t i = 0; i < s->n; i++)
        run_earlier_release(&s->was[i]);
    script_end(&s->engine);
}

static void test_second_model(void **state)
{
    static const int agents[] = {1, 10};

    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        struct run_earlier put_off[N_ITEMS] = {{0}};
        struct fix *f = begin(one_sure, agents[i], 3);
        struct second s = {.n = 0};

        f->o.n_items = 4;
        f->o.defer = put_off;
        assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
        assert_int_equal(f->counts.n_done, 1);
        assert_int_equal(f->counts.n_deferred, 3);
        assert_int_equal(f->counts.n_signature, 0);
        expect_dump(f, "SELECT count(*) FROM summaries", "1\n"); /* nothing of those put off */
        expect_dump(f, "SELECT count(*) FROM attempts", "1\n");

        second_begin(&s, f, last_better, put_off);
        assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
        assert_int_equal(f->counts.n_done, 3);
        assert_int_equal(f->counts.n_replaced, 1);
        assert_int_equal(f->counts.n_signature, 1);
        assert_int_equal(s.engine.n_submitted, 5);
        expect_dump(f,
                    "SELECT source,coalesce(text,'-'),model,coalesce(confidence,'-'),attempts,"
                    "n_prompt FROM summaries ORDER BY prompt_key",
                    "model|" GOOD "|script|0.6065|1|2\n"
                    "model|" GOOD "|script|0.6065|2|8\n" /* the first one's word stands */
                    "signature|-|script|-|2|8\n"
                    "model|" BETTER "|larger|0.6065|1|6\n");
        expect_dump(f, "SELECT attempt,outcome FROM attempts ORDER BY prompt_key,attempt",
                    "1|accepted\n1|refused\n2|accepted\n3|refused\n4|refused\n"
                    "1|refused\n2|refused\n3|refused\n4|refused\n"
                    "1|refused\n2|refused\n3|accepted\n");
        second_end(&s);
        end(f);
    }
}

/* Stopped before the second pass: what was put off is left, and not in the store. */
static void test_stopped_before_the_second(void **state)
{
    struct run_earlier put_off[N_ITEMS] = {{0}};
    struct fix *f = begin(one_sure, 2, 3);

    (void)state;
    f->o.defer = put_off;
    f->stop_after = 3;
    f->stop_to = 1;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_CANCELLED);
    assert_int_equal(f->counts.n_deferred, 0);
    assert_int_equal(f->counts.n_done + f->counts.n_left, N_ITEMS);
    expect_dump(f, "SELECT count(*) FROM summaries WHERE source<>'model' OR attempts>1", "0\n");
    for (size_t i = 0; i < N_ITEMS; i++)
        run_earlier_release(&put_off[i]);
    end(f);
}

/* Stopped in it: what it has answered is kept, the rest is left with nothing of it in the store. */
static void test_stopped_in_the_second(void **state)
{
    struct run_earlier put_off[N_ITEMS] = {{0}};
    struct fix *f = begin(one_sure, 2, 3);
    struct second s = {.n = 0};

    (void)state;
    f->o.defer = put_off;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_deferred, 30);
    second_begin(&s, f, all_better, put_off);
    s.engine.delay_us = 20000; /* several commits in the run */
    f->stop_after = 5;
    f->stop_to = 2;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_CANCELLED);
    assert_true(f->counts.n_done >= 5 && f->counts.n_left > 0);
    assert_int_equal(f->counts.n_done + f->counts.n_left, 30);
    expect_dump(f, "SELECT count(*) FROM summaries WHERE attempts>1 OR text IS NULL", "0\n");
    expect_dump(f,
                "SELECT count(*) FROM attempts WHERE prompt_key NOT IN (SELECT prompt_key FROM "
                "summaries)",
                "0\n");
    second_end(&s);
    end(f);
}

/* ---- failures of the engine --------------------------------------------------------------------- */

static struct script_answer item_two_fails(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    return (struct script_answer){.status = ids[0] == 2 ? DOBBY_E_NUMERIC : 0, .text = GOOD};
}

static void test_failure_leaves_undone(void **state)
{
    struct fix *f = begin(item_two_fails, 4, 3);
    struct dobby_err e = {0};

    (void)state;
    f->items[2].n_same = 3;
    assert_int_equal(run_items(&f->o, &f->counts, &e), DOBBY_E_UNDONE);
    assert_non_null(strstr(e.message, "3 units"));
    assert_int_equal(f->counts.n_done, N_ITEMS - 1);
    assert_int_equal(f->counts.n_failed, 3);
    assert_int_equal(f->engine.n_submitted, N_ITEMS - 1 + ENGINE_TRIES);
    assert_int_equal(f->n_notes, 1);
    assert_string_equal(f->last_note, "file.c: unit2: script: failed");
    assert_int_equal(f->n_left_undone, 1);
    assert_int_equal(f->failed_item, 2);
    assert_int_equal(f->failed_tries, ENGINE_TRIES);
    assert_string_equal(f->failed_why, "script: failed");
    expect_dump(f, "SELECT attempt,outcome,reason FROM attempts WHERE outcome<>'accepted'",
                "1|failed|script: failed\n1|failed|script: failed\n1|failed|script: failed\n");
    /* The next run asks again, and only that. */
    f->engine.answer = all_good;
    f->o.items = &f->items[2];
    f->o.n_items = 1;
    f->max_done = 0;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_done, 3);
    expect_dump(f, "SELECT count(*) FROM summaries", "40\n");
    end(f);
}

/* Item 0 always fails with f->code, refused at once or later. */
static struct script_answer first_fails(void *ctx, const int32_t *ids, size_t n, int times)
{
    struct fix *f = ctx;

    (void)n;
    return (struct script_answer){
        .status = ids[0] == 0 ? f->code : 0, .text = GOOD, .refuse = ids[0] == 0 && times % 2};
}

static void test_every_kind_of_failure_is_bounded(void **state)
{
    static const struct {
        int code;
        size_t tries;
    } kind[] = {
        {DOBBY_E_NUMERIC, ENGINE_TRIES},
        {DOBBY_E_TIME, ENGINE_TRIES},
        {DOBBY_E_INTERNAL, ENGINE_TRIES},
        {DOBBY_E_IO, ENGINE_TRIES},
        {DOBBY_E_CANCELLED, ENGINE_TRIES},
        {DOBBY_E_NOMEM, ENGINE_TRIES_AWAY},
        {DOBBY_E_LIMIT, 1},
        {DOBBY_E_UNAVAILABLE, ENGINE_TRIES_AWAY},
        {DOBBY_E_USAGE, 1},
        {DOBBY_E_FORMAT, 1},
        {DOBBY_E_UNSUPPORTED, 1},
    };
    struct fix *f = begin(first_fails, 2, 3);

    (void)state;
    f->o.n_items = 3;
    for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
        char want[16];

        f->code = kind[i].code;
        f->o.run = (int64_t)i + 1;
        f->engine.n_submitted = f->n_left_undone = f->max_done = 0;
        script_forget(&f->engine);
        assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_UNDONE);
        assert_int_equal(f->counts.n_done, 2);
        assert_int_equal(f->counts.n_failed, 1);
        assert_int_equal(f->engine.n_submitted, 2 + kind[i].tries);
        assert_int_equal(f->n_left_undone, 1);
        assert_int_equal(f->failed_tries, kind[i].tries);
        snprintf(want, sizeof(want), "%zu\n", kind[i].tries);
        expect_dump(f,
                    "SELECT count(*) FROM attempts WHERE outcome='failed' AND attempt=1 AND "
                    "reason<>'' AND run=(SELECT max(run) FROM attempts)",
                    want);
    }
    end(f);
}

/* Every question fails in one way or another as often as it may, then works: nothing is left, and the texts are
 * those of a run without failures. */
static struct script_answer fails_then_works(void *ctx, const int32_t *ids, size_t n, int times)
{
    static const int codes[] = {DOBBY_E_NUMERIC, DOBBY_E_TIME, DOBBY_E_UNAVAILABLE, DOBBY_E_NOMEM,
                                DOBBY_E_CANCELLED};
    int code = codes[ids[0] % 5],
        often = (code == DOBBY_E_UNAVAILABLE || code == DOBBY_E_NOMEM ? ENGINE_TRIES_AWAY
                                                                      : ENGINE_TRIES) -
                1;

    (void)n;
    if (times < often)
        return (struct script_answer){.status = code, .refuse = times % 2};
    return some_refused(ctx, ids, n, times);
}

static void test_failures_change_no_text(void **state)
{
    struct fix *plain = begin(some_refused, 3, 20), *f = begin(fails_then_works, 7, 21);
    char *want, *got;

    (void)state;
    assert_int_equal(run_items(&plain->o, &plain->counts, NULL), 0);
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->n_notes, 0);
    want = dump(plain, SUMMARIES);
    got = dump(f, SUMMARIES);
    assert_string_equal(got, want);
    dobby_free(want);
    dobby_free(got);
    end(plain);
    end(f);
}

/* Item 0 fails once; by the time it is asked again the others have long been answered. */
static struct script_answer first_fails_once(void *ctx, const int32_t *ids, size_t n, int times)
{
    struct fix *f = ctx;

    (void)n;
    if (ids[0] == 0 && times == 0)
        return (struct script_answer){.status = DOBBY_E_NUMERIC};
    if (ids[0] == 0)
        f->asked_by_then = f->engine.n_submitted;
    return (struct script_answer){.text = GOOD};
}

static void look_at_agents(void *ctx, const struct run_counts *c, int tick)
{
    struct fix *f = ctx;

    assert_true(c->n_agents <= (size_t)f->o.agents);
    assert_true(tick || c->n_agents == 0);
    for (size_t i = 0; i < c->n_agents; i++) {
        const struct dobby_agent *a = &c->agents[i];

        assert_true(a->slot >= 0 && a->slot < f->o.agents);
        assert_true(i == 0 || a->slot > c->agents[i - 1].slot);
        assert_memory_equal(a->label, "file.c: unit", 12);
        assert_true(a->attempt == 1 && a->tries >= 1);
        if (!a->backing_off)
            continue;
        assert_string_equal(a->label, "file.c: unit0");
        assert_int_equal(a->tries, 2);
        assert_true(a->wait_s >= 0 && a->wait_s <= 0.4);
        f->seen_waiting = true;
    }
}

static void test_waiting_blocks_nobody(void **state)
{
    struct fix *f = begin(first_fails_once, 2, 11);

    (void)state;
    f->o.backoff_ms = 400;
    f->o.on_change = look_at_agents;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_done, N_ITEMS);
    assert_int_equal(f->asked_by_then, N_ITEMS); /* the other 39, and its own first time */
    assert_true(f->seen_waiting);
    end(f);
}

/* A stop does not wait for a server that is away. */
static void stop_when_waiting(void *ctx, const struct run_counts *c, int tick)
{
    struct fix *f = ctx;

    (void)tick;
    for (size_t i = 0; i < c->n_agents; i++)
        if (c->agents[i].backing_off)
            f->stop = f->stop_to;
}

static void test_stop_does_not_wait(void **state)
{
    for (int to = 1; to <= 2; to++) {
        struct fix *f = begin(first_fails, 1, 12);

        (void)state;
        f->code = DOBBY_E_UNAVAILABLE;
        f->o.backoff_ms = 3600000; /* who waits for it never ends */
        f->o.on_change = stop_when_waiting;
        f->stop_to = to;
        assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_CANCELLED);
        assert_int_equal(f->counts.n_left, N_ITEMS);
        assert_int_equal(f->counts.n_failed, 0);
        end(f);
    }
}

static struct script_answer all_too_long(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){.status = DOBBY_E_LIMIT, .refuse = true};
}

/* What says nothing about the engine does not end the run, however often it comes. */
static void test_long_prompts_break_no_engine(void **state)
{
    struct fix *f = begin(all_too_long, 3, 13);

    (void)state;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_UNDONE);
    assert_int_equal(f->counts.n_failed, N_ITEMS);
    assert_int_equal(f->n_left_undone, N_ITEMS);
    assert_int_equal(f->engine.n_submitted, N_ITEMS);
    end(f);
}

/* The limits of an agent reach the engine. */
static struct script_answer look_at_limits(void *ctx, const int32_t *ids, size_t n, int times)
{
    struct fix *f = ctx;
    const struct dobby_generate *g = script_asked(&f->engine);

    (void)ids;
    (void)n;
    (void)times;
    return (struct script_answer){
        .text = g->time_limit_ms == 1234 && g->max_tokens == PROMPT_MAX_TOKENS ? GOOD : "no"};
}

static void test_limits_reach_the_engine(void **state)
{
    struct fix *f = begin(look_at_limits, 3, 14);

    (void)state;
    f->o.n_items = 3;
    f->o.time_limit_ms = 1234;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    assert_int_equal(f->counts.n_signature, 0);
    end(f);
}

static struct script_answer all_fail(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    return (struct script_answer){.status = DOBBY_E_INTERNAL, .refuse = ids[0] % 2 == 0};
}

static void test_broken_engine_ends_the_run(void **state)
{
    struct fix *f = begin(all_fail, 4, 4);
    struct dobby_err e = {0};

    (void)state;
    assert_int_equal(run_items(&f->o, &f->counts, &e), DOBBY_E_INTERNAL);
    assert_non_null(strstr(e.message, "questions in a row came to nothing: script: "));
    assert_int_equal(f->counts.n_done, 0);
    assert_int_equal(f->counts.n_failed, ENGINE_MAX_FAILURES);
    assert_int_equal(f->n_left_undone, ENGINE_MAX_FAILURES);
    assert_int_equal(f->counts.n_failed + f->counts.n_left, N_ITEMS);
    assert_true(f->engine.n_submitted <= ENGINE_TRIES * (ENGINE_MAX_FAILURES + 4));
    end(f);
}

static struct script_answer all_away(void *ctx, const int32_t *ids, size_t n, int times)
{
    (void)ctx;
    (void)n;
    (void)times;
    return (struct script_answer){.status = ids[0] < 3 ? 0 : DOBBY_E_UNAVAILABLE, .text = GOOD};
}

/* A server that goes away leaves units for the next run, which is no failure of this one; texts are marked as its own. */
static void test_engine_goes_away(void **state)
{
    struct fix *f = begin(all_away, 1, 4);
    struct dobby_err e = {0};

    (void)state;
    f->o.remote = true;
    assert_int_equal(run_items(&f->o, &f->counts, &e), DOBBY_E_UNDONE);
    assert_non_null(strstr(e.message, "script: failed"));
    assert_int_equal(f->counts.n_done, 3);
    assert_int_equal(f->counts.n_failed + f->counts.n_left, N_ITEMS - 3);
    expect_dump(f, "SELECT DISTINCT source FROM summaries", "remote\n");
    end(f);
}

static void test_changed_file_is_left(void **state)
{
    struct fix *f = begin(all_good, 4, 5);

    (void)state;
    f->stop_file = 9;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_UNDONE);
    assert_int_equal(f->counts.n_done, N_ITEMS - 1);
    assert_int_equal(f->counts.n_failed, 1);
    assert_non_null(strstr(f->last_note, "changed"));
    assert_int_equal(f->failed_item, 9);
    assert_int_equal(f->failed_tries, 0);
    end(f);
}

/* ---- stops -------------------------------------------------------------------------------------- */

static void test_first_stop_finishes_what_flies(void **state)
{
    struct fix *f = begin(mixed, 5, 6);
    struct dobby_err e = {0};

    (void)state;
    f->engine.delay_us = 20000;
    f->stop_after = 3;
    f->stop_to = 1;
    assert_int_equal(run_items(&f->o, &f->counts, &e), DOBBY_E_CANCELLED);
    assert_int_equal(f->engine.n_cancelled, 0);
    assert_true(f->counts.n_done >= 3 && f->counts.n_done < N_ITEMS);
    assert_int_equal(f->counts.n_done + f->counts.n_left, N_ITEMS);
    assert_non_null(strstr(e.message, "run it again"));
    end(f);
}

static void test_stop_before_the_start(void **state)
{
    struct fix *f = begin(all_good, 5, 6);

    (void)state;
    f->stop = 1;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_CANCELLED);
    assert_int_equal(f->engine.n_submitted, 0);
    assert_int_equal(f->counts.n_left, N_ITEMS);
    end(f);
}

/* The engine hangs; the second stop gets out all the same, and what was done before is there. */
static struct script_answer hang_after_ten(void *ctx, const int32_t *ids, size_t n, int times)
{
    struct fix *f = ctx;

    (void)n;
    (void)times;
    if (ids[0] == 10)
        f->engine.hold = 1; /* called with its lock held */
    return (struct script_answer){.text = GOOD};
}

static void stop_when_held(void *ctx, const struct run_counts *c, int tick)
{
    struct fix *f = ctx;

    (void)c;
    if (tick && script_held(&f->engine))
        f->stop = 2;
}

static void test_second_stop_leaves_at_once(void **state)
{
    struct fix *f = begin(hang_after_ten, 4, 7);
    char count[16];

    (void)state;
    f->o.on_change = stop_when_held;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), DOBBY_E_CANCELLED);
    assert_true(f->engine.n_cancelled > 0 && f->engine.n_cancelled <= 4);
    assert_int_equal(f->counts.n_done + f->counts.n_left, N_ITEMS);
    assert_true(f->counts.n_done >= 7); /* ten were asked before, four at most of them in flight */
    snprintf(count, sizeof(count), "%zu\n", f->counts.n_done);
    expect_dump(f, "SELECT count(*) FROM summaries", count);
    end(f);
}

/* ---- store and memory --------------------------------------------------------------------------- */

static void test_store_failure_ends_the_run(void **state)
{
    struct fix *f = begin(all_good, 4, 8);
    struct dobby_err e = {0};

    (void)state;
    f->engine.delay_us = 20000; /* several commits in the run */
    fault_arm(FAULT_SYNC, 2, false);
    assert_int_equal(run_items(&f->o, &f->counts, &e), DOBBY_E_IO);
    assert_true(fault_disarm(FAULT_SYNC));
    assert_non_null(strstr(e.message, "cannot write to the store"));
    assert_true(f->counts.n_done > 0 && f->counts.n_done < N_ITEMS);
    assert_int_equal(f->counts.n_done + f->counts.n_left, N_ITEMS);
    end(f);
}

static void empty_store(struct fix *f)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->place.db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM summaries", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    f->max_done = f->n_left_undone = 0;
    script_forget(&f->engine);
}

/* Refuse the 1st, 2nd, 3rd ... allocation of a run, or all from there on. One refusal costs a try of one question, unless
 * it comes before the first; a run in memory that is all gone leaves questions undone and says so. Either way the
 * next run has the same texts. One store for all: opening one costs a few fsyncs. */
static void no_memory(bool sticky)
{
    struct fix *f = begin(some_refused, 3, 9);
    size_t n = 0, n_recovered = 0;
    char *want, *got;
    bool hit;

    f->o.n_items = 5;
    assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
    want = dump(f, SUMMARIES);
    do {
        int rc;

        empty_store(f);
        n += sticky ? 1 + n / 5 : 1; /* without any memory, each try waits for its turn */
        fault_arm(FAULT_ALLOC, n, sticky);
        rc = run_items(&f->o, &f->counts, NULL);
        hit = fault_disarm(FAULT_ALLOC);
        assert_true(rc == 0 || rc == DOBBY_E_NOMEM || (sticky && rc == DOBBY_E_UNDONE));
        assert_true(rc != 0 || f->counts.n_done == 5);
        assert_int_equal(f->counts.n_failed, f->n_left_undone);
        if (rc != DOBBY_E_NOMEM)
            assert_int_equal(f->counts.n_done + f->counts.n_failed, 5);
        n_recovered += hit && rc == 0;
        if (rc != 0) {
            f->max_done = 0;
            assert_int_equal(run_items(&f->o, &f->counts, NULL), 0);
        }
        got = dump(f, SUMMARIES);
        assert_string_equal(got, want);
        dobby_free(got);
    } while (hit);
    dobby_free(want);
    end(f);
    assert_true(n > 20 && (sticky || n_recovered > n / 2));
}

static void test_no_memory_once(void **state)
{
    (void)state;
    no_memory(false);
}

static void test_no_memory_at_all(void **state)
{
    (void)state;
    no_memory(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_accepted),
        cmocka_unit_test(test_refused_then_fallback),
        cmocka_unit_test(test_unsure),
        cmocka_unit_test(test_copied),
        cmocka_unit_test(test_same_whatever_the_order),
        cmocka_unit_test(test_second_model),
        cmocka_unit_test(test_stopped_before_the_second),
        cmocka_unit_test(test_stopped_in_the_second),
        cmocka_unit_test(test_failure_leaves_undone),
        cmocka_unit_test(test_every_kind_of_failure_is_bounded),
        cmocka_unit_test(test_failures_change_no_text),
        cmocka_unit_test(test_waiting_blocks_nobody),
        cmocka_unit_test(test_stop_does_not_wait),
        cmocka_unit_test(test_long_prompts_break_no_engine),
        cmocka_unit_test(test_limits_reach_the_engine),
        cmocka_unit_test(test_broken_engine_ends_the_run),
        cmocka_unit_test(test_engine_goes_away),
        cmocka_unit_test(test_changed_file_is_left),
        cmocka_unit_test(test_first_stop_finishes_what_flies),
        cmocka_unit_test(test_stop_before_the_start),
        cmocka_unit_test(test_second_stop_leaves_at_once),
        cmocka_unit_test(test_store_failure_ends_the_run),
        cmocka_unit_test(test_no_memory_once),
        cmocka_unit_test(test_no_memory_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
