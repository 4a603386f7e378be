/* check.h - is this text a summary of that unit? (code)
 * What     A model's text is data from outside: it may be cut, looped, copied, about something else, or
 *          written by whoever wrote the code. check_summary makes it one clean sentence or says why not.
 *          The last resort, signature_summary, says only what name and parameters say.
 * Holds    An accepted text is UTF-8, one line, one sentence of at least three words with a full stop, at most 300
 *          bytes, no markup, link, control or bidi character, and every identifier in it stands in the unit.
 * Threads  No state.
 * Next     prompt.h for the question. */
#ifndef CODE_CHECK_H
#define CODE_CHECK_H

#include "base/err.h"
#include "base/strbuf.h"
#include "code/text.h"
#include "code/unit.h"

#include <stdbool.h>
#include <stddef.h>

/* An accepted text below it is labelled low. Set by readers' scores: see docs/eval.md for how they are taken. */
#define CHECK_LOW_CONFIDENCE 0.45
/* Of a model that was trained for the question (prompt.h: bare): below, the sentence from the signature is as good to a reader and
 * less often wrong (docs/eval.md). Others' confidence was not read so. */
#define CHECK_MIN_CONFIDENCE 0.37

enum check_verdict {
    CHECK_OK,
    CHECK_EMPTY,       /* nothing, or fewer than three words */
    CHECK_CUT_OFF,     /* ended by length and holds no whole sentence */
    CHECK_ECHO,        /* repeats the question, an example's answer, or a line of the code */
    CHECK_REPEATED,    /* goes round in circles */
    CHECK_MARKUP,      /* control characters, invalid UTF-8, links, tags, fences, @mentions */
    CHECK_IDENTIFIER,  /* names something that does not occur in the unit */
    CHECK_INJECTED,    /* speaks to the reader or about itself instead of the code */
    CHECK_TOO_LONG,    /* a sentence beyond 300 bytes */
    CHECK_COPY,        /* says what another sentence of the prompt says, and the code does not */
    CHECK_BOILERPLATE, /* true of nearly any code */
    CHECK_UNSURE,      /* a sentence, of which the model itself is too unsure; run.c says so */
    CHECK_STEERED,     /* does what a text in the code asks of whoever summarises it */
    CHECK_NOMEM,       /* memory ran out: no verdict */
    CHECK_VERDICTS
};

struct check_input {
    const char *text; /* the model's */
    size_t len;
    bool by_length;   /* it ended because of its length, not by an end token or stop string */
    const char *code; /* from prompt_code */
    size_t code_len;
    const struct unit *unit; /* its names count as known */
    const char
        *context; /* what the prompt showed around the unit: its names and numbers count as known */
    size_t context_len;
    const struct text *others; /* sentences that the prompt showed: not to be copied */
    size_t n_others;
};

/* The accepted sentence in *out (reset first; empty unless CHECK_OK). */
enum check_verdict check_summary(struct strbuf *out, const struct check_input *in);
const char *check_reason(enum check_verdict v); /* "cut off", "echo", ...; "" for CHECK_OK */
/* Is a text that was accepted at attempt `attempts` (1: the first) doubtful? confidence negative: none is known, and only the
 * attempts count. */
bool check_is_low(int attempts, double confidence);

/* A sentence from name and parameters alone, in *out (reset first): "Parse header, going by the name; takes buf and
 * len." for `parse_header(buf, len)`, "Header parser, a type, going by the name." for one that is called HeaderParser.
 * The same for the same signature. Of a chunk, only where it stands (chunk.h). */
void signature_summary(struct strbuf *out, const struct unit *u, enum language_id lang,
                       const char *source, size_t len);
/* A name as words, appended to *out: "Parse header" for parse_header and parseHeader; nothing for an operator. */
void signature_name(struct strbuf *out, const char *name);
/* The names of its parameters, in order, at most `max`, without self and its like; they point into source. Returns how many there
 * are, or 0 when some have no name or are not understood. */
size_t signature_params(struct text *names, size_t max, const struct unit *u, enum language_id lang,
                        const char *source, size_t len);

#endif
