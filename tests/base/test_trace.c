/* test_trace.c - traces that viewers read, histograms, and options of other versions. */
#include "base/histogram.h"
#include "base/options.h"
#include "base/thread.h"
#include "base/trace.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_trace_is_json(void **state)
{
    char path[] = "/tmp/dobby-trace-XXXXXX";
    struct dobby_err e = {0};
    struct dobby_trace *t;
    json_error_t why;
    json_t *all, *span;
    size_t n_spans = 0;
    int group;

    (void)state;
    close(mkstemp(path));
    assert_int_equal(dobby_trace_open(&t, path, &e), 0);
    group = trace_group(t, "cores");
    trace_row(t, group, 3, "core %d", 3);
    for (int i = 0; i < 2000; i++) { /* more than one flush */
        double now = time_now();
        trace_span(t, group, 3, "step", now, now + 0.25, "\"columns\":%d", i);
    }
    assert_int_equal(dobby_trace_close(t, &e), 0);
    all = json_load_file(path, 0, &why);
    assert_non_null(all);
    for (size_t i = 0; i < json_array_size(all); i++) {
        span = json_array_get(all, i);
        if (strcmp(json_string_value(json_object_get(span, "ph")), "X") != 0)
            continue;
        assert_int_equal(json_integer_value(json_object_get(span, "dur")), 250000);
        assert_int_equal(json_integer_value(json_object_get(span, "tid")), 3);
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(span, "args"), "columns")),
            (json_int_t)n_spans);
        n_spans++;
    }
    assert_int_equal(n_spans, 2000);
    json_decref(all);
    unlink(path);
    trace_span(NULL, 1, 1, "nothing", 0, 0, "%s", ""); /* no trace is no trouble */
    assert_int_equal(dobby_trace_close(NULL, &e), 0);
}

static void test_trace_tells_a_full_disk(void **state)
{
    struct dobby_err e = {0};
    struct dobby_trace *t;

    (void)state;
    assert_int_equal(dobby_trace_open(&t, "/dev/full", &e), 0);
    trace_group(t, "cores");
    assert_int_equal(dobby_trace_close(t, &e), DOBBY_E_IO);
    assert_non_null(strstr(e.message, "/dev/full"));
    err_clear(&e);
    assert_int_equal(dobby_trace_open(&t, "/nowhere/at/all", &e), DOBBY_E_CREATE);
    assert_int_equal(e.code, DOBBY_E_CREATE); /* what the exit status is made of */
    assert_null(t);
}

static void test_quantiles(void **state)
{
    struct dobby_histogram h = {0};

    (void)state;
    assert_true(dobby_quantile(&h, 0.5) == 0);
    for (int i = 1; i <= 1000; i++)
        histogram_add(&h, i);
    assert_int_equal(h.n, 1000);
    assert_true(h.sum == 500500 && h.max == 1000);
    for (int q = 1; q <= 99; q++) {
        double v = dobby_quantile(&h, q / 100.0), exact = 10 * q;
        assert_true(v >= exact && v <= exact * 1.19 + 1);
    }
    assert_true(dobby_quantile(&h, 1) == 1000);
    histogram_add(&h, 0);
    histogram_add(&h, 1e300);
    histogram_add(&h, 0x1p-4); /* exactly on an edge: the bucket above it */
    assert_int_equal(h.bucket[0], 1);
    assert_int_equal(h.bucket[1], 1);
    assert_int_equal(h.bucket[DOBBY_BUCKETS - 1], 1);
}

static void test_options_of_other_versions(void **state)
{
    struct known {
        size_t size;
        int a, b;
    } out;
    struct {
        struct known k;
        int c;
    } newer;
    struct {
        size_t size;
        int a;
    } older = {offsetof(struct known, b), 7};
    struct dobby_err e = {0};

    (void)state;
    memset(&newer, 0, sizeof(newer)); /* as DOBBY_INIT does: padding too */
    newer.k = (struct known){sizeof(newer), 1, 2};
    assert_int_equal(options_take(&out, sizeof(out), NULL, "test", &e), 0);
    assert_int_equal(out.a, 0);
    assert_int_equal(options_take(&out, sizeof(out), &older, "test", &e), 0);
    assert_true(out.a == 7 && out.b == 0);
    assert_int_equal(options_take(&out, sizeof(out), &newer, "test", &e), 0);
    assert_true(out.a == 1 && out.b == 2);
    memset(&newer.c, 1, sizeof(newer) - offsetof(__typeof__(newer), c));
    assert_int_equal(options_take(&out, sizeof(out), &newer, "test", &e), DOBBY_E_USAGE);
    assert_non_null(strstr(e.message, "newer library"));
    err_clear(&e);
    out.size = 0;
    assert_int_equal(options_take(&newer.k, sizeof(newer.k), &out, "test", &e), DOBBY_E_USAGE);
    assert_non_null(strstr(e.message, "DOBBY_INIT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_is_json),
        cmocka_unit_test(test_trace_tells_a_full_disk),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_options_of_other_versions),
    };
    return cmocka_run_group_tests_name("trace, histogram, options", tests, NULL, NULL);
}
