/* sarif.c - see sarif.h (cli). */
#include "cli/sarif.h"

#include "base/json.h"
#include "base/sha256.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

/* In the order of enum dobby_finding_kind. */
static const struct rule {
    const char *name, *level, *brief, *full, *help;
} rules[] = {
    {"SummaryMissing", "warning", "A unit has no summary.",
     "The store of the tree has no summary of this function, method, type or module.",
     "Run dobby summarize on the tree, and keep its store (.dobby/dobby.db) where this check finds "
     "it."},
    {"SummaryStale", "warning", "A summary is of older code.",
     "This unit, or the comment that summarises it, has changed since its summary was made.",
     "Run dobby summarize on the tree again: it does only what changed."},
    {"CommentNamesNoParameter", "note", "A comment names a parameter that is not there.",
     "The comment of this function or method documents a parameter that its signature does not "
     "have.",
     "Correct the comment: the parameter was renamed or removed, or its name is misspelt."},
};

static void put_text(struct strbuf *b, const char *before, const char *s)
{
    strbuf_puts(b, before);
    json_put_string(b, s, strlen(s));
}

void sarif_begin(struct strbuf *b)
{
    strbuf_puts(b, "{\"$schema\":\"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/"
                   "schemas/sarif-schema-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{"
                   "\"driver\":{\"name\":\"dobby\"");
    put_text(b, ",\"version\":", dobby_version());
    strbuf_puts(b, ",\"rules\":[");
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        put_text(b,
                 i ? ",\n{\"id\":" : "\n{\"id\":", dobby_finding_name((enum dobby_finding_kind)i));
        put_text(b, ",\"name\":", rules[i].name);
        put_text(b, ",\"shortDescription\":{\"text\":", rules[i].brief);
        put_text(b, "},\"fullDescription\":{\"text\":", rules[i].full);
        put_text(b, "},\"help\":{\"text\":", rules[i].help);
        put_text(b, "},\"defaultConfiguration\":{\"level\":", rules[i].level);
        strbuf_puts(b, "}}");
    }
    strbuf_puts(b, "]}},\n\"originalUriBaseIds\":{\"SRCROOT\":{\"description\":{\"text\":\"The "
                   "root of the tree.\"}}},\n\"results\":[");
}

/* A relative reference of RFC 3986: all but slashes and what it leaves unreserved is escaped, a colon too, since it would make the
 * part before it a scheme. */
static void put_uri(struct strbuf *b, const char *path, size_t n)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._~-";

    for (size_t i = 0; i < n; i++) {
        if (path[i] && strchr(plain, path[i]))
            strbuf_putc(b, path[i]);
        else
            strbuf_printf(b, "%%%02X", (unsigned)(unsigned char)path[i]);
    }
}

static int fingerprint(char hex[65], const struct dobby_finding *f, struct dobby_err *e)
{
    const char *rule = dobby_finding_name(f->kind);
    uint8_t digest[32];
    struct sha256 h;
    char number[16];
    int rc;

    snprintf(number, sizeof(number), "%d", f->ordinal);
    sha256_begin(&h);
    sha256_field(&h, rule, strlen(rule));
    sha256_field(&h, f->path, f->path_len);
    sha256_field(&h, f->name, strlen(f->name));
    sha256_field(&h, number, strlen(number));
    if (f->detail)
        sha256_field(&h, f->detail, strlen(f->detail));
    rc = sha256_end(&h, digest, e);
    if (rc == 0)
        hex_encode(hex, digest, sizeof(digest));
    return rc;
}

static void put_message(struct strbuf *b, const struct dobby_finding *f)
{
    struct strbuf text = {0};

    if (f->kind == DOBBY_FIND_DOC_MISMATCH)
        strbuf_printf(&text, "%s has no parameter %s, which its comment documents.", f->name,
                      f->detail);
    else
        strbuf_printf(&text, "%s has %s", f->name,
                      f->kind == DOBBY_FIND_MISSING ? "no summary."
                                                    : "changed since its summary was made.");
    json_put_string(b, strbuf_str(&text), text.len);
    strbuf_release(&text);
}

/* The standard has words for code; for what holds it, "module" and "namespace" come closest. */
static const char *logical_kind(const struct dobby_finding *f)
{
    if (strcmp(f->unit_kind, "method") == 0)
        return "member";
    if (f->start_line > 0)
        return f->unit_kind;
    return strcmp(f->unit_kind, "file") == 0 ? "module" : "namespace";
}

int sarif_result(struct strbuf *b, const struct dobby_finding *f, size_t n, struct dobby_err *e)
{
    char hex[65];
    int rc = fingerprint(hex, f, e);

    if (rc < 0)
        return rc;
    put_text(b, n ? ",\n{\"ruleId\":" : "\n{\"ruleId\":", dobby_finding_name(f->kind));
    strbuf_printf(b, ",\"ruleIndex\":%d", (int)f->kind);
    put_text(b, ",\"level\":", rules[f->kind].level);
    strbuf_puts(b, ",\"message\":{\"text\":");
    put_message(b, f);
    strbuf_puts(b, "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"");
    put_uri(b, f->path, f->path_len);
    strbuf_puts(b, "\",\"uriBaseId\":\"SRCROOT\"}");
    if (f->start_line > 0)
        strbuf_printf(b, ",\"region\":{\"startLine\":%d,\"endLine\":%d}", f->start_line,
                      f->end_line);
    strbuf_puts(b, "},\"logicalLocations\":[{");
    put_text(b, "\"fullyQualifiedName\":", f->name);
    if (strcmp(f->unit_kind, "chunk") != 0) /* SARIF has no word for it */
        put_text(b, ",\"kind\":", logical_kind(f));
    strbuf_printf(b, "}]}],\"partialFingerprints\":{\"dobbyUnit/v1\":\"%s\"}}", hex);
    return 0;
}

void sarif_end(struct strbuf *b)
{
    strbuf_puts(b, "]}]}\n");
}
