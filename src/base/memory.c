/* memory.c - see memory.h (base). What cannot be read limits nothing: a container often shows only a part. */
#include "base/memory.h"

#include "base/mem.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 8192

/* The beginning of a small file of the kernel's; "" when it cannot be read. */
static void read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    ssize_t got = 1;

    while (fd >= 0 && n < size - 1 && got > 0) {
        got = read(fd, out + n, size - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    out[n] = '\0';
}

/* A limit in bytes; SIZE_MAX for "max", for nothing, and for what is no number. */
static size_t parse_limit(const char *s)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(s, &end, 10);
    if (end == s || errno || v > SIZE_MAX)
        return SIZE_MAX;
    return (size_t)v;
}

static size_t limit_of(const char *dir, const char *group, const char *file)
{
    char path[PATH_MAX], text[64];
    int n = snprintf(path, sizeof(path), "%s%s/%s", dir, group, file);

    if (n < 0 || (size_t)n >= sizeof(path))
        return SIZE_MAX;
    read_small(path, text, sizeof(text));
    return parse_limit(text);
}

/* The tightest limit of a group and those above it. `group` is cut short on the way. In a container the path may lie outside
 * of what is mounted: then only the root of the mount answers, which is the container's own. */
static size_t tightest(const char *dir, char *group)
{
    static const char *const files[] = {"memory.max", "memory.high", "memory.limit_in_bytes"};
    size_t best = SIZE_MAX;
    char *slash;

    for (;;) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
            best = size_min(best, limit_of(dir, group, files[i]));
        slash = strrchr(group, '/');
        if (!slash)
            return best;
        *slash = '\0';
    }
}

/* Does a comma-separated list hold this word? */
static bool has_word(const char *list, size_t len, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = list, *end = list + len; s < end; s++) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        size_t k = (size_t)((comma ? comma : end) - s);

        if (k == n && memcmp(s, word, n) == 0)
            return true;
        s += k;
    }
    return false;
}

/* A line of /proc/self/cgroup is "NUMBER:CONTROLLERS:/PATH"; number 0 without controllers is version 2. */
static size_t line_limit(const char *root, char *line)
{
    char dir[PATH_MAX], *controllers = strchr(line, ':'), *group;
    const char *below;
    int n;

    group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group || group[1] != '/')
        return SIZE_MAX;
    if (group == controllers + 1)
        below = "";
    else if (has_word(controllers + 1, (size_t)(group - controllers - 1), "memory"))
        below = "/memory";
    else
        return SIZE_MAX;
    n = snprintf(dir, sizeof(dir), "%s/sys/fs/cgroup%s", root, below);
    return n > 0 && (size_t)n < sizeof(dir) ? tightest(dir, group + 1) : SIZE_MAX;
}

static size_t group_limit(const char *root)
{
    char path[PATH_MAX], text[TEXT_MAX], *rest = text, *line;
    size_t best = SIZE_MAX;
    int n = snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);

    if (n < 0 || (size_t)n >= sizeof(path))
        return best;
    read_small(path, text, sizeof(text));
    while ((line = strsep(&rest, "\n")) != NULL)
        best = size_min(best, line_limit(root, line));
    return best;
}

/* The number of kilobytes in the line that begins with `name`, in bytes; SIZE_MAX if there is none. */
static size_t kilobytes(const char *text, const char *name)
{
    const char *at = strncmp(text, name, strlen(name)) == 0 ? text : NULL;
    size_t v, bytes;

    for (const char *s = strchr(text, '\n'); !at && s; s = strchr(s + 1, '\n'))
        if (strncmp(s + 1, name, strlen(name)) == 0)
            at = s + 1;
    if (!at)
        return SIZE_MAX;
    v = parse_limit(at + strlen(name) + strspn(at + strlen(name), " \t"));
    return size_mul(v, 1024, &bytes) ? bytes : SIZE_MAX;
}

size_t memory_there(const char *root)
{
    char path[PATH_MAX], text[TEXT_MAX];
    size_t there = group_limit(root);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    int n = snprintf(path, sizeof(path), "%s/proc/meminfo", root);

    text[0] = '\0';
    if (n > 0 && (size_t)n < sizeof(path))
        read_small(path, text, sizeof(text));
    there = size_min(there, kilobytes(text, "MemAvailable:"));
    if (there == SIZE_MAX && pages > 0 && page > 0)
        there = (size_t)pages * (size_t)page;
    return there ? there : 1;
}

size_t memory_auto(const char *root)
{
    size_t there = memory_there(root);

    return there > 10 ? there / 10 * 7 : 1;
}

size_t memory_used(void)
{
    char text[TEXT_MAX];
    size_t pages = 0, used;
    const char *second;

    read_small("/proc/self/smaps_rollup", text, sizeof(text));
    used = kilobytes(text, "Rss:");
    if (used != SIZE_MAX)
        return used;
    read_small("/proc/self/statm", text, sizeof(text)); /* kernels before 4.14 */
    second = strchr(text, ' ');
    if (second)
        pages = parse_limit(second + 1);
    return pages == SIZE_MAX ? 0 : pages * (size_t)sysconf(_SC_PAGE_SIZE);
}
