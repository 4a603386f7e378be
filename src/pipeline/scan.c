/* scan.c - see scan.h (pipeline).
 * One thread reads files in order and hands texts to the parser workers; a text stays in its slot until its result
 * has come. There are as many slots as workers, so the memory for texts is bounded. */
#include "pipeline/scan.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "code/chunk.h"
#include "code/parse.h"
#include "pipeline/budget.h"
#include "pipeline/rollup.h"
#include "pipeline/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARSERS 256
#define IN_PART     "parsed in part" /* the one note of a file that has its units */
/* Looking at the memory in use takes about as long as reading a small file. */
#define CHECK_EVERY ((size_t)1 << 20)
#define FILE_COST   ((size_t)32 << 10) /* a file counts like so much text more */

/* What the store says of a file. */
struct known_file {
    struct store_bytes path;
    const char *grammar, *language, *note, *header;
    const uint8_t *hash, *recipe, *model, *context;
    bool seen; /* the tree still has it */
};

struct slot {
    struct strbuf text;
    size_t file; /* its index in scan.files */
    bool busy;
};

struct scanner {
    struct scan *s;
    struct walk *w;
    struct store_reader *r;
    const struct scan_options *o;
    struct dobby_err *e;
    struct known_file *known; /* by path */
    size_t n_known, cap_known, next_known, cap_files;
    struct parser_pool *pool; /* opened for the first file that needs it */
    struct slot *slots;
    size_t n_slots, share;         /* of memory, each worker's */
    size_t unchecked;              /* bytes of text since memory was looked at */
    size_t n_prefix, prefix_units; /* the first n_prefix files have their units: so many */
    bool *ready;                   /* [files]: the units are there */
    size_t cap_ready;
    struct strbuf doc, scratch;
};

/* ---- spans -------------------------------------------------------------------------------------- */

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void scan_put_spans(uint8_t out[SCAN_SPANS], const struct unit *u)
{
    const struct span spans[] = {u->span, u->signature, u->body, u->doc, u->docstring};

    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        put_u32(out + 8 * i, spans[i].start);
        put_u32(out + 8 * i + 4, spans[i].end);
    }
    put_u32(out + 40, (uint32_t)u->depth);
}

static bool within(struct span inner, struct span outer)
{
    return span_len(inner) == 0 || (inner.start >= outer.start && inner.end <= outer.end);
}

bool scan_get_spans(struct unit *u, struct store_bytes spans, size_t len)
{
    struct span *const to[] = {&u->span, &u->signature, &u->body, &u->doc, &u->docstring};
    const uint8_t *p = spans.p;

    if (spans.n != SCAN_SPANS)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        *to[i] = (struct span){get_u32(p + 8 * i), get_u32(p + 8 * i + 4)};
        if (to[i]->start > to[i]->end || to[i]->end > len)
            return false;
    }
    u->depth = (int)(get_u32(p + 40) & 0xFFFF);
    return within(u->signature, u->span) && within(u->body, u->span) &&
           within(u->docstring, u->body) && (span_len(u->doc) == 0 || u->doc.end <= u->span.start);
}

void scan_grammar(char out[64], enum language_id lang)
{
    const struct language *l = language_get(lang);

    snprintf(out, 64, "%s/%d", l ? l->name : "none", PARSE_VERSION);
}

const char *scan_language(const struct scan_file *f, const struct unit *u)
{
    return language_get(unit_language(u, f->wf->language))->name;
}

/* ---- what the store knows ----------------------------------------------------------------------- */

static const uint8_t *keep_bytes(struct arena *a, const uint8_t *bytes, size_t n, bool *failed)
{
    uint8_t *copy = bytes ? arena_alloc(a, n) : NULL;

    *failed |= bytes && !copy;
    if (copy)
        memcpy(copy, bytes, n);
    return copy;
}

static const uint8_t *keep_key(struct arena *a, const uint8_t *key, bool *failed)
{
    return keep_bytes(a, key, KEY_LEN, failed);
}

static const char *keep_text(struct arena *a, const char *s, bool *failed)
{
    char *copy = s ? arena_strdup(a, s) : NULL;

    *failed |= s && !copy;
    return copy;
}

static int add_known(void *ctx, const struct store_file *f)
{
    struct scanner *k = ctx;
    struct arena *a = &k->s->arena;
    struct known_file *known;
    bool failed = false;

    if (mem_grow((void **)&k->known, &k->cap_known, k->n_known + 1, sizeof(*k->known)) < 0)
        return err_nomem(k->e, "the files of the store");
    known = &k->known[k->n_known];
    *known = (struct known_file){
        .path = {arena_strndup(a, f->path.p, f->path.n), f->path.n},
        .grammar = keep_text(a, f->grammar, &failed),
        .language = keep_text(a, f->language, &failed),
        .note = keep_text(a, f->note, &failed),
        .header = keep_text(a, f->text, &failed),
        .hash = keep_key(a, f->hash, &failed),
        .recipe = keep_key(a, f->recipe, &failed),
        .model = keep_key(a, f->model, &failed),
        .context = keep_key(a, f->context, &failed),
    };
    if (failed || !known->path.p)
        return err_nomem(k->e, "the files of the store");
    k->n_known++;
    return 0;
}

int scan_compare_paths(const void *a, size_t na, const void *b, size_t nb)
{
    int c = memcmp(a, b, size_min(na, nb));

    return c ? c : (na > nb) - (na < nb);
}

/* The store's file of this path. Both lists are in one order, so a cursor suffices. */
static struct known_file *find_known(struct scanner *k, const struct walk_file *wf)
{
    while (k->next_known < k->n_known) {
        struct known_file *known = &k->known[k->next_known];
        int c = scan_compare_paths(known->path.p, known->path.n, wf->path, wf->path_len);

        if (c > 0)
            return NULL;
        k->next_known++;
        if (c == 0)
            return known;
    }
    return NULL;
}

/* ---- units of the store ------------------------------------------------------------------------- */

struct loading {
    struct scanner *k;
    struct unit *units;
    struct old_unit *old;
    size_t n, cap_units, cap_old;
    size_t len;   /* of the text */
    bool damaged; /* some positions make no sense: parse it again */
};

static bool get_unit(struct loading *l, struct unit *u, const struct store_unit *from)
{
    struct arena *a = &l->k->s->arena;
    bool failed = false;

    *u = (struct unit){
        .name = arena_strndup(a, from->name.p, from->name.n),
        .qualified = arena_strndup(a, from->qname.p, from->qname.n),
        .calls = keep_text(a, from->calls, &failed),
        .uses = keep_text(a, from->uses, &failed),
        .start_line = from->start_line,
        .end_line = from->end_line,
    };
    if (from->language)
        u->language = language_of_word(from->language, strlen(from->language));
    l->damaged |= !unit_kind_find(&u->kind, from->kind) ||
                  !scan_get_spans(u, from->spans, l->len) ||
                  (from->language && u->language == LANGUAGE_NONE);
    return u->name && u->qualified && !failed;
}

static int load_unit(void *ctx, const struct store_unit *from, bool done)
{
    struct loading *l = ctx;
    struct scanner *k = l->k;
    struct arena *a = &k->s->arena;
    struct old_unit *old;
    bool failed = false;

    if (mem_grow((void **)&l->units, &l->cap_units, l->n + 1, sizeof(*l->units)) < 0 ||
        mem_grow((void **)&l->old, &l->cap_old, l->n + 1, sizeof(*l->old)) < 0 ||
        !get_unit(l, &l->units[l->n], from))
        return err_nomem(k->e, "the units of the store");
    old = &l->old[l->n];
    *old = (struct old_unit){
        .qname = l->units[l->n++].qualified,
        .qname_len = from->qname.n,
        .text = keep_text(a, from->text, &failed),
        .unit_key = keep_key(a, from->unit_key, &failed),
        .prompt_hash = keep_key(a, from->prompt_hash, &failed),
        .prompt_key = keep_key(a, from->prompt_key, &failed),
        .done = done,
        .old = from->old,
        .findings = keep_text(a, from->findings, &failed),
        .code_hash = keep_bytes(a, from->code_hash, STORE_CODE, &failed),
    };
    return failed ? err_nomem(k->e, "the units of the store") : 0;
}

/* An array in the arena instead of the heap. */
static void *keep_array(struct arena *a, const void *p, size_t n, size_t size)
{
    void *copy = n ? arena_array(a, n, size) : NULL;

    if (copy)
        memcpy(copy, p, n * size);
    return copy;
}

/* What the store says of the units of a path. units (may be NULL) gets them as units of a text of len bytes, or nothing
 * if that makes no sense (*sound is false then). */
static int load_units(struct scanner *k, struct store_bytes path, size_t len, struct unit **units,
                      struct old_unit **old, size_t *n, bool *sound)
{
    struct loading l = {.k = k, .len = len};
    int rc = store_each_unit(k->r, path, load_unit, &l, k->e);

    if (rc == 0) {
        *old = keep_array(&k->s->arena, l.old, l.n, sizeof(*l.old));
        if (units)
            *units = keep_array(&k->s->arena, l.units, l.n, sizeof(*l.units));
        if (l.n > 0 && (!*old || (units && !*units)))
            rc = err_nomem(k->e, "the units of the store");
        *n = l.n;
        *sound = !l.damaged;
    }
    mem_free(l.units);
    mem_free(l.old);
    return rc;
}

/* ---- parsing ------------------------------------------------------------------------------------ */

static int compare_units(const void *pa, const void *pb)
{
    const struct unit *a = pa, *b = pb;
    int c;

    if (a->start_line != b->start_line)
        return a->start_line < b->start_line ? -1 : 1;
    if (a->end_line != b->end_line)
        return a->end_line > b->end_line ? -1 : 1;
    c = strcmp(unit_kind_name(a->kind), unit_kind_name(b->kind));
    if (c == 0)
        c = strcmp(a->qualified, b->qualified);
    if (c == 0) /* several of one name on one line: as they stand there */
        c = (a->span.start > b->span.start) - (a->span.start < b->span.start);
    return c ? c : (b->span.end > a->span.end) - (b->span.end < a->span.end);
}

static void note(struct scanner *k, const struct walk_file *wf, const char *what)
{
    struct strbuf b = {0};

    if (!k->o->on_note)
        return;
    utf8_escape(&b, wf->path, wf->path_len, "");
    strbuf_printf(&b, ": %s", what);
    if (!strbuf_failed(&b))
        k->o->on_note(k->o->ctx, strbuf_str(&b));
    strbuf_release(&b);
}

/* The units of a parser's list, copied into the arena and sorted. */
static int take_units(struct scanner *k, struct scan_file *f, const struct unit_list *list)
{
    struct arena *a = &k->s->arena;
    bool failed = false;

    f->n = list->n;
    f->units = keep_array(a, list->units, list->n, sizeof(*list->units));
    if (list->n > 0 && !f->units)
        return err_nomem(k->e, "the units of a file");
    for (size_t i = 0; i < f->n; i++) {
        f->units[i].name = arena_strdup(a, f->units[i].name);
        f->units[i].qualified = arena_strdup(a, f->units[i].qualified);
        f->units[i].calls = keep_text(a, f->units[i].calls, &failed);
        f->units[i].uses = keep_text(a, f->units[i].uses, &failed);
        if (!f->units[i].name || !f->units[i].qualified || failed)
            return err_nomem(k->e, "the units of a file");
    }
    if (f->n > 0)
        qsort(f->units, f->n, sizeof(*f->units), compare_units);
    return 0;
}

int scan_docs(struct scan *s, struct scan_file *f, const char *source, size_t len,
              struct strbuf *text, struct strbuf *scratch, struct dobby_err *e)
{
    int rc = rollup_header(text, scratch, 0, f, source, len, e);

    f->header = NULL;
    f->docs = arena_array(&s->arena, f->n, sizeof(*f->docs));
    if (rc == 0 && f->n > 0 && !f->docs)
        rc = err_nomem(e, "comments");
    if (rc == 0 && text->len > 0)
        f->header = arena_strndup(&s->arena, strbuf_str(text), text->len);
    for (size_t i = 0; i < f->n && rc == 0; i++) {
        bool doc;

        rc = wording_doc(text, scratch, &f->units[i], f->wf->language, source, len, &doc, e);
        if (rc < 0 || !doc)
            continue;
        f->docs[i] = arena_strndup(&s->arena, strbuf_str(text), text->len);
        if (!f->docs[i])
            rc = err_nomem(e, "a comment");
    }
    return rc;
}

static int take_docs(struct scanner *k, struct scan_file *f, const struct strbuf *text)
{
    return k->o->no_docs
               ? 0
               : scan_docs(k->s, f, strbuf_str(text), text->len, &k->doc, &k->scratch, k->e);
}

/* A file that no parser serves, or that none got through, in chunks. */
static int cut_file(struct scanner *k, struct scan_file *f, const struct strbuf *text)
{
    struct unit_list list = {0};
    const char *why = NULL;
    int rc = chunk_text(&list, &why, f->wf->language, strbuf_str(text), text->len, k->e);

    if (rc == 0 && why) {
        f->note = why;
        note(k, f->wf, why);
    }
    if (rc == 0)
        rc = take_units(k, f, &list);
    if (rc == 0)
        rc = take_docs(k, f, text);
    unit_list_release(&list);
    return rc;
}

static int take_imports(struct scanner *k, struct scan_file *f, const struct unit_list *list)
{
    struct arena *a = &k->s->arena;

    f->n_imports = list->n_imports;
    f->imports = keep_array(a, list->imports, list->n_imports, sizeof(*list->imports));
    if (list->n_imports > 0 && !f->imports)
        return err_nomem(k->e, "the imports of a file");
    for (size_t i = 0; i < f->n_imports; i++) {
        f->imports[i].what = arena_strdup(a, f->imports[i].what);
        if (!f->imports[i].what)
            return err_nomem(k->e, "the imports of a file");
    }
    return 0;
}

static void set_ready(struct scanner *k, size_t file)
{
    k->ready[file] = true;
    while (k->n_prefix < k->s->n_files && k->ready[k->n_prefix])
        k->prefix_units += k->s->files[k->n_prefix++].n;
}

static int collect(struct scanner *k)
{
    struct parse_result r = {0};
    struct scan_file *f;
    struct slot *slot;
    int rc = parser_pool_collect(k->pool, &r, k->e);

    if (rc < 0)
        return rc;
    slot = r.tag;
    f = &k->s->files[slot->file];
    k->s->n_parser_ends += (size_t)r.n_ends;
    if (r.failed) {
        f->note = r.note;
        note(k, f->wf, r.note);
    } else if (r.n_ends > 0) {
        note(k, f->wf, "its parser died; another one read it");
    }
    if (!r.failed && r.units.partial)
        f->note = IN_PART;
    rc = r.failed ? cut_file(k, f, &slot->text) : take_units(k, f, &r.units);
    if (rc == 0 && !r.failed)
        rc = take_imports(k, f, &r.units);
    if (rc == 0 && !r.failed)
        rc = take_docs(k, f, &slot->text);
    parse_result_release(&r);
    slot->busy = false;
    set_ready(k, slot->file);
    return rc;
}

/* Ends the workers; nothing is under way. */
static void close_pool(struct scanner *k)
{
    parser_pool_free(k->pool); /* before the texts that it reads */
    for (size_t i = 0; i < k->n_slots; i++)
        strbuf_release(&k->slots[i].text);
    mem_free(k->slots);
    k->pool = NULL;
    k->slots = NULL;
    k->n_slots = 0;
}

static int open_pool(struct scanner *k)
{
    int n = k->o->parsers > 0 ? k->o->parsers : thread_cpus(), rc;

    if (k->pool)
        return 0;
    n = n > MAX_PARSERS ? MAX_PARSERS : n;
    rc = budget_parsers(&k->share, &n, k->o->memory, k->e);
    if (rc < 0)
        return rc;
    k->slots = mem_array((size_t)n, sizeof(*k->slots));
    if (!k->slots)
        return err_nomem(k->e, "the parsers");
    k->n_slots = (size_t)n;
    k->unchecked = 0;
    return parser_pool_open(&k->pool, n, k->share, k->o->worker_path, k->e);
}

/* A slot for a text: one that is free, or that becomes so. */
static int free_slot(struct scanner *k, struct slot **out)
{
    int rc = open_pool(k);

    while (rc == 0) {
        for (size_t i = 0; i < k->n_slots && parser_pool_room(k->pool); i++)
            if (!k->slots[i].busy) {
                *out = &k->slots[i];
                return 0;
            }
        rc = collect(k);
    }
    return rc;
}

static int parse_file(struct scanner *k, struct strbuf *text, size_t file)
{
    const struct scan_file *f = &k->s->files[file];
    struct strbuf swap;
    struct slot *slot = NULL;
    int rc = free_slot(k, &slot);

    if (rc < 0)
        return rc;
    swap = slot->text; /* the slot keeps the text, the caller gets the memory of an older one */
    slot->text = *text;
    *text = swap;
    slot->file = file;
    rc = parser_pool_submit(k->pool, f->wf->language, strbuf_str(&slot->text), slot->text.len, slot,
                            k->e);
    slot->busy = rc == 0;
    return rc;
}

/* ---- files -------------------------------------------------------------------------------------- */

static int add_file(struct scanner *k, struct walk_file *wf, const uint8_t hash[KEY_LEN],
                    size_t *index)
{
    struct scan *s = k->s;

    if (mem_grow((void **)&s->files, &k->cap_files, s->n_files + 1, sizeof(*s->files)) < 0 ||
        mem_grow((void **)&k->ready, &k->cap_ready, s->n_files + 1, sizeof(*k->ready)) < 0)
        return err_nomem(k->e, "the list of files");
    *index = s->n_files++;
    k->ready[*index] = false;
    s->files[*index] = (struct scan_file){.wf = wf};
    memcpy(s->files[*index].hash, hash, KEY_LEN);
    return 0;
}

/* Does the store's word on this file still hold? */
static bool is_same(const struct known_file *known, const struct scan_file *f)
{
    const struct language *l = language_get(f->wf->language);
    char grammar[64];

    scan_grammar(grammar, f->wf->language);
    return l && memcmp(known->hash, f->hash, KEY_LEN) == 0 &&
           strcmp(known->grammar, grammar) == 0 && strcmp(known->language, l->name) == 0;
}

static int use_known(struct scanner *k, struct known_file *known, size_t file, size_t len)
{
    struct scan_file *f = &k->s->files[file];
    bool same = is_same(known, f), sound = true;
    size_t n = 0;
    int rc = load_units(k, known->path, len, same ? &f->units : NULL, &f->old, &n, &sound);

    if (rc < 0)
        return rc;
    f->n_old = n;
    f->recipe = known->recipe;
    f->model = known->model;
    f->context = known->context;
    f->known = same && sound;
    if (!f->known) {
        f->units = NULL;
        return 0;
    }
    f->n = n;
    f->note = known->note;
    f->header = known->header;
    set_ready(k, file);
    return 0;
}

/* When what was found has grown into the workers' part of the memory, they are ended; the next file to be parsed starts
 * others with less, or ends the scan. Without workers the process itself must stay below the bound. */
static int check_memory(struct scanner *k, size_t len)
{
    int rc = 0;

    k->unchecked += len + FILE_COST;
    if (k->o->memory == 0 || k->unchecked < CHECK_EVERY)
        return 0;
    k->unchecked = 0;
    if (!k->pool)
        return budget_check(k->o->memory, 0, 0, k->e);
    if (budget_check(k->o->memory, (int)k->n_slots, k->share, NULL) == 0)
        return 0;
    while (rc == 0 && parser_pool_busy(k->pool))
        rc = collect(k);
    close_pool(k);
    return rc;
}

/* One file of the walk. *text is scratch. */
static int scan_file(struct scanner *k, struct walk_file *wf, struct strbuf *text)
{
    struct known_file *known = find_known(k, wf);
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    size_t file = 0;
    int rc = walk_read(k->w, wf, text, hash, &why);

    if (rc < 0)
        return err_set(k->e, rc, "%s", why.message);
    if (wf->skip != WALK_TAKEN) {
        k->s->n_skipped++;
        if (wf->skip == WALK_UNREADABLE)
            note(k, wf, why.message);
        return 0;
    }
    rc = add_file(k, wf, hash, &file);
    if (rc == 0 && known) {
        known->seen = true;
        rc = use_known(k, known, file, text->len);
    }
    if (rc == 0)
        rc = check_memory(k, text->len);
    if (rc < 0 || k->s->files[file].known)
        return rc;
    if (language_has_grammar(wf->language))
        return parse_file(k, text, file);
    rc = cut_file(k, &k->s->files[file], text);
    set_ready(k, file);
    return rc;
}

static int scan_files(struct scanner *k)
{
    struct strbuf text = {0};
    int rc = 0;

    for (size_t i = 0; i < k->w->n_files && rc == 0; i++) {
        struct walk_file *wf = &k->w->files[i];

        if (k->o->stop && *k->o->stop) {
            rc = err_set(k->e, DOBBY_E_CANCELLED, "stopped while reading the tree");
        } else if (wf->skip != WALK_UNCHANGED && (wf->is_dir || wf->skip != WALK_TAKEN)) {
            k->s->n_skipped++;
        } else if (wf->skip == WALK_UNCHANGED || (k->o->limit && k->prefix_units >= k->o->limit)) {
            struct known_file *known = find_known(k, wf); /* not looked at, not gone */

            k->s->n_skipped += wf->skip == WALK_UNCHANGED;
            if (known)
                known->seen = true;
        } else {
            rc = scan_file(k, wf, &text);
        }
    }
    while (rc == 0 && k->pool && parser_pool_busy(k->pool))
        rc = collect(k);
    strbuf_release(&text);
    return rc;
}

/* With a limit, some files behind the one that reached it may have been read as well, which ones depends on
 * how fast the workers were: they are left out. */
static void cut_at_limit(struct scan *s, size_t limit)
{
    size_t n_files = 0, n = 0;

    while (n_files < s->n_files && (limit == 0 || n < limit))
        n += s->files[n_files++].n;
    s->n_files = n_files;
    s->n_units = limit && n > limit ? limit : n;
}

static void count_unparsed(struct scan *s)
{
    for (size_t i = 0; i < s->n_files; i++)
        s->n_unparsed += s->files[i].note && strcmp(s->files[i].note, IN_PART) != 0;
}

static int list_gone(struct scanner *k)
{
    struct scan *s = k->s;
    bool sound;
    int rc = 0;

    s->gone = arena_array(&s->arena, k->n_known, sizeof(*s->gone));
    if (!s->gone && k->n_known > 0)
        return err_nomem(k->e, "the files of the store");
    for (size_t i = 0; i < k->n_known && rc == 0; i++) {
        struct scan_gone *g = &s->gone[s->n_gone];

        if (k->known[i].seen)
            continue;
        g->path = k->known[i].path;
        rc = load_units(k, g->path, 0, NULL, &g->old, &g->n_old, &sound);
        s->n_gone++;
    }
    return rc;
}

static void scanner_release(struct scanner *k)
{
    close_pool(k);
    mem_free(k->known);
    mem_free(k->ready);
    strbuf_release(&k->doc);
    strbuf_release(&k->scratch);
}

int scan_tree(struct scan *s, struct walk *w, struct store_reader *r, const struct scan_options *o,
              struct dobby_err *e)
{
    struct scanner k = {.s = s, .w = w, .r = r, .o = o, .e = e};
    double start = time_now();
    int rc = 0;

    *s = (struct scan){0};
    if (r)
        rc = store_each_file(r, o->scope, add_known, &k, e);
    if (rc == 0)
        rc = scan_files(&k);
    if (rc == 0)
        rc = list_gone(&k);
    scanner_release(&k);
    if (rc < 0) {
        scan_release(s);
        return rc;
    }
    cut_at_limit(s, o->limit);
    count_unparsed(s);
    s->s_parse = time_now() - start;
    return 0;
}

void scan_release(struct scan *s)
{
    mem_free(s->files);
    arena_release(&s->arena);
    *s = (struct scan){0};
}
