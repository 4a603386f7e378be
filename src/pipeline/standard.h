/* standard.h - does a name belong to what comes with a language? (pipeline)
 * An overview counts other people's packages, and the standard library is in every file. A name is as in struct import, without
 * the signs around a header's. Lists and rules of thumb: where a system adds to a language, a name may be taken for a package. */
#ifndef PIPELINE_STANDARD_H
#define PIPELINE_STANDARD_H

#include "code/language.h"

#include <stdbool.h>
#include <stddef.h>

bool standard_is(enum language_id lang, const char *name, size_t n);

#endif
