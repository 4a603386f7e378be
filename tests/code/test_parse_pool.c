/* test_parse_pool.c - workers that die, stall, lie or are missing.
 * The test is its own worker: started with --parse-worker it serves, with --bad-worker it does what a text tells it. */
#include "support/parser_help.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "code/parse_reply.h"
#include "code/protocol.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- workers ------------------------------------------------------------------------------------------- */

static void test_parse_pool(void **state)
{
    static const char text[] = "int f(void)\n{\n    return 0;\n}\n";
    struct parser_pool *p = open_pool(3);
    struct dobby_err e = {0};
    int given = 0, taken = 0, seen[20] = {0}, tags[20];

    (void)state;
    while (given < 20 || parser_pool_busy(p)) {
        struct parse_result r;

        while (given < 20 && parser_pool_room(p)) {
            tags[given] = given;
            assert_int_equal(
                parser_pool_submit(p, LANGUAGE_C, text, sizeof(text) - 1, &tags[given], &e), 0);
            given++;
        }
        assert_int_equal(parser_pool_collect(p, &r, &e), 0);
        assert_int_equal(r.units.n, 1);
        seen[*(int *)r.tag]++;
        taken++;
        parse_result_release(&r);
    }
    assert_int_equal(taken, 20);
    for (given = 0; given < 20; given++)
        assert_int_equal(seen[given], 1);
    parser_pool_free(p);
    parser_pool_free(NULL);
}

static void test_parse_usage(void **state)
{
    struct parser_pool *p = open_pool(1);
    struct parse_result r;
    struct dobby_err e = {0};
    char *big = mem_zalloc(PARSE_MAX_SOURCE + 1);

    (void)state;
    assert_int_equal(parser_pool_collect(p, &r, NULL), DOBBY_E_USAGE);
    assert_int_equal(parser_pool_submit(p, LANGUAGE_NONE, "", 0, NULL, NULL), DOBBY_E_USAGE);
    assert_int_equal(parser_pool_submit(p, LANGUAGE_C, big, PARSE_MAX_SOURCE + 1, NULL, NULL),
                     DOBBY_E_LIMIT);
    assert_int_equal(parser_pool_submit(p, LANGUAGE_C, "", 0, NULL, NULL), 0);
    assert_int_equal(parser_pool_submit(p, LANGUAGE_C, "", 0, NULL, NULL),
                     DOBBY_E_USAGE); /* no room */
    parser_pool_free(p);             /* with a text under way */
    assert_int_equal(parser_pool_open(&p, 1, 0, "/nonexistent/dobby", &e), DOBBY_E_CONFIG);
    assert_null(p);
    assert_non_null(strstr(e.message, "/nonexistent/dobby"));
    e = (struct dobby_err){0};
    assert_int_equal(parser_pool_open(&p, 1, 0, "/bin/true", &e), DOBBY_E_CONFIG);
    assert_non_null(strstr(e.message, "does not answer"));
    assert_int_equal(parser_pool_open(&p, 0, 0, self, NULL), DOBBY_E_USAGE);
    mem_free(big);
}

/* The process ids of this process's children. */
static int children(pid_t *out, int max)
{
    DIR *d = opendir("/proc");
    struct dirent *entry;
    int n = 0;

    assert_non_null(d);
    while ((entry = readdir(d)) != NULL) {
        char path[300], line[512] = "";
        int ppid = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        f = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        if (fgets(line, sizeof(line), f) && strrchr(line, ')') &&
            sscanf(strrchr(line, ')'), ") %*c %d", &ppid) == 1 && ppid == getpid() && n < max)
            out[n++] = atoi(entry->d_name);
        fclose(f);
    }
    closedir(d);
    return n;
}

/* Killed from outside, before and in the middle of a text: the text is tried again and its units are found. */
static void test_parse_killed(void **state)
{
    struct parser_pool *p = open_pool(2);
    struct parse_result r;
    struct strbuf b = {0};
    struct dobby_err e = {0};
    pid_t pids[64];
    int i, n, round;

    (void)state;
    for (i = 0; i < 20000; i++)
        strbuf_printf(&b, "int f%d(void)\n{\n    return %d;\n}\n", i, i);
    for (round = 0; round < 2; round++) {
        n = children(pids, 64);
        assert_true(n >= 2);
        if (round == 1) { /* give the text to a worker first, then kill whoever has it */
            assert_int_equal(parser_pool_submit(p, LANGUAGE_C, strbuf_str(&b), b.len, NULL, &e), 0);
            usleep(30000);
        }
        for (i = 0; i < n; i++)
            kill(pids[i], SIGKILL);
        if (round == 0)
            assert_int_equal(parser_pool_submit(p, LANGUAGE_C, strbuf_str(&b), b.len, NULL, &e), 0);
        assert_int_equal(parser_pool_collect(p, &r, &e), 0);
        assert_string_equal(r.note, "");
        assert_int_equal(r.units.n, 20000);
        assert_int_equal(r.n_ends, 1);
        parse_result_release(&r);
    }
    parser_pool_free(p);
    strbuf_release(&b);
}

/* A text that needs more than the smallest share ends with a word, the worker after it goes on, and a full share is
 * enough for it. */
static void test_share(void **state)
{
    static const char line[] = "int f(int a) { return a + (a * 2 - 1); }\n";
    const size_t shares[] = {PARSE_MIN_SHARE, PARSE_MAX_SHARE};
    size_t n = (size_t)1 << 20;
    char *text = mem_alloc(n);

    (void)state;
    if (SANITIZED) /* workers have no limit then */
        n = sizeof(line) - 1;
    for (size_t i = 0; i < n; i++)
        text[i] = line[i % (sizeof(line) - 1)];
    for (size_t i = 0; i < ARRAY_LEN(shares) && !SANITIZED; i++) {
        struct parser_pool *p;
        struct parse_result r;

        assert_int_equal(parser_pool_open(&p, 1, shares[i], self, NULL), 0);
        r = parse(p, LANGUAGE_C, text, n);
        assert_int_equal(r.failed, i == 0);
        assert_string_equal(r.note, i == 0 ? "parser ran out of memory" : "");
        parse_result_release(&r);
        r = parse(p, LANGUAGE_C, line, sizeof(line) - 1);
        assert_int_equal(r.units.n, 1);
        parse_result_release(&r);
        parser_pool_free(p);
    }
    {
        struct parser_pool *p;

        assert_int_equal(parser_pool_open(&p, 1, PARSE_MIN_SHARE - 1, self, NULL), DOBBY_E_USAGE);
        assert_int_equal(parser_pool_open(&p, 1, PARSE_MAX_SHARE + 1, self, NULL), DOBBY_E_USAGE);
    }
    mem_free(text);
}

/* Workers that stall, crash, run out of memory, lie or flood, as the text says; the next text is answered again. */
static void test_parse_bad_worker(void **state)
{
    static const char *const cases[][2] = {{"@stall", "parser timed out"},
                                           {"@crash", "parser crashed"},
                                           {"@memory", "parser ran out of memory"},
                                           {"@lie", "parser crashed"},
                                           {"@flood", "parser crashed"},
                                           {"@early", "parser crashed"}};
    char *dir = temp_dir(), script[8192];
    const char *path = temp_path(dir, "worker");
    struct parser_pool *p;
    struct parse_result r;
    struct dobby_err e = {0};
    size_t i;

    (void)state;
    snprintf(script, sizeof(script), "#!/bin/sh\nexec '%s' --bad-worker\n", self);
    put_file(path, script, strlen(script));
    assert_int_equal(chmod(path, 0755), 0);
    if (parser_pool_open(&p, 1, 0, path, &e) != 0)
        fail_msg("%s", e.message);
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        r = parse(p, LANGUAGE_C, cases[i][0], strlen(cases[i][0]));
        assert_true(r.failed);
        /* A flood is told by its form or by its size, whichever is read first. */
        if (strcmp(cases[i][0], "@flood") != 0 || strcmp(r.note, "parser ran out of memory") != 0)
            assert_string_equal(r.note, cases[i][1]);
        assert_int_equal(r.units.n, 0);
        assert_in_range(r.n_ends, 1, 2);
        parse_result_release(&r);
        r = parse(p, LANGUAGE_C, "int f(void) { return 0; }", 25);
        assert_false(r.failed);
        assert_int_equal(r.n_ends, 0);
        parse_result_release(&r);
    }
    parser_pool_free(p);
    temp_dir_remove(dir);
}

/* ---- replies that lie ------------------------------------------------------------------------------------ */

static void put_u32(struct strbuf *b, uint32_t v)
{
    unsigned char p[4];

    protocol_put_u32(p, v);
    strbuf_add(b, p, 4);
}

static void put_text(struct strbuf *b, const char *s)
{
    size_t n = s ? strlen(s) : PROTOCOL_UNKNOWN;
    unsigned char len[2] = {(unsigned char)n, (unsigned char)(n >> 8)};

    strbuf_add(b, len, 2);
    strbuf_puts(b, s ? s : "");
}

/* A reply with one unit made of ten numbers, two names, and what it calls and uses. */
static void put_words(struct strbuf *b, const uint32_t v[10], const char *name, const char *calls,
                      const char *uses)
{
    size_t n = 2 * strlen(name) + (calls ? strlen(calls) : 0) + (uses ? strlen(uses) : 0), i;

    strbuf_reset(b);
    put_u32(b, PROTOCOL_REPLY);
    put_u32(b, PROTOCOL_OK);
    put_u32(b, (uint32_t)(4 + 40 + 4 * 2 + n));
    put_u32(b, 0); /* imports */
    for (i = 0; i < 10; i++)
        put_u32(b, v[i]);
    put_text(b, name);
    put_text(b, name);
    put_text(b, calls);
    put_text(b, uses);
}

static void put_reply(struct strbuf *b, const uint32_t v[10], const char *name)
{
    put_words(b, v, name, NULL, "");
}

static int read_reply(const struct strbuf *b, struct unit_list *l)
{
    static const char source[] = "// doc\nint f(void)\n{\n    return 0;\n}\n";
    int rc;

    assert_int_equal(reply_state(b->s, b->len), REPLY_WHOLE);
    rc = reply_units(l, b->s, b->len, source, sizeof(source) - 1, NULL);
    if (rc == 0)
        unit_list_release(l);
    return rc;
}

static void test_parse_lies(void **state)
{
    /* kind, span, signature end, body, doc, docstring */
    static const uint32_t good[10] = {0, 7, 36, 18, 19, 36, 0, 6, 0, 0};
    static const struct {
        int at;
        uint32_t value;
    } lies[] = {{0, UNIT_KINDS}, {1, 36}, {1, 37}, {2, 38},         {2, 7},  {3, 6},
                {3, 20},         {4, 6},  {4, 36}, {5, 37},         {6, 7},  {7, 8},
                {7, 0xffffffff}, {8, 10}, {9, 5},  {2, 0xffffffff}, {1, 20}, {5, 19}};
    struct unit_list l;
    struct strbuf b = {0};
    uint32_t v[10];
    size_t i;

    (void)state;
    put_reply(&b, good, "f");
    assert_int_equal(read_reply(&b, &l), 0);
    for (i = 0; i < ARRAY_LEN(lies); i++) {
        memcpy(v, good, sizeof(v));
        v[lies[i].at] = lies[i].value;
        put_reply(&b, v, "f");
        if (read_reply(&b, &l) != DOBBY_E_FORMAT)
            fail_msg("number %d as %u was believed", lies[i].at, lies[i].value);
    }
    put_reply(&b, good, "");
    assert_int_equal(read_reply(&b, &l), DOBBY_E_FORMAT);
    put_reply(&b, good, "f");
    for (i = 0; i < b.len;
         i++) { /* cut anywhere: more is awaited, nothing is read beyond the end */
        assert_int_equal(reply_state(b.s, i), REPLY_MORE);
    }
    b.s[8]--; /* a length that cuts the last name */
    strbuf_truncate(&b, b.len - 1);
    assert_int_equal(read_reply(&b, &l), DOBBY_E_FORMAT);
    put_reply(&b, good, "f");
    b.s[0]++;
    assert_int_equal(reply_state(b.s, b.len), REPLY_BAD);
    put_reply(&b, good, "f");
    b.s[4] = 9;
    assert_int_equal(reply_state(b.s, b.len), REPLY_BAD);
    put_reply(&b, good, "f");
    strbuf_putc(&b, 'x'); /* more than was announced */
    assert_int_equal(reply_state(b.s, b.len), REPLY_BAD);
    strbuf_release(&b);
}

/* A reply of imports only: how many it says, then kind and start of each. */
static int read_imports(struct strbuf *b, uint32_t says, size_t n, const uint32_t (*v)[2],
                        struct unit_list *l)
{
    static const char source[] = "#include <a.h>\n#include <b.h>\n";

    strbuf_reset(b);
    put_u32(b, PROTOCOL_REPLY);
    put_u32(b, PROTOCOL_OK);
    put_u32(b, (uint32_t)(4 + 11 * n));
    put_u32(b, says);
    for (size_t i = 0; i < n; i++) {
        put_u32(b, v[i][0]);
        put_u32(b, v[i][1]);
        strbuf_add(b, "\1\0x", 3);
    }
    return reply_units(l, b->s, b->len, source, sizeof(source) - 1, NULL);
}

static void test_parse_import_lies(void **state)
{
    static const uint32_t good[2][2] = {{IMPORT_NAME, 0}, {IMPORT_ENTRY, 30}},
                          kind[2][2] = {{IMPORT_KINDS, 0}, {IMPORT_NAME, 15}},
                          place[2][2] = {{IMPORT_NAME, 0}, {IMPORT_NAME, 31}},
                          order[2][2] = {{IMPORT_NAME, 16}, {IMPORT_NAME, 0}};
    struct unit_list l;
    struct strbuf b = {0};

    (void)state;
    assert_int_equal(read_imports(&b, 2, 2, good, &l), 0);
    assert_int_equal(l.n_imports, 2);
    assert_string_equal(l.imports[1].what, "x");
    assert_int_equal(l.imports[1].line, 3);
    unit_list_release(&l);
    assert_int_equal(read_imports(&b, 2, 2, kind, &l), DOBBY_E_FORMAT);
    assert_int_equal(read_imports(&b, 2, 2, place, &l), DOBBY_E_FORMAT);
    assert_int_equal(read_imports(&b, 2, 2, order, &l), DOBBY_E_FORMAT);
    assert_int_equal(read_imports(&b, 3, 2, good, &l), DOBBY_E_FORMAT);
    assert_int_equal(read_imports(&b, 1, 2, good, &l), DOBBY_E_FORMAT); /* the rest is no unit */
    assert_int_equal(read_imports(&b, 0xffffffff, 2, good, &l), DOBBY_E_FORMAT);
    strbuf_release(&b);
}

static void test_parse_names(void **state)
{
    static const uint32_t good[10] = {1, 7, 36, 18, 19, 36, 0, 6, 0, 0};
    static const char source[] = "// doc\nint f(void)\n{\n    return 0;\n}\n";
    struct unit_list l;
    struct strbuf b = {0};

    (void)state;
    put_reply(&b, good, "a\x1b[31m\xffz");
    assert_int_equal(reply_units(&l, b.s, b.len, source, sizeof(source) - 1, NULL), 0);
    assert_string_equal(l.units[0].name, "a\\x1B[31m\\xFFz");
    assert_int_equal(l.units[0].kind, UNIT_METHOD);
    assert_int_equal(l.units[0].start_line, 2);
    assert_int_equal(l.units[0].end_line, 5);
    unit_list_release(&l);
    strbuf_release(&b);
}

/* Lists come as they are to be kept, or the reply is none. */
static void test_parse_words(void **state)
{
    static const uint32_t good[10] = {1, 7, 36, 18, 19, 36, 0, 6, 0, 0};
    static const char source[] = "// doc\nint f(void)\n{\n    return 0;\n}\n";
    static const char *const lies[] = {"\n",   "a\n",       "\na",  "a\n\nb",       "a b",
                                       "a\tb", "a\x1b[31m", "\xff", "a\xe2\x80\xae"};
    struct unit_list l;
    struct strbuf b = {0}, names = {0};

    (void)state;
    put_words(&b, good, "f",
              "puts\ngr\xc3\xb6\xc3\x9f"
              "e",
              NULL);
    assert_int_equal(reply_units(&l, b.s, b.len, source, sizeof(source) - 1, NULL), 0);
    assert_string_equal(l.units[0].calls, "puts\ngr\xc3\xb6\xc3\x9f"
                                          "e");
    assert_null(l.units[0].uses);
    unit_list_release(&l);
    put_words(&b, good, "f", NULL, "");
    assert_int_equal(reply_units(&l, b.s, b.len, source, sizeof(source) - 1, NULL), 0);
    assert_null(l.units[0].calls);
    assert_string_equal(l.units[0].uses, "");
    unit_list_release(&l);
    for (size_t i = 0; i < ARRAY_LEN(lies); i++)
        for (int uses = 0; uses < 2; uses++) {
            put_words(&b, good, "f", uses ? "" : lies[i], uses ? lies[i] : "");
            if (read_reply(&b, &l) != DOBBY_E_FORMAT)
                fail_msg("list %zu was believed", i);
        }
    for (int i = 0; i < UNIT_MAX_WORDS; i++)
        strbuf_printf(&names, "%sname%d", i ? "\n" : "", i);
    put_words(&b, good, "f", names.s, names.s);
    assert_int_equal(read_reply(&b, &l), 0);
    strbuf_puts(&names, "\nmore");
    put_words(&b, good, "f", names.s, "");
    assert_int_equal(read_reply(&b, &l), DOBBY_E_FORMAT);
    strbuf_reset(&names);
    for (int i = 0; i < UNIT_WORD_BYTES; i++)
        strbuf_putc(&names, 'n');
    put_words(&b, good, "f", names.s, "");
    assert_int_equal(read_reply(&b, &l), 0);
    strbuf_putc(&names, 'n');
    put_words(&b, good, "f", names.s, "");
    assert_int_equal(read_reply(&b, &l), DOBBY_E_FORMAT);
    strbuf_release(&names);
    strbuf_release(&b);
}

/* ---- the worker that misbehaves ---------------------------------------------------------------------------- */

static bool read_all(void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = read(STDIN_FILENO, (char *)p + done, n - done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static void write_u32(uint32_t a, uint32_t b, uint32_t c, size_t n)
{
    unsigned char p[12];

    protocol_put_u32(p, a);
    protocol_put_u32(p + 4, b);
    protocol_put_u32(p + 8, c);
    if (write(STDOUT_FILENO, p, n) != (ssize_t)n)
        _exit(0);
}

static void misbehave(const char *text)
{
    static char zeros[1 << 16];
    volatile unsigned turns = 0;

    if (strcmp(text, "@stall") == 0)
        for (;;)
            turns++;
    if (strcmp(text, "@crash") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(text, "@memory") == 0)
        _exit(PROTOCOL_EXIT_NOMEM);
    if (strcmp(text, "@lie") == 0 && write(STDOUT_FILENO, zeros, 64) != 64)
        _exit(1);
    while (strcmp(text, "@flood") == 0 && write(STDOUT_FILENO, zeros, sizeof(zeros)) > 0)
        ;
    if (strcmp(text, "@early") == 0) { /* an end without a death */
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        for (;;)
            pause();
    }
}

static int bad_worker(void)
{
    unsigned char head[PROTOCOL_HEAD];
    char text[4096];

    write_u32(PROTOCOL_HELLO, PARSE_VERSION, 0, 8);
    while (read_all(head, sizeof(head))) {
        size_t n = head[8] | (size_t)head[9] << 8;

        if (n >= sizeof(text) || !read_all(text, n))
            return 1;
        text[n] = '\0';
        misbehave(text);
        write_u32(PROTOCOL_REPLY, PROTOCOL_OK, 4, 12);
        write_u32(0, 0, 0, 4); /* imports */
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_parse_pool),
        cmocka_unit_test(test_parse_usage),
        cmocka_unit_test(test_parse_killed),
        cmocka_unit_test(test_parse_bad_worker),
        cmocka_unit_test(test_parse_lies),
        cmocka_unit_test(test_parse_import_lies),
        cmocka_unit_test(test_parse_names),
        cmocka_unit_test(test_parse_words),
    };
    int worker = parser_worker(argc, argv);

    if (worker >= 0)
        return worker;
    if (argc > 1 && strcmp(argv[1], "--bad-worker") == 0)
        return bad_worker();
    return cmocka_run_group_tests_name("code/parse pool", tests, open_shared, close_shared);
}
