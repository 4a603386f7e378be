/* test_evalmetric.c - figures against the numbers of other programs, and words against what a person says. */
#include "support/test.h"

#include "base/size.h"
#include "pipeline/evalmetric.h"

#include <math.h>

/* By sacrebleu 2.4.3 (sentence_bleu, corpus_bleu with their defaults) and rouge-score 0.1.2 (rougeL, no stemmer, fmeasure). */
static const struct vector {
    const char *text, *reference;
    double bleu, rouge_l;
} vectors[] = {
    {"Return the sum of two numbers.", "Return the sum of the two given numbers.", 38.1850,
     0.857143},
    {"Parse header.",
     "Parse the header of a GGUF file and return its version, or -1 on a short read.", 0.1916,
     0.210526},
    {"Write a buffer to a file descriptor, retrying short writes.",
     "Write a whole buffer to a file descriptor, retrying short writes, and return -1 on the first "
     "error.",
     37.1316, 0.714286},
    {"Cancel the job.", "Close the window", 15.9736, 0.333333},
    {"the the the the the", "the cat sat on the mat", 10.4006, 0.363636},
    {"Split `a.b,c` at 1.5, 2-3 and x(y): it's 10,000.",
     "Split a.b,c at 1.5 or 2-3; it's 10,000 x (y).", 35.9861, 0.812500},
    {"Return the sum of the two given numbers.", "Return the sum of the two given numbers.",
     100.0000, 1.000000},
    {"Zähle die Wörter, die größer sind.", "Zähle alle Wörter, die sehr groß sind.", 23.8752,
     0.666667},
    {"x", "x", 100.0000, 1.000000},
    {"Gets a value out of the pool, or makes a new one when it is empty...",
     "Get takes a value out of the pool, or makes a new one when it is empty.", 83.7184, 0.909091},
};
#define CORPUS_BLEU 45.840760

static struct text text_of(const char *s)
{
    return (struct text){s, strlen(s)};
}

static void near(double got, double want, double error)
{
    if (!(fabs(got - want) <= error))
        fail_msg("%.8f, not %.8f", got, want);
}

static void test_vectors(void **state)
{
    struct bleu all = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct text t = text_of(vectors[i].text), r = text_of(vectors[i].reference);

        near(bleu_sentence(t, r), vectors[i].bleu, 1e-4);
        near(rouge_l(t, r), vectors[i].rouge_l, 1e-6);
        bleu_add(&all, t, r);
    }
    near(bleu_corpus(&all), CORPUS_BLEU, 1e-5);
}

static void test_nothing(void **state)
{
    struct bleu none = {0};

    (void)state;
    near(bleu_sentence(text_of(""), text_of("a b")), 0, 0);
    near(bleu_sentence(text_of("a b"), text_of("")), 0, 0);
    near(bleu_corpus(&none), 0, 0);
    near(rouge_l(text_of(""), text_of("")), 0, 0);
}

/* Longer than what is taken apart: counted up to there, and nothing else happens. */
static void test_long(void **state)
{
    static char many[40000];

    (void)state;
    for (size_t i = 0; i + 3 < sizeof(many); i += 3)
        memcpy(many + i, i % 2 ? "a. " : "b, ", 3);
    near(bleu_sentence(text_of(many), text_of(many)), 100, 1e-9);
    near(rouge_l(text_of(many), text_of(many)), 1, 1e-9);
}

static void test_recall(void **state)
{
    struct text code = text_of("int take_all(struct queue *q, int limit)\n{\n    return q->n;\n}");
    size_t n, found;

    (void)state;
    identifier_recall(&n, &found, text_of("Take up to LIMIT things."),
                      text_of("Return what take_all took from the queue, at most limit, of limit."),
                      code);
    assert_int_equal(
        n, 3); /* take_all, queue, limit; `return` is the language's, and limit counts once */
    assert_int_equal(found, 1);
    identifier_recall(&n, &found, text_of("x"), text_of("Nothing of it."), code);
    assert_int_equal(n, 0);
}

static size_t foreign(const char *text, size_t *n)
{
    return ungrounded(n, text_of(text), text_of("q4 = gemm_q4_0(maxSize, 32);"),
                      text_of("Tree.leaf_at"));
}

static void test_ungrounded(void **state)
{
    size_t n;

    (void)state;
    assert_int_equal(foreign("Multiply by gemm_q4_0 up to maxSize in 32 steps of leaf_at.", &n), 0);
    assert_int_equal(n, 4);
    assert_int_equal(foreign("Call free_all and minSize, 64 times, then go() and `stop`.", &n), 5);
    assert_int_equal(n, 5);
    assert_int_equal(foreign("Plain words, JSON and HTTP.", &n), 0);
    assert_int_equal(n, 0);
}

static double nearness(const char *a, const char *b, double least)
{
    struct copy_words x, y;

    copy_words(&x, text_of(a));
    copy_words(&y, text_of(b));
    return copy_nearness(&x, &y, least);
}

static void test_copies(void **state)
{
    (void)state;
    near(nearness("Remove the last entry of a list.", "remove the LAST entry of a `list`", 0.9), 1,
         0);
    near(nearness("Remove the last entry of a list.", "Remove the first entry of a list.", 0.5),
         6.0 / 7, 1e-9);
    near(nearness("Remove the last entry of a list.", "Remove it.", 0.9), 0, 0);
    near(nearness("", "", 0.9), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_long),       cmocka_unit_test(test_recall),
        cmocka_unit_test(test_ungrounded), cmocka_unit_test(test_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
