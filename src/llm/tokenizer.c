/* tokenizer.c - see tokenizer.h.
 * Tables   text     the bytes of all tokens, end to end; offset[id] .. offset[id+1]
 *          merge    open hash: (left id, right id) -> rank and joined id; built once, never changed
 *          special  control, unknown and user-defined tokens, longest first
 * Working with ids in place of strings is sound because token texts are unique: equal strings, equal ids.
 * Hashes are probed at most MAX_PROBES times, so a vocabulary made to collide is refused, not waited for. */
#include "llm/tokenizer.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/utf8.h"
#include "llm/gguf.h"
#include "llm/pretok.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tokenizer.ggml.token_type */
enum token_type { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

#define TYPE_MASK  7u
#define FLAG_EOG   8u
#define MAX_PROBES 1024u /* at load 2/3 or less, honest tables need a hundred or two at worst */
#define MAX_SPECIAL                                                                                \
    4096u /* the largest known vocabularies have a few hundred; each costs time where its first byte occurs */
#define SMALL_PIECE 48u /* bytes; below, scanning for the best pair is faster than a heap */
#define NO_RANK     UINT32_MAX
#define BAD_FILE    "fetch the file again or convert it anew"
#define FIRST_ABOVE 0x100u /* where GPT-2's alphabet puts the bytes that do not print */
#define N_ABOVE     68u

struct merge {
    int32_t left, right; /* left -1: empty slot */
    uint32_t rank;
    int32_t joined;
};

struct tokenizer {
    size_t n; /* tokens */
    char *text;
    uint32_t *offset; /* n + 1 */
    uint8_t *flags;   /* enum token_type and FLAG_EOG */
    struct merge *merge;
    size_t merge_mask;    /* slots - 1 */
    int32_t byte_id[256]; /* -1: no token */
    int32_t *special;
    size_t n_special;
    bool first_any[256], first_user[256]; /* bytes that begin a special token, a user-defined one */
    enum pretok_kind pre;
    int32_t bos, eos;
    bool add_bos;
    char kind[32];
};

int token_list_add(struct token_list *l, int32_t id)
{
    if (l->n == l->cap && mem_grow((void **)&l->id, &l->cap, l->n + 1, sizeof(*l->id)) < 0)
        return DOBBY_E_NOMEM;
    l->id[l->n++] = id;
    return 0;
}

void token_list_release(struct token_list *l)
{
    mem_free(l->id);
    *l = (struct token_list){0};
}

/* ---- building -------------------------------------------------------------------------------- */

/* The upper half of the hash and where the text lies stand beside the id: a look elsewhere is a cache miss. */
struct vocab_slot {
    uint32_t tag, id1; /* id + 1; 0: empty */
    uint32_t pos, len; /* of the text, from the first byte of the array */
};

/* What is needed while the tables are made. */
struct build {
    struct tokenizer *t;
    const struct gguf *g;
    struct dobby_err *e;
    struct gguf_array tokens, merges;
    struct vocab_slot *vocab; /* open hash of token texts as in the file */
    size_t vocab_mask;
    struct strbuf tmp;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct build *b, int code, const char *fmt,
                                                        ...)
{
    char why[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return err_set(b->e, code, "tokenizer: %s: %s", b->g->name, why);
}

static int nomem(struct build *b)
{
    return err_nomem(b->e, "the tokenizer's tables");
}

/* Bytes from the file, fit for a message; until the next call. */
static const char *shown(struct build *b, const char *s, size_t n)
{
    strbuf_reset(&b->tmp);
    utf8_escape(&b->tmp, s, size_min(n, 80), "");
    return strbuf_str(&b->tmp);
}

/* Slots for n entries, a power of two, at least half again as many. */
static size_t table_size(size_t n)
{
    size_t size = 16;

    while (size < n + n / 2)
        size *= 2;
    return size;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u; /* an odd constant with well spread bits */
    h ^= h >> 29;
    return h;
}

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = n, w;

    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        h = mix(h ^ w) * 0x9E3779B97F4A7C15u;
    }
    w = 0;
    memcpy(&w, s, n);
    return mix((h ^ w) * 0x9E3779B97F4A7C15u);
}

static int check_kind(struct build *b)
{
    struct tokenizer *t = b->t;
    const char *model = "", *pre = "";
    size_t n_model = 0, n_pre = 0;
    int rc = gguf_get_str(b->g, "tokenizer.ggml.model", &model, &n_model, b->e);

    if (rc == DOBBY_E_NOTFOUND)
        return refuse(b, DOBBY_E_FORMAT,
                      "the file has none (key tokenizer.ggml.model); fetch a complete model");
    if (rc < 0)
        return rc;
    if (n_model != 4 || memcmp(model, "gpt2", 4) != 0)
        return refuse(
            b, DOBBY_E_UNSUPPORTED,
            "tokenizer.ggml.model is \"%s\", which is not supported (supported: gpt2 with the "
            "pre-tokenizers %s); use another model",
            shown(b, model, n_model), pretok_names());
    rc = gguf_get_str(b->g, "tokenizer.ggml.pre", &pre, &n_pre, b->e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (!pretok_find(pre, n_pre, &t->pre))
        return refuse(b, DOBBY_E_UNSUPPORTED,
                      "tokenizer.ggml.pre is \"%s\", which is not supported (supported: %s); a "
                      "wrong one would "
                      "spoil the model's understanding, so none is assumed",
                      shown(b, pre, n_pre), pretok_names());
    (void)snprintf(t->kind, sizeof(t->kind), "gpt2/%.*s", (int)n_pre, pre);
    return 0;
}

/* An array of the file that must be there. */
static int need_array(struct build *b, const char *key, struct gguf_array *out)
{
    int rc = gguf_get_array(b->g, key, GGUF_STRING, out, b->e);

    if (rc == DOBBY_E_NOTFOUND)
        return refuse(b, DOBBY_E_FORMAT, "key %s is missing; %s", key, BAD_FILE);
    return rc;
}

static int load_types(struct build *b)
{
    struct tokenizer *t = b->t;
    struct gguf_array types;
    size_t n_odd = 0;
    int rc = gguf_get_array(b->g, "tokenizer.ggml.token_type", GGUF_I32, &types, b->e);

    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (rc == 0 && types.count != t->n)
        return refuse(b, DOBBY_E_FORMAT,
                      "tokenizer.ggml.token_type has %zu entries for %zu tokens; %s", types.count,
                      t->n, BAD_FILE);
    for (size_t i = 0; i < t->n; i++) {
        int32_t v = rc == 0 ? gguf_array_i32(&types, i) : NORMAL;

        if (v < NORMAL || v > BYTE) {
            n_odd++;
            v = NORMAL;
        }
        t->flags[i] = (uint8_t)v;
    }
    if (n_odd > 0)
        log_msg(LOG_WARN, "tokenizer: %s: %zu tokens of unknown type are taken as normal ones",
                b->g->name, n_odd);
    return 0;
}

/* GPT-2's alphabet gives each byte a printable character: itself, or one from U+0100 on. */
static void make_alphabet(int16_t byte_of[FIRST_ABOVE + N_ABOVE], uint16_t char_of[256])
{
    unsigned above = 0;

    memset(byte_of, 0xFF, (FIRST_ABOVE + N_ABOVE) * sizeof(*byte_of)); /* -1 */
    for (unsigned c = 0; c < 256; c++) {
        bool prints = (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || c >= 0xAE;
        unsigned cp = prints ? c : FIRST_ABOVE + above++;

        byte_of[cp] = (int16_t)c;
        char_of[c] = (uint16_t)cp;
    }
    assert(above == N_ABOVE);
}

/* Turn a token as written in the file into its bytes; returns how many. What is not in the alphabet stays. */
static size_t decode_text(const int16_t *byte_of, const char *s, size_t n, char *out)
{
    size_t k = 0;

    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp;

        if (!(s[i] & 0x80)) { /* itself, or not in the alphabet */
            out[k++] = s[i];
            len = 1;
            continue;
        }
        len = utf8_decode(s + i, n - i, &cp);
        if (cp < FIRST_ABOVE + N_ABOVE && byte_of[cp] >= 0) {
            out[k++] = (char)byte_of[cp];
        } else {
            memcpy(out + k, s + i, len);
            k += len;
        }
    }
    return k;
}

static bool slot_holds(const struct build *b, const struct vocab_slot *v, uint32_t tag,
                       const char *s, size_t n)
{
    return v->tag == tag && v->len == n && memcmp((const char *)b->tokens.data + v->pos, s, n) == 0;
}

static int add_vocab(struct build *b, size_t id, const char *s, size_t n)
{
    uint64_t h = hash_text(s, n);
    uint32_t tag = (uint32_t)(h >> 32);

    for (unsigned probes = 0; probes < MAX_PROBES; probes++, h++) {
        struct vocab_slot *v = &b->vocab[h & b->vocab_mask];

        if (v->id1 == 0) {
            *v = (struct vocab_slot){tag, (uint32_t)id + 1,
                                     (uint32_t)(s - (const char *)b->tokens.data), (uint32_t)n};
            return 0;
        }
        if (slot_holds(b, v, tag, s, n))
            return refuse(b, DOBBY_E_FORMAT, "tokens %u and %zu have the same text \"%s\"; %s",
                          v->id1 - 1, id, shown(b, s, n), BAD_FILE);
    }
    return refuse(b, DOBBY_E_FORMAT, "the vocabulary is made to collide; %s", BAD_FILE);
}

/* A text to look up. Its slot is on the way into the cache from key_of() on. */
struct key {
    const char *s;
    size_t n;
    uint64_t hash;
};

static struct key key_of(const struct build *b, const char *s, size_t n)
{
    struct key k = {s, n, hash_text(s, n)};

    __builtin_prefetch(&b->vocab[k.hash & b->vocab_mask]);
    return k;
}

/* Id of a token by its text as in the file, or -1. */
static int32_t find_vocab(const struct build *b, const struct key *k)
{
    uint64_t h = k->hash;

    for (unsigned probes = 0; probes < MAX_PROBES; probes++, h++) {
        const struct vocab_slot *v = &b->vocab[h & b->vocab_mask];

        if (v->id1 == 0)
            break;
        if (slot_holds(b, v, (uint32_t)(k->hash >> 32), k->s, k->n))
            return (int32_t)(v->id1 - 1);
    }
    return -1;
}

static int load_tokens(struct build *b)
{
    struct tokenizer *t = b->t;
    size_t total = 0, used = 0, slots;
    int16_t byte_of[FIRST_ABOVE + N_ABOVE];
    uint16_t char_of[256];
    int rc = need_array(b, "tokenizer.ggml.tokens", &b->tokens);

    if (rc < 0)
        return rc;
    if (b->tokens.count == 0 || b->tokens.count > TOKENIZER_MAX_VOCAB)
        return refuse(b, DOBBY_E_FORMAT,
                      "tokenizer.ggml.tokens has %zu entries (allowed: 1 to %u); %s",
                      b->tokens.count, TOKENIZER_MAX_VOCAB, BAD_FILE);
    t->n = b->tokens.count;
    for (size_t i = 0, n; i < t->n; i++) {
        (void)gguf_array_str(&b->tokens, i, &n);
        total += n; /* gguf.h: the whole array is below 4 GiB */
    }
    slots = table_size(t->n);
    t->text = mem_alloc(total);
    t->offset = mem_array(t->n + 1, sizeof(*t->offset));
    t->flags = mem_array(t->n, sizeof(*t->flags));
    b->vocab = mem_array(slots, sizeof(*b->vocab));
    if (!t->text || !t->offset || !t->flags || !b->vocab)
        return nomem(b);
    b->vocab_mask = slots - 1;
    rc = load_types(b);
    if (rc < 0)
        return rc;
    make_alphabet(byte_of, char_of);
    for (size_t i = 0, n; i < t->n; i++) {
        const char *s = gguf_array_str(&b->tokens, i, &n);
        bool plain = t->flags[i] != NORMAL && t->flags[i] != BYTE; /* stored as it is read */

        rc = add_vocab(b, i, s, n);
        if (rc < 0)
            return rc;
        t->offset[i] = (uint32_t)used;
        if (plain)
            memcpy(t->text + used, s, n);
        used += plain ? n : decode_text(byte_of, s, n, t->text + used);
    }
    t->offset[t->n] = (uint32_t)used;
    for (unsigned c = 0; c < 256; c++) {
        char s[4];
        struct key k = key_of(b, s, utf8_encode(char_of[c], s));

        t->byte_id[c] = find_vocab(b, &k);
    }
    return 0;
}

static size_t merge_slot(const struct tokenizer *t, int32_t left, int32_t right)
{
    return mix(((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u) &
           t->merge_mask;
}

static int add_merge(struct build *b, const struct merge *m)
{
    struct tokenizer *t = b->t;
    size_t slot = merge_slot(t, m->left, m->right);

    for (unsigned probes = 0; probes < MAX_PROBES; probes++, slot = (slot + 1) & t->merge_mask) {
        struct merge *at = &t->merge[slot];

        if (at->left < 0) {
            *at = *m;
            return 0;
        }
        if (at->left == m->left && at->right == m->right)
            return 0; /* the first of two equal ones has the better rank */
    }
    return refuse(b, DOBBY_E_FORMAT, "the merges are made to collide; %s", BAD_FILE);
}

/* "left right" as in the file. A token may begin with a space, hence the search from byte 1. */
static int parse_merge(struct build *b, size_t i, struct strbuf *joined)
{
    size_t n, n_left;
    const char *s = gguf_array_str(&b->merges, i, &n);
    const char *space = n > 1 ? memchr(s + 1, ' ', n - 1) : NULL;
    struct merge m = {.rank = (uint32_t)i};
    struct key left, right, both;

    if (!space || space == s + n - 1 || memchr(space + 1, ' ', (size_t)(s + n - space - 1)))
        return refuse(b, DOBBY_E_FORMAT,
                      "merge %zu \"%s\" is not two tokens with one space between; %s", i,
                      shown(b, s, n), BAD_FILE);
    n_left = (size_t)(space - s);
    strbuf_reset(joined);
    strbuf_add(joined, s, n_left);
    strbuf_add(joined, space + 1, n - n_left - 1);
    if (strbuf_failed(joined))
        return nomem(b);
    left = key_of(b, s, n_left);
    right = key_of(b, space + 1, n - n_left - 1);
    both = key_of(b, joined->s, joined->len);
    m.left = find_vocab(b, &left);
    m.right = find_vocab(b, &right);
    m.joined = find_vocab(b, &both);
    if (m.left < 0 || m.right < 0 || m.joined < 0)
        return refuse(b, DOBBY_E_FORMAT, "merge %zu \"%s\": %s is not a token; %s", i,
                      shown(b, s, n),
                      m.left < 0    ? "its left half"
                      : m.right < 0 ? "its right half"
                                    : "what it makes",
                      BAD_FILE);
    return add_merge(b, &m);
}

static int load_merges(struct build *b)
{
    struct tokenizer *t = b->t;
    struct strbuf joined = {0};
    size_t slots;
    int rc = need_array(b, "tokenizer.ggml.merges", &b->merges);

    if (rc < 0)
        return rc;
    if (b->merges.count > 2 * TOKENIZER_MAX_VOCAB)
        return refuse(b, DOBBY_E_FORMAT, "too many merges (%zu, limit %u); %s", b->merges.count,
                      2 * TOKENIZER_MAX_VOCAB, BAD_FILE);
    slots = table_size(b->merges.count);
    t->merge = mem_array(slots, sizeof(*t->merge));
    if (!t->merge)
        return nomem(b);
    t->merge_mask = slots - 1;
    for (size_t i = 0; i < slots; i++)
        t->merge[i].left = -1;
    for (size_t i = 0; i < b->merges.count && rc == 0; i++)
        rc = parse_merge(b, i, &joined);
    strbuf_release(&joined);
    return rc;
}

/* Longest first; the lower id first among equals. */
static int compare_special(const struct tokenizer *t, int32_t x, int32_t y)
{
    size_t nx = t->offset[x + 1] - t->offset[x], ny = t->offset[y + 1] - t->offset[y];

    return nx != ny ? (nx < ny) - (nx > ny) : (x > y) - (x < y);
}

static int load_special(struct build *b)
{
    struct tokenizer *t = b->t;
    size_t cap = 0;

    for (size_t i = 0; i < t->n; i++) {
        uint8_t type = t->flags[i];
        size_t n = t->offset[i + 1] - t->offset[i], at = t->n_special;

        if ((type != CONTROL && type != UNKNOWN && type != USER_DEFINED) || n == 0)
            continue;
        if (t->n_special == MAX_SPECIAL)
            return refuse(b, DOBBY_E_FORMAT, "more than %u special tokens; %s", MAX_SPECIAL,
                          BAD_FILE);
        if (mem_grow((void **)&t->special, &cap, t->n_special + 1, sizeof(*t->special)) < 0)
            return nomem(b);
        /* Insertion: a few dozen entries as a rule, and never more than the limit. */
        for (; at > 0 && compare_special(t, (int32_t)i, t->special[at - 1]) < 0; at--)
            t->special[at] = t->special[at - 1];
        t->special[at] = (int32_t)i;
        t->n_special++;
        t->first_any[(unsigned char)t->text[t->offset[i]]] = true;
        if (type == USER_DEFINED)
            t->first_user[(unsigned char)t->text[t->offset[i]]] = true;
    }
    return 0;
}

/* An id by key: -1 if absent. One that is out of range is refused if `vital`, else dropped with a warning. */
static int load_id(struct build *b, const char *key, bool vital, int32_t *out)
{
    uint32_t id;
    int rc = gguf_get_u32(b->g, key, &id, b->e);

    *out = -1;
    if (rc == DOBBY_E_NOTFOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (id >= b->t->n && vital)
        return refuse(b, DOBBY_E_FORMAT, "%s is %u, but there are %zu tokens; %s", key, id, b->t->n,
                      BAD_FILE);
    if (id >= b->t->n)
        log_msg(LOG_WARN, "tokenizer: %s: %s is %u, but there are %zu tokens; ignored", b->g->name,
                key, id, b->t->n);
    else
        *out = (int32_t)id;
    return 0;
}

/* Names of control tokens that end a turn, and those by which code models pass from one file to the next. Control tokens only:
 * </s> is a tag of HTML in most vocabularies. */
static const char *const EOG_NAMES[] = {
    "<|im_end|>",    "<|endoftext|>", "<|eot_id|>",      "<|eom_id|>", "<|end|>", "<end_of_turn>",
    "<eos>",         "</s>",          "<|end_of_text|>", "<EOT>",      "<turn|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>",  "<fim_pad>",       "<reponame>",
};

/* No default ids: what other programs assume for absent keys (11) is a comma in the vocabulary they took it from. */
static int load_ends(struct build *b)
{
    struct tokenizer *t = b->t;
    int32_t eot, eom;
    int rc;

    if ((rc = load_id(b, "tokenizer.ggml.bos_token_id", true, &t->bos)) < 0 ||
        (rc = load_id(b, "tokenizer.ggml.eos_token_id", true, &t->eos)) < 0 ||
        (rc = load_id(b, "tokenizer.ggml.eot_token_id", false, &eot)) < 0 ||
        (rc = load_id(b, "tokenizer.ggml.eom_token_id", false, &eom)) < 0)
        return rc;
    rc = gguf_get_bool(b->g, "tokenizer.ggml.add_bos_token", &t->add_bos, b->e);
    if (rc < 0 && rc != DOBBY_E_NOTFOUND)
        return rc;
    if (t->add_bos && t->bos < 0)
        return refuse(b, DOBBY_E_FORMAT, "add_bos_token is set, but bos_token_id is missing; %s",
                      BAD_FILE);
    if (t->eos >= 0)
        t->flags[t->eos] |= FLAG_EOG;
    if (eot >= 0)
        t->flags[eot] |= FLAG_EOG;
    if (eom >= 0)
        t->flags[eom] |= FLAG_EOG;
    for (size_t i = 0; i < ARRAY_LEN(EOG_NAMES); i++) {
        int32_t id = tokenizer_find_control(t, EOG_NAMES[i]);
        if (id >= 0)
            t->flags[id] |= FLAG_EOG;
    }
    return 0;
}

int tokenizer_new(struct tokenizer **out, const struct gguf *g, struct dobby_err *e)
{
    struct build b = {.g = g, .e = e};
    int (*const step[])(struct build *) = {check_kind, load_tokens, load_merges, load_special,
                                           load_ends};
    int rc = 0;

    *out = NULL;
    b.t = mem_zalloc(sizeof(*b.t));
    if (!b.t)
        return nomem(&b);
    for (size_t i = 0; i < ARRAY_LEN(step) && rc == 0; i++)
        rc = step[i](&b);
    mem_free(b.vocab);
    strbuf_release(&b.tmp);
    if (rc < 0)
        tokenizer_free(b.t);
    else
        *out = b.t;
    return rc;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    mem_free(t->text);
    mem_free(t->offset);
    mem_free(t->flags);
    mem_free(t->merge);
    mem_free(t->special);
    mem_free(t);
}

/* ---- merging --------------------------------------------------------------------------------- */

/* A symbol of a long piece: a token so far, in a list of its neighbours. */
struct symbol {
    int32_t id;          /* -1: merged into its left neighbour, or a byte without a token */
    uint32_t prev, next; /* n: none */
};

/* A pair that may be merged; stale if its two symbols have changed since. */
struct candidate {
    uint64_t key; /* rank, then position: the order of merging */
    int32_t left, right;
};

/* Memory of one tokenizer_encode() call. */
struct scratch {
    struct symbol *symbol;
    size_t symbol_cap;
    struct candidate *heap;
    size_t n_heap, heap_cap;
};

static const struct merge *find_merge(const struct tokenizer *t, int32_t left, int32_t right)
{
    size_t slot = merge_slot(t, left, right);

    if (left < 0 || right < 0)
        return NULL;
    for (unsigned probes = 0; probes < MAX_PROBES; probes++, slot = (slot + 1) & t->merge_mask) {
        const struct merge *m = &t->merge[slot];

        if (m->left == left && m->right == right)
            return m;
        if (m->left < 0)
            break;
    }
    return NULL;
}

/* Bytes without a token (some never occur in text) vanish, as in the models' own tokenizers. */
static int emit(struct token_list *out, int32_t id)
{
    return id < 0 ? 0 : token_list_add(out, id);
}

/* Up to SMALL_PIECE bytes: look at all pairs for each merge. */
static int encode_small(const struct tokenizer *t, const char *s, size_t n, struct token_list *out)
{
    int32_t id[SMALL_PIECE];
    const struct merge *pair[SMALL_PIECE]; /* of id[i], id[i + 1]; the last one's is NULL */
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        id[i] = t->byte_id[(unsigned char)s[i]];
    for (size_t i = 0; i < n; i++)
        pair[i] = i + 1 < n ? find_merge(t, id[i], id[i + 1]) : NULL;
    for (;;) {
        uint32_t best = NO_RANK;
        size_t k = 0;

        for (size_t i = 0; i + 1 < n; i++) {
            if (pair[i] && pair[i]->rank < best) {
                best = pair[i]->rank;
                k = i;
            }
        }
        if (best == NO_RANK)
            break;
        id[k] = pair[k]->joined;
        n--;
        memmove(&id[k + 1], &id[k + 2], (n - k - 1) * sizeof(*id));
        memmove(&pair[k + 1], &pair[k + 2], (n - k - 1) * sizeof(const struct merge *));
        pair[k] = k + 1 < n ? find_merge(t, id[k], id[k + 1]) : NULL;
        if (k > 0)
            pair[k - 1] = find_merge(t, id[k - 1], id[k]);
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = emit(out, id[i]);
    return rc;
}

static int heap_push(struct scratch *w, struct candidate c)
{
    size_t i = w->n_heap;

    if (i == w->heap_cap && mem_grow((void **)&w->heap, &w->heap_cap, i + 1, sizeof(c)) < 0)
        return DOBBY_E_NOMEM;
    w->n_heap++;
    for (; i > 0 && c.key < w->heap[(i - 1) / 2].key; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
    return 0;
}

static struct candidate heap_pop(struct scratch *w)
{
    struct candidate top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < w->n_heap) {
        if (child + 1 < w->n_heap && w->heap[child + 1].key < w->heap[child].key)
            child++;
        if (last.key <= w->heap[child].key)
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

/* Queue the pair that begins at symbol i, if it can be merged. */
static int queue_pair(const struct tokenizer *t, struct scratch *w, size_t i, size_t n)
{
    const struct symbol *a = &w->symbol[i];
    const struct merge *m = a->next < n ? find_merge(t, a->id, w->symbol[a->next].id) : NULL;

    return m ? heap_push(w, (struct candidate){(uint64_t)m->rank << 32 | i, m->left, m->right}) : 0;
}

/* Any length: a heap of pairs over a list of symbols. */
static int encode_large(const struct tokenizer *t, struct scratch *w, const char *s, size_t n,
                        struct token_list *out)
{
    int rc = 0;

    if (mem_grow((void **)&w->symbol, &w->symbol_cap, n, sizeof(*w->symbol)) < 0)
        return DOBBY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        w->symbol[i] = (struct symbol){t->byte_id[(unsigned char)s[i]],
                                       i > 0 ? (uint32_t)i - 1 : (uint32_t)n, (uint32_t)i + 1};
    w->n_heap = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = queue_pair(t, w, i, n);
    while (w->n_heap > 0 && rc == 0) {
        struct candidate c = heap_pop(w);
        size_t i = (uint32_t)c.key;
        struct symbol *a = &w->symbol[i], *b;

        if (a->id != c.left || a->next >= n || w->symbol[a->next].id != c.right)
            continue; /* one of the two was merged meanwhile */
        b = &w->symbol[a->next];
        a->id = find_merge(t, c.left, c.right)->joined;
        b->id = -1;
        a->next = b->next;
        if (a->next < n)
            w->symbol[a->next].prev = (uint32_t)i;
        rc = queue_pair(t, w, i, n);
        if (rc == 0 && a->prev < n)
            rc = queue_pair(t, w, a->prev, n);
    }
    for (size_t i = 0; i < n && rc == 0; i = w->symbol[i].next)
        rc = emit(out, w->symbol[i].id);
    return rc;
}

/* Text without special tokens. */
static int encode_plain(const struct tokenizer *t, struct scratch *w, const char *s, size_t n,
                        struct token_list *out)
{
    int rc = 0;

    while (n > 0 && rc == 0) {
        size_t len = pretok_next(t->pre, s, n);

        if (len == 1)
            rc = emit(out, t->byte_id[(unsigned char)*s]);
        else if (len <= SMALL_PIECE)
            rc = encode_small(t, s, len, out);
        else
            rc = encode_large(t, w, s, len, out);
        s += len;
        n -= len;
    }
    return rc;
}

/* ---- special tokens -------------------------------------------------------------------------- */

/* Where a special token's text occurs. */
struct hit {
    size_t pos;
    uint32_t order; /* index into t->special: the lower one takes precedence */
};

struct hit_list {
    struct hit *v;
    size_t n, cap;
};

/* All occurrences, overlapping ones too. */
static int find_hits(const struct tokenizer *t, const char *s, size_t n, bool special,
                     struct hit_list *h)
{
    const bool *first = special ? t->first_any : t->first_user;

    for (size_t pos = 0; pos < n; pos++) {
        if (!first[(unsigned char)s[pos]])
            continue;
        for (size_t i = 0; i < t->n_special; i++) {
            int32_t id = t->special[i];
            size_t len = t->offset[id + 1] - t->offset[id];

            if ((!special && (t->flags[id] & TYPE_MASK) != USER_DEFINED) || len > n - pos ||
                memcmp(t->text + t->offset[id], s + pos, len) != 0)
                continue;
            if (mem_grow((void **)&h->v, &h->cap, h->n + 1, sizeof(*h->v)) < 0)
                return DOBBY_E_NOMEM;
            h->v[h->n++] = (struct hit){pos, (uint32_t)i};
        }
    }
    return 0;
}

static int compare_precedence(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return (x->pos > y->pos) - (x->pos < y->pos);
}

static int compare_pos(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    return (x->pos > y->pos) - (x->pos < y->pos);
}

static size_t hit_len(const struct tokenizer *t, const struct hit *h)
{
    int32_t id = t->special[h->order];

    return t->offset[id + 1] - t->offset[id];
}

/* Keep the hits that count: the longest token takes all its occurrences from left to right, then the next one
 * takes from what is left. Since nothing accepted before is shorter, an overlap shows at a hit's first or last byte. */
static int resolve_hits(const struct tokenizer *t, size_t n, struct hit_list *h)
{
    unsigned char *taken = mem_zalloc(n);
    size_t kept = 0;

    if (!taken)
        return DOBBY_E_NOMEM;
    qsort(h->v, h->n, sizeof(*h->v), compare_precedence);
    for (size_t i = 0; i < h->n; i++) {
        size_t len = hit_len(t, &h->v[i]), pos = h->v[i].pos;

        if (taken[pos] || taken[pos + len - 1])
            continue;
        memset(taken + pos, 1, len);
        h->v[kept++] = h->v[i];
    }
    h->n = kept;
    qsort(h->v, h->n, sizeof(*h->v), compare_pos);
    mem_free(taken);
    return 0;
}

static int encode_around(const struct tokenizer *t, struct scratch *w, const struct hit_list *h,
                         const char *s, size_t n, struct token_list *out)
{
    size_t pos = 0;
    int rc = 0;

    for (size_t i = 0; i < h->n && rc == 0; i++) {
        rc = encode_plain(t, w, s + pos, h->v[i].pos - pos, out);
        if (rc == 0)
            rc = emit(out, t->special[h->v[i].order]);
        pos = h->v[i].pos + hit_len(t, &h->v[i]);
    }
    return rc < 0 ? rc : encode_plain(t, w, s + pos, n - pos, out);
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t len, bool special,
                     struct token_list *out, struct dobby_err *e)
{
    struct scratch w = {0};
    struct hit_list hits = {0};
    size_t n_before = out->n;
    int rc;

    if (len > TOKENIZER_MAX_TEXT)
        return err_set(e, DOBBY_E_LIMIT, "tokenizer: the text has %zu bytes (limit %u); shorten it",
                       len, TOKENIZER_MAX_TEXT);
    rc = find_hits(t, text, len, special, &hits);
    if (rc == 0 && hits.n > 0)
        rc = resolve_hits(t, len, &hits);
    if (rc == 0)
        rc = encode_around(t, &w, &hits, text, len, out);
    if (rc < 0) {
        out->n = n_before;
        rc = err_nomem(e, "the tokens of a text"); /* nothing else can fail */
    }
    mem_free(hits.v);
    mem_free(w.symbol);
    mem_free(w.heap);
    return rc;
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool in_range(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->n;
}

const char *tokenizer_bytes(const struct tokenizer *t, int32_t id, size_t *len)
{
    if (!in_range(t, id)) {
        *len = 0;
        return "";
    }
    *len = t->offset[id + 1] - t->offset[id];
    return t->text + t->offset[id];
}

size_t tokenizer_n_vocab(const struct tokenizer *t)
{
    return t->n;
}

int32_t tokenizer_bos(const struct tokenizer *t)
{
    return t->bos;
}

int32_t tokenizer_eos(const struct tokenizer *t)
{
    return t->eos;
}

bool tokenizer_add_bos(const struct tokenizer *t)
{
    return t->add_bos;
}

bool tokenizer_is_eog(const struct tokenizer *t, int32_t id)
{
    return in_range(t, id) && (t->flags[id] & FLAG_EOG);
}

bool tokenizer_is_unused(const struct tokenizer *t, int32_t id)
{
    return !in_range(t, id) || (t->flags[id] & TYPE_MASK) == UNUSED;
}

bool tokenizer_is_control(const struct tokenizer *t, int32_t id)
{
    return in_range(t, id) && (t->flags[id] & TYPE_MASK) == CONTROL;
}

int32_t tokenizer_find_control(const struct tokenizer *t, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < t->n_special; i++) {
        int32_t id = t->special[i];

        if (tokenizer_is_control(t, id) && t->offset[id + 1] - t->offset[id] == n &&
            memcmp(t->text + t->offset[id], name, n) == 0)
            return id;
    }
    return -1;
}

const char *tokenizer_kind(const struct tokenizer *t)
{
    return t->kind;
}
