/* resolve.h - which file of the tree an import means (pipeline).
 * What     Imports are kept as they are written (code/unit.h). Here they are read by the rules of their language against all
 *          files of the store, the packages that files say they are part of, and the manifests of their packages. That is
 *          done anew each time, from memory: a file that comes or goes may change what any import means.
 * Rules    C, C++: beside the file; below it or a directory above it, and `include` and `src` there; else the one file whose
 *          path ends so. Python: relative, from a root above the file (also its `src`, `lib`), else the one package of that
 *          name. JavaScript, TypeScript: relative with endings and index files, `@/` from the package's `src`, names of the
 *          tree's own packages. Go: the module paths of go.mod. Rust: crate, super, self, modules beside, the tree's own
 *          crates. Java, Kotlin, Scala, C#, PHP, Haskell: by the package that a file says it is in, and its name. Ruby: `lib`
 *          above the file. Lua, Zig, shell, PHP's include: as paths. OCaml: a file of the module's name. Swift: Sources/NAME.
 * Holds    What could be more than one file is none: an edge that is missing is better than one that is wrong. Where a language
 *          imports a package of many files (Go, C#), it means the first of them, if they are in one directory.
 * Next     standard.h, overview.c. */
#ifndef PIPELINE_RESOLVE_H
#define PIPELINE_RESOLVE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "code/language.h"

#include <stdbool.h>
#include <stddef.h>

struct resolver;

enum resolved {
    RESOLVED_FILE,     /* of the tree */
    RESOLVED_PACKAGE,  /* other people's; its name is known */
    RESOLVED_STANDARD, /* comes with the language, or lies at a fixed place of the system */
    RESOLVED_ITSELF,   /* something in the file itself, or no code: a picture, a style sheet */
    RESOLVED_UNKNOWN /* the tree should have it, and it does not, or it has more than one such file */
};

struct resolution {
    enum resolved kind;
    size_t file;           /* its number */
    struct strbuf package; /* release it once, at the end */
};

/* All files first, by the bytes of their paths, which stay where they are; then packages and facts; then resolver_ready. */
struct resolver *resolver_new(void);
void resolver_free(struct resolver *r);
/* Files get the numbers 0, 1, ... */
MUST_CHECK int resolver_add_file(struct resolver *r, const char *path, size_t len,
                                 enum language_id lang, struct dobby_err *e);
MUST_CHECK int resolver_add_package(struct resolver *r, size_t file, const char *name, size_t len,
                                    struct dobby_err *e);
MUST_CHECK int resolver_add_fact(struct resolver *r, const char *path, size_t len, const char *key,
                                 const char *value, size_t n, struct dobby_err *e);
void resolver_ready(struct resolver *r);

/* What does `what` of file number `from` mean? child: IMPORT_CHILD. */
MUST_CHECK int resolver_ask(struct resolver *r, size_t from, const char *what, size_t n, bool child,
                            struct resolution *out, struct dobby_err *e);
/* The file that a manifest's fact names: `run` of npm (a path) or of Python (module:function). */
MUST_CHECK int resolver_program(struct resolver *r, const char *manifest, size_t len,
                                const char *target, size_t n, struct resolution *out,
                                struct dobby_err *e);

#endif
