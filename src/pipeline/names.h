/* names.h - the names of a file's units with their places in a list, to be found by name (pipeline).
 * What     Sorted by name, then place, since files may hold tens of thousands of units. Names are borrowed.
 * Next     plan.c and check_tree.c, which compare the units of a tree with those of the store. */
#ifndef PIPELINE_NAMES_H
#define PIPELINE_NAMES_H

#include "base/err.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

struct name_at {
    const char *name;
    size_t at; /* its index in the list */
};

struct names {
    struct name_at *v;
    size_t n, cap;
};

/* Empty, add, sort; then find. */
void names_reset(struct names *names);
MUST_CHECK int names_add(struct names *names, const char *name, size_t at, struct dobby_err *e);
void names_sort(struct names *names);
void names_release(struct names *names);
/* The index of the first entry that is not before this name, and whether the entry i has it. */
size_t names_find(const struct names *names, const char *name);
bool names_at(const struct names *names, size_t i, const char *name);

/* The qualified names of n units, in place of what was there. */
MUST_CHECK int names_of_units(struct names *names, const struct unit *units, size_t n,
                              struct dobby_err *e);
/* The number of each unit among those of its name, in the order of their places: ordinals[names->n]. */
void names_number(const struct names *names, int *ordinals);

#endif
