/* evalmetric.h - how near a sentence is to its author's, and what stands in it (pipeline).
 * What     Figures that need no reader. They watch; they do not judge: a neighbour's sentence, copied, scores high in all of the first three.
 *          BLEU     sentences: n-grams up to 4 by the counts of the shorter texts, smoothed by halving ("exp"), orders that the text
 *                   is too short for left out; a corpus: counts added up. Words as in mteval-v13a, case kept. As sacreBLEU 2.4 has it.
 *          ROUGE-L  F1 of the longest common subsequence of words in small letters; words are runs of a-z and 0-9. As rouge-score 0.1.2
 *                   has it, without stemming.
 *          Recall   of the unit's names that the author's sentence mentions, the share that the text mentions, too.
 *          Ungrounded  words that look like code (an underscore, a capital after a small letter, a digit, parentheses behind it,
 *                   backticks around it) and occur nowhere in the code.
 * Source   Papineni et al. 2002; Chen and Cherry 2014; Lin 2004. tests/pipeline/test_evalmetric.c has numbers of the named programs.
 * Cost     Texts beyond METRIC_WORDS words count up to there.
 * Threads  No state. */
#ifndef PIPELINE_EVALMETRIC_H
#define PIPELINE_EVALMETRIC_H

#include "code/text.h"

#include <stdbool.h>
#include <stddef.h>

#define METRIC_WORDS 256

/* Counts of a corpus's BLEU; zero it first. */
struct bleu {
    size_t n_text, n_reference;  /* words */
    size_t correct[4], total[4]; /* n-grams of the text: those that the reference has, all */
};
void bleu_add(struct bleu *b, struct text t, struct text reference);
/* Of all that was added, 0..100. */
double bleu_corpus(const struct bleu *b);
double bleu_sentence(struct text t, struct text reference);

double rouge_l(struct text t, struct text reference); /* 0..1 */

/* *n becomes how many names of the code the reference mentions, *found how many of them t does. Words of the languages (if, return) and
 * words of fewer than three letters are no names. */
void identifier_recall(size_t *n, size_t *found, struct text t, struct text reference,
                       struct text code);
/* Words of t that look like code and do not occur in the code, nor in name (of the unit). *n: how many look like code at all. */
size_t ungrounded(size_t *n, struct text t, struct text code, struct text name);

/* ---- copies ---- */

/* A sentence taken apart once, to be compared with many. */
#define METRIC_COPY_WORDS 64
struct copy_words {
    unsigned word[METRIC_COPY_WORDS]; /* hashes, in their order */
    size_t n;
};
void copy_words(struct copy_words *out, struct text t);
/* 0..1: the longest common subsequence of words by the longer text; 0 where it is below `least` for sure. */
double copy_nearness(const struct copy_words *a, const struct copy_words *b, double least);

#endif
