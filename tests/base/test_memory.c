/* test_memory.c - how much memory there is, from made-up /proc and /sys (src/base/memory.c). */
#include "base/memory.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "code/protocol.h" /* SANITIZED */
#include "support/test.h"

#include "base/file.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static char *root;

static void put(const char *path, const char *text)
{
    struct strbuf full = {0};
    char *slash;

    strbuf_printf(&full, "%s/%s", root, path);
    slash = strrchr(full.s, '/');
    *slash = '\0';
    assert_int_equal(file_mkdirs(full.s, 0700, NULL), 0);
    *slash = '/';
    put_file(full.s, text, strlen(text));
    strbuf_release(&full);
}

static int fresh(void **state)
{
    (void)state;
    root = temp_dir();
    return 0;
}

static int drop(void **state)
{
    (void)state;
    temp_dir_remove(root);
    return 0;
}

static void test_available(void **state)
{
    (void)state;
    put("proc/meminfo",
        "MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable:   2048 kB\nCached: 7 kB\n");
    assert_int_equal(memory_there(root), 2 * MIB);
    assert_int_equal(memory_auto(root), 2 * MIB / 10 * 7);
}

static void test_nothing_known(void **state)
{
    (void)state;
    assert_true(memory_there(root) > 64 * MIB); /* the machine's own */
}

/* Version 2: the tightest of the group and those above it, high as well as max. */
static void test_version_2(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: 8388608 kB\n");
    put("proc/self/cgroup", "0::/user.slice/job\n");
    put("sys/fs/cgroup/user.slice/job/memory.max", "max\n");
    assert_int_equal(memory_there(root), 8192 * MIB);
    put("sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
    assert_int_equal(memory_there(root), 1024 * MIB);
    put("sys/fs/cgroup/user.slice/job/memory.high", "536870912\n");
    assert_int_equal(memory_there(root), 512 * MIB);
}

/* In a container the group's path may lie outside of the mount, whose root is the container's. */
static void test_container(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: 8388608 kB\n");
    put("proc/self/cgroup", "0::/docker/abc\n");
    put("sys/fs/cgroup/memory.max", "268435456\n");
    assert_int_equal(memory_there(root), 256 * MIB);
}

static void test_version_1(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: 8388608 kB\n");
    put("proc/self/cgroup",
        "12:pids:/a\n7:cpu,memory:/a/b\n3:memoryish:/c\n1:name=systemd:/a\n0::/a\n");
    put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "1048576\n");
    assert_int_equal(memory_there(root), 8192 * MIB);
    put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "134217728\n");
    assert_int_equal(memory_there(root), 128 * MIB);
}

static void test_garbage_limits_nothing(void **state)
{
    (void)state;
    put("proc/meminfo", "MemAvailable: 4096 kB\n");
    put("proc/self/cgroup", "\n:\n0:\n0:::\n5:memory\nx:memory:relative\n0::/x");
    put("sys/fs/cgroup/x/memory.max", "lots\n");
    assert_int_equal(memory_there(root), 4 * MIB);
}

static void test_used(void **state)
{
    size_t before = memory_used(), n = 32 * MIB;
    unsigned char *p = mem_alloc(n);

    (void)state;
    assert_non_null(p);
    assert_true(before > 0);
    memset(p, 1, n);
    if (!SANITIZED)
        assert_in_range(memory_used(), before + n * 9 / 10, before + n + 8 * MIB);
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_available, fresh, drop),
        cmocka_unit_test_setup_teardown(test_nothing_known, fresh, drop),
        cmocka_unit_test_setup_teardown(test_version_2, fresh, drop),
        cmocka_unit_test_setup_teardown(test_container, fresh, drop),
        cmocka_unit_test_setup_teardown(test_version_1, fresh, drop),
        cmocka_unit_test_setup_teardown(test_garbage_limits_nothing, fresh, drop),
        cmocka_unit_test(test_used),
    };

    return cmocka_run_group_tests_name("base/memory", tests, NULL, NULL);
}
