/* ground.h - what a sentence says against what the code holds (code, private to check.c and its tests).
 * What     Names and numbers of a sentence are known or not; its words are supported by a text or not; it is close to another
 *          sentence or not. Words are compared in small letters and without their endings; in code, a word counts from
 *          where a part of an identifier begins (max_size, maxSize), a long one anywhere (name in filename).
 * Source   The bounds were set on authors' sentences of packages in three languages, and their neighbours' as false
 *          ones: docs/journal/2026-11-27-copies.md. `dobby-bench copies` counts them again.
 * Cost     A pass over the code for each word; nothing is allocated. */
#ifndef CODE_GROUND_H
#define CODE_GROUND_H

#include "code/text.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

/* What a sentence may speak of. */
struct ground {
    struct text code, context; /* the unit's; what the prompt showed around it */
    struct text own;           /* the unit's name */
};

/* A name by its looks: an underscore or dollar sign, a digit, or a capital inside and small letters. "URL" and "URLs" are none. */
bool ground_looks_like_name(struct text word);
/* Every identifier (a word that looks like a name, is followed by a parenthesis or stands in backticks) and every number
 * of t stands in the code, its context or the name. Case, underscores and hyphens do not matter. */
bool ground_names_known(struct text t, const struct ground *g);
/* How word, which begins with a letter, digit, '_' or '$', is written in g, when it differs in more than case;
 * else word itself. */
struct text ground_spelling(struct text word, const struct ground *g);

/* The words of a sentence that carry meaning. */
#define GROUND_MAX_WORDS 64
#define GROUND_STEM      24
struct ground_words {
    size_t n;
    struct ground_word {
        char stem[GROUND_STEM]; /* NUL-terminated; cut at its size */
        bool generic;           /* true of any code: return, value, object ... */
    } v[GROUND_MAX_WORDS];
};
/* Words without meaning of their own (the, of, given ...) and those behind the first GROUND_MAX_WORDS are left out. */
void ground_words_of(struct ground_words *out, struct text t);
/* The code has such a word. */
bool ground_has_word(struct text code, const char *stem);

/* How t stands to another sentence, in words with meaning; plain: not generic; borne: the code or the name has them. */
struct ground_likeness {
    size_t n, n_plain;                 /* of t */
    size_t shared, plain, plain_borne; /* of those that `other` has too */
    size_t novel, novel_borne;         /* plain ones that `other` has not */
    size_t n_other;                    /* of other */
};
void ground_compare(struct ground_likeness *out, struct text t, struct text other,
                    const struct ground *g);
/* t says what `other` says, about as it says it, and the code does not bear it out. */
bool ground_is_copy(struct text t, struct text other, const struct ground *g);
/* t would be true of nearly any code: no word of it says anything in particular. */
bool ground_is_boilerplate(struct text t);

#endif
