/* context.c - see context.h (pipeline).
 * All units of the tree have a number: those of a file follow one another, files are in the order of their paths. The units of one
 * name are a run of `by_name`, in the order of their numbers, so a file's or a folder's part of them is found by bisection. */
#include "pipeline/context.h"

#include "base/mem.h"
#include "base/sha256.h"
#include "base/size.h"
#include "code/steer.h"
#include "code/text.h"
#include "pipeline/rollup.h"
#include "pipeline/wording.h"

#include <string.h>

#define MIN_NAME     4  /* bytes of a name that is looked for in the whole tree */
#define MAX_SAME     64 /* units of one name that are looked at, at one place */
#define MAX_DISTANCE 40 /* units between a unit and its neighbour */
#define MAX_QUOTE    400
#define NO_UNIT      UINT32_MAX

struct ctx_file {
    const char *path;
    size_t path_len, dir_len; /* with its slash; 0 in the root */
    enum language_id lang;
    const struct unit *units;
    const char *const *docs; /* [n] */
    size_t n;
    const char *header;
    uint32_t first; /* the number of its first unit */
};

struct name_run {
    const char *name;
    uint32_t start, n; /* in by_name; n of the units with it */
};

struct context {
    struct arena arena;
    struct scan *s;
    struct walk *w;
    struct store_reader *r;
    struct context_options o;
    struct dobby_err *e; /* of context_make */
    struct ctx_file *files;
    size_t n_files, cap_files;
    uint32_t *of_scan; /* [scan.n_files]: index in files */
    uint32_t n_units;
    uint32_t *file_of; /* [n_units] */
    uint32_t *by_name; /* [n_units] */
    struct name_run *names;
    size_t n_names, cap_names;
    uint32_t *slots; /* open addressing by name: index + 1 */
    size_t n_slots;
    uint32_t *caller_start, *callers; /* [n_units + 1]; the numbers of units that call each */
    size_t n_callers;
    struct strbuf source, text, scratch;
    uint8_t recipe[KEY_LEN], part_recipe[KEY_LEN];
};

/* ---- names -------------------------------------------------------------------------------------- */

static size_t hash_name(const char *s, size_t n)
{
    size_t h = 1469598103934665603u; /* FNV-1a */

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h ^ h >> 29;
}

/* The slot of a name: its own, or the free one where it would go. */
static size_t slot_of(const struct context *c, const char *s, size_t n)
{
    size_t i = hash_name(s, n) & (c->n_slots - 1);

    while (c->slots[i]) {
        const char *name = c->names[c->slots[i] - 1].name;

        if (strncmp(name, s, n) == 0 && name[n] == '\0')
            break;
        i = (i + 1) & (c->n_slots - 1);
    }
    return i;
}

static const struct name_run *find_name(const struct context *c, const char *s, size_t n)
{
    size_t i = c->n_slots ? slot_of(c, s, n) : 0;

    return c->n_slots && c->slots[i] ? &c->names[c->slots[i] - 1] : NULL;
}

static const struct unit *unit_at(const struct context *c, uint32_t id)
{
    const struct ctx_file *f = &c->files[c->file_of[id]];

    return &f->units[id - f->first];
}

static const char *doc_at(const struct context *c, uint32_t id)
{
    const struct ctx_file *f = &c->files[c->file_of[id]];

    return f->docs[id - f->first];
}

/* Count each name, then put the units of each into its run. */
static int index_names(struct context *c)
{
    uint32_t at = 0;
    size_t slots = 16;

    while (slots < 2 * (size_t)c->n_units)
        slots *= 2;
    c->slots = mem_array(slots, sizeof(*c->slots));
    c->by_name = mem_array((size_t)c->n_units + 1, sizeof(*c->by_name));
    if (!c->slots || !c->by_name)
        return err_nomem(c->e, "the names of the units");
    c->n_slots = slots;
    for (uint32_t id = 0; id < c->n_units; id++) {
        const char *name = unit_at(c, id)->name;
        size_t i = slot_of(c, name, strlen(name));

        if (!c->slots[i]) {
            if (mem_grow((void **)&c->names, &c->cap_names, c->n_names + 1, sizeof(*c->names)) < 0)
                return err_nomem(c->e, "the names of the units");
            c->names[c->n_names++] = (struct name_run){.name = name};
            c->slots[i] = (uint32_t)c->n_names;
        }
        c->names[c->slots[i] - 1].n++;
    }
    for (size_t i = 0; i < c->n_names; i++) {
        c->names[i].start = at;
        at += c->names[i].n;
        c->names[i].n = 0;
    }
    for (uint32_t id = 0; id < c->n_units; id++) {
        const char *name = unit_at(c, id)->name;
        struct name_run *run = &c->names[c->slots[slot_of(c, name, strlen(name))] - 1];

        c->by_name[run->start + run->n++] = id;
    }
    return 0;
}

/* ---- finding a name ----------------------------------------------------------------------------- */

/* Languages that call each other's functions by their names. */
static int family(enum language_id lang)
{
    switch (lang) {
    case LANGUAGE_CPP:
        return LANGUAGE_C;
    case LANGUAGE_TYPESCRIPT:
    case LANGUAGE_TSX:
        return LANGUAGE_JAVASCRIPT;
    default:
        return (int)lang;
    }
}

/* The first place in a run whose number is not below id. */
static uint32_t run_from(const struct context *c, const struct name_run *run, uint32_t id)
{
    uint32_t lo = 0, hi = run->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (c->by_name[run->start + mid] < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* How much of the qualified name stands before the last part. */
static size_t owner_len(const struct unit *u)
{
    size_t q = strlen(u->qualified), n = strlen(u->name);

    return q > n && strcmp(u->qualified + q - n, u->name) == 0 ? q - n : 0;
}

static bool same_owner(const struct unit *a, const struct unit *b)
{
    size_t n = owner_len(a);

    return n == owner_len(b) && memcmp(a->qualified, b->qualified, n) == 0;
}

struct wanted {
    const struct unit *from; /* who looks for it */
    uint32_t self;           /* its number */
    int family;
    bool types; /* types and modules only */
};

static bool is_wanted(const struct context *c, const struct wanted *w, uint32_t id)
{
    const struct unit *u = unit_at(c, id);

    return id != w->self && u->kind != UNIT_CHUNK && (!w->types || unit_is_outline(u)) &&
           family(unit_language(u, c->files[c->file_of[id]].lang)) == w->family;
}

/* In a file: the first one of the same type, else the first one. */
static uint32_t find_in_file(const struct context *c, const struct name_run *run,
                             const struct wanted *w, const struct ctx_file *f)
{
    uint32_t found = NO_UNIT, seen = 0;

    for (uint32_t i = run_from(c, run, f->first); i < run->n && seen < MAX_SAME; i++, seen++) {
        uint32_t id = c->by_name[run->start + i];

        if (id >= f->first + f->n)
            break;
        if (!is_wanted(c, w, id))
            continue;
        if (same_owner(unit_at(c, id), w->from))
            return id;
        if (found == NO_UNIT)
            found = id;
    }
    return found;
}

static bool same_dir(const struct ctx_file *a, const struct ctx_file *b)
{
    return a->dir_len == b->dir_len && memcmp(a->path, b->path, a->dir_len) == 0;
}

/* The only one among those from place `i` of the run on that lie in f's folder (any: anywhere). Several with one sentence count as
 * one: declarations of the same thing. */
static uint32_t find_only(const struct context *c, const struct name_run *run, uint32_t i,
                          const struct wanted *w, const struct ctx_file *f, bool any)
{
    uint32_t found = NO_UNIT, seen = 0;

    for (; i < run->n; i++) {
        uint32_t id = c->by_name[run->start + i];
        const struct ctx_file *g = &c->files[c->file_of[id]];

        if (!any && (g->path_len < f->dir_len || memcmp(g->path, f->path, f->dir_len) != 0))
            break;
        if (++seen > MAX_SAME)
            return NO_UNIT;
        if (!is_wanted(c, w, id) || (!any && !same_dir(f, g)))
            continue;
        if (found != NO_UNIT &&
            (!doc_at(c, found) || !doc_at(c, id) || strcmp(doc_at(c, found), doc_at(c, id)) != 0))
            return NO_UNIT;
        if (found == NO_UNIT)
            found = id;
    }
    return found;
}

/* The number of the first unit of the files of f's folder and below; files are by path. */
static uint32_t dir_first(const struct context *c, const struct ctx_file *f)
{
    size_t lo = 0, hi = (size_t)(f - c->files);

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct ctx_file *g = &c->files[mid];
        int order = memcmp(g->path, f->path, size_min(g->path_len, f->dir_len));

        if (order < 0 || (order == 0 && g->path_len < f->dir_len))
            lo = mid + 1;
        else
            hi = mid;
    }
    return c->files[lo].first;
}

static uint32_t find_unit(const struct context *c, const struct ctx_file *f, const struct wanted *w,
                          const char *name, size_t n)
{
    const struct name_run *run = find_name(c, name, n);
    uint32_t id;

    if (!run)
        return NO_UNIT;
    id = find_in_file(c, run, w, f);
    if (id == NO_UNIT && n > 1)
        id = find_only(c, run, run_from(c, run, dir_first(c, f)), w, f, false);
    if (id == NO_UNIT && n >= MIN_NAME && run->n <= MAX_SAME)
        id = find_only(c, run, 0, w, f, true);
    return id;
}

/* ---- notes -------------------------------------------------------------------------------------- */

/* May the sentence stand in the prompts of others? None that speaks to a reader is a good one (doc.h). */
static bool is_quotable(const char *doc, const char *hide)
{
    return strlen(doc) <= MAX_QUOTE && !(hide && strcmp(doc, hide) == 0);
}

/* May its name? Some languages take any words as one. */
static bool is_nameable(const struct unit *u)
{
    return !steer_found(u->name, strlen(u->name));
}

static bool has_note(const struct prompt_note *notes, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (notes[i].text && strcmp(notes[i].text, text) == 0)
            return true;
    return false;
}

static bool add_note(const struct context *c, struct prompt_note *notes, size_t *n, size_t max,
                     uint32_t id, const char *hide)
{
    const char *doc = doc_at(c, id);

    if (*n >= max || !doc || !is_quotable(doc, hide) || !is_nameable(unit_at(c, id)) ||
        has_note(notes, *n, doc))
        return false;
    notes[(*n)++] = (struct prompt_note){unit_at(c, id)->name, doc, c->file_of[id]};
    return true;
}

static bool is_near(const struct unit *u, const struct unit *other)
{
    return u->kind != UNIT_CHUNK && other->kind != UNIT_CHUNK &&
           unit_is_outline(u) == unit_is_outline(other) &&
           strcmp(u->qualified, other->qualified) != 0;
}

/* The nearest ones before and behind, in the order of the file. */
static void find_near(const struct context *c, struct prompt_context *out, const struct ctx_file *f,
                      size_t unit, const char *hide)
{
    struct prompt_note before[PROMPT_NEAR], behind[PROMPT_NEAR];
    size_t n_before = 0, n_behind = 0, half = PROMPT_NEAR / 2, take;
    const struct unit *u = &f->units[unit];

    for (size_t d = 1; d <= MAX_DISTANCE && d <= unit && n_before < PROMPT_NEAR; d++)
        if (is_near(u, &f->units[unit - d]))
            add_note(c, before, &n_before, PROMPT_NEAR, f->first + (uint32_t)(unit - d), hide);
    for (size_t d = 1; d <= MAX_DISTANCE && unit + d < f->n && n_behind < PROMPT_NEAR; d++)
        if (is_near(u, &f->units[unit + d]))
            add_note(c, behind, &n_behind, PROMPT_NEAR, f->first + (uint32_t)(unit + d), hide);
    take = n_behind < half ? PROMPT_NEAR - n_behind : half;
    for (size_t i = size_min(take, n_before); i-- > 0;)
        out->near[out->n_near++] = before[i];
    for (size_t i = 0; i < n_behind && out->n_near < PROMPT_NEAR; i++)
        if (!has_note(out->near, out->n_near, behind[i].text))
            out->near[out->n_near++] = behind[i];
}

/* In a file without any: the first ones of the files next to it. */
static void find_near_in_dir(const struct context *c, struct prompt_context *out,
                             const struct ctx_file *f, const struct unit *u, const char *hide)
{
    uint32_t first = dir_first(c, f);
    size_t seen = 0;

    for (uint32_t id = first; id < c->n_units && out->n_near < PROMPT_NEAR / 2; id++) {
        const struct ctx_file *g = &c->files[c->file_of[id]];

        if (++seen > 10 * MAX_DISTANCE || g->path_len < f->dir_len ||
            memcmp(g->path, f->path, f->dir_len) != 0)
            return;
        if (g == f || !same_dir(f, g) || g->lang != f->lang)
            id = g->first + (uint32_t)g->n - 1; /* the next file */
        else if (is_near(u, unit_at(c, id)))
            add_note(c, out->near, &out->n_near, PROMPT_NEAR / 2, id, hide);
    }
}

/* The type or module that a unit belongs to, by the last part of what its qualified name says before its own. */
static void find_owner(const struct context *c, struct prompt_context *out,
                       const struct ctx_file *f, size_t unit, struct wanted w, const char *hide)
{
    const struct unit *u = &f->units[unit];
    size_t end = owner_len(u), start;
    uint32_t id;

    while (end > 0 && !text_is_ident(u->qualified[end - 1]))
        end--;
    start = end;
    while (start > 0 && text_is_ident(u->qualified[start - 1]))
        start--;
    if (start == end)
        return;
    w.types = true;
    id = find_unit(c, f, &w, u->qualified + start, end - start);
    if (id == NO_UNIT || !is_nameable(unit_at(c, id)))
        return;
    out->owner = (struct prompt_note){unit_at(c, id)->name, doc_at(c, id), c->file_of[id]};
    if (out->owner.text && !is_quotable(out->owner.text, hide))
        out->owner.text = NULL;
}

static uint32_t next_called(const struct context *c, const struct ctx_file *f,
                            const struct wanted *w, const char **p)
{
    const char *name = *p, *end = strchr(name, '\n');
    size_t n = end ? (size_t)(end - name) : strlen(name);

    *p = end ? end + 1 : name + n;
    return n > 0 ? find_unit(c, f, w, name, n) : NO_UNIT;
}

static void find_called(const struct context *c, struct prompt_context *out,
                        const struct ctx_file *f, size_t unit, const struct wanted *w,
                        const char *hide)
{
    const char *p = f->units[unit].calls;

    while (p && *p && out->n_called < PROMPT_CALLED) {
        uint32_t id = next_called(c, f, w, &p);

        if (id != NO_UNIT && doc_at(c, id) && !has_note(out->near, out->n_near, doc_at(c, id)))
            add_note(c, out->called, &out->n_called, PROMPT_CALLED, id, hide);
    }
}

/* The types that it names: of its parameters, of what it makes. */
static void find_used(const struct context *c, struct prompt_context *out, const struct ctx_file *f,
                      size_t unit, struct wanted w, const char *hide)
{
    const char *p = f->units[unit].uses;

    w.types = true;
    while (p && *p && out->n_used < PROMPT_USED) {
        uint32_t id = next_called(c, f, &w, &p);

        if (id != NO_UNIT && doc_at(c, id) && doc_at(c, id) != out->owner.text &&
            !has_note(out->near, out->n_near, doc_at(c, id)))
            add_note(c, out->used, &out->n_used, PROMPT_USED, id, hide);
    }
}

/* "test" begins a word of the path. */
static bool is_test(const struct ctx_file *f)
{
    const char *p = f->path, *end = f->path + f->path_len;

    while ((p = memmem(p, (size_t)(end - p), "test", 4)) != NULL) {
        if (p == f->path || !text_is_letter(p[-1]))
            return true;
        p++;
    }
    return false;
}

static void find_callers(const struct context *c, struct prompt_context *out, uint32_t self,
                         const char *hide)
{
    bool tests = is_test(&c->files[c->file_of[self]]);

    for (uint32_t i = c->caller_start[self];
         i < c->caller_start[self + 1] && out->n_callers < PROMPT_CALLERS; i++) {
        uint32_t id = c->callers[i];

        if (!tests && is_test(&c->files[c->file_of[id]]))
            continue;
        if (doc_at(c, id) && !has_note(out->near, out->n_near, doc_at(c, id)))
            add_note(c, out->callers, &out->n_callers, PROMPT_CALLERS, id, hide);
    }
}

static struct wanted wanted_by(const struct ctx_file *f, size_t unit)
{
    return (struct wanted){.from = &f->units[unit],
                           .self = f->first + (uint32_t)unit,
                           .family = family(unit_language(&f->units[unit], f->lang))};
}

static void find(const struct context *c, struct prompt_context *out, const struct ctx_file *f,
                 size_t unit, const char *hide)
{
    struct wanted w = wanted_by(f, unit);

    if (f->header && is_quotable(f->header, hide))
        out->file = f->header;
    find_near(c, out, f, unit, hide);
    if (f->units[unit].kind == UNIT_CHUNK)
        return;
    if (out->n_near == 0)
        find_near_in_dir(c, out, f, &f->units[unit], hide);
    find_owner(c, out, f, unit, w, hide);
    find_callers(c, out, w.self, hide);
    find_used(c, out, f, unit, w, hide);
    find_called(c, out, f, unit, &w, hide);
}

void context_find(struct context *c, struct prompt_context *out, size_t file, size_t unit,
                  const char *hide)
{
    *out = (struct prompt_context){0};
    if (!c->o.no_docs)
        find(c, out, &c->files[c->of_scan[file]], unit, hide);
}

const char *context_doc(const struct context *c, size_t file, size_t unit)
{
    return c->o.no_docs ? NULL : c->files[c->of_scan[file]].docs[unit];
}

struct store_bytes context_path(const struct context *c, size_t note_file)
{
    return (struct store_bytes){c->files[note_file].path, c->files[note_file].path_len};
}

/* ---- what comes from other files ---------------------------------------------------------------- */

static void digest_notes(struct sha256 *h, const char *title, const struct prompt_note *notes,
                         size_t n, size_t file)
{
    for (size_t i = 0; i < n; i++) {
        if (!notes[i].name || notes[i].file == file)
            continue;
        sha256_field(h, title, strlen(title));
        sha256_field(h, notes[i].name, strlen(notes[i].name));
        sha256_field(h, notes[i].text ? notes[i].text : "",
                     notes[i].text ? strlen(notes[i].text) : 0);
    }
}

int context_digest(struct context *c, uint8_t out[KEY_LEN], size_t file, struct dobby_err *e)
{
    size_t n = c->s->files[file].n;
    struct sha256 h;

    sha256_begin(&h);
    for (size_t i = 0; i < n && !c->o.no_docs; i++) {
        size_t own = c->of_scan[file];
        struct prompt_context found;
        uint32_t number = (uint32_t)i;

        if (c->files[own].docs[i]) /* it asks nothing */
            continue;
        context_find(c, &found, file, i, NULL);
        sha256_field(&h, &number, sizeof(number));
        digest_notes(&h, "owner", &found.owner, 1, own);
        digest_notes(&h, "near", found.near, found.n_near, own);
        digest_notes(&h, "caller", found.callers, found.n_callers, own);
        digest_notes(&h, "used", found.used, found.n_used, own);
        digest_notes(&h, "called", found.called, found.n_called, own);
    }
    return sha256_end(&h, out, e);
}

/* ---- who calls whom ----------------------------------------------------------------------------- */

/* Of the units that a documented unit calls; the others can be no note. fn is called with caller and called. */
static void each_call(const struct context *c, void (*fn)(struct context *c, uint32_t, uint32_t),
                      struct context *to)
{
    for (size_t k = 0; k < c->n_files; k++) {
        const struct ctx_file *f = &c->files[k];

        for (size_t i = 0; i < f->n; i++) {
            const char *p = f->docs[i] ? f->units[i].calls : NULL;
            struct wanted w = wanted_by(f, i);

            while (p && *p) {
                uint32_t id = next_called(c, f, &w, &p);

                if (id != NO_UNIT)
                    fn(to, w.self, id);
            }
        }
    }
}

static void count_caller(struct context *c, uint32_t caller, uint32_t called)
{
    (void)caller;
    c->caller_start[called + 1]++;
    c->n_callers++;
}

static void put_caller(struct context *c, uint32_t caller, uint32_t called)
{
    c->callers[c->caller_start[called]++] = caller;
}

static int index_callers(struct context *c)
{
    c->caller_start = mem_array((size_t)c->n_units + 2, sizeof(*c->caller_start));
    if (!c->caller_start)
        return err_nomem(c->e, "who calls whom");
    each_call(c, count_caller, c);
    for (uint32_t i = 0; i < c->n_units; i++)
        c->caller_start[i + 1] += c->caller_start[i];
    c->callers = mem_array(c->n_callers + 1, sizeof(*c->callers));
    if (!c->callers)
        return err_nomem(c->e, "who calls whom");
    each_call(c, put_caller, c); /* moves each start to the next one's */
    for (uint32_t i = c->n_units; i > 0; i--)
        c->caller_start[i] = c->caller_start[i - 1];
    c->caller_start[0] = 0;
    return 0;
}

/* ---- files -------------------------------------------------------------------------------------- */

static bool stopped(const struct context *c)
{
    return c->o.stop && *c->o.stop;
}

/* What a file's comments say, from its text: for one that was planned by an older recipe, or in part. */
static int read_docs(struct context *c, struct scan_file *f)
{
    struct dobby_err why = {0};
    uint8_t hash[KEY_LEN];
    int rc = walk_read(c->w, f->wf, &c->source, hash, &why);

    if (rc < 0)
        return err_set(c->e, rc, "%s", why.message);
    if (f->wf->skip != WALK_TAKEN || memcmp(hash, f->hash, KEY_LEN) != 0) {
        f->docs = arena_array(&c->s->arena, f->n, sizeof(*f->docs)); /* another one by now */
        return f->docs ? 0 : err_nomem(c->e, "comments");
    }
    return scan_docs(c->s, f, strbuf_str(&c->source), c->source.len, &c->text, &c->scratch, c->e);
}

/* What the store has of them. */
static int known_docs(struct context *c, struct scan_file *f)
{
    f->docs = arena_array(&c->s->arena, f->n, sizeof(*f->docs));
    if (f->n > 0 && !f->docs)
        return err_nomem(c->e, "comments");
    for (size_t i = 0; i < f->n; i++)
        if (f->old[i].done && !f->old[i].prompt_key)
            f->docs[i] = f->old[i].text;
    return 0;
}

static int add_file(struct context *c, const struct ctx_file *f)
{
    struct ctx_file *to;
    const char *slash = memrchr(f->path, '/', f->path_len);

    if (mem_grow((void **)&c->files, &c->cap_files, c->n_files + 1, sizeof(*c->files)) < 0)
        return err_nomem(c->e, "the files of the tree");
    to = &c->files[c->n_files++];
    *to = *f;
    to->dir_len = slash ? (size_t)(slash + 1 - f->path) : 0;
    to->first = c->n_units;
    if (f->n > NO_UNIT - c->n_units)
        return err_set(c->e, DOBBY_E_LIMIT, "summarize: more than %u units; summarize a part of it",
                       NO_UNIT);
    c->n_units += (uint32_t)f->n;
    return 0;
}

static int add_scanned(struct context *c, size_t file)
{
    struct scan_file *f = &c->s->files[file];
    int rc = 0;

    if (stopped(c))
        return err_set(c->e, DOBBY_E_CANCELLED, "stopped while comments were looked at");
    if (!f->docs && f->known && f->recipe && memcmp(f->recipe, c->recipe, KEY_LEN) == 0)
        rc = known_docs(c, f);
    else if (!f->docs)
        rc = read_docs(c, f);
    c->of_scan[file] = (uint32_t)c->n_files;
    return rc < 0 ? rc
                  : add_file(c, &(struct ctx_file){.path = f->wf->path,
                                                   .path_len = f->wf->path_len,
                                                   .lang = f->wf->language,
                                                   .units = f->units,
                                                   .docs = f->docs,
                                                   .n = f->n,
                                                   .header = f->header});
}

/* ---- the rest of the store ---------------------------------------------------------------------- */

struct rest {
    struct context *c;
    size_t next; /* of the scan's files */
    struct unit *units;
    const char **docs;
    size_t n, cap_units, cap_docs;
};

static int add_rest_unit(void *ctx, const struct store_unit *from, bool done)
{
    struct rest *l = ctx;
    struct arena *a = &l->c->arena;
    bool doc = done && !from->prompt_key && from->text;
    struct unit *u;

    if (mem_grow((void **)&l->units, &l->cap_units, l->n + 1, sizeof(*l->units)) < 0 ||
        mem_grow((void **)&l->docs, &l->cap_docs, l->n + 1, sizeof(*l->docs)) < 0)
        return err_nomem(l->c->e, "the units of the store");
    u = &l->units[l->n];
    *u = (struct unit){.name = arena_strndup(a, from->name.p, from->name.n),
                       .qualified = arena_strndup(a, from->qname.p, from->qname.n),
                       .calls = from->calls ? arena_strdup(a, from->calls) : NULL};
    l->docs[l->n] = doc ? arena_strdup(a, from->text) : NULL;
    if (!unit_kind_find(&u->kind, from->kind)) /* of a newer dobby */
        return 0;
    if (from->language)
        u->language = language_of_word(from->language, strlen(from->language));
    if (!u->name || !u->qualified || (from->calls && !u->calls) || (doc && !l->docs[l->n]))
        return err_nomem(l->c->e, "the units of the store");
    l->n++;
    return 0;
}

/* Scanned files up to a path (NULL: all that are left); 1 if the last one is that of the path. */
static int add_upto(struct rest *l, const char *path, size_t n)
{
    struct context *c = l->c;
    int rc = 0;

    while (l->next < c->s->n_files && rc == 0) {
        const struct walk_file *wf = c->s->files[l->next].wf;
        int order = path ? scan_compare_paths(wf->path, wf->path_len, path, n) : -1;

        if (order > 0)
            return 0;
        rc = add_scanned(c, l->next++);
        if (order == 0)
            return rc < 0 ? rc : 1;
    }
    return rc;
}

static bool is_gone(const struct scan *s, struct store_bytes path)
{
    for (size_t i = 0; i < s->n_gone; i++)
        if (s->gone[i].path.n == path.n && memcmp(s->gone[i].path.p, path.p, path.n) == 0)
            return true;
    return false;
}

static int add_rest_file(void *ctx, const struct store_file *from)
{
    struct rest *l = ctx;
    struct context *c = l->c;
    struct ctx_file f = {.path_len = from->path.n};
    int rc = add_upto(l, from->path.p, from->path.n);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (is_gone(c->s, from->path) || !from->recipe ||
        (memcmp(from->recipe, c->recipe, KEY_LEN) != 0 &&
         memcmp(from->recipe, c->part_recipe, KEY_LEN) != 0))
        return 0;
    l->n = 0;
    rc = store_each_unit(c->r, from->path, add_rest_unit, l, c->e);
    if (rc < 0)
        return rc;
    f.path = arena_strndup(&c->arena, from->path.p, from->path.n);
    f.lang = language_of_word(from->language, strlen(from->language));
    f.n = l->n;
    if (l->n > 0) {
        struct unit *units = arena_array(&c->arena, l->n, sizeof(*units));
        const char **docs = arena_array(&c->arena, l->n, sizeof(*docs));

        if (!units || !docs)
            return err_nomem(c->e, "the units of the store");
        memcpy(units, l->units, l->n * sizeof(*units));
        memcpy(docs, l->docs, l->n * sizeof(*docs));
        f.units = units;
        f.docs = docs;
    }
    return f.path ? add_file(c, &f) : err_nomem(c->e, "the files of the store");
}

static int add_files(struct context *c)
{
    struct rest l = {.c = c};
    int rc = 0;

    if (c->o.partly && c->r)
        rc = store_each_file(c->r, (struct store_bytes){"", 0}, add_rest_file, &l, c->e);
    if (rc == 0)
        rc = add_upto(&l, NULL, 0);
    mem_free(l.units);
    mem_free(l.docs);
    return rc < 0 ? rc : 0;
}

static int number_units(struct context *c)
{
    c->file_of = mem_array((size_t)c->n_units + 1, sizeof(*c->file_of));
    if (!c->file_of)
        return err_nomem(c->e, "the units of the tree");
    for (size_t k = 0; k < c->n_files; k++)
        for (size_t i = 0; i < c->files[k].n; i++)
            c->file_of[c->files[k].first + i] = (uint32_t)k;
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int make(struct context *c)
{
    int rc = wording_recipe(c->recipe, 0, true, c->e);

    if (rc == 0)
        rc = wording_recipe(c->part_recipe, 0, false, c->e);
    c->of_scan = mem_array(c->s->n_files + 1, sizeof(*c->of_scan));
    if (rc == 0 && !c->of_scan)
        rc = err_nomem(c->e, "the files of the tree");
    if (rc == 0)
        rc = add_files(c);
    if (rc == 0)
        rc = number_units(c);
    if (rc == 0)
        rc = index_names(c);
    if (rc == 0)
        rc = index_callers(c);
    return rc;
}

int context_make(struct context **out, struct scan *s, struct walk *w, struct store_reader *r,
                 const struct context_options *o, struct dobby_err *e)
{
    struct context *c = mem_zalloc(sizeof(*c));
    int rc = 0;

    *out = NULL;
    if (!c)
        return err_nomem(e, "the prompts' context");
    c->s = s;
    c->w = w;
    c->r = r;
    c->o = *o;
    c->e = e;
    if (!o->no_docs)
        rc = make(c);
    strbuf_release(&c->source);
    strbuf_release(&c->text);
    strbuf_release(&c->scratch);
    if (rc < 0)
        context_free(c);
    else
        *out = c;
    return rc;
}

void context_free(struct context *c)
{
    if (!c)
        return;
    strbuf_release(&c->source);
    strbuf_release(&c->text);
    strbuf_release(&c->scratch);
    arena_release(&c->arena);
    mem_free(c->files);
    mem_free(c->of_scan);
    mem_free(c->file_of);
    mem_free(c->by_name);
    mem_free(c->names);
    mem_free(c->slots);
    mem_free(c->caller_start);
    mem_free(c->callers);
    mem_free(c);
}
