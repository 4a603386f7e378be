/* test_opt.c - options of a verb from its table: what is taken, what is refused and how, the help. */
#include "support/test.h"

#include "base/fault.h"
#include "cli/opt.h"

#include <stdio.h>
#include <string.h>

struct fields {
    int flag, other, number, word;
    size_t size, bound;
    const char *string, *text;
    struct opt_strings list;
};

static const char *const words[] = {"red", "green", NULL}, *const autos[] = {"auto", NULL};

static const struct opt table[] = {
    {'f', "flag", OPT_FLAG, offsetof(struct fields, flag), 0, 0, NULL, NULL, "A flag"},
    {'o', "other", OPT_FLAG, offsetof(struct fields, other), 0, 0, NULL, NULL, "Another"},
    {'n', "number", OPT_INT, offsetof(struct fields, number), -5, 100, "N", NULL, "A number"},
    {0, "size", OPT_SIZE, offsetof(struct fields, size), 1024, 1LL << 40, "SIZE", NULL, "A size"},
    {0, "bound", OPT_SIZE, offsetof(struct fields, bound), 1024, 1LL << 40, "SIZE|auto", autos,
     "A size that may be left to others"},
    {'s', "string", OPT_STRING, offsetof(struct fields, string), 0, 0, "FILE", NULL, "A string"},
    {0, "text", OPT_TEXT, offsetof(struct fields, text), 0, 0, "TEXT", NULL, "A text"},
    {'l', "list", OPT_STRINGS, offsetof(struct fields, list), 0, 0, "NAME", NULL, "Names"},
    {0, "word", OPT_CHOICE, offsetof(struct fields, word), 0, 0, NULL, words, "A word"},
    {.name = NULL},
};
static const struct opt_verb verb = {"paint", "FILE...", "Paint files", "More.\n", table, 1, 3};

static int parse(struct fields *f, struct opt_operands *operands, struct dobby_err *e,
                 const char *line)
{
    static char copy[256];
    char *argv[32];
    int argc = 0;

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = strtok(copy, " "); p; p = strtok(NULL, " "))
        argv[argc++] = strcmp(p, "''") == 0 ? copy + strlen(copy) : p;
    *f = (struct fields){0};
    *e = (struct dobby_err){0};
    return opt_parse(&verb, argc, argv, f, operands, e);
}

static void test_opt_taken(void **state)
{
    struct opt_operands ops;
    struct dobby_err e;
    struct fields f;

    (void)state;
    assert_int_equal(parse(&f, &ops, &e, "-fon7 a --size=2M --string x --word green b"), 0);
    assert_int_equal(f.flag, 1);
    assert_int_equal(f.other, 1);
    assert_int_equal(f.number, 7);
    assert_int_equal(f.size, 2 << 20);
    assert_string_equal(f.string, "x");
    assert_int_equal(f.word, 1);
    assert_int_equal(f.list.n, 0);
    assert_int_equal(ops.n, 2);
    assert_string_equal(ops.arg[0], "a");
    assert_string_equal(ops.arg[1], "b");

    assert_int_equal(parse(&f, &ops, &e, "-n -5 -sfile -"), 0);
    assert_int_equal(f.number, -5);
    assert_string_equal(f.string, "file");
    assert_string_equal(ops.arg[0], "-");

    assert_int_equal(parse(&f, &ops, &e, "--number=1 --number=2 -- -f --word"), 0);
    assert_int_equal(f.number, 2); /* the later one wins */
    assert_int_equal(f.flag, 0);
    assert_int_equal(ops.n, 2);
    assert_string_equal(ops.arg[0], "-f");

    assert_int_equal(parse(&f, &ops, &e, "a -lx --list y --list=x"), 0); /* a list keeps all */
    assert_int_equal(f.list.n, 3);
    assert_string_equal(f.list.v[0], "x");
    assert_string_equal(f.list.v[1], "y");
    assert_string_equal(f.list.v[2], "x");

    assert_int_equal(parse(&f, &ops, &e, "a --bound 3K"), 0);
    assert_int_equal(f.bound, 3 << 10);
    assert_int_equal(parse(&f, &ops, &e, "a --bound 3K --bound auto"), 0);
    assert_int_equal(f.bound, 0); /* a word stands for it */

    assert_int_equal(parse(&f, &ops, &e, "--text= a --string=a=b"), 0);
    assert_string_equal(f.text, "");
    assert_string_equal(f.string, "a=b");
    assert_int_equal(parse(&f, &ops, &e, "--help"), OPT_HELP);
    assert_int_equal(parse(&f, &ops, &e, "a -fh"), OPT_HELP);
}

static void test_opt_refused(void **state)
{
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"a --nubmer 3", "--nubmer: unknown option; did you mean --number?"},
        {"a --num 3", "--num: unknown option; did you mean --number?"}, /* never abbreviated */
        {"a --zzzzzzzz", "--zzzzzzzz: unknown option; see dobby paint --help"},
        {"a -z", "-z: unknown option"},
        {"a -fz", "-z: unknown option"},
        {"a -n", "--number: needs a value; give it a N"},
        {"a --string", "--string: needs a value"},
        {"a --string=", "--string: \"\" is not what it takes"},
        {"a --flag=1", "--flag: takes no value"},
        {"a -n 101", "--number: \"101\" is not what it takes; give a number from -5 to 100"},
        {"a -n -6", "\"-6\""},
        {"a -n 1x", "\"1x\""},
        {"a -n 99999999999999999999", "is not what it takes"},
        {"a --size 1023", "a size (as 512M or 2G) from 1024"},
        {"a --size 2Q", "\"2Q\""},
        {"a --size auto", "\"auto\""},
        {"a --bound none", "1099511627776, or auto"},
        {"a --size -1", "\"-1\""},
        {"a --size 99999999999999999999", "is not what it takes"},
        {"a --size 16000000000G", "is not what it takes"},
        {"a --word blue", "give one of red green"},
        {"a --list=", "--list: \"\" is not what it takes; give a NAME"},
        {"a -l1 -l2 -l3 -l4 -l5 -l6 -l7 -l8 -l9 -l10 -l11 -l12 -l13 -l14 -l15 -l16 -l17",
         "--list: \"17\": more than 16"},
        {"a b c d", "\"d\": one operand too many"},
        {"-f", "FILE...: missing"},
        {"--", "FILE...: missing"},
    };
    struct opt_operands ops;
    struct dobby_err e;
    struct fields f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&f, &ops, &e, bad[i].line), DOBBY_E_USAGE);
        if (!strstr(e.message, bad[i].says))
            fail_msg("%s: said: %s", bad[i].line, e.message);
        assert_memory_equal(e.message, "paint: ", 7);
    }
}

static void test_opt_size(void **state)
{
    static const struct {
        const char *s;
        size_t n;
    } good[] = {{"0", 0},
                {"17", 17},
                {"1k", 1024},
                {"1K", 1024},
                {"3M", 3 << 20},
                {"2G", 2ULL << 30},
                {"1T", 1ULL << 40},
                {"5MiB", 5 << 20},
                {"5MB", 5 << 20},
                {"9B", 9},
                {"18446744073709551615", SIZE_MAX}};
    static const char *const bad[] = {
        "", "x", "-1", " 1", "1 ", "1.5G", "K", "1KK", "18446744073709551616", "99999999999T"};
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(opt_size(good[i].s, &n));
        assert_true(n == good[i].n);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(opt_size(bad[i], &n));
}

static const char *next_word(const void *ctx, size_t i)
{
    static const char *const list[] = {"summarize", "show", "status", "run", "tokenize", "models"};

    (void)ctx;
    return i < sizeof(list) / sizeof(list[0]) ? list[i] : NULL;
}

static void test_opt_nearest(void **state)
{
    char long_word[200];

    (void)state;
    assert_string_equal(opt_nearest("summarise", next_word, NULL), "summarize");
    assert_string_equal(opt_nearest("sohw", next_word, NULL), "show"); /* a swap is one slip */
    assert_string_equal(opt_nearest("tok", next_word, NULL), "tokenize");
    assert_string_equal(opt_nearest("satus", next_word, NULL), "status");
    assert_null(opt_nearest("", next_word, NULL));
    assert_null(opt_nearest("completely", next_word, NULL));
    memset(long_word, 's', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    assert_null(opt_nearest(long_word, next_word, NULL));
}

static void test_opt_help(void **state)
{
    struct strbuf b = {0};
    size_t n = 0;

    (void)state;
    opt_help(&b, &verb);
    assert_memory_equal(b.s, "usage: dobby paint [OPTION...] FILE...\n", 39);
    for (const struct opt *o = table; o->name;
         o++) { /* every option of the table stands in its help */
        char name[32];

        snprintf(name, sizeof(name), "--%s", o->name);
        assert_non_null(strstr(b.s, name));
        assert_non_null(strstr(b.s, o->help));
    }
    assert_non_null(strstr(b.s, "--word red|green"));
    assert_non_null(strstr(b.s, "-n, --number N"));
    assert_non_null(strstr(b.s, "More.\n"));
    strbuf_release(&b);

    do { /* without memory there is no half of a help text */
        fault_arm(FAULT_ALLOC, ++n, false);
        opt_help(&b, &verb);
        assert_true(strbuf_failed(&b) || strstr(b.s, "More.\n"));
        strbuf_release(&b);
    } while (fault_disarm(FAULT_ALLOC));
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt_taken), cmocka_unit_test(test_opt_refused),
        cmocka_unit_test(test_opt_size),  cmocka_unit_test(test_opt_nearest),
        cmocka_unit_test(test_opt_help),
    };

    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
