/* names.c - see names.h (pipeline). */
#include "pipeline/names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *pa, const void *pb)
{
    const struct name_at *a = pa, *b = pb;
    int c = strcmp(a->name, b->name);

    return c ? c : (a->at > b->at) - (a->at < b->at);
}

void names_reset(struct names *names)
{
    names->n = 0;
}

int names_add(struct names *names, const char *name, size_t at, struct dobby_err *e)
{
    if (mem_grow((void **)&names->v, &names->cap, names->n + 1, sizeof(*names->v)) < 0)
        return err_nomem(e, "the names of a file");
    names->v[names->n++] = (struct name_at){name, at};
    return 0;
}

void names_sort(struct names *names)
{
    if (names->n > 0)
        qsort(names->v, names->n, sizeof(*names->v), compare_names);
}

void names_release(struct names *names)
{
    mem_free(names->v);
    *names = (struct names){0};
}

size_t names_find(const struct names *names, const char *name)
{
    size_t lo = 0, hi = names->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(names->v[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool names_at(const struct names *names, size_t i, const char *name)
{
    return i < names->n && strcmp(names->v[i].name, name) == 0;
}

int names_of_units(struct names *names, const struct unit *units, size_t n, struct dobby_err *e)
{
    int rc = 0;

    names_reset(names);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = names_add(names, units[i].qualified, i, e);
    names_sort(names);
    return rc;
}

void names_number(const struct names *names, int *ordinals)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct name_at *u = &names->v[i];
        bool again = i > 0 && strcmp(u[-1].name, u->name) == 0;

        ordinals[u->at] = again ? ordinals[u[-1].at] + 1 : 0;
    }
}
