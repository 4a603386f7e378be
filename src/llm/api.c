/* api.c - the calls of dobby.h on an engine, whatever stands behind it (llm). See engine.h. */
#include "base/options.h"
#include "llm/engine.h"

static int submit(struct dobby_engine *en, const struct engine_prompt *p,
                  const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    struct dobby_generate all;
    dobby_ticket unwanted;
    int rc = options_take(&all, sizeof(all), g, "generation", e);

    if (rc == 0 && (all.max_tokens < 0 || all.time_limit_ms < 0))
        rc = err_set(e, DOBBY_E_USAGE, "generation options: %s must not be negative",
                     all.max_tokens < 0 ? "max_tokens" : "time_limit_ms");
    all.size = sizeof(all);
    if (rc == 0 && all.max_tokens == 0)
        all.max_tokens = 256;
    return rc < 0 ? rc : en->ops->submit(en, p, &all, out ? out : &unwanted, e);
}

int dobby_submit(struct dobby_engine *en, const int32_t *ids, size_t n,
                 const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    return submit(en, &(struct engine_prompt){.ids = ids, .n_ids = n}, g, out, e);
}

int dobby_submit_text(struct dobby_engine *en, const char *text, size_t len,
                      const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    return submit(en, &(struct engine_prompt){.text = text, .len = len}, g, out, e);
}

int dobby_submit_chat(struct dobby_engine *en, const struct dobby_message *msg, size_t n_msg,
                      const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e)
{
    return submit(en, &(struct engine_prompt){.msg = msg, .n_msg = n_msg}, g, out, e);
}

void dobby_cancel(struct dobby_engine *en, dobby_ticket t)
{
    en->ops->cancel(en, t);
}

void dobby_wait(struct dobby_engine *en, dobby_ticket t)
{
    if (t != 0)
        en->ops->wait(en, t);
}

void dobby_drain(struct dobby_engine *en)
{
    en->ops->wait(en, 0);
}

void dobby_get_stats(struct dobby_engine *en, struct dobby_stats *out)
{
    en->ops->stats(en, out);
}

void dobby_get_progress(struct dobby_engine *en, dobby_ticket t, struct dobby_progress *out)
{
    *out = (struct dobby_progress){0};
    en->ops->progress(en, t, out);
}

const char *dobby_engine_model(const struct dobby_engine *en)
{
    return en->ops->model(en);
}

void dobby_engine_free(struct dobby_engine *en)
{
    if (en)
        en->ops->free(en);
}
