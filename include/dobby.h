/* dobby.h - the public interface of libdobby: one set of weights, many agents, summaries of source trees.
 *
 * What     A model is opened once and shared. An engine runs any number of prompts on it at the same
 *          time (continuous batching over a pool of KV blocks). dobby_summarize_tree() reads a source
 *          tree, summarises what is not yet in its store, and hands the rows out in a fixed order.
 * Strings  UTF-8 unless said otherwise. Strings handed to a callback live until it returns; strings in
 *          a struct filled by a getter live as long as the object they were read from.
 * Errors   Functions that can fail return 0 or a negative DOBBY_E_* code and describe the failure in
 *          *e (what, where, why, what to do; one line). `e` may be NULL.
 * Options  Every options struct starts with its own size: set it with DOBBY_INIT, then the fields you
 *          want. A zero field means the default. A struct larger than the library knows is taken as long
 *          as the unknown part is all zero, and refused otherwise.
 * Threads  A model is immutable: any thread. An engine: the submit functions, dobby_cancel, dobby_get_stats and
 *          dobby_get_progress from any thread, callbacks included; dobby_wait, dobby_drain and
 *          dobby_engine_free from any thread except inside a callback. Callbacks of one engine run one
 *          after the other on its dispatcher thread, no lock held. Two engines may live in one process.
 * Next     docs/architecture.md for how it works inside. */
#ifndef DOBBY_H
#define DOBBY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DOBBY_API __attribute__((visibility("default")))
#else
#define DOBBY_API
#endif

#define DOBBY_VERSION "0.1.0"

/* Prepare an options struct: DOBBY_INIT(o) zeroes it and notes its size. */
#define DOBBY_INIT(o) (__builtin_memset(&(o), 0, sizeof(o)), (o).size = sizeof(o))

/* ---- errors ---------------------------------------------------------------------------------- */

/* Each code is something that a caller decides on; the message is for the person. */
enum dobby_code {
    DOBBY_OK = 0,
    DOBBY_E_NOMEM = -1,       /* an allocation failed */
    DOBBY_E_IO = -2,          /* read, write, sync or map failed; disk full */
    DOBBY_E_FORMAT = -3,      /* input data is malformed (model file, store, prompt file) */
    DOBBY_E_UNSUPPORTED = -4, /* input data is well-formed, but not a kind that is supported */
    DOBBY_E_NOTFOUND = -5,    /* a file, model or row does not exist */
    DOBBY_E_PERMISSION = -6,  /* the system refused access */
    DOBBY_E_USAGE = -7,       /* an argument or option is wrong */
    DOBBY_E_UNAVAILABLE = -8, /* network, server, or an instruction set that this machine lacks */
    DOBBY_E_CREATE = -9,      /* an output cannot be created */
    DOBBY_E_CONFIG = -10,     /* a configuration, lock or environment is not as it must be */
    DOBBY_E_CANCELLED = -11,  /* cancelled by the caller */
    DOBBY_E_LIMIT = -12,      /* a limit was reached: budget too small, prompt too long */
    DOBBY_E_NUMERIC = -13,    /* the model's numbers are not finite */
    DOBBY_E_INTERNAL = -14,   /* a bug in dobby */
    DOBBY_E_UNDONE = -15,     /* the work ended with some of it left undone; run it again */
    DOBBY_E_TIME = -16        /* a time limit passed; the same may work another time */
};

struct dobby_err {
    int code;           /* 0 or DOBBY_E_* */
    char message[1024]; /* one line, NUL-terminated: what: where: why; what to do */
};

DOBBY_API const char *dobby_version(void);

/* ---- models ---------------------------------------------------------------------------------- */

struct dobby_model;

struct dobby_model_options {
    size_t size;
    int exact;   /* 1: float32 weights and arithmetic, scalar; for tests and for finding errors */
    int threads; /* workers for repacking; 0: as many as the process may run on */
    const char *
        isa; /* NULL: the best of this machine; scalar, on x86-64 avx2 avxvnni avx512vnni, on AArch64 dotprod i8mm
                (DOBBY_E_UNAVAILABLE if the machine lacks it) */
    const char *
        cache_dir; /* where the hash of the model file and its packed weights are kept; NULL: nowhere */
    int head;      /* 1: all but the weights; the file stays open for dobby_model_load */
    /* A low-rank adapter (LoRA), a GGUF file as llama.cpp's convert_lora_to_gguf writes it: its matrices are added to the model's as
     * these are packed. NULL: none. Refused (DOBBY_E_FORMAT, _UNSUPPORTED, _LIMIT) when its shapes or architecture are another
     * model's, when it names the SHA-256 of another model (key dobby.base.sha256; when it names none, a line in the log says that
     * this is not checked), or when a value is not finite. */
    const char *adapter;
    const char *
        merge_type; /* what merged matrices are rounded to: F32 F16 Q8_0 Q5_0 Q4_1 Q4_0; NULL: as the
                           adapter says (key dobby.merge.type), else Q8_0; DOBBY_E_USAGE without adapter */
};

struct dobby_model_info {
    const char *arch, *name,
        *path;          /* general.architecture, general.name ("" if absent), as opened */
    const char *sha256; /* 64 hex digits of the whole file */
    const char *isa;    /* kernels in use */
    const char *adapter, *adapter_sha256,
        *merge_type; /* merged into the weights: file, hash, type of merged matrices; "" without one */
    const char *chat; /* "chatml", or "" when the file has no template that is known */
    const char
        *file_type; /* the tensor types in the file with their counts: "Q5_0:132 Q8_0:13 ..." */
    uint64_t n_params, file_size, packed_size; /* parameters; bytes; bytes of weights in memory */
    int n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_dim, n_vocab, n_ctx_train;
    size_t kv_bytes_per_token; /* with the f16 cache */
};

/* Open and check a GGUF file and repack its weights. Cost: a second or so per gigabyte, a fraction of it where cache_dir
 * keeps them packed; the first time they are written there by a thread of the model's, for which dobby_model_free waits.
 * Returns 0 or a negative code; *out is NULL on failure. */
DOBBY_API int dobby_model_open(struct dobby_model **out, const char *path,
                               const struct dobby_model_options *o, struct dobby_err *e);
/* Load the weights of a model that was opened with `head`: until then it has its tokens, sizes and templates, but no
 * engine can be opened on it. Its file must not have changed meanwhile (DOBBY_E_IO). threads as in the options. Nothing
 * to do for a model that has its weights. Not while another thread uses the model. */
DOBBY_API int dobby_model_load(struct dobby_model *m, int threads, struct dobby_err *e);
/* Compare the packed weights that cache_dir keeps for the model file with this SHA-256 (64 hex digits), with adapters and without,
 * with their own checksums. DOBBY_E_NOTFOUND: it keeps none; DOBBY_E_FORMAT: some are damaged, and have been removed: the next
 * load packs them anew. */
DOBBY_API int dobby_model_verify_packed(const char *sha256, const char *cache_dir,
                                        struct dobby_err *e);
/* Free a model that no engine uses any more; NULL is fine. */
DOBBY_API void dobby_model_free(struct dobby_model *m);
/* The strings live as long as the model. */
DOBBY_API void dobby_model_get_info(const struct dobby_model *m, struct dobby_model_info *out);
/* Header, metadata and tensor table only, without loading weights: for `models info`. Writes a
 * human-readable description, NUL-terminated and allocated; free it with dobby_free. */
DOBBY_API int dobby_model_describe(char **out, const char *path, struct dobby_err *e);
/* The same for an adapter: its model, rank, weight, matrices, and what they are rounded to when merged. With model_path it is
 * checked against that model as dobby_model_open does, whose failures this call has then; cache_dir as there. */
DOBBY_API int dobby_adapter_describe(char **out, const char *path, const char *model_path,
                                     const char *cache_dir, struct dobby_err *e);

/* Token ids of `len` bytes of text. With `special`, control tokens written in the text are parsed; never
 * use that on text from outside. `add_bos` puts BOS first where the model asks for one.
 * *ids is allocated (free it with dobby_free), *n its length. */
DOBBY_API int dobby_tokenize(const struct dobby_model *m, const char *text, size_t len, int special,
                             int add_bos, int32_t **ids, size_t *n, struct dobby_err *e);
/* Bytes of one token, not NUL-terminated; may be part of a UTF-8 sequence. "" for ids out of range. */
DOBBY_API const char *dobby_token_bytes(const struct dobby_model *m, int32_t id, size_t *len);

struct dobby_message {
    const char *role; /* "system", "user", "assistant" */
    const char *text;
    size_t len;
};
/* Token ids of a conversation in the model's own template, ending where the assistant speaks. Message
 * texts can never become control tokens. DOBBY_E_UNSUPPORTED when the template is not a known one. */
DOBBY_API int dobby_chat_tokens(const struct dobby_model *m, const struct dobby_message *msg,
                                size_t n_msg, int32_t **ids, size_t *n, struct dobby_err *e);
DOBBY_API void dobby_free(void *p); /* for what this library allocated for you */

/* ---- traces ------------------------------------------------------------------------------------ */

/* A record of what happened when, in the JSON form of Chrome's trace viewer and Perfetto: a lane for each core with
 * its steps, one for each agent with waiting, reading and writing. It holds no prompt and no text. Hand it to engines
 * and runs through their options; it may be shared, and must outlive them. */
struct dobby_trace;
DOBBY_API int dobby_trace_open(struct dobby_trace **out, const char *path, struct dobby_err *e);
/* Finish and close the file; the first failure of any write is told here. NULL is fine. */
DOBBY_API int dobby_trace_close(struct dobby_trace *t, struct dobby_err *e);

/* ---- engine ---------------------------------------------------------------------------------- */

struct dobby_engine;
typedef uint64_t dobby_ticket; /* never 0, never reused in one engine */

/* Type of the cached keys and values. q8: 8 bits a value and a float16 scale for 16 of them. */
enum dobby_kv { DOBBY_KV_F16 = 0, DOBBY_KV_Q8 = 1, DOBBY_KV_F32 = 2 };

struct dobby_engine_options {
    size_t size;
    int threads; /* workers; 0: as many as the process may run on */
    int agents;  /* sequences in flight at most; 0: 10 */
    int chunk;   /* columns of a step at most (prompt and written tokens); 0: 256 */
    int kv;      /* enum dobby_kv; exact models use float32 always */
    int context; /* longest prompt plus text of one sequence; 0: the smaller of the model's and 8192 */
    size_t
        kv_memory; /* bytes for the KV pool; 0: what `agents` sequences of 2048 tokens need, and one of `context` at least */
    int step_ms; /* shrink steps until they take about this long; 0: steps of `chunk` columns. Changes no text */
    struct dobby_trace *trace; /* borrowed; NULL: none */
};

DOBBY_API int dobby_engine_open(struct dobby_engine **out, struct dobby_model *m,
                                const struct dobby_engine_options *o, struct dobby_err *e);

/* How many agents fit into a bound on this process's memory, and with which KV pool. */
struct dobby_memory_options {
    size_t size;
    size_t
        memory; /* bound in bytes; 0: 70% of the smaller of the control group's limit and what is available */
    int threads, agents, chunk, kv; /* as in dobby_engine_options */
    const uint32_t *
        tokens; /* prompt plus text of the longest sequences that may be in flight at once, in any order */
    size_t n_tokens;    /* when there are fewer than agents, the others need nothing */
    size_t tokens_each; /* without `tokens`: of every sequence; 0: the engine's default context */
    size_t shared;      /* tokens that all prompts begin with, counted once */
};
struct dobby_memory {
    size_t memory;  /* the bound */
    size_t used;    /* by the process now */
    size_t weights; /* still to be loaded; 0 for a model that has them */
    size_t scratch; /* of the engine, besides its KV pool */
    size_t kv;      /* for dobby_engine_options.kv_memory */
    size_t
        reserve; /* for what grows while agents work: stacks, texts, rows on their way to a store */
    size_t smallest; /* the bound with which one agent works */
    size_t enough;   /* the bound with which all agents asked for work */
    int agents;      /* for dobby_engine_options.agents */
    int context;     /* for dobby_engine_options.context: what the longest sequence needs */
};
/* Plan an engine on a model, whose head suffices, so that used + weights + scratch + kv + reserve stay within the bound.
 * An engine opened with agents, kv_memory, context as planned, and threads, chunk and kv as asked, keeps to it.
 * Returns 0, also with fewer agents than asked for; DOBBY_E_LIMIT when not even one fits: the message has the smallest
 * bound that does. */
DOBBY_API int dobby_memory_plan(struct dobby_memory *out, const struct dobby_model *m,
                                const struct dobby_memory_options *o, struct dobby_err *e);

/* Another engine behind the same calls: an OpenAI-compatible server (llama.cpp's, vLLM, ...), asked for greedy texts through
 * /v1/completions and /v1/chat/completions. Texts are the server's: not reproducible.
 *
 * Network  http and https, certificates verified, redirects not followed, proxies as the environment says (http_proxy,
 *          https_proxy, all_proxy, no_proxy), but never for loopback addresses. The API key is in no message and no trace.
 * Results  The whole text comes at once. ids and margin are NULL; logprob is NULL and n_ids the server's count where it tells
 *          no log-probabilities. A time limit runs from when the request goes out. "string" is only told when this side had
 *          to cut; a stop string that the server obeyed is "end".
 * Codes    DOBBY_E_UNAVAILABLE (no connection, busy, a failure of the server's) and _TIME may pass; _LIMIT (prompt too long),
 *          _FORMAT (no answer of the kind; the request is refused), _PERMISSION (key), _NOTFOUND, _CONFIG (redirect,
 *          certificate) stay as they are. */
struct dobby_remote_options {
    size_t size;
    const char *url;     /* "http://host:port" or with a path before "/v1"; required */
    const char *model;   /* what requests say in "model"; NULL: the first that the server lists */
    const char *api_key; /* sent as a bearer token; NULL: none */
    int agents;          /* requests in flight at most; 0: 10 */
    struct dobby_trace *trace;
};
/* Connect and ask for the model's name; at most half a minute. DOBBY_E_UNAVAILABLE when nothing answers. */
DOBBY_API int dobby_engine_connect(struct dobby_engine **out, const struct dobby_remote_options *o,
                                   struct dobby_err *e);
/* The model that answers: dobby_model_info.name, or what the server calls it (of a path, the last part). Lives as long as
 * the engine. */
DOBBY_API const char *dobby_engine_model(const struct dobby_engine *en);

/* Cancels what is in flight, calls the callbacks, joins the workers. */
DOBBY_API void dobby_engine_free(struct dobby_engine *en);

struct dobby_result {
    dobby_ticket ticket;
    int status;          /* 0 done, DOBBY_E_CANCELLED, or the code of the failure */
    const char *message; /* why, "" when done */
    const char *
        text; /* the completion without the stop string; NUL-terminated, may hold invalid UTF-8; "" on failure */
    size_t len;
    const int32_t *ids;   /* tokens of the completion, the end token not included */
    const float *logprob; /* natural log of each token's probability */
    const float *margin;  /* log-probability distance to the runner-up, per token */
    size_t n_ids;         /* with an engine by URL, any of the three may be NULL all the same */
    double sum_logprob;   /* of the tokens, end token included when it was sampled */
    const char *
        stop; /* "end" (end token), "string" (a stop string), "length" (max_tokens), "" on failure */
    size_t n_prompt, n_cached; /* prompt tokens; of these, taken from the prefix cache */
    double ms_queued, ms_prompt,
        ms_total; /* submit to admission; admission to first token; submit to end */
};

struct dobby_generate {
    size_t size;
    int max_tokens;           /* 0: 256 */
    const char *const *stops; /* stop strings, copied; NULL-terminated; NULL: none */
    int ignore_eog;           /* 1: end-of-generation tokens do not stop (tests, benchmarks) */
    int order;         /* lower starts first among waiting prompts, then first come first served */
    int time_limit_ms; /* from admission to the end; then the ticket fails with DOBBY_E_TIME; 0: none */
    void *ctx;         /* for the callbacks */
    /* A piece of text as it is written; may be NULL. A return value other than 0 fails the ticket with that code
     * (DOBBY_E_INTERNAL for one that is none). */
    int (*on_text)(void *ctx, dobby_ticket t, const char *bytes, size_t len);
    /* Exactly once for each ticket. */
    void (*on_done)(void *ctx, const struct dobby_result *r);
    /* The logits of every prompt position from `logits_from` on, and of every written token; may be NULL. Runs on a worker
     * thread while the step waits; pos is the index of the last token read. For tests and measurements. */
    void (*on_logits)(void *ctx, size_t pos, const float *logits, size_t n_vocab);
    size_t logits_from;
};

/* Queue a prompt of n ids (copied). The ticket is in *out before any callback of it runs. */
DOBBY_API int dobby_submit(struct dobby_engine *en, const int32_t *ids, size_t n,
                           const struct dobby_generate *g, dobby_ticket *out, struct dobby_err *e);
/* The same with words: as they are (with BOS where the model wants one), or as a conversation. These two also serve an
 * engine by URL, which takes no ids. */
DOBBY_API int dobby_submit_text(struct dobby_engine *en, const char *text, size_t len,
                                const struct dobby_generate *g, dobby_ticket *out,
                                struct dobby_err *e);
DOBBY_API int dobby_submit_chat(struct dobby_engine *en, const struct dobby_message *msg,
                                size_t n_msg, const struct dobby_generate *g, dobby_ticket *out,
                                struct dobby_err *e);
/* Ask for the end of a ticket; its callback still comes. Unknown or finished tickets are ignored. */
DOBBY_API void dobby_cancel(struct dobby_engine *en, dobby_ticket t);
DOBBY_API void dobby_wait(struct dobby_engine *en,
                          dobby_ticket t);           /* until its final callback has returned */
DOBBY_API void dobby_drain(struct dobby_engine *en); /* until nothing is queued or in flight */

/* Counts of values: bucket i counts those below 2^(i/4) times 1/16, and not below the bucket before it. */
#define DOBBY_BUCKETS 96
struct dobby_histogram {
    uint64_t n, bucket[DOBBY_BUCKETS];
    double sum, max;
};
/* The value below which a share q of 0..1 lies, to a bucket's width (19%); 0 when nothing was counted. */
DOBBY_API double dobby_quantile(const struct dobby_histogram *h, double q);

/* Since the engine was opened, or now. An engine by URL fills what it can know: no steps, no KV. */
struct dobby_stats {
    uint64_t n_submitted, n_done, n_failed, n_cancelled;
    uint64_t n_prompt_tokens, n_cached_tokens,
        n_written_tokens;                      /* asked for; taken from the cache; sampled */
    uint64_t n_steps, n_columns, n_team_steps; /* team: rows divided among the cores */
    uint64_t n_prefix_hits; /* admitted prompts that found a beginning in the cache */
    size_t n_waiting, n_running,
        n_parked; /* queued; admitted; of these, waiting for another to read their beginning */
    size_t kv_blocks_used, kv_blocks_cached, kv_blocks_peak,
        kv_blocks_total; /* in use; kept for reuse; used at most */
    size_t kv_block_bytes;
    int threads;
    struct dobby_histogram step_ms, step_columns; /* of a core's step, or a team's */
    struct dobby_histogram queued_ms, first_token_ms,
        latency_ms; /* submit to admission; admission to first token; admission to end */
};
DOBBY_API void dobby_get_stats(struct dobby_engine *en, struct dobby_stats *out);

/* How far a ticket is. */
enum dobby_state {
    DOBBY_ST_GONE,
    DOBBY_ST_WAITING,
    DOBBY_ST_PARKED,
    DOBBY_ST_READING,
    DOBBY_ST_WRITING
};
struct dobby_progress {
    enum dobby_state state;             /* gone: finished, or never there */
    size_t n_prompt, n_read, n_written; /* tokens; read: cached ones included */
    double ms; /* since it was admitted, or while it waits since it was submitted */
};
DOBBY_API void dobby_get_progress(struct dobby_engine *en, dobby_ticket t,
                                  struct dobby_progress *out);

/* ---- summaries of a source tree --------------------------------------------------------------- */

/* A row of the result, as in the JSONL output: 1-based inclusive lines; NULL, 0 or NAN where absent. */
struct dobby_row {
    const char *path;
    size_t path_len; /* file names are bytes: may be invalid UTF-8 */
    const char *name,
        *kind; /* kind: "function", "method", "type", "module", "chunk", "file", "directory", "repository" */
    int start_line, end_line;
    const char *language, *summary, *source, *model;
    double confidence; /* 0..1, negative when there is none */
    const char *key;   /* prompt_key in hex, or NULL */
    /* NULL-terminated, or NULL: where its comment and its code disagree. "doc-mismatch: x": the comment documents a parameter x that is
     * not there; "doc-missing-parameter: x": it documents parameters, and does not mention x. */
    const char *const *findings;
    const char *
        label; /* "low": a model's text, and doubtful: accepted only when it was asked again, or of low confidence; else NULL */
};

enum dobby_event_kind {
    DOBBY_EV_STAGE, /* text: "walk", "parse", "load", "summarize", ... with the stage's name as it starts */
    DOBBY_EV_PLAN, /* totals are known: n_total, n_cached */
    DOBBY_EV_UNIT, /* one more unit done, failed or found in the store */
    DOBBY_EV_NOTE, /* text: something a person should read (a skipped file, a fallback) */
    DOBBY_EV_FILE, /* dry run: one planned file; text: its JSON object */
    DOBBY_EV_TICK, /* several times a second while agents work: agents, n_agents */
    DOBBY_EV_FAILED /* at the end, one for each question left undone: text "path: name", failure, n_tries */
};
/* One agent at work. */
struct dobby_agent {
    const char *label;              /* "path: name", escaped for a terminal */
    int slot;                       /* 0..agents-1 */
    int attempt, tries;             /* 1 on: form of the question; tries of that form */
    int backing_off;                /* 1: waits before it tries again ... */
    double wait_s;                  /* ... for so many seconds */
    struct dobby_progress progress; /* gone: at work, and the engine cannot say more */
};
struct dobby_event {
    enum dobby_event_kind kind;
    const char *text;
    size_t n_total, n_done, n_cached, n_failed,
        n_running; /* units; done by this run, cached: found in the store */
    uint64_t n_tokens_read, n_tokens_written;
    double seconds; /* since the run began */
    uint64_t
        n_tokens_computed; /* columns of the engine's steps so far: tokens read anew or written */
    const struct dobby_agent
        *agents; /* of a tick: those at work; live until the callback returns */
    size_t n_agents;
    const char *failure; /* why a question is left undone */
    int n_tries;         /* of its last form; 0: it was never asked */
    size_t n_units;      /* that its answer would have served */
};

struct dobby_summarize {
    size_t size;
    const char *path;        /* a directory or one file */
    const char *model_path;  /* GGUF file; opened only if something must be inferred */
    const char *model_name;  /* what rows say in `model`; NULL: the file's base name */
    const char *store_path;  /* NULL: .dobby/dobby.db of the repository */
    const char *cache_dir;   /* where model hashes and packed weights are kept; may be NULL */
    const char *worker_path; /* executable that runs `--parse-worker`; required */
    const char *isa;
    int agents, threads, chunk, kv, exact, step_ms;
    size_t memory; /* bound on the bytes of the whole process tree; 0: 70% of what is there */
    int time_limit_ms; /* of one try of one agent, from admission; 0: 10 minutes. It never cuts a text short */
    /* Another engine instead of the model's; NULL: none. model_path must be NULL then, and model_name is what requests say
     * (NULL: the first that the server lists). Rows have the source `remote` (dobby_remote_options). */
    const char *engine_url, *api_key;
    struct dobby_trace *trace;
    size_t limit; /* units at most; 0: all */
    int no_docs;  /* hide doc comments and summarise from code */
    int dry_run;  /* plan only: DOBBY_EV_FILE for each file */
    int refresh;  /* redo what was kept although a neighbour changed */
    const volatile int
        *stop; /* 0 go on; 1 finish the units in flight; 2 leave at once; may be NULL */
    void *ctx;
    void (*on_event)(void *ctx, const struct dobby_event *ev);
    /* Every row of the tree in the order of the JSONL output, after the work is done; may be NULL. A
     * return value other than 0 ends the call with that code. */
    int (*on_row)(void *ctx, const struct dobby_row *row);
    /* A commit of the git repository at the root of the tree, as git names it: a branch, tag, HEAD or hash, with ~N or ^N behind
     * it. Only files whose bytes differ from what the commit holds, or that it has not, are looked at, and rows are theirs;
     * others stay as the store has them, as with a narrower path. Files that are gone leave the store. NULL: all files.
     * Neither the git command nor the repository's configuration is used, so that a file which git stores in another form
     * (line ends, filters) differs. DOBBY_E_NOTFOUND: no repository, or no such commit. */
    const char *since;
    /* As in dobby_model_options: an adapter for the model; it and merge_type are part of the keys. Rows then say in `model` what they
     * would say without, "+", and the adapter's file name without ".gguf". */
    const char *adapter, *merge_type;
    /* When adapter is NULL: a directory with adapters (*.gguf). The one whose key dobby.base.sha256 is the model's SHA-256, of
     * several the first by name, is used; none: the model goes without. NULL: no such directory. */
    const char *adapter_dir;
    /* A second model, larger than the first: asked once more about every unit whose answers were refused, or whose text is doubtful
     * (dobby_row.label), after the first has been freed; `memory` bounds both, one after the other. What it says stands if it is
     * accepted, else what the first one said; rows say in `model` whose text it is. Both models are part of all keys. A unit is kept
     * when its last word is there: a run that ends before asks the first model about it again. second_name as model_name;
     * second_adapter as adapter, and none is looked for. NULL: no second model. Not with engine_url. */
    const char *second_path, *second_name, *second_adapter;
};
struct dobby_summary_stats {
    int agents;    /* that worked: fewer than asked for when the memory allows only that */
    size_t memory; /* the bound that held, bytes */
    struct dobby_memory
        plan; /* of it; all zero when the model was not needed; of two the second one's */
    struct dobby_stats engine; /* all zero when nothing was asked; of two the second one's */
    size_t n_files, n_skipped, n_units, n_done, n_cached, n_failed, n_left;
    size_t
        n_unparsed; /* files in chunks or without units because no parser got through them, now or before */
    size_t n_parser_ends; /* parser processes that died, or were ended, over a file */
    uint64_t n_tokens_read, n_tokens_cached, n_tokens_written;
    double s_walk, s_parse, s_load, s_infer, s_total;
    size_t
        n_parents; /* rows of files, directories and the repository that are new or changed; units count them not */
    size_t n_second,
        n_replaced; /* units that a second model was asked about; of these, with its text now */
};
/* Returns 0, DOBBY_E_UNDONE when units are left, DOBBY_E_CANCELLED after *stop, or a failure. */
DOBBY_API int dobby_summarize_tree(const struct dobby_summarize *o, struct dobby_summary_stats *st,
                                   struct dobby_err *e);

/* Keep the store of a tree up to date: summarise as dobby_summarize_tree does, wait until something changes in a directory that it
 * walked and nothing more has for a moment, and again, until *o->stop, which must be there. The kernel tells of changes
 * (inotify): files are not looked at meanwhile. Between runs neither model nor store is open. The options are those of dobby_summarize_tree, without dry_run and since.
 * on_round  after each run: its numbers, and 0 or DOBBY_E_UNDONE, after which what is left waits for the next change; may be NULL.
 * Returns DOBBY_E_CANCELLED after *stop, or the failure that ended it. */
DOBBY_API int dobby_watch_tree(const struct dobby_summarize *o,
                               void (*on_round)(void *ctx, const struct dobby_summary_stats *st,
                                                int rc),
                               struct dobby_err *e);

/* ---- reading a store --------------------------------------------------------------------------- */

struct dobby_store;
/* Open the store of the tree that holds `path` (or `store_path` if not NULL), for reading. */
DOBBY_API int dobby_store_open(struct dobby_store **out, const char *path, const char *store_path,
                               struct dobby_err *e);
DOBBY_API void dobby_store_free(struct dobby_store *s);
/* Rows whose path is `path` or lies below it (relative to the root; "" for all), whose name is `name` if
 * not NULL, in the order of the JSONL output. */
DOBBY_API int dobby_store_rows(struct dobby_store *s, const char *path, const char *name,
                               int (*on_row)(void *ctx, const struct dobby_row *row), void *ctx,
                               struct dobby_err *e);
/* Search: rows whose path is `path` or lies below it (as above) and that hold all words of `query`, which is any text, in
 * their name, summary or path; the best first, `limit` at most (0: all that are ranked). Names are found by their parts, in
 * any case: parseHeader, parse_header by "parse header", "header", "parseheader". Functions of just that name come first,
 * then those whose name holds all words, then those that hold them anywhere, then those with words that begin so; within
 * each by BM25, then in the order of the JSONL output. The time is bounded: of each of the four, 4,000 are ranked.
 * DOBBY_E_USAGE when the query has no word or more than 32; DOBBY_E_UNSUPPORTED when an older dobby made the store: the next
 * run of dobby_summarize_tree gives it an index. on_row must not search in s. */
DOBBY_API int dobby_store_find(struct dobby_store *s, const char *query, const char *path,
                               size_t limit, int (*on_row)(void *ctx, const struct dobby_row *row),
                               void *ctx, struct dobby_err *e);
/* What the tree, or `path` in it (as above), is made of, from the store alone and without a model: its sentence where there
 * is one, languages, entry points, modules by how much of the tree imports them, dependencies between them (with a Mermaid
 * flowchart), cycles, other people's packages. Markdown, or with `json` one object on a line. The same store gives the same
 * bytes. *out is allocated (dobby_free); NULL on failure. DOBBY_E_NOTFOUND when the store has no file there,
 * DOBBY_E_UNSUPPORTED when an older dobby made the store: the next run of dobby_summarize_tree adds what is missing. */
DOBBY_API int dobby_store_overview(struct dobby_store *s, const char *path, int json, char **out,
                                   struct dobby_err *e);
struct dobby_store_info {
    const char *root, *db_path;
    uint64_t n_units, n_summaries, n_model, n_doc, n_signature, n_runs, n_failed;
    uint64_t db_bytes;
    const char *last_run; /* one line about the last run, "" if none */
    uint64_t
        n_parents; /* rows of files, directories and the repository; n_units counts none of them */
};
DOBBY_API int dobby_store_get_info(struct dobby_store *s, struct dobby_store_info *out,
                                   struct dobby_err *e);

/* ---- checking a source tree --------------------------------------------------------------------- */

enum dobby_finding_kind {
    DOBBY_FIND_MISSING, /* the store has no summary of this unit, file or directory */
    DOBBY_FIND_STALE, /* the summary that it has is of other code, or of another comment; of a file or directory: it would say
                           something else now */
    DOBBY_FIND_DOC_MISMATCH /* the unit's comment names a parameter that the unit does not have; not with no_docs */
};
/* "missing", "stale", "doc-mismatch"; "" for a number that is none. */
DOBBY_API const char *dobby_finding_name(enum dobby_finding_kind k);
struct dobby_finding {
    enum dobby_finding_kind kind;
    const char *path;                        /* relative to the root */
    size_t path_len;                         /* file names are bytes: may be invalid UTF-8 */
    const char *name, *unit_kind, *language; /* name: qualified, as in the rows */
    int ordinal; /* 0, 1, ... among the units of this name in this file, in the order of lines */
    int start_line, end_line; /* 0 of a file, a directory, the repository (path ".") */
    const char *detail;       /* of a doc-mismatch the parameter's name; else NULL */
};
struct dobby_check {
    size_t size;
    const char *path;        /* a directory or one file */
    const char *store_path;  /* NULL: .dobby/dobby.db of the repository */
    const char *worker_path; /* executable that runs `--parse-worker`; required */
    int threads;             /* parsers at most; 0: as many as the process may run on */
    size_t memory; /* bound on the bytes of the whole process tree; 0: 70% of what is there */
    int no_docs;   /* comments are hidden: what dobby_summarize with no_docs made is current */
    const volatile int *stop; /* not 0: give up; may be NULL */
    void *ctx;
    /* Something a person should read: a file that cannot be read; escaped. May be NULL. */
    void (*on_note)(void *ctx, const char *line);
    /* Every finding, those of one unit one after the other, by path bytes, start_line, end_line descending, kind, name. A
     * return value other than 0 ends the call with that code. May be NULL. */
    int (*on_finding)(void *ctx, const struct dobby_finding *f);
    const char *since; /* as in dobby_summarize */
};
struct dobby_check_stats {
    int have_store; /* 0: there is none, and so everything is missing */
    size_t n_files, n_skipped, n_units, n_current, n_missing, n_stale, n_mismatches;
    size_t n_changed;  /* units of files that changed while they were read: not judged */
    size_t n_unparsed; /* files in chunks or without units because no parser got through them */
    double s_total;
    /* Rows of files, directories and the repository that there should be at or below PATH; units count them not. */
    size_t n_parents, n_parents_missing, n_parents_stale;
};
/* Compare a tree with its store, without a model and without changing anything: which units have a current summary? Those
 * that dobby_summarize_tree, with the same no_docs and the model that made the store, would find there or keep: the same
 * question was answered, wherever the unit stood then, or the same comment shown. The model is not known here, so a
 * summary counts whichever model made it; and one that was kept although the context of its question changed (`refresh`)
 * is current. What a file or directory shows is put together from what is there and what the store shows of units, and compared;
 * of one that moved nothing is found at its new place. Cost: as of a run with nothing to do; files that the store knows by their hash are not parsed.
 * Returns 0 whatever was found, DOBBY_E_UNDONE when files changed meanwhile, DOBBY_E_CANCELLED after *stop, or a failure. */
DOBBY_API int dobby_check_tree(const struct dobby_check *o, struct dobby_check_stats *st,
                               struct dobby_err *e);

/* ---- measuring summaries ------------------------------------------------------------------------ */

/* Who wrote a text. */
enum dobby_eval_source {
    DOBBY_EVAL_AUTHOR,    /* the first sentence of the unit's own comment */
    DOBBY_EVAL_NAME,      /* the unit's name in words */
    DOBBY_EVAL_SIGNATURE, /* the sentence that is made from name and parameters */
    DOBBY_EVAL_SIBLING,   /* the comment of the nearest other unit */
    DOBBY_EVAL_MODEL,     /* a model, asked and checked as dobby_summarize_tree does */
    DOBBY_EVAL_GIVEN      /* another program (dobby_eval_given) */
};
/* Prompts: bits of dobby_eval.prompts. */
#define DOBBY_EVAL_PLAIN   1u /* the same examples for every unit */
#define DOBBY_EVAL_PROJECT 2u /* with what the tree says around the unit, its own comment apart */
#define DOBBY_EVAL_BARE    4u /* as PROJECT, without examples: for a model that was trained for it */

struct dobby_eval_model {
    const char *path, *name; /* a GGUF file; what it is called, NULL: the file's base name */
    const char *adapter;     /* as in dobby_summarize; NULL: none, or the one of adapter_dir */
};
/* A text by another program for a unit of the tree. */
struct dobby_eval_given {
    const char *path, *name; /* of the file, relative to the root; qualified, as in rows */
    const char *system, *text;
};
struct dobby_eval_text {
    const char
        *system; /* "author", "name", "signature", "sibling", "MODEL plain", or as it was given */
    enum dobby_eval_source source;
    const char *text;  /* NULL: this system has none for this unit */
    double confidence; /* of a model's accepted answer, 0..1; negative: none */
    int fallback; /* a model's answers were all refused: it is the sentence from the signature */
    const char *refused; /* why answers were refused, in order, "; " between; "" */
    /* How near it is to the author's sentence, as dobby_eval_figures has it. NAN without a text. */
    double bleu, rouge_l;    /* 0..100; 0..1 */
    size_t n_names, n_named; /* names of the unit that the author mentions; that it does, too */
    size_t n_identifiers,
        n_ungrounded; /* words that look like code; that are not in the unit's code */
    int copied;       /* it is nearly another unit's comment, and not its own */
};
/* A unit that its author documented, its own comment hidden. */
struct dobby_eval_unit {
    const char *path;
    size_t path_len;                    /* file names are bytes: may be invalid UTF-8 */
    const char *name, *kind, *language; /* name: qualified, as in rows */
    int start_line, end_line;           /* 1-based, inclusive */
    const char *code; /* as the prompt shows it: without comment, cut where it is long */
    size_t code_len;
    const char *target; /* the author's first sentence */
    const struct dobby_message
        *msg; /* the question as it is put first, of the first of the prompts (0: PROJECT) */
    size_t n_msg;
    const struct dobby_eval_text *texts; /* of all systems, in the same order for every unit */
    size_t n_texts;
};
#define DOBBY_EVAL_REASONS 16
/* Texts by confidence, and how near they are to the author's. */
struct dobby_eval_part {
    size_t n;
    double confidence_from, confidence_to, rouge_l; /* the mean of the latter; NAN when n is 0 */
};
/* What the texts of one system came to: no reader is asked, so that they watch rather than judge. Means leave out units for which
 * the system has no text; NAN: nothing to tell. */
struct dobby_eval_figures {
    const char *system;
    enum dobby_eval_source source;
    const char *language;     /* NULL: all */
    size_t n;                 /* texts */
    double bleu, bleu_corpus; /* BLEU-4, mean of sentences and of all together, 0..100 */
    double rouge_l;           /* ROUGE-L (F1), mean, 0..1 */
    double recall; /* of the names of units that authors mention, the share that texts do */
    size_t n_identifiers, n_ungrounded, n_copied; /* as in dobby_eval_text, added up; texts */
    /* Of a model only: */
    size_t
        n_fallback; /* texts that are the sentence from the signature, since all answers were refused */
    struct {
        const char *why; /* "cut off", "echo", "repeated", ... */
        size_t n;        /* answers */
    } refused[DOBBY_EVAL_REASONS];
    size_t n_reasons;
    struct dobby_eval_part thirds[3],
        tenths[10]; /* of accepted answers by confidence, the lowest first */
    double s_infer; /* of all languages; else 0 */
    uint64_t n_tokens_read, n_tokens_cached, n_tokens_written; /* alike */
};
struct dobby_eval {
    size_t size;
    const char *path;        /* a directory or one file */
    const char *cache_dir;   /* where model hashes and packed weights are kept; may be NULL */
    const char *worker_path; /* executable that runs `--parse-worker`; required */
    const struct dobby_eval_model *models;
    size_t n_models;                      /* 0: nothing is asked */
    const char *adapter_dir, *merge_type; /* as in dobby_summarize */
    unsigned
        prompts; /* DOBBY_EVAL_*: each model is asked with each of them. 0: as dobby_summarize_tree asks: BARE with an
                         adapter, else PROJECT */
    const struct dobby_eval_given *given;
    size_t n_given;
    size_t limit;         /* units at most; 0: all */
    uint64_t seed;        /* chooses which */
    const char *language; /* of units; NULL: all */
    const char *isa;      /* these as in dobby_summarize: */
    int agents, threads, chunk, kv, exact, step_ms, time_limit_ms;
    size_t memory;
    const volatile int *stop; /* not 0: give up, nothing comes out; may be NULL */
    void *ctx;
    /* Stages, ticks, units and notes, as of dobby_summarize_tree; n_total counts the answers of all models. May be NULL. */
    void (*on_event)(void *ctx, const struct dobby_event *ev);
    /* Every unit of the sample in the order of rows, when all texts are there. A return value other than 0 ends the call with
     * that code. May be NULL. */
    int (*on_unit)(void *ctx, const struct dobby_eval_unit *u);
    /* Then each system's figures: of all units, and of each language when there are several. May be NULL. */
    void (*on_figures)(void *ctx, const struct dobby_eval_figures *f);
};
struct dobby_eval_stats {
    size_t n_files, n_units, n_documented; /* documented: in the language that was asked for */
    size_t n_sampled;
    size_t n_unmatched; /* given texts for no unit of the sample */
    double s_total;
};
/* Take units of the tree that their authors documented, hide the comments, summarise them anew, and hand out what came of it
 * beside baselines and the authors' own sentences. No store is read, made or changed. The sample follows from the seed and from the
 * paths and names of units alone, and is spread over languages and files.
 * Returns 0; DOBBY_E_NOTFOUND when no unit of the tree is documented; DOBBY_E_UNSUPPORTED for a prompt that this version does not have;
 * DOBBY_E_CANCELLED after *stop; DOBBY_E_UNDONE when a model left units without an answer; or a failure. */
DOBBY_API int dobby_eval(const struct dobby_eval *o, struct dobby_eval_stats *st,
                         struct dobby_err *e);

/* ---- prompts --------------------------------------------------------------------------------- */

/* One line of what the tree says around a unit. */
struct dobby_prompt_note {
    const char *what; /* static: "file", "owner", "near", "caller", "used", "called" */
    const char *name; /* of the unit whose comment is quoted; "" of a file */
    const char
        *text; /* the whole sentence, of which a prompt may show a part; NULL: it is named only */
    const char *path; /* where it stands; bytes that need not be UTF-8 */
    size_t path_len;
};
/* The question that a run over the whole tree would put about a unit. */
struct dobby_prompt_unit {
    const char *path; /* relative to the root; bytes that need not be UTF-8 */
    size_t path_len;
    const char *name, *kind, *language;
    int start_line, end_line;
    const char *
        doc; /* not NULL: the unit has a good comment, and nothing is asked; it is hidden from this question */
    const struct dobby_message *msg;
    size_t n_msg;
    size_t
        n_examples; /* messages between the first and the last one: questions with answers, the same for all units */
    const struct dobby_prompt_note *notes;
    size_t n_notes;
};
struct dobby_prompt {
    size_t size;
    const char *path; /* a file of the tree */
    const char *name; /* plain or qualified name of a unit; NULL: all of the file */
    const char *
        store_path; /* NULL: .dobby/dobby.db of the repository; without a store all files are parsed */
    const char *worker_path; /* executable that runs `--parse-worker`; required */
    int threads;             /* parsers at most; 0: as many as the process may run on */
    size_t memory; /* bound on the bytes of the whole process tree; 0: 70% of what is there */
    int no_docs;   /* as in dobby_summarize */
    int bare;      /* as for a model that was trained for the question: no examples */
    int second;    /* the form that is used after a refused answer */
    const volatile int *stop; /* not 0: give up; may be NULL */
    void *ctx;
    /* Something a person should read; escaped. May be NULL. */
    void (*on_note)(void *ctx, const char *line);
    /* Every unit of that name, by lines. A return value other than 0 ends the call with that code. */
    int (*on_unit)(void *ctx, const struct dobby_prompt_unit *u);
};
/* Show the exact prompts of units, and where each part of them comes from. No model is needed and nothing is changed.
 * Returns 0; DOBBY_E_NOTFOUND when the file has no such unit, or is left out of the tree (says why); DOBBY_E_LIMIT when the search
 * for secrets in a unit had to be given up, so that it is never asked about; DOBBY_E_CANCELLED after *stop; or a failure. */
DOBBY_API int dobby_prompt_tree(const struct dobby_prompt *o, struct dobby_err *e);

/* ---- rows and findings as text ----------------------------------------------------------------- */

/* One row as a line of JSON (with its newline), or as Markdown. `prev` is the row before it or NULL.
 * Allocated; free it with dobby_free. NULL when memory runs out. */
DOBBY_API char *dobby_row_json(const struct dobby_row *row);
DOBBY_API char *dobby_row_markdown(const struct dobby_row *row, const struct dobby_row *prev);
/* One finding as a line of JSON; freed alike, NULL alike. */
DOBBY_API char *dobby_finding_json(const struct dobby_finding *f);

/* The other side of `worker_path`: serve parse requests on stdin/stdout until it closes. Returns an exit
 * code. Call it first thing in main() when argv[1] is "--parse-worker". */
DOBBY_API int dobby_parse_worker(void);

/* Log lines of the library; level 0 error, 1 warning, 2 info, 3 debug. Process-wide; set it before
 * anything else. The callback may run on any thread. */
DOBBY_API void dobby_set_log(void (*fn)(void *ctx, int level, const char *line), void *ctx,
                             int max_level);

#ifdef __cplusplus
}
#endif
#endif
