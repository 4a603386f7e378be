/* evaltable.c - see evaltable.h (cli). */
#include "cli/evaltable.h"

#include "base/json.h"
#include "base/size.h"
#include "cli/evalsheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- as JSON ------------------------------------------------------------------------------------ */

static void put_number(struct strbuf *b, const char *key, double v)
{
    if (isnan(v))
        strbuf_printf(b, ",\"%s\":null", key);
    else
        strbuf_printf(b, ",\"%s\":%.4f", key, v);
}

static void put_parts(struct strbuf *b, const char *key, const struct dobby_eval_part *p, size_t n)
{
    strbuf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(b, "%s{\"n\":%zu", i ? "," : "", p[i].n);
        put_number(b, "confidence_from", p[i].confidence_from);
        put_number(b, "confidence_to", p[i].confidence_to);
        put_number(b, "rouge_l", p[i].rouge_l);
        strbuf_putc(b, '}');
    }
    strbuf_putc(b, ']');
}

static void put_model(struct strbuf *b, const struct dobby_eval_figures *f)
{
    strbuf_printf(b, ",\"n_fallback\":%zu,\"refused\":{", f->n_fallback);
    for (size_t i = 0; i < f->n_reasons; i++)
        strbuf_printf(b, "%s\"%s\":%zu", i ? "," : "", f->refused[i].why, f->refused[i].n);
    strbuf_putc(b, '}');
    put_parts(b, "thirds", f->thirds, ARRAY_LEN(f->thirds));
    put_parts(b, "tenths", f->tenths, ARRAY_LEN(f->tenths));
    if (f->language)
        return;
    put_number(b, "seconds", f->s_infer);
    strbuf_printf(
        b, ",\"tokens_read\":%" PRIu64 ",\"tokens_cached\":%" PRIu64 ",\"tokens_written\":%" PRIu64,
        f->n_tokens_read, f->n_tokens_cached, f->n_tokens_written);
}

static void add_json(struct eval_table *t, const struct dobby_eval_figures *f)
{
    struct strbuf *b = &t->out;

    strbuf_puts(b, t->n == 0 ? "{\"figures\":[" : ",");
    strbuf_puts(b, "{\"system\":");
    json_put_string(b, f->system, strlen(f->system));
    strbuf_printf(b, ",\"source\":\"%s\",\"language\":", eval_source_name(f->source));
    if (f->language)
        json_put_string(b, f->language, strlen(f->language));
    else
        strbuf_puts(b, "null");
    strbuf_printf(b, ",\"n\":%zu", f->n);
    put_number(b, "bleu", f->bleu);
    put_number(b, "bleu_corpus", f->bleu_corpus);
    put_number(b, "rouge_l", f->rouge_l);
    put_number(b, "recall", f->recall);
    strbuf_printf(b, ",\"n_identifiers\":%zu,\"n_ungrounded\":%zu,\"n_copied\":%zu",
                  f->n_identifiers, f->n_ungrounded, f->n_copied);
    if (f->source == DOBBY_EVAL_MODEL)
        put_model(b, f);
    strbuf_putc(b, '}');
}

/* ---- for people --------------------------------------------------------------------------------- */

static void put_cell(struct strbuf *b, double v, int digits)
{
    if (isnan(v))
        strbuf_printf(b, " %8s", "-");
    else
        strbuf_printf(b, " %8.*f", digits, v);
}

static void put_head(struct strbuf *b, const char *what)
{
    strbuf_printf(b, "%s%-32s %5s %8s %8s %8s %8s %8s %8s %8s\n", b->len ? "\n" : "", what, "n",
                  "BLEU-4", "corpus", "ROUGE-L", "names", "foreign", "copied", "fallback");
}

static void note_model(struct strbuf *b, const struct dobby_eval_figures *f)
{
    strbuf_printf(b,
                  "\n%s: %.2f units/s, tokens read %" PRIu64 ", of these cached %" PRIu64
                  ", written %" PRIu64 "\n",
                  f->system, f->s_infer > 0 ? (double)f->n / f->s_infer : 0, f->n_tokens_read,
                  f->n_tokens_cached, f->n_tokens_written);
    strbuf_puts(b, "  refused answers:");
    for (size_t i = 0; i < f->n_reasons; i++)
        strbuf_printf(b, "%s %s %zu", i ? "," : "", f->refused[i].why, f->refused[i].n);
    strbuf_puts(b, f->n_reasons ? "\n" : " none\n");
    for (size_t i = 0; i < ARRAY_LEN(f->thirds); i++)
        if (f->thirds[i].n > 0)
            strbuf_printf(b, "  third %zu by confidence (%.4f to %.4f): ROUGE-L %.3f\n", i + 1,
                          f->thirds[i].confidence_from, f->thirds[i].confidence_to,
                          f->thirds[i].rouge_l);
}

static void add_row(struct eval_table *t, const struct dobby_eval_figures *f)
{
    struct strbuf *b = &t->out;
    const char *language = f->language ? f->language : "";

    if (t->n == 0 || strcmp(t->language, language) != 0)
        put_head(b, f->language ? f->language : "all");
    snprintf(t->language, sizeof(t->language), "%s", language);
    strbuf_printf(b, "%-32s %5zu", f->system, f->n);
    put_cell(b, f->bleu, 2);
    put_cell(b, f->bleu_corpus, 2);
    put_cell(b, f->rouge_l, 3);
    put_cell(b, f->recall, 3);
    strbuf_printf(b, " %8zu %8zu", f->n_ungrounded, f->n_copied);
    if (f->source == DOBBY_EVAL_MODEL)
        strbuf_printf(b, " %8zu", f->n_fallback);
    strbuf_putc(b, '\n');
    if (f->source == DOBBY_EVAL_MODEL && !f->language)
        note_model(&t->notes, f);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

void eval_table_add(struct eval_table *t, const struct dobby_eval_figures *f)
{
    if (t->json)
        add_json(t, f);
    else
        add_row(t, f);
    t->n++;
}

void eval_table_end(struct eval_table *t, const struct dobby_eval_stats *st, int seed)
{
    if (t->json)
        strbuf_printf(&t->out, "],\"n\":%zu,\"documented\":%zu,\"units\":%zu,\"seed\":%d}\n",
                      st->n_sampled, st->n_documented, st->n_units, seed);
    else
        strbuf_add(&t->out, strbuf_str(&t->notes), t->notes.len);
    if (strbuf_failed(&t->notes))
        t->out.failed = true;
}

void eval_table_release(struct eval_table *t)
{
    strbuf_release(&t->out);
    strbuf_release(&t->notes);
}
